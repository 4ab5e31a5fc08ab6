//! rtnetlink: the links, addresses, routes, policy rules and forwarding entries of a namespace.
//!
//! ```text
//!   link        name, index, kind, up, MTU; made, moved to another namespace, renamed, deleted
//!   address     of a link
//!   route       in a table: where packets to a range go
//!   rule        which table is asked, by the packet's source
//!   peer        of a VXLAN: to whom a frame goes whose receiver is not known
//! ```
//!
//! Every operation is one message, and the kernel does it whole or not at all. What is there already
//! is [`Cause::Exists`](crate::Cause::Exists), what is not there
//! [`Cause::NotFound`](crate::Cause::NotFound); who only wants it so says
//! [`or_exists`](crate::Idempotent::or_exists) or [`or_absent`](crate::Idempotent::or_absent).
//!
//! The messages are written and read here rather than by a library: it is a dozen kinds of them, and
//! the process that sends them holds the privilege over the network, so what it is built of should fit
//! on a screen.

mod address;
mod link;
mod name;
mod peer;
mod routes;
mod rule;

pub use address::Address;
pub use link::{Learning, Link, LinkDetail, State, Vxlan};
pub use name::{BadName, LinkIndex, LinkName};
pub use peer::Peer;
pub use routes::{Route, Scope, TableId};
pub use rule::Rule;

use crate::{
    Failed,
    namespace::Namespace,
    socket::{Question, Socket},
    wire::{Malformed, Message},
};
use ipnet::IpNet;
use nix::sys::socket::SockProtocol;
use std::{fmt::Display, net::IpAddr};

/// A socket to the kernel's routing side, in one namespace.
#[derive(Debug)]
pub struct RouteSocket {
    socket: Socket,
}

impl RouteSocket {
    /// In the namespace of this thread.
    pub fn open() -> Result<Self, Failed> {
        match Socket::open(SockProtocol::NetlinkRoute) {
            Ok(socket) => Ok(Self { socket }),
            Err(errno) => Err(Failed::of("opening", "an rtnetlink socket")(errno.into())),
        }
    }

    /// In a namespace, from a thread that is in another.
    pub fn open_in(namespace: &Namespace) -> Result<Self, Failed> {
        namespace.run(Self::open)?
    }

    /// Sends one message of the routing side.
    fn ask(
        &mut self,
        operation: &'static str,
        object: impl Display,
        question: &Question<'_>,
    ) -> Result<(), Failed> {
        let done = self.socket.ask(question);
        done.map_err(Failed::of(operation, object))
    }

    /// Lists what messages of kind `kind` hold.
    fn list<T>(
        &mut self,
        objects: &'static str,
        question: &Question<'_>,
        kind: u16,
        read: impl Fn(&[u8]) -> Result<Option<T>, Malformed>,
    ) -> Result<Vec<T>, Failed> {
        let read = |message: &Message<'_>, list: &mut Vec<T>| {
            if message.kind == kind {
                list.extend(read(message.body)?);
            }
            Ok(())
        };
        let list = self.socket.list(question, read);
        list.map_err(Failed::of("listing", objects))
    }
}

/// How the kernel calls the two kinds of addresses.
fn family(address: IpAddr) -> u8 {
    // Both are small numbers.
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

/// A range of the kernel's: its address, or none for a range of all, and its length.
fn read_range(
    family: u8,
    address: Option<IpAddr>,
    prefix_len: u8,
    what: &'static str,
) -> Result<Option<IpNet>, Malformed> {
    let address = match (address, i32::from(family)) {
        (Some(address), _) => address,
        (None, libc::AF_INET) => IpAddr::from([0; 4]),
        (None, libc::AF_INET6) => IpAddr::from([0; 16]),
        // Of a protocol that is none of ours.
        (None, _) => return Ok(None),
    };
    let range = IpNet::new(address, prefix_len).map_err(|_| Malformed::Value(what))?;
    Ok(Some(range))
}

#[cfg(test)]
mod tests;
