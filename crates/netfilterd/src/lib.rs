//! Sets up the networks of a node: the only process that may.
//!
//! ```text
//!   node ══ netfilterd.sock ══► Daemon
//!    models ──────────────────►   │ check, compile: a plan for each namespace
//!    ◄── listeners (SCM_RIGHTS) ──┤
//!                                 └► Network, for each plan that differs
//!                                      rules ─ links ─ addresses ─ routes ─ listeners
//! ```
//!
//! # How it moves
//! One thread, one conversation, one namespace after the other. A model is judged and compiled, and its
//! rules are tried on the kernel without effect, before the node commits it. Then every namespace whose
//! plan differs is brought to it, by comparing the plan with what the kernel has: applying a plan twice
//! changes nothing the second time, and what an operator broke by hand is mended. The rules of a
//! namespace are in force before its links are switched on.
//!
//! # When something dies
//! It keeps a duplicate of every listener that it hands out. A node that comes back gets them all, and
//! what waited in their queues is served. When it is itself that comes back, the node hands it what it
//! holds; a listener whose namespace has another cookie than it says is closed.
//!
//! # What it never does
//! It touches no interface that the hardware profile does not name. It parses nothing that a client
//! sent, but for the headers in a sample of dropped packets. It makes no rule of a policy: the types of
//! `netfilter` have no way to one.
#![forbid(unsafe_code)]

mod apply;
mod daemon;
mod drops;
mod kernel;
mod listeners;
mod rules;
pub mod sandbox;
mod status;

pub use apply::ApplyError;
pub use daemon::{Daemon, DaemonError};
