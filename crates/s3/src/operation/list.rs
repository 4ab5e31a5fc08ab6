//! Inputs of listings.
//!
//! `encoding_url` is `encoding-type=url`: keys, prefixes, delimiters and markers of the answer are
//! percent-encoded, the only way to show a key with characters that XML 1.0 lacks.

use blockhouse_types::{BucketName, ObjectKey, UploadId, VersionId};

/// `GET /bucket`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListObjects {
    /// The bucket.
    pub bucket: BucketName,
    /// Only keys that begin so.
    pub prefix: String,
    /// Roll up at this string; empty for none.
    pub delimiter: String,
    /// Only entries after this one; empty for none.
    pub marker: String,
    /// Entries at most, 0 to 1000.
    pub max_keys: usize,
    /// Percent-encode names in the answer.
    pub encoding_url: bool,
}

/// `GET /bucket?list-type=2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListObjectsV2 {
    /// The bucket.
    pub bucket: BucketName,
    /// Only keys that begin so.
    pub prefix: String,
    /// Roll up at this string; empty for none.
    pub delimiter: String,
    /// `start-after` as sent, to be echoed; it counts only without a token.
    pub start_after: String,
    /// `continuation-token` as sent, to be echoed.
    pub token: Option<String>,
    /// What of both holds: only entries after this one; empty for none.
    pub after: String,
    /// Entries at most, 0 to 1000.
    pub max_keys: usize,
    /// Show the owner of each object.
    pub fetch_owner: bool,
    /// Percent-encode names in the answer.
    pub encoding_url: bool,
}

/// `GET /bucket?versions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListObjectVersions {
    /// The bucket.
    pub bucket: BucketName,
    /// Only keys that begin so.
    pub prefix: String,
    /// Roll up at this string; empty for none.
    pub delimiter: String,
    /// Go on after this key; empty for none.
    pub key_marker: String,
    /// Go on after this version of the key.
    pub version_marker: Option<VersionId>,
    /// Entries at most, 0 to 1000.
    pub max_keys: usize,
    /// Percent-encode names in the answer.
    pub encoding_url: bool,
}

/// `GET /bucket?uploads`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListMultipartUploads {
    /// The bucket.
    pub bucket: BucketName,
    /// Only keys that begin so.
    pub prefix: String,
    /// Roll up at this string; empty for none.
    pub delimiter: String,
    /// Go on after this key; empty for none.
    pub key_marker: String,
    /// Go on after this upload of the key.
    pub upload_marker: Option<UploadId>,
    /// Entries at most, 0 to 1000.
    pub max_uploads: usize,
    /// Percent-encode names in the answer.
    pub encoding_url: bool,
}

/// `GET /bucket/key?uploadId=ID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListParts {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// Only parts with a higher number.
    pub after: u16,
    /// Parts at most, 0 to 1000.
    pub max_parts: usize,
    /// Percent-encode the key in the answer.
    pub encoding_url: bool,
}
