//! Hashes many bodies at once.
//!
//! MD5 is a chain: each step waits for the one before, and a core spends most of a body's MD5
//! waiting. The lanes of a vector register hold as many bodies side by side as they have words, for
//! the price of one; SHA-256 gains as well. So bodies that arrive at the same time are hashed
//! together, by threads of their own:
//!
//! ```text
//!   I/O threads                                  worker, on a core of its own if there is one
//!   body ─ Hasher::push ─► queue of its pieces ─┐
//!   body ─ Hasher::push ─► queue of its pieces ─┼─► lanes ─► kernel ─► values, wake the body's task
//!   body ─ Hasher::push ─► queue of its pieces ─┘
//! ```
//!
//! # How it moves
//! A piece is counted, not copied: the worker hashes the very buffer that the store is writing away.
//! Nobody waits for a hash before the end of the body, so a worker lets work gather until the lanes
//! are worth starting, and starts at once when a task waits: for the values, or for room in the
//! queue, whose bounds ([`Bounds`]) make a body wait that is faster than the workers. Bodies
//! take turns, a lane for a bounded stretch each: none can starve another.
//!
//! Who has many short texts at once, as the verifier has, hands all of them to a kernel
//! ([`sha256_of_streams`]); without the feature `bodies` the crate is that alone.
//!
//! # What it never does
//! It keeps no secret, and knows no HTTP and no store. It never gives a value that is not that of
//! the bytes: when a worker fails, every body it had at hand gets [`Lost`] instead.
#![deny(unsafe_code)]

#[cfg(feature = "bodies")]
mod hasher;
#[cfg_attr(
    not(feature = "bodies"),
    allow(dead_code, reason = "the verifier hashes no MD5")
)]
mod kernel;
#[cfg(feature = "bodies")]
mod lanes;
#[cfg(feature = "bodies")]
mod queue;
#[cfg(feature = "bodies")]
mod stream;
#[cfg(all(test, feature = "bodies"))]
mod tests;
#[cfg(feature = "bodies")]
mod workers;

#[cfg(feature = "bodies")]
pub use hasher::Hasher;
pub use kernel::{BLOCK_BYTES, Block, Kernel, SHA256_START, sha256_of_streams};
#[cfg(feature = "bodies")]
pub use queue::Bounds;
#[cfg(feature = "bodies")]
pub use workers::{Figures, Workers};

#[cfg(feature = "bodies")]
use bytes::Bytes;

/// What a body turned out to be.
#[cfg(feature = "bodies")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashes {
    /// MD5, of which the entity tag is made.
    pub md5: [u8; 16],
    /// SHA-256, if it was asked for.
    pub sha256: Option<[u8; 32]>,
}

/// The worker that had this body failed: nothing is known of the bytes.
#[cfg(feature = "bodies")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the worker that hashed this body failed")]
pub struct Lost;

/// The hashes of bodies that are all there, on the calling thread, side by side; for measuring, and
/// for holding kernels against each other.
#[cfg(feature = "bodies")]
pub fn hash_all(kernel: Kernel, bodies: Vec<Vec<Bytes>>, sha256: bool) -> Vec<Hashes> {
    let mut jobs: Vec<_> = bodies
        .into_iter()
        .map(|pieces| lanes::Job::of(pieces, sha256))
        .collect();
    for group in jobs.chunks_mut(kernel.lanes()) {
        while group.iter().any(|job| !job.is_dry()) {
            lanes::step(kernel, group.iter_mut());
        }
    }
    jobs.into_iter().map(|job| job.finish(kernel)).collect()
}
