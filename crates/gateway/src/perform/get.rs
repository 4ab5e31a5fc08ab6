//! Reading objects: GetObject, HeadObject, GetObjectAttributes.
//!
//! The object is opened first: what was opened stays readable, whatever is written meanwhile, so
//! that conditions, ranges and bytes all speak of the same version. The first piece is read before
//! the head is sent: an object that cannot be read at all is an error, not a broken transfer. When
//! that piece is all of it, head and body leave in one write.

use super::{Job, bucket_documents, shown};
use crate::{
    body::Stream,
    respond::{Content, Pieces, ReaderOf, Reply},
};
use blockhouse_s3::{
    Response,
    condition::Judgement,
    error::{ErrorKind, S3Error},
    operation::{GetObject, GetObjectAttributes},
    output::{AttributesPart, GetObjectAttributesOutput, ObjectOutput},
};
use blockhouse_store::{ObjectInfo, ObjectReader, ObjectStore, ReadError, StoredObject};
use blockhouse_types::{Checksum, ObjectKey, Timestamp, VersionId};
use blockhouse_verifier_wire::Verifier;
use http::{HeaderName, HeaderValue, header};
use std::{ops::Range, sync::Arc};

const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");

/// Which bytes of an object an answer is about.
struct Selection<'a> {
    /// Within the object.
    range: Range<u64>,
    /// Whether only some were asked for: 206.
    partial: bool,
    /// The checksum of exactly these bytes.
    checksum: Option<&'a Checksum>,
    /// Shown when a part was asked for.
    parts_count: Option<usize>,
}

/// `GET /bucket/key`.
pub(super) async fn get<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: GetObject,
) -> Result<Reply<S>, S3Error> {
    let object = open(job, &op.key, op.version).await?;
    let info = Arc::clone(object.info());
    judge(&op, &info)?;
    let selection = select(&op, &info, job.head)?;
    let response = head_of(job, &op, &info, &selection)?;
    let content = content::<S>(object, selection.range).await;
    let content =
        content.map_err(|ReadError::Store(error)| job.trouble().with(&op.key).store(error))?;
    let Response {
        status,
        mut headers,
        ..
    } = response;
    // The last thing before the answer: whatever else could be refused has been.
    let transfer = match &job.once {
        Some(once) => {
            let begun = once.begin(job.context, job.id, job.now, &mut headers);
            Some(begun.await?)
        }
        None => None,
    };
    Ok(Reply {
        status,
        headers,
        content,
        transfer,
    })
}

/// `HEAD /bucket/key`.
pub(super) async fn head<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: GetObject,
) -> Result<Reply<S>, S3Error> {
    let object = open(job, &op.key, op.version).await?;
    let info = object.info();
    judge(&op, info)?;
    let selection = select(&op, info, job.head)?;
    let Response {
        status,
        mut headers,
        ..
    } = head_of(job, &op, info, &selection)?;
    let len_bytes = selection.range.end - selection.range.start;
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(len_bytes));
    Ok(Reply {
        status,
        headers,
        content: Content::Empty,
        transfer: None,
    })
}

/// `GET /bucket/key?attributes`.
pub(super) async fn attributes<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: GetObjectAttributes,
) -> Result<Response, S3Error> {
    let object = open(job, &op.key, op.version).await?;
    let info = object.info();
    let part = |part: &blockhouse_store::PartInfo| AttributesPart {
        number: part.number,
        size: part.size,
        checksum: part.checksum.clone(),
    };
    let parts: Vec<_> = info.parts.iter().map(part).collect();
    let output = GetObjectAttributesOutput {
        question: &op,
        etag: info.etag,
        size: info.size,
        modified: info.modified,
        version: shown(job.grant.bucket()?, info.version),
        checksum: info.checksum.as_ref(),
        parts: &parts,
    };
    Ok(output.response())
}

/// Opens the version asked for.
pub(super) async fn open<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    key: &ObjectKey,
    version: Option<VersionId>,
) -> Result<S::Object, S3Error> {
    let opened = job.store().open(job.grant.bucket()?.id, key, version).await;
    opened.map_err(|error| job.trouble().with(key).open(error, version))
}

/// `If-Match` and its kin.
fn judge(op: &GetObject, info: &ObjectInfo) -> Result<(), S3Error> {
    if op.conditions.is_empty() {
        return Ok(());
    }
    match op.conditions.judge(&info.etag, info.modified) {
        Judgement::Proceed => Ok(()),
        Judgement::NotModified => Err(S3Error::from(ErrorKind::NotModified)
            .header(header::ETAG, &format!("\"{}\"", info.etag))
            .header(header::LAST_MODIFIED, &http_date(info.modified))),
        Judgement::Failed { condition } => Err(S3Error::precondition_failed(condition)),
    }
}

/// Range, part, or everything.
fn select<'a>(
    op: &GetObject,
    info: &'a ObjectInfo,
    head: &http::request::Parts,
) -> Result<Selection<'a>, S3Error> {
    if let Some(number) = op.part {
        return select_part(number, info);
    }
    let counts = op
        .if_range
        .as_ref()
        .is_none_or(|state| state.holds(&info.etag, info.modified));
    let Some(asked) = op.range.filter(|_| counts) else {
        let checksum = info.checksum.as_ref();
        return Ok(Selection {
            range: 0..info.size,
            partial: false,
            checksum,
            parts_count: None,
        });
    };
    let range = asked.resolve(info.size).ok_or_else(|| {
        let shown = head
            .headers
            .get(header::RANGE)
            .and_then(|range| range.to_str().ok());
        S3Error::invalid_range(shown.unwrap_or_default(), info.size)
    })?;
    Ok(Selection {
        range,
        partial: true,
        checksum: None,
        parts_count: None,
    })
}

/// One part of a multipart object; an object put in one request is its own part 1.
fn select_part(number: u16, info: &ObjectInfo) -> Result<Selection<'_>, S3Error> {
    if info.parts.is_empty() && number == 1 {
        let checksum = info.checksum.as_ref();
        return Ok(Selection {
            range: 0..info.size,
            partial: true,
            checksum,
            parts_count: None,
        });
    }
    let mut start = 0;
    for part in &info.parts {
        if part.number == number {
            return Ok(Selection {
                range: start..start + part.size,
                partial: true,
                checksum: part.checksum.as_ref(),
                parts_count: Some(info.parts.len()),
            });
        }
        start += part.size;
    }
    Err(ErrorKind::InvalidPartNumber.into())
}

/// The answer's head.
fn head_of<S: ObjectStore, V: Verifier, B>(
    job: &Job<'_, S, V, B>,
    op: &GetObject,
    info: &ObjectInfo,
    selection: &Selection<'_>,
) -> Result<Response, S3Error> {
    let bucket = job.grant.bucket()?;
    let expiration = bucket_documents::expiration(
        bucket,
        &info.key,
        &info.attributes.tags,
        info.size,
        info.modified,
    );
    let output = ObjectOutput {
        question: op,
        size: info.size,
        range: selection.partial.then(|| selection.range.clone()),
        etag: info.etag,
        modified: info.modified,
        version: shown(bucket, info.version),
        headers: &info.attributes.headers,
        tag_count: info.attributes.tags.len(),
        checksum: selection.checksum,
        parts_count: selection.parts_count,
        expiration: expiration.as_ref(),
    };
    let mut response = output.response();
    if let (Some(_), Some(of_object)) = (selection.parts_count, &info.checksum)
        && let Some(shown) = response.headers.get_mut(CHECKSUM_TYPE)
    {
        // A part's own value, but the type by which the object's was made.
        *shown = HeaderValue::from_static(of_object.kind().name());
    }
    Ok(response)
}

/// The bytes: one piece when the first read gives all of them.
async fn content<S: ObjectStore>(
    object: S::Object,
    range: Range<u64>,
) -> Result<Content<ReaderOf<S>>, ReadError> {
    let len_bytes = range.end - range.start;
    if len_bytes == 0 {
        return Ok(Content::Empty);
    }
    let mut reader = object.read(range);
    let first = reader.next().await?.unwrap_or_default();
    if first.len() as u64 == len_bytes {
        return Ok(Content::Whole(first));
    }
    Ok(Content::Pieces(Pieces::after(first, reader, len_bytes)))
}

/// `Sat, 21 Nov 2026 23:09:43 GMT`.
pub(super) fn http_date(moment: Timestamp) -> String {
    blockhouse_s3::response::http_date(moment).to_string()
}
