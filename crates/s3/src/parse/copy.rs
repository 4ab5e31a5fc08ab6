//! `x-amz-copy-source` and its range.

use super::{
    access_point::{AccessPoints, Outpost},
    address::{decode, key_of},
    fields::Fields,
    list::version_of,
};
use crate::{
    error::{ErrorKind, S3Error},
    operation::CopySource,
};
use blockhouse_types::{BucketName, ByteRange, VersionId};
use std::ops::RangeInclusive;

/// Whence: `bucket/key` or `/bucket/key`, percent-encoded, `?versionId=` after it. A literal `?` in
/// a key is escaped by every client.
pub(super) fn source(fields: &Fields<'_>) -> Result<CopySource, S3Error> {
    let header = fields.get("x-amz-copy-source")?.unwrap_or_default();
    let invalid = || {
        S3Error::invalid_argument(
            "x-amz-copy-source",
            header.as_ref(),
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        )
    };
    let text = header.trim();
    let (path, version) = match text.split_once("?versionId=") {
        Some((path, version)) => (path, Some(version_of(version)?)),
        None => (text, None),
    };
    let path = decode(path).map_err(|_| invalid())?;
    if let Some(access_points) = fields.sources {
        return through(access_points, &path, version).ok_or_else(invalid)?;
    }
    if path.starts_with(b"arn:") {
        return Err(S3Error::not_implemented_header("x-amz-copy-source"));
    }
    let path = path.strip_prefix(b"/").unwrap_or(&path);
    let slash = path.iter().position(|b| *b == b'/').ok_or_else(invalid)?;
    let (bucket, key) = path.split_at(slash);
    let bucket = std::str::from_utf8(bucket).map_err(|_| invalid())?;
    let bucket = BucketName::parse(bucket)
        .map_err(|_| S3Error::from(ErrorKind::InvalidBucketName).element("BucketName", bucket))?;
    match key.get(1..) {
        None | Some([]) => Err(invalid()),
        Some(key) => Ok(CopySource {
            bucket,
            key: key_of(key)?,
            version,
            through: None,
        }),
    }
}

/// Whence, at an access point: the ARN of an object behind one of the same Outpost. `None` is no such
/// ARN; a plain bucket is none.
fn through(
    (outpost, known): (&Outpost, &dyn AccessPoints),
    arn: &[u8],
    version: Option<VersionId>,
) -> Option<Result<CopySource, S3Error>> {
    let (account, name, key) = outpost.object(arn)?;
    if key.is_empty() {
        return None;
    }
    let found = known.by_name(account, name);
    let found = found.ok_or_else(|| S3Error::from(ErrorKind::NoSuchAccessPoint));
    Some(found.and_then(|through| {
        Ok(CopySource {
            bucket: through.bucket.clone(),
            key: key_of(key)?,
            version,
            through: Some(through),
        })
    }))
}

/// `x-amz-copy-source-range`: first and last byte, both given.
pub(super) fn range(fields: &Fields<'_>) -> Result<Option<RangeInclusive<u64>>, S3Error> {
    let Some(text) = fields.some("x-amz-copy-source-range")? else {
        return Ok(None);
    };
    match ByteRange::parse(&text) {
        Some(ByteRange::From {
            first,
            last: Some(last),
        }) => Ok(Some(first..=last)),
        _ => Err(S3Error::invalid_argument(
            "x-amz-copy-source-range",
            text,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first \
             and last are the zero-based offsets of the first and last bytes to copy",
        )),
    }
}
