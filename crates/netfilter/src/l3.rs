//! From whom a rule of the packet filter may be made.
//!
//! What policies say of addresses is answered with 403, never with silence: a client that is refused
//! must hear so. Therefore a set of sources in a rule is an [`L3Source`], which comes from a VPC, a
//! subnet, an endpoint, a network ACL or a security group, and from nothing else. A range alone, as a
//! policy or a bucket's address list has it, makes none:
//!
//! ```compile_fail,E0277
//! let range: blockhouse_netfilter::Cidr = "10.0.0.0/8".parse().unwrap();
//! let source: blockhouse_netfilter::L3Source = range.into();
//! ```
//!
//! nor do its insides:
//!
//! ```compile_fail,E0423
//! let source = blockhouse_netfilter::L3Source(Default::default());
//! ```
//!
//! while an object of the model does:
//!
//! ```
//! # use blockhouse_netfilter::{L3Source, SecurityGroup};
//! let json = r#"{"id":"sg-a","ingress":[{"sources":["10.0.0.0/8"]}]}"#;
//! let group: SecurityGroup = serde_json::from_str(json).unwrap();
//! assert!(L3Source::of_groups([&group], 443).contains("10.1.2.3".parse().unwrap()));
//! ```

use crate::{
    intervals::{Family, Intervals},
    model::{
        AclAction, Cidr, Endpoint, NetworkAcl, Proxy, PublicEndpoint, SecurityGroup, Subnet, Vpc,
    },
};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that rules of the packet filter may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct L3Source(Intervals);

impl L3Source {
    /// Whether the address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(address)
    }

    /// The ranges of one family, sorted and disjoint, by their first and last addresses.
    pub fn ranges(&self, family: Family) -> Vec<(IpAddr, IpAddr)> {
        self.0.of_family(family)
    }

    /// What may be a host of the subnet: not its first address of IPv4, nor its last.
    pub fn of_subnet(subnet: &Subnet) -> Self {
        Self(Intervals::of(subnet.cidrs.iter().copied()).without(&nobody(&subnet.cidrs)))
    }

    /// What may be a host of the VPC, of the families that `through` has a gateway for; and of that
    /// subnet in any case.
    pub fn of_vpc(vpc: &Vpc, through: &Subnet) -> Self {
        let routed = vpc
            .cidrs
            .iter()
            .filter(|cidr| has_gateway(&through.gateway, **cidr));
        let reserved = nobody(vpc.subnets.iter().flat_map(|subnet| &subnet.cidrs));
        let all = Intervals::of(routed.chain(&through.cidrs).copied());
        Self(all.without(&reserved))
    }

    /// What may be a client of the public endpoint: its link's hosts, and everyone where there is a
    /// gateway.
    pub fn of_public(endpoint: &PublicEndpoint) -> Self {
        let routed = everyone()
            .into_iter()
            .filter(|all| has_gateway(&endpoint.gateway, *all));
        let all = Intervals::of(endpoint.cidrs.iter().copied().chain(routed));
        let never = Intervals::of(never_sources()).union(&nobody(&endpoint.cidrs));
        Self(all.without(&never))
    }

    /// What the ACL lets into a port; or, without one, into no port in particular: then rules that name
    /// ports say nothing.
    ///
    /// "Rules are evaluated starting with the lowest numbered rule. As soon as a rule matches traffic,
    /// it's applied regardless of any higher-numbered rule that might contradict it." Source: VPC user
    /// guide, "Network ACL rules".
    pub fn of_acl(acl: &NetworkAcl, port: Option<u16>) -> Self {
        let mut rules: Vec<_> = acl.ingress.iter().collect();
        rules.sort_by_key(|rule| rule.rule);
        let (mut decided, mut allowed) = (Intervals::default(), Intervals::default());
        for rule in rules {
            let matches = match (&rule.ports, port) {
                (None, _) => true,
                (Some(ports), Some(port)) => ports.contains(port),
                (Some(_), None) => false,
            };
            if !matches {
                continue;
            }
            let source = Intervals::of([rule.source]);
            if rule.action == AclAction::Allow {
                allowed = allowed.union(&source.without(&decided));
            }
            decided = decided.union(&source);
        }
        Self(allowed)
    }

    /// What the ACL lets into one of these ports at least: who may reach the endpoint at all, and so
    /// may ask for its name.
    pub fn of_acl_any(acl: &NetworkAcl, ports: &[u16]) -> Self {
        let mut any = Intervals::default();
        for port in ports {
            any = any.union(&Self::of_acl(acl, Some(*port)).0);
        }
        Self(any)
    }

    /// What any of the groups allows to connect to the port.
    pub fn of_groups<'a>(groups: impl IntoIterator<Item = &'a SecurityGroup>, port: u16) -> Self {
        let rules = groups.into_iter().flat_map(|group| &group.ingress);
        let matching = rules.filter(|rule| rule.ports.as_ref().is_none_or(|p| p.contains(port)));
        Self(Intervals::of(
            matching.flat_map(|rule| rule.sources.iter().copied()),
        ))
    }

    /// Whom the endpoint answers, if it hides from all others.
    pub fn of_cloak(endpoint: &Endpoint) -> Option<Self> {
        cloak(endpoint.cloak.as_deref())
    }

    /// Whom the public endpoint answers, if it hides from all others.
    pub fn of_public_cloak(endpoint: &PublicEndpoint) -> Option<Self> {
        cloak(endpoint.cloak.as_deref())
    }

    /// The load balancer.
    pub fn of_proxy(proxy: &Proxy) -> Self {
        Self(Intervals::of(proxy.trusted.iter().copied()))
    }

    /// Addresses that the model gives to the node.
    pub(crate) fn of_own(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self(Intervals::of_addresses(addresses))
    }

    /// Addresses of groups of hosts: multicast, and the broadcasts of these links.
    pub(crate) fn of_hosts_at_once<'a>(links: impl IntoIterator<Item = &'a [Cidr]>) -> Self {
        let all = Intervals::of(AT_ONCE.into_iter().map(Cidr::from));
        Self(all.union(&nobody(links.into_iter().flatten())))
    }

    /// Who may speak ARP or neighbour discovery on the subnet's link: its hosts, and who probes whether
    /// an address is free (RFC 5227: "the 'sender IP address' field MUST be set to all zeroes"; RFC 4862,
    /// section 5.4.2: "The IP source is set to the unspecified address").
    pub(crate) fn with_probes(self) -> Self {
        let nobody = [
            IpAddr::from(Ipv4Addr::UNSPECIFIED),
            Ipv6Addr::UNSPECIFIED.into(),
        ];
        Self(self.0.union(&Intervals::of_addresses(nobody)))
    }

    /// And these.
    pub(crate) fn with(self, more: &Self) -> Self {
        Self(self.0.union(&more.0))
    }

    /// The hosts on a public endpoint's link.
    pub(crate) fn of_public_link(endpoint: &PublicEndpoint) -> Self {
        Self(Intervals::of(endpoint.cidrs.iter().copied()).without(&nobody(&endpoint.cidrs)))
    }

    /// Addresses of IPv6 that hold on one link alone.
    pub(crate) fn of_link_local() -> Self {
        Self(Intervals::of([Cidr::from(LINK_LOCAL)]))
    }

    /// All but the node's own.
    pub(crate) fn without(&self, own: &Self) -> Self {
        Self(self.0.without(&own.0))
    }
}

fn cloak(cidrs: Option<&[Cidr]>) -> Option<L3Source> {
    cidrs.map(|cidrs| L3Source(Intervals::of(cidrs.iter().copied())))
}

fn has_gateway(gateways: &[IpAddr], cidr: Cidr) -> bool {
    gateways
        .iter()
        .any(|gateway| gateway.is_ipv4() == cidr.is_v4())
}

/// The first and the last address of each range of IPv4, which are no host's: the network's own and
/// the broadcast.
fn nobody<'a>(cidrs: impl IntoIterator<Item = &'a Cidr>) -> Intervals {
    let ends = cidrs.into_iter().filter_map(|cidr| match cidr.net() {
        IpNet::V4(net) => Some([net.network().into(), net.broadcast().into()]),
        IpNet::V6(_) => None,
    });
    Intervals::of_addresses(ends.flatten())
}

const fn v4(a: u8, b: u8, len: u8) -> IpNet {
    IpNet::V4(ipnet::Ipv4Net::new_assert(Ipv4Addr::new(a, b, 0, 0), len))
}

const fn v6(first: u16, len: u8) -> IpNet {
    let address = Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0);
    IpNet::V6(ipnet::Ipv6Net::new_assert(address, len))
}

const EVERYONE: [IpNet; 2] = [v4(0, 0, 0), v6(0, 0)];
const LINK_LOCAL: IpNet = v6(0xfe80, 10);
const AT_ONCE: [IpNet; 3] = [
    v4(224, 0, 4),
    IpNet::V4(ipnet::Ipv4Net::new_assert(Ipv4Addr::BROADCAST, 32)),
    v6(0xff00, 8),
];

/// Ranges of which no packet on a wire may come: this network, loopback, link-local, multicast and
/// reserved; of IPv6 also everything with an IPv4 address inside (RFC 6890).
const NEVER_SOURCES: [IpNet; 9] = [
    v4(0, 0, 8),
    v4(127, 0, 8),
    v4(169, 254, 16),
    v4(224, 0, 4),
    v4(240, 0, 4),
    // Unspecified, loopback, IPv4-compatible and IPv4-mapped.
    v6(0, 8),
    LINK_LOCAL,
    v6(0xfec0, 10),
    v6(0xff00, 8),
];

/// All addresses.
pub(crate) fn everyone() -> [Cidr; 2] {
    EVERYONE.map(Cidr::from)
}

/// Ranges that hold no host of a network.
pub(crate) fn never_sources() -> impl Iterator<Item = Cidr> {
    NEVER_SOURCES.into_iter().map(Cidr::from)
}
