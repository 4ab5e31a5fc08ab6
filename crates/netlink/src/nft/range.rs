//! Intervals of addresses, and the keys of sets.

use ipnet::IpNet;
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What a set's elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// IPv4 addresses, of 4 bytes.
    V4,
    /// IPv6 addresses, of 16 bytes.
    V6,
}

impl Key {
    /// Which key an address is.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// Addresses from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRange {
    first: IpAddr,
    last: IpAddr,
}

/// These are not the ends of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{first} to {last} is no range")]
pub struct BadRange {
    /// The one end.
    pub first: IpAddr,
    /// The other.
    pub last: IpAddr,
}

impl KeyRange {
    /// From one address to another of the same kind that is not before it.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, BadRange> {
        match Key::of(first) == Key::of(last) && first <= last {
            true => Ok(Self { first, last }),
            false => Err(BadRange { first, last }),
        }
    }

    /// What its addresses are.
    pub fn key(&self) -> Key {
        Key::of(self.first)
    }

    /// Its first address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// Its last address.
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// The address behind its last. There is none behind the last of all.
    pub(super) fn behind(&self) -> Option<IpAddr> {
        match self.last {
            IpAddr::V4(last) => {
                let behind = last.to_bits().checked_add(1)?;
                Some(Ipv4Addr::from_bits(behind).into())
            }
            IpAddr::V6(last) => {
                let behind = last.to_bits().checked_add(1)?;
                Some(Ipv6Addr::from_bits(behind).into())
            }
        }
    }

    /// The range from `first` up to, and without, `end`.
    pub(super) fn up_to(first: IpAddr, end: IpAddr) -> Option<Self> {
        let last = match end {
            IpAddr::V4(end) => Ipv4Addr::from_bits(end.to_bits().checked_sub(1)?).into(),
            IpAddr::V6(end) => Ipv6Addr::from_bits(end.to_bits().checked_sub(1)?).into(),
        };
        Self::new(first, last).ok()
    }

    /// The range from `first` to the last address of all.
    pub(super) fn to_the_last(first: IpAddr) -> Self {
        let last = match first {
            IpAddr::V4(_) => Ipv4Addr::BROADCAST.into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(u128::MAX).into(),
        };
        Self { first, last }
    }
}

impl From<IpNet> for KeyRange {
    fn from(net: IpNet) -> Self {
        Self {
            first: net.network(),
            last: net.broadcast(),
        }
    }
}

impl fmt::Display for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}
