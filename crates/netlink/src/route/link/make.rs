//! Links being made.

use super::{fixed, raw};
use crate::{
    Failed,
    route::{LinkIndex, LinkName, RouteSocket},
    socket::Question,
    wire::Writer,
};
use std::{net::IpAddr, os::fd::BorrowedFd};

/// Of a veth, the other end: an `ifinfomsg` and attributes.
const VETH_PEER: u16 = 1;
/// Of a VLAN, its number.
pub(super) const VLAN_ID: u16 = 1;

// Of a VXLAN, `IFLA_VXLAN_…`.
pub(super) const VXLAN_ID: u16 = 1;
pub(super) const VXLAN_LOCAL: u16 = 4;
const VXLAN_LEARNING: u16 = 7;
pub(super) const VXLAN_PORT: u16 = 15;
pub(super) const VXLAN_LOCAL_V6: u16 = 17;

/// A VXLAN to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vxlan {
    /// Its number, of 24 bits.
    pub id: u32,
    /// The address that it sends from and listens on.
    pub local: IpAddr,
    /// Its UDP port; the one of the standard is 4789.
    pub port: u16,
    /// The longest packet, in bytes.
    pub mtu: u32,
    /// Whether it notes who sent from where.
    pub learning: Learning,
}

/// Whether a VXLAN notes behind which peer a hardware address was last seen. If it does not, every
/// frame goes to all peers; if it does, a peer can claim another's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learning {
    /// It does.
    On,
    /// It does not.
    Off,
}

impl RouteSocket {
    /// Makes a pair of links of which each receives what the other sends. The second may be made in
    /// another namespace.
    pub fn add_veth(
        &mut self,
        name: &LinkName,
        other: &LinkName,
        other_namespace: Option<BorrowedFd<'_>>,
    ) -> Result<(), Failed> {
        let namespace = other_namespace.as_ref().map(raw).transpose();
        let namespace = namespace.map_err(Failed::of("adding the link", name))?;
        self.add(name, "veth", None, &|w| {
            let peer = w.nest_plain(VETH_PEER);
            w.fixed(&fixed(LinkIndex(0), 0, 0));
            w.text(libc::IFLA_IFNAME, other.as_str());
            if let Some(fd) = namespace {
                w.u32(libc::IFLA_NET_NS_FD, fd);
            }
            w.end(peer);
        })
    }

    /// Makes a link that sends and receives the packets of one VLAN of another link.
    pub fn add_vlan(&mut self, name: &LinkName, of: LinkIndex, id: u16) -> Result<(), Failed> {
        let link = |w: &mut Writer| w.u32(libc::IFLA_LINK, of.0);
        self.add(name, "vlan", Some(&link), &|w| {
            w.attribute(VLAN_ID, &id.to_ne_bytes());
        })
    }

    /// Makes a link whose frames travel in UDP. Its socket stays in this namespace when the link is
    /// moved to another. It has no peers yet.
    pub fn add_vxlan(&mut self, name: &LinkName, vxlan: &Vxlan) -> Result<(), Failed> {
        let mtu = |w: &mut Writer| w.u32(libc::IFLA_MTU, vxlan.mtu);
        self.add(name, "vxlan", Some(&mtu), &|w| {
            w.u32(VXLAN_ID, vxlan.id);
            let local = match vxlan.local {
                IpAddr::V4(_) => VXLAN_LOCAL,
                IpAddr::V6(_) => VXLAN_LOCAL_V6,
            };
            w.address(local, vxlan.local);
            w.attribute(VXLAN_PORT, &vxlan.port.to_be_bytes());
            w.attribute(VXLAN_LEARNING, &[u8::from(vxlan.learning == Learning::On)]);
        })
    }

    /// Makes a link that swallows what it is given; it holds addresses.
    pub fn add_dummy(&mut self, name: &LinkName) -> Result<(), Failed> {
        self.add(name, "dummy", None, &|_| {})
    }

    /// Makes a link of a kind, with attributes of its own and of its kind.
    fn add(
        &mut self,
        name: &LinkName,
        kind: &str,
        own: Option<&dyn Fn(&mut Writer)>,
        of_kind: &dyn Fn(&mut Writer),
    ) -> Result<(), Failed> {
        let question = Question {
            kind: libc::RTM_NEWLINK,
            flags: libc::NLM_F_CREATE | libc::NLM_F_EXCL,
            fixed: &fixed(LinkIndex(0), 0, 0),
            attributes: &|w| {
                w.text(libc::IFLA_IFNAME, name.as_str());
                if let Some(own) = own {
                    own(w);
                }
                let info = w.nest_plain(libc::IFLA_LINKINFO);
                w.text(libc::IFLA_INFO_KIND, kind);
                let data = w.nest_plain(libc::IFLA_INFO_DATA);
                of_kind(w);
                w.end(data);
                w.end(info);
            },
        };
        self.ask("adding the link", name, &question)
    }
}
