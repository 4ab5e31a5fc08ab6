//! Storing bytes that a client sends: PutObject and UploadPart.

use super::{Job, bucket_documents, trouble::Trouble};
use crate::{
    Context,
    body::{RequestBody, Stream},
};
use blockhouse_s3::{
    Response, condition,
    error::{ErrorKind, S3Error},
    lifecycle::Expiration,
    operation::{Attributes, PutObject, UploadPart},
    output::{PutObjectOutput, UploadPartOutput},
};
use blockhouse_store::{
    Bucket, LinkUse, NewObject, ObjectAttributes, ObjectStore, PartQuery, UploadRef,
    WriteCondition, Written,
};
use blockhouse_types::{ChecksumAlgorithm, ChecksumType, RequestId, Timestamp};
use blockhouse_verifier_wire::Verifier;
use http::{header, request::Parts};

/// What is kept with an object when the client named nothing: S3's own default.
pub(super) const DEFAULT_CHECKSUM: ChecksumAlgorithm = ChecksumAlgorithm::Crc64Nvme;

/// `PUT /bucket/key`.
pub(super) async fn object<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    op: PutObject,
) -> Result<Response, S3Error> {
    let Job {
        context,
        id,
        now,
        head,
        caller,
        grant,
        once,
        promise,
        body,
        trail,
        ..
    } = job;
    let bucket = grant.bucket()?;
    has_length(head)?;
    let body = RequestBody::open(
        body,
        caller,
        &context.hashing_for(bucket),
        promise.clone(),
        Some(DEFAULT_CHECKSUM),
    )?;
    let link = once
        .as_ref()
        .map(|once| once.usage_of_put(context.site.used_links_max, *now));
    let stored = store(context, (*id, *now), (bucket, link), op, body).await?;
    trail.stored(stored.bytes());
    Ok(stored.output().response())
}

/// An object that was stored, and the body that it was made of.
pub(super) struct Stored<'a, B, V: Verifier> {
    written: Written,
    expiration: Option<Expiration>,
    body: RequestBody<'a, B, V>,
}

impl<B: Stream, V: Verifier> Stored<'_, B, V> {
    /// How long it is.
    pub(super) fn bytes(&self) -> u64 {
        self.body.bytes_yielded()
    }

    /// What the client is told of it.
    pub(super) fn output(&self) -> PutObjectOutput<'_> {
        PutObjectOutput {
            etag: self.written.etag,
            version: super::written(self.written.version),
            checksum: self.body.kept(),
            size: None,
            expiration: self.expiration.as_ref(),
        }
    }
}

/// Stores `body` in `bucket` as `op` says, for the request of this id that began then, and uses up
/// the one-time link by which it came.
pub(super) async fn store<'a, S: ObjectStore, V: Verifier, B: Stream>(
    context: &Context<S, V>,
    (id, now): (RequestId, Timestamp),
    (bucket, link): (&Bucket, Option<LinkUse>),
    op: PutObject,
    mut body: RequestBody<'a, B, V>,
) -> Result<Stored<'a, B, V>, S3Error> {
    let tags = bucket_documents::tags_if_expiring(bucket, &op.attributes.tags);
    let new = NewObject {
        bucket: bucket.id,
        key: op.key.clone(),
        attributes: attributes(op.attributes),
        condition: write_condition(op.condition),
        link,
        now,
    };
    let written = match context.store.put(new, &mut body).await {
        Ok(written) => written,
        Err(error) => return Err(Trouble::of(id).with(&op.key).put(error, || body.refusal())),
    };
    let expiration = tags.and_then(|tags| {
        let size = body.bytes_yielded();
        bucket_documents::expiration(bucket, &op.key, &tags, size, written.modified)
    });
    Ok(Stored {
        written,
        expiration,
        body,
    })
}

/// `PUT /bucket/key?partNumber=N&uploadId=ID`.
pub(super) async fn part<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    op: UploadPart,
) -> Result<Response, S3Error> {
    let upload = UploadRef {
        bucket: job.grant.bucket()?.id,
        key: op.key.clone(),
        upload: op.upload,
    };
    let asked = upload_checksum(job, &upload).await?;
    let hashing = job.context.hashing_for(job.grant.bucket()?);
    let Job {
        context,
        id,
        now,
        head,
        caller,
        promise,
        body,
        trail,
        ..
    } = job;
    has_length(head)?;
    let keep = part_checksum(asked, promise.checksum_algorithm())?;
    let mut body = RequestBody::open(body, caller, &hashing, promise.clone(), Some(keep))?;
    let part = match context
        .store
        .put_part(&upload, op.part, &mut body, *now)
        .await
    {
        Ok(part) => part,
        Err(error) => return Err(Trouble::of(*id).with(&op.key).put(error, || body.refusal())),
    };
    trail.stored(body.bytes_yielded());
    Ok(UploadPartOutput {
        etag: part.etag,
        checksum: part.checksum.as_ref(),
    }
    .response())
}

/// The checksum that an upload asked for. An upload that does not exist is refused here, before a
/// byte of the part was read.
pub(super) async fn upload_checksum<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    upload: &UploadRef,
) -> Result<Option<(ChecksumAlgorithm, ChecksumType)>, S3Error> {
    let page = job
        .store()
        .list_parts(upload, PartQuery { after: 0, max: 0 })
        .await;
    Ok(page.map_err(|error| job.trouble().upload(error))?.checksum)
}

/// The algorithm to keep a part's checksum by: the upload's, which a part may not contradict.
pub(super) fn part_checksum(
    asked: Option<(ChecksumAlgorithm, ChecksumType)>,
    promised: Option<ChecksumAlgorithm>,
) -> Result<ChecksumAlgorithm, S3Error> {
    match (asked, promised) {
        (Some((asked, _)), Some(promised)) if asked != promised => {
            Err(S3Error::invalid_request(format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum \
                 Type: {}",
                asked.name().to_ascii_lowercase(),
                promised.name().to_ascii_lowercase()
            )))
        }
        (Some((asked, _)), _) => Ok(asked),
        (None, promised) => Ok(promised.unwrap_or(DEFAULT_CHECKSUM)),
    }
}

/// 411 for a body of which HTTP itself does not say where it ends.
fn has_length(head: &Parts) -> Result<(), S3Error> {
    let framed = head.headers.contains_key(header::CONTENT_LENGTH)
        || head.headers.contains_key(header::TRANSFER_ENCODING);
    if framed {
        Ok(())
    } else {
        Err(ErrorKind::MissingContentLength.into())
    }
}

/// S3's attributes as the store keeps them.
pub(super) fn attributes(attributes: Attributes) -> ObjectAttributes {
    ObjectAttributes {
        headers: attributes.headers,
        tags: attributes.tags,
    }
}

/// S3's condition as the store judges it.
pub(super) fn write_condition(condition: condition::WriteCondition) -> WriteCondition {
    match condition {
        condition::WriteCondition::None => WriteCondition::None,
        condition::WriteCondition::Absent => WriteCondition::Absent,
        condition::WriteCondition::Present => WriteCondition::Present,
        condition::WriteCondition::Matches(etag) => WriteCondition::Matches(etag),
    }
}
