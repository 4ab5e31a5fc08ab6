//! Ranges, and the addresses within them.

use super::fault::{Faults, Reason};
use crate::{
    bounds::FREE_ADDRESSES_MIN,
    l3::never_sources,
    model::{Cidr, Subnet, Vpc},
};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of a subnet that AWS keeps for itself: the network's, the router's, the name server's, one
/// for later, and the last. "The first four IP addresses and the last IP address in each subnet CIDR
/// block are not available for your use." Source: VPC user guide, "Subnet sizing".
const RESERVED_FIRST: u32 = 4;

/// Whose range it is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Vpc,
    Subnet,
    Public,
}

impl Kind {
    /// The shortest and the longest prefix. AWS has /16 to /28 for IPv4 and /44 to /64 for IPv6; a
    /// rack's own networks may be wider, and the networks between routers narrower.
    fn prefixes(self, is_v4: bool) -> (u8, u8) {
        match (self, is_v4) {
            (Self::Vpc, true) => (8, 28),
            (Self::Subnet | Self::Public, true) => (8, 30),
            (Self::Vpc | Self::Subnet, false) => (32, 64),
            (Self::Public, false) => (32, 126),
        }
    }
}

/// Judges a range alone.
pub(super) fn range(object: &str, cidr: Cidr, kind: Kind, faults: &mut Faults) {
    let (shortest, longest) = kind.prefixes(cidr.is_v4());
    if !(shortest..=longest).contains(&cidr.net().prefix_len()) {
        faults.add(
            object,
            Reason::Prefix {
                cidr,
                shortest,
                longest,
            },
        );
    }
    if let Some(never) = never_sources().find(|never| never.overlaps(cidr)) {
        faults.add(object, Reason::NoHosts { cidr, never });
    }
}

/// Refuses ranges that have addresses in common. Sorted, two that do stand side by side somewhere,
/// since of two prefixes one is within the other or they are apart.
pub(super) fn overlaps(object: &str, cidrs: impl Iterator<Item = Cidr>, faults: &mut Faults) {
    let mut cidrs: Vec<_> = cidrs.collect();
    cidrs.sort_by_key(|cidr| (cidr.net().network(), cidr.net().prefix_len()));
    for pair in cidrs.windows(2) {
        if let [first, second] = *pair
            && first.overlaps(second)
        {
            faults.add(object, Reason::Overlap { first, second });
        }
    }
}

/// Judges a subnet of that VPC.
pub(super) fn check(subnet: &Subnet, vpc: &Vpc, faults: &mut Faults) {
    let object = subnet.id.as_str();
    let link = Link {
        cidrs: &subnet.cidrs,
        gateway: &subnet.gateway,
    };
    link.check(object, Kind::Subnet, faults);
    for cidr in &subnet.cidrs {
        if !vpc.cidrs.iter().any(|whole| whole.covers(*cidr)) {
            faults.add(object, Reason::OutsideVpc(*cidr));
        }
    }
    link.hosts(object, "`address`", &subnet.address, faults);
    for address in subnet.address.iter().filter(|a| subnet.gateway.contains(a)) {
        faults.add(object, Reason::AddressTwice(*address));
    }
    if subnet.attach.is_none() {
        let lists = [("gateway", &subnet.gateway), ("address", &subnet.address)];
        for (field, _) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            faults.add(object, Reason::NeedsAttach(field));
        }
    }
}

/// What is on one link.
pub(super) struct Link<'a> {
    pub(super) cidrs: &'a [Cidr],
    pub(super) gateway: &'a [IpAddr],
}

impl Link<'_> {
    /// Judges the link itself.
    pub(super) fn check(&self, object: &str, kind: Kind, faults: &mut Faults) {
        let v4 = self.cidrs.iter().filter(|cidr| cidr.is_v4()).count();
        if v4 != 1 || self.cidrs.len() > 2 {
            let (what, wanted) = ("`cidrs`", "one range of IPv4 and at most one of IPv6");
            faults.add(object, Reason::Count { what, wanted });
        }
        for cidr in self.cidrs {
            range(object, *cidr, kind, faults);
        }
        self.hosts(object, "`gateway`", self.gateway, faults);
    }

    /// Judges addresses that must be hosts of the link: at most one of each family.
    fn hosts(&self, object: &str, what: &'static str, addresses: &[IpAddr], faults: &mut Faults) {
        let v4 = addresses.iter().filter(|a| a.is_ipv4()).count();
        if v4 > 1 || addresses.len() - v4 > 1 {
            let wanted = "at most one of each family";
            faults.add(object, Reason::Count { what, wanted });
        }
        for address in addresses {
            match self.cidrs.iter().find(|cidr| cidr.contains(*address)) {
                None => faults.add(object, Reason::OutsideSubnet(*address)),
                Some(cidr) if is_no_host(*cidr, *address) => {
                    faults.add(object, Reason::Reserved(*address));
                }
                Some(_) => {}
            }
        }
    }

    fn ours(&self, object: &str, addresses: &[IpAddr], faults: &mut Faults) {
        self.hosts(object, "`addresses`", addresses, faults);
        if !addresses.iter().any(|a| a.is_ipv4()) {
            let (what, wanted) = ("`addresses`", "one of IPv4, and at most one of IPv6");
            faults.add(object, Reason::Count { what, wanted });
        }
        for address in addresses.iter().filter(|a| self.gateway.contains(a)) {
            faults.add(object, Reason::AddressTwice(*address));
        }
    }

    /// Judges the addresses of a public endpoint.
    pub(super) fn public(&self, object: &str, addresses: &[IpAddr], faults: &mut Faults) {
        self.ours(object, addresses, faults);
    }

    /// Judges the addresses of a VPC's endpoint, and whether its subnet has room for one.
    pub(super) fn endpoint(&self, object: &str, addresses: &[IpAddr], faults: &mut Faults) {
        self.ours(object, addresses, faults);
        for address in addresses {
            let cidr = self.cidrs.iter().find(|cidr| cidr.contains(*address));
            // The ends are refused already.
            if cidr.is_some_and(|c| is_reserved(*c, *address) && !is_no_host(*c, *address)) {
                faults.add(object, Reason::Reserved(*address));
            }
        }
        for cidr in self.cidrs.iter().filter(|cidr| cidr.is_v4()) {
            let given = addresses.iter().chain(self.gateway);
            let given = given
                .filter(|a| cidr.contains(**a) && !is_reserved(*cidr, **a))
                .count();
            let all = 1_u64 << (32 - u32::from(cidr.net().prefix_len()).min(32));
            let free = all.saturating_sub(u64::from(RESERVED_FIRST) + 1 + given as u64);
            if free < FREE_ADDRESSES_MIN {
                faults.add(object, Reason::TooFewFree(*cidr));
            }
        }
    }
}

/// The network's own address and the broadcast; of IPv6 the one that means any router.
fn is_no_host(cidr: Cidr, address: IpAddr) -> bool {
    let first = cidr.net().network() == address;
    first || (address.is_ipv4() && cidr.net().broadcast() == address)
}

fn is_reserved(cidr: Cidr, address: IpAddr) -> bool {
    let IpNet::V4(_) = cidr.net() else {
        return is_reserved_v6(cidr, address);
    };
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED.to_bits(),
    };
    let from_first = bits(address).saturating_sub(bits(cidr.net().network()));
    from_first < RESERVED_FIRST || cidr.net().broadcast() == address
}

fn is_reserved_v6(cidr: Cidr, address: IpAddr) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V6(v6) => v6.to_bits(),
        IpAddr::V4(_) => Ipv6Addr::UNSPECIFIED.to_bits(),
    };
    let from_first = bits(address).saturating_sub(bits(cidr.net().network()));
    from_first < u128::from(RESERVED_FIRST) || cidr.net().broadcast() == address
}
