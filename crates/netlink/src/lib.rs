//! Speaks netlink to the kernel: the links, addresses, routes and rules of a namespace, and the
//! elements and counters of its nf_tables sets.
//!
//! ```text
//!   namespace   a named one: made, opened, entered by a thread that then ends
//!   route       RouteSocket: links, addresses, routes, policy rules, forwarding entries
//!   nft         NftSocket: intervals of sets, many sets in one transaction; counters
//!   nflog       LogReader: what a rule with `log group N` said of a packet
//!   ─────────
//!   socket      one question, its answers, an error that names both
//!   wire        messages and attributes, as bytes
//! ```
//!
//! A socket belongs to the namespace of the thread that opened it, and stays there wherever it is
//! used. So the namespaces of a node are served by one thread and a socket for each, and no thread
//! that lives on ever changes its namespace.
//!
//! The kernel answers before the call that asked returns; nothing here waits for anything else, and
//! nothing is asynchronous. What the kernel answers is read by pure functions over bytes: lengths are
//! checked, lists are bounded, and what makes no sense is an error.
//!
//! It knows interfaces, addresses and sets. It knows no VPC, decides nothing, and never reads a rule
//! set back.

#![deny(unsafe_code)]

mod error;
pub mod namespace;
pub mod nflog;
pub mod nft;
pub mod route;
mod socket;
#[expect(unsafe_code, reason = "socket options that no library knows")]
mod sockopt;
pub mod wire;

pub use error::{Cause, Failed, Idempotent};
pub use sockopt::{NetnsCookie, netns_cookie};
