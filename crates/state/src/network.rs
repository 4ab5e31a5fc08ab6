//! The network, as resources: what the network filter is made of.
//!
//! A node has one network model. Here each of its objects is a resource of its own, so that a change
//! names what it changes, and a row stays small; they are judged together, as one model, by every change
//! that touches one of them.

use crate::{Body, Change, Fault, Invalid, Kind, Name, Put, Resource, Scope, State};
use blockhouse_netfilter::{
    AclId, Limits, Model, NetworkAcl, PublicEndpoint, PublicEndpointId, SecurityGroup,
    SecurityGroupId, Vpc, VpcId, told,
};
use blockhouse_types::AccountId;
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    sync::Arc,
};

/// Whether the object is what its resource is called.
fn is_called(name: &Name, id: &str) -> Result<(), Fault> {
    match name.last() == id {
        true => Ok(()),
        false => Err(Fault::Id { id: id.into() }),
    }
}

macro_rules! object {
    ($body:ident, $id:ty) => {
        impl Body for $body {
            const SCOPE: Scope = Scope::OfNode;

            fn is_name(name: &str) -> bool {
                <$id>::from_str(name).is_ok()
            }

            /// Whether it fits to the others is asked of all of them together.
            fn check(&self, name: &Name) -> Result<(), Fault> {
                is_called(name, self.id.as_str())
            }
        }
    };
}

object!(Vpc, VpcId);
object!(NetworkAcl, AclId);
object!(SecurityGroup, SecurityGroupId);
object!(PublicEndpoint, PublicEndpointId);

impl Body for Limits {
    const SCOPE: Scope = Scope::Node;

    fn check(&self, _: &Name) -> Result<(), Fault> {
        Ok(())
    }
}

/// Whether resources of the kind are part of the network model.
pub fn is_of_network(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Vpc
            | Kind::NetworkAcl
            | Kind::SecurityGroup
            | Kind::PublicEndpoint
            | Kind::NetworkLimits
    )
}

impl State {
    /// A state of these resources, whatever they are worth together.
    pub fn of_resources(resources: impl IntoIterator<Item = (Name, Resource)>) -> Self {
        let mut state = Self::default();
        let resources = resources.into_iter();
        state.resources = resources.map(|(name, one)| (name, Arc::new(one))).collect();
        state
    }

    /// The network model that the resources make.
    pub fn network(&self) -> Model {
        let mut model = Model::default();
        for (_, resource) in self.resources() {
            match resource {
                Resource::Vpc(vpc) => model.vpcs.push(vpc.clone()),
                Resource::NetworkAcl(acl) => model.network_acls.push(acl.clone()),
                Resource::SecurityGroup(group) => model.security_groups.push(group.clone()),
                Resource::PublicEndpoint(endpoint) => model.public_endpoints.push(endpoint.clone()),
                Resource::NetworkLimits(limits) => model.limits = *limits,
                _ => {}
            }
        }
        model
    }

    /// The change of this state, which is of that version, after which the network is the model. What is
    /// said of an endpoint goes with it.
    pub fn change_to_network(&self, version: u64, model: Model) -> Change {
        let wanted: BTreeMap<Name, Resource> = resources_of(model).collect();
        let endpoints = endpoints(wanted.values());
        let is_gone = |name: &Name| match name.kind() {
            Kind::VpcEndpointPolicy => !endpoints.contains(name.last()),
            kind => is_of_network(kind) && !wanted.contains_key(name),
        };
        let gone = self.resources().filter(|(name, _)| is_gone(name));
        let deletes = gone.map(|(name, _)| name.to_string().into()).collect();
        let differs = |name: &Name, resource: &Resource| self.get(name) != Some(resource);
        let puts = wanted
            .into_iter()
            .filter(|(name, resource)| differs(name, resource));
        Change {
            expected: version,
            puts: puts
                .map(|(name, resource)| Put { name, resource })
                .collect(),
            deletes,
        }
    }

    /// Whether a row of the network cannot be read. What it said, and whom it kept out, is not known:
    /// nobody may build a network on the rest.
    pub fn network_is_unreadable(&self) -> bool {
        let mut lost = self.unreadable().values();
        lost.any(|row| {
            row.name
                .as_ref()
                .is_none_or(|name| is_of_network(name.kind()))
        })
    }

    /// The network, if it is another one than before; whether its objects go together.
    pub(crate) fn checked_network(&self, before: &Self) -> Result<Option<Model>, Invalid> {
        let refused = |why| Invalid {
            resource: "network".into(),
            fault: Fault::Network(why),
        };
        if self.network_is_unreadable() {
            return Err(refused(
                "a part of it cannot be read: delete or replace that".to_owned(),
            ));
        }
        let network = self.network();
        // One that could not be read was nobody's, whatever was left of it.
        if network == before.network() && !before.network_is_unreadable() {
            return Ok(None);
        }
        match network.check() {
            Ok(checked) => Ok(Some(checked.model().clone())),
            Err(faults) => Err(refused(told(&faults))),
        }
    }

    /// Whether every endpoint that has a policy is there. While a part of the network cannot be read,
    /// nobody can tell.
    pub(crate) fn check_endpoint_policies(&self) -> Result<(), Invalid> {
        if self.network_is_unreadable() {
            return Ok(());
        }
        let endpoints = endpoints(self.resources().map(|(_, resource)| resource));
        let mut policies = self
            .resources()
            .filter(|(name, _)| name.kind() == Kind::VpcEndpointPolicy);
        match policies.find(|(name, _)| !endpoints.contains(name.last())) {
            None => Ok(()),
            Some((name, _)) => Err(Invalid {
                resource: name.to_string().into(),
                fault: Fault::Missing {
                    missing: name.last().into(),
                },
            }),
        }
    }

    /// The VPCs of an account.
    pub(crate) fn vpcs(&self, account: AccountId) -> impl Iterator<Item = &VpcId> {
        self.resources()
            .filter_map(move |(_, resource)| match resource {
                Resource::Vpc(vpc) if vpc.account == account => Some(&vpc.id),
                _ => None,
            })
    }
}

/// The VPC endpoints that these resources have.
fn endpoints<'r>(resources: impl Iterator<Item = &'r Resource>) -> BTreeSet<&'r str> {
    let ids = resources.filter_map(|resource| match resource {
        Resource::Vpc(vpc) => Some(vpc.endpoint.as_ref()?.id.as_str()),
        _ => None,
    });
    ids.collect()
}

/// The resources that a model is made of, by their names.
pub fn resources_of(model: Model) -> impl Iterator<Item = (Name, Resource)> {
    let Model {
        vpcs,
        network_acls,
        security_groups,
        public_endpoints,
        limits,
    } = model;
    let limits = (limits != Limits::default()).then_some(limits);
    let of_node = |kind, id: &str| Name::of_node_named(kind, id);
    let vpcs = vpcs.into_iter();
    let vpcs = vpcs.map(move |vpc| (of_node(Kind::Vpc, vpc.id.as_str()), Resource::Vpc(vpc)));
    let acls = network_acls.into_iter();
    let acls = acls.map(move |acl| {
        let name = of_node(Kind::NetworkAcl, acl.id.as_str());
        (name, Resource::NetworkAcl(acl))
    });
    let groups = security_groups.into_iter();
    let groups = groups.map(move |group| {
        let name = of_node(Kind::SecurityGroup, group.id.as_str());
        (name, Resource::SecurityGroup(group))
    });
    let public = public_endpoints.into_iter();
    let public = public.map(move |endpoint| {
        let name = of_node(Kind::PublicEndpoint, endpoint.id.as_str());
        (name, Resource::PublicEndpoint(endpoint))
    });
    let limits = limits.into_iter();
    let limits = limits.map(|limits| {
        let name = Name::of_node(Kind::NetworkLimits);
        (name, Resource::NetworkLimits(limits))
    });
    let all = vpcs.chain(acls).chain(groups).chain(public).chain(limits);
    all.filter_map(|(name, resource)| Some((name?, resource)))
}
