//! Ways back: each endpoint has a routing table of its own, and what it sends is looked up there.
//!
//! ```text
//!   from ENDPOINT's address ─► its table:  its own subnet     directly over its link
//!                                          the VPC, or all    over the subnet's gateway
//! ```
//!
//! A namespace may have a link in another subnet of the VPC as well. Without a table, replies to that
//! subnet would leave by that link, with a source that is foreign there.

use crate::{
    intervals::Family,
    l3::everyone,
    model::{Cidr, PublicEndpoint, Vpc},
    plan::{REPLY_TABLE_FIRST, ReplyRule, Route},
};
use std::net::IpAddr;

type Ways = (Vec<Route>, Vec<ReplyRule>);

pub(super) fn of_vpc(vpc: &Vpc) -> Ways {
    let mut ways = Ways::default();
    let Some(endpoint) = &vpc.endpoint else {
        return ways;
    };
    let home = vpc
        .subnets
        .iter()
        .find(|subnet| subnet.id == endpoint.subnet);
    if let Some((home, attach)) = home.and_then(|s| s.attach.as_ref().map(|attach| (s, attach))) {
        let way = Way {
            table: REPLY_TABLE_FIRST,
            link: attach.link(),
            near: &home.cidrs,
            gateway: &home.gateway,
            addresses: &endpoint.addresses,
        };
        way.add(&vpc.cidrs, &mut ways);
    }
    ways
}

pub(super) fn of_public(endpoints: &[&PublicEndpoint]) -> Ways {
    let mut ways = Ways::default();
    for (table, endpoint) in (REPLY_TABLE_FIRST..).zip(endpoints) {
        let way = Way {
            table,
            link: endpoint.attach.link(),
            near: &endpoint.cidrs,
            gateway: &endpoint.gateway,
            addresses: &endpoint.addresses,
        };
        way.add(&everyone(), &mut ways);
    }
    ways
}

struct Way<'a> {
    table: u32,
    link: String,
    near: &'a [Cidr],
    gateway: &'a [IpAddr],
    addresses: &'a [IpAddr],
}

impl Way<'_> {
    fn add(&self, far: &[Cidr], (routes, rules): &mut Ways) {
        let route = |to: &Cidr, via| Route {
            table: self.table,
            to: *to,
            via,
            link: self.link.clone(),
        };
        for address in self.addresses {
            let family = Family::of(*address);
            let of_family = |cidr: &&Cidr| cidr.is_v4() == (family == Family::V4);
            routes.extend(self.near.iter().filter(of_family).map(|to| route(to, None)));
            if let Some(gateway) = self.gateway.iter().find(|g| Family::of(**g) == family) {
                // A VPC may be its one subnet: the way there is known.
                let far = far
                    .iter()
                    .filter(of_family)
                    .filter(|to| !self.near.contains(to));
                routes.extend(far.map(|to| route(to, Some(*gateway))));
            }
            rules.push(ReplyRule {
                from: *address,
                table: self.table,
            });
        }
    }
}
