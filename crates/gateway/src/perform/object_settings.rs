//! What a stored object has beside its bytes: tags, and the one ACL that every object has.

use super::{Job, get, shown};
use crate::body::Stream;
use blockhouse_s3::{
    Response,
    error::S3Error,
    operation::{BodyUse, ObjectOnly},
    output::{AclOutput, TaggingOutput},
    xml::parse_object_tagging,
};
use blockhouse_store::{ObjectStore, StoredObject};
use blockhouse_verifier_wire::Verifier;
use http::{HeaderName, HeaderValue, StatusCode};

const VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");

/// `GET ?acl`: the owner's FULL_CONTROL.
pub(super) async fn acl<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: ObjectOnly,
) -> Result<Response, S3Error> {
    let object = get::open(job, &op.key, op.version).await?;
    let bucket = job.grant.bucket()?;
    let version = shown(bucket, object.info().version);
    Ok(AclOutput {
        owner: bucket.owner,
        version,
    }
    .response())
}

/// `GET ?tagging`: in order of key, whatever the order they came in.
pub(super) async fn tags<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: ObjectOnly,
) -> Result<Response, S3Error> {
    let object = get::open(job, &op.key, op.version).await?;
    let info = object.info();
    let version = shown(job.grant.bucket()?, info.version);
    let mut tags = info.attributes.tags.clone();
    tags.sort();
    Ok(TaggingOutput { tags, version }.response())
}

/// `PUT ?tagging`.
pub(super) async fn set_tags<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    op: ObjectOnly,
    body: BodyUse,
) -> Result<Response, S3Error> {
    let tags = parse_object_tagging(&job.document(body).await?)?;
    replace(job, op, tags, StatusCode::OK).await
}

/// `DELETE ?tagging`.
pub(super) async fn delete_tags<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: ObjectOnly,
) -> Result<Response, S3Error> {
    replace(job, op, Vec::new(), StatusCode::NO_CONTENT).await
}

async fn replace<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: ObjectOnly,
    tags: Vec<(String, String)>,
    done: StatusCode,
) -> Result<Response, S3Error> {
    let bucket = job.grant.bucket()?;
    let replaced = job
        .store()
        .set_tags(bucket.id, &op.key, op.version, tags, job.now)
        .await;
    let version = replaced.map_err(|error| job.trouble().with(&op.key).open(error, op.version))?;
    let mut response = Response::empty(done);
    let version = shown(bucket, version).map(|version| version.to_string());
    if let Some(version) = version.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers.insert(VERSION_ID, version);
    }
    Ok(response)
}
