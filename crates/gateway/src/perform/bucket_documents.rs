//! Settings that a bucket keeps as documents: tags, lifecycle rules, cross-origin rules, what its
//! entity tags are.
//!
//! What is stored is what we understood, written out anew: a document that could not be read when it
//! is needed cannot be stored.

use super::Job;
use crate::body::Stream;
use blockhouse_policy::{Arn, Kind, Policy};
use blockhouse_s3::{
    Response,
    cors::Cors,
    error::{ErrorKind, S3Error},
    lifecycle::{Expiration, Lifecycle, Subject},
    operation::BodyUse,
    xml::{EtagMode, etag_xml, parse_bucket_tagging, parse_etag, policy_status_xml, tagging_xml},
};
use blockhouse_store::{Bucket, BucketChange, DocumentKind, ObjectStore};
use blockhouse_types::{ObjectKey, Timestamp};
use blockhouse_verifier_wire::Verifier;
use bytes::Bytes;
use http::StatusCode;

/// `GET ?tagging`.
pub(super) fn tagging<S: ObjectStore, V: Verifier, B>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    stored(job, DocumentKind::Tagging, ErrorKind::NoSuchTagSet)
}

/// `PUT ?tagging`.
pub(super) async fn set_tagging<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    body: BodyUse,
) -> Result<Response, S3Error> {
    let tags = parse_bucket_tagging(&job.document(body).await?)?;
    change(
        job,
        DocumentKind::Tagging,
        Some(tagging_xml(&tags)),
        StatusCode::NO_CONTENT,
    )
    .await
}

/// `DELETE ?tagging`.
pub(super) async fn delete_tagging<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    change(job, DocumentKind::Tagging, None, StatusCode::NO_CONTENT).await
}

/// `GET ?lifecycle`.
pub(super) fn lifecycle<S: ObjectStore, V: Verifier, B>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    stored(
        job,
        DocumentKind::Lifecycle,
        ErrorKind::NoSuchLifecycleConfiguration,
    )
}

/// `PUT ?lifecycle`.
pub(super) async fn set_lifecycle<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    body: BodyUse,
) -> Result<Response, S3Error> {
    let rules = Lifecycle::parse(&job.document(body).await?)?;
    change(
        job,
        DocumentKind::Lifecycle,
        Some(rules.to_xml()),
        StatusCode::OK,
    )
    .await
}

/// `DELETE ?lifecycle`.
pub(super) async fn delete_lifecycle<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    change(job, DocumentKind::Lifecycle, None, StatusCode::NO_CONTENT).await
}

/// `GET ?cors`.
pub(super) fn cors<S: ObjectStore, V: Verifier, B>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    stored(job, DocumentKind::Cors, ErrorKind::NoSuchCorsConfiguration)
}

/// `PUT ?cors`.
pub(super) async fn set_cors<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    body: BodyUse,
) -> Result<Response, S3Error> {
    let rules = Cors::parse(&job.document(body).await?)?;
    change(
        job,
        DocumentKind::Cors,
        Some(rules.to_xml()),
        StatusCode::OK,
    )
    .await
}

/// `DELETE ?cors`.
pub(super) async fn delete_cors<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    change(job, DocumentKind::Cors, None, StatusCode::NO_CONTENT).await
}

/// `GET ?policy`.
pub(super) fn policy<S: ObjectStore, V: Verifier, B>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    of_owner(job)?;
    let bucket = job.grant.bucket()?;
    match bucket.documents.get(&DocumentKind::Policy) {
        Some(text) => Ok(Response::json(Bytes::copy_from_slice(text))),
        None => Err(S3Error::from(ErrorKind::NoSuchBucketPolicy)
            .element("BucketName", bucket.name.as_str())),
    }
}

/// `PUT ?policy`. What cannot be judged is not stored: AWS's words, and the place.
pub(super) async fn set_policy<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    body: BodyUse,
) -> Result<Response, S3Error> {
    of_owner(job)?;
    let document = job.document(body).await?;
    let malformed = |message: String| S3Error::from(ErrorKind::MalformedPolicy).message(message);
    let text = std::str::from_utf8(&document)
        .map_err(|_| malformed("Policies must be valid JSON in UTF-8".to_owned()))?;
    let bucket = job.grant.bucket()?;
    let name = &bucket.name;
    let outpost = job.context.site.domains.outpost();
    let of_outpost = outpost.map(|o| o.arn(bucket.owner, &format!("bucket/{name}")));
    let own = [Some(format!("arn:aws:s3:::{name}")), of_outpost];
    let own: Vec<Arn<'_>> = own
        .iter()
        .flatten()
        .filter_map(|own| Arn::parse(own))
        .collect();
    Policy::parse(Kind::Bucket, name.as_str(), text)
        .and_then(|policy| policy.refuse_foreign(&own))
        .map_err(|error| malformed(error.to_string()))?;
    let done = StatusCode::NO_CONTENT;
    change(job, DocumentKind::Policy, Some(document), done).await
}

/// `GET ?policyStatus`.
pub(super) fn policy_status<S: ObjectStore, V: Verifier, B>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    let bucket = job.grant.bucket()?;
    match job.context.compiled.of_bucket(bucket) {
        Some(policy) => Ok(Response::xml(policy_status_xml(policy.is_public()))),
        None => Err(S3Error::from(ErrorKind::NoSuchBucketPolicy)
            .element("BucketName", bucket.name.as_str())),
    }
}

/// `DELETE ?policy`.
pub(super) async fn delete_policy<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    of_owner(job)?;
    change(job, DocumentKind::Policy, None, StatusCode::NO_CONTENT).await
}

/// A bucket's policy is its owner's affair, whatever it grants to others. Source: Amazon S3 API
/// reference, PutBucketPolicy: "If you have the correct permissions, but you're not using an identity
/// that belongs to the bucket owner's account, Amazon S3 returns a 405 Method Not Allowed error".
fn of_owner<S: ObjectStore, V: Verifier, B>(job: &Job<'_, S, V, B>) -> Result<(), S3Error> {
    if job.caller.account() == Some(job.grant.bucket()?.owner) {
        Ok(())
    } else {
        Err(ErrorKind::MethodNotAllowed.into())
    }
}

/// `GET ?bh-etag`.
pub(super) fn etag<S: ObjectStore, V: Verifier, B>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    let documents = &job.grant.bucket()?.documents;
    let mode = match documents.contains_key(&DocumentKind::Etag) {
        true => EtagMode::Opaque,
        false => EtagMode::Md5,
    };
    Ok(Response::xml(etag_xml(mode)))
}

/// `PUT ?bh-etag`. What is there keeps its tag.
pub(super) async fn set_etag<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    body: BodyUse,
) -> Result<Response, S3Error> {
    let document = match parse_etag(&job.document(body).await?)? {
        EtagMode::Opaque => Some(etag_xml(EtagMode::Opaque)),
        EtagMode::Md5 => None,
    };
    change(job, DocumentKind::Etag, document, StatusCode::OK).await
}

/// When a rule of the bucket will remove an object of this key, tags, size and age. `None` also for
/// rules that cannot be read, which is an error in the log: they were checked when they were stored.
pub(super) fn expiration(
    bucket: &Bucket,
    key: &ObjectKey,
    tags: &[(String, String)],
    size: u64,
    modified: Timestamp,
) -> Option<Expiration> {
    let document = bucket.documents.get(&DocumentKind::Lifecycle)?;
    let rules = Lifecycle::parse(document).inspect_err(
        |error| tracing::error!(bucket = %bucket.name, %error, "unreadable lifecycle rules"),
    );
    rules.ok()?.expiration(&Subject {
        key: key.as_str(),
        tags,
        size,
        modified,
    })
}

/// The tags that [`expiration`] will need, kept aside only when the bucket has rules at all.
pub(super) fn tags_if_expiring(
    bucket: &Bucket,
    tags: &[(String, String)],
) -> Option<Vec<(String, String)>> {
    bucket
        .documents
        .contains_key(&DocumentKind::Lifecycle)
        .then(|| tags.to_vec())
}

/// The document as it is stored, or the error that says there is none.
fn stored<S: ObjectStore, V: Verifier, B>(
    job: &Job<'_, S, V, B>,
    kind: DocumentKind,
    absent: ErrorKind,
) -> Result<Response, S3Error> {
    let bucket = job.grant.bucket()?;
    match bucket.documents.get(&kind) {
        Some(document) => Ok(Response::xml(Bytes::copy_from_slice(document))),
        None => Err(S3Error::from(absent).element("BucketName", bucket.name.as_str())),
    }
}

/// Sets or removes a document.
pub(super) async fn change<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    kind: DocumentKind,
    document: Option<Bytes>,
    done: StatusCode,
) -> Result<Response, S3Error> {
    let change = BucketChange::Document(kind, document.map(|bytes| bytes[..].into()));
    let changed = job
        .store()
        .change_bucket(job.grant.bucket()?.id, change, job.now)
        .await;
    changed.map_err(|error| job.trouble().store(error))?;
    Ok(Response::empty(done))
}
