//! What a head promises about the body.

use super::fields::Fields;
use crate::{
    checksum,
    error::{ErrorKind, S3Error},
    operation::{BodyUse, Operation},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use blockhouse_types::{Checksum, ChecksumAlgorithm};

/// What the head says of the body: it must come true before anything is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BodyPromise {
    /// `Content-MD5`.
    pub content_md5: Option<[u8; 16]>,
    /// `x-amz-checksum-*` or, by `x-amz-trailer`, one that follows the body.
    pub checksum: Option<PromisedChecksum>,
    /// `x-amz-decoded-content-length`: the body's length in bytes without its chunk frames.
    pub decoded_len: Option<u64>,
    /// Whether the body is framed as aws-chunked (`x-amz-content-sha256: STREAMING-*`).
    pub aws_chunked: bool,
    /// Whether a trailer follows its last chunk (`STREAMING-*-TRAILER`).
    pub trailer: bool,
    /// The most bytes that the link allows (`x-bh-max-bytes`).
    pub max_bytes: Option<u64>,
}

/// A checksum that the body must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromisedChecksum {
    /// The algorithm.
    pub algorithm: ChecksumAlgorithm,
    /// The value; `None` when the trailer brings it.
    pub value: Option<Checksum>,
}

impl BodyPromise {
    pub(super) fn read(operation: &Operation, fields: &Fields<'_>) -> Result<Self, S3Error> {
        if operation.body() == BodyUse::Ignored {
            return Ok(Self::default());
        }
        // Without either, a body has no end, or HTTP says that there is none: the client forgot it.
        let framed = fields.has("content-length") || fields.has("transfer-encoding");
        if matches!(operation.body(), BodyUse::Object | BodyUse::Form) && !framed {
            return Err(ErrorKind::MissingContentLength.into());
        }
        if operation.body() == BodyUse::Form {
            // What it promises stands in its fields.
            return Ok(Self::default());
        }
        let payload = fields.get("x-amz-content-sha256")?.unwrap_or_default();
        let aws_chunked = payload.starts_with("STREAMING-");
        let trailer = aws_chunked && payload.ends_with("-TRAILER");
        let decoded_len = fields.length("x-amz-decoded-content-length")?;
        if aws_chunked && decoded_len.is_none() {
            return Err(ErrorKind::MissingContentLength.into());
        }
        Ok(Self {
            content_md5: content_md5(fields)?,
            checksum: promised_checksum(operation, fields, trailer)?,
            decoded_len,
            aws_chunked,
            trailer,
            max_bytes: None,
        })
    }

    /// What the fields of a POST form say of its file.
    pub(super) fn of_form(fields: &Fields<'_>) -> Result<Self, S3Error> {
        let value = checksum_header(fields)?;
        let checksum = value.map(|value| PromisedChecksum {
            algorithm: value.algorithm(),
            value: Some(value),
        });
        check_sdk_algorithm(fields, checksum.as_ref())?;
        Ok(Self {
            content_md5: content_md5(fields)?,
            checksum,
            ..Self::default()
        })
    }

    /// The algorithm that the body's digests must compute for it.
    pub fn checksum_algorithm(&self) -> Option<ChecksumAlgorithm> {
        self.checksum.as_ref().map(|promised| promised.algorithm)
    }
}

fn content_md5(fields: &Fields<'_>) -> Result<Option<[u8; 16]>, S3Error> {
    let Some(text) = fields.get("content-md5")? else {
        return Ok(None);
    };
    let decoded = STANDARD
        .decode(text.trim())
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    match decoded {
        Some(md5) => Ok(Some(md5)),
        None => Err(S3Error::from(ErrorKind::InvalidDigest).element("Content-MD5", text)),
    }
}

fn promised_checksum(
    operation: &Operation,
    fields: &Fields<'_>,
    trailer: bool,
) -> Result<Option<PromisedChecksum>, S3Error> {
    // There the headers speak of the finished object.
    let of_object = matches!(operation, Operation::CompleteMultipartUpload(_));
    let value = if of_object {
        None
    } else {
        checksum_header(fields)?
    };
    let announced = announced_trailer(fields, trailer)?;
    let promised = match (value, announced) {
        (Some(_), Some(_)) => return Err(several()),
        (Some(value), None) => Some(PromisedChecksum {
            algorithm: value.algorithm(),
            value: Some(value),
        }),
        (None, Some(algorithm)) => Some(PromisedChecksum {
            algorithm,
            value: None,
        }),
        (None, None) => None,
    };
    if !of_object {
        check_sdk_algorithm(fields, promised.as_ref())?;
    }
    Ok(promised)
}

/// The one `x-amz-checksum-*` header that holds a value.
pub(super) fn checksum_header(fields: &Fields<'_>) -> Result<Option<Checksum>, S3Error> {
    let mut found = None;
    for algorithm in ChecksumAlgorithm::ALL {
        let Some(text) = fields.get(algorithm.header())? else {
            continue;
        };
        let value = checksum::from_base64(algorithm, text.trim());
        let value = value.ok_or_else(|| checksum::invalid_value(algorithm))?;
        if found.replace(value).is_some() {
            return Err(several());
        }
    }
    Ok(found)
}

fn several() -> S3Error {
    S3Error::invalid_request(
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )
}

/// `x-amz-trailer` names exactly one checksum header.
fn announced_trailer(
    fields: &Fields<'_>,
    trailer: bool,
) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let Some(name) = fields.some("x-amz-trailer")? else {
        return Ok(None);
    };
    let known = ChecksumAlgorithm::ALL
        .into_iter()
        .find(|algorithm| algorithm.header().eq_ignore_ascii_case(name.trim()));
    match known {
        Some(algorithm) if trailer => Ok(Some(algorithm)),
        _ => Err(S3Error::invalid_request(
            "The value specified in the x-amz-trailer header is not supported",
        )),
    }
}

/// `x-amz-sdk-checksum-algorithm` must be kept by a header or a trailer.
fn check_sdk_algorithm(
    fields: &Fields<'_>,
    promised: Option<&PromisedChecksum>,
) -> Result<(), S3Error> {
    let Some(name) = fields.some("x-amz-sdk-checksum-algorithm")? else {
        return Ok(());
    };
    match (ChecksumAlgorithm::from_name(name.trim()), promised) {
        (Some(algorithm), Some(promised)) if algorithm == promised.algorithm => Ok(()),
        (Some(_), None) => Err(S3Error::invalid_request(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or \
             x-amz-trailer headers were found.",
        )),
        _ => Err(S3Error::invalid_request(
            "Value for x-amz-sdk-checksum-algorithm header is invalid.",
        )),
    }
}
