//! The audit: one record for every decision, so that who asked for what, and which check said no, can
//! be told long after.
//!
//! ```text
//!   I/O thread: Trail ─► Record ─► queue ──► thread "audit": JSON lines ─► audit.jsonl
//!   I/O thread: Trail ─► Record ─► queue ──►                               audit.1.jsonl …
//! ```
//!
//! # How it moves
//! While a request goes through the trunk, its [`Trail`] notes who it turned out to be. When the last
//! byte of its answer was handed over, trail and outcome become a [`Record`], which goes into a queue.
//! Whoever breaks off before is recorded as well: going away early hides nobody.
//! A thread of its own looks into the queue a few times a second, writes what it finds as one line
//! each, and turns the file over when it is full. It is not woken by a record: that would be a system
//! call for every request.
//!
//! # When it cannot keep up
//! Requests never wait for their record. One that finds the queue full, or that the disk refuses, is
//! counted: the next record that is written says how many are missing (`lost`), and `/metrics` shows
//! the sum. Lines are handed to the kernel, not flushed: a power cut may take the last ones.
//!
//! # What it never holds
//! A secret, a signature, a session token, a query or a header, but for the values that the conditions of a
//! policy that denied were held against ([`Decided`]). What a client said its key is called is there, also
//! when nobody knows that key.

mod decided;
mod files;
mod line;
mod meaning;
mod read;
mod writer;

pub use decided::{Decided, Ground, Permission};
pub use meaning::meaning;
pub use read::{AllowedBy, AllowingStatement, Told, find, read};
pub use writer::{Audit, Log};

use crate::VpcEndpoint;
use blockhouse_s3::error::ErrorKind;
use blockhouse_types::{BucketName, LinkId, ObjectKey, RequestId, Timestamp};
use blockhouse_verifier_wire::Principal;
use std::{
    cell::{Cell, OnceCell},
    net::SocketAddr,
    sync::Arc,
};

/// A decision.
#[derive(Debug, Clone)]
pub struct Record {
    /// When the request began.
    pub time: Timestamp,
    /// `x-amz-request-id`.
    pub request: RequestId,
    /// The identity of the link that was used, if it was one that has any.
    pub link: Option<LinkId>,
    /// The key that it was signed with, as far as it said so.
    pub key_id: Option<Arc<str>>,
    /// Who signed; nobody until that was proven.
    pub principal: Option<Principal>,
    /// The other end of the connection.
    pub source: SocketAddr,
    /// The VPC endpoint that it came through, if it did.
    pub through: Option<Arc<VpcEndpoint>>,
    /// The bucket, if the head made sense.
    pub bucket: Option<BucketName>,
    /// The key, likewise.
    pub key: Option<ObjectKey>,
    /// The first permission that it needs, as policies name it.
    pub action: Option<&'static str>,
    /// The check that said no; `None` when all said yes.
    pub refused_by: Option<Check>,
    /// The statement of a policy that said no, by its policy and name.
    pub statement: Option<String>,
    /// What policies said, where they were asked and there was time to keep it.
    pub decided: Option<Decided>,
    /// The S3 code of the refusal: what the client was told.
    pub code: Option<&'static str>,
    /// Bytes that a success acknowledged: those of an object that was stored, or those handed over.
    pub bytes: u64,
}

/// The checks in the order in which a request meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// There was no room for one more request.
    Room,
    /// The head of a preflight, or the bucket's rules for it.
    Preflight,
    /// The form in the body is none.
    Form,
    /// Who signed; and what was wrong.
    Verify(&'static str),
    /// Somebody signed, but the head makes no sense, or the policy of a form does not allow it.
    Parse,
    /// Whether they may; and why not.
    Permit(&'static str),
    /// A condition of the request's, `If-*`.
    Condition,
    /// What was promised of the body, or the document in it.
    Body,
    /// What there is: no such key, or not in a state for that.
    State,
    /// There is no such key, and the caller, who may not list the bucket, must not learn that.
    Hidden,
    /// The node, which could not.
    Node,
    /// None: the client went away before it was answered. What it asked for may have been done.
    Gone,
}

impl Check {
    /// The check that an operation failed by, told by its error.
    pub(crate) fn of_performing(kind: ErrorKind) -> Self {
        use ErrorKind as E;
        match kind {
            E::PreconditionFailed | E::NotModified | E::ConditionalRequestConflict => {
                Self::Condition
            }
            E::InternalError
            | E::SlowDown
            | E::InsufficientCapacity
            | E::ServiceUnavailable
            | E::NotImplemented => Self::Node,
            E::BadDigest
            | E::EntityTooLarge
            | E::EntityTooSmall
            | E::IncompleteBody
            | E::InvalidChunkSizeError
            | E::InvalidDigest
            | E::MalformedPostRequest
            | E::MalformedTrailerError
            | E::MalformedXml
            | E::MaxMessageLengthExceeded
            | E::MissingRequestBody
            | E::SignatureDoesNotMatch
            | E::XAmzContentSHA256Mismatch => Self::Body,
            _ => Self::State,
        }
    }
}

/// What is noted of a request on its way through the trunk.
#[derive(Debug, Default)]
pub struct Trail {
    link: Cell<Option<LinkId>>,
    key_id: OnceCell<Arc<str>>,
    principal: OnceCell<Principal>,
    key: OnceCell<ObjectKey>,
    statement: OnceCell<String>,
    decided: OnceCell<Decided>,
    stored_bytes: Cell<u64>,
}

/// Each is noted once: what was noted first stays.
impl Trail {
    /// The key that the request says it is signed with.
    pub(crate) fn says_key(&self, id: &str) {
        let _ = self.key_id.set(id.into());
    }

    /// Who signed.
    pub(crate) fn is_signed_by(&self, key_id: &Arc<str>, principal: &Principal) {
        let _ = self.key_id.set(Arc::clone(key_id));
        let _ = self.principal.set(principal.clone());
    }

    /// The link that it came by.
    pub(crate) fn came_by(&self, link: Option<LinkId>) {
        self.link.set(link);
    }

    /// The key of the object that it is about, which the head of a form does not tell.
    pub(crate) fn is_about(&self, key: Option<&ObjectKey>) {
        if let Some(key) = key {
            let _ = self.key.set(key.clone());
        }
    }

    /// What policies said.
    pub(crate) fn is_decided(&self, decided: Decided) {
        let _ = self.decided.set(decided);
    }

    /// A statement of a policy said no.
    pub(crate) fn refused_by(&self, statement: Option<&str>) {
        if let Some(statement) = statement {
            let _ = self.statement.set(statement.to_owned());
        }
    }

    /// So many bytes were stored.
    pub(crate) fn stored(&self, bytes: u64) {
        self.stored_bytes.set(bytes);
    }

    /// Puts what was noted into a record.
    pub(crate) fn tell(&self, record: &mut Record) {
        record.link = self.link.get();
        record.key_id = self.key_id.get().cloned();
        record.principal = self.principal.get().cloned();
        record.statement = self.statement.get().cloned();
        record.decided = self.decided.get().cloned();
        if let Some(key) = self.key.get() {
            record.key = Some(key.clone());
        }
        if record.refused_by.is_none() {
            record.bytes = self.stored_bytes.get();
        }
    }
}

#[cfg(test)]
mod tests;
