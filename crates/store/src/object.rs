use crate::LinkUse;
use blockhouse_types::{BucketId, Checksum, ETag, ObjectKey, Timestamp, VersionId};

/// What a client says of an object when it stores it, beyond the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectAttributes {
    /// Headers to give back: `content-type`, `content-encoding`, `content-language`,
    /// `content-disposition`, `cache-control`, `expires`, `x-amz-website-redirect-location` and
    /// `x-amz-meta-*`; names in lower case, each once, at most 8 KiB together.
    pub headers: Vec<(String, String)>,
    /// Object tags, at most 10, keys distinct.
    pub tags: Vec<(String, String)>,
}

/// Under which condition a write may replace what is there. Judged at the store's serial point,
/// against the current version; a delete marker counts as no object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WriteCondition {
    /// Whatever is there.
    #[default]
    None,
    /// `If-None-Match: *`: nothing may be there.
    Absent,
    /// `If-Match: *`: something must be there.
    Present,
    /// `If-Match: "etag"`: exactly this must be there.
    Matches(ETag),
}

/// The order to store an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObject {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
    /// Headers and tags.
    pub attributes: ObjectAttributes,
    /// The condition.
    pub condition: WriteCondition,
    /// The one-time link that the request came by; it is used up with the write, and finished.
    pub link: Option<LinkUse>,
    /// The caller's clock when the request began.
    pub now: Timestamp,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The version written; [`VersionId::NULL`] in buckets that do not keep versions.
    pub version: VersionId,
    /// The entity tag.
    pub etag: ETag,
    /// The modification time given.
    pub modified: Timestamp,
}

/// What the store knows of one stored version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The key.
    pub key: ObjectKey,
    /// The version.
    pub version: VersionId,
    /// Length in bytes.
    pub size: u64,
    /// The entity tag.
    pub etag: ETag,
    /// When it was written.
    pub modified: Timestamp,
    /// Headers and tags.
    pub attributes: ObjectAttributes,
    /// The checksum kept with it.
    pub checksum: Option<Checksum>,
    /// Its parts in order, numbered as the upload numbered them; empty for an object put in one
    /// request. Byte positions follow from the sizes.
    pub parts: Vec<PartInfo>,
}

/// One part of a stored multipart object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartInfo {
    /// The part's number in the upload.
    pub number: u16,
    /// Its length in bytes.
    pub size: u64,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// One thing to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteTarget {
    /// The key.
    pub key: ObjectKey,
    /// A version to remove for good; `None` deletes the current object (a delete marker where
    /// versions are kept).
    pub version: Option<VersionId>,
    /// `If-Match`; [`WriteCondition::Absent`] has no meaning here and is refused as not holding.
    pub condition: WriteCondition,
}

/// What a delete did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deleted {
    /// The delete marker that was made, or that was removed by its version id.
    pub marker: Option<VersionId>,
    /// The version that was removed for good, when the target named one.
    pub version: Option<VersionId>,
}
