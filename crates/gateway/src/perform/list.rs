//! Listings: objects, versions, uploads, parts.
//!
//! The page that a client asks for is the page that the store gives: at most 1,000 entries, keys and
//! common prefixes together. A store answers `next` by the last entry of the page, and that is what
//! the next page begins after.

use super::Job;
use crate::body::Stream;
use blockhouse_s3::{
    Response,
    error::S3Error,
    operation::{ListMultipartUploads, ListObjectVersions, ListObjects, ListObjectsV2, ListParts},
    output::{
        ListMultipartUploadsOutput, ListObjectVersionsOutput, ListObjectsOutput, ListPartsOutput,
        ListedPart, ListedUpload, ListedVersion,
    },
};
use blockhouse_store::{
    EntryKind, KeyPage, KeyQuery, ObjectStore, Part, PartQuery, UploadQuery, UploadRef,
    VersionEntry, VersionQuery,
};
use blockhouse_verifier_wire::Verifier;

/// `GET /bucket`.
pub(super) async fn objects<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: ListObjects,
) -> Result<Response, S3Error> {
    let query = KeyQuery {
        prefix: op.prefix.clone(),
        delimiter: op.delimiter.clone(),
        after: op.marker.clone(),
        max: op.max_keys,
    };
    let page = key_page(job, query).await?;
    let objects = listed(page.objects);
    let output = ListObjectsOutput {
        question: &op,
        owner: job.grant.bucket()?.owner,
        objects: &objects,
        common_prefixes: &page.common_prefixes,
        next: page.next.as_deref(),
    };
    Ok(output.response())
}

/// `GET /bucket?list-type=2`.
pub(super) async fn objects_v2<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: ListObjectsV2,
) -> Result<Response, S3Error> {
    let query = KeyQuery {
        prefix: op.prefix.clone(),
        delimiter: op.delimiter.clone(),
        after: op.after.clone(),
        max: op.max_keys,
    };
    let page = key_page(job, query).await?;
    let objects = listed(page.objects);
    let output = ListObjectsOutput {
        question: &op,
        owner: job.grant.bucket()?.owner,
        objects: &objects,
        common_prefixes: &page.common_prefixes,
        next: page.next.as_deref(),
    };
    Ok(output.response())
}

async fn key_page<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    query: KeyQuery,
) -> Result<KeyPage, S3Error> {
    let page = job.store().list(job.grant.bucket()?.id, &query).await;
    page.map_err(|error| job.trouble().store(error))
}

/// `GET /bucket?versions`.
pub(super) async fn versions<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: ListObjectVersions,
) -> Result<Response, S3Error> {
    let query = VersionQuery {
        prefix: op.prefix.clone(),
        delimiter: op.delimiter.clone(),
        key_marker: op.key_marker.clone(),
        version_marker: op.version_marker,
        max: op.max_keys,
    };
    let bucket = job.grant.bucket()?;
    let page = job.store().list_versions(bucket.id, &query).await;
    let page = page.map_err(|error| job.trouble().store(error))?;
    let versions = listed(page.versions);
    let output = ListObjectVersionsOutput {
        question: &op,
        owner: bucket.owner,
        versions: &versions,
        common_prefixes: &page.common_prefixes,
        next: page
            .next
            .as_ref()
            .map(|(key, version)| (key.as_str(), *version)),
    };
    Ok(output.response())
}

/// `GET /bucket?uploads`.
pub(super) async fn uploads<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: ListMultipartUploads,
) -> Result<Response, S3Error> {
    let query = UploadQuery {
        prefix: op.prefix.clone(),
        delimiter: op.delimiter.clone(),
        key_marker: op.key_marker.clone(),
        upload_marker: op.upload_marker,
        max: op.max_uploads,
    };
    let bucket = job.grant.bucket()?;
    let page = job.store().list_uploads(bucket.id, &query).await;
    let page = page.map_err(|error| job.trouble().store(error))?;
    let uploads: Vec<_> = page
        .uploads
        .into_iter()
        .map(|entry| ListedUpload {
            key: entry.key,
            upload: entry.upload,
            initiated: entry.initiated,
            checksum: entry.checksum,
        })
        .collect();
    let output = ListMultipartUploadsOutput {
        question: &op,
        owner: bucket.owner,
        uploads: &uploads,
        common_prefixes: &page.common_prefixes,
        next: page
            .next
            .as_ref()
            .map(|(key, upload)| (key.as_str(), *upload)),
    };
    Ok(output.response())
}

/// `GET /bucket/key?uploadId=ID`.
pub(super) async fn parts<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: ListParts,
) -> Result<Response, S3Error> {
    let bucket = job.grant.bucket()?;
    let upload = UploadRef {
        bucket: bucket.id,
        key: op.key.clone(),
        upload: op.upload,
    };
    let query = PartQuery {
        after: op.after,
        max: op.max_parts,
    };
    let page = job.store().list_parts(&upload, query).await;
    let page = page.map_err(|error| job.trouble().upload(error))?;
    let parts: Vec<_> = page.parts.into_iter().map(listed_part).collect();
    let output = ListPartsOutput {
        question: &op,
        owner: bucket.owner,
        checksum: page.checksum,
        parts: &parts,
        truncated: page.truncated,
    };
    Ok(output.response())
}

fn listed(entries: Vec<VersionEntry>) -> Vec<ListedVersion> {
    let listed = |entry: VersionEntry| ListedVersion {
        key: entry.key,
        version: entry.version,
        latest: entry.latest,
        delete_marker: entry.kind == EntryKind::DeleteMarker,
        modified: entry.modified,
        etag: entry.etag,
        size: entry.size,
        checksum: entry.checksum,
    };
    entries.into_iter().map(listed).collect()
}

fn listed_part(part: Part) -> ListedPart {
    ListedPart {
        number: part.number,
        size: part.size,
        etag: part.etag,
        modified: part.modified,
        checksum: part.checksum,
    }
}
