//! Outputs become status, headers and body.
//!
//! Each output has a method `response`; here is what they share. Request ids, `Date` and the
//! connection's headers are added by who sends them. No header claims encryption.

mod bucket;
mod list;
mod multipart;
mod object;
mod post;

use crate::{checksum, lifecycle::Expiration, xml::Writer};
use blockhouse_types::{Checksum, ETag, Timestamp, VersionId};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{
    fmt::{self, Write as _},
    time::{Duration, UNIX_EPOCH},
};

/// What goes back to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// Headers of the answer itself.
    pub headers: HeaderMap,
    /// The body; an object's bytes are not here.
    pub body: Bytes,
}

impl Response {
    /// Only a status.
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// 200 with a document.
    pub fn json(body: impl Into<Bytes>) -> Self {
        let mut response = Self::xml(body);
        let kind = HeaderValue::from_static("application/json");
        response.headers.insert(header::CONTENT_TYPE, kind);
        response
    }

    /// An answer with an XML document.
    pub fn xml(body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/xml"),
        );
        Self {
            status: StatusCode::OK,
            headers,
            body: body.into(),
        }
    }
}

pub(crate) const VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");
pub(crate) const DELETE_MARKER: HeaderName = HeaderName::from_static("x-amz-delete-marker");
const COPY_SOURCE_VERSION_ID: HeaderName = HeaderName::from_static("x-amz-copy-source-version-id");
const EXPIRATION: HeaderName = HeaderName::from_static("x-amz-expiration");
const TAGGING_COUNT: HeaderName = HeaderName::from_static("x-amz-tagging-count");
const PARTS_COUNT: HeaderName = HeaderName::from_static("x-amz-mp-parts-count");
const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");
const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("x-amz-checksum-algorithm");
const OBJECT_SIZE: HeaderName = HeaderName::from_static("x-amz-object-size");
const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// What a rule's id keeps in a header, beside letters and digits.
const RULE_ID: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The last second that an HTTP date can say, 9999-12-31T23:59:59Z.
const HTTP_DATE_SECS_MAX: u64 = 253_402_300_799;

/// A value in one allocation. What cannot stand in a header becomes an empty one; only text that
/// came in by a header or is ASCII is ever shown.
fn value(shown: impl fmt::Display) -> HeaderValue {
    let mut bytes = BytesMut::with_capacity(64);
    let written = write!(bytes, "{shown}").is_ok();
    let value = HeaderValue::from_maybe_shared(bytes.freeze());
    value
        .ok()
        .filter(|_| written)
        .unwrap_or(HeaderValue::from_static(""))
}

/// `"tag"`. Most tags are of one body: those are written without going through `fmt`.
fn etag_value(etag: &ETag) -> HeaderValue {
    if etag.parts() > 0 {
        return value(format_args!("\"{etag}\""));
    }
    let mut text = [b'"'; 34];
    for (pair, byte) in text[1..33].chunks_exact_mut(2).zip(etag.md5()) {
        pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + (nibble - 10)
    }
}

/// `Sat, 21 Nov 2026 23:09:43 GMT`.
pub fn http_date(time: Timestamp) -> impl std::fmt::Display {
    let secs = time.secs().min(HTTP_DATE_SECS_MAX);
    httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(secs))
}

fn put_version(headers: &mut HeaderMap, version: Option<VersionId>) {
    if let Some(version) = version {
        headers.insert(VERSION_ID, value(version));
    }
}

/// The checksum and its type.
fn put_checksum(headers: &mut HeaderMap, checksum: Option<&Checksum>) {
    if let Some(checksum) = checksum {
        let name = HeaderName::from_static(checksum.algorithm().header());
        headers.insert(name, value(checksum::to_base64(checksum)));
        headers.insert(
            CHECKSUM_TYPE,
            HeaderValue::from_static(checksum.kind().name()),
        );
    }
}

/// `expiry-date="Fri, 23 Dec 2012 00:00:00 GMT", rule-id="..."`, the id percent-encoded.
fn put_expiration(headers: &mut HeaderMap, expiration: Option<&Expiration>) {
    if let Some(expiration) = expiration {
        let rule = utf8_percent_encode(&expiration.rule_id, RULE_ID);
        let shown = value(format_args!(
            "expiry-date=\"{}\", rule-id=\"{}\"",
            http_date(expiration.date),
            rule
        ));
        headers.insert(EXPIRATION, shown);
    }
}

/// The element's name, `ChecksumCRC32` and so on.
fn checksum_element(checksum: &Checksum) -> &'static str {
    use blockhouse_types::ChecksumAlgorithm as A;
    match checksum.algorithm() {
        A::Crc32 => "ChecksumCRC32",
        A::Crc32c => "ChecksumCRC32C",
        A::Crc64Nvme => "ChecksumCRC64NVME",
        A::Sha1 => "ChecksumSHA1",
        A::Sha256 => "ChecksumSHA256",
        A::Sha512 => "ChecksumSHA512",
        A::Md5 => "ChecksumMD5",
        A::XxHash64 => "ChecksumXXHASH64",
        A::XxHash3 => "ChecksumXXHASH3",
        A::XxHash128 => "ChecksumXXHASH128",
    }
}

/// The checksum as an element.
fn write_checksum(xml: &mut Writer, checksum: Option<&Checksum>) {
    if let Some(checksum) = checksum {
        xml.plain(checksum_element(checksum), checksum::to_base64(checksum));
    }
}

/// The checksum and its type as elements.
fn write_checksum_and_type(xml: &mut Writer, checksum: Option<&Checksum>) {
    write_checksum(xml, checksum);
    if let Some(checksum) = checksum {
        xml.plain("ChecksumType", checksum.kind().name());
    }
}

#[cfg(test)]
mod tests;
