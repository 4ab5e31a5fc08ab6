//! Does a model make sense?
//!
//! ```text
//!   Model ──check──► Checked ──compile──► Plan of each namespace
//!            └─────► every Fault, each with its object and the reason
//! ```
//!
//! A model is taken whole or not at all: one that contradicts itself changes nothing, so that the rules
//! which are in force stay. All faults are told at once, up to a bound, because whoever mends them
//! wants to see them together.
//!
//! Sizes are judged before anything else, so that a document made to be slow is not judged in depth.

mod fault;
mod parts;
mod subnet;

pub use fault::{Fault, Reason as FaultReason, told};

use crate::{
    bounds::{
        ACL_RULES_MAX, NETWORK_ACLS_MAX, PUBLIC_ENDPOINTS_MAX, RANGES_MAX, RANGES_USED_MAX,
        SECURITY_GROUP_RULES_MAX, SECURITY_GROUPS_MAX, SECURITY_GROUPS_PER_ENDPOINT_MAX,
        SUBNETS_MAX, VPC_CIDRS_MAX, VPCS_MAX,
    },
    model::{
        AclId, Attach, Cidr, EndpointId, Model, NetworkAcl, Proxy, SecurityGroup, SecurityGroupId,
    },
};
use fault::{Faults, Reason};
use std::collections::{BTreeMap, BTreeSet};

/// A model that makes sense. There is no other way to one than [`Model::check`], and nothing else is
/// compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked(Model);

impl Checked {
    /// The model.
    pub fn model(&self) -> &Model {
        &self.0
    }
}

impl Model {
    /// Judges the model as a whole.
    pub fn check(self) -> Result<Checked, Vec<Fault>> {
        let mut faults = Faults::default();
        sizes(&self, &mut faults);
        if faults.is_empty() {
            identities(&self, &mut faults);
            attachments(&self, &mut faults);
            let known = Known::of(&self);
            parts::check(&self, &known, &mut faults);
            ranges_used(&self, &known, &mut faults);
        }
        match faults.is_empty() {
            true => Ok(Checked(self)),
            false => Err(faults.into_vec()),
        }
    }
}

/// What references may name.
pub(crate) struct Known<'a> {
    pub(crate) acls: BTreeMap<&'a AclId, &'a NetworkAcl>,
    pub(crate) groups: BTreeMap<&'a SecurityGroupId, &'a SecurityGroup>,
    endpoints: BTreeSet<&'a EndpointId>,
}

impl<'a> Known<'a> {
    pub(crate) fn of(model: &'a Model) -> Self {
        let endpoints = model.vpcs.iter().filter_map(|vpc| vpc.endpoint.as_ref());
        Self {
            acls: model
                .network_acls
                .iter()
                .map(|acl| (&acl.id, acl))
                .collect(),
            groups: model.security_groups.iter().map(|g| (&g.id, g)).collect(),
            endpoints: endpoints.map(|endpoint| &endpoint.id).collect(),
        }
    }
}

fn sizes(model: &Model, faults: &mut Faults) {
    let mut bound = |object: &str, what, count: usize, most| {
        if count > most {
            faults.add(object, Reason::TooMany { what, count, most });
        }
    };
    bound("model", "VPCs", model.vpcs.len(), VPCS_MAX);
    bound(
        "model",
        "network ACLs",
        model.network_acls.len(),
        NETWORK_ACLS_MAX,
    );
    bound(
        "model",
        "security groups",
        model.security_groups.len(),
        SECURITY_GROUPS_MAX,
    );
    bound(
        "model",
        "public endpoints",
        model.public_endpoints.len(),
        PUBLIC_ENDPOINTS_MAX,
    );
    for vpc in &model.vpcs {
        bound(vpc.id.as_str(), "ranges", vpc.cidrs.len(), VPC_CIDRS_MAX);
        bound(vpc.id.as_str(), "subnets", vpc.subnets.len(), SUBNETS_MAX);
        if let Some(endpoint) = &vpc.endpoint {
            let groups = endpoint.security_groups.len();
            bound(
                endpoint.id.as_str(),
                "security groups",
                groups,
                SECURITY_GROUPS_PER_ENDPOINT_MAX,
            );
        }
    }
    for acl in &model.network_acls {
        bound(acl.id.as_str(), "rules", acl.ingress.len(), ACL_RULES_MAX);
    }
    for group in &model.security_groups {
        bound(
            group.id.as_str(),
            "rules",
            group.ingress.len(),
            SECURITY_GROUP_RULES_MAX,
        );
    }
    for endpoint in &model.public_endpoints {
        let groups = endpoint.security_groups.len();
        bound(
            endpoint.id.as_str(),
            "security groups",
            groups,
            SECURITY_GROUPS_PER_ENDPOINT_MAX,
        );
    }
    bound(
        "model",
        "ranges of addresses",
        ranges_written(model),
        RANGES_MAX,
    );
}

fn ranges_written(model: &Model) -> usize {
    let vpcs = model.vpcs.iter().map(|vpc| {
        let subnets = vpc.subnets.iter().map(|subnet| subnet.cidrs.len());
        let endpoint = vpc.endpoint.as_ref();
        let extra = endpoint.map_or(0, |e| ranges_beside(e.cloak.as_deref(), e.proxy.as_ref()));
        vpc.cidrs.len() + subnets.sum::<usize>() + extra
    });
    let publics = model.public_endpoints.iter().map(|endpoint| {
        let extra = ranges_beside(endpoint.cloak.as_deref(), endpoint.proxy.as_ref());
        endpoint.cidrs.len() + extra
    });
    let acls = model.network_acls.iter().map(|acl| acl.ingress.len());
    let groups = model.security_groups.iter().map(ranges_of_group);
    vpcs.chain(publics).chain(acls).chain(groups).sum()
}

fn ranges_of_group(group: &SecurityGroup) -> usize {
    group.ingress.iter().map(|rule| rule.sources.len()).sum()
}

fn ranges_beside(cloak: Option<&[Cidr]>, proxy: Option<&Proxy>) -> usize {
    cloak.map_or(0, <[_]>::len) + proxy.map_or(0, |proxy| proxy.trusted.len())
}

/// Ids are unique over the model, whatever they name; interfaces, VLANs and VXLANs are used once.
fn identities(model: &Model, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    let mut once = |id: &'_ str| {
        if !seen.insert(id.to_owned()) {
            faults.add(id, Reason::IdTwice);
        }
    };
    for vpc in &model.vpcs {
        once(vpc.id.as_str());
        vpc.subnets
            .iter()
            .for_each(|subnet| once(subnet.id.as_str()));
        if let Some(endpoint) = &vpc.endpoint {
            once(endpoint.id.as_str());
        }
    }
    model
        .network_acls
        .iter()
        .for_each(|acl| once(acl.id.as_str()));
    model
        .security_groups
        .iter()
        .for_each(|group| once(group.id.as_str()));
    model
        .public_endpoints
        .iter()
        .for_each(|endpoint| once(endpoint.id.as_str()));
}

/// An interface that is a network itself carries no tags and no tunnel, and belongs to one subnet; so
/// does each tag and each tunnel.
fn attachments(model: &Model, faults: &mut Faults) {
    let subnets = model.vpcs.iter().flat_map(|vpc| &vpc.subnets);
    let of_vpcs = subnets.filter_map(|s| s.attach.as_ref().map(|attach| (s.id.as_str(), attach)));
    let publics = model
        .public_endpoints
        .iter()
        .map(|e| (e.id.as_str(), &e.attach));
    let all: Vec<_> = of_vpcs.chain(publics).collect();
    let uplinks: BTreeSet<_> = all
        .iter()
        .filter_map(|(_, attach)| uplink(attach))
        .collect();
    let mut links = BTreeMap::new();
    for (object, attach) in all {
        let link = attach.link();
        if let Attach::Interface(name) = attach
            && uplinks.contains(name.as_str())
        {
            faults.add(object, Reason::InterfaceIsUplink(link.clone()));
        }
        if let Some(other) = links.insert(link.clone(), object) {
            let other = other.to_owned();
            faults.add(object, Reason::LinkTwice { link, other });
        }
    }
}

fn uplink(attach: &Attach) -> Option<&str> {
    match attach {
        Attach::Interface(_) => None,
        Attach::Vlan { uplink, .. } | Attach::Vxlan { uplink, .. } => Some(uplink.as_str()),
    }
}

fn ranges_used(model: &Model, known: &Known<'_>, faults: &mut Faults) {
    let of_groups = |groups: &[SecurityGroupId]| {
        let known = groups.iter().filter_map(|id| known.groups.get(id));
        known.map(|group| ranges_of_group(group)).sum::<usize>()
    };
    let vpcs = model.vpcs.iter().filter_map(|vpc| vpc.endpoint.as_ref());
    let vpcs = vpcs.map(|endpoint| of_groups(&endpoint.security_groups));
    let publics = model.public_endpoints.iter();
    let publics = publics.map(|endpoint| of_groups(&endpoint.security_groups));
    let (count, most) = (vpcs.chain(publics).sum(), RANGES_USED_MAX);
    if count > most {
        let what = "ranges of addresses, counted for each endpoint that uses them";
        faults.add("model", Reason::TooMany { what, count, most });
    }
}

#[cfg(test)]
mod tests;
