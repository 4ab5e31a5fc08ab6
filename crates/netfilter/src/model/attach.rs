//! How a subnet reaches the node: a plain interface, a VLAN on an uplink, or a VXLAN over one.

use super::InterfaceName;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The highest VLAN id; 4095 is reserved (IEEE 802.1Q).
pub const VLAN_MAX: u16 = 4094;
/// The highest VXLAN network identifier: 24 bits (RFC 7348).
pub const VXLAN_MAX: u32 = (1 << 24) - 1;
/// Tunnel ends of one VXLAN at most.
pub const VXLAN_PEERS_MAX: usize = 64;

/// How a subnet reaches the node. What is attached belongs to one namespace alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Attach {
    /// `{interface: NAME}`: the interface itself, moved into the namespace.
    Interface(InterfaceName),
    /// `{uplink: NAME, vlan: 101}`: the frames of an uplink that carry this tag.
    Vlan {
        /// The interface that carries the tagged frames.
        uplink: InterfaceName,
        /// 1 to [`VLAN_MAX`].
        vlan: u16,
    },
    /// `{uplink: NAME, vxlan: 4001, local: ADDRESS, peers: [ADDRESS...]}`: a tunnel with static ends.
    /// It has no authentication of its own, so whoever speaks VXLAN on the uplink must be known.
    Vxlan {
        /// The interface that the tunnel runs over.
        uplink: InterfaceName,
        /// The network identifier, 1 to [`VXLAN_MAX`].
        vxlan: u32,
        /// This end's address.
        local: IpAddr,
        /// The other ends, of the same family; 1 to [`VXLAN_PEERS_MAX`], and no group address.
        peers: Vec<IpAddr>,
    },
}

/// What is written is no attachment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttach {
    /// None of the three forms, or two at once.
    #[error("an attachment is {{interface}}, {{uplink, vlan}} or {{uplink, vxlan, local, peers}}")]
    Form,
    /// No VLAN has this id.
    #[error("a VLAN id is from 1 to {VLAN_MAX}")]
    Vlan,
    /// No VXLAN has this id.
    #[error("a VXLAN id is from 1 to {VXLAN_MAX}")]
    Vxlan,
    /// The ends do not fit together.
    #[error(
        "a VXLAN's ends are 1 to {VXLAN_PEERS_MAX} different addresses of one host each, of the family of `local`"
    )]
    Ends,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interface: Option<InterfaceName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uplink: Option<InterfaceName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vlan: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vxlan: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    local: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    peers: Vec<IpAddr>,
}

impl Attach {
    /// The name of the link in its namespace. It follows from the attachment alone, so that a change
    /// to another object renames nothing.
    pub fn link(&self) -> String {
        match self {
            Self::Interface(name) => name.to_string(),
            Self::Vlan { vlan, .. } => format!("vl{vlan}"),
            Self::Vxlan { vxlan, .. } => format!("vx{vxlan}"),
        }
    }
}

impl TryFrom<Written> for Attach {
    type Error = InvalidAttach;

    fn try_from(written: Written) -> Result<Self, InvalidAttach> {
        let Written {
            interface,
            uplink,
            vlan,
            vxlan,
            local,
            peers,
        } = written;
        match (interface, uplink, vlan, vxlan, local) {
            (Some(name), None, None, None, None) if peers.is_empty() => Ok(Self::Interface(name)),
            (None, Some(uplink), Some(vlan), None, None) if peers.is_empty() => {
                let legal = (1..=VLAN_MAX).contains(&vlan);
                legal
                    .then_some(Self::Vlan { uplink, vlan })
                    .ok_or(InvalidAttach::Vlan)
            }
            (None, Some(uplink), None, Some(vxlan), Some(local)) => {
                vxlan_of(uplink, vxlan, local, peers)
            }
            _ => Err(InvalidAttach::Form),
        }
    }
}

fn vxlan_of(
    uplink: InterfaceName,
    vxlan: u32,
    local: IpAddr,
    peers: Vec<IpAddr>,
) -> Result<Attach, InvalidAttach> {
    if !(1..=VXLAN_MAX).contains(&vxlan) {
        return Err(InvalidAttach::Vxlan);
    }
    let is_host = |a: &IpAddr| {
        let limited = matches!(a, IpAddr::V4(v4) if v4.is_broadcast());
        !a.is_multicast() && !a.is_unspecified() && !a.is_loopback() && !limited
    };
    let fits = |(at, peer): (usize, &IpAddr)| {
        let again = peers.iter().take(at).any(|earlier| earlier == peer);
        is_host(peer) && peer.is_ipv4() == local.is_ipv4() && *peer != local && !again
    };
    let counted = (1..=VXLAN_PEERS_MAX).contains(&peers.len());
    if !counted || !is_host(&local) || !peers.iter().enumerate().all(fits) {
        return Err(InvalidAttach::Ends);
    }
    Ok(Attach::Vxlan {
        uplink,
        vxlan,
        local,
        peers,
    })
}

impl From<Attach> for Written {
    fn from(attach: Attach) -> Self {
        let mut written = Self {
            interface: None,
            uplink: None,
            vlan: None,
            vxlan: None,
            local: None,
            peers: Vec::new(),
        };
        match attach {
            Attach::Interface(name) => written.interface = Some(name),
            Attach::Vlan { uplink, vlan } => {
                (written.uplink, written.vlan) = (Some(uplink), Some(vlan));
            }
            Attach::Vxlan {
                uplink,
                vxlan,
                local,
                peers,
            } => {
                (written.uplink, written.vxlan) = (Some(uplink), Some(vxlan));
                (written.local, written.peers) = (Some(local), peers);
            }
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_three_forms() {
        let attach = |json: &str| serde_json::from_str::<Attach>(json);
        for (good, link) in [
            (r#"{"interface":"eth1"}"#, "eth1"),
            (r#"{"uplink":"eth0","vlan":101}"#, "vl101"),
            (
                r#"{"uplink":"eth0","vxlan":4001,"local":"192.0.2.1","peers":["192.0.2.7"]}"#,
                "vx4001",
            ),
        ] {
            let read = attach(good).unwrap();
            assert_eq!(read.link(), link);
            assert_eq!(serde_json::to_string(&read).unwrap(), good);
        }
        for bad in [
            "{}",
            r#"{"interface":"eth1","vlan":1}"#,
            r#"{"uplink":"eth0"}"#,
            r#"{"uplink":"eth0","vlan":0}"#,
            r#"{"uplink":"eth0","vlan":4095}"#,
            r#"{"uplink":"eth0","vxlan":4001,"local":"192.0.2.1"}"#,
            r#"{"uplink":"eth0","vxlan":4001,"local":"192.0.2.1","peers":["192.0.2.1"]}"#,
            r#"{"uplink":"eth0","vxlan":4001,"local":"192.0.2.1","peers":["239.0.0.1"]}"#,
            r#"{"uplink":"eth0","vxlan":4001,"local":"192.0.2.1","peers":["fd00::1"]}"#,
            r#"{"uplink":"eth0","vxlan":16777216,"local":"192.0.2.1","peers":["192.0.2.7"]}"#,
            r#"{"interface":"eth1","turbo":1}"#,
        ] {
            assert!(attach(bad).is_err(), "{bad}");
        }
    }
}
