//! Holds the secrets and answers "who signed this?".
//!
//! *What for.* Everything that meets a client runs without a secret; it asks here, with what it
//! received, and is told a principal or a reason.
//!
//! *How it moves.* A process of its own with two sockets. Over the one that the gateway knows come
//! frames of questions, which a [`Worker`] hands to its askers' [`Session`]s; over the other one,
//! which the gateway cannot open, a [`Provisioner`] takes keys and makes temporary ones. A [`Judge`]
//! takes a question through the checks in the order in which S3 makes them, and the first that fails
//! is the answer:
//!
//! ```text
//!   parameters (400) ─ scope (400) ─ clock (403) ─ key ─ token ─ payload word ─ signature
//!        ─ headers not signed ─► Verified, and a chain if the body is of signed chunks
//! ```
//!
//! A browser's form goes the same way, with its policy in place of payload word and headers.
//!
//! [`sandbox`] takes from the process what it does not need: files, ports, nearly all system calls.
//!
//! *What it never does.* It looks at no bucket and no body: digests of bodies come here, and
//! nothing about what exists can leak from here. It reads no clock: the question carries the moment
//! it is judged by. It parses no HTTP and opens no file. It lets nothing through that it could not
//! judge: out of room for one more chain, it says that nobody judged.
#![forbid(unsafe_code)]

mod chains;
mod judge;
mod keys;
mod lookup;
mod names;
mod provisioner;
mod refusal;
pub mod sandbox;
mod server;
mod session;
mod token;

pub use chains::{CHAIN_AGE_SECS_MAX, CHAINS_MAX};
pub use judge::{
    Decision, FORM_SERVICES, InProcess, Judge, Keyring, ORDER_EXPIRES_SECS, SERVICES, Told,
};
pub use keys::{BadPublicKey, KeyStore};
pub use names::{ALIASES_MAX, Names, TooManyAliases};
pub use provisioner::{KEYS_MAX, ProvisionError, Provisioner};
pub use server::{ASKERS_MAX, Spun, Worker};
pub use session::Session;
#[doc(hidden)]
pub use token::rewrite_session;
pub use token::{MintError, TOKEN_CHARS_MAX, TOKEN_KEYS_MAX, TokenKeys};
