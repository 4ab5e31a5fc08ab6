//! Operations on buckets as such, and on the service.

use super::Job;
use crate::body::Stream;
use blockhouse_s3::{
    Response,
    error::{ErrorKind, S3Error},
    operation::{BodyUse, BucketOnly, GetFixedConfiguration, ListBuckets},
    output::{
        AclOutput, CreateBucketOutput, GetBucketLocationOutput, GetBucketVersioningOutput,
        HeadBucketOutput, ListBucketsOutput, ListedBucket, VersioningState,
    },
    xml::{CreateBucketConfiguration, VersioningConfiguration, tagging_xml},
};
use blockhouse_store::{
    BucketChange, DeleteBucketError, DocumentKind, NewBucket, ObjectStore, UploadError,
    UploadQuery, UploadRef, VersionQuery, Versioning,
};
use blockhouse_types::BucketId;
use blockhouse_verifier_wire::Verifier;
use bytes::Bytes;
use http::StatusCode;

/// Uploads that are listed at once when a bucket is deleted.
const UPLOADS_AT_ONCE: usize = 1000;

/// `GET /`: the caller's own buckets.
pub(super) fn list_buckets<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: ListBuckets,
) -> Result<Response, S3Error> {
    let (owner, region) = (job.grant.account()?, job.context.site.region.clone());
    let elsewhere = op.region.is_some_and(|asked| asked != region);
    let max = op.max.unwrap_or(usize::MAX);
    let mut matching = job.store().buckets().into_iter().filter(|bucket| {
        let name = bucket.name.as_str();
        !elsewhere && bucket.owner == owner && name > &*op.after && name.starts_with(&op.prefix)
    });
    let buckets: Vec<_> = matching
        .by_ref()
        .take(max)
        .map(|bucket| ListedBucket {
            name: bucket.name.clone(),
            created: bucket.created,
        })
        .collect();
    let more = matching.next().is_some();
    let next = buckets
        .last()
        .filter(|_| more)
        .map(|bucket| bucket.name.clone());
    Ok(ListBucketsOutput {
        owner,
        buckets,
        region,
        prefix: op.prefix,
        next,
    }
    .response())
}

/// `PUT /bucket`. A name that is taken is refused even when the caller owns it: only us-east-1 is
/// lenient, and no region here is that.
pub(super) async fn create<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    op: BucketOnly,
    body: BodyUse,
) -> Result<Response, S3Error> {
    let wanted = CreateBucketConfiguration::parse(&job.document(body).await?)?;
    wanted.check_location(&job.context.site.region)?;
    let new = NewBucket {
        name: op.bucket.clone(),
        owner: job.grant.account()?,
        now: job.now,
        buckets_max: job.context.site.buckets_max,
    };
    let made = job.store().create_bucket(new).await;
    let bucket = made.map_err(|error| job.trouble().create_bucket(error))?;
    if !wanted.tags.is_empty() {
        let document = tagging_xml(&wanted.tags)[..].into();
        let change = BucketChange::Document(DocumentKind::Tagging, Some(document));
        let changed = job.store().change_bucket(bucket.id, change, job.now).await;
        changed.map_err(|error| job.trouble().store(error))?;
    }
    Ok(CreateBucketOutput { bucket: op.bucket }.response())
}

/// `DELETE /bucket`. Uploads in progress do not hold a bucket, as on AWS: when nothing else is in it
/// they are dropped first. Not in one commit: what is begun meanwhile keeps the bucket.
pub(super) async fn delete<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    let bucket = job.grant.bucket()?;
    // One that is made at this moment names a bucket that is gone, and opens nothing.
    if job.state.access_points_of(bucket.owner, &bucket.name) > 0 {
        return Err(ErrorKind::BucketHasAccessPointsAttached.into());
    }
    let bucket = bucket.id;
    let mut deleted = job.store().delete_bucket(bucket, job.now).await;
    if deleted == Err(DeleteBucketError::NotEmpty) && holds_no_version(job, bucket).await? {
        drop_uploads(job, bucket).await?;
        deleted = job.store().delete_bucket(bucket, job.now).await;
    }
    deleted.map_err(|error| job.trouble().delete_bucket(error))?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// Whether the bucket has neither object nor version nor delete marker.
async fn holds_no_version<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    bucket: BucketId,
) -> Result<bool, S3Error> {
    let query = VersionQuery {
        max: 1,
        ..VersionQuery::default()
    };
    let page = job.store().list_versions(bucket, &query).await;
    Ok(page
        .map_err(|error| job.trouble().store(error))?
        .versions
        .is_empty())
}

/// Drops every upload in progress. One that ended meanwhile is none of ours.
async fn drop_uploads<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    bucket: BucketId,
) -> Result<(), S3Error> {
    loop {
        let query = UploadQuery {
            max: UPLOADS_AT_ONCE,
            ..UploadQuery::default()
        };
        let page = job.store().list_uploads(bucket, &query).await;
        let page = page.map_err(|error| job.trouble().store(error))?;
        for entry in page.uploads {
            let upload = UploadRef {
                bucket,
                key: entry.key,
                upload: entry.upload,
            };
            match job.store().abort_upload(&upload, job.now).await {
                Ok(()) | Err(UploadError::NoSuchUpload) => {}
                Err(error) => return Err(job.trouble().upload(error)),
            }
        }
        if page.next.is_none() {
            return Ok(());
        }
    }
}

/// `HEAD /bucket`.
pub(super) fn head<S: ObjectStore, V: Verifier, B>(job: &Job<'_, S, V, B>) -> Response {
    HeadBucketOutput {
        region: job.context.site.region.clone(),
    }
    .response()
}

/// `GET /bucket?location`.
pub(super) fn location<S: ObjectStore, V: Verifier, B>(job: &Job<'_, S, V, B>) -> Response {
    GetBucketLocationOutput {
        region: job.context.site.region.clone(),
    }
    .response()
}

/// `GET /bucket?versioning`.
pub(super) fn versioning<S: ObjectStore, V: Verifier, B>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    let state = match job.grant.bucket()?.versioning {
        Versioning::Unversioned => None,
        Versioning::Enabled => Some(VersioningState::Enabled),
        Versioning::Suspended => Some(VersioningState::Suspended),
    };
    Ok(GetBucketVersioningOutput { state }.response())
}

/// `PUT /bucket?versioning`.
pub(super) async fn set_versioning<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    body: BodyUse,
) -> Result<Response, S3Error> {
    let versioning = match VersioningConfiguration::parse(&job.document(body).await?)?.state {
        VersioningState::Enabled => Versioning::Enabled,
        VersioningState::Suspended => Versioning::Suspended,
    };
    let bucket = job.grant.bucket()?.id;
    let change = BucketChange::Versioning(versioning);
    let changed = job.store().change_bucket(bucket, change, job.now).await;
    changed.map_err(|error| job.trouble().store(error))?;
    Ok(Response::empty(StatusCode::OK))
}

/// `GET /bucket?acl`.
pub(super) fn acl<S: ObjectStore, V: Verifier, B>(
    job: &Job<'_, S, V, B>,
) -> Result<Response, S3Error> {
    Ok(AclOutput {
        owner: job.grant.bucket()?.owner,
        version: None,
    }
    .response())
}

/// `GET` of a setting that no bucket can have otherwise.
pub(super) fn fixed(op: GetFixedConfiguration) -> Result<Response, S3Error> {
    Ok(Response::xml(Bytes::from_static(
        op.which.document()?.as_bytes(),
    )))
}

/// `DELETE` of one.
pub(super) fn nothing_to_delete() -> Response {
    Response::empty(StatusCode::NO_CONTENT)
}
