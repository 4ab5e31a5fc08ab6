//! `net status`: what `netfilterd` says of the network, for a person.
//!
//! ```text
//! version 7, active
//! vpc-a  account 111122223333
//! ├ vpce-a  10.0.1.10, fd00:a::10  http 80, https 443  4 listeners
//! ├ subnet-a1  10.0.1.0/24  on port-a1
//! ├ subnet-a2  10.0.2.0/24  by way of the endpoint's subnet
//! └ dropped  spoof 12, network_acl 3
//! ```

use crate::{ask, cli::NodeArgs};
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::fmt::{self, Write as _};

/// What it says. Its own words are kept beside, for who wants JSON.
pub(super) struct Status {
    text: String,
    said: Said,
}

#[derive(Deserialize)]
struct Said {
    /// The version that is in force; none before the first.
    version: Option<u64>,
    /// Why the network is not what the newest version says.
    failure: Option<String>,
    networks: Vec<Network>,
    #[serde(default)]
    drops: Vec<Drop>,
}

#[derive(Deserialize)]
struct Network {
    name: String,
    account: Option<String>,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
    #[serde(default)]
    subnets: Vec<Subnet>,
    #[serde(default)]
    dropped: Vec<Count>,
    #[serde(default)]
    drift: Vec<String>,
}

#[derive(Deserialize)]
struct Endpoint {
    id: String,
    addresses: Vec<String>,
    ports: Vec<String>,
    listeners: usize,
}

#[derive(Deserialize)]
struct Subnet {
    id: String,
    cidrs: Vec<String>,
    interface: Option<String>,
}

#[derive(Deserialize)]
struct Count {
    reason: String,
    packets: u64,
}

#[derive(Deserialize)]
struct Drop {
    network: String,
    reason: String,
    source: String,
    destination_port: Option<u16>,
}

impl Status {
    pub(super) fn fetch(node: &NodeArgs) -> Result<Self> {
        let text = ask::admin_text(node, "GET", "/net", "")?;
        let unknown = "the network's status is not one that this program knows";
        let said = serde_json::from_str(&text).context(unknown)?;
        Ok(Self { text, said })
    }

    pub(super) fn text(&self) -> &str {
        self.text.trim_end()
    }

    /// Why the network is not what was asked for.
    pub(super) fn failure(&self) -> Option<&str> {
        self.said.failure.as_deref()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.said.version, self.failure()) {
            (None, None) => writeln!(f, "no network")?,
            (None, Some(why)) => writeln!(f, "no network yet: {why}")?,
            (Some(version), None) => writeln!(f, "version {version}, active")?,
            (Some(version), Some(why)) => {
                writeln!(f, "version {version}, and not the newest: {why}")?;
            }
        }
        for network in &self.said.networks {
            write!(f, "{network}")?;
        }
        if !self.said.drops.is_empty() {
            writeln!(f, "lately dropped, a sample")?;
        }
        for drop in &self.said.drops {
            let (network, reason) = (&drop.network, &drop.reason);
            write!(f, "  {network}  {reason}  from {}", drop.source)?;
            if let Some(port) = drop.destination_port {
                write!(f, " to port {port}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(account) = &self.account {
            write!(f, "  account {account}")?;
        }
        writeln!(f)?;
        let mut lines = Vec::new();
        for endpoint in &self.endpoints {
            let Endpoint {
                id,
                addresses,
                ports,
                listeners,
            } = endpoint;
            let (addresses, ports) = (addresses.join(", "), ports.join(", "));
            lines.push(format!("{id}  {addresses}  {ports}  {listeners} listeners"));
        }
        for subnet in &self.subnets {
            let mut line = format!("{}  {}", subnet.id, subnet.cidrs.join(", "));
            match &subnet.interface {
                Some(interface) => write!(line, "  on {interface}")?,
                None => line.push_str("  by way of the endpoint's subnet"),
            }
            lines.push(line);
        }
        let counts = self.dropped.iter().filter(|count| count.packets > 0);
        let counts = counts.map(|Count { reason, packets }| format!("{reason} {packets}"));
        let counts: Vec<_> = counts.collect();
        if !counts.is_empty() {
            lines.push(format!("dropped  {}", counts.join(", ")));
        }
        lines.extend(self.drift.iter().map(|what| format!("drift  {what}")));
        let last = lines.len();
        for (number, line) in lines.iter().enumerate() {
            let branch = if number + 1 == last { '└' } else { '├' };
            writeln!(f, "{branch} {line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_sees_a_tree() {
        let text = r#"{"version": 7, "failure": null, "networks": [
            {"name": "vpc-a", "account": "111122223333",
             "endpoints": [{"id": "vpce-a", "addresses": ["10.0.1.10"], "ports": ["http 80"], "listeners": 2}],
             "subnets": [{"id": "subnet-a1", "cidrs": ["10.0.1.0/24"], "interface": "port-a1"}],
             "dropped": [{"reason": "spoof", "packets": 12}, {"reason": "rate", "packets": 0}]}],
            "drops": [{"network": "vpc-a", "reason": "spoof", "source": "10.9.9.9", "destination_port": 80}]}"#;
        let status = Status {
            text: text.to_owned(),
            said: serde_json::from_str(text).unwrap(),
        };
        assert_eq!(
            status.to_string(),
            "version 7, active\n\
             vpc-a  account 111122223333\n\
             ├ vpce-a  10.0.1.10  http 80  2 listeners\n\
             ├ subnet-a1  10.0.1.0/24  on port-a1\n\
             └ dropped  spoof 12\n\
             lately dropped, a sample\n\
             \x20 vpc-a  spoof  from 10.9.9.9 to port 80\n"
        );
    }
}
