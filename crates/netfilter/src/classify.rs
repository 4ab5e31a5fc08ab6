//! The rules for user space: what the kernel would do with a packet.
//!
//! This walks the same rules that are rendered for the kernel, so a difference between the two can only
//! be in how one match is understood. What the kernel counts by itself, rates and connections, is said
//! of a flow by whoever asks.

use crate::{
    filter::{Action, Filter, Holds, INPUT, Match, Measure, PRE, Rule, Table},
    intervals::Family,
    plan::{EndpointName, Plan},
    reason::Reason,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A packet that arrives in a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The link that it comes in by.
    pub link: String,
    /// What it is.
    pub packet: Packet,
    /// What its source did before.
    pub load: Load,
}

/// What arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet {
    /// An ARP message, request or reply.
    Arp {
        /// Whose hardware address it tells.
        sender: Ipv4Addr,
    },
    /// A packet of IPv4 or IPv6.
    Ip {
        /// From.
        source: IpAddr,
        /// To; of the same family, or nothing accepts it.
        destination: IpAddr,
        /// Whether it is a part of a packet, the first or another.
        is_fragment: bool,
        /// What is in it.
        payload: Payload,
    },
}

/// What is in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// TCP.
    Tcp {
        /// To which port.
        port: u16,
        /// Whether it opens a connection: SYN, and none of ACK, RST and FIN.
        is_opening: bool,
    },
    /// UDP.
    Udp {
        /// To which port.
        port: u16,
    },
    /// ICMP, or in a packet of IPv6 its successor.
    Icmp {
        /// Its type.
        kind: u8,
        /// The packet's hop limit.
        hop_limit: u8,
        /// Of neighbour discovery, what it is about: the "target address" of RFC 4861, 4.3 and 4.4. `None`
        /// if the message is too short to have one.
        target: Option<Ipv6Addr>,
    },
    /// Another protocol.
    Other,
}

/// What a source did before, by the endpoint's limits. None of it is the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// It opened too many connections lately.
    pub opened_too_many: bool,
    /// It asked for names, or pinged, too often lately.
    pub asked_too_often: bool,
    /// It has as many connections as it may.
    pub has_too_many: bool,
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It gets through: to the endpoint, or to the kernel alone if there is none, as ARP does.
    Accept {
        /// Which one.
        endpoint: Option<EndpointName>,
    },
    /// It is gone, without an answer.
    Drop(Reason),
}

/// What the rules of a namespace do with a packet.
pub fn classify(plan: &Plan, flow: &Flow) -> Verdict {
    let walk = Walk {
        filter: &plan.filter,
        flow,
    };
    let hooks: &[_] = match flow.packet {
        Packet::Arp { .. } => &[(Table::Arp, INPUT)],
        Packet::Ip { .. } => &[(Table::Inet, PRE), (Table::Inet, INPUT)],
    };
    let mut verdict = Verdict::Accept { endpoint: None };
    for (table, chain) in hooks {
        verdict = match walk.chain(*table, chain) {
            Some(Outcome::Drop(reason)) => return Verdict::Drop(reason),
            Some(Outcome::Accept(endpoint)) => Verdict::Accept { endpoint },
            // A hook whose chain decides nothing passes the packet on; the last ones of both tables end
            // with a drop.
            None => Verdict::Accept { endpoint: None },
        };
    }
    verdict
}

enum Outcome {
    Accept(Option<EndpointName>),
    Drop(Reason),
}

struct Walk<'a> {
    filter: &'a Filter,
    flow: &'a Flow,
}

impl Walk<'_> {
    fn chain(&self, table: Table, name: &str) -> Option<Outcome> {
        let chain = self.filter.chain(table, name)?;
        let applies = |rule: &&Rule| rule.matches.iter().all(|what| self.holds(what));
        for rule in chain.rules.iter().filter(applies) {
            match &rule.action {
                Action::Accept => return Some(Outcome::Accept(rule.endpoint.clone())),
                Action::Drop(reason) => return Some(Outcome::Drop(*reason)),
                Action::Ask(chain) => return self.chain(table, chain),
                Action::Untrack => {}
            }
        }
        None
    }

    fn holds(&self, what: &Match) -> bool {
        let Flow { link, packet, load } = self.flow;
        match what {
            Match::In(name) => link == name,
            Match::InByNone(names) => !names.contains(link),
            Match::New => true,
            Match::Over(meter) => match meter.measure {
                Measure::Opened { .. } => load.opened_too_many,
                Measure::Asked => load.asked_too_often,
                Measure::Open { .. } => load.has_too_many,
            },
            // These are asked of what the node sends.
            Match::Out(_) | Match::From(_) | Match::TcpFrom(_) | Match::UdpFrom(_) => false,
            of_packet => match packet {
                Packet::Arp { sender } => match of_packet {
                    Match::ArpSender(set) => self.is_in(set, (*sender).into()),
                    _ => false,
                },
                Packet::Ip { .. } => self.holds_of_ip(of_packet, packet),
            },
        }
    }

    fn holds_of_ip(&self, what: &Match, packet: &Packet) -> bool {
        let Packet::Ip {
            source,
            destination,
            is_fragment,
            payload,
        } = *packet
        else {
            return false;
        };
        let is_of = |family| Family::of(source) == family && Family::of(destination) == family;
        match what {
            Match::Source(family, holds, set) => {
                is_of(*family) && self.is_in(set, source) == (*holds == Holds::Yes)
            }
            Match::Destination(family, holds, set) => {
                is_of(*family) && self.is_in(set, destination) == (*holds == Holds::Yes)
            }
            Match::To(address) => is_of(Family::of(*address)) && destination == *address,
            Match::Fragment(family) => is_of(*family) && is_fragment,
            Match::Whole(family) => is_of(*family) && !is_fragment,
            Match::Tcp(to) => matches!(payload, Payload::Tcp { port, .. } if port == *to),
            Match::Udp(to) => matches!(payload, Payload::Udp { port } if port == *to),
            Match::Opening => matches!(
                payload,
                Payload::Tcp {
                    is_opening: true,
                    ..
                }
            ),
            Match::NotOpening => matches!(
                payload,
                Payload::Tcp {
                    is_opening: false,
                    ..
                }
            ),
            Match::Icmp(family, types) => {
                let of_type = |p| matches!(p, Payload::Icmp { kind, .. } if types.contains(&kind));
                is_of(*family) && of_type(payload)
            }
            Match::FromLink => matches!(payload, Payload::Icmp { hop_limit: 255, .. }),
            Match::NeighborTarget(all) => matches!(
                payload,
                Payload::Icmp { target: Some(target), .. } if all.contains(target.into())
            ),
            _ => false,
        }
    }

    /// A set that nobody made has nobody in it.
    fn is_in(&self, set: &crate::filter::SetKey, address: IpAddr) -> bool {
        self.filter
            .sets
            .get(set)
            .is_some_and(|all| all.contains(address))
    }
}
