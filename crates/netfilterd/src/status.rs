//! How the network is, as a JSON document: for `blockhouse net status`, and for the node's metrics.

use crate::{
    apply::Network,
    drops::{Drop, Drops},
    listeners::Listeners,
};
use blockhouse_netfilter::{Attach, Counter, Model, Namespace as Place, TABLE, Vpc};
use blockhouse_netlink::nft::NftSocket;
use serde::Serialize;
use std::collections::BTreeMap;

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

/// What of the daemon is told.
pub(crate) struct Told<'a> {
    pub(crate) version: Option<u64>,
    pub(crate) failure: Option<&'a str>,
    pub(crate) model: &'a Model,
    pub(crate) networks: &'a BTreeMap<Place, Network>,
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
        let place = Place::Vpc(vpc.id.clone());
        let counts = self.counts(&place);
        let namespace = self.namespace(&place);
        let endpoint = vpc.endpoint.as_ref().map(|endpoint| {
            let id = endpoint.id.as_str();
            let ports = (endpoint.ports.http, endpoint.ports.https);
            self.endpoint(
                (id, namespace.as_deref()),
                &endpoint.addresses,
                ports,
                &counts,
            )
        });
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
            name: vpc.id.to_string(),
            namespace,
            account: Some(vpc.account.to_string()),
            endpoints: endpoint.into_iter().collect(),
            subnets: subnets.collect(),
            dropped: dropped(&counts, None),
            drift: self.drift(&place),
        }
    }

    fn uplinks(&self) -> OfNetwork {
        let place = Place::Uplinks;
        let counts = self.counts(&place);
        let namespace = self.namespace(&place);
        let endpoints = self.model.public_endpoints.iter().map(|endpoint| {
            let id = endpoint.id.as_str();
            let ports = (endpoint.ports.http, endpoint.ports.https);
            self.endpoint(
                (id, namespace.as_deref()),
                &endpoint.addresses,
                ports,
                &counts,
            )
        });
        OfNetwork {
            name: place.to_string(),
            account: None,
            endpoints: endpoints.collect(),
            subnets: Vec::new(),
            dropped: dropped(&counts, None),
            drift: self.drift(&place),
            namespace,
        }
    }

    fn endpoint(
        &self,
        (id, namespace): (&str, Option<&str>),
        addresses: &[std::net::IpAddr],
        (http, https): (Option<std::num::NonZeroU16>, Option<std::num::NonZeroU16>),
        counts: &[(Counter, u64)],
    ) -> OfEndpoint {
        let ports = [
            http.map(|port| format!("http {port}")),
            https.map(|port| format!("https {port}")),
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

    fn namespace(&self, place: &Place) -> Option<String> {
        let network = self.networks.get(place)?;
        Some(network.name.to_string())
    }

    fn drift(&self, place: &Place) -> Vec<String> {
        self.drift.get(place).cloned().unwrap_or_default()
    }

    /// The network's counters; none where the kernel does not tell them.
    fn counts(&self, place: &Place) -> Vec<(Counter, u64)> {
        let Some(network) = self.networks.get(place) else {
            return Vec::new();
        };
        let told = TABLE.parse().ok().map(|table| {
            NftSocket::open_in(&network.namespace).and_then(|mut nft| nft.counters(&table))
        });
        let counters = match told {
            Some(Ok(counters)) => counters,
            Some(Err(failed)) => {
                tracing::warn!(%place, %failed, "its counters cannot be read");
                return Vec::new();
            }
            None => return Vec::new(),
        };
        let ours = counters.into_iter().filter_map(|counter| {
            let what: Counter = counter.name.parse().ok()?;
            Some((what, counter.packets))
        });
        ours.collect()
    }
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
