//! Which actions an operation needs, on which resource: data, held by the gateway's own match.
//!
//! A copy reads as well: see [`COPY_READS`]. Source: service authorization reference; Amazon S3 user
//! guide, "Required permissions for Amazon S3 API operations".

/// What an action is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// The object; of DeleteObjects, each of its keys.
    Object,
    /// The bucket, or the access point that stands for it.
    Bucket,
    /// The access point itself.
    AccessPoint,
    /// An Outposts endpoint.
    Endpoint,
    /// `*`: nothing in particular.
    Everything,
}

/// When an operation needs something else, or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A version is named: instead of the first action.
    Version,
    /// The request brings tags (`x-amz-tagging`): as well.
    Tags,
    /// The request brings an ACL: as well.
    Acl,
}

/// An action that an operation needs in some cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extra {
    /// When.
    pub when: When,
    /// The action.
    pub s3: &'static str,
    /// The same on Outposts, if there.
    pub outposts: Option<&'static str>,
}

/// What one operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationRow {
    /// The operation's name in the API.
    pub operation: &'static str,
    /// All of these; none when the operation is Outposts' alone.
    pub s3: &'static [&'static str],
    /// All of these; none when Outposts does not offer the operation.
    pub outposts: &'static [&'static str],
    /// On what.
    pub resource: ResourceKind,
    /// What else in some cases.
    pub extras: &'static [Extra],
}

/// What a copy (CopyObject, UploadPartCopy) needs on its source, beside its own row on its target.
/// GetObjectTagging is needed when tags are copied.
pub const COPY_READS: OperationRow = OperationRow {
    operation: "CopySource",
    s3: &["s3:GetObject"],
    outposts: &["s3-outposts:GetObject"],
    resource: ResourceKind::Object,
    extras: &[
        Extra {
            when: When::Version,
            s3: "s3:GetObjectVersion",
            outposts: Some("s3-outposts:GetObjectVersion"),
        },
        Extra {
            when: When::Tags,
            s3: "s3:GetObjectTagging",
            outposts: Some("s3-outposts:GetObjectTagging"),
        },
    ],
};

/// The row of an operation.
pub fn operation(name: &str) -> Option<&'static OperationRow> {
    OPERATIONS.iter().find(|row| row.operation == name)
}

const fn row(
    operation: &'static str,
    s3: &'static [&'static str],
    outposts: &'static [&'static str],
    resource: ResourceKind,
    extras: &'static [Extra],
) -> OperationRow {
    OperationRow {
        operation,
        s3,
        outposts,
        resource,
        extras,
    }
}

const fn when(when: When, s3: &'static str, outposts: Option<&'static str>) -> Extra {
    Extra { when, s3, outposts }
}

/// Every operation of the data plane and of bucket and access-point control.
#[rustfmt::skip]
pub const OPERATIONS: &[OperationRow] = &[
    row("GetObject", &["s3:GetObject"], &["s3-outposts:GetObject"], ResourceKind::Object, &[when(When::Version, "s3:GetObjectVersion", Some("s3-outposts:GetObjectVersion"))]),
    row("HeadObject", &["s3:GetObject"], &["s3-outposts:GetObject"], ResourceKind::Object, &[when(When::Version, "s3:GetObjectVersion", Some("s3-outposts:GetObjectVersion"))]),
    row("GetObjectAttributes", &["s3:GetObject", "s3:GetObjectAttributes"], &[], ResourceKind::Object, &[when(When::Version, "s3:GetObjectVersion", None)]),
    row("GetObjectAcl", &["s3:GetObjectAcl"], &[], ResourceKind::Object, &[when(When::Version, "s3:GetObjectVersionAcl", None)]),
    row("PutObjectAcl", &["s3:PutObjectAcl"], &[], ResourceKind::Object, &[]),
    row("PutObject", &["s3:PutObject"], &["s3-outposts:PutObject"], ResourceKind::Object, &[when(When::Tags, "s3:PutObjectTagging", Some("s3-outposts:PutObjectTagging")), when(When::Acl, "s3:PutObjectAcl", None)]),
    row("PostObject", &["s3:PutObject"], &["s3-outposts:PutObject"], ResourceKind::Object, &[when(When::Tags, "s3:PutObjectTagging", Some("s3-outposts:PutObjectTagging")), when(When::Acl, "s3:PutObjectAcl", None)]),
    row("CreateMultipartUpload", &["s3:PutObject"], &["s3-outposts:PutObject"], ResourceKind::Object, &[when(When::Tags, "s3:PutObjectTagging", Some("s3-outposts:PutObjectTagging")), when(When::Acl, "s3:PutObjectAcl", None)]),
    row("UploadPart", &["s3:PutObject"], &["s3-outposts:PutObject"], ResourceKind::Object, &[]),
    row("CompleteMultipartUpload", &["s3:PutObject"], &["s3-outposts:PutObject"], ResourceKind::Object, &[]),
    row("CopyObject", &["s3:PutObject"], &["s3-outposts:PutObject"], ResourceKind::Object, &[when(When::Tags, "s3:PutObjectTagging", Some("s3-outposts:PutObjectTagging")), when(When::Acl, "s3:PutObjectAcl", None)]),
    row("UploadPartCopy", &["s3:PutObject"], &["s3-outposts:PutObject"], ResourceKind::Object, &[]),
    row("DeleteObject", &["s3:DeleteObject"], &["s3-outposts:DeleteObject"], ResourceKind::Object, &[when(When::Version, "s3:DeleteObjectVersion", Some("s3-outposts:DeleteObjectVersion"))]),
    row("DeleteObjects", &["s3:DeleteObject"], &["s3-outposts:DeleteObject"], ResourceKind::Object, &[when(When::Version, "s3:DeleteObjectVersion", Some("s3-outposts:DeleteObjectVersion"))]),
    row("GetObjectTagging", &["s3:GetObjectTagging"], &["s3-outposts:GetObjectTagging"], ResourceKind::Object, &[when(When::Version, "s3:GetObjectVersionTagging", Some("s3-outposts:GetObjectVersionTagging"))]),
    row("PutObjectTagging", &["s3:PutObjectTagging"], &["s3-outposts:PutObjectTagging"], ResourceKind::Object, &[when(When::Version, "s3:PutObjectVersionTagging", Some("s3-outposts:PutObjectVersionTagging"))]),
    row("DeleteObjectTagging", &["s3:DeleteObjectTagging"], &["s3-outposts:DeleteObjectTagging"], ResourceKind::Object, &[when(When::Version, "s3:DeleteObjectVersionTagging", Some("s3-outposts:DeleteObjectVersionTagging"))]),
    row("AbortMultipartUpload", &["s3:AbortMultipartUpload"], &["s3-outposts:AbortMultipartUpload"], ResourceKind::Object, &[]),
    row("ListParts", &["s3:ListMultipartUploadParts"], &["s3-outposts:ListMultipartUploadParts"], ResourceKind::Object, &[]),
    row("ListMultipartUploads", &["s3:ListBucketMultipartUploads"], &["s3-outposts:ListBucketMultipartUploads"], ResourceKind::Bucket, &[]),
    row("ListObjects", &["s3:ListBucket"], &["s3-outposts:ListBucket"], ResourceKind::Bucket, &[]),
    row("ListObjectsV2", &["s3:ListBucket"], &["s3-outposts:ListBucket"], ResourceKind::Bucket, &[]),
    row("HeadBucket", &["s3:ListBucket"], &["s3-outposts:ListBucket"], ResourceKind::Bucket, &[]),
    row("ListObjectVersions", &["s3:ListBucketVersions"], &["s3-outposts:ListBucketVersions"], ResourceKind::Bucket, &[]),
    row("ListBuckets", &["s3:ListAllMyBuckets"], &["s3-outposts:ListRegionalBuckets"], ResourceKind::Everything, &[]),
    row("ListRegionalBuckets", &["s3:ListAllMyBuckets"], &["s3-outposts:ListRegionalBuckets"], ResourceKind::Everything, &[]),
    row("CreateBucket", &["s3:CreateBucket"], &["s3-outposts:CreateBucket"], ResourceKind::Bucket, &[]),
    row("DeleteBucket", &["s3:DeleteBucket"], &["s3-outposts:DeleteBucket"], ResourceKind::Bucket, &[]),
    row("GetBucket", &[], &["s3-outposts:GetBucket"], ResourceKind::Bucket, &[]),
    row("GetBucketLocation", &["s3:GetBucketLocation"], &[], ResourceKind::Bucket, &[]),
    row("GetBucketPolicy", &["s3:GetBucketPolicy"], &["s3-outposts:GetBucketPolicy"], ResourceKind::Bucket, &[]),
    row("PutBucketPolicy", &["s3:PutBucketPolicy"], &["s3-outposts:PutBucketPolicy"], ResourceKind::Bucket, &[]),
    row("DeleteBucketPolicy", &["s3:DeleteBucketPolicy"], &["s3-outposts:DeleteBucketPolicy"], ResourceKind::Bucket, &[]),
    row("GetBucketPolicyStatus", &["s3:GetBucketPolicyStatus"], &[], ResourceKind::Bucket, &[]),
    row("GetBucketTagging", &["s3:GetBucketTagging"], &["s3-outposts:GetBucketTagging"], ResourceKind::Bucket, &[]),
    row("PutBucketTagging", &["s3:PutBucketTagging"], &["s3-outposts:PutBucketTagging"], ResourceKind::Bucket, &[]),
    row("DeleteBucketTagging", &["s3:PutBucketTagging"], &["s3-outposts:PutBucketTagging"], ResourceKind::Bucket, &[]),
    row("GetBucketVersioning", &["s3:GetBucketVersioning"], &["s3-outposts:GetBucketVersioning"], ResourceKind::Bucket, &[]),
    row("PutBucketVersioning", &["s3:PutBucketVersioning"], &["s3-outposts:PutBucketVersioning"], ResourceKind::Bucket, &[]),
    row("GetBucketLifecycleConfiguration", &["s3:GetLifecycleConfiguration"], &["s3-outposts:GetLifecycleConfiguration"], ResourceKind::Bucket, &[]),
    row("PutBucketLifecycleConfiguration", &["s3:PutLifecycleConfiguration"], &["s3-outposts:PutLifecycleConfiguration"], ResourceKind::Bucket, &[]),
    row("DeleteBucketLifecycle", &["s3:PutLifecycleConfiguration"], &["s3-outposts:PutLifecycleConfiguration"], ResourceKind::Bucket, &[]),
    row("GetBucketReplication", &["s3:GetReplicationConfiguration"], &["s3-outposts:GetReplicationConfiguration"], ResourceKind::Bucket, &[]),
    row("PutBucketReplication", &["s3:PutReplicationConfiguration"], &["s3-outposts:PutReplicationConfiguration"], ResourceKind::Bucket, &[]),
    row("DeleteBucketReplication", &["s3:PutReplicationConfiguration"], &["s3-outposts:PutReplicationConfiguration"], ResourceKind::Bucket, &[]),
    row("GetBucketCors", &["s3:GetBucketCORS"], &[], ResourceKind::Bucket, &[]),
    row("PutBucketCors", &["s3:PutBucketCORS"], &[], ResourceKind::Bucket, &[]),
    row("DeleteBucketCors", &["s3:PutBucketCORS"], &[], ResourceKind::Bucket, &[]),
    row("GetBucketAcl", &["s3:GetBucketAcl"], &[], ResourceKind::Bucket, &[]),
    row("GetBucketEncryption", &["s3:GetEncryptionConfiguration"], &[], ResourceKind::Bucket, &[]),
    row("PutBucketEncryption", &["s3:PutEncryptionConfiguration"], &[], ResourceKind::Bucket, &[]),
    row("DeleteBucketEncryption", &["s3:PutEncryptionConfiguration"], &[], ResourceKind::Bucket, &[]),
    row("GetPublicAccessBlock", &["s3:GetBucketPublicAccessBlock"], &[], ResourceKind::Bucket, &[]),
    row("PutPublicAccessBlock", &["s3:PutBucketPublicAccessBlock"], &[], ResourceKind::Bucket, &[]),
    row("DeletePublicAccessBlock", &["s3:PutBucketPublicAccessBlock"], &[], ResourceKind::Bucket, &[]),
    row("GetBucketOwnershipControls", &["s3:GetBucketOwnershipControls"], &[], ResourceKind::Bucket, &[]),
    row("GetObjectLockConfiguration", &["s3:GetBucketObjectLockConfiguration"], &[], ResourceKind::Bucket, &[]),
    row("GetBucketWebsite", &["s3:GetBucketWebsite"], &[], ResourceKind::Bucket, &[]),
    row("DeleteBucketWebsite", &["s3:DeleteBucketWebsite"], &[], ResourceKind::Bucket, &[]),
    row("GetBucketRequestPayment", &["s3:GetBucketRequestPayment"], &[], ResourceKind::Bucket, &[]),
    row("GetBucketLogging", &["s3:GetBucketLogging"], &[], ResourceKind::Bucket, &[]),
    row("GetBucketNotificationConfiguration", &["s3:GetBucketNotification"], &[], ResourceKind::Bucket, &[]),
    row("GetBucketAccelerateConfiguration", &["s3:GetAccelerateConfiguration"], &[], ResourceKind::Bucket, &[]),
    row("CreateAccessPoint", &["s3:CreateAccessPoint"], &["s3-outposts:CreateAccessPoint"], ResourceKind::AccessPoint, &[]),
    row("DeleteAccessPoint", &["s3:DeleteAccessPoint"], &["s3-outposts:DeleteAccessPoint"], ResourceKind::AccessPoint, &[]),
    row("GetAccessPoint", &["s3:GetAccessPoint"], &["s3-outposts:GetAccessPoint"], ResourceKind::Everything, &[]),
    row("ListAccessPoints", &["s3:ListAccessPoints"], &["s3-outposts:ListAccessPoints"], ResourceKind::Everything, &[]),
    row("GetAccessPointPolicy", &["s3:GetAccessPointPolicy"], &["s3-outposts:GetAccessPointPolicy"], ResourceKind::AccessPoint, &[]),
    row("PutAccessPointPolicy", &["s3:PutAccessPointPolicy"], &["s3-outposts:PutAccessPointPolicy"], ResourceKind::AccessPoint, &[]),
    row("DeleteAccessPointPolicy", &["s3:DeleteAccessPointPolicy"], &["s3-outposts:DeleteAccessPointPolicy"], ResourceKind::AccessPoint, &[]),
    row("CreateEndpoint", &[], &["s3-outposts:CreateEndpoint"], ResourceKind::Everything, &[]),
    row("ListEndpoints", &[], &["s3-outposts:ListEndpoints"], ResourceKind::Everything, &[]),
    row("DeleteEndpoint", &[], &["s3-outposts:DeleteEndpoint"], ResourceKind::Endpoint, &[]),
    row("ListSharedEndpoints", &[], &["s3-outposts:ListSharedEndpoints"], ResourceKind::Everything, &[]),
    row("ListOutpostsWithS3", &[], &["s3-outposts:ListOutpostsWithS3"], ResourceKind::Everything, &[]),
    row("GetBucketAddressList", &["bh:GetBucketAddressList"], &[], ResourceKind::Bucket, &[]),
    row("PutBucketAddressList", &["bh:PutBucketAddressList"], &[], ResourceKind::Bucket, &[]),
    row("GetBucketEtag", &["bh:GetBucketEtag"], &[], ResourceKind::Bucket, &[]),
    row("PutBucketEtag", &["bh:PutBucketEtag"], &[], ResourceKind::Bucket, &[]),
    row("DeleteBucketAddressList", &["bh:PutBucketAddressList"], &[], ResourceKind::Bucket, &[]),
    row("ListBucketAnalyticsConfigurations", &["s3:GetAnalyticsConfiguration"], &[], ResourceKind::Bucket, &[]),
    row("ListBucketInventoryConfigurations", &["s3:GetInventoryConfiguration"], &[], ResourceKind::Bucket, &[]),
    row("ListBucketMetricsConfigurations", &["s3:GetMetricsConfiguration"], &[], ResourceKind::Bucket, &[]),
    row("ListBucketIntelligentTieringConfigurations", &["s3:GetIntelligentTieringConfiguration"], &[], ResourceKind::Bucket, &[]),
    // Which of them it is the name does not say: all.
    row("GetBucketConfigurationById", &["s3:GetAnalyticsConfiguration", "s3:GetInventoryConfiguration", "s3:GetMetricsConfiguration", "s3:GetIntelligentTieringConfiguration"], &[], ResourceKind::Bucket, &[]),
    row("DeleteBucketConfiguration", &["s3:PutBucketPublicAccessBlock", "s3:PutBucketOwnershipControls", "s3:PutAnalyticsConfiguration", "s3:PutInventoryConfiguration", "s3:PutMetricsConfiguration", "s3:PutIntelligentTieringConfiguration"], &[], ResourceKind::Bucket, &[]),
    // A preflight is answered before anybody is known; one that is asked about is a listing.
    row("OptionsObject", &["s3:ListBucket"], &[], ResourceKind::Bucket, &[]),
];
