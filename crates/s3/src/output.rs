//! What an operation came to, as values that [`crate::response`] writes out.
//!
//! They hold what the store said, in types of `types` alone. Versions are shown only where the
//! caller gives them: `None` in buckets that never kept versions.

use crate::{error::S3Error, lifecycle::Expiration, operation};
use blockhouse_types::{
    AccountId, BucketName, Checksum, ChecksumAlgorithm, ChecksumType, ETag, ObjectKey, Timestamp,
    UploadId, VersionId,
};
use std::ops::Range;

/// Answer of ListBuckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListBucketsOutput {
    /// Who asked, who owns them all.
    pub owner: AccountId,
    /// Buckets in order of name.
    pub buckets: Vec<ListedBucket>,
    /// The node's region, shown for each bucket.
    pub region: String,
    /// The prefix asked for.
    pub prefix: String,
    /// The last bucket's name, when more follow.
    pub next: Option<BucketName>,
}

/// One bucket of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBucket {
    /// Its name.
    pub name: BucketName,
    /// When it was made.
    pub created: Timestamp,
}

/// Answer of CreateBucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateBucketOutput {
    /// The bucket; `Location` names it.
    pub bucket: BucketName,
}

/// Answer of HeadBucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadBucketOutput {
    /// The node's region.
    pub region: String,
}

/// Answer of GetBucketLocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetBucketLocationOutput {
    /// The node's region; `us-east-1` is shown as the empty string, as on AWS.
    pub region: String,
}

/// Whether a bucket keeps versions, once somebody said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersioningState {
    /// `Enabled`.
    Enabled,
    /// `Suspended`.
    Suspended,
}

/// Answer of GetBucketVersioning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetBucketVersioningOutput {
    /// `None` when it was never set.
    pub state: Option<VersioningState>,
}

/// Answer of GetBucketTagging and GetObjectTagging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggingOutput {
    /// The tags.
    pub tags: Vec<(String, String)>,
    /// The object's version.
    pub version: Option<VersionId>,
}

/// Answer of GetBucketAcl and GetObjectAcl: the owner's FULL_CONTROL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclOutput {
    /// The owner.
    pub owner: AccountId,
    /// The object's version.
    pub version: Option<VersionId>,
}

/// One listed object, version or delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVersion {
    /// The key.
    pub key: ObjectKey,
    /// The version.
    pub version: VersionId,
    /// Whether it is the current one.
    pub latest: bool,
    /// Whether it is a delete marker, whose tag and size are not shown.
    pub delete_marker: bool,
    /// When it was written.
    pub modified: Timestamp,
    /// The entity tag.
    pub etag: ETag,
    /// Length in bytes.
    pub size: u64,
    /// The kept checksum's algorithm and type.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
}

/// Answer of ListObjects and, with another question, ListObjectsV2.
#[derive(Debug, Clone, Copy)]
pub struct ListObjectsOutput<'a, Question> {
    /// What was asked: it is echoed.
    pub question: &'a Question,
    /// The bucket's owner, who owns every object.
    pub owner: AccountId,
    /// Objects in order.
    pub objects: &'a [ListedVersion],
    /// Common prefixes in order.
    pub common_prefixes: &'a [String],
    /// Where the next page goes on; `None` on the last page.
    pub next: Option<&'a str>,
}

/// Answer of ListObjects.
pub type ListObjectsV1Output<'a> = ListObjectsOutput<'a, operation::ListObjects>;
/// Answer of ListObjectsV2.
pub type ListObjectsV2Output<'a> = ListObjectsOutput<'a, operation::ListObjectsV2>;

/// Answer of ListObjectVersions.
#[derive(Debug, Clone, Copy)]
pub struct ListObjectVersionsOutput<'a> {
    /// What was asked.
    pub question: &'a operation::ListObjectVersions,
    /// The bucket's owner.
    pub owner: AccountId,
    /// Versions and delete markers in order.
    pub versions: &'a [ListedVersion],
    /// Common prefixes in order.
    pub common_prefixes: &'a [String],
    /// Markers of the next page.
    pub next: Option<(&'a str, Option<VersionId>)>,
}

/// One upload in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUpload {
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// When it began.
    pub initiated: Timestamp,
    /// The checksum asked for.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
}

/// Answer of ListMultipartUploads.
#[derive(Debug, Clone, Copy)]
pub struct ListMultipartUploadsOutput<'a> {
    /// What was asked.
    pub question: &'a operation::ListMultipartUploads,
    /// The bucket's owner.
    pub owner: AccountId,
    /// Uploads in order.
    pub uploads: &'a [ListedUpload],
    /// Common prefixes in order.
    pub common_prefixes: &'a [String],
    /// Markers of the next page.
    pub next: Option<(&'a str, Option<UploadId>)>,
}

/// One stored part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    /// 1 to 10000.
    pub number: u16,
    /// Length in bytes.
    pub size: u64,
    /// The entity tag.
    pub etag: ETag,
    /// When it was stored.
    pub modified: Timestamp,
    /// The checksum.
    pub checksum: Option<Checksum>,
}

/// Answer of ListParts.
#[derive(Debug, Clone, Copy)]
pub struct ListPartsOutput<'a> {
    /// What was asked.
    pub question: &'a operation::ListParts,
    /// The bucket's owner.
    pub owner: AccountId,
    /// The checksum that the upload asked for.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
    /// Parts in order.
    pub parts: &'a [ListedPart],
    /// Whether more follow.
    pub truncated: bool,
}

/// Answer of DeleteObjects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteObjectsOutput {
    /// Show failures only.
    pub quiet: bool,
    /// What became of each target, in order.
    pub results: Vec<DeleteOutcome>,
}

/// What became of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// It is gone, or was not there.
    Deleted {
        /// The key.
        key: ObjectKey,
        /// The version that was named.
        version: Option<VersionId>,
        /// The delete marker that was made, or that was removed by its version.
        marker: Option<VersionId>,
    },
    /// It is still there.
    Failed {
        /// The key as sent.
        key: String,
        /// The version as sent.
        version: Option<String>,
        /// Why.
        error: S3Error,
    },
}

/// Answer of GetObject and HeadObject: the head alone, the bytes are the caller's.
#[derive(Debug, Clone)]
pub struct ObjectOutput<'a> {
    /// What was asked.
    pub question: &'a operation::GetObject,
    /// The object's length in bytes.
    pub size: u64,
    /// The bytes that are sent, when only some were asked for: 206.
    pub range: Option<Range<u64>>,
    /// The entity tag.
    pub etag: ETag,
    /// When it was written.
    pub modified: Timestamp,
    /// Its version, where versions are shown.
    pub version: Option<VersionId>,
    /// Headers to give back.
    pub headers: &'a [(String, String)],
    /// Number of tags.
    pub tag_count: usize,
    /// The kept checksum: of the object, or of the part when one was asked for.
    pub checksum: Option<&'a Checksum>,
    /// Number of parts, shown when a part was asked for.
    pub parts_count: Option<usize>,
    /// When a lifecycle rule will remove it.
    pub expiration: Option<&'a Expiration>,
}

/// Answer of PutObject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutObjectOutput<'a> {
    /// The entity tag.
    pub etag: ETag,
    /// The version written, where versions are shown.
    pub version: Option<VersionId>,
    /// The checksum kept.
    pub checksum: Option<&'a Checksum>,
    /// The object's length in bytes, `x-amz-object-size`.
    pub size: Option<u64>,
    /// When a lifecycle rule will remove it.
    pub expiration: Option<&'a Expiration>,
}

/// Answer of CopyObject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyObjectOutput<'a> {
    /// The entity tag of the copy.
    pub etag: ETag,
    /// Its modification time.
    pub modified: Timestamp,
    /// Its version, where versions are shown.
    pub version: Option<VersionId>,
    /// The source's version, where versions are shown.
    pub source_version: Option<VersionId>,
    /// The checksum kept.
    pub checksum: Option<&'a Checksum>,
    /// When a lifecycle rule will remove it.
    pub expiration: Option<&'a Expiration>,
}

/// Answer of DeleteObject: 204.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeleteObjectOutput {
    /// The version that was named and removed.
    pub version: Option<VersionId>,
    /// The delete marker that was made, or that was removed by its version.
    pub marker: Option<VersionId>,
}

/// Answer of GetObjectAttributes.
#[derive(Debug, Clone)]
pub struct GetObjectAttributesOutput<'a> {
    /// What was asked.
    pub question: &'a operation::GetObjectAttributes,
    /// The entity tag.
    pub etag: ETag,
    /// The object's length in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Timestamp,
    /// Its version, where versions are shown.
    pub version: Option<VersionId>,
    /// The checksum kept.
    pub checksum: Option<&'a Checksum>,
    /// All its parts in order, from which the page is cut; empty for an object put in one request.
    pub parts: &'a [AttributesPart],
}

/// One part of a finished object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributesPart {
    /// The part's number in the upload.
    pub number: u16,
    /// Length in bytes.
    pub size: u64,
    /// The checksum.
    pub checksum: Option<Checksum>,
}

/// Answer of CreateMultipartUpload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateMultipartUploadOutput {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// The checksum asked for.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
}

/// Answer of UploadPart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPartOutput<'a> {
    /// The part's entity tag.
    pub etag: ETag,
    /// Its checksum.
    pub checksum: Option<&'a Checksum>,
}

/// Answer of UploadPartCopy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPartCopyOutput<'a> {
    /// The part's entity tag.
    pub etag: ETag,
    /// When it was stored.
    pub modified: Timestamp,
    /// Its checksum.
    pub checksum: Option<&'a Checksum>,
    /// The source's version, where versions are shown.
    pub source_version: Option<VersionId>,
}

/// Answer of PostObject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostObjectOutput<'a> {
    /// The bucket's address, `http://host/bucket/` or `http://bucket.host/`.
    pub bucket_url: String,
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
    /// What PutObject would answer.
    pub put: PutObjectOutput<'a>,
}

/// Answer of CompleteMultipartUpload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompleteMultipartUploadOutput<'a> {
    /// Where the object is, `http://host/bucket/key`.
    pub location: String,
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The entity tag of the whole.
    pub etag: ETag,
    /// Its version, where versions are shown.
    pub version: Option<VersionId>,
    /// The checksum kept.
    pub checksum: Option<&'a Checksum>,
    /// When a lifecycle rule will remove it.
    pub expiration: Option<&'a Expiration>,
}
