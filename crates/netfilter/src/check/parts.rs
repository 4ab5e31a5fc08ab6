//! The objects of a model one by one.

use super::{
    Known,
    fault::{Faults, Reason},
    subnet::{self, Link},
};
use crate::{
    bounds::{ACL_RULE_NUMBER_MAX, CONNECTIONS_MAX, PROXY_ENDPOINTS_MAX, RATE_MAX},
    model::{
        Cidr, Endpoint, EndpointId, Limits, ListenPorts, Model, NetworkAcl, Proxy, PublicEndpoint,
        SecurityGroup, SecurityGroupId, Vpc,
    },
};
use std::{collections::BTreeSet, num::NonZeroU16};

/// The name service's port.
const NAME_PORT: u16 = 53;

pub(super) fn check(model: &Model, known: &Known<'_>, faults: &mut Faults) {
    limits("model", &model.limits, faults);
    model.network_acls.iter().for_each(|each| acl(each, faults));
    model
        .security_groups
        .iter()
        .for_each(|each| group(each, faults));
    model.vpcs.iter().for_each(|each| vpc(each, known, faults));
    let publics = &model.public_endpoints;
    publics.iter().for_each(|each| public(each, known, faults));
    // They share a namespace, and so one space of addresses.
    let links = publics.iter().flat_map(|each| each.cidrs.iter().copied());
    subnet::overlaps("model", links, faults);
}

fn limits(object: &str, limits: &Limits, faults: &mut Faults) {
    let Limits {
        new_connections_per_second: rate,
        burst,
        connections_max,
    } = limits;
    if [rate, burst].iter().any(|n| !(1..=RATE_MAX).contains(*n)) {
        faults.add(object, Reason::Rate);
    }
    if connections_max.is_some_and(|most| !(1..=CONNECTIONS_MAX).contains(&most)) {
        faults.add(object, Reason::Connections);
    }
}

fn acl(acl: &NetworkAcl, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for rule in &acl.ingress {
        if !(1..=ACL_RULE_NUMBER_MAX).contains(&rule.rule) {
            faults.add(acl.id.as_str(), Reason::RuleNumber(rule.rule));
        }
        if !seen.insert(rule.rule) {
            faults.add(acl.id.as_str(), Reason::RuleTwice(rule.rule));
        }
    }
}

fn group(group: &SecurityGroup, faults: &mut Faults) {
    if group.ingress.iter().any(|rule| rule.sources.is_empty()) {
        let (what, wanted) = ("the sources of a rule", "one range at least");
        faults.add(group.id.as_str(), Reason::Count { what, wanted });
    }
}

fn vpc(vpc: &Vpc, known: &Known<'_>, faults: &mut Faults) {
    let object = vpc.id.as_str();
    if !vpc.cidrs.iter().any(|cidr| cidr.is_v4()) {
        let (what, wanted) = ("`cidrs`", "one range of IPv4 at least");
        faults.add(object, Reason::Count { what, wanted });
    }
    for cidr in &vpc.cidrs {
        subnet::range(object, *cidr, subnet::Kind::Vpc, faults);
    }
    subnet::overlaps(object, vpc.cidrs.iter().copied(), faults);
    let cidrs = vpc
        .subnets
        .iter()
        .flat_map(|subnet| subnet.cidrs.iter().copied());
    subnet::overlaps(object, cidrs, faults);
    for each in &vpc.subnets {
        subnet::check(each, vpc, faults);
        if let Some(acl) = each
            .network_acl
            .as_ref()
            .filter(|id| !known.acls.contains_key(id))
        {
            faults.add(each.id.as_str(), Reason::NoSuch(acl.to_string()));
        }
    }
    if let Some(each) = &vpc.endpoint {
        endpoint(each, vpc, known, faults);
    }
}

fn endpoint(endpoint: &Endpoint, vpc: &Vpc, known: &Known<'_>, faults: &mut Faults) {
    let object = endpoint.id.as_str();
    let front = Front {
        object,
        ports: endpoint.ports,
        groups: &endpoint.security_groups,
        cloak: endpoint.cloak.as_deref(),
        proxy: endpoint.proxy.as_ref(),
        limits: endpoint.limits.as_ref(),
        alone: Some(&endpoint.id),
    };
    front.check(known, faults);
    let Some(home) = vpc
        .subnets
        .iter()
        .find(|subnet| subnet.id == endpoint.subnet)
    else {
        return faults.add(object, Reason::NotOfThisVpc(endpoint.subnet.to_string()));
    };
    if home.attach.is_none() {
        faults.add(object, Reason::NotAttached(home.id.to_string()));
    }
    if !home.address.is_empty() {
        faults.add(
            home.id.as_str(),
            Reason::AddressBesideEndpoint(object.to_owned()),
        );
    }
    let link = Link {
        cidrs: &home.cidrs,
        gateway: &home.gateway,
    };
    link.endpoint(object, &endpoint.addresses, faults);
}

fn public(endpoint: &PublicEndpoint, known: &Known<'_>, faults: &mut Faults) {
    let object = endpoint.id.as_str();
    let front = Front {
        object,
        ports: endpoint.ports,
        groups: &endpoint.security_groups,
        cloak: endpoint.cloak.as_deref(),
        proxy: endpoint.proxy.as_ref(),
        limits: endpoint.limits.as_ref(),
        alone: None,
    };
    front.check(known, faults);
    let link = Link {
        cidrs: &endpoint.cidrs,
        gateway: &endpoint.gateway,
    };
    link.check(object, subnet::Kind::Public, faults);
    link.public(object, &endpoint.addresses, faults);
}

/// What endpoints of both kinds have in common.
struct Front<'a> {
    object: &'a str,
    ports: ListenPorts,
    groups: &'a [SecurityGroupId],
    cloak: Option<&'a [Cidr]>,
    proxy: Option<&'a Proxy>,
    limits: Option<&'a Limits>,
    /// The one endpoint that its load balancer may stand for; none of them is any.
    alone: Option<&'a EndpointId>,
}

impl Front<'_> {
    fn check(&self, known: &Known<'_>, faults: &mut Faults) {
        let object = self.object;
        self.check_ports(faults);
        if self.groups.is_empty() {
            let (what, wanted) = ("`security_groups`", "one at least");
            faults.add(object, Reason::Count { what, wanted });
        }
        for group in self
            .groups
            .iter()
            .filter(|id| !known.groups.contains_key(id))
        {
            faults.add(object, Reason::NoSuch(group.to_string()));
        }
        if let Some(own) = self.limits {
            limits(object, own, faults);
        }
        if let Some(proxy) = self.proxy {
            self.check_proxy(proxy, known, faults);
        }
    }

    fn check_ports(&self, faults: &mut Faults) {
        let ListenPorts { http, https } = self.ports;
        let ports: Vec<_> = [http, https]
            .into_iter()
            .flatten()
            .map(NonZeroU16::get)
            .collect();
        match *ports {
            [] => {
                let (what, wanted) = ("`ports`", "one at least");
                faults.add(self.object, Reason::Count { what, wanted });
            }
            [one, other] if one == other => faults.add(self.object, Reason::PortTwice(one)),
            _ => {}
        }
        if ports.contains(&NAME_PORT) {
            faults.add(self.object, Reason::NamePort);
        }
    }

    fn check_proxy(&self, proxy: &Proxy, known: &Known<'_>, faults: &mut Faults) {
        let object = self.object;
        if self.cloak.is_some() {
            faults.add(object, Reason::CloakBehindProxy);
        }
        if proxy.trusted.is_empty() {
            let (what, wanted) = ("`trusted`", "one range at least");
            faults.add(object, Reason::Count { what, wanted });
        }
        let (count, most) = (proxy.endpoints.len(), PROXY_ENDPOINTS_MAX);
        if count > most {
            let what = "VPC endpoints of a load balancer";
            return faults.add(object, Reason::TooMany { what, count, most });
        }
        for meant in proxy.endpoints.values() {
            if !known.endpoints.contains(meant) {
                faults.add(object, Reason::NoSuch(meant.to_string()));
            } else if self.alone.is_some_and(|alone| alone != meant) {
                faults.add(object, Reason::ProxyForAnother(meant.to_string()));
            }
        }
    }
}
