//! Who signed? Asks the verifier, in the words that were received, and turns a refusal into the
//! error that S3 shows.
//!
//! The question holds the raw head: method, path and query byte for byte, every header value in
//! order of arrival, and of a form the fields that speak of its signer. Nothing else that this crate
//! understood of the request is part of it. A verifier that cannot be asked is 503 SlowDown, never a
//! pass.

use crate::audit::Trail;
use blockhouse_s3::{
    error::{ErrorKind, S3Error},
    form::Fields,
};
use blockhouse_types::{AccountId, LinkId, Timestamp};
use blockhouse_verifier_wire::{
    Call, CallVerifier, ChainId, Failure, LinkSigner, Ordered, PayloadMode, Question, Unreachable,
    Verified, Verifier,
};
use http::request::Parts;

/// The fields of a form that speak of its signer.
const FIELDS_OF_SIGNER: [&str; 8] = [
    "awsaccesskeyid",
    "policy",
    "signature",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-signature",
];

/// A signature that is not believed, and how the client hears of it.
#[derive(Debug)]
pub(crate) struct Disbelieved {
    /// The check that failed, as the audit names it.
    pub(crate) reason: &'static str,
    pub(crate) error: S3Error,
    key_id: Option<String>,
}

impl From<Unreachable> for Disbelieved {
    fn from(error: Unreachable) -> Self {
        tracing::warn!(%error, "a request was turned away");
        Self {
            reason: "unreachable",
            key_id: None,
            error: ErrorKind::SlowDown.into(),
        }
    }
}

impl Disbelieved {
    fn by(failure: Failure, head: &Parts) -> Self {
        Self {
            reason: reason(&failure),
            key_id: key_id(&failure),
            error: error_of(failure, head),
        }
    }

    /// Leaves for the audit which key it says it is of.
    pub(crate) fn note(&self, trail: &Trail) {
        if let Some(id) = &self.key_id {
            trail.says_key(id);
        }
    }
}

/// Who sent the request, as far as a signature tells. While it lives, the verifier keeps the chain
/// of its signed chunks; its end, whatever the request came to, is the chain's.
pub(crate) struct Caller<'a, V: Verifier> {
    verifier: &'a V,
    who: Who,
}

/// Nobody is a variant, not an absent field.
enum Who {
    Anonymous,
    Signed(Verified),
}

impl<'a, V: Verifier> Caller<'a, V> {
    /// How the body is bound to the signature.
    pub(crate) fn payload(&self) -> PayloadMode {
        match &self.who {
            Who::Anonymous => PayloadMode::Unsigned,
            Who::Signed(verified) => verified.payload,
        }
    }

    /// The account that the request acts for; `None` when nobody signed.
    pub(crate) fn account(&self) -> Option<AccountId> {
        match &self.who {
            Who::Anonymous => None,
            Who::Signed(verified) => Some(verified.principal.account()),
        }
    }

    /// The link that the request came by.
    pub(crate) fn link(&self) -> Option<LinkId> {
        match &self.who {
            Who::Anonymous => None,
            Who::Signed(verified) => verified.link,
        }
    }

    /// The link that the request came by, and who signed it.
    pub(crate) fn by_link(&self) -> Option<(LinkId, &Verified)> {
        match &self.who {
            Who::Anonymous => None,
            Who::Signed(verified) => Some((verified.link?, verified)),
        }
    }

    /// Who signed.
    pub(crate) fn signed(&self) -> Option<&Verified> {
        match &self.who {
            Who::Anonymous => None,
            Who::Signed(verified) => Some(verified),
        }
    }

    /// When that link ends.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        match &self.who {
            Who::Anonymous => None,
            Who::Signed(verified) => verified.expires_at,
        }
    }

    /// The chain that judges signed chunks.
    pub(crate) fn chain(&self) -> Option<ChainId> {
        match &self.who {
            Who::Anonymous => None,
            Who::Signed(verified) => verified.chain,
        }
    }

    /// Leaves its name for the audit.
    pub(crate) fn note(&self, trail: &Trail) {
        if let Who::Signed(verified) = &self.who {
            trail.is_signed_by(&verified.access_key_id, &verified.principal);
            trail.came_by(verified.link);
        }
    }

    /// Who judges its links.
    pub(crate) fn verifier(&self) -> &'a V {
        self.verifier
    }

    /// What this caller hears of a request that made no sense: who did not sign hears that.
    pub(crate) fn told(&self, error: S3Error) -> S3Error {
        match &self.who {
            Who::Anonymous => ErrorKind::AccessDenied.into(),
            Who::Signed(_) => error,
        }
    }
}

impl<V: Verifier> Drop for Caller<'_, V> {
    fn drop(&mut self) {
        if let Some(chain) = self.chain() {
            self.verifier.end_chain(chain);
        }
    }
}

/// Asks the verifier who signed the request with this head, or the form that it carries.
pub(crate) async fn ask<'a, V: Verifier>(
    verifier: &'a V,
    head: &Parts,
    form: Option<&Fields>,
    (tls, now): (bool, Timestamp),
) -> Result<Caller<'a, V>, Disbelieved> {
    let headers = headers_of(head);
    let fields: Option<Vec<(&str, &[u8])>> = form.map(|form| {
        let found = FIELDS_OF_SIGNER
            .iter()
            .filter_map(|name| Some((*name, form.get(name)?.as_bytes())));
        found.collect()
    });
    let question = Question {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or(""),
        headers: &headers,
        tls,
        form: fields.as_deref(),
        now,
    };
    heard(verifier, head, verifier.verify(question).await)
}

/// What the verifier's answer means.
fn heard<'a, V: Verifier>(
    verifier: &'a V,
    head: &Parts,
    answer: Result<Result<Verified, Box<Failure>>, Unreachable>,
) -> Result<Caller<'a, V>, Disbelieved> {
    match answer {
        Ok(Ok(verified)) => Ok(Caller {
            verifier,
            who: Who::Signed(verified),
        }),
        Ok(Err(failure)) if *failure == Failure::Anonymous => Ok(Caller {
            verifier,
            who: Who::Anonymous,
        }),
        Ok(Err(failure)) => Err(Disbelieved::by(*failure, head)),
        Err(error) => Err(error.into()),
    }
}

/// Asks the verifier who signed the call with this head, whose body has this SHA-256.
pub(crate) async fn ask_of_call<'a, V: CallVerifier>(
    verifier: &'a V,
    head: &Parts,
    body_sha256: [u8; 32],
    (tls, now): (bool, Timestamp),
) -> Result<Caller<'a, V>, Disbelieved> {
    let question = Question {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or(""),
        headers: &headers_of(head),
        tls,
        form: None,
        now,
    };
    let call = Call {
        question,
        body_sha256,
    };
    heard(verifier, head, verifier.verify_call(call).await)
}

/// Has the verifier sign the link that the request with this head orders.
pub(crate) async fn order<V: LinkSigner>(
    verifier: &V,
    head: &Parts,
    (tls, now): (bool, Timestamp),
) -> Result<Ordered, Disbelieved> {
    let question = Question {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or(""),
        headers: &headers_of(head),
        tls,
        form: None,
        now,
    };
    match verifier.order_link(question).await {
        Ok(Ok(ordered)) => Ok(ordered),
        Ok(Err(failure)) => Err(Disbelieved::by(*failure, head)),
        Err(error) => Err(error.into()),
    }
}

/// Every header value in order of arrival.
fn headers_of(head: &Parts) -> Vec<(&str, &[u8])> {
    let headers = head.headers.iter();
    headers
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}

/// The key that a refused signature says it is of.
fn key_id(failure: &Failure) -> Option<String> {
    match failure {
        Failure::SignatureDoesNotMatch { access_key_id, .. }
        | Failure::UnknownAccessKey { access_key_id } => Some(access_key_id.clone()),
        _ => None,
    }
}

/// What the audit says of a refused signature.
fn reason(failure: &Failure) -> &'static str {
    match failure {
        Failure::Anonymous => "anonymous",
        Failure::SignatureDoesNotMatch { .. } => "signature",
        Failure::TimeTooSkewed { .. } => "clock",
        Failure::Expired { .. } => "expired",
        Failure::NotYetValid => "not-yet-valid",
        Failure::UnknownAccessKey { .. } => "key",
        Failure::InvalidToken { .. } => "token",
        Failure::ExpiredToken { .. } => "token-expired",
        Failure::QueryParameters { .. }
        | Failure::FormField { .. }
        | Failure::HeaderMalformed { .. }
        | Failure::UnsupportedAuthorizationType { .. } => "parameters",
        Failure::SignatureV2 => "version-2",
        Failure::SeveralMechanisms => "several-mechanisms",
        Failure::NoDate => "no-date",
        Failure::HeadersNotSigned { .. } => "headers-not-signed",
        Failure::NoContentSha256 | Failure::BadContentSha256 { .. } => "payload-word",
        Failure::TooLarge { .. } => "too-large",
    }
}

/// What S3 says of a refused signature.
pub(crate) fn error_of(failure: Failure, head: &Parts) -> S3Error {
    match failure {
        Failure::Anonymous => ErrorKind::AccessDenied.into(),
        Failure::SignatureDoesNotMatch {
            access_key_id,
            string_to_sign,
            signature_provided,
            canonical_request,
        } => S3Error::signature_does_not_match(
            &access_key_id,
            &string_to_sign,
            &signature_provided,
            &canonical_request,
        ),
        Failure::TimeTooSkewed {
            request_time,
            server_time,
        } => S3Error::request_time_too_skewed(&request_time, server_time),
        Failure::Expired {
            expires_secs,
            expired_at,
            server_time,
        } => S3Error::link_expired(expires_secs, expired_at, server_time),
        Failure::NotYetValid => S3Error::link_not_yet_valid(),
        Failure::UnknownAccessKey { access_key_id } => S3Error::unknown_access_key(&access_key_id),
        Failure::InvalidToken { token } => S3Error::invalid_token(&token),
        Failure::ExpiredToken { token } => S3Error::expired_token(&token),
        Failure::QueryParameters { message, region } => S3Error::query_parameters(message, region),
        Failure::FormField {
            name,
            value,
            message,
            region,
        } => S3Error::form_field(&name, &value, message, region),
        Failure::HeaderMalformed { message, region } => S3Error::header_malformed(message, region),
        Failure::UnsupportedAuthorizationType { value } => {
            S3Error::unsupported_authorization_type(&value)
        }
        Failure::SignatureV2 => S3Error::signature_v2(),
        Failure::SeveralMechanisms => S3Error::several_mechanisms(&authorization_shown(head)),
        Failure::NoDate => S3Error::no_date(),
        Failure::HeadersNotSigned { names } => S3Error::headers_not_signed(&names),
        Failure::NoContentSha256 => S3Error::no_content_sha256(),
        Failure::BadContentSha256 { value } => S3Error::bad_content_sha256(&value),
        Failure::TooLarge { bound } => S3Error::head_too_large(bound),
    }
}

/// The `Authorization` header as far as it holds no signature: its first word.
fn authorization_shown(head: &Parts) -> String {
    let value = head.headers.get(http::header::AUTHORIZATION);
    let word = value
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split_whitespace().next());
    word.unwrap_or_default().to_owned()
}
