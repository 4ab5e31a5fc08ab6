//! The operations of S3 as values: what a request's head asks for, checked and typed.
//!
//! [`mod@crate::parse`] makes them. An operation that carries a document says so by [`Operation::body`];
//! the document is read by [`crate::xml`] once its bytes have been judged, and is an argument of
//! its own, never part of the operation: a head is known before its body.
//!
//! Nothing here has looked at a store: names are legal, but may name nothing.

mod bucket;
mod list;
mod multipart;
mod object;
mod post;

pub use bucket::{BucketOnly, FixedConfiguration, GetFixedConfiguration, ListBuckets, Preflight};
pub use list::{ListMultipartUploads, ListObjectVersions, ListObjects, ListObjectsV2, ListParts};
pub use multipart::{
    CompleteMultipartUpload, CreateMultipartUpload, UploadOnly, UploadPart, UploadPartCopy,
};
pub use object::{
    Attributes, CopyObject, CopySource, DeleteObject, Directive, GetObject, GetObjectAttributes,
    ObjectAttribute, ObjectOnly, PutObject, ResponseOverrides,
};
pub use post::{PostForm, PostObject, Success};

use blockhouse_types::{BucketName, ObjectKey};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `GET /`.
    ListBuckets(ListBuckets),

    /// `PUT /bucket`; body: [`crate::xml::CreateBucketConfiguration`], may be empty.
    CreateBucket(BucketOnly),
    /// `DELETE /bucket`.
    DeleteBucket(BucketOnly),
    /// `HEAD /bucket`.
    HeadBucket(BucketOnly),
    /// `GET /bucket?location`.
    GetBucketLocation(BucketOnly),
    /// `GET /bucket?versioning`.
    GetBucketVersioning(BucketOnly),
    /// `PUT /bucket?versioning`; body: [`crate::xml::VersioningConfiguration`].
    PutBucketVersioning(BucketOnly),
    /// `GET /bucket?tagging`.
    GetBucketTagging(BucketOnly),
    /// `PUT /bucket?tagging`; body: [`crate::xml::parse_bucket_tagging`].
    PutBucketTagging(BucketOnly),
    /// `DELETE /bucket?tagging`.
    DeleteBucketTagging(BucketOnly),
    /// `GET /bucket?lifecycle`.
    GetBucketLifecycle(BucketOnly),
    /// `PUT /bucket?lifecycle`; body: [`crate::lifecycle::Lifecycle::parse`].
    PutBucketLifecycle(BucketOnly),
    /// `DELETE /bucket?lifecycle`.
    DeleteBucketLifecycle(BucketOnly),
    /// `GET /bucket?cors`.
    GetBucketCors(BucketOnly),
    /// `PUT /bucket?cors`; body: [`crate::cors::Cors::parse`].
    PutBucketCors(BucketOnly),
    /// `DELETE /bucket?cors`.
    DeleteBucketCors(BucketOnly),
    /// `GET /bucket?policy`.
    GetBucketPolicy(BucketOnly),
    /// `PUT /bucket?policy`; body: a policy, as JSON.
    PutBucketPolicy(BucketOnly),
    /// `DELETE /bucket?policy`.
    DeleteBucketPolicy(BucketOnly),
    /// `GET /bucket?policyStatus`.
    GetBucketPolicyStatus(BucketOnly),
    /// `GET /bucket?bh-addresses`: our own.
    GetBucketAddressList(BucketOnly),
    /// `PUT /bucket?bh-addresses`: our own; body: [`crate::xml::parse_addresses`].
    PutBucketAddressList(BucketOnly),
    /// `DELETE /bucket?bh-addresses`: our own.
    DeleteBucketAddressList(BucketOnly),
    /// `GET /bucket?bh-etag`: our own.
    GetBucketEtag(BucketOnly),
    /// `PUT /bucket?bh-etag`: our own; body: [`crate::xml::parse_etag`].
    PutBucketEtag(BucketOnly),
    /// `GET /bucket?acl`: the owner's FULL_CONTROL.
    GetBucketAcl(BucketOnly),
    /// `GET` of a setting that every bucket of this node has alike, or that none has.
    GetFixedConfiguration(GetFixedConfiguration),
    /// `DELETE` of a setting that no bucket has: 204.
    DeleteFixedConfiguration(GetFixedConfiguration),
    /// `OPTIONS` with `Origin`: answered from the bucket's rules, without a signature.
    Preflight(Preflight),

    /// `GET /bucket`.
    ListObjects(ListObjects),
    /// `GET /bucket?list-type=2`.
    ListObjectsV2(ListObjectsV2),
    /// `GET /bucket?versions`.
    ListObjectVersions(ListObjectVersions),
    /// `GET /bucket?uploads`.
    ListMultipartUploads(ListMultipartUploads),
    /// `POST /bucket?delete`; body: [`crate::xml::DeleteObjects`].
    DeleteObjects(BucketOnly),

    /// `GET /bucket/key`.
    GetObject(GetObject),
    /// `HEAD /bucket/key`.
    HeadObject(GetObject),
    /// `PUT /bucket/key`; body: the object.
    PutObject(PutObject),
    /// `POST /bucket` with a form that is yet to be read; see [`crate::parse::parse_form`].
    PostForm(PostForm),
    /// The same once its form was read; body: the object, within the form.
    PostObject(PostObject),
    /// `PUT /bucket/key` with `x-amz-copy-source`.
    CopyObject(CopyObject),
    /// `DELETE /bucket/key`.
    DeleteObject(DeleteObject),
    /// `GET /bucket/key?attributes`.
    GetObjectAttributes(GetObjectAttributes),
    /// `GET /bucket/key?acl`: the owner's FULL_CONTROL.
    GetObjectAcl(ObjectOnly),
    /// `GET /bucket/key?tagging`.
    GetObjectTagging(ObjectOnly),
    /// `PUT /bucket/key?tagging`; body: [`crate::xml::parse_object_tagging`].
    PutObjectTagging(ObjectOnly),
    /// `DELETE /bucket/key?tagging`.
    DeleteObjectTagging(ObjectOnly),

    /// `POST /bucket/key?uploads`.
    CreateMultipartUpload(CreateMultipartUpload),
    /// `PUT /bucket/key?partNumber=N&uploadId=ID`; body: the part.
    UploadPart(UploadPart),
    /// `PUT /bucket/key?partNumber=N&uploadId=ID` with `x-amz-copy-source`.
    UploadPartCopy(UploadPartCopy),
    /// `GET /bucket/key?uploadId=ID`.
    ListParts(ListParts),
    /// `POST /bucket/key?uploadId=ID`; body: [`crate::xml::CompleteMultipartUploadBody`].
    CompleteMultipartUpload(CompleteMultipartUpload),
    /// `DELETE /bucket/key?uploadId=ID`.
    AbortMultipartUpload(UploadOnly),
}

/// What an operation does with the request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyUse {
    /// Nothing: a body is read and thrown away, up to a bound of the caller's.
    Ignored,
    /// It is a document of at most this many bytes; a longer one is `MaxMessageLengthExceeded`.
    Document {
        /// The bound.
        max_bytes: usize,
    },
    /// It is the object's or part's bytes.
    Object,
    /// It is a form, and the object's bytes are a part of it.
    Form,
}

/// The longest document that lists things: DeleteObjects with 1,000 keys of 1,024 bytes, of which
/// each may be a reference, and CompleteMultipartUpload with 10,000 parts and their checksums.
pub const LIST_DOCUMENT_BYTES_MAX: usize = 4 << 20;
/// The longest list of addresses: 100,000 ranges of IPv6, written in full.
pub const ADDRESS_LIST_DOCUMENT_BYTES_MAX: usize = 8 << 20;
/// The longest of all other documents.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 10;
/// Lifecycle: 1,000 rules with their filters.
pub const LIFECYCLE_DOCUMENT_BYTES_MAX: usize = 256 << 10;

/// The inputs' fields that every arm has, by one match.
macro_rules! each_input {
    ($operation:expr, $input:ident => $value:expr, else $none:expr) => {
        match $operation {
            Operation::ListBuckets(_) => $none,
            Operation::CreateBucket($input)
            | Operation::DeleteBucket($input)
            | Operation::HeadBucket($input)
            | Operation::GetBucketLocation($input)
            | Operation::GetBucketVersioning($input)
            | Operation::PutBucketVersioning($input)
            | Operation::GetBucketTagging($input)
            | Operation::PutBucketTagging($input)
            | Operation::DeleteBucketTagging($input)
            | Operation::GetBucketLifecycle($input)
            | Operation::PutBucketLifecycle($input)
            | Operation::DeleteBucketLifecycle($input)
            | Operation::GetBucketCors($input)
            | Operation::PutBucketCors($input)
            | Operation::DeleteBucketCors($input)
            | Operation::GetBucketPolicy($input)
            | Operation::PutBucketPolicy($input)
            | Operation::DeleteBucketPolicy($input)
            | Operation::GetBucketPolicyStatus($input)
            | Operation::GetBucketAddressList($input)
            | Operation::PutBucketAddressList($input)
            | Operation::DeleteBucketAddressList($input)
            | Operation::GetBucketEtag($input)
            | Operation::PutBucketEtag($input)
            | Operation::GetBucketAcl($input)
            | Operation::DeleteObjects($input) => $value,
            Operation::GetFixedConfiguration($input)
            | Operation::DeleteFixedConfiguration($input) => $value,
            Operation::Preflight($input) => $value,
            Operation::ListObjects($input) => $value,
            Operation::ListObjectsV2($input) => $value,
            Operation::ListObjectVersions($input) => $value,
            Operation::ListMultipartUploads($input) => $value,
            Operation::GetObject($input) | Operation::HeadObject($input) => $value,
            Operation::PutObject($input) => $value,
            Operation::PostForm($input) => $value,
            Operation::PostObject(PostObject { put: $input, .. }) => $value,
            Operation::CopyObject($input) => $value,
            Operation::DeleteObject($input) => $value,
            Operation::GetObjectAttributes($input) => $value,
            Operation::GetObjectAcl($input)
            | Operation::GetObjectTagging($input)
            | Operation::PutObjectTagging($input)
            | Operation::DeleteObjectTagging($input) => $value,
            Operation::CreateMultipartUpload($input) => $value,
            Operation::UploadPart($input) => $value,
            Operation::UploadPartCopy($input) => $value,
            Operation::ListParts($input) => $value,
            Operation::CompleteMultipartUpload($input) => $value,
            Operation::AbortMultipartUpload($input) => $value,
        }
    };
}

impl Operation {
    /// AWS's name of the operation, for logs, metrics and errors.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ListBuckets(_) => "ListBuckets",
            Self::CreateBucket(_) => "CreateBucket",
            Self::DeleteBucket(_) => "DeleteBucket",
            Self::HeadBucket(_) => "HeadBucket",
            Self::GetBucketLocation(_) => "GetBucketLocation",
            Self::GetBucketVersioning(_) => "GetBucketVersioning",
            Self::PutBucketVersioning(_) => "PutBucketVersioning",
            Self::GetBucketTagging(_) => "GetBucketTagging",
            Self::PutBucketTagging(_) => "PutBucketTagging",
            Self::DeleteBucketTagging(_) => "DeleteBucketTagging",
            Self::GetBucketLifecycle(_) => "GetBucketLifecycleConfiguration",
            Self::PutBucketLifecycle(_) => "PutBucketLifecycleConfiguration",
            Self::DeleteBucketLifecycle(_) => "DeleteBucketLifecycle",
            Self::GetBucketCors(_) => "GetBucketCors",
            Self::PutBucketCors(_) => "PutBucketCors",
            Self::DeleteBucketCors(_) => "DeleteBucketCors",
            Self::GetBucketPolicy(_) => "GetBucketPolicy",
            Self::PutBucketPolicy(_) => "PutBucketPolicy",
            Self::DeleteBucketPolicy(_) => "DeleteBucketPolicy",
            Self::GetBucketPolicyStatus(_) => "GetBucketPolicyStatus",
            Self::GetBucketAddressList(_) => "GetBucketAddressList",
            Self::PutBucketAddressList(_) => "PutBucketAddressList",
            Self::DeleteBucketAddressList(_) => "DeleteBucketAddressList",
            Self::GetBucketEtag(_) => "GetBucketEtag",
            Self::PutBucketEtag(_) => "PutBucketEtag",
            Self::GetBucketAcl(_) => "GetBucketAcl",
            Self::GetFixedConfiguration(input) => input.which.get_name(),
            Self::DeleteFixedConfiguration(input) => input.which.delete_name(),
            Self::Preflight(_) => "OptionsObject",
            Self::ListObjects(_) => "ListObjects",
            Self::ListObjectsV2(_) => "ListObjectsV2",
            Self::ListObjectVersions(_) => "ListObjectVersions",
            Self::ListMultipartUploads(_) => "ListMultipartUploads",
            Self::DeleteObjects(_) => "DeleteObjects",
            Self::GetObject(_) => "GetObject",
            Self::HeadObject(_) => "HeadObject",
            Self::PutObject(_) => "PutObject",
            Self::PostForm(_) | Self::PostObject(_) => "PostObject",
            Self::CopyObject(_) => "CopyObject",
            Self::DeleteObject(_) => "DeleteObject",
            Self::GetObjectAttributes(_) => "GetObjectAttributes",
            Self::GetObjectAcl(_) => "GetObjectAcl",
            Self::GetObjectTagging(_) => "GetObjectTagging",
            Self::PutObjectTagging(_) => "PutObjectTagging",
            Self::DeleteObjectTagging(_) => "DeleteObjectTagging",
            Self::CreateMultipartUpload(_) => "CreateMultipartUpload",
            Self::UploadPart(_) => "UploadPart",
            Self::UploadPartCopy(_) => "UploadPartCopy",
            Self::ListParts(_) => "ListParts",
            Self::CompleteMultipartUpload(_) => "CompleteMultipartUpload",
            Self::AbortMultipartUpload(_) => "AbortMultipartUpload",
        }
    }

    /// Whether access points offer it. Source: Amazon S3 on Outposts user guide, "API operations for
    /// Amazon S3 on Outposts": twenty operations on objects.
    pub fn is_on_access_points(&self) -> bool {
        matches!(
            self,
            Self::AbortMultipartUpload(_)
                | Self::CompleteMultipartUpload(_)
                | Self::CopyObject(_)
                | Self::CreateMultipartUpload(_)
                | Self::DeleteObject(_)
                | Self::DeleteObjects(_)
                | Self::DeleteObjectTagging(_)
                | Self::GetObject(_)
                | Self::GetObjectTagging(_)
                | Self::HeadBucket(_)
                | Self::HeadObject(_)
                | Self::ListMultipartUploads(_)
                | Self::ListObjects(_)
                | Self::ListObjectsV2(_)
                | Self::ListObjectVersions(_)
                | Self::ListParts(_)
                | Self::PutObject(_)
                | Self::PutObjectTagging(_)
                | Self::UploadPart(_)
                | Self::UploadPartCopy(_)
        )
    }

    /// The bucket it is about; `None` for ListBuckets alone.
    pub fn bucket(&self) -> Option<&BucketName> {
        each_input!(self, input => Some(&input.bucket), else None)
    }

    /// The key it is about.
    pub fn key(&self) -> Option<&ObjectKey> {
        match self {
            Self::Preflight(input) => input.key.as_ref(),
            Self::GetObject(input) | Self::HeadObject(input) => Some(&input.key),
            Self::PutObject(input) => Some(&input.key),
            Self::PostObject(input) => Some(&input.put.key),
            Self::CopyObject(input) => Some(&input.key),
            Self::DeleteObject(input) => Some(&input.key),
            Self::GetObjectAttributes(input) => Some(&input.key),
            Self::GetObjectAcl(input)
            | Self::GetObjectTagging(input)
            | Self::PutObjectTagging(input)
            | Self::DeleteObjectTagging(input) => Some(&input.key),
            Self::CreateMultipartUpload(input) => Some(&input.key),
            Self::UploadPart(input) => Some(&input.key),
            Self::UploadPartCopy(input) => Some(&input.key),
            Self::ListParts(input) => Some(&input.key),
            Self::CompleteMultipartUpload(input) => Some(&input.key),
            Self::AbortMultipartUpload(input) => Some(&input.key),
            _ => None,
        }
    }

    /// What it does with the request's body.
    pub fn body(&self) -> BodyUse {
        match self {
            Self::PutObject(_) | Self::UploadPart(_) => BodyUse::Object,
            Self::PostForm(_) | Self::PostObject(_) => BodyUse::Form,
            Self::DeleteObjects(_) | Self::CompleteMultipartUpload(_) => BodyUse::Document {
                max_bytes: LIST_DOCUMENT_BYTES_MAX,
            },
            Self::PutBucketLifecycle(_) => BodyUse::Document {
                max_bytes: LIFECYCLE_DOCUMENT_BYTES_MAX,
            },
            Self::PutBucketAddressList(_) => BodyUse::Document {
                max_bytes: ADDRESS_LIST_DOCUMENT_BYTES_MAX,
            },
            Self::CreateBucket(_)
            | Self::PutBucketVersioning(_)
            | Self::PutBucketTagging(_)
            | Self::PutBucketCors(_)
            | Self::PutBucketPolicy(_)
            | Self::PutBucketEtag(_)
            | Self::PutObjectTagging(_) => BodyUse::Document {
                max_bytes: DOCUMENT_BYTES_MAX,
            },
            _ => BodyUse::Ignored,
        }
    }
}
