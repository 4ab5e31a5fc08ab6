//! Listings. Keys come in the order of their UTF-8 bytes; versions of a key newest first.
//!
//! With a delimiter, every key that has it after the prefix is rolled up into one common prefix,
//! which counts as one entry of the page. A page never holds more than `max` entries; `max` is at
//! most 1000, and 0 gives an empty page that is not truncated.

use blockhouse_types::{ETag, ObjectKey, Timestamp, UploadId, VersionId};

/// Which current objects to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyQuery {
    /// Only keys that begin so.
    pub prefix: String,
    /// Roll up at this string; empty for none.
    pub delimiter: String,
    /// Only entries after this key or common prefix: a key and, when it ends in a rolled-up prefix,
    /// everything under that prefix lies before the page. Empty for none.
    pub after: String,
    /// Entries at most.
    pub max: usize,
}

/// One page of objects and common prefixes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPage {
    /// Objects, in order.
    pub objects: Vec<VersionEntry>,
    /// Common prefixes, in order, each ending in the delimiter.
    pub common_prefixes: Vec<String>,
    /// Where the next page goes on (its `after`); `None` on the last page. It is the last key or
    /// common prefix of this page.
    pub next: Option<String>,
}

/// Which versions to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionQuery {
    /// Only keys that begin so.
    pub prefix: String,
    /// Roll up at this string; empty for none.
    pub delimiter: String,
    /// Go on after this key, or within it when `version_marker` is given. Empty for none.
    pub key_marker: String,
    /// Go on after this version of `key_marker`.
    pub version_marker: Option<VersionId>,
    /// Entries at most.
    pub max: usize,
}

/// One page of versions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionPage {
    /// Versions and delete markers, in order.
    pub versions: Vec<VersionEntry>,
    /// Common prefixes, in order.
    pub common_prefixes: Vec<String>,
    /// Key and version markers of the next page; `None` on the last page. The version is `None`
    /// when the page ended with a common prefix.
    pub next: Option<(String, Option<VersionId>)>,
}

/// Object or delete marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// An object.
    Object,
    /// A delete marker, which has neither size nor tag.
    DeleteMarker,
}

/// One listed version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionEntry {
    /// The key.
    pub key: ObjectKey,
    /// The version.
    pub version: VersionId,
    /// Whether it is the current one.
    pub latest: bool,
    /// Object or delete marker.
    pub kind: EntryKind,
    /// When it was written.
    pub modified: Timestamp,
    /// The entity tag; of zeros for a delete marker.
    pub etag: ETag,
    /// Length in bytes.
    pub size: u64,
    /// The algorithm of the kept checksum, with its type.
    pub checksum: Option<(
        blockhouse_types::ChecksumAlgorithm,
        blockhouse_types::ChecksumType,
    )>,
}

/// Which uploads to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UploadQuery {
    /// Only keys that begin so.
    pub prefix: String,
    /// Roll up at this string; empty for none.
    pub delimiter: String,
    /// Go on after this key, or within it when `upload_marker` is given. Empty for none.
    pub key_marker: String,
    /// Go on after this upload of `key_marker`.
    pub upload_marker: Option<UploadId>,
    /// Entries at most.
    pub max: usize,
}

/// One page of uploads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UploadPage {
    /// Uploads by key, then by the order in which they began.
    pub uploads: Vec<UploadEntry>,
    /// Common prefixes, in order.
    pub common_prefixes: Vec<String>,
    /// Markers of the next page; `None` on the last one.
    pub next: Option<(String, Option<UploadId>)>,
}

/// One upload in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadEntry {
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// When it began.
    pub initiated: Timestamp,
    /// The checksum asked for.
    pub checksum: Option<(
        blockhouse_types::ChecksumAlgorithm,
        blockhouse_types::ChecksumType,
    )>,
}
