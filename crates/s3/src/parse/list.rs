//! Listings.

use super::query::Query;
use crate::{
    error::{ErrorKind, S3Error},
    operation::{
        ListBuckets, ListMultipartUploads, ListObjectVersions, ListObjects, ListObjectsV2,
        Operation,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use blockhouse_types::{BucketName, UploadId, VersionId};

/// Entries of one page at most; a client that asks for more gets as many.
const PAGE_MAX: usize = 1000;
/// Buckets of one page at most.
const BUCKETS_MAX: usize = 10_000;
/// Marks a token as ours, so that a key pasted as a token is refused.
const TOKEN_PREFIX: &str = "1:";

/// The token of the page that goes on after this name. Its text says nothing to a client and needs
/// no escape in a URL.
pub(crate) fn token_of(after: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{TOKEN_PREFIX}{after}"))
}

fn after_of(token: &str) -> Result<String, S3Error> {
    let decoded = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|b| String::from_utf8(b).ok());
    decoded
        .and_then(|text| text.strip_prefix(TOKEN_PREFIX).map(str::to_owned))
        .ok_or_else(|| {
            S3Error::invalid_argument(
                "continuation-token",
                token,
                "The continuation token provided is incorrect",
            )
        })
}

/// `GET /`.
pub(super) fn list_buckets(query: &Query<'_>) -> Result<Operation, S3Error> {
    let max = match query.some("max-buckets") {
        None => None,
        Some(text) => Some(number("max-buckets", text, BUCKETS_MAX)?),
    };
    if max == Some(0) {
        return Err(not_a_number("max-buckets", "0"));
    }
    let after = query.some("continuation-token").map(after_of).transpose()?;
    Ok(Operation::ListBuckets(ListBuckets {
        prefix: query.text("prefix"),
        after: after.unwrap_or_default(),
        max,
        region: query.some("bucket-region").map(str::to_owned),
    }))
}

/// `GET /bucket`, both generations.
pub(super) fn list_objects(bucket: BucketName, query: &Query<'_>) -> Result<Operation, S3Error> {
    match query.get("list-type") {
        None => Ok(Operation::ListObjects(ListObjects {
            bucket,
            prefix: query.text("prefix"),
            delimiter: query.text("delimiter"),
            marker: query.text("marker"),
            max_keys: page(query, "max-keys")?,
            encoding_url: encoding_url(query)?,
        })),
        Some("2") => list_objects_v2(bucket, query),
        Some(other) => Err(S3Error::invalid_argument(
            "list-type",
            other,
            "Invalid List Type specified",
        )),
    }
}

fn list_objects_v2(bucket: BucketName, query: &Query<'_>) -> Result<Operation, S3Error> {
    let token = query.get("continuation-token");
    let start_after = query.text("start-after");
    let after = match token {
        // An empty token is none, as on AWS; it is echoed all the same.
        Some(token) if !token.is_empty() => after_of(token)?,
        _ => start_after.clone(),
    };
    Ok(Operation::ListObjectsV2(ListObjectsV2 {
        bucket,
        prefix: query.text("prefix"),
        delimiter: query.text("delimiter"),
        start_after,
        token: token.map(str::to_owned),
        after,
        max_keys: page(query, "max-keys")?,
        fetch_owner: query
            .get("fetch-owner")
            .is_some_and(|v| v.eq_ignore_ascii_case("true")),
        encoding_url: encoding_url(query)?,
    }))
}

/// `GET /bucket?versions`.
pub(super) fn list_versions(bucket: BucketName, query: &Query<'_>) -> Result<Operation, S3Error> {
    let key_marker = query.text("key-marker");
    let version_marker = match query.get("version-id-marker") {
        None => None,
        Some("") => {
            return Err(S3Error::invalid_argument(
                "version-id-marker",
                "",
                "A version-id marker cannot be empty.",
            ));
        }
        Some(text) if key_marker.is_empty() => {
            return Err(S3Error::invalid_argument(
                "version-id-marker",
                text,
                "A version-id marker cannot be specified without a key marker.",
            ));
        }
        Some(text) => Some(VersionId::parse(text).map_err(|_| {
            S3Error::invalid_argument("version-id-marker", text, "Invalid version id specified")
        })?),
    };
    Ok(Operation::ListObjectVersions(ListObjectVersions {
        bucket,
        prefix: query.text("prefix"),
        delimiter: query.text("delimiter"),
        key_marker,
        version_marker,
        max_keys: page(query, "max-keys")?,
        encoding_url: encoding_url(query)?,
    }))
}

/// `GET /bucket?uploads`.
pub(super) fn list_uploads(bucket: BucketName, query: &Query<'_>) -> Result<Operation, S3Error> {
    let key_marker = query.text("key-marker");
    // As on AWS, the upload's marker counts only beside a key's.
    let marker = query
        .some("upload-id-marker")
        .filter(|_| !key_marker.is_empty());
    let upload_marker = match marker {
        None => None,
        Some(text) => Some(UploadId::parse(text).ok_or_else(|| {
            S3Error::invalid_argument("upload-id-marker", text, "Invalid uploadId marker")
        })?),
    };
    Ok(Operation::ListMultipartUploads(ListMultipartUploads {
        bucket,
        prefix: query.text("prefix"),
        delimiter: query.text("delimiter"),
        key_marker,
        upload_marker,
        max_uploads: page(query, "max-uploads")?,
        encoding_url: encoding_url(query)?,
    }))
}

/// How many entries the client wants, at most a full page.
pub(super) fn page(query: &Query<'_>, name: &'static str) -> Result<usize, S3Error> {
    query
        .some(name)
        .map_or(Ok(PAGE_MAX), |text| number(name, text, PAGE_MAX))
}

fn number(name: &'static str, text: &str, max: usize) -> Result<usize, S3Error> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = digits.then(|| text.parse::<i32>().ok()).flatten();
    let number = number.and_then(|n| usize::try_from(n).ok());
    number
        .map(|n| n.min(max))
        .ok_or_else(|| not_a_number(name, text))
}

fn not_a_number(name: &'static str, text: &str) -> S3Error {
    S3Error::invalid_argument(
        name,
        text,
        format!("Provided {name} not an integer or within integer range"),
    )
}

/// `encoding-type=url` or nothing.
pub(super) fn encoding_url(query: &Query<'_>) -> Result<bool, S3Error> {
    match query.some("encoding-type") {
        None => Ok(false),
        Some("url") => Ok(true),
        Some(other) => Err(S3Error::invalid_argument(
            "encoding-type",
            other,
            "Invalid Encoding Method specified in Request",
        )),
    }
}

/// A part's number, 1 to 10000.
pub(super) fn part_number(query: &Query<'_>) -> Result<Option<u16>, S3Error> {
    let Some(text) = query.get("partNumber") else {
        return Ok(None);
    };
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    match number.filter(|number| (1..=10_000).contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(S3Error::invalid_argument(
            "partNumber",
            text,
            "Part number must be an integer between 1 and 10000, inclusive",
        )),
    }
}

/// The version that the query names.
pub(super) fn version(query: &Query<'_>) -> Result<Option<VersionId>, S3Error> {
    match query.get("versionId") {
        None => Ok(None),
        Some("") => Err(S3Error::invalid_argument(
            "versionId",
            "",
            "Version id cannot be the empty string",
        )),
        Some(text) => version_of(text).map(Some),
    }
}

/// A version's id. Whatever is none cannot name a version of ours.
pub(super) fn version_of(text: &str) -> Result<VersionId, S3Error> {
    VersionId::parse(text)
        .map_err(|_| S3Error::invalid_argument("versionId", text, "Invalid version id specified"))
}

/// The upload that the query names. No upload has an id of another form.
pub(super) fn upload(query: &Query<'_>) -> Result<UploadId, S3Error> {
    let text = query.get("uploadId").unwrap_or_default();
    UploadId::parse(text)
        .ok_or_else(|| S3Error::from(ErrorKind::NoSuchUpload).element("UploadId", text))
}
