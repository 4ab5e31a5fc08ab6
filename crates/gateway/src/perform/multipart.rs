//! Multipart uploads: begin, complete, abort. Parts are stored in `put` and `copy`.
//!
//! Completing looks at the stored parts, computes tag and checksum of the whole from theirs, and
//! hands both to the store, which makes the object in one commit without rewriting a byte, after it
//! has checked at its serial point that the parts are still those.

use super::{Job, bucket_documents, put};
use crate::body::Stream;
use blockhouse_s3::{
    Response, checksum,
    error::{ErrorKind, S3Error},
    operation::{BodyUse, CompleteMultipartUpload, CreateMultipartUpload, UploadOnly},
    output::{CompleteMultipartUploadOutput, CreateMultipartUploadOutput},
    xml::{CompleteMultipartUploadBody, NamedPart},
};
use blockhouse_store::{
    CompletedPart, Completion, NewUpload, ObjectStore, Part, PartPage, PartQuery, StoredObject,
    UploadError, UploadRef,
};
use blockhouse_types::{Checksum, ChecksumAlgorithm, ChecksumType};
use blockhouse_verifier_wire::Verifier;
use http::{StatusCode, header};

/// Every part but the last has at least this many bytes. Source: Amazon S3 user guide, "Amazon S3
/// multipart upload limits".
const PART_BYTES_MIN: u64 = 5 << 20;

/// The most parts of an upload.
const PARTS_MAX: usize = 10_000;

/// `POST /bucket/key?uploads`.
pub(super) async fn create<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: CreateMultipartUpload,
) -> Result<Response, S3Error> {
    let new = NewUpload {
        bucket: job.grant.bucket()?.id,
        key: op.key.clone(),
        attributes: put::attributes(op.attributes),
        checksum: op.checksum,
        now: job.now,
    };
    let created = job.store().create_upload(new).await;
    let upload = created.map_err(|error| job.trouble().store(error))?;
    let output = CreateMultipartUploadOutput {
        bucket: op.bucket,
        key: op.key,
        upload,
        checksum: op.checksum,
    };
    Ok(output.response())
}

/// `DELETE /bucket/key?uploadId=ID`.
pub(super) async fn abort<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: UploadOnly,
) -> Result<Response, S3Error> {
    let upload = UploadRef {
        bucket: job.grant.bucket()?.id,
        key: op.key,
        upload: op.upload,
    };
    let aborted = job.store().abort_upload(&upload, job.now).await;
    aborted.map_err(|error| job.trouble().upload(error))?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// `POST /bucket/key?uploadId=ID`.
pub(super) async fn complete<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    op: CompleteMultipartUpload,
    body: BodyUse,
) -> Result<Response, S3Error> {
    let named = CompleteMultipartUploadBody::parse(&job.document(body).await?)?.parts;
    let bucket = job.grant.bucket()?;
    let upload = UploadRef {
        bucket: bucket.id,
        key: op.key.clone(),
        upload: op.upload,
    };
    let page = job
        .store()
        .list_parts(
            &upload,
            PartQuery {
                after: 0,
                max: PARTS_MAX,
            },
        )
        .await;
    let page = match page {
        Err(UploadError::NoSuchUpload) => return completed_before(job, op, &named).await,
        page => page.map_err(|error| job.trouble().upload(error))?,
    };
    let parts = chosen(&named, &page)?;
    let size: u64 = parts.iter().map(|part| part.size).sum();
    let checksum = whole_checksum(&parts, page.checksum);
    keeps_promises(&op, &page, size, checksum.as_ref())?;
    let completion = Completion {
        upload,
        parts: parts
            .iter()
            .map(|p| CompletedPart {
                number: p.number,
                etag: p.etag,
            })
            .collect(),
        etag: checksum::etag_of_parts(parts.iter().map(|part| part.etag)),
        checksum: checksum.clone(),
        condition: put::write_condition(op.condition),
        now: job.now,
    };
    let completed = job.store().complete_upload(completion).await;
    let written = completed.map_err(|error| job.trouble().with(&op.key).complete(error))?;
    let expiration = bucket_documents::expiration(bucket, &op.key, &[], size, written.modified);
    let output = CompleteMultipartUploadOutput {
        location: location(job),
        bucket: op.bucket,
        key: op.key,
        etag: written.etag,
        version: super::written(written.version),
        checksum: checksum.as_ref(),
        expiration: expiration.as_ref(),
    };
    Ok(output.response())
}

/// The answer to who asks a second time because the first answer was lost: success, as on AWS, while
/// the object is still the one that these parts make.
async fn completed_before<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: CompleteMultipartUpload,
    named: &[NamedPart],
) -> Result<Response, S3Error> {
    let bucket = job.grant.bucket()?;
    let opened = job.store().open(bucket.id, &op.key, None).await;
    let Ok(object) = opened else {
        return Err(ErrorKind::NoSuchUpload.into());
    };
    let info = object.info();
    let numbers = named.iter().map(|part| part.number);
    let same_parts = info.parts.iter().map(|part| part.number).eq(numbers);
    if !same_parts || info.etag != checksum::etag_of_parts(named.iter().map(|part| part.etag)) {
        return Err(ErrorKind::NoSuchUpload.into());
    }
    let output = CompleteMultipartUploadOutput {
        location: location(job),
        bucket: op.bucket,
        key: op.key,
        etag: info.etag,
        version: super::written(info.version),
        checksum: info.checksum.as_ref(),
        expiration: None,
    };
    Ok(output.response())
}

/// The stored parts that the client named, if they are the ones it means and large enough.
fn chosen<'a>(named: &[NamedPart], page: &'a PartPage) -> Result<Vec<&'a Part>, S3Error> {
    let mut parts = Vec::with_capacity(named.len());
    for name in named {
        let found = page
            .parts
            .binary_search_by_key(&name.number, |part| part.number);
        let part = found.ok().and_then(|index| page.parts.get(index));
        let part = part.filter(|part| is_meant(name, part)).ok_or_else(|| {
            S3Error::from(ErrorKind::InvalidPart).element("PartNumber", name.number.to_string())
        })?;
        parts.push(part);
    }
    let (_last, others) = parts.split_last().ok_or(ErrorKind::MalformedXml)?;
    match others.iter().find(|part| part.size < PART_BYTES_MIN) {
        None => Ok(parts),
        Some(small) => Err(S3Error::from(ErrorKind::EntityTooSmall)
            .element("ProposedSize", small.size.to_string())
            .element("MinSizeAllowed", PART_BYTES_MIN.to_string())
            .element("PartNumber", small.number.to_string())
            .element("ETag", small.etag.to_string())),
    }
}

fn is_meant(name: &NamedPart, part: &Part) -> bool {
    let checksum = name.checksum.as_ref();
    name.etag == part.etag && checksum.is_none_or(|given| part.checksum.as_ref() == Some(given))
}

/// The checksum of the whole: as the upload asked for, or over all bytes where the parts' own allow
/// it.
fn whole_checksum(
    parts: &[&Part],
    asked: Option<(ChecksumAlgorithm, ChecksumType)>,
) -> Option<Checksum> {
    let first = parts.first()?.checksum.as_ref().map(Checksum::algorithm);
    let (algorithm, kind) = asked.or(first.map(|first| (first, ChecksumType::FullObject)))?;
    if !checksum::allowed(algorithm, kind) {
        return None;
    }
    checksum::of_parts(
        algorithm,
        kind,
        parts.iter().map(|p| (p.checksum.as_ref(), p.size)),
    )
}

/// What the request says of the whole must be so.
fn keeps_promises(
    op: &CompleteMultipartUpload,
    page: &PartPage,
    size: u64,
    checksum: Option<&Checksum>,
) -> Result<(), S3Error> {
    let kind = page.checksum.map(|(_, kind)| kind);
    if op.checksum_type.is_some() && kind.is_some() && op.checksum_type != kind {
        return Err(S3Error::invalid_request(format!(
            "The upload was created using the {} checksum mode. The complete request must use \
             the same checksum mode.",
            kind.map_or("FULL_OBJECT", ChecksumType::name)
        )));
    }
    if op.size.is_some_and(|promised| promised != size) {
        return Err(S3Error::invalid_request(
            "The provided 'x-amz-mp-object-size' header value does not match what was computed.",
        ));
    }
    match (&op.checksum, checksum) {
        (None, _) => Ok(()),
        (Some(promised), Some(computed)) if promised.value() == computed.value() => Ok(()),
        (Some(promised), _) => Err(checksum::mismatch(promised.algorithm())),
    }
}

/// Where the object is: the address that the request was sent to.
pub(super) fn location<S: ObjectStore, V: Verifier, B>(job: &Job<'_, S, V, B>) -> String {
    let host = job
        .head
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let scheme = if job.origin.tls() { "https" } else { "http" };
    format!(
        "{scheme}://{}{}",
        host.unwrap_or_default(),
        job.head.uri.path()
    )
}
