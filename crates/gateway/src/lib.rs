//! The gateway: carries each request through origin, parse, verify, permit and perform.
//!
//! ```text
//!  TCP, TLS ──► accept ──► hyper ──► stages::serve_request ──────────────► response
//!               │  │                  origin → parsed → verified → permitted → performed
//!               │  └ watch: slow and idle clients                      (store)
//!               └ origin: what is known of the connection, made once
//! ```
//!
//! # How it moves
//! One thread per I/O core. Each has a listener of its own for every address (SO_REUSEPORT: the
//! kernel deals the connections), a [`Context`] with its handles of the store and the verifier, and
//! one task per connection. Nothing of a request leaves its thread but what store and verifier hand
//! over. Bounds are in [`limits`]: header bytes, connections, requests in flight, patience with slow
//! clients. [`drain`] ends it: no new connection, requests in flight finish, what is left is cut.
//!
//! # What it never does
//! It opens no disk and holds no secret; no request reaches the store but through
//! [`stages`], whose types make the order of the steps the only one that compiles.
#![forbid(unsafe_code)]

pub mod accept;
mod access_point;
pub mod admin;
pub mod audit;
pub mod drain;
pub mod events;
pub mod limits;
mod network;
mod origin;
#[cfg(test)]
mod tests;
pub mod tls;
mod watch;

// The trunk.
mod body;
mod context;
mod cors;
mod desired;
mod link;
mod perform;
mod permit;
mod respond;
pub mod stages;
mod verify;

pub use body::{Hashing, Inbound, Stream};
pub use context::{Context, Site};
pub use desired::{ChangeError, DesiredState};
pub use link::{Line, Roll, Rolls};
pub use network::{NetworkError, NetworkFilter, NetworkOrder, ORDERS_MAX};
pub use origin::{Entrance, ListenerId, Origin, VpcEndpoint};
pub use permit::{Compiled, SharedLists};
pub use respond::{AnswerBody, AnswerBroken};
