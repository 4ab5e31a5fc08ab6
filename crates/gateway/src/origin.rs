//! Where a connection came from: a fact made once, at accept, from what the kernel says.
//!
//! ```text
//!   listener ──► Entrance   the public path, or a VPC endpoint: whose listener it is
//!   accept ────► Origin     entrance, and the address at the other end
//! ```
//!
//! Nothing in a request can change it, and nobody outside this crate can make one. Policies that
//! ask for the source of a request are judged by this and by no header. An address counts within its
//! entrance only: 10.0.0.1 in one VPC and 10.0.0.1 in another are two machines, and neither is a public
//! source.

use blockhouse_netfilter::{Subnets, Vpc};
use blockhouse_policy::address_list::Peer;
use blockhouse_types::AccountId;
use std::{net::IpAddr, net::SocketAddr, sync::Arc};

/// Names a listener. Which one accepted a connection is the identity of the network behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u32);

/// The way in that a listener is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Entrance {
    /// The public path: a public endpoint, or a listener that no network filter made.
    #[default]
    Public,
    /// A VPC endpoint.
    Vpc(Arc<VpcEndpoint>),
}

/// A VPC endpoint, as it was configured when its listener was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpcEndpoint {
    /// `vpce-…`
    pub id: Box<str>,
    /// `vpc-…`
    pub vpc: Box<str>,
    /// Whose VPC it is.
    pub account: AccountId,
    subnets: Subnets,
}

impl VpcEndpoint {
    /// As the network model has it; `None` for a VPC without an endpoint.
    pub fn of(vpc: &Vpc) -> Option<Self> {
        Some(Self {
            id: vpc.endpoint.as_ref()?.id.as_str().into(),
            vpc: vpc.id.as_str().into(),
            account: vpc.account,
            subnets: Subnets::of(vpc),
        })
    }

    /// The subnet that an address is in.
    pub fn subnet_of(&self, address: IpAddr) -> Option<&str> {
        Some(self.subnets.subnet_of(address)?.as_str())
    }

    /// The VPC's ARN. Source: Service Authorization Reference, "Resource types defined by Amazon EC2".
    pub(crate) fn vpc_arn(&self, region: &str) -> String {
        format!("arn:aws:ec2:{region}:{}:vpc/{}", self.account, self.vpc)
    }
}

/// What is known of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    peer: SocketAddr,
    local: SocketAddr,
    tls: bool,
    listener: ListenerId,
    entrance: Arc<Entrance>,
}

impl Origin {
    /// The origin of a connection that `listener`, which is this entrance, has accepted.
    pub(crate) fn new(
        (peer, local): (SocketAddr, SocketAddr),
        tls: bool,
        listener: ListenerId,
        entrance: &Arc<Entrance>,
    ) -> Self {
        Self {
            peer: folded(peer),
            local: folded(local),
            tls,
            listener,
            entrance: Arc::clone(entrance),
        }
    }

    /// The same connection as a load balancer introduces it: from that address, by another way in if it
    /// says one. Source: haproxy, `doc/proxy-protocol.txt`.
    pub(crate) fn introduced(&self, source: SocketAddr, through: Option<&Arc<Entrance>>) -> Self {
        Self {
            peer: folded(source),
            entrance: Arc::clone(through.unwrap_or(&self.entrance)),
            ..self.clone()
        }
    }

    /// The other end's address, as the kernel knows it, or as a load balancer that is trusted says.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Our end's address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether the connection is encrypted.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The listener that accepted it.
    pub fn listener(&self) -> ListenerId {
        self.listener
    }

    /// The VPC endpoint that it came through; `None` on the public path.
    pub fn vpc_endpoint(&self) -> Option<&VpcEndpoint> {
        match &*self.entrance {
            Entrance::Public => None,
            Entrance::Vpc(endpoint) => Some(endpoint),
        }
    }

    /// The same, to be kept.
    pub(crate) fn through(&self) -> Option<Arc<VpcEndpoint>> {
        match &*self.entrance {
            Entrance::Public => None,
            Entrance::Vpc(endpoint) => Some(Arc::clone(endpoint)),
        }
    }

    /// The same, as address lists are asked.
    pub(crate) fn as_listed(&self) -> Peer<'_> {
        let address = self.peer.ip();
        match self.vpc_endpoint() {
            None => Peer::Public(address),
            Some(VpcEndpoint { id, vpc, .. }) => Peer::Vpc {
                vpc,
                endpoint: id,
                address,
            },
        }
    }
}

/// An IPv4 address that an IPv6 socket shows is the IPv4 address.
fn folded(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A VPC of that account, with the endpoint `vpce-1` and two subnets.
    fn vpc(id: &str, account: u64) -> Vpc {
        let json = format!(
            r#"{{"id": "{id}", "account": "{account:012}", "cidrs": ["10.0.0.0/16", "fd00:1::/48"],
            "subnets": [{{"id": "subnet-1", "cidrs": ["10.0.1.0/24", "fd00:1::/64"]}},
                        {{"id": "subnet-2", "cidrs": ["10.0.2.0/24"]}}],
            "endpoint": {{"id": "vpce-1", "subnet": "subnet-1", "addresses": ["10.0.1.10"],
                          "ports": {{"http": 80}}, "security_groups": ["sg-1"]}}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    /// A client of the VPC `vpc-1`, through `vpce-1`.
    pub(crate) fn from_vpc(peer: &str) -> Origin {
        let endpoint = VpcEndpoint::of(&vpc("vpc-1", 7)).unwrap();
        let addresses = (peer.parse().unwrap(), "10.0.1.10:80".parse().unwrap());
        let entrance = Arc::new(Entrance::Vpc(endpoint.into()));
        Origin::new(addresses, false, ListenerId(1), &entrance)
    }

    /// A client on the public path.
    pub(crate) fn from_public(peer: &str) -> Origin {
        let addresses = (peer.parse().unwrap(), "127.0.0.1:9000".parse().unwrap());
        Origin::new(addresses, false, ListenerId(0), &Arc::default())
    }

    #[test]
    fn an_address_is_in_one_subnet_or_in_none() {
        let origin = from_vpc("10.0.1.7:5");
        let endpoint = origin.vpc_endpoint().unwrap();
        let of = |text: &str| endpoint.subnet_of(text.parse().unwrap());
        assert_eq!(of("10.0.1.7"), Some("subnet-1"));
        assert_eq!(of("10.0.3.7"), None);
        assert_eq!(of("fd00:1::7"), Some("subnet-1"));
        assert_eq!(
            endpoint.vpc_arn("r"),
            "arn:aws:ec2:r:000000000007:vpc/vpc-1"
        );
    }

    #[test]
    fn the_same_address_by_another_way_is_another_peer() {
        let private = from_vpc("10.0.1.7:5");
        let public = from_public("10.0.1.7:5");
        assert_ne!(private.as_listed(), public.as_listed());
        let mapped = from_public("[::ffff:10.0.1.7]:5");
        assert_eq!(mapped.as_listed(), public.as_listed());
    }
}
