//! The rules as values: what both the kernel's rules and the classification are made of.
//!
//! ```text
//!   arp          ─► arp:   sender is a host of that link ─► accept
//!   a packet     ─► pre:   whole, from there, to us ─► go_LINK: network ACL ─► accept; or why not
//!                ─► input: which endpoint ─► ep4_ENDPOINT: cloak, load balancer, group, rate ─► accept
//!   what we send ─► output: a reply of an endpoint ─► accept
//! ```
//!
//! A chain is a list of rules; the first whose matches all hold decides. A dropped packet is counted
//! under one [`Reason`]. Sets of sources are [`L3Source`]s, of which a policy makes none.

use crate::{
    intervals::Family,
    l3::L3Source,
    model::Limits,
    plan::EndpointName,
    reason::{Counter, Reason},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

/// The rules of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) sets: BTreeMap<SetKey, L3Source>,
    pub(crate) meters: BTreeSet<Meter>,
    pub(crate) chains: Vec<Chain>,
}

/// The tables: they have one name, `bh`, and two families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// IPv4 and IPv6.
    Inet,
    /// ARP.
    Arp,
}

/// A set of addresses, both families: what for, and whose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SetKey {
    pub(crate) table: Table,
    pub(crate) what: &'static str,
    pub(crate) of: String,
}

impl SetKey {
    /// What the kernel calls it, which has a set for each family.
    pub(crate) fn name(&self, family: Family) -> String {
        format!("s_{}{}.{}", self.what, digit(family), self.of)
    }
}

pub(crate) fn digit(family: Family) -> char {
    match family {
        Family::V4 => '4',
        Family::V6 => '6',
    }
}

/// What is measured for each source address by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Meter {
    pub(crate) family: Family,
    /// Whose.
    pub(crate) of: String,
    pub(crate) measure: Measure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measure {
    /// New connections.
    Opened { per_second: u32, burst: u32 },
    /// Questions to the name service, and pings.
    Asked,
    /// Connections at one time.
    Open { most: u32 },
}

/// Questions and pings per second and source, and the burst above it.
pub(crate) const ASKED_PER_SECOND: u32 = 200;
pub(crate) const ASKED_BURST: u32 = 400;

impl Meter {
    pub(crate) fn opened(family: Family, of: &EndpointName, limits: Limits) -> Self {
        let measure = Measure::Opened {
            per_second: limits.new_connections_per_second,
            burst: limits.burst,
        };
        let of = of.to_string();
        Self {
            family,
            of,
            measure,
        }
    }

    pub(crate) fn open(family: Family, of: &EndpointName, most: u32) -> Self {
        Self {
            family,
            of: of.to_string(),
            measure: Measure::Open { most },
        }
    }

    pub(crate) fn asked(family: Family, of: impl fmt::Display) -> Self {
        Self {
            family,
            of: of.to_string(),
            measure: Measure::Asked,
        }
    }

    /// What the kernel calls it. The limit is part of the name: what a source has used up is kept with
    /// the limit that it was measured by, so another limit is another meter.
    pub(crate) fn name(&self) -> String {
        let (digit, of) = (digit(self.family), &self.of);
        match self.measure {
            Measure::Opened { per_second, burst } => {
                format!("m_new{digit}.{of}.{per_second}-{burst}")
            }
            Measure::Asked => format!("m_ask{digit}.{of}"),
            Measure::Open { most } => format!("m_open{digit}.{of}.{most}"),
        }
    }
}

/// A list of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) table: Table,
    pub(crate) name: String,
    pub(crate) hook: Option<Hook>,
    pub(crate) rules: Vec<Rule>,
}

/// Where the kernel asks a chain, and what becomes of what no rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hook {
    pub(crate) name: &'static str,
    pub(crate) priority: i32,
    pub(crate) drops: bool,
}

/// The names of the chains that are asked.
pub(crate) const PRE: &str = "pre";
pub(crate) const INPUT: &str = "input";
pub(crate) const FORWARD: &str = "forward";
pub(crate) const TRACK: &str = "track";
pub(crate) const OUTPUT: &str = "output";

/// When all matches hold, the action is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) matches: Vec<Match>,
    pub(crate) action: Action,
    /// The endpoint that it is counted for.
    pub(crate) endpoint: Option<EndpointName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// The hook is passed.
    Accept,
    /// The packet is gone.
    Drop(Reason),
    /// That chain is asked; it decides.
    Ask(String),
    /// The connection is not tracked; the next rule is asked.
    Untrack,
}

/// What may be asked of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Match {
    /// It came in by this link.
    In(String),
    /// It came in by none of these.
    InByNone(Vec<String>),
    /// It goes out by this link.
    Out(String),
    /// Its source is in the set, or is of that family and is not.
    Source(Family, Holds, SetKey),
    /// Likewise its destination.
    Destination(Family, Holds, SetKey),
    /// Its source is this address.
    From(IpAddr),
    /// Its destination is this address.
    To(IpAddr),
    /// It is TCP to that port.
    Tcp(u16),
    /// It is UDP to that port.
    Udp(u16),
    /// It is TCP from that port.
    TcpFrom(u16),
    /// It is UDP from that port.
    UdpFrom(u16),
    /// It is TCP that opens a connection: SYN, and none of ACK, RST and FIN.
    Opening,
    /// It is TCP that does not.
    NotOpening,
    /// It is ICMP, or of IPv6 its successor, of one of these types.
    Icmp(Family, &'static [u8]),
    /// Its hop limit is 255: no router passed it on.
    FromLink,
    /// It is neighbour discovery of IPv6 about one of these addresses.
    NeighborTarget(L3Source),
    /// It is a part of a packet.
    Fragment(Family),
    /// It is none.
    Whole(Family),
    /// It is an ARP message whose sender is in the set.
    ArpSender(SetKey),
    /// It is the first of a connection that is tracked.
    New,
    /// Its source has more than this allows.
    Over(Meter),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    Yes,
    No,
}

impl Rule {
    pub(crate) fn accept(matches: Vec<Match>) -> Self {
        Self::new(matches, Action::Accept)
    }

    pub(crate) fn drop(matches: Vec<Match>, reason: Reason) -> Self {
        Self::new(matches, Action::Drop(reason))
    }

    pub(crate) fn new(matches: Vec<Match>, action: Action) -> Self {
        Self {
            matches,
            action,
            endpoint: None,
        }
    }

    /// Counted for that endpoint too.
    pub(crate) fn of(mut self, endpoint: &EndpointName) -> Self {
        self.endpoint = Some(endpoint.clone());
        self
    }

    /// The endpoint's own counter for it.
    pub(crate) fn counter(&self) -> Option<Counter> {
        let endpoint = Some(self.endpoint.clone()?);
        let reason = match self.action {
            Action::Accept => None,
            Action::Drop(reason) => Some(reason),
            Action::Ask(_) | Action::Untrack => return None,
        };
        Some(Counter { reason, endpoint })
    }
}

impl Filter {
    /// The chain of that name.
    pub(crate) fn chain(&self, table: Table, name: &str) -> Option<&Chain> {
        let mut chains = self.chains.iter();
        chains.find(|chain| chain.table == table && chain.name == name)
    }

    /// Makes a set known, and gives its key.
    pub(crate) fn set(
        &mut self,
        what: &'static str,
        of: impl fmt::Display,
        all: L3Source,
    ) -> SetKey {
        self.set_in(Table::Inet, what, of, all)
    }

    pub(crate) fn set_in(
        &mut self,
        table: Table,
        what: &'static str,
        of: impl fmt::Display,
        all: L3Source,
    ) -> SetKey {
        let of = of.to_string();
        let key = SetKey { table, what, of };
        self.sets.insert(key.clone(), all);
        key
    }

    /// Makes a meter known, and gives the match for it.
    pub(crate) fn over(&mut self, meter: Meter) -> Match {
        self.meters.insert(meter.clone());
        Match::Over(meter)
    }
}
