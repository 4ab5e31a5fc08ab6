//! IAM as its clients speak it: the Query protocol, and the operations that ask policies.
//!
//! *What for.* `aws iam simulate-custom-policy` and its kin ask a node's own engine what it would decide.
//!
//! *How it moves.* A body becomes [`Params`], these a [`Call`]: typed, bounded, nothing left over. A call
//! is answered from what it brings and, where it names an identity, from a
//! [`Snapshot`](blockhouse_state::Snapshot). Answers and errors are IAM's XML.
//!
//! ```text
//!   body ── Params::read ──► Params ── Call::read ──► Call ── answer ──► XML
//!                  └───────────────────┴─────────────────────┴──► Error ──► XML
//! ```
//!
//! *What it never does.* It does not know who calls, nor whether they may: its caller does. Simulations are
//! answered in steps ([`Run`]), so that who answers them can do other things in between.
#![forbid(unsafe_code)]

mod call;
mod error;
mod params;
mod simulate;
mod source;
mod xml;

pub use call::{Call, CallKind};
pub use error::{Code, Error};
pub use params::{BODY_BYTES_MAX, PARAMS_MAX, Params};
pub use simulate::{ANSWER_BYTES_MAX, MATCHED_MAX, Run, Simulate};
pub use source::Source;
pub use xml::{context_keys, error};
