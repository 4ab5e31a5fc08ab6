//! The browser's question before a cross-origin request.

use super::fields::Fields;
use crate::{
    error::S3Error,
    operation::{Operation, Preflight},
};
use blockhouse_types::{BucketName, ObjectKey};

/// Headers that one question may name; more is 400.
const HEADERS_MAX: usize = 100;

/// `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
pub(super) fn preflight(
    bucket: BucketName,
    key: Option<ObjectKey>,
    fields: &Fields<'_>,
) -> Result<Operation, S3Error> {
    let origin = fields
        .some("origin")?
        .ok_or_else(|| bad_request("Insufficient information. Origin request header needed."))?;
    let method = fields
        .some("access-control-request-method")?
        .ok_or_else(|| bad_request("Invalid Access-Control-Request-Method: null"))?;
    let headers = fields
        .some("access-control-request-headers")?
        .unwrap_or_default();
    let names = headers
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let headers: Vec<String> = names
        .take(HEADERS_MAX + 1)
        .map(str::to_ascii_lowercase)
        .collect();
    if headers.len() > HEADERS_MAX {
        return Err(bad_request("Too many Access-Control-Request-Headers"));
    }
    Ok(Operation::Preflight(Preflight {
        bucket,
        key,
        origin: origin.trim().to_owned(),
        method: method.trim().to_owned(),
        headers,
    }))
}

fn bad_request(message: &'static str) -> S3Error {
    S3Error::from(crate::error::ErrorKind::BadRequest).message(message)
}
