//! Computes and compares signatures of AWS Signature Version 4 and 4A, and nothing else.
//!
//! *What for.* The verifier asks "who signed this?"; the command `presign` makes links. Both need
//! the same reading of a request, so the reading lives here once.
//!
//! *How it moves.* A received head is a [`Request`]. [`Query::parse`] sorts its query,
//! [`Claim::read`] finds what it says about its signer, [`Credential::parse`] splits the scope,
//! [`Claim::check_time`] holds it against the clock, and a [`Canonical`] turns it into the digest
//! that an HMAC ([`SigningKey`]) or an ECDSA key ([`PublicKey`]) judges. A body of signed chunks
//! goes on with a [`Chain`]. Of many requests at once a [`Batch`] hashes what is to be hashed side by
//! side. Of a browser's form, [`SignedForm`] reads the fields and judges the
//! policy.
//!
//! ```text
//!   Request ── Query::parse ── Claim::read ── Credential::parse ── check_scope ── check_time
//!                                                                                    │
//!            Chain ◄── accepted ◄── StringToSign { digest } ◄── Canonical::digest ◄──┘
//! ```
//!
//! *What it never does.* It reads no clock, holds no key store, does no I/O, and prints no secret:
//! keys are zeroed when dropped and their `Debug` shows a name only. The strings that S3 shows with
//! a refused signature are built on refusal alone; an accepted request is fed to the hash directly.
//!
//! Sources: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)"; AWS
//! General Reference, "Create a signed AWS API request".
#![forbid(unsafe_code)]

mod authorization;
mod authorize;
mod batch;
mod canonical;
mod chain;
mod claim;
mod credential;
mod ecdsa;
mod encoding;
mod form;
mod headers;
mod identity;
mod key;
mod payload;
mod presign;
mod presigned;
mod query;
mod sign;
mod sink;
mod time;

pub use authorization::{Authorization, HeaderFault};
pub use authorize::authorize;
pub use batch::Batch;
pub use blockhouse_digest::Kernel;
pub use canonical::{Canonical, HostReading, PathForm, Request};
pub use chain::{Chain, ChainKey};
pub use claim::{Algorithm, Claim, ClaimError, Form};
pub use credential::{Credential, ScopeError, ScopeRule};
pub use ecdsa::{DerivationFailed, PublicKey, region_set_contains};
pub use form::{FormFault, FormFields, SignedForm, sign_policy};
pub use headers::{HEADERS_MAX, unsigned_headers, without_default_port};
pub use identity::link_id;
pub use key::{SIGNING_KEYS_MAX, SecretKey, SigningKey, SigningKeyCache};
pub use payload::{BadPayloadHash, PayloadHash};
pub use presign::{Credentials, Link, Location, PresignError, SignedLink, presign, presign_with};
pub use presigned::{EXPIRES_SECS_MAX, QueryFault};
pub use query::{QUERY_PARAMETERS_MAX, Query, TooManyParameters};
pub use sign::{StringToSign, same_hex};
pub use time::{SKEW_SECS_MAX, TimeFault};
