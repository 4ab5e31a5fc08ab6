//! Multipart uploads.

use super::{
    attributes, conditions, copy,
    fields::Fields,
    list,
    object::{Object, checksum_algorithm},
    promise,
    query::Query,
};
use crate::{
    checksum,
    error::S3Error,
    operation::{
        CompleteMultipartUpload, CreateMultipartUpload, ListParts, Operation, UploadOnly,
        UploadPart, UploadPartCopy,
    },
};
use blockhouse_types::ChecksumType;

/// CreateMultipartUpload.
pub(super) fn create((bucket, key): Object, fields: &Fields<'_>) -> Result<Operation, S3Error> {
    let attributes = attributes::read(fields)?;
    let algorithm = checksum_algorithm(fields)?;
    let kind = checksum_type(fields)?;
    let checksum = match (algorithm, kind) {
        (None, None) => None,
        (None, Some(_)) => {
            return Err(S3Error::invalid_request(
                "The x-amz-checksum-type header can only be used with the \
                 x-amz-checksum-algorithm header.",
            ));
        }
        (Some(algorithm), kind) => {
            let kind = kind.unwrap_or_else(|| checksum::default_type(algorithm));
            if !checksum::allowed(algorithm, kind) {
                return Err(S3Error::invalid_request(format!(
                    "The {} checksum type cannot be used with the {} checksum algorithm.",
                    kind.name(),
                    algorithm.name().to_ascii_lowercase()
                )));
            }
            Some((algorithm, kind))
        }
    };
    Ok(Operation::CreateMultipartUpload(CreateMultipartUpload {
        bucket,
        key,
        attributes,
        checksum,
    }))
}

/// `x-amz-checksum-type`.
fn checksum_type(fields: &Fields<'_>) -> Result<Option<ChecksumType>, S3Error> {
    match fields.some("x-amz-checksum-type")?.as_deref() {
        None => Ok(None),
        Some("COMPOSITE") => Ok(Some(ChecksumType::Composite)),
        Some("FULL_OBJECT") => Ok(Some(ChecksumType::FullObject)),
        Some(_) => Err(S3Error::invalid_request(
            "Value for x-amz-checksum-type header is invalid.",
        )),
    }
}

/// UploadPart.
pub(super) fn part((bucket, key): Object, query: &Query<'_>) -> Result<Operation, S3Error> {
    let (upload, part) = (list::upload(query)?, required_part(query)?);
    Ok(Operation::UploadPart(UploadPart {
        bucket,
        key,
        upload,
        part,
    }))
}

/// UploadPartCopy.
pub(super) fn copy_part(
    (bucket, key): Object,
    query: &Query<'_>,
    fields: &Fields<'_>,
) -> Result<Operation, S3Error> {
    Ok(Operation::UploadPartCopy(UploadPartCopy {
        bucket,
        key,
        upload: list::upload(query)?,
        part: required_part(query)?,
        source: copy::source(fields)?,
        range: copy::range(fields)?,
        source_conditions: conditions::of_copy_source(fields)?,
    }))
}

fn required_part(query: &Query<'_>) -> Result<u16, S3Error> {
    list::part_number(query)?.ok_or_else(|| {
        S3Error::invalid_argument(
            "partNumber",
            "",
            "This operation does not accept a missing part number",
        )
    })
}

/// ListParts.
pub(super) fn list((bucket, key): Object, query: &Query<'_>) -> Result<Operation, S3Error> {
    let marker = query.some("part-number-marker").unwrap_or("0");
    let digits = marker.bytes().all(|b| b.is_ascii_digit());
    let after = digits
        .then(|| marker.parse::<u32>().ok())
        .flatten()
        .ok_or_else(|| {
            S3Error::invalid_argument(
                "part-number-marker",
                marker,
                "Provided part-number-marker not an integer or within integer range",
            )
        })?;
    Ok(Operation::ListParts(ListParts {
        bucket,
        key,
        upload: list::upload(query)?,
        after: u16::try_from(after).unwrap_or(u16::MAX),
        max_parts: list::page(query, "max-parts")?,
        encoding_url: list::encoding_url(query)?,
    }))
}

/// CompleteMultipartUpload.
pub(super) fn complete(
    (bucket, key): Object,
    query: &Query<'_>,
    fields: &Fields<'_>,
) -> Result<Operation, S3Error> {
    Ok(Operation::CompleteMultipartUpload(
        CompleteMultipartUpload {
            bucket,
            key,
            upload: list::upload(query)?,
            condition: conditions::of_write(fields)?,
            checksum: promise::checksum_header(fields)?,
            checksum_type: checksum_type(fields)?,
            size: fields.length("x-amz-mp-object-size")?,
        },
    ))
}

/// AbortMultipartUpload.
pub(super) fn abort((bucket, key): Object, query: &Query<'_>) -> Result<Operation, S3Error> {
    let upload = list::upload(query)?;
    Ok(Operation::AbortMultipartUpload(UploadOnly {
        bucket,
        key,
        upload,
    }))
}
