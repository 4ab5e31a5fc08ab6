//! What the node and `netfilterd` say to each other, over one `SOCK_SEQPACKET` socket: the node brings
//! network models, the other brings listening sockets that were made in networks which the node never
//! enters.
//!
//! ```text
//!   node                                         netfilterd
//!    │ ── Held: the listeners that it has ─────────► │   none after the node's own start; all of them
//!    │ ◄─ Listeners: those that it lacks ─────────── │   after the other's: each gives what it kept
//!    ┆                                               ┆
//!    │ ── Prepare: a version and a model ──────────► │   judged; nothing is changed
//!    │ ◄─ Prepared, or Refused with the reason ───── │
//!    │ ── Activate: the version ───────────────────► │
//!    │ ◄─ Closed: listeners that are no more ─────── │
//!    │ ◄─ Listeners: new ones ────────────────────── │
//!    │ ◄─ Active, or Failed with the reason ──────── │
//!    │ ── Status ──────────────────────────────────► │
//!    │ ◄─ Status: a document ─────────────────────── │
//! ```
//!
//! One packet is one message: `"BN"`, a version, and JSON. Messages are few, and a person who traces
//! them can read them. What is long goes in pieces, listeners in batches of at most
//! [`BATCH_MAX`], both numbered from zero and with their end marked, so that none can be lost or doubled
//! unseen.
//!
//! A packet that is not exactly this is an error of whoever sent it: it is dropped whole, the descriptors
//! that came with it are closed, and the receiver counts it and closes the socket. Neither side guesses:
//! a message has one spelling, and comes with as many descriptors as it speaks of. Who is at the other
//! end the kernel says ([`Socket::peer_uid`]); what it says is believed no further than the model allows.
#![forbid(unsafe_code)]

mod batch;
mod frame;
mod listener;
mod message;
mod socket;

pub use batch::{Batch, Batches, OutOfOrder, Piece, Pieces, batches, pieces};
pub use frame::{Malformed, PACKET_BYTES_MAX, decode, encode};
pub use listener::{Listener, ListenerKind, NAME_BYTES_MAX, Opened, Owner};
pub use message::{FromNetfilterd, Message, REASON_BYTES_MAX, ToNetfilterd};
pub use socket::{ReceiveError, Socket};

/// Descriptors of one packet, at most. Source: Linux, `SCM_MAX_FD` is 253.
pub const BATCH_MAX: usize = 200;

/// Listeners at most, of all networks and shares together.
pub const LISTENERS_MAX: usize = 65_536;

/// Bytes of a document that goes in pieces, at most: a network model, or a status.
pub const DOCUMENT_BYTES_MAX: usize = 16 << 20;
