//! Holds the secrets and answers "who signed this?".
//!
//! *What for.* Everything that meets a client runs without a secret; it asks here, with what it
//! received, and is told an account or a reason.
//!
//! *How it moves.* A [`Judge`] takes a question through the checks in the order in which S3 makes
//! them, and the first that fails is the answer:
//!
//! ```text
//!   parameters (400) ─ scope (400) ─ clock (403) ─ key ─ token ─ payload word ─ signature
//!        ─ headers not signed ─► Verified, and a chain if the body is of signed chunks
//! ```
//!
//! *What it never does.* It looks at no bucket and no body: digests of bodies come here, and
//! nothing about what exists can leak from here. It reads no clock: the question carries the moment
//! it is judged by. It lets nothing through that it could not judge: out of room for one more
//! chain, it says [`Unreachable`](blockhouse_verifier_wire::Unreachable).
#![forbid(unsafe_code)]

mod chains;
mod judge;
mod keys;
mod refusal;

pub use chains::{CHAIN_AGE_SECS_MAX, CHAINS_MAX};
pub use judge::{Judge, SERVICES};
pub use keys::{AccessKey, DuplicateKey, KeyStore};

pub use blockhouse_sigv4::SecretKey;
