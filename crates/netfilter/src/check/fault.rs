//! What is wrong with a model: the object, and the reason.

use crate::{
    bounds::{ACL_RULE_NUMBER_MAX, CONNECTIONS_MAX, FAULTS_MAX, FREE_ADDRESSES_MIN, RATE_MAX},
    model::Cidr,
};
use std::{fmt, net::IpAddr};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The id of the object, or `model` for all of it.
    pub object: String,
    /// What is wrong with it.
    pub reason: Reason,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.reason)
    }
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// More than a bound allows.
    #[error("{count} {what}, at most {most} are allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// Two objects have this id.
    #[error("the id is used twice")]
    IdTwice,
    /// Two objects are attached to one link.
    #[error("{link} is already attached to {other}")]
    LinkTwice {
        /// The link, as it is called in its namespace.
        link: String,
        /// Who has it.
        other: String,
    },
    /// An interface that carries VLANs or tunnels cannot itself be moved into a namespace.
    #[error("the interface {0} is the uplink of another attachment")]
    InterfaceIsUplink(String),
    /// A reference to nothing.
    #[error("there is no {0}")]
    NoSuch(String),
    /// A subnet of no use to the endpoint.
    #[error("{0} is no subnet of this VPC")]
    NotOfThisVpc(String),
    /// The endpoint's subnet has no attachment.
    #[error("the endpoint's subnet {0} is not attached")]
    NotAttached(String),
    /// The wrong number of values.
    #[error("{what} must be {wanted}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there must be.
        wanted: &'static str,
    },
    /// A range that is too small or too large.
    #[error("the prefix of {cidr} must be from {shortest} to {longest}")]
    Prefix {
        /// The range.
        cidr: Cidr,
        /// The shortest prefix allowed.
        shortest: u8,
        /// The longest prefix allowed.
        longest: u8,
    },
    /// A range in which no host can be.
    #[error("{cidr} holds addresses of {never}, which are no hosts'")]
    NoHosts {
        /// The range.
        cidr: Cidr,
        /// What it touches.
        never: Cidr,
    },
    /// Two ranges of one address space have addresses in common.
    #[error("{first} and {second} overlap")]
    Overlap {
        /// One of them.
        first: Cidr,
        /// The other.
        second: Cidr,
    },
    /// A subnet's range outside of its VPC.
    #[error("{0} is not within the VPC's ranges")]
    OutsideVpc(Cidr),
    /// An address outside of its link.
    #[error("{0} is not within the subnet's ranges")]
    OutsideSubnet(IpAddr),
    /// The first four addresses and the last of an IPv4 subnet, and the same of its IPv6 one.
    #[error("{0} is reserved: the first four addresses of a subnet and the last are")]
    Reserved(IpAddr),
    /// An address that is given twice.
    #[error("{0} is given twice")]
    AddressTwice(IpAddr),
    /// A subnet with an endpoint needs no other address of the node.
    #[error("`address` is for subnets without an endpoint; this one has {0}")]
    AddressBesideEndpoint(String),
    /// Gateways and addresses are nothing without a link.
    #[error("`{0}` in a subnet without `attach`")]
    NeedsAttach(&'static str),
    /// The endpoint's subnet is too full.
    #[error("{0} has fewer than {FREE_ADDRESSES_MIN} free addresses")]
    TooFewFree(Cidr),
    /// Port 53 is the name service's.
    #[error("port 53 is the name service's")]
    NamePort,
    /// The same port for both.
    #[error("port {0} is given twice")]
    PortTwice(u16),
    /// No rule of a network ACL has this number.
    #[error("rule {0}: numbers are from 1 to {ACL_RULE_NUMBER_MAX}")]
    RuleNumber(u16),
    /// Two rules of one ACL have one number.
    #[error("rule {0} is given twice")]
    RuleTwice(u16),
    /// A rate out of bounds.
    #[error("rates and bursts are from 1 to {RATE_MAX}")]
    Rate,
    /// A number of connections out of bounds.
    #[error("connections_max is from 1 to {CONNECTIONS_MAX}")]
    Connections,
    /// Behind a load balancer every packet comes from the load balancer.
    #[error(
        "`cloak` and `proxy` exclude each other: behind a load balancer all packets are its own"
    )]
    CloakBehindProxy,
    /// A load balancer inside a VPC may not speak for another.
    #[error("its load balancer can stand for this endpoint alone, not for {0}")]
    ProxyForAnother(String),
    /// The last fault of a long list.
    #[error("there are more faults than the {FAULTS_MAX} that are shown")]
    More,
}

/// Faults, as they are found.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault; of those above [`FAULTS_MAX`] only that there are some.
    pub(super) fn add(&mut self, object: &str, reason: Reason) {
        let (object, reason) = match self.0.len() {
            0..FAULTS_MAX => (object, reason),
            FAULTS_MAX => ("model", Reason::More),
            _ => return,
        };
        let object = object.to_owned();
        self.0.push(Fault { object, reason });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

/// Faults in one line, for whoever has one.
pub fn told(faults: &[Fault]) -> String {
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    faults.join("; ")
}
