//! The names of things on a disk. Each is a number that means nothing without its unit.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number! {
    /// A segment of one device, counted from 0.
    SegmentNo(u32)
}
number! {
    /// A group of segments; the number is given again after the group was freed, with another
    /// [`Generation`].
    GroupId(u32)
}
number! {
    /// How often a group's number has been given; a locator that names an older one is stale.
    Generation(u32)
}
number! {
    /// How often the pool has been opened for writing; durable before anything else is written.
    Epoch(u64)
}
number! {
    /// A position in the log: one per record, rising by one. The first record of a pool has 1.
    Lsn(u64)
}
number! {
    /// A device's place in the pool's device table.
    DeviceIndex(u8)
}

impl Lsn {
    /// The position `count` records later.
    pub fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

macro_rules! uuid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&blockhouse_types::hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

uuid! {
    /// A pool, named at random when it is made.
    PoolId
}
uuid! {
    /// A device, named at random when it joins a pool.
    DeviceId
}

/// What a group holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum GroupKind {
    /// Frames of the log.
    Log = 1,
    /// Shards of large objects.
    Data = 2,
    /// Checkpoint roots and sections.
    Index = 3,
}

impl GroupKind {
    /// The number that stands for it on disk.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The kind of that number.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Log, Self::Data, Self::Index]
            .into_iter()
            .find(|k| k.code() == code)
    }
}

/// Whether a device may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DeviceState {
    /// Has everything.
    InSync = 1,
    /// Missed writes; it must be filled again from its mirror before it counts.
    Outdated = 2,
    /// Failed; never read, never written.
    Failed = 3,
}

impl DeviceState {
    /// The number that stands for it on disk.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The state of that number.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::InSync, Self::Outdated, Self::Failed]
            .into_iter()
            .find(|s| s.code() == code)
    }
}

/// One segment of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The device.
    pub device: DeviceIndex,
    /// The segment on it.
    pub segment: SegmentNo,
}
