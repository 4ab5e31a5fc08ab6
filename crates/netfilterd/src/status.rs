//! How the network is, as a JSON document: for `blockhouse net status`, and for the node's metrics.

use crate::{
    apply::Network,
    drops::{Drop, Drops},
    listeners::Listeners,
};
use blockhouse_netfilter::{Attach, Counter, ListenPorts, Model, Namespace as Place, TABLE, Vpc};
use serde::Serialize;
use std::{collections::BTreeMap, net::IpAddr};

/// The document.
#[derive(Serialize)]
struct Status<'a> {
    /// The version that is in force; none before the first.
    version: Option<u64>,
    /// Why the network is not what the newest version says.
    failure: Option<&'a str>,
    networks: Vec<OfNetwork>,
    drops: Vec<&'a Drop>,
}

#[derive(Serialize)]
struct OfNetwork {
    name: String,
    /// Where an operator's `ip netns exec` looks into it.
    namespace: Option<String>,
    account: Option<String>,
    endpoints: Vec<OfEndpoint>,
    subnets: Vec<OfSubnet>,
    /// By reason, of the whole network.
    dropped: Vec<Count>,
    /// What was found to be otherwise than planned, and mended, last.
    drift: Vec<String>,
}

#[derive(Serialize)]
struct OfEndpoint {
    id: String,
    addresses: Vec<String>,
    ports: Vec<String>,
    listeners: usize,
    /// Packets that it took.
    accepted: u64,
    dropped: Vec<Count>,
}

#[derive(Serialize)]
struct OfSubnet {
    id: String,
    cidrs: Vec<String>,
    interface: Option<String>,
}

#[derive(Serialize)]
struct Count {
    reason: &'static str,
    packets: u64,
}

/// What counters count, and how many packets they have seen.
pub(crate) type Counts = Vec<(Counter, u64)>;

/// What of the daemon is told.
pub(crate) struct Told<'a> {
    pub(crate) version: Option<u64>,
    pub(crate) failure: Option<&'a str>,
    pub(crate) model: &'a Model,
    pub(crate) networks: &'a BTreeMap<Place, Network>,
    pub(crate) counts: &'a BTreeMap<Place, Counts>,
    pub(crate) drift: &'a BTreeMap<Place, Vec<String>>,
    pub(crate) listeners: &'a Listeners,
    pub(crate) drops: &'a Drops,
}

impl Told<'_> {
    pub(crate) fn document(&self) -> serde_json::Result<String> {
        let vpcs = self.model.vpcs.iter().map(|vpc| self.vpc(vpc));
        let uplinks = (!self.model.public_endpoints.is_empty()).then(|| self.uplinks());
        serde_json::to_string(&Status {
            version: self.version,
            failure: self.failure,
            networks: uplinks.into_iter().chain(vpcs).collect(),
            drops: self.drops.kept().collect(),
        })
    }

    fn vpc(&self, vpc: &Vpc) -> OfNetwork {
        let endpoints = vpc.endpoint.iter();
        let endpoints = endpoints.map(|e| (e.id.as_str(), &e.addresses[..], e.ports));
        let subnets = vpc.subnets.iter().map(|subnet| OfSubnet {
            id: subnet.id.to_string(),
            cidrs: subnet
                .cidrs
                .iter()
                .map(|cidr| cidr.net().to_string())
                .collect(),
            interface: subnet.attach.as_ref().map(Attach::link),
        });
        OfNetwork {
            account: Some(vpc.account.to_string()),
            subnets: subnets.collect(),
            ..self.network(Place::Vpc(vpc.id.clone()), endpoints)
        }
    }

    fn uplinks(&self) -> OfNetwork {
        let endpoints = self.model.public_endpoints.iter();
        let endpoints = endpoints.map(|e| (e.id.as_str(), &e.addresses[..], e.ports));
        self.network(Place::Uplinks, endpoints)
    }

    /// What networks of either kind have.
    fn network<'m>(
        &self,
        place: Place,
        endpoints: impl Iterator<Item = (&'m str, &'m [IpAddr], ListenPorts)>,
    ) -> OfNetwork {
        let namespace = self
            .networks
            .get(&place)
            .map(|network| network.name.to_string());
        let counts = self
            .counts
            .get(&place)
            .map_or(&[][..], |counts| &counts[..]);
        let endpoints =
            endpoints.map(|endpoint| self.endpoint(endpoint, namespace.as_deref(), counts));
        OfNetwork {
            name: place.to_string(),
            account: None,
            endpoints: endpoints.collect(),
            subnets: Vec::new(),
            dropped: dropped(counts, None),
            drift: self.drift.get(&place).cloned().unwrap_or_default(),
            namespace,
        }
    }

    fn endpoint(
        &self,
        (id, addresses, ports): (&str, &[IpAddr], ListenPorts),
        namespace: Option<&str>,
        counts: &[(Counter, u64)],
    ) -> OfEndpoint {
        let ports = [
            ports.http.map(|port| format!("http {port}")),
            ports.https.map(|port| format!("https {port}")),
        ];
        let is_of = |counter: &Counter| {
            counter
                .endpoint
                .as_ref()
                .is_some_and(|endpoint| endpoint.to_string() == id)
        };
        let accepted = counts
            .iter()
            .filter(|(c, _)| c.reason.is_none() && is_of(c));
        OfEndpoint {
            id: id.to_owned(),
            addresses: addresses.iter().map(ToString::to_string).collect(),
            ports: ports.into_iter().flatten().collect(),
            listeners: namespace.map_or(0, |namespace| self.listeners.count(namespace, id)),
            accepted: accepted.map(|(_, packets)| packets).sum(),
            dropped: dropped(counts, Some(id)),
        }
    }
}

/// The counters of each network; none of one whose kernel does not tell them.
pub(crate) fn counts(networks: &mut BTreeMap<Place, Network>) -> BTreeMap<Place, Counts> {
    let Ok(table) = TABLE.parse() else {
        return BTreeMap::new();
    };
    let mut all = BTreeMap::new();
    for (place, network) in networks {
        match network.nft.counters(&table) {
            Ok(counters) => {
                let counts = counters.into_iter();
                let counts = counts.filter_map(|c| Some((c.name.parse().ok()?, c.packets)));
                all.insert(place.clone(), counts.collect());
            }
            Err(failed) => tracing::warn!(%place, %failed, "its counters cannot be read"),
        }
    }
    all
}

/// What was dropped, by reason, for an endpoint or for the network.
fn dropped(counts: &[(Counter, u64)], endpoint: Option<&str>) -> Vec<Count> {
    let is_of = |counter: &&(Counter, u64)| match (&counter.0.endpoint, endpoint) {
        (None, None) => true,
        (Some(of), Some(endpoint)) => of.to_string() == endpoint,
        _ => false,
    };
    let counts = counts.iter().filter(is_of);
    let counts = counts.filter_map(|(counter, packets)| {
        Some(Count {
            reason: counter.reason?.name(),
            packets: *packets,
        })
    });
    counts.collect()
}
