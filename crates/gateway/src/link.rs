//! What the signer of a link asked for, kept: judged between verify and permit.
//!
//! ```text
//!   Verified ──► not before its time ──► from an address that it allows ──► not revoked ──► not used up ──► permit
//!                            a browser is asked first ([`page`]) ◄── one-time ([`once`]) ◄──┘
//! ```
//!
//! A link that is refused here is 403 AccessDenied without a hint: whoever found one learns neither
//! which address it is for nor when it begins. The reason goes to the log. What a link does to every
//! answer, also to a refusal, is in [`guard`].

mod once;
mod page;
mod roll;

pub(crate) use once::{OneTime, Transfer};
pub(crate) use page::page;
pub use roll::{Line, Roll, Rolls};
pub(crate) use roll::{SeenLink, UnderWay};

use crate::{Origin, verify::Caller};
use blockhouse_s3::{
    checksum::Digest,
    error::{ErrorKind, S3Error},
    link::{Confirm, LinkTerms, Source},
    parse::Parsed,
};
use blockhouse_store::{LinkFacts, ObjectStore};
use blockhouse_types::{ChecksumAlgorithm, OnceHash, RequestId, Timestamp};
use blockhouse_verifier_wire::Verifier;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts};
use std::{fmt, sync::Arc};

/// Why a link does not work here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmet {
    /// It begins later.
    NotYet,
    /// It is for other addresses or another path.
    Source,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotYet => "it begins later",
            Self::Source => "it is not for this source",
        })
    }
}

/// Holds the terms against where and when the request came; `now` is the later of clock and time
/// floor.
pub(crate) fn judge<V: Verifier>(
    terms: &LinkTerms,
    caller: &Caller<'_, V>,
    origin: &Origin,
    id: RequestId,
    now: Timestamp,
) -> Result<(), S3Error> {
    unmet(terms, origin, now).map_or(Ok(()), |why| {
        let link = caller.link().map(tracing::field::display);
        tracing::debug!(%id, link, %why, "a link was refused");
        Err(ErrorKind::AccessDenied.into())
    })
}

/// What a revocation is held against, if the request came by a link.
pub(crate) fn facts<S: ObjectStore, V: Verifier>(
    store: &S,
    asked: &Parsed,
    caller: &Caller<'_, V>,
) -> Option<Arc<LinkFacts>> {
    let (link, signed) = caller.by_link()?;
    let bucket = asked.operation.bucket();
    Some(Arc::new(LinkFacts {
        link,
        once: asked
            .terms
            .once
            .as_ref()
            .map(|token| once_hash(token.as_str())),
        key_id: Arc::clone(&signed.access_key_id),
        signer: signed.principal.account(),
        signed_at: signed.signed_at,
        bucket: bucket.cloned(),
        bucket_owner: bucket.and_then(|name| Some(store.bucket(name)?.owner)),
        key: asked.operation.key().cloned(),
    }))
}

/// What stands for a `once` token where it is kept.
pub(crate) fn once_hash(token: &str) -> OnceHash {
    OnceHash(sha256(token.as_bytes()))
}

/// The one-time link that the request came by, if it is one.
pub(crate) fn one_time<V: Verifier>(
    terms: &LinkTerms,
    caller: &Caller<'_, V>,
    headers: &HeaderMap,
) -> Result<Option<OneTime>, S3Error> {
    if terms.once.is_none() {
        return Ok(None);
    }
    match (caller.link(), caller.account(), caller.expires_at()) {
        (Some(link), Some(owner), Some(expires)) => {
            Ok(Some(OneTime::new(link, owner, expires, headers)))
        }
        // Which link it is must be known to use it up.
        _ => Err(ErrorKind::AccessDenied.into()),
    }
}

/// Whether a person is to be asked before this link is used up.
pub(crate) fn asks_first(terms: &LinkTerms, once: &OneTime, head: &Parts) -> bool {
    head.method == Method::GET
        && terms.confirm == Confirm::Ask
        && !once.resumes()
        && page::is_navigation(&head.headers)
}

fn unmet(terms: &LinkTerms, origin: &Origin, now: Timestamp) -> Option<Unmet> {
    if terms.not_before.is_some_and(|begin| now < begin) {
        return Some(Unmet::NotYet);
    }
    let sources = terms.sources.as_ref()?;
    let admitted = sources.iter().any(|source| admits(source, origin));
    (!admitted).then_some(Unmet::Source)
}

/// A range means the path that it names: the public one, or out of that VPC.
fn admits(source: &Source, origin: &Origin) -> bool {
    let address = origin.peer().ip();
    match (source, origin.vpc_endpoint()) {
        (Source::Public(cidr), None) => cidr.contains(address),
        (Source::Vpc { id, cidr }, Some(from)) => **id == *from.vpc && cidr.contains(address),
        (Source::VpcEndpoint { id }, Some(from)) => **id == *from.id,
        (Source::Public(_), Some(_)) | (Source::Vpc { .. } | Source::VpcEndpoint { .. }, None) => {
            false
        }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = Digest::new(ChecksumAlgorithm::Sha256);
    digest.update(bytes);
    let value = digest.finish();
    std::array::from_fn(|n| value.value().get(n).copied().unwrap_or_default())
}

const CACHE: HeaderValue = HeaderValue::from_static("private, no-store");
const REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Keeps an answer to a link out of caches, the link out of other sites' logs, and a browser from
/// taking the content for something else. It outranks what object and link say of caching.
pub(crate) fn guard(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, CACHE);
    headers.insert(header::REFERRER_POLICY, REFERRER);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    // Old caches know nothing else, and an object may have brought it.
    headers.remove(header::EXPIRES);
    headers.remove(HeaderName::from_static("pragma"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::tests::{from_public, from_vpc};
    use blockhouse_s3::link::Cidr;

    fn from(peer: &str) -> Origin {
        from_public(&format!("{peer}:5"))
    }

    #[test]
    fn a_link_begins_at_its_moment() {
        let begin = Timestamp::from_secs(100);
        let terms = LinkTerms {
            not_before: Some(begin),
            ..LinkTerms::default()
        };
        let at = |millis| unmet(&terms, &from("10.0.0.1"), Timestamp::from_millis(millis));
        assert_eq!(at(99_999), Some(Unmet::NotYet));
        assert_eq!(at(100_000), None);
    }

    #[test]
    fn a_link_is_for_its_sources() {
        let cidr = |text| Cidr::parse(text).unwrap();
        let sources = |sources: Vec<Source>| LinkTerms {
            sources: Some(sources),
            ..LinkTerms::default()
        };
        let public = sources(vec![
            Source::Public(cidr("10.0.0.0/24")),
            Source::Public(cidr("2001:db8::/32")),
        ]);
        let asked = |terms, peer| unmet(terms, &from(peer), Timestamp::default());
        for peer in [
            "10.0.0.0",
            "10.0.0.255",
            "[::ffff:10.0.0.7]",
            "[2001:db8::1]",
        ] {
            assert_eq!(asked(&public, peer), None, "{peer}");
        }
        for peer in ["10.0.1.0", "[2001:db9::1]", "127.0.0.1"] {
            assert_eq!(asked(&public, peer), Some(Unmet::Source), "{peer}");
        }
        // The private path is another one, whatever the address.
        let private = sources(vec![
            Source::Vpc {
                id: "vpc-1".into(),
                cidr: cidr("0.0.0.0/0"),
            },
            Source::VpcEndpoint {
                id: "vpce-1".into(),
            },
        ]);
        assert_eq!(asked(&private, "10.0.0.1"), Some(Unmet::Source));
        let there = from_vpc("10.0.1.7:5");
        let from_there = |terms: &LinkTerms| unmet(terms, &there, Timestamp::default());
        assert_eq!(from_there(&private), None);
        assert_eq!(from_there(&public), Some(Unmet::Source));
        let within = |id: &str, range| Source::Vpc {
            id: id.into(),
            cidr: cidr(range),
        };
        let inside = sources(vec![within("vpc-1", "10.0.1.0/24")]);
        assert_eq!(from_there(&inside), None);
        for other in [
            within("vpc-1", "10.0.2.0/24"),
            within("vpc-2", "10.0.1.0/24"),
            Source::VpcEndpoint {
                id: "vpce-2".into(),
            },
        ] {
            let terms = sources(vec![other]);
            assert_eq!(from_there(&terms), Some(Unmet::Source));
        }
    }
}
