//! The question "who signed this?" and its answer, as plain values.
//!
//! They travel between the gateway, which knows no secret, and the verifier, which knows nothing
//! else. What is asked is what was received, not what was understood: method, exact path and query
//! bytes, every header value in order of arrival, and of a form its fields. Canonicalization is the verifier's alone.
//! A body never travels, digests of it do.
#![forbid(unsafe_code)]
#![allow(
    async_fn_in_trait,
    reason = "a verifier client lives on one I/O thread"
)]

#[cfg(feature = "client")]
pub mod client;
mod failure;
pub mod frame;
pub mod provision;
pub mod spin;

pub use failure::{Failure, Refusal};

use blockhouse_types::{AccountId, LinkId, Timestamp};
use std::{fmt, sync::Arc};

/// What was received, unchanged.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The method, as received.
    pub method: &'a str,
    /// The path, percent-encoded as received.
    pub path: &'a str,
    /// The query without its `?`, as received; empty for none.
    pub query: &'a str,
    /// Names in lower case, values as received, in order of arrival.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Whether the request came over TLS: tells which port is the default in `Host`.
    pub tls: bool,
    /// The fields of a POST form that may speak of its signer, names in lower case and each at most
    /// once, values as received; `None` when the request carries no form.
    pub form: Option<&'a [(&'a str, &'a [u8])]>,
    /// When the request began, by the later of clock and time floor.
    pub now: Timestamp,
}

/// A call of an API whose requests say nothing of their body's hash: all but S3's. It is signed for
/// [`Service::Iam`], in the header and over its body. S3 requests never are, so that neither
/// signature is worth anything as the other.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The head.
    pub question: Question<'a>,
    /// SHA-256 of the whole body.
    pub body_sha256: [u8; 32],
}

/// Who signed, and what was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who signed.
    pub principal: Principal,
    /// The key's public id.
    pub access_key_id: Arc<str>,
    /// What kind of key it is.
    pub credential: Credential,
    /// Where the signature stood.
    pub auth_type: AuthType,
    /// Which algorithm.
    pub signature_version: SignatureVersion,
    /// `X-Amz-Date`.
    pub signed_at: Timestamp,
    /// When a presigned link ends.
    pub expires_at: Option<Timestamp>,
    /// The service of the credential scope.
    pub service: Service,
    /// How the body is bound to the signature.
    pub payload: PayloadMode,
    /// The signed headers' names.
    pub signed_headers: SignedHeaders,
    /// Which link it is; only with [`AuthType::Query`].
    pub link: Option<LinkId>,
    /// The chain that judges signed chunks; only with [`PayloadMode::SignedChunks`].
    pub chain: Option<ChainId>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// The root of an account.
    Root {
        /// The account.
        account: AccountId,
    },
    /// A user of an account.
    User {
        /// The account.
        account: AccountId,
        /// The user's name.
        name: String,
    },
    /// A session of a role.
    AssumedRole {
        /// The role's account.
        account: AccountId,
        /// The role's name.
        role: String,
        /// The session's name.
        session: String,
    },
    /// A federated user: a name that a user or root gave to somebody.
    FederatedUser {
        /// The account.
        account: AccountId,
        /// The name given.
        name: String,
    },
}

impl Principal {
    /// The account that the principal belongs to.
    pub fn account(&self) -> AccountId {
        match self {
            Self::Root { account }
            | Self::User { account, .. }
            | Self::AssumedRole { account, .. }
            | Self::FederatedUser { account, .. } => *account,
        }
    }
}

/// What kind of key signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A key that lives until somebody ends it (`AKIA…`).
    LongTerm,
    /// A key that came with a session token (`ASIA…`), and what the token says.
    Temporary(Box<Claims>),
}

/// What a session token says, beyond whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// How it was got.
    pub session: SessionKind,
    /// When it was issued (`aws:TokenIssueTime`).
    pub issued_at: Timestamp,
    /// When it ends; so does every link that it signed.
    pub expires_at: Timestamp,
    /// The session policy, as JSON: cuts what the principal may do.
    pub policy: Option<String>,
    /// Session tags, as key and value.
    pub tags: Vec<(String, String)>,
}

/// How a session token was got. Source: IAM user guide, "Compare AWS STS credentials".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// GetSessionToken: up to 36 hours.
    SessionToken,
    /// AssumeRole: up to 12 hours.
    AssumedRole,
    /// GetFederationToken: up to 36 hours.
    FederationToken,
    /// Handed to a machine: up to 6 hours.
    InstanceProfile,
}

impl SessionKind {
    /// The longest life of such a token, in seconds.
    pub const fn secs_max(self) -> u64 {
        match self {
            Self::SessionToken | Self::FederationToken => 129_600,
            Self::AssumedRole => 43_200,
            Self::InstanceProfile => 21_600,
        }
    }
}

/// The service of a credential scope: which API the signer meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// `s3`: plain buckets.
    S3,
    /// `s3-outposts`: access points of an Outpost.
    S3Outposts,
    /// `iam`: calls to the administrator's listener, see [`Call`].
    Iam,
}

impl Service {
    /// The service of this name; `None` for a name we do not serve.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "s3" => Some(Self::S3),
            "s3-outposts" => Some(Self::S3Outposts),
            "iam" => Some(Self::Iam),
            _ => None,
        }
    }

    /// Its name in a credential scope.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::S3Outposts => "s3-outposts",
            Self::Iam => "iam",
        }
    }
}

/// The names of the headers that a signature covers, in one piece: `host;x-amz-date`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeaders(Box<str>);

impl SignedHeaders {
    /// The list as signed: lower-case names with `;` between them.
    pub fn new(list: &str) -> Self {
        Self(list.into())
    }

    /// The list as signed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Each name, in the order signed.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(';')
    }

    /// Whether the header `name`, in lower case, is covered.
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|signed| signed == name)
    }
}

/// Where the signature stood (`s3:authType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthType {
    /// The `Authorization` header.
    Header,
    /// The query: a presigned link.
    Query,
    /// The fields of a form: a browser's upload.
    Post,
}

/// Which algorithm signed (`s3:signatureversion`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureVersion {
    /// `AWS4-HMAC-SHA256`.
    V4,
    /// `AWS4-ECDSA-P256-SHA256`.
    V4a,
}

/// How the body is bound to the signature (`x-amz-content-sha256`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadMode {
    /// The body's SHA-256 was signed and must be what arrives.
    Sha256([u8; 32]),
    /// `UNSIGNED-PAYLOAD`, or a link that says nothing of its body.
    Unsigned,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: aws-chunked with a checksum trailer.
    UnsignedTrailer,
    /// `STREAMING-AWS4-(HMAC-SHA256|ECDSA-P256-SHA256)-PAYLOAD[-TRAILER]`: every chunk is signed.
    SignedChunks {
        /// Whether a signed trailer follows.
        trailer: bool,
    },
}

/// The path of an order for a link, on the administrator's address.
pub const LINK_ORDER_PATH: &str = "/links";

/// A link that was ordered.
#[derive(Clone, PartialEq, Eq)]
pub struct Ordered {
    /// Who ordered it; its signer.
    pub by: Verified,
    /// The method that it is for.
    pub method: String,
    /// The link. Whoever has it may use it, so it does not print.
    pub url: String,
    /// Which link it is.
    pub link: LinkId,
    /// When it ends: by its own time, or with the token that signed it.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Ordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ordered")
            .field("by", &self.by)
            .field("method", &self.method)
            .field("link", &self.link)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Names a chain of signed chunks within the verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainId(pub u64);

/// One link of a chain, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// SHA-256 of the chunk's bytes, or of the trailer's canonical lines.
    pub digest: [u8; 32],
    /// The signature given, as text.
    pub signature: String,
    /// Chunk or trailer.
    pub kind: LinkKind,
}

/// What a link of a chain signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// A chunk of data; the last one is empty.
    Chunk,
    /// The trailer; ends the chain.
    Trailer,
}

/// The verifier could not be asked: dead, restarting, or its queue is full. The request gets 503
/// SlowDown, never a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the verifier cannot be reached")]
pub struct Unreachable;

/// Who answers the question. One client per I/O thread.
pub trait Verifier: Clone + 'static {
    /// Judges a request's head. The outer error means that nobody judged it.
    async fn verify(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable>;

    /// Judges the next link of a chain; `Ok(false)` ends the chain.
    async fn verify_link(&self, chain: ChainId, link: Link) -> Result<bool, Unreachable>;

    /// Forgets a chain whose body ended or broke off.
    fn end_chain(&self, chain: ChainId);
}

/// Who judges calls of APIs other than S3.
pub trait CallVerifier: Verifier {
    /// Judges a call. The outer error means that nobody judged it.
    async fn verify_call(
        &self,
        call: Call<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable>;
}

/// Who signs links for who orders them.
pub trait LinkSigner: CallVerifier {
    /// Makes the link that a request orders, with the key that signed the request. The outer error
    /// means that nobody judged it.
    async fn order_link(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Ordered, Box<Failure>>, Unreachable>;
}
