//! Operations on one object.

use super::{attributes, conditions, copy, fields::Fields, list, query::Query};
use crate::{
    condition::WriteCondition,
    error::S3Error,
    operation::{
        CopyObject, DeleteObject, Directive, GetObject, GetObjectAttributes, ObjectAttribute,
        ObjectOnly, Operation, PutObject, ResponseOverrides,
    },
};
use blockhouse_types::{BucketName, ByteRange, ChecksumAlgorithm, ObjectKey};
use http::{HeaderName, HeaderValue, header};

/// Bucket and key.
pub(super) type Object = (BucketName, ObjectKey);

/// Parameters that replace headers of the answer.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-content-type", header::CONTENT_TYPE),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-expires", header::EXPIRES),
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
];

/// An operation that needs the object's name alone.
pub(super) fn named(
    operation: fn(ObjectOnly) -> Operation,
    (bucket, key): Object,
    query: &Query<'_>,
) -> Result<Operation, S3Error> {
    Ok(operation(ObjectOnly {
        bucket,
        key,
        version: list::version(query)?,
    }))
}

/// GetObject and HeadObject.
pub(super) fn get(
    (bucket, key): Object,
    query: &Query<'_>,
    fields: &Fields<'_>,
) -> Result<GetObject, S3Error> {
    let range = fields
        .get("range")?
        .and_then(|text| ByteRange::parse(&text));
    let part = list::part_number(query)?;
    if range.is_some() && part.is_some() {
        return Err(S3Error::invalid_request(
            "Cannot specify both Range header and partNumber query parameter",
        ));
    }
    let mode = fields.get("x-amz-checksum-mode")?;
    Ok(GetObject {
        bucket,
        key,
        version: list::version(query)?,
        range,
        part,
        conditions: conditions::of_read(fields)?,
        if_range: conditions::if_range(fields)?,
        overrides: overrides(query)?,
        checksum_mode: mode.is_some_and(|mode| mode.trim().eq_ignore_ascii_case("ENABLED")),
    })
}

fn overrides(query: &Query<'_>) -> Result<ResponseOverrides, S3Error> {
    let mut overrides = Vec::new();
    for (parameter, name) in OVERRIDES {
        let Some(value) = query.some(parameter) else {
            continue;
        };
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
            S3Error::invalid_argument(parameter, value, "The value cannot stand in a header")
        })?;
        overrides.push((name, value));
    }
    Ok(ResponseOverrides(overrides))
}

/// PutObject.
pub(super) fn put(
    (bucket, key): Object,
    query: &Query<'_>,
    fields: &Fields<'_>,
) -> Result<Operation, S3Error> {
    refuse_version(query)?;
    refuse_part(query)?;
    let attributes = attributes::read(fields)?;
    Ok(Operation::PutObject(PutObject {
        bucket,
        key,
        attributes,
        condition: conditions::of_write(fields)?,
    }))
}

/// CopyObject.
pub(super) fn copy(
    (bucket, key): Object,
    query: &Query<'_>,
    fields: &Fields<'_>,
) -> Result<Operation, S3Error> {
    refuse_version(query)?;
    refuse_part(query)?;
    attributes::refuse_acl(fields)?;
    attributes::check_storage_class(fields)?;
    let source = copy::source(fields)?;
    let replace_metadata = directive(fields, "x-amz-metadata-directive")?;
    let redirect = attributes::redirect(fields)?;
    let itself = source.bucket == bucket && source.key == key && source.version.is_none();
    if itself && !replace_metadata && redirect.is_none() && !fields.has("x-amz-storage-class") {
        return Err(S3Error::invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without \
             changing the object's metadata, storage class, website redirect location or \
             encryption attributes.",
        ));
    }
    let metadata = match replace_metadata {
        true => Directive::Replace(attributes::metadata(fields)?),
        false => Directive::Copy,
    };
    let tags = match directive(fields, "x-amz-tagging-directive")? {
        true => Directive::Replace(attributes::tags(fields)?),
        false => Directive::Copy,
    };
    Ok(Operation::CopyObject(CopyObject {
        bucket,
        key,
        source,
        source_conditions: conditions::of_copy_source(fields)?,
        condition: conditions::of_write(fields)?,
        metadata,
        redirect,
        tags,
        checksum: checksum_algorithm(fields)?,
    }))
}

/// Whether a directive says REPLACE.
fn directive(fields: &Fields<'_>, name: &'static str) -> Result<bool, S3Error> {
    match fields.some(name)?.as_deref() {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) if name == "x-amz-metadata-directive" => Err(S3Error::invalid_argument(
            name,
            other,
            "Unknown metadata directive.",
        )),
        Some(other) => Err(S3Error::invalid_argument(
            name,
            other,
            "Unknown tagging directive.",
        )),
    }
}

/// `x-amz-checksum-algorithm`.
pub(super) fn checksum_algorithm(
    fields: &Fields<'_>,
) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let Some(name) = fields.some("x-amz-checksum-algorithm")? else {
        return Ok(None);
    };
    match ChecksumAlgorithm::from_name(name.trim()) {
        Some(algorithm) => Ok(Some(algorithm)),
        None => Err(S3Error::invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid \
             types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3, \
             XXHASH128]",
        )),
    }
}

/// DeleteObject. Conditions of directory buckets are refused.
pub(super) fn delete(
    (bucket, key): Object,
    query: &Query<'_>,
    fields: &Fields<'_>,
) -> Result<Operation, S3Error> {
    for name in [
        "x-amz-if-match-last-modified-time",
        "x-amz-if-match-size",
        "if-none-match",
    ] {
        if fields.has(name) {
            return Err(S3Error::not_implemented_header(name));
        }
    }
    let condition = fields.some("if-match")?;
    Ok(Operation::DeleteObject(DeleteObject {
        bucket,
        key,
        version: list::version(query)?,
        condition: condition.map_or(WriteCondition::None, |tag| WriteCondition::if_match(&tag)),
    }))
}

/// GetObjectAttributes.
pub(super) fn attributes(
    (bucket, key): Object,
    query: &Query<'_>,
    fields: &Fields<'_>,
) -> Result<Operation, S3Error> {
    let header = fields.some("x-amz-object-attributes")?.unwrap_or_default();
    let names = header
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let attributes = names.map(attribute).collect::<Result<Vec<_>, _>>()?;
    if attributes.is_empty() {
        return Err(S3Error::invalid_request(
            "Missing required header for this request: x-amz-object-attributes",
        ));
    }
    let max_parts = fields.length("x-amz-max-parts")?.unwrap_or(1000).min(1000);
    let marker = fields.length("x-amz-part-number-marker")?.unwrap_or(0);
    Ok(Operation::GetObjectAttributes(GetObjectAttributes {
        bucket,
        key,
        version: list::version(query)?,
        attributes,
        max_parts: usize::try_from(max_parts).unwrap_or(1000),
        part_marker: u16::try_from(marker).unwrap_or(u16::MAX),
    }))
}

fn attribute(name: &str) -> Result<ObjectAttribute, S3Error> {
    match name {
        "ETag" => Ok(ObjectAttribute::ETag),
        "Checksum" => Ok(ObjectAttribute::Checksum),
        "ObjectParts" => Ok(ObjectAttribute::ObjectParts),
        "StorageClass" => Ok(ObjectAttribute::StorageClass),
        "ObjectSize" => Ok(ObjectAttribute::ObjectSize),
        other => Err(S3Error::invalid_argument(
            "x-amz-object-attributes",
            other,
            "Invalid attribute name specified.",
        )),
    }
}

/// A write makes its version itself.
fn refuse_version(query: &Query<'_>) -> Result<(), S3Error> {
    match query.get("versionId") {
        None => Ok(()),
        Some(value) => Err(S3Error::invalid_argument(
            "versionId",
            value,
            "This operation does not accept a version-id.",
        )),
    }
}

/// A part without its upload: never to be taken for a whole object.
fn refuse_part(query: &Query<'_>) -> Result<(), S3Error> {
    match query.get("partNumber") {
        None => Ok(()),
        Some(value) => Err(S3Error::invalid_argument(
            "partNumber",
            value,
            "This operation does not accept a part number without an uploadId",
        )),
    }
}
