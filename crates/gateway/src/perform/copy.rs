//! Copies: CopyObject and UploadPartCopy.
//!
//! The source is opened, then read into the store like any body: its bytes are digested anew, so a
//! copy of a damaged object is an error and never a damaged object with a fresh checksum.

use super::{
    Job, bucket_documents,
    put::{self, DEFAULT_CHECKSUM, part_checksum, write_condition},
    shown,
    trouble::Trouble,
};
use crate::body::{BODY_BYTES_MAX, SourceBody, Stream};
use blockhouse_s3::{
    Response,
    condition::{Judgement, ReadConditions},
    error::{ErrorKind, S3Error},
    operation::{CopyObject, CopySource, Directive, UploadPartCopy},
    output::{CopyObjectOutput, UploadPartCopyOutput},
};
use blockhouse_store::{
    NewObject, ObjectAttributes, ObjectInfo, ObjectReader, ObjectStore, OpenError, PutError,
    ReadError, StoredObject, UploadRef,
};
use blockhouse_verifier_wire::Verifier;
use std::ops::Range;

/// `PUT /bucket/key` with `x-amz-copy-source`.
pub(super) async fn object<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: CopyObject,
) -> Result<Response, S3Error> {
    changes_something(&op)?;
    let source = open(job, &op.source, &op.source_conditions).await?;
    let info = source.info().clone();
    fits(info.size)?;
    let bucket = job.grant.bucket()?;
    let keep = op
        .checksum
        .or(info.checksum.as_ref().map(|sum| sum.algorithm()));
    let takes_tags = op.tags == Directive::Copy && !info.attributes.tags.is_empty();
    if takes_tags && !job.grant.copies_tags() {
        return Err(ErrorKind::AccessDenied.into());
    }
    let attributes = ObjectAttributes {
        headers: op.headers(&info.attributes.headers),
        tags: op.tags(&info.attributes.tags),
    };
    let expiring = bucket_documents::tags_if_expiring(bucket, &attributes.tags);
    let new = NewObject {
        bucket: bucket.id,
        key: op.key.clone(),
        attributes,
        condition: write_condition(op.condition),
        link: None,
        now: job.now,
    };
    let mut body = SourceBody::new(
        source.read(0..info.size),
        info.size,
        &job.context.hashing_for(job.grant.bucket()?),
        keep.unwrap_or(DEFAULT_CHECKSUM),
    );
    let written = match job.store().put(new, &mut body).await {
        Ok(written) => written,
        Err(error) => {
            return Err(refused(
                job.trouble().with(&op.source.key),
                error,
                &mut body,
            ));
        }
    };
    let expiration = expiring.and_then(|tags| {
        bucket_documents::expiration(bucket, &op.key, &tags, info.size, written.modified)
    });
    let output = CopyObjectOutput {
        etag: written.etag,
        modified: written.modified,
        version: super::written(written.version),
        source_version: shown(job.grant.source()?, info.version),
        checksum: body.kept(),
        expiration: expiration.as_ref(),
    };
    Ok(output.response())
}

/// `PUT /bucket/key?partNumber=N&uploadId=ID` with `x-amz-copy-source`.
pub(super) async fn part<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: UploadPartCopy,
) -> Result<Response, S3Error> {
    let upload = UploadRef {
        bucket: job.grant.bucket()?.id,
        key: op.key.clone(),
        upload: op.upload,
    };
    let asked = put::upload_checksum(job, &upload).await?;
    let source = open(job, &op.source, &op.source_conditions).await?;
    let info = source.info().clone();
    let range = part_range(&op, &info)?;
    let len_bytes = range.end - range.start;
    fits(len_bytes)?;
    let keep = part_checksum(asked, None)?;
    let mut body = SourceBody::new(
        source.read(range),
        len_bytes,
        &job.context.hashing_for(job.grant.bucket()?),
        keep,
    );
    let part = match job
        .store()
        .put_part(&upload, op.part, &mut body, job.now)
        .await
    {
        Ok(part) => part,
        Err(error) => {
            return Err(refused(
                job.trouble().with(&op.source.key),
                error,
                &mut body,
            ));
        }
    };
    let output = UploadPartCopyOutput {
        etag: part.etag,
        modified: part.modified,
        checksum: part.checksum.as_ref(),
        source_version: shown(job.grant.source()?, info.version),
    };
    Ok(output.response())
}

/// Opens the source and judges the conditions on it. "Not modified" is a failed condition here.
async fn open<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    source: &CopySource,
    conditions: &ReadConditions,
) -> Result<S::Object, S3Error> {
    let opened = job
        .store()
        .open(job.grant.source()?.id, &source.key, source.version)
        .await;
    let object = opened.map_err(|error| match (&error, source.version) {
        (OpenError::DeleteMarker { .. }, Some(_)) => S3Error::invalid_request(
            "The source of a copy request may not specifically refer to a delete marker by \
             version id.",
        ),
        _ => job.trouble().with(&source.key).open(error, source.version),
    })?;
    let info = object.info();
    match conditions.judge(&info.etag, info.modified) {
        Judgement::Proceed => Ok(object),
        Judgement::NotModified => Err(ErrorKind::PreconditionFailed.into()),
        Judgement::Failed { condition } => Err(S3Error::precondition_failed(condition)),
    }
}

/// A copy of an object to itself must change something.
fn changes_something(op: &CopyObject) -> Result<(), S3Error> {
    let to_itself =
        op.source.bucket == op.bucket && op.source.key == op.key && op.source.version.is_none();
    let unchanged =
        op.metadata == Directive::Copy && op.redirect.is_none() && op.checksum.is_none();
    if to_itself && unchanged {
        return Err(S3Error::invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself \
             without changing the object's metadata, storage class, website redirect location or \
             encryption attributes.",
        ));
    }
    Ok(())
}

/// What one request may copy.
fn fits(len_bytes: u64) -> Result<(), S3Error> {
    if len_bytes <= BODY_BYTES_MAX {
        return Ok(());
    }
    Err(S3Error::invalid_request(format!(
        "The specified copy source is larger than the maximum allowable size for a copy source: \
         {BODY_BYTES_MAX}"
    )))
}

/// The bytes of the source that become the part. Unlike a Range of GET, a range that reaches beyond
/// the end is an error: the part would be shorter than asked for.
fn part_range(op: &UploadPartCopy, info: &ObjectInfo) -> Result<Range<u64>, S3Error> {
    match &op.range {
        None => Ok(0..info.size),
        Some(range) if *range.end() < info.size => Ok(*range.start()..*range.end() + 1),
        Some(range) => {
            let shown = format!("bytes={}-{}", range.start(), range.end());
            Err(S3Error::invalid_range(&shown, info.size))
        }
    }
}

/// Why a copy was not stored. The store's word on a body that failed is in the body.
fn refused<R: ObjectReader>(
    trouble: Trouble<'_>,
    error: PutError,
    body: &mut SourceBody<R>,
) -> S3Error {
    trouble.put(error, || match body.failure() {
        Some(ReadError::Store(error)) => trouble.store(error),
        None => ErrorKind::InternalError.into(),
    })
}
