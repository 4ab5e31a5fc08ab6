//! From a model to the plan of each namespace.
//!
//! The same model gives the same plans, whatever the order of its lists: links, sets and chains are in
//! the order of their names, and names follow from the object alone.

mod front;
mod rules;
mod topology;

use crate::{
    check::{Checked, Known},
    l3::L3Source,
    model::{Model, SecurityGroup, SecurityGroupId, Subnet, Vpc},
    plan::{EndpointName, Namespace, Plan},
};
use front::Front;
use rules::{Segment, Shape};

impl Checked {
    /// The plans of all namespaces, by name: one for each VPC, and one for the public endpoints if
    /// there are any.
    pub fn compile(&self) -> Vec<Plan> {
        let (model, known) = (self.model(), Known::of(self.model()));
        let mut vpcs: Vec<_> = model.vpcs.iter().collect();
        vpcs.sort_by(|a, b| a.id.cmp(&b.id));
        let publics = (!model.public_endpoints.is_empty()).then(|| uplinks(model, &known));
        let vpcs = vpcs.into_iter().map(|each| vpc(each, model, &known));
        publics.into_iter().chain(vpcs).collect()
    }
}

fn vpc(vpc: &Vpc, model: &Model, known: &Known<'_>) -> Plan {
    let mut subnets: Vec<_> = vpc.subnets.iter().filter(|s| s.attach.is_some()).collect();
    subnets.sort_by(|a, b| a.id.cmp(&b.id));
    let home = |subnet: &Subnet| vpc.endpoint.as_ref().filter(|e| e.subnet == subnet.id);
    let (mut segments, mut fronts) = (Vec::new(), Vec::new());
    for subnet in subnets {
        let Some(attach) = &subnet.attach else {
            continue;
        };
        let acl = subnet
            .network_acl
            .as_ref()
            .and_then(|id| known.acls.get(id).copied());
        let endpoint = home(subnet);
        let hosts = L3Source::of_subnet(subnet);
        segments.push(Segment {
            attach,
            cidrs: &subnet.cidrs,
            sources: match endpoint {
                Some(_) => L3Source::of_vpc(vpc, subnet),
                None => hosts.clone(),
            },
            hosts,
            addresses: endpoint.map_or(&subnet.address, |e| &e.addresses),
            silent: endpoint.is_none(),
            acl,
        });
        let Some(endpoint) = endpoint else {
            continue;
        };
        fronts.push(Front {
            name: EndpointName::Vpc(endpoint.id.clone()),
            link: attach.link(),
            addresses: &endpoint.addresses,
            ports: endpoint.ports,
            groups: groups(&endpoint.security_groups, known),
            acl,
            cloak: L3Source::of_cloak(endpoint),
            proxy: endpoint.proxy.as_ref(),
            limits: endpoint.limits.unwrap_or(model.limits),
            names: true,
        });
    }
    let ways = topology::of_vpc(vpc);
    Shape { segments, fronts }.plan(Namespace::Vpc(vpc.id.clone()), ways)
}

fn uplinks(model: &Model, known: &Known<'_>) -> Plan {
    let mut endpoints: Vec<_> = model.public_endpoints.iter().collect();
    endpoints.sort_by(|a, b| a.id.cmp(&b.id));
    let (mut segments, mut fronts) = (Vec::new(), Vec::new());
    for endpoint in &endpoints {
        segments.push(Segment {
            attach: &endpoint.attach,
            cidrs: &endpoint.cidrs,
            hosts: L3Source::of_public_link(endpoint),
            sources: L3Source::of_public(endpoint),
            addresses: &endpoint.addresses,
            silent: false,
            acl: None,
        });
        fronts.push(Front {
            name: EndpointName::Public(endpoint.id.clone()),
            link: endpoint.attach.link(),
            addresses: &endpoint.addresses,
            ports: endpoint.ports,
            groups: groups(&endpoint.security_groups, known),
            acl: None,
            cloak: L3Source::of_public_cloak(endpoint),
            proxy: endpoint.proxy.as_ref(),
            limits: endpoint.limits.unwrap_or(model.limits),
            names: false,
        });
    }
    let ways = topology::of_public(&endpoints);
    Shape { segments, fronts }.plan(Namespace::Uplinks, ways)
}

fn groups<'a>(ids: &[SecurityGroupId], known: &Known<'a>) -> Vec<&'a SecurityGroup> {
    ids.iter()
        .filter_map(|id| known.groups.get(id).copied())
        .collect()
}
