//! A listening socket, and what it stands for.

use blockhouse_types::AccountId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{net::SocketAddr, os::fd::OwnedFd};

/// Bytes of a name at most: of a namespace, an interface, a VPC, an endpoint. A packet holds a full batch
/// of listeners with names of this length.
pub const NAME_BYTES_MAX: usize = 80;

/// A listening socket, as it is told of beside its descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Its number, given by `netfilterd`; never given twice while a node knows it.
    pub id: u32,
    /// What is spoken there.
    pub kind: ListenerKind,
    /// The name of its network namespace.
    pub namespace: String,
    /// The namespace's cookie: every connection that it accepts has the same.
    pub cookie: u64,
    /// The interface that it is bound to.
    pub interface: String,
    /// Its address.
    pub address: SocketAddr,
    /// Which of several sockets of one address it is, counted from zero: one for each I/O thread.
    pub share: u32,
    /// Whose it is.
    pub owner: Owner,
}

impl Listener {
    /// Whether each of its names is one: letters, digits, `-`, `_` and `.`, so that it needs no quotes
    /// anywhere, and at most [`NAME_BYTES_MAX`] of them.
    pub(crate) fn is_bounded(&self) -> bool {
        let of_owner = match &self.owner {
            Owner::Vpc { vpc, endpoint, .. } => is_name(vpc) && is_name(endpoint),
            Owner::Public { endpoint } => is_name(endpoint),
        };
        of_owner && is_name(&self.namespace) && is_name(&self.interface)
    }
}

fn is_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal)
}

/// What is spoken at a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenerKind {
    /// S3 over http.
    Http,
    /// S3 over https.
    Https,
    /// The name service, in datagrams.
    NamesUdp,
    /// The name service, in connections.
    NamesTcp,
}

/// Whose a listener is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Owner {
    /// A VPC's endpoint.
    Vpc {
        /// `vpc-…`
        vpc: String,
        /// `vpce-…`
        endpoint: String,
        /// The VPC's account.
        #[serde(serialize_with = "write_account", deserialize_with = "read_account")]
        account: AccountId,
    },
    /// A public endpoint.
    Public {
        /// `public-…`
        endpoint: String,
    },
}

/// A listener with its socket.
#[derive(Debug)]
pub struct Opened {
    /// What it is.
    pub listener: Listener,
    /// The socket.
    pub socket: OwnedFd,
}

fn write_account<S: Serializer>(account: &AccountId, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(account)
}

fn read_account<'de, D: Deserializer<'de>>(from: D) -> Result<AccountId, D::Error> {
    let text = String::deserialize(from)?;
    AccountId::parse(&text).map_err(D::Error::custom)
}
