//! A signature in the query: the six parameters of a presigned link, and the optional ones.

use crate::authorization::is_header_list;
use crate::claim::Algorithm;
use crate::credential::ScopeError;
use crate::query::Query;
use blockhouse_types::Timestamp;
use std::borrow::Cow;

/// The longest life of a link, in seconds: a week.
pub const EXPIRES_SECS_MAX: u64 = 604_800;

/// The parameters that a link must have, each once.
pub(crate) const REQUIRED: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
];

/// The parameters of a link. An optional one that stands twice or is not text is empty, which is no legal
/// value of any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Presigned<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) credential: Cow<'a, str>,
    pub(crate) date: Cow<'a, str>,
    pub(crate) signed_at: Timestamp,
    pub(crate) expires_secs: u64,
    pub(crate) signed_headers: Cow<'a, str>,
    pub(crate) signature: Cow<'a, str>,
    pub(crate) token: Option<Cow<'a, str>>,
    pub(crate) region_set: Option<Cow<'a, str>>,
    pub(crate) content_sha256: Option<Cow<'a, str>>,
}

/// Why a link's parameters are refused, in S3's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryFault {
    /// A required parameter is absent, stands twice or is not text.
    #[error(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
    )]
    Missing,
    /// An algorithm that we do not know.
    #[error("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"")]
    Algorithm,
    /// The date's form.
    #[error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")]
    Date,
    /// The life is not a number.
    #[error("X-Amz-Expires should be a number")]
    ExpiresNumber,
    /// The life is negative.
    #[error("X-Amz-Expires must be non-negative")]
    ExpiresNegative,
    /// The life is longer than a week.
    #[error(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
    )]
    ExpiresTooLarge,
    /// The names of the signed headers.
    #[error("Error parsing the X-Amz-SignedHeaders parameter; the names must be in lower case.")]
    SignedHeaders,
    /// The credential is refused.
    #[error("Error parsing the X-Amz-Credential parameter; {0}")]
    Scope(ScopeError),
    /// SigV4A without a region set, or with one that leaves this region out.
    #[error(
        "Error parsing the X-Amz-Region-Set parameter; the region set '{given}' is wrong; expecting '{expected}'"
    )]
    RegionSet {
        /// As sent; empty when absent.
        given: String,
        /// Ours.
        expected: String,
    },
}

impl<'a> Presigned<'a> {
    pub(crate) fn read(query: &'a Query<'_>) -> Result<Self, QueryFault> {
        let mut found: [Option<Cow<'a, str>>; REQUIRED.len()] = Default::default();
        let mut seen = [false; REQUIRED.len()];
        let (mut token, mut region_set, mut content_sha256) = (None, None, None);
        let optional = |slot: &mut Option<_>, value: Option<_>| {
            *slot = value.filter(|_| slot.is_none()).or(Some(Cow::Borrowed("")));
        };
        for (name, value) in query.of_signature() {
            let place = match name {
                b"Algorithm" => 0,
                b"Credential" => 1,
                b"Date" => 2,
                b"Expires" => 3,
                b"SignedHeaders" => 4,
                b"Signature" => 5,
                b"Security-Token" => {
                    optional(&mut token, value);
                    continue;
                }
                b"Region-Set" => {
                    optional(&mut region_set, value);
                    continue;
                }
                b"Content-Sha256" => {
                    optional(&mut content_sha256, value);
                    continue;
                }
                _ => continue,
            };
            // What stands twice is none.
            found[place] = value.filter(|value| !seen[place] && !value.is_empty());
            seen[place] = true;
        }
        let [
            Some(algorithm),
            Some(credential),
            Some(date),
            Some(expires),
            Some(signed_headers),
            Some(signature),
        ] = found
        else {
            return Err(QueryFault::Missing);
        };
        if !is_header_list(&signed_headers) {
            return Err(QueryFault::SignedHeaders);
        }
        Ok(Self {
            algorithm: Algorithm::parse(&algorithm).ok_or(QueryFault::Algorithm)?,
            signed_at: Timestamp::parse_basic(&date).map_err(|_| QueryFault::Date)?,
            expires_secs: parse_expires(&expires)?,
            credential,
            date,
            signed_headers,
            signature,
            token,
            region_set,
            content_sha256,
        })
    }
}

fn parse_expires(text: &str) -> Result<u64, QueryFault> {
    let (digits, is_negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    // As far as it counts: a longer number is too large in any case.
    let number = digits.bytes().try_fold(0u64, |number, byte| match byte {
        b'0'..=b'9' => Some((number * 10 + u64::from(byte - b'0')).min(EXPIRES_SECS_MAX + 1)),
        _ => None,
    });
    match number.filter(|_| !digits.is_empty()) {
        None => Err(QueryFault::ExpiresNumber),
        Some(_) if is_negative => Err(QueryFault::ExpiresNegative),
        Some(secs) if secs > EXPIRES_SECS_MAX => Err(QueryFault::ExpiresTooLarge),
        Some(secs) => Ok(secs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2Fd%2Fr%2Fs3%2Faws4_request&X-Amz-Date=20261121T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Brange&X-Amz-Signature=00";

    fn fault(raw: &str) -> QueryFault {
        Presigned::read(&Query::parse(raw).unwrap()).unwrap_err()
    }

    #[test]
    fn reads_all_six() {
        let query = Query::parse(GOOD).unwrap();
        let link = Presigned::read(&query).unwrap();
        assert_eq!(link.credential, "AK/d/r/s3/aws4_request");
        assert_eq!(link.signed_headers, "host;range");
        assert_eq!(link.expires_secs, 60);
        assert_eq!(link.signed_at.to_basic(), link.date);
    }

    #[test]
    fn what_is_optional_is_there_once_or_is_empty() {
        let token = |more: &str| {
            let raw = format!("{GOOD}{more}");
            let query = Query::parse(&raw).unwrap();
            let link = Presigned::read(&query).unwrap();
            assert_eq!((link.region_set, link.content_sha256), (None, None));
            link.token.map(Cow::into_owned)
        };
        assert_eq!(token(""), None);
        assert_eq!(token("&X-Amz-Security-Token=a%2Fb").as_deref(), Some("a/b"));
        for odd in ["a&X-Amz-Security-Token=a", "", "%ff"] {
            let more = format!("&X-Amz-Security-Token={odd}");
            assert_eq!(token(&more).as_deref(), Some(""), "{odd}");
        }
    }

    #[test]
    fn each_fault_has_its_error() {
        for name in REQUIRED {
            assert_eq!(
                fault(&GOOD.replace(name, "x")),
                QueryFault::Missing,
                "{name}"
            );
            assert_eq!(
                fault(&format!("{GOOD}&{name}=1")),
                QueryFault::Missing,
                "{name} twice"
            );
        }
        let expires = |value: &str| fault(&GOOD.replace("Expires=60", &format!("Expires={value}")));
        assert_eq!(expires("604801"), QueryFault::ExpiresTooLarge);
        assert_eq!(
            expires("99999999999999999999999"),
            QueryFault::ExpiresTooLarge
        );
        assert_eq!(expires("-1"), QueryFault::ExpiresNegative);
        for odd in ["x", "1.5", "%2B5", "-", "-x", "1e3", "%2060"] {
            assert_eq!(expires(odd), QueryFault::ExpiresNumber, "{odd}");
        }
        assert_eq!(
            fault(&GOOD.replace("20261121T", "20261121 ")),
            QueryFault::Date
        );
        assert_eq!(
            fault(&GOOD.replace("SHA256", "SHA512")),
            QueryFault::Algorithm
        );
        assert_eq!(
            fault(&GOOD.replace("=host", "=Host")),
            QueryFault::SignedHeaders
        );
    }

    #[test]
    fn a_week_and_nothing_are_numbers() {
        for (text, secs) in [("0", 0), ("604800", EXPIRES_SECS_MAX), ("0060", 60)] {
            assert_eq!(parse_expires(text), Ok(secs));
        }
    }

    proptest! {
        #[test]
        fn never_panics(raw in ".*") {
            if let Ok(query) = Query::parse(&raw) {
                let _ = Presigned::read(&query);
            }
        }
    }
}
