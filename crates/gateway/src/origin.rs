//! Where a connection came from: a fact made once, at accept, from what the kernel says.
//!
//! Nothing in a request can change it, and nobody outside this crate can make one. Policies that
//! ask for the source of a request are judged by this and by no header.

use std::net::SocketAddr;

/// Names a listener. Which one accepted a connection is the identity of the network behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(pub u16);

/// What is known of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    peer: SocketAddr,
    local: SocketAddr,
    tls: bool,
    listener: ListenerId,
}

impl Origin {
    /// The origin of a connection that `listener` has accepted.
    pub(crate) fn new(
        peer: SocketAddr,
        local: SocketAddr,
        tls: bool,
        listener: ListenerId,
    ) -> Self {
        Self {
            peer,
            local,
            tls,
            listener,
        }
    }

    /// The other end's address, as the kernel knows it.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Our end's address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether the connection is encrypted.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The listener that accepted it.
    pub fn listener(&self) -> ListenerId {
        self.listener
    }
}
