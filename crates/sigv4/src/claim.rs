//! What a request says about its signer, wherever it says it: in the header `Authorization` or in
//! the query, or in the fields of a form ([`crate::SignedForm`]). Nothing here is believed yet.

use crate::authorization::{Authorization, HeaderFault};
use crate::canonical::Request;
use crate::credential::ScopeError;
use crate::form::FormFault;
use crate::headers::{HEADERS_MAX, single};
use crate::presigned::{Presigned, QueryFault, REQUIRED};
use crate::query::Query;
use crate::time::parse_http_date;
use blockhouse_types::Timestamp;
use std::borrow::Cow;

/// Which algorithm signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `AWS4-HMAC-SHA256`: SigV4.
    Hmac,
    /// `AWS4-ECDSA-P256-SHA256`: SigV4A.
    Ecdsa,
}

impl Algorithm {
    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Hmac, Self::Ecdsa]
            .into_iter()
            .find(|a| a.as_str() == name)
    }

    /// Its name in requests and strings to sign.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hmac => "AWS4-HMAC-SHA256",
            Self::Ecdsa => "AWS4-ECDSA-P256-SHA256",
        }
    }
}

/// Where the signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In the header `Authorization`.
    Header,
    /// In the query: a presigned link.
    Query {
        /// The link's life in seconds, at most [`crate::EXPIRES_SECS_MAX`].
        expires_secs: u64,
    },
    /// In a form: its policy says how long it lives.
    Post,
}

/// What a request says about its signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Where the signature stands.
    pub form: Form,
    /// Which algorithm signed.
    pub algorithm: Algorithm,
    /// `AKID/DATE/REGION/SERVICE/aws4_request`; see [`crate::Credential`].
    pub credential: Cow<'a, str>,
    /// The signed headers' names: `a;b;c`.
    pub signed_headers: Cow<'a, str>,
    /// The signature, as sent.
    pub signature: Cow<'a, str>,
    /// The date in basic form, as it stands in the string to sign.
    pub date: Cow<'a, str>,
    /// The same as a moment.
    pub signed_at: Timestamp,
    /// The session token, when there is one.
    pub token: Option<Cow<'a, str>>,
    /// `X-Amz-Region-Set`, when there is one.
    pub region_set: Option<Cow<'a, str>>,
    /// `x-amz-content-sha256`, when there is one: of a link, the parameter before the header.
    pub content_sha256: Option<Cow<'a, str>>,
}

/// Why what a request says of its signer cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// More than one mechanism at once.
    #[error("more than one authentication mechanism")]
    SeveralMechanisms,
    /// Signature version 2, in header or query.
    #[error("signature version 2 is refused")]
    SignatureV2,
    /// The header `Authorization` is odd.
    #[error(transparent)]
    Header(HeaderFault),
    /// A parameter of the query is odd.
    #[error(transparent)]
    Query(QueryFault),
    /// A field of a form is odd.
    #[error(transparent)]
    Form(FormFault),
    /// Neither `x-amz-date` nor `Date` is a date.
    #[error("neither x-amz-date nor Date is a date")]
    NoDate,
    /// More than [`HEADERS_MAX`] headers.
    #[error("a request has at most {HEADERS_MAX} headers")]
    TooManyHeaders,
}

impl<'a> Claim<'a> {
    /// Reads what the request says; `None` when it says nothing: it is anonymous.
    pub fn read(request: &Request<'a>, query: &'a Query<'a>) -> Result<Option<Self>, ClaimError> {
        if request.headers.len() > HEADERS_MAX {
            return Err(ClaimError::TooManyHeaders);
        }
        let mut authorizations = request
            .headers
            .iter()
            .filter(|(n, _)| *n == "authorization");
        let authorization = authorizations.next().map(|(_, value)| *value);
        let in_query = REQUIRED.iter().any(|name| query.contains(name));
        let version_2 = query.contains("AWSAccessKeyId");
        let more = authorizations.count();
        let mechanisms = usize::from(authorization.is_some())
            + usize::from(in_query)
            + usize::from(version_2)
            + more;
        match authorization {
            _ if mechanisms > 1 => Err(ClaimError::SeveralMechanisms),
            _ if version_2 => Err(ClaimError::SignatureV2),
            Some(value) => Self::of_header(request, value).map(Some),
            None if in_query => Self::of_query(request, query).map(Some),
            None => Ok(None),
        }
    }

    /// Whether anything in the head speaks of a signature.
    pub(crate) fn is_in_head(request: &Request<'_>, query: &Query<'_>) -> bool {
        let mut names = REQUIRED.iter().chain(&["AWSAccessKeyId"]);
        let in_query = names.any(|name| query.contains(name));
        in_query || request.headers.iter().any(|(n, _)| *n == "authorization")
    }

    fn of_header(request: &Request<'a>, value: &'a [u8]) -> Result<Self, ClaimError> {
        let value = std::str::from_utf8(value).map_err(|_| {
            let value = String::from_utf8_lossy(value).into_owned();
            ClaimError::Header(HeaderFault::UnsupportedType { value })
        })?;
        let parsed = Authorization::parse(value).map_err(|fault| match fault {
            HeaderFault::Version2 => ClaimError::SignatureV2,
            fault => ClaimError::Header(fault),
        })?;
        let (date, signed_at) = header_date(request).ok_or(ClaimError::NoDate)?;
        Ok(Self {
            form: Form::Header,
            algorithm: parsed.algorithm,
            credential: Cow::Borrowed(parsed.credential),
            signed_headers: Cow::Borrowed(parsed.signed_headers),
            signature: Cow::Borrowed(parsed.signature),
            date,
            signed_at,
            token: joined(request, "x-amz-security-token"),
            region_set: joined(request, "x-amz-region-set"),
            content_sha256: joined(request, "x-amz-content-sha256"),
        })
    }

    fn of_query(request: &Request<'a>, query: &'a Query<'a>) -> Result<Self, ClaimError> {
        let link = Presigned::read(query).map_err(ClaimError::Query)?;
        let or_header = |parameter: Option<_>, name| parameter.or_else(|| joined(request, name));
        Ok(Self {
            form: Form::Query {
                expires_secs: link.expires_secs,
            },
            algorithm: link.algorithm,
            credential: link.credential,
            signed_headers: link.signed_headers,
            signature: link.signature,
            date: link.date,
            signed_at: link.signed_at,
            token: or_header(link.token, "x-amz-security-token"),
            region_set: or_header(link.region_set, "x-amz-region-set"),
            content_sha256: or_header(link.content_sha256, "x-amz-content-sha256"),
        })
    }

    /// The refusal of this claim's credential, in the words of its form.
    pub fn refuse_scope(&self, error: ScopeError) -> ClaimError {
        match self.form {
            Form::Header => ClaimError::Header(HeaderFault::Scope(error)),
            Form::Query { .. } => ClaimError::Query(QueryFault::Scope(error)),
            Form::Post => ClaimError::Form(FormFault::Scope {
                credential: self.credential.to_string(),
                error,
            }),
        }
    }

    /// The refusal of this claim's region set, in the words of its form.
    pub fn refuse_region_set(&self, expected: &str) -> ClaimError {
        let given = self.region_set.as_deref().unwrap_or_default().to_owned();
        let expected = expected.to_owned();
        match self.form {
            // A form has no region set, and its algorithm asks for none.
            Form::Header | Form::Post => {
                ClaimError::Header(HeaderFault::RegionSet { given, expected })
            }
            Form::Query { .. } => ClaimError::Query(QueryFault::RegionSet { given, expected }),
        }
    }
}

/// The date that a header signature is made with: `x-amz-date`, or without it `Date`.
fn header_date<'a>(request: &Request<'a>) -> Option<(Cow<'a, str>, Timestamp)> {
    let basic = |text: &'a str| {
        Timestamp::parse_basic(text)
            .ok()
            .map(|moment| (Cow::Borrowed(text), moment))
    };
    if request
        .headers
        .iter()
        .any(|(name, _)| *name == "x-amz-date")
    {
        return basic(single(request.headers, "x-amz-date")?);
    }
    let date = single(request.headers, "date")?;
    basic(date)
        .or_else(|| parse_http_date(date).map(|moment| (Cow::Owned(moment.to_basic()), moment)))
}

/// The value of a header; one that stands twice is handed on joined, which is no legal value.
fn joined<'a>(request: &Request<'a>, name: &str) -> Option<Cow<'a, str>> {
    let mut values = request
        .headers
        .iter()
        .filter(|(n, _)| *n == name)
        .map(|(_, value)| *value);
    let first = text(values.next()?.trim_ascii());
    match values.next() {
        None => Some(first),
        Some(second) => Some(Cow::Owned(format!(
            "{first},{}",
            String::from_utf8_lossy(second)
        ))),
    }
}

/// A header's value as text. What is not UTF-8 is replaced, and is no legal value of any of these.
fn text(value: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(value).map_or_else(|_| String::from_utf8_lossy(value), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &str =
        "AWS4-HMAC-SHA256 Credential=AK/20261121/r/s3/aws4_request,SignedHeaders=host,Signature=00";
    const LINK: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK&X-Amz-Date=20261121T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00";

    fn read(query: &str, headers: &[(&str, &str)]) -> Result<Option<Form>, ClaimError> {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        let request = Request {
            method: "GET",
            path: "/",
            query,
            headers: &headers,
            tls: false,
        };
        let query = Query::parse(query).unwrap();
        Claim::read(&request, &query).map(|claim| claim.map(|c| c.form))
    }

    #[test]
    fn one_mechanism_at_a_time() {
        let date = ("x-amz-date", "20261121T000000Z");
        assert_eq!(read("", &[date]), Ok(None));
        assert_eq!(
            read("", &[("authorization", HEADER), date]),
            Ok(Some(Form::Header))
        );
        assert_eq!(read(LINK, &[]), Ok(Some(Form::Query { expires_secs: 60 })));
        assert_eq!(
            read(LINK, &[("authorization", HEADER), date]),
            Err(ClaimError::SeveralMechanisms)
        );
        assert_eq!(
            read(&format!("{LINK}&AWSAccessKeyId=x"), &[]),
            Err(ClaimError::SeveralMechanisms)
        );
        let twice = [("authorization", HEADER), ("authorization", HEADER), date];
        assert_eq!(read("", &twice), Err(ClaimError::SeveralMechanisms));
        assert_eq!(
            read("AWSAccessKeyId=a&Signature=b&Expires=1", &[]),
            Err(ClaimError::SignatureV2)
        );
        assert_eq!(
            read("", &[("authorization", "AWS a:b")]),
            Err(ClaimError::SignatureV2)
        );
        assert_eq!(
            read("X%2DAmz-Signature=1", &[]),
            Err(ClaimError::Query(QueryFault::Missing))
        );
        assert_eq!(read("x-amz-signature=1", &[]), Ok(None));
    }

    #[test]
    fn either_date_will_do_but_one_must_be_a_date() {
        let with = |headers: &[(&'static str, &'static str)]| {
            let mut all = vec![("authorization", HEADER)];
            all.extend(headers);
            read("", &all)
        };
        assert_eq!(with(&[]), Err(ClaimError::NoDate));
        assert_eq!(
            with(&[("date", "Sat, 21 Nov 2026 00:00:00 GMT")]),
            Ok(Some(Form::Header))
        );
        assert_eq!(
            with(&[("date", "20261121T000000Z")]),
            Ok(Some(Form::Header))
        );
        assert_eq!(with(&[("date", "yesterday")]), Err(ClaimError::NoDate));
        let both = [("x-amz-date", "yesterday"), ("date", "20261121T000000Z")];
        assert_eq!(with(&both), Err(ClaimError::NoDate));
    }

    proptest! {
        #[test]
        fn never_panics(query in ".*", value: Vec<u8>, name in "(authorization|x-amz-date|date|x-amz-content-sha256)") {
            let headers: &[(&str, &[u8])] = &[(&name, &value), ("authorization", HEADER.as_bytes())];
            for headers in [headers, &headers[..1]] {
                let request = Request { method: "GET", path: "/", query: &query, headers, tls: false };
                if let Ok(query) = Query::parse(&query) {
                    let _ = Claim::read(&request, &query);
                }
            }
        }
    }
}
