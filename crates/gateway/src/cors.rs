//! Cross-origin rules: the preflight, and the headers that tell a browser it may read an answer.
//!
//! Both come from the bucket's rules alone. The preflight is the one question that is answered
//! without a signature; its answer never depends on a key. Answers of the trunk, refusals included,
//! get their headers here as well: a page that may not read an error cannot tell what went wrong.

use crate::respond::{Content, Reply};
use blockhouse_s3::{
    cors::Cors,
    error::{ErrorKind, S3Error},
    operation::Preflight,
};
use blockhouse_store::{DocumentKind, ObjectStore};
use blockhouse_types::BucketName;
use http::{HeaderMap, StatusCode, header, request::Parts};

/// The answer to `OPTIONS`. A bucket that does not exist answers like one without rules.
pub(crate) fn preflight<S: ObjectStore>(store: &S, asked: &Preflight) -> Result<Reply<S>, S3Error> {
    let rules = rules(store, &asked.bucket).ok_or(ErrorKind::CorsNotEnabled)?;
    let headers = rules.preflight(asked).ok_or(ErrorKind::CorsForbidden)?;
    Ok(Reply {
        status: StatusCode::OK,
        headers,
        content: Content::Empty,
        transfer: None,
    })
}

/// Adds what the bucket's rules say to a page of the request's `Origin`, if anything.
pub(crate) fn annotate<S: ObjectStore>(
    store: &S,
    bucket: &BucketName,
    head: &Parts,
    headers: &mut HeaderMap,
) {
    let Some(origin) = head.headers.get(header::ORIGIN) else {
        return;
    };
    let (Ok(origin), Some(rules)) = (origin.to_str(), rules(store, bucket)) else {
        return;
    };
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        return;
    }
    headers.extend(
        rules
            .actual(origin, head.method.as_str())
            .unwrap_or_default(),
    );
}

/// The bucket's rules. They were checked when they were stored.
fn rules<S: ObjectStore>(store: &S, name: &BucketName) -> Option<Cors> {
    let bucket = store.bucket(name)?;
    let document = bucket.documents.get(&DocumentKind::Cors)?;
    Cors::parse(document)
        .inspect_err(|error| tracing::error!(%name, %error, "unreadable CORS rules"))
        .ok()
}
