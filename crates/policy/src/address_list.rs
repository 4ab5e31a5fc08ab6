//! From which addresses a bucket may be reached: its owner's list, asked before and apart from any
//! policy.
//!
//! ```text
//!   own                   the owner's own networks: its VPCs and the public ranges it declared
//!   203.0.113.0/24        these addresses, over the public path
//!   vpc-ID                whatever comes out of that VPC
//!   vpc-ID/10.0.0.0/16    these addresses, out of that VPC
//!   vpce-ID               whatever comes through that VPC endpoint
//!   group:NAME            the entries of a group
//! ```
//!
//! A list that says `own` and nothing else is the strictly private bucket. A bucket without a list is
//! reached from any address; one with an empty list from none. A list says for every range which kind
//! of address it means, because 10.0.0.1 in one VPC and 10.0.0.1 in another are two machines, and
//! neither is a public source: on the public path only public ranges count, within a VPC only that
//! VPC's.
//!
//! A range means every address in it, its first and its last as well. Lists are compiled: groups put
//! in, ranges merged, so that a look-up among a hundred thousand is a binary search.

pub mod kept;
mod ranges;

use crate::scalar::fold;
use ipnet::IpNet;
use ranges::Ranges;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    str::FromStr,
};

/// The most ranges of one list, its groups put in, before they are merged.
pub const RANGES_MAX: usize = 100_000;

/// Characters of a VPC's or endpoint's id at most, behind its prefix, and of a group's name.
const NAME_LEN_MAX: usize = 64;

/// What an entry of a list says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entry {
    /// The owner's own networks.
    Own,
    /// Addresses on the public path.
    Public(IpNet),
    /// A VPC, or these of its addresses.
    Vpc(Box<str>, Option<IpNet>),
    /// A VPC endpoint.
    Endpoint(Box<str>),
    /// A named group.
    Group(Box<str>),
}

/// The text is no entry of an address list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no entry of an address list")]
pub struct BadEntry(pub String);

impl FromStr for Entry {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, BadEntry> {
        let bad = || BadEntry(text.to_owned());
        if text == "own" {
            return Ok(Self::Own);
        }
        if let Some(name) = text.strip_prefix("group:") {
            return is_name(name)
                .then(|| Self::Group(name.into()))
                .ok_or_else(bad);
        }
        if text.strip_prefix("vpce-").is_some_and(is_name) {
            return Ok(Self::Endpoint(text.into()));
        }
        if text.starts_with("vpc-") {
            let (id, range) = match text.split_once('/') {
                Some((id, range)) => (id, Some(net(range).ok_or_else(bad)?)),
                None => (text, None),
            };
            let legal = id.strip_prefix("vpc-").is_some_and(is_name);
            return legal.then(|| Self::Vpc(id.into(), range)).ok_or_else(bad);
        }
        net(text).map(Self::Public).ok_or_else(bad)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            Self::Public(net) => write!(f, "{net}"),
            Self::Vpc(id, None) | Self::Endpoint(id) => f.write_str(id),
            Self::Vpc(id, Some(net)) => write!(f, "{id}/{net}"),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

/// Whether this may be the name of a group, or the part of an id behind `vpc-` and `vpce-`.
pub fn is_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(legal)
}

/// A range, or an address for that one alone; bits behind the prefix do not matter.
fn net(text: &str) -> Option<IpNet> {
    let net = match text.contains('/') {
        true => text.parse::<IpNet>().ok()?,
        false => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    Some(net.trunc())
}

/// What an account's lists may name beside addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks {
    /// The account's own networks.
    pub own: Vec<Entry>,
    /// Its groups, by name. A group holds no group.
    pub groups: BTreeMap<Box<str>, Vec<Entry>>,
}

/// Why a list is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidList {
    /// There is no such group.
    #[error("there is no group '{0}'")]
    NoSuchGroup(String),
    /// A group that names a group.
    #[error("the group '{0}' names another group")]
    NestedGroup(String),
    /// More ranges than [`RANGES_MAX`].
    #[error("the list has more than {RANGES_MAX} ranges")]
    TooLong,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer<'a> {
    /// A public listener.
    Public(IpAddr),
    /// A VPC endpoint.
    Vpc {
        /// `vpc-…`
        vpc: &'a str,
        /// `vpce-…`
        endpoint: &'a str,
        /// The address within the VPC.
        address: IpAddr,
    },
}

/// What a list says of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admission {
    /// There is no list.
    NoList,
    /// Its public address is listed.
    PublicRange,
    /// Its VPC, or its address within it, is listed.
    Vpc,
    /// Its VPC endpoint is listed.
    Endpoint,
    /// It comes over the public path, from an address that is not listed.
    PublicNotListed,
    /// It comes out of a VPC, and nothing lists it.
    VpcNotListed,
}

impl Admission {
    /// What `list`, if there is one, says of the peer. The client that is not admitted hears
    /// AccessDenied and not why; the audit writes this.
    pub fn judge(list: Option<&AddressList>, peer: Peer<'_>) -> Self {
        list.map_or(Self::NoList, |list| list.judge(peer))
    }

    /// Whether the request may go on.
    pub fn is_admitted(self) -> bool {
        !matches!(self, Self::PublicNotListed | Self::VpcNotListed)
    }
}

/// A compiled list.
#[derive(Debug, Clone, Default)]
pub struct AddressList {
    public: Ranges,
    vpcs: Box<[(Box<str>, VpcRanges)]>,
    endpoints: Box<[Box<str>]>,
}

/// What is listed of a VPC.
#[derive(Debug, Clone)]
enum VpcRanges {
    Whole,
    Some(Ranges),
}

/// A list under construction.
#[derive(Default)]
struct Parts {
    public: Vec<IpNet>,
    vpcs: BTreeMap<Box<str>, Option<Vec<IpNet>>>,
    endpoints: BTreeSet<Box<str>>,
    ranges: usize,
}

impl AddressList {
    /// Compiles a list of an account with these networks.
    pub fn compile(entries: &[Entry], networks: &Networks) -> Result<Self, InvalidList> {
        let Networks { own, groups } = networks;
        let mut parts = Parts::default();
        for entry in entries {
            match entry {
                Entry::Own => parts.add_all(own, "own")?,
                Entry::Group(name) => match groups.get(name) {
                    Some(group) => parts.add_group(group, own, name)?,
                    None => return Err(InvalidList::NoSuchGroup(name.to_string())),
                },
                plain => parts.add(plain)?,
            }
        }
        Ok(parts.finish())
    }

    /// What the list says of the peer.
    fn judge(&self, peer: Peer<'_>) -> Admission {
        match peer {
            Peer::Public(address) if self.public.contains(fold(address)) => Admission::PublicRange,
            Peer::Public(_) => Admission::PublicNotListed,
            Peer::Vpc {
                vpc,
                endpoint,
                address,
            } => {
                let listed = self.vpcs.binary_search_by(|(id, _)| (**id).cmp(vpc));
                let ranges = listed.ok().and_then(|at| self.vpcs.get(at));
                let within = ranges.is_some_and(|(_, ranges)| match ranges {
                    VpcRanges::Whole => true,
                    VpcRanges::Some(ranges) => ranges.contains(fold(address)),
                });
                if within {
                    Admission::Vpc
                } else if self.endpoints.iter().any(|id| **id == *endpoint) {
                    Admission::Endpoint
                } else {
                    Admission::VpcNotListed
                }
            }
        }
    }

    /// Whether the list admits nobody at all.
    pub fn is_empty(&self) -> bool {
        self.public.is_empty() && self.vpcs.is_empty() && self.endpoints.is_empty()
    }

    /// How many ranges there are after merging.
    pub fn range_count(&self) -> usize {
        let inside = self.vpcs.iter().map(|(_, ranges)| match ranges {
            VpcRanges::Whole => 0,
            VpcRanges::Some(ranges) => ranges.len(),
        });
        self.public.len() + inside.sum::<usize>()
    }

    /// The memory that it takes, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let inside = self.vpcs.iter().map(|(id, ranges)| match ranges {
            VpcRanges::Whole => id.len(),
            VpcRanges::Some(ranges) => id.len() + ranges.heap_bytes(),
        });
        let endpoints = self.endpoints.iter().map(|id| id.len());
        size_of::<Self>()
            + self.public.heap_bytes()
            + size_of_val(&*self.vpcs)
            + inside.sum::<usize>()
            + size_of_val(&*self.endpoints)
            + endpoints.sum::<usize>()
    }
}

impl Parts {
    /// Adds a group, which may name the owner's own networks.
    fn add_group(&mut self, group: &[Entry], own: &[Entry], name: &str) -> Result<(), InvalidList> {
        for entry in group {
            match entry {
                Entry::Own => self.add_all(own, "own")?,
                Entry::Group(_) => return Err(InvalidList::NestedGroup(name.to_owned())),
                plain => self.add(plain)?,
            }
        }
        Ok(())
    }

    /// Adds entries of which each speaks for itself.
    fn add_all(&mut self, entries: &[Entry], name: &str) -> Result<(), InvalidList> {
        for entry in entries {
            match entry {
                Entry::Own | Entry::Group(_) => {
                    return Err(InvalidList::NestedGroup(name.to_owned()));
                }
                plain => self.add(plain)?,
            }
        }
        Ok(())
    }

    fn add(&mut self, entry: &Entry) -> Result<(), InvalidList> {
        self.ranges += 1;
        if self.ranges > RANGES_MAX {
            return Err(InvalidList::TooLong);
        }
        match entry {
            Entry::Public(net) => self.public.push(*net),
            Entry::Vpc(id, None) => {
                self.vpcs.insert(id.clone(), None);
            }
            Entry::Vpc(id, Some(net)) => {
                let listed = self
                    .vpcs
                    .entry(id.clone())
                    .or_insert_with(|| Some(Vec::new()));
                if let Some(ranges) = listed {
                    ranges.push(*net);
                }
            }
            Entry::Endpoint(id) => {
                self.endpoints.insert(id.clone());
            }
            Entry::Own | Entry::Group(_) => {}
        }
        Ok(())
    }

    fn finish(self) -> AddressList {
        let vpcs = self.vpcs.into_iter().map(|(id, ranges)| {
            let ranges = ranges.map_or(VpcRanges::Whole, |r| VpcRanges::Some(Ranges::new(&r)));
            (id, ranges)
        });
        AddressList {
            public: Ranges::new(&self.public),
            vpcs: vpcs.collect(),
            endpoints: self.endpoints.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
