//! Checksums of bodies, parts and objects.
//!
//! [`Digest`] computes any of the ten algorithms while bytes flow; [`BodyDigests`] all that one
//! request needs in one pass: MD5 for the entity tag, SHA-256 when the signature bound the payload,
//! one checksum. [`BodySum`] leaves the two hashes to somebody else. [`Digests::verify`] holds the outcome against what the request promised.
//!
//! The checksum of a multipart object comes from its parts' without reading the object again:
//! [`composite`] hashes the parts' values, [`full_object`] combines CRCs by their lengths.
//!
//! A promise that breaks is an error before anything is stored; nothing here is a security check
//! but SHA-256.

mod digest;
mod parts;

pub use digest::{BodyDigests, BodySum, Digest, Digests, Wants};
pub use parts::{allowed, composite, default_type, etag_of_parts, full_object, of_parts};

use crate::error::S3Error;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use blockhouse_types::{Checksum, ChecksumAlgorithm, ChecksumType};

/// A value as headers and documents carry it; a composite one with its `-N`.
pub fn to_base64(checksum: &Checksum) -> String {
    let mut text = STANDARD.encode(checksum.value());
    if checksum.kind() == ChecksumType::Composite {
        text.push('-');
        text.push_str(&checksum.parts().to_string());
    }
    text
}

/// Reads a value; `None` when it is not base64 of the algorithm's length. A `-N` makes it a
/// composite one.
pub fn from_base64(algorithm: ChecksumAlgorithm, text: &str) -> Option<Checksum> {
    let (value, parts) = match text.split_once('-') {
        None => (text, None),
        Some((value, parts)) => {
            let digits = parts.bytes().all(|b| b.is_ascii_digit());
            (
                value,
                Some(digits.then(|| parts.parse::<u32>().ok()).flatten()?),
            )
        }
    };
    let value = STANDARD.decode(value).ok()?;
    match parts {
        None => Checksum::full(algorithm, value).ok(),
        Some(parts) => Checksum::composite(algorithm, value, parts).ok(),
    }
}

/// The error for a value that [`from_base64`] refuses.
pub fn invalid_value(algorithm: ChecksumAlgorithm) -> S3Error {
    S3Error::invalid_request(format!(
        "Value for {} header is invalid.",
        algorithm.header()
    ))
}

/// The error for a checksum that is another than promised.
pub fn mismatch(algorithm: ChecksumAlgorithm) -> S3Error {
    S3Error::from(crate::error::ErrorKind::BadDigest).message(format!(
        "The {} you specified did not match the calculated checksum.",
        algorithm.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What independent implementations say of `hello`.
    const HELLO: [(ChecksumAlgorithm, &str); 10] = [
        (ChecksumAlgorithm::Crc32, "NhCmhg=="),
        (ChecksumAlgorithm::Crc32c, "mnG7TA=="),
        (ChecksumAlgorithm::Crc64Nvme, "M3eFcAZSQlc="),
        (ChecksumAlgorithm::Sha1, "qvTGHdzF6KLavt4PO0gs2a6pQ00="),
        (
            ChecksumAlgorithm::Sha256,
            "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        ),
        (
            ChecksumAlgorithm::Sha512,
            "m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7A\
             Qw==",
        ),
        (ChecksumAlgorithm::Md5, "XUFAKrxLKna5cZ2REBfFkg=="),
        (ChecksumAlgorithm::XxHash64, "JseCfYifbaM="),
        (ChecksumAlgorithm::XxHash3, "lVXoVVxi3P0="),
        (ChecksumAlgorithm::XxHash128, "tenBrQcbPn/Hec+qXlI4GA=="),
    ];

    #[test]
    fn known_values() {
        for (algorithm, text) in HELLO {
            let mut digest = Digest::new(algorithm);
            digest.update(b"hel");
            digest.update(b"");
            digest.update(b"lo");
            let checksum = digest.finish();
            assert_eq!(to_base64(&checksum), text, "{algorithm:?}");
            assert_eq!(
                from_base64(algorithm, text),
                Some(checksum),
                "{algorithm:?}"
            );
        }
    }

    #[test]
    fn odd_values_are_refused() {
        for bad in [
            "",
            "NhCmhg",
            "NhCmhg=",
            "NhCm",
            "NhCmhg==-",
            "NhCmhg==-+1",
            "????????",
        ] {
            assert_eq!(from_base64(ChecksumAlgorithm::Crc32, bad), None, "{bad}");
        }
        let composite = from_base64(ChecksumAlgorithm::Crc32, "NhCmhg==-2").unwrap();
        assert_eq!(
            (composite.parts(), to_base64(&composite).as_str()),
            (2, "NhCmhg==-2")
        );
    }
}
