//! Keeps objects on devices: index, log, extents, multipart, recovery, space; fulfils the store
//! contract.
//!
//! # A write, step by step
//! ```text
//!   I/O thread                                   log writer
//!   1 drain the body: small stays in memory,
//!     large goes to data groups as shards ─► flush 1: data devices
//!   2 order ───────────────────────────────────► 3 gather what has come into one frame
//!                                                4 judge: condition, version, what is replaced
//!                                                5 write the frame to every mirror
//!                                                  ─► flush 2: log devices, all of them
//!                                                6 apply to index and group table
//!   8 answer ◄─────────────────────────────────  7 wake
//! ```
//! A small object costs flush 2 only, shared by all orders of its frame. Nothing is visible and
//! nothing is answered before step 6; nothing was made visible that step 5 has not made durable on
//! every device that is in sync. A checkpoint has a flush of its own for its sections, and two per
//! change of the superblock (`superblocks`).
//!
//! # A read
//! The row is looked up in memory and its groups are pinned; then one read of the blocks that cover
//! the record, which for a small object hold the bytes as well. Every byte that leaves was verified
//! by a checksum; a damaged copy is replaced from its mirror.
//!
//! # Where things are
//! * `writer` decides, `rows` says what a record means, `space` who may write where.
//! * `checkpoint` bounds what `recovery` has to replay.
//! * `cache` keeps small objects that were read lately, for each I/O thread.
//! * `put`, `get`, `list`, `delete`, `multipart` are the I/O threads' half of the operations.
//!
//! # What it never does
//! It judges no permission, parses no HTTP and computes no digest. It never retries a flush, never
//! takes damage for the end of the log, and never serves bytes that it could not verify.
//!
//! # Current limits
//! A group that is partly dead keeps its space until all of it is dead: nothing is copied out of it
//! yet. Records and shards are not encrypted yet; the format has the fields. Segments get no header
//! and footer marks yet: recovery needs none. A device that failed stays out until an operator has
//! it filled again ([`OpenOptions::readmit_failed`]); one that was only away is filled at the next
//! open. A frame whose flush failed on one of two devices is not written again elsewhere: the
//! survivor has flushed it, and its superblock says so before anything is acknowledged.
#![forbid(unsafe_code)]

mod audit;
mod cache;
mod catalog;
mod checkpoint;
mod config;
mod control;
mod delete;
mod desired;
mod engine;
mod error;
mod expiring;
mod extent;
mod get;
mod index;
mod layout;
mod lease;
mod ledger;
mod list;
mod mirror;
mod multipart;
mod open;
mod order;
mod put;
mod read;
mod recovery;
mod revocations;
mod rows;
mod shared;
mod space;
mod stats;
mod store;
mod superblocks;
#[cfg(feature = "teeth")]
pub mod teeth;
#[cfg(not(feature = "teeth"))]
mod teeth;
#[cfg(test)]
mod tests;
mod writer;

pub use audit::AuditError;
pub use config::EngineConfig;
pub use control::{ControlError, ControlRow, ControlStats};
pub use engine::Engine;
pub use error::{CreateError, OpenError};
pub use get::{EngineObject, EngineReader};
pub use open::{OpenOptions, create, open};
pub use space::SpaceStats;
pub use stats::EngineStats;
pub use store::EngineStore;
pub use writer::LogWriter;
