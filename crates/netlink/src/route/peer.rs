//! The peers of a VXLAN: forwarding entries of the hardware address zero, to whom a frame goes whose
//! receiver is not known.

use super::{LinkIndex, RouteSocket};
use crate::{
    Failed,
    socket::Question,
    wire::{Attributes, Malformed, Writer},
};
use std::{fmt, net::IpAddr};

/// The hardware address that stands for all.
const ANY_HARDWARE: [u8; 6] = [0; 6];

/// A peer of a VXLAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// The VXLAN.
    pub link: LinkIndex,
    /// Where its frames are sent.
    pub address: IpAddr,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.address, self.link)
    }
}

impl RouteSocket {
    /// The peers of all VXLANs.
    pub fn peers(&mut self) -> Result<Vec<Peer>, Failed> {
        let fixed = fixed(LinkIndex(0), 0);
        let question = Question::bare(libc::RTM_GETNEIGH, &fixed);
        self.list("VXLAN peers", &question, libc::RTM_NEWNEIGH, Peer::read)
    }

    /// Adds a peer to those that a VXLAN has. The kernel does not say if it has it already.
    pub fn add_peer(&mut self, peer: Peer) -> Result<(), Failed> {
        let question = Question {
            kind: libc::RTM_NEWNEIGH,
            flags: libc::NLM_F_CREATE | libc::NLM_F_APPEND,
            fixed: &fixed(peer.link, libc::NUD_NOARP | libc::NUD_PERMANENT),
            attributes: &|w| peer.write(w),
        };
        self.ask("adding the VXLAN peer", peer, &question)
    }

    /// Deletes a peer. As long as the VXLAN has others, the kernel does not say if it was none.
    pub fn delete_peer(&mut self, peer: Peer) -> Result<(), Failed> {
        let question = Question {
            kind: libc::RTM_DELNEIGH,
            flags: 0,
            fixed: &fixed(peer.link, 0),
            attributes: &|w| peer.write(w),
        };
        self.ask("deleting the VXLAN peer", peer, &question)
    }
}

impl Peer {
    fn write(&self, w: &mut Writer) {
        w.attribute(libc::NDA_LLADDR, &ANY_HARDWARE);
        w.address(libc::NDA_DST, self.address);
    }

    /// Reads the body of an `RTM_NEWNEIGH`; another kind of neighbour is none.
    pub fn read(body: &[u8]) -> Result<Option<Self>, Malformed> {
        let (fixed, attributes) = Attributes::behind::<12>(body, "a neighbour")?;
        let [family, _, _, _, a, b, c, d, ..] = *fixed;
        if i32::from(family) != libc::AF_BRIDGE {
            return Ok(None);
        }
        let (mut is_any, mut address) = (false, None);
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind {
                libc::NDA_LLADDR => is_any = attribute.value == ANY_HARDWARE,
                libc::NDA_DST => address = Some(attribute.address("a peer")?),
                _ => {}
            }
        }
        let link = LinkIndex(u32::from_ne_bytes([a, b, c, d]));
        let address = address.filter(|_| is_any);
        Ok(address.map(|address| Self { link, address }))
    }
}

/// `ndmsg`: family u8, nothing, link i32, state u16, flags u8, type u8.
fn fixed(link: LinkIndex, state: u16) -> [u8; 12] {
    // A small number.
    let family = libc::AF_BRIDGE as u8;
    let ([a, b, c, d], [s, t]) = (link.0.to_ne_bytes(), state.to_ne_bytes());
    [family, 0, 0, 0, a, b, c, d, s, t, libc::NTF_SELF, 0]
}
