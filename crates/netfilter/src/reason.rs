//! Why a packet is dropped, and the counters that tell it.

use crate::plan::EndpointName;
use std::{fmt, str::FromStr};

/// Why a packet is dropped. None of these is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It came through an interface that is no link of the namespace, or to an endpoint's address
    /// through another link than the endpoint's.
    WrongInterface,
    /// It is a part of a packet. Where connections are tracked, the kernel puts parts together before the
    /// rules are asked, and there are none.
    Fragment,
    /// It claims to come from the node itself.
    OwnAddress,
    /// It claims to come from where nothing on that link can come from.
    Spoof,
    /// It is addressed to many hosts at once.
    Group,
    /// It is addressed to somebody else: the node forwards nothing.
    Forward,
    /// The subnet's network ACL denies it.
    NetworkAcl,
    /// It is addressed to the node, but to nothing that the node offers there.
    NotEndpoint,
    /// The endpoint hides from its sender.
    Cloak,
    /// The endpoint is behind a load balancer, and it does not come from there.
    NotLoadBalancer,
    /// None of the endpoint's security groups allows it.
    SecurityGroup,
    /// Its sender asks too often.
    Rate,
    /// Its sender has too many connections.
    Connections,
    /// An ARP message from none of the link's hosts, or in the name of the node.
    ForeignArp,
    /// The same of IPv6: a message of neighbour discovery from elsewhere than the link, or that claims an
    /// address which is no host's there, or the node's.
    ForeignNeighbor,
    /// The node itself would have sent something that is no reply.
    Outgoing,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::WrongInterface,
        Self::Fragment,
        Self::OwnAddress,
        Self::Spoof,
        Self::Group,
        Self::Forward,
        Self::NetworkAcl,
        Self::NotEndpoint,
        Self::Cloak,
        Self::NotLoadBalancer,
        Self::SecurityGroup,
        Self::Rate,
        Self::Connections,
        Self::ForeignArp,
        Self::ForeignNeighbor,
        Self::Outgoing,
    ];

    /// As counters, metrics and the prefix of log lines call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongInterface => "wrong_interface",
            Self::Fragment => "fragment",
            Self::OwnAddress => "own_address",
            Self::Spoof => "spoof",
            Self::Group => "group",
            Self::Forward => "forward",
            Self::NetworkAcl => "network_acl",
            Self::NotEndpoint => "not_endpoint",
            Self::Cloak => "cloak",
            Self::NotLoadBalancer => "not_load_balancer",
            Self::SecurityGroup => "security_group",
            Self::Rate => "rate",
            Self::Connections => "connections",
            Self::ForeignArp => "foreign_arp",
            Self::ForeignNeighbor => "foreign_neighbor",
            Self::Outgoing => "outgoing",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is no name of a reason, or of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no reason or counter of this name")]
pub struct UnknownName;

impl FromStr for Reason {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|reason| reason.name() == text);
        found.ok_or(UnknownName)
    }
}

/// What one counter counts, in packets: `c_REASON`, `c_REASON.ENDPOINT` or `c_accept.ENDPOINT`. What is
/// counted for an endpoint is counted for the namespace as well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counter {
    /// Why they were dropped; of those accepted nothing.
    pub reason: Option<Reason>,
    /// For which endpoint.
    pub endpoint: Option<EndpointName>,
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c_{}", self.reason.map_or("accept", Reason::name))?;
        match &self.endpoint {
            Some(endpoint) => write!(f, ".{endpoint}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Counter {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let text = text.strip_prefix("c_").ok_or(UnknownName)?;
        let (what, endpoint) = match text.split_once('.') {
            Some((what, endpoint)) => (what, Some(endpoint.parse().map_err(|_| UnknownName)?)),
            None => (text, None),
        };
        let reason = match what {
            "accept" => None,
            reason => Some(reason.parse()?),
        };
        Ok(Self { reason, endpoint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.name().parse(), Ok(reason));
        }
        for name in ["c_spoof", "c_rate.vpce-a", "c_accept.public-1"] {
            assert_eq!(name.parse::<Counter>().unwrap().to_string(), name);
        }
        for bad in ["", "spoof", "c_", "c_spoof.", "c_spoof.vpc-a", "c_accepted"] {
            assert!(bad.parse::<Counter>().is_err(), "{bad}");
        }
    }
}
