//! Links.
//!
//! A link is made with all that it is, in one message, so that none is ever found half made. One that
//! goes to another namespace keeps what binds it to where it was made: a VXLAN its socket, a veth its
//! other end, and [`Link::peer_namespace`] tells that there is such a thing.

mod make;
mod read;

pub use make::{Learning, Vxlan};

use super::{LinkIndex, LinkName, RouteSocket};
use crate::{Cause, Failed, socket::Question, wire::Writer};
use std::{
    net::IpAddr,
    os::fd::{AsFd, AsRawFd},
};

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number in its namespace.
    pub index: LinkIndex,
    /// Its name, which is any text: others make links too.
    pub name: String,
    /// What it is, for the kernel: `veth`, `vxlan`, `vlan`, `dummy`; a plain interface is of none.
    pub kind: Option<String>,
    /// Whether it is switched on.
    pub is_up: bool,
    /// The longest packet, in bytes.
    pub mtu: u32,
    /// Its hardware address, if it is an Ethernet.
    pub hardware: Option<[u8; 6]>,
    /// The link below it, or a veth's other end: a number in the namespace where that is.
    pub parent: Option<LinkIndex>,
    /// The other namespace that it reaches into, as this one numbers others.
    pub peer_namespace: Option<i32>,
    /// More, of some kinds.
    pub detail: LinkDetail,
}

/// What only some kinds of links have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkDetail {
    /// Nothing.
    None,
    /// A VLAN's number.
    Vlan(u16),
    /// A VXLAN's.
    Vxlan {
        /// Its number.
        id: u32,
        /// The address that it sends from.
        local: Option<IpAddr>,
        /// Its UDP port.
        port: u16,
    },
}

/// Whether a link is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is.
    Up,
    /// It is not.
    Down,
}

impl RouteSocket {
    /// All links.
    pub fn links(&mut self) -> Result<Vec<Link>, Failed> {
        let fixed = fixed(LinkIndex(0), 0, 0);
        let question = Question::bare(libc::RTM_GETLINK, &fixed);
        self.list("links", &question, libc::RTM_NEWLINK, |body| {
            Link::read(body).map(Some)
        })
    }

    /// The link of this name.
    pub fn link(&mut self, name: &LinkName) -> Result<Link, Failed> {
        let question = Question {
            kind: libc::RTM_GETLINK,
            flags: 0,
            fixed: &fixed(LinkIndex(0), 0, 0),
            attributes: &|w| w.text(libc::IFLA_IFNAME, name.as_str()),
        };
        let link = self
            .socket
            .get(&question, |message| Link::read(message.body));
        link.map_err(Failed::of("looking for the link", name))
    }

    /// Switches a link on or off.
    pub fn set_state(&mut self, link: LinkIndex, state: State) -> Result<(), Failed> {
        let up = libc::IFF_UP as u32;
        let (operation, flags) = match state {
            State::Up => ("switching on", up),
            State::Down => ("switching off", 0),
        };
        let fixed = fixed(link, flags, up);
        self.change(operation, link, &fixed, &|_| {})
    }

    /// Sets the longest packet of a link, in bytes.
    pub fn set_mtu(&mut self, link: LinkIndex, mtu: u32) -> Result<(), Failed> {
        let fixed = fixed(link, 0, 0);
        let attributes = |w: &mut Writer| w.u32(libc::IFLA_MTU, mtu);
        self.change("setting the MTU of", link, &fixed, &attributes)
    }

    /// Gives a link another name. Old kernels refuse that while it is switched on.
    pub fn rename(&mut self, link: LinkIndex, name: &LinkName) -> Result<(), Failed> {
        let fixed = fixed(link, 0, 0);
        let attributes = |w: &mut Writer| w.text(libc::IFLA_IFNAME, name.as_str());
        self.change("renaming", link, &fixed, &attributes)
    }

    /// Moves a link to another namespace. It arrives switched off, without addresses, and with another
    /// number if its own is taken. If its name is taken it stays: a new one could be asked for in the
    /// same message, but the kernel moves first, and a refused name leaves the link moved.
    pub fn move_to(&mut self, link: LinkIndex, namespace: impl AsFd) -> Result<(), Failed> {
        let fd = raw(&namespace).map_err(Failed::of("moving", link))?;
        let fixed = fixed(link, 0, 0);
        let attributes = |w: &mut Writer| w.u32(libc::IFLA_NET_NS_FD, fd);
        self.change("moving", link, &fixed, &attributes)
    }

    /// Deletes a link; of a veth the other end goes with it.
    pub fn delete_link(&mut self, link: LinkIndex) -> Result<(), Failed> {
        let fixed = fixed(link, 0, 0);
        let question = Question::bare(libc::RTM_DELLINK, &fixed);
        self.ask("deleting", link, &question)
    }

    fn change(
        &mut self,
        operation: &'static str,
        link: LinkIndex,
        fixed: &[u8],
        attributes: &dyn Fn(&mut Writer),
    ) -> Result<(), Failed> {
        let question = Question {
            kind: libc::RTM_NEWLINK,
            flags: 0,
            fixed,
            attributes,
        };
        self.ask(operation, link, &question)
    }
}

/// The number of a descriptor, as messages carry it. The kernel takes it while the message is sent.
fn raw(fd: &impl AsFd) -> Result<u32, Cause> {
    let number = fd.as_fd().as_raw_fd();
    u32::try_from(number).map_err(|_| Cause::Socket(nix::errno::Errno::EBADF))
}

/// `ifinfomsg`: family u8, nothing u8, hardware type u16, index i32, flags u32, which of them u32.
fn fixed(link: LinkIndex, flags: u32, mask: u32) -> [u8; 16] {
    let mut fixed = [0; 16];
    let fields = [link.0, flags, mask];
    for (place, field) in fixed.chunks_exact_mut(4).skip(1).zip(fields) {
        place.copy_from_slice(&field.to_ne_bytes());
    }
    fixed
}
