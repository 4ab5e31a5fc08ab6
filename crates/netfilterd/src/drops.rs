//! The sample of dropped packets: a few a second of each reason, as the rules send them to netlink's
//! log.

use blockhouse_netlink::{
    Failed,
    namespace::Namespace,
    nflog::{LogReader, PacketLog, Protocol},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, VecDeque},
    os::fd::{AsFd as _, BorrowedFd},
    time::{Duration, Instant},
};

/// The log's group, as the rules name it.
const GROUP: u16 = 1;

/// Samples that are kept; the oldest goes.
const KEPT_MAX: usize = 100;

/// Lines of our own log in one second, of all networks together.
const LINES_PER_SEC_MAX: u32 = 10;

/// A dropped packet.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Drop {
    network: String,
    reason: String,
    source: String,
    destination_port: Option<u16>,
    protocol: Option<String>,
}

/// The readers of all networks, and what they read lately.
#[derive(Debug)]
pub(crate) struct Drops {
    readers: BTreeMap<String, LogReader>,
    kept: VecDeque<Drop>,
    second: Instant,
    lines: u32,
}

impl Default for Drops {
    fn default() -> Self {
        Self {
            readers: BTreeMap::new(),
            kept: VecDeque::new(),
            second: Instant::now(),
            lines: 0,
        }
    }
}

impl Drops {
    /// Reads a network's log from now on.
    pub(crate) fn watch(&mut self, network: &str, namespace: &Namespace) -> Result<(), Failed> {
        if !self.readers.contains_key(network) {
            let reader = LogReader::open_in(namespace, GROUP)?;
            self.readers.insert(network.to_owned(), reader);
        }
        Ok(())
    }

    pub(crate) fn forget(&mut self, network: &str) {
        self.readers.remove(network);
    }

    /// What to wait for.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.readers.values().map(|reader| reader.as_fd())
    }

    /// Reads what is there.
    pub(crate) fn read(&mut self) {
        let mut lines = Vec::new();
        for (network, reader) in &mut self.readers {
            let mut read = Vec::new();
            if let Err(failed) = reader.receive(Duration::ZERO, &mut read) {
                tracing::debug!(network, %failed, "a sample of drops could not be read");
            }
            lines.extend(read.into_iter().map(|line| Drop::of(network, &line)));
        }
        for drop in lines {
            self.tell(&drop);
            if self.kept.len() == KEPT_MAX {
                self.kept.pop_front();
            }
            self.kept.push_back(drop);
        }
    }

    pub(crate) fn kept(&self) -> impl Iterator<Item = &Drop> {
        self.kept.iter()
    }

    fn tell(&mut self, drop: &Drop) {
        if self.second.elapsed() >= Duration::from_secs(1) {
            (self.second, self.lines) = (Instant::now(), 0);
        }
        self.lines = self.lines.saturating_add(1);
        if self.lines <= LINES_PER_SEC_MAX {
            let Drop {
                network,
                reason,
                source,
                destination_port,
                ..
            } = drop;
            tracing::info!(
                network,
                reason,
                source,
                destination_port,
                "dropped, a sample"
            );
        }
    }
}

impl Drop {
    fn of(network: &str, line: &PacketLog) -> Self {
        Self {
            network: network.to_owned(),
            reason: line.prefix.trim().to_owned(),
            source: line
                .source
                .map_or_else(String::new, |source| source.to_string()),
            destination_port: line.port,
            protocol: line.protocol.map(|protocol| match protocol {
                Protocol::Arp => "arp".to_owned(),
                Protocol::Ip(1) => "icmp".to_owned(),
                Protocol::Ip(6) => "tcp".to_owned(),
                Protocol::Ip(17) => "udp".to_owned(),
                Protocol::Ip(58) => "icmpv6".to_owned(),
                Protocol::Ip(number) => number.to_string(),
            }),
        }
    }
}
