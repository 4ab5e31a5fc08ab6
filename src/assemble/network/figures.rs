//! What the network filter says of itself, as figures in `/metrics`.

use blockhouse_gateway::events::{Sample, SampleKind};
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};

/// The figures as they were told last; shared with whoever shows them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(Arc<Mutex<Vec<Sample>>>);

#[derive(Deserialize)]
struct Said {
    version: Option<u64>,
    failure: Option<String>,
    networks: Vec<Network>,
}

#[derive(Deserialize)]
struct Network {
    name: String,
    endpoints: Vec<Endpoint>,
    dropped: Vec<Count>,
}

#[derive(Deserialize)]
struct Endpoint {
    id: String,
    listeners: u64,
    accepted: u64,
    dropped: Vec<Count>,
}

#[derive(Deserialize)]
struct Count {
    reason: String,
    packets: u64,
}

impl Figures {
    /// The figures.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes a status. One that cannot be read leaves the figures as they are.
    pub(super) fn take(&self, status: &str) -> serde_json::Result<()> {
        let said: Said = serde_json::from_str(status)?;
        let samples = said.samples();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = samples;
        Ok(())
    }
}

impl Said {
    /// Samples of one name stand together, as the exposition wants them.
    fn samples(&self) -> Vec<Sample> {
        let gauge = |name, help, value| Sample {
            name,
            help,
            kind: SampleKind::Gauge,
            labels: Vec::new(),
            value,
        };
        let mut samples = vec![
            gauge(
                "net_version",
                "The version of the network that is in force",
                self.version.unwrap_or(0),
            ),
            gauge(
                "net_failed",
                "1 while the network is not what it is to be",
                self.failure.is_some().into(),
            ),
        ];
        let of = |labels, name, help, kind, value| Sample {
            name,
            help,
            kind,
            labels,
            value,
        };
        let labels = |network: &Network| vec![("network", network.name.clone())];
        for network in &self.networks {
            samples.extend(network.dropped.iter().map(|count| {
                let mut labels = labels(network);
                labels.push(("reason", count.reason.clone()));
                let help = "Packets dropped, by network and reason";
                of(
                    labels,
                    "net_dropped_packets",
                    help,
                    SampleKind::Counter,
                    count.packets,
                )
            }));
        }
        let endpoints = || {
            let networks = self.networks.iter();
            networks.flat_map(|network| network.endpoints.iter().map(move |e| (network, e)))
        };
        let with_endpoint = |network: &Network, endpoint: &Endpoint| {
            let mut labels = labels(network);
            labels.push(("endpoint", endpoint.id.clone()));
            labels
        };
        for (network, endpoint) in endpoints() {
            samples.extend(endpoint.dropped.iter().map(|count| {
                let mut labels = with_endpoint(network, endpoint);
                labels.push(("reason", count.reason.clone()));
                let help = "Packets to an endpoint that were dropped, by reason";
                let name = "net_endpoint_dropped_packets";
                of(labels, name, help, SampleKind::Counter, count.packets)
            }));
        }
        samples.extend(endpoints().map(|(network, endpoint)| {
            let help = "Packets that an endpoint took";
            let labels = with_endpoint(network, endpoint);
            of(
                labels,
                "net_accepted_packets",
                help,
                SampleKind::Counter,
                endpoint.accepted,
            )
        }));
        samples.extend(endpoints().map(|(network, endpoint)| {
            let help = "Listeners of an endpoint";
            let labels = with_endpoint(network, endpoint);
            of(
                labels,
                "net_listeners",
                help,
                SampleKind::Gauge,
                endpoint.listeners,
            )
        }));
        samples
    }
}
