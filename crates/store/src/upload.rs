use crate::{ObjectAttributes, WriteCondition};
use blockhouse_types::{
    BucketId, Checksum, ChecksumAlgorithm, ChecksumType, ETag, ObjectKey, Timestamp, UploadId,
};

/// The order to start an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
    /// Headers and tags that the object will have.
    pub attributes: ObjectAttributes,
    /// The checksum that parts carry and how the object's comes about.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
    /// The caller's clock.
    pub now: Timestamp,
}

/// An upload, named as clients name it: the id alone is not enough, the key must be right as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRef {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
}

/// A stored part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10000.
    pub number: u16,
    /// Length in bytes.
    pub size: u64,
    /// The entity tag (MD5 of the part).
    pub etag: ETag,
    /// The checksum.
    pub checksum: Option<Checksum>,
    /// When it was stored.
    pub modified: Timestamp,
}

/// Which parts to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartQuery {
    /// Only parts with a higher number.
    pub after: u16,
    /// Parts at most; up to 10000, so that who completes an upload can see all of it at once.
    pub max: usize,
}

/// One page of parts, and the upload they belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPage {
    /// When the upload began.
    pub initiated: Timestamp,
    /// The checksum asked for.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
    /// Parts in order of number.
    pub parts: Vec<Part>,
    /// Whether more follow.
    pub truncated: bool,
}

/// The order to complete an upload. The caller has looked at the parts ([`crate::ObjectStore::list_parts`])
/// and has computed tag and checksum of the whole from theirs; the store checks, at its serial
/// point, that the parts are still those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The upload.
    pub upload: UploadRef,
    /// Parts in rising order of number, at least one.
    pub parts: Vec<CompletedPart>,
    /// The entity tag of the whole.
    pub etag: ETag,
    /// The checksum of the whole.
    pub checksum: Option<Checksum>,
    /// The condition.
    pub condition: WriteCondition,
    /// The caller's clock.
    pub now: Timestamp,
}

/// One part that the object is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedPart {
    /// Its number.
    pub number: u16,
    /// The tag it must have.
    pub etag: ETag,
}
