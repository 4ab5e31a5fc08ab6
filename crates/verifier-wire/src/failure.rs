//! The reasons of a refusal: what a client may hear of it, and nothing that would help a forger.

use blockhouse_types::Timestamp;

/// Why a request's signature was refused, with what S3 shows of it. One variant per row of the
/// error table; the S3 code and message belong to the crate `s3`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No signature at all: the request is anonymous.
    #[error("the request carries no signature")]
    Anonymous,
    /// The signature is not the one computed.
    #[error("the signature does not match")]
    SignatureDoesNotMatch {
        /// The key's public id.
        access_key_id: String,
        /// What was signed by our reading.
        string_to_sign: String,
        /// The signature as given.
        signature_provided: String,
        /// The canonical request by our reading; empty for a form, which has none.
        canonical_request: String,
    },
    /// `x-amz-date` is more than 15 minutes from our clock.
    #[error("the request's time is too far from ours")]
    TimeTooSkewed {
        /// As sent, basic form.
        request_time: String,
        /// Ours.
        server_time: Timestamp,
    },
    /// A presigned link has ended.
    #[error("the link has expired")]
    Expired {
        /// Seconds, as sent.
        expires_secs: u64,
        /// When it ended.
        expired_at: Timestamp,
        /// Ours.
        server_time: Timestamp,
    },
    /// A presigned link or a form begins more than 15 minutes from now.
    #[error("the link is not valid yet")]
    NotYetValid,
    /// No such key.
    #[error("the access key is unknown")]
    UnknownAccessKey {
        /// As sent.
        access_key_id: String,
    },
    /// A session token that is not ours.
    #[error("the session token is malformed")]
    InvalidToken {
        /// As sent.
        token: String,
    },
    /// A session token that has ended.
    #[error("the session token has expired")]
    ExpiredToken {
        /// As sent.
        token: String,
    },
    /// The query's parameters are missing or odd: 400 AuthorizationQueryParametersError.
    #[error("{message}")]
    QueryParameters {
        /// AWS's words.
        message: String,
        /// The region that was expected, when it was the region.
        region: Option<String>,
    },
    /// A field of a form is missing or odd: 400 InvalidArgument.
    #[error("{message}")]
    FormField {
        /// The field, as S3 spells it.
        name: String,
        /// As sent.
        value: String,
        /// AWS's words.
        message: String,
        /// The region that was expected, when it was the region.
        region: Option<String>,
    },
    /// The header is odd: 400 AuthorizationHeaderMalformed.
    #[error("{message}")]
    HeaderMalformed {
        /// AWS's words.
        message: String,
        /// The region that was expected, when it was the region.
        region: Option<String>,
    },
    /// The word before the credential is none we know: 400 InvalidArgument.
    #[error("unsupported authorization type")]
    UnsupportedAuthorizationType {
        /// The header as sent.
        value: String,
    },
    /// Signature version 2: 400 InvalidRequest.
    #[error("signature version 2 is refused")]
    SignatureV2,
    /// More than one mechanism at once: 400 InvalidArgument.
    #[error("more than one authentication mechanism")]
    SeveralMechanisms,
    /// Neither `x-amz-date` nor a valid `Date`: 403 AccessDenied.
    #[error("no valid date")]
    NoDate,
    /// `x-amz-*` headers that were not signed: 403 AccessDenied.
    #[error("there were headers present which were not signed")]
    HeadersNotSigned {
        /// Their names.
        names: Vec<String>,
    },
    /// `x-amz-content-sha256` is missing: 400 InvalidRequest.
    #[error("x-amz-content-sha256 is missing")]
    NoContentSha256,
    /// `x-amz-content-sha256` is none of the allowed values: 400 InvalidArgument.
    #[error("x-amz-content-sha256 has an illegal value")]
    BadContentSha256 {
        /// As sent.
        value: String,
    },
    /// A bound was passed (number of headers, length of a value): 400.
    #[error("the request's head passes a bound: {bound}")]
    TooLarge {
        /// Which.
        bound: &'static str,
    },
}

/// What refusals are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no signature.
    Anonymous,
    /// No such key.
    Key,
    /// Another signature than the one computed.
    Signature,
    /// Too early or too late.
    Time,
    /// A session token that is not ours, or has ended.
    Token,
    /// Headers that the signature ought to cover and does not.
    Unsigned,
    /// What it says of its signer is missing, odd, or too much.
    Malformed,
}

impl Refusal {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Anonymous,
        Self::Key,
        Self::Signature,
        Self::Time,
        Self::Token,
        Self::Unsigned,
        Self::Malformed,
    ];

    /// Its name in figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Time => "time",
            Self::Token => "token",
            Self::Unsigned => "unsigned",
            Self::Malformed => "malformed",
        }
    }
}

impl Failure {
    /// What it is counted as.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Anonymous => Refusal::Anonymous,
            Self::UnknownAccessKey { .. } => Refusal::Key,
            Self::SignatureDoesNotMatch { .. } => Refusal::Signature,
            Self::TimeTooSkewed { .. } | Self::Expired { .. } | Self::NotYetValid => Refusal::Time,
            Self::InvalidToken { .. } | Self::ExpiredToken { .. } => Refusal::Token,
            Self::HeadersNotSigned { .. } => Refusal::Unsigned,
            Self::QueryParameters { .. }
            | Self::FormField { .. }
            | Self::HeaderMalformed { .. }
            | Self::UnsupportedAuthorizationType { .. }
            | Self::SignatureV2
            | Self::SeveralMechanisms
            | Self::NoDate
            | Self::NoContentSha256
            | Self::BadContentSha256 { .. }
            | Self::TooLarge { .. } => Refusal::Malformed,
        }
    }
}
