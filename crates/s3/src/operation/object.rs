//! Inputs of operations on one object.

use crate::{
    condition::{ReadConditions, WriteCondition},
    parse::AccessPoint,
};
use blockhouse_types::{BucketName, ByteRange, ChecksumAlgorithm, ObjectKey, VersionId};

/// What a client says of an object beyond its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Headers to give back: `content-type`, `content-encoding` (without `aws-chunked`),
    /// `content-language`, `content-disposition`, `cache-control`, `expires`,
    /// `x-amz-website-redirect-location` and `x-amz-meta-*`. Names in lower case, each once; values
    /// as text, whose UTF-8 is what goes back on the wire.
    pub headers: Vec<(String, String)>,
    /// Tags, at most 10, keys distinct.
    pub tags: Vec<(String, String)>,
}

/// `GET` or `HEAD /bucket/key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetObject {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The version; `None` for the current one.
    pub version: Option<VersionId>,
    /// Which bytes. Never together with `part`.
    pub range: Option<ByteRange>,
    /// Only this part of a multipart object, 1 to 10000.
    pub part: Option<u16>,
    /// `If-*`.
    pub conditions: ReadConditions,
    /// `If-Range`: `range` counts only when this names the present state.
    pub if_range: Option<crate::condition::IfRange>,
    /// `response-*`.
    pub overrides: ResponseOverrides,
    /// `x-amz-checksum-mode: ENABLED`.
    pub checksum_mode: bool,
}

/// Headers of the answer that the query replaces (`response-content-type` and so on).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResponseOverrides(pub Vec<(http::HeaderName, http::HeaderValue)>);

/// An operation that needs the object's name alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectOnly {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The version; `None` for the current one.
    pub version: Option<VersionId>,
}

/// `PUT /bucket/key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutObject {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// Headers and tags.
    pub attributes: Attributes,
    /// `If-Match` or `If-None-Match`.
    pub condition: WriteCondition,
}

/// What `x-amz-copy-source` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySource {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The version; `None` for the current one.
    pub version: Option<VersionId>,
    /// The access point that it is read through.
    pub through: Option<AccessPoint>,
}

/// Whether a copy takes something along or gets it new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive<T> {
    /// As the source has it.
    Copy,
    /// This instead.
    Replace(T),
}

/// `PUT /bucket/key` with `x-amz-copy-source`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyObject {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// Whence.
    pub source: CopySource,
    /// `x-amz-copy-source-if-*`.
    pub source_conditions: ReadConditions,
    /// `If-Match` or `If-None-Match` on the destination.
    pub condition: WriteCondition,
    /// The headers; see [`CopyObject::headers`].
    pub metadata: Directive<Vec<(String, String)>>,
    /// `x-amz-website-redirect-location`, which is never copied.
    pub redirect: Option<String>,
    /// The tags.
    pub tags: Directive<Vec<(String, String)>>,
    /// The checksum to compute; `None` keeps the source's algorithm.
    pub checksum: Option<ChecksumAlgorithm>,
}

impl CopyObject {
    /// The headers of the copy, given those of the source.
    pub fn headers(&self, source: &[(String, String)]) -> Vec<(String, String)> {
        const REDIRECT: &str = "x-amz-website-redirect-location";
        let mut headers = match &self.metadata {
            Directive::Replace(headers) => headers.clone(),
            Directive::Copy => source
                .iter()
                .filter(|(name, _)| name != REDIRECT)
                .cloned()
                .collect(),
        };
        if let Some(redirect) = &self.redirect {
            headers.push((REDIRECT.to_owned(), redirect.clone()));
        }
        headers
    }

    /// The tags of the copy, given those of the source.
    pub fn tags(&self, source: &[(String, String)]) -> Vec<(String, String)> {
        match &self.tags {
            Directive::Replace(tags) => tags.clone(),
            Directive::Copy => source.to_vec(),
        }
    }
}

/// `DELETE /bucket/key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteObject {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// A version to remove for good; `None` deletes the current object.
    pub version: Option<VersionId>,
    /// `If-Match`; never [`WriteCondition::Absent`].
    pub condition: WriteCondition,
}

/// `GET /bucket/key?attributes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetObjectAttributes {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The version; `None` for the current one.
    pub version: Option<VersionId>,
    /// What to show, at least one thing.
    pub attributes: Vec<ObjectAttribute>,
    /// Parts at most, 0 to 1000.
    pub max_parts: usize,
    /// Only parts with a higher number.
    pub part_marker: u16,
}

/// One thing that GetObjectAttributes can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectAttribute {
    /// `ETag`.
    ETag,
    /// `Checksum`.
    Checksum,
    /// `ObjectParts`.
    ObjectParts,
    /// `StorageClass`.
    StorageClass,
    /// `ObjectSize`.
    ObjectSize,
}
