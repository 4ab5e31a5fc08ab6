//! What a machine's network is like, and the settings of the process that sets it up.
//!
//! ```toml
//! [network]
//! plain = ["ens5", "port-*"]    # interfaces that may be given to a VPC or a public endpoint whole
//!
//! [[network.uplinks]]           # interfaces that carry many networks, told apart by tags
//! name = "uplink0"
//! interface = "ens6"
//! carries = ["vlan", "vxlan"]
//! mtu = 9000
//! ```
//! An interface that is not named here is never touched, whatever the network model says: the one by
//! which the node is managed, above all.

use crate::{
    SettingsError,
    document::{read_toml, refuse},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, path::PathBuf};

/// Uplinks of one machine, at most.
const UPLINKS_MAX: usize = 64;

/// Names and patterns of plain interfaces, at most.
const PLAIN_MAX: usize = 4096;

/// The longest name of an interface, in bytes. Source: Linux, `IFNAMSIZ`, less the zero at its end.
pub const INTERFACE_NAME_BYTES_MAX: usize = 15;

/// The smallest MTU that IPv6 allows. Source: RFC 8200, section 5.
const MTU_MIN: u32 = 1280;

/// The greatest MTU that a network card of ours has.
const MTU_MAX: u32 = 9216;

/// What the names of namespaces begin with, at most, in bytes: with a VPC's id behind it a name stays
/// within what messages and the kernel's lists take.
const PREFIX_BYTES_MAX: usize = 11;

/// The shares of one listener, at most: the I/O threads of a node.
const SHARES_MAX: usize = crate::node::IO_THREADS_MAX;

/// The network section of a hardware profile. By default nothing may be touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkProfile {
    /// Interfaces that may be given away whole; a `*` at the end stands for any rest.
    pub plain: Vec<String>,
    /// Interfaces that carry many networks.
    pub uplinks: Vec<Uplink>,
}

/// An interface that carries many networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uplink {
    /// As the network model calls it.
    pub name: String,
    /// As the kernel calls it.
    pub interface: String,
    /// How the networks on it are told apart.
    pub carries: BTreeSet<Carries>,
    /// Bytes of the largest packet; what the interface has if none is said. A VXLAN has 50 less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
}

/// How networks on one interface are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carries {
    /// IEEE 802.1Q.
    Vlan,
    /// RFC 7348.
    Vxlan,
}

impl NetworkProfile {
    /// Judges it.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if self.plain.len() > PLAIN_MAX {
            return refuse("network.plain", format!("at most {PLAIN_MAX}"));
        }
        let whole = |name: &str| name.strip_suffix('*').unwrap_or(name).to_owned();
        if let Some(bad) = self.plain.iter().find(|name| !is_interface(&whole(name))) {
            return refuse("network.plain", format!("{bad} is no interface's name"));
        }
        if self.uplinks.len() > UPLINKS_MAX {
            return refuse("network.uplinks", format!("at most {UPLINKS_MAX}"));
        }
        let (mut names, mut interfaces) = (BTreeSet::new(), BTreeSet::new());
        for (number, uplink) in self.uplinks.iter().enumerate() {
            let field = |rest: &str| format!("network.uplinks[{number}].{rest}");
            let is_new = interfaces.insert(&uplink.interface);
            if !is_interface(&uplink.interface) || !is_new || self.may_give(&uplink.interface) {
                return refuse(
                    field("interface"),
                    "an interface's name, once, and not among the plain ones",
                );
            }
            if !is_interface(&uplink.name) || !names.insert(&uplink.name) {
                return refuse(field("name"), "a short name of its own");
            }
            if uplink.carries.is_empty() {
                return refuse(field("carries"), "vlan, vxlan or both");
            }
            if uplink
                .mtu
                .is_some_and(|mtu| !(MTU_MIN..=MTU_MAX).contains(&mtu))
            {
                return refuse(field("mtu"), format!("{MTU_MIN} to {MTU_MAX} bytes"));
            }
        }
        Ok(())
    }

    /// Whether this interface may be given away whole.
    pub fn may_give(&self, interface: &str) -> bool {
        self.plain
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(begin) => interface.starts_with(begin),
                None => interface == pattern,
            })
    }

    /// The uplink of that name, if it carries networks of this kind.
    pub fn uplink(&self, name: &str, carries: Carries) -> Option<&Uplink> {
        let mut uplinks = self.uplinks.iter();
        uplinks.find(|uplink| uplink.name == name && uplink.carries.contains(&carries))
    }
}

/// Source: Linux, `dev_valid_name`.
fn is_interface(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_graphic() && !b"/:*".contains(&b);
    (1..=INTERFACE_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(legal)
        && !matches!(name, "." | ".." | "lo" | "all" | "default")
}

/// The settings of `netfilterd`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetfilterdSettings {
    /// What the names of its network namespaces begin with, so that several nodes of one machine keep
    /// apart.
    pub prefix: String,
    /// The user whose process may ask.
    pub gateway_uid: u32,
    /// Listeners of each address: one for each I/O thread of the node.
    pub shares: usize,
    /// Whether it takes its networks down when it is told to end. Otherwise they stay, and what is in
    /// them goes on: it may have been told to end to be replaced.
    #[serde(default)]
    pub takes_down: bool,
    /// What the machine's network is like.
    #[serde(default)]
    pub network: NetworkProfile,
}

impl NetfilterdSettings {
    /// Reads and judges a document.
    pub fn parse(toml: &str) -> Result<Self, SettingsError> {
        let settings: Self = read_toml(toml)?;
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let prefix = settings.prefix.as_bytes();
        if !(1..=PREFIX_BYTES_MAX).contains(&prefix.len()) || !prefix.iter().all(|b| legal(*b)) {
            return refuse(
                "prefix",
                format!("1 to {PREFIX_BYTES_MAX} small letters, digits and -"),
            );
        }
        if !(1..=SHARES_MAX).contains(&settings.shares) {
            return refuse("shares", format!("1 to {SHARES_MAX}"));
        }
        settings.network.check()?;
        Ok(settings)
    }

    /// The document.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

/// Where a node finds its network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeNetwork {
    /// `netfilterd`'s socket.
    pub netfilterd: PathBuf,
    /// A network model that becomes the desired one when the node starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> NetfilterdSettings {
        NetfilterdSettings {
            prefix: "bh-1".to_owned(),
            gateway_uid: 1000,
            shares: 2,
            takes_down: false,
            network: NetworkProfile {
                plain: vec!["ens5".to_owned(), "port-*".to_owned()],
                uplinks: vec![Uplink {
                    name: "uplink0".to_owned(),
                    interface: "ens6".to_owned(),
                    carries: BTreeSet::from([Carries::Vlan, Carries::Vxlan]),
                    mtu: Some(9000),
                }],
            },
        }
    }

    #[test]
    fn reads_back_and_refuses() {
        let text = settings().to_toml().unwrap();
        assert_eq!(NetfilterdSettings::parse(&text).unwrap(), settings());
        for (good, bad) in [
            ("shares = 2", "shares = 0"),
            ("bh-1", "BH"),
            ("9000", "100"),
            ("\"ens6\"", "\"ens5\""),
            ("\"ens6\"", "\"port-9\""),
            ("\"ens6\"", "\"a-name-that-is-too-long\""),
            ("\"ens5\"", "\"lo\""),
            ("\"vlan\"", "\"mpls\""),
        ] {
            let changed = text.replace(good, bad);
            assert_ne!(changed, text, "{good}");
            assert!(NetfilterdSettings::parse(&changed).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_units_settings_are_right() {
        let text = include_str!("../../../systemd/netfilterd.toml");
        assert!(NetfilterdSettings::parse(text).is_ok());
    }

    #[test]
    fn what_is_not_named_is_never_given() {
        let network = settings().network;
        for (interface, given) in [
            ("ens5", true),
            ("port-7", true),
            ("ens6", false),
            ("ens50", false),
        ] {
            assert_eq!(network.may_give(interface), given, "{interface}");
        }
        assert!(!NetworkProfile::default().may_give("ens5"));
        assert!(network.uplink("uplink0", Carries::Vlan).is_some());
        assert!(network.uplink("ens6", Carries::Vlan).is_none());
    }
}
