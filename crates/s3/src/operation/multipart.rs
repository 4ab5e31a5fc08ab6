//! Inputs of multipart uploads.

use super::{Attributes, CopySource};
use crate::condition::{ReadConditions, WriteCondition};
use blockhouse_types::{
    BucketName, Checksum, ChecksumAlgorithm, ChecksumType, ObjectKey, UploadId,
};
use std::ops::RangeInclusive;

/// `POST /bucket/key?uploads`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateMultipartUpload {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// Headers and tags that the object will have.
    pub attributes: Attributes,
    /// The checksum that parts will carry, and how the object's comes about; a pair that S3 allows.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
}

/// `PUT /bucket/key?partNumber=N&uploadId=ID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPart {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// 1 to 10000.
    pub part: u16,
}

/// The same with `x-amz-copy-source`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPartCopy {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// 1 to 10000.
    pub part: u16,
    /// Whence.
    pub source: CopySource,
    /// Which bytes, both ends included; `None` for all. Beyond the source's end is `InvalidRange`.
    pub range: Option<RangeInclusive<u64>>,
    /// `x-amz-copy-source-if-*`.
    pub source_conditions: ReadConditions,
}

/// `POST /bucket/key?uploadId=ID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompleteMultipartUpload {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// `If-Match` or `If-None-Match`.
    pub condition: WriteCondition,
    /// What the checksum of the whole object must be (`x-amz-checksum-*` with its type): on this
    /// operation these headers do not speak of the request's body.
    pub checksum: Option<Checksum>,
    /// `x-amz-checksum-type`: must be the upload's, when given.
    pub checksum_type: Option<ChecksumType>,
    /// `x-amz-mp-object-size`: what the whole must measure, in bytes.
    pub size: Option<u64>,
}

/// An operation that needs the upload's name alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadOnly {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
}
