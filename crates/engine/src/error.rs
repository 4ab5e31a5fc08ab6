//! Why a pool cannot be made or opened, and why an order was not carried out.

use blockhouse_format::{DecodeError, Lsn, NoSuperblock};
use blockhouse_store::StoreError;
use std::io;

/// Why a pool was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A pool has one or two devices.
    #[error("a pool has one or two devices, not {count}")]
    DeviceCount {
        /// How many were given.
        count: usize,
    },
    /// The devices are too small, or the segment size does not suit them.
    #[error(
        "the device {device} of {len_bytes} bytes cannot be cut into segments of {segment_bytes}"
    )]
    Geometry {
        /// The device.
        device: String,
        /// Its length.
        len_bytes: u64,
        /// The segment size.
        segment_bytes: u32,
        /// What does not fit.
        #[source]
        source: DecodeError,
    },
    /// Fewer segments than an engine needs at all.
    #[error("{groups} segments are fewer than the {min} an engine needs; take smaller segments")]
    TooFewSegments {
        /// What there would be.
        groups: u32,
        /// The least.
        min: u32,
    },
    /// The device holds a pool already.
    #[error("the device {device} holds a pool already")]
    HoldsPool {
        /// The device.
        device: String,
    },
    /// The superblock could not be written.
    #[error("the device {device} cannot be written")]
    Device {
        /// The device.
        device: String,
        /// Its error.
        #[source]
        source: io::Error,
    },
}

/// Why a pool was not opened. Nothing was changed unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No device was given, or more handles than a pool has devices, or unequal numbers of handles.
    #[error("{devices} devices and {log_devices} log devices were given")]
    DeviceCount {
        /// Handles for recovery.
        devices: usize,
        /// Handles for the log writer.
        log_devices: usize,
    },
    /// No device has a superblock that can be relied on.
    #[error("the device {device} has no superblock to rely on")]
    NoSuperblock {
        /// The device.
        device: String,
        /// What its copies looked like.
        #[source]
        source: NoSuperblock,
    },
    /// The devices do not belong together.
    #[error("the device {device} belongs to another pool")]
    OtherPool {
        /// The device that differs from the first one.
        device: String,
    },
    /// A device that the newest superblock counts on is missing. It may be newer than the one that
    /// is here; `force_degraded` opens all the same.
    #[error("device {index} of the pool is missing and may be newer than the others")]
    Missing {
        /// Its index in the pool.
        index: usize,
    },
    /// The pool uses features that this version does not know.
    #[error("the pool uses features that this version may not write to")]
    Features,
    /// The superblock's table of devices is not one that this version can lay groups out on.
    #[error("the pool's devices cannot be laid out")]
    Layout(#[source] DecodeError),
    /// A device could not be read or written.
    #[error("device {device}: {what} failed")]
    Device {
        /// The device.
        device: String,
        /// What was tried.
        what: &'static str,
        /// Its error.
        #[source]
        source: io::Error,
    },
    /// All devices that could be written failed at it.
    #[error("no device could be written: {why}")]
    AllFailed {
        /// The last error.
        why: String,
    },
    /// Neither of the checkpoints that the superblock names can be read.
    #[error("no checkpoint is readable: {why}")]
    NoCheckpoint {
        /// What is wrong with the newest one.
        why: String,
    },
    /// A frame that had been acknowledged is damaged on every copy. Opening would lose it silently.
    #[error("the log is damaged at lsn {lsn}, {place}: {why}")]
    LogDamaged {
        /// The position that should be there.
        lsn: Lsn,
        /// Where.
        place: String,
        /// How it is known that this is not a torn end.
        why: String,
    },
    /// A record cannot be applied although its checksums hold.
    #[error("the record at lsn {lsn} cannot be applied: {why}")]
    Record {
        /// The record.
        lsn: Lsn,
        /// What is wrong.
        why: String,
    },
}

/// Why an order was not carried out, by the engine's own doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    Busy(&'static str),
    NoSpace,
    Closed(String),
}

impl Refused {
    pub(crate) fn to_store(&self) -> StoreError {
        match self {
            Self::Busy(bound) => StoreError::Busy { bound },
            Self::NoSpace => StoreError::NoSpace,
            Self::Closed(why) => StoreError::Closed { why: why.clone() },
        }
    }
}
