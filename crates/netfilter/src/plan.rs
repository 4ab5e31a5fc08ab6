//! What one namespace is to be: links, addresses, routes, listeners, and the filter's rules.
//!
//! A plan holds what the process needs that applies it, and nothing of another namespace. Two plans can
//! be compared, so that a namespace whose plan is the same is left alone.

use crate::{
    filter::Filter,
    model::{Attach, Cidr, EndpointId, InvalidId, Proxy, PublicEndpointId, VpcId},
};
use ipnet::IpNet;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// One namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which one.
    pub namespace: Namespace,
    /// Its links, by name.
    pub links: Vec<Link>,
    /// Routes beside those that the kernel makes of the links' addresses.
    pub routes: Vec<Route>,
    /// Which routing table replies take.
    pub reply_rules: Vec<ReplyRule>,
    /// The sockets to make.
    pub listeners: Vec<Listener>,
    /// The rules. They are only ever compiled.
    pub(crate) filter: Filter,
}

/// The network namespaces: one for each VPC, and one that all public endpoints share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespace {
    /// A VPC's own.
    Vpc(VpcId),
    /// That of the public endpoints.
    Uplinks,
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vpc(id) => id.fmt(f),
            Self::Uplinks => f.write_str("uplinks"),
        }
    }
}

/// An endpoint of either kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointName {
    /// Of a VPC.
    Vpc(EndpointId),
    /// A public one.
    Public(PublicEndpointId),
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vpc(id) => id.fmt(f),
            Self::Public(id) => id.fmt(f),
        }
    }
}

impl FromStr for EndpointName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.starts_with("public-") {
            true => text.parse().map(Self::Public),
            false => text.parse().map(Self::Vpc),
        }
    }
}

/// A link of the namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it is called there: see [`Attach::link`].
    pub name: String,
    /// What it is.
    pub attach: Attach,
    /// The node's addresses on it, each with the prefix of its network. Without any, the node is silent
    /// there. Without one of IPv6, the link has no IPv6.
    pub addresses: Vec<IpNet>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The routing table, [`REPLY_TABLE_FIRST`] or above.
    pub table: u32,
    /// To where.
    pub to: Cidr,
    /// Over which host; directly over the link without.
    pub via: Option<IpAddr>,
    /// Over which link.
    pub link: String,
}

/// The routing table of the first endpoint's replies; the next endpoint of a namespace has the next.
pub const REPLY_TABLE_FIRST: u32 = 100;

/// What an endpoint sends takes the routes of its own table, so that replies leave through the link
/// that the questions came in by. Elsewhere the kernel would send them over whichever link of the
/// namespace knows the receiver's subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyRule {
    /// The endpoint's address.
    pub from: IpAddr,
    /// Its table.
    pub table: u32,
}

/// A socket to make in the namespace and to pass on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Whose it is.
    pub endpoint: EndpointName,
    /// Where it listens.
    pub address: SocketAddr,
    /// What is spoken there.
    pub service: Service,
    /// The link that it is bound to.
    pub link: String,
    /// The load balancer before it, whose PROXY header every connection begins with. The name service
    /// has none.
    pub proxy: Option<Proxy>,
}

/// What is spoken on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// S3 over TCP.
    Http,
    /// S3 over TLS over TCP.
    Https,
    /// The name service over UDP.
    NamesUdp,
    /// The name service over TCP.
    NamesTcp,
}
