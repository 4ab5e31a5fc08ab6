//! Inputs of operations on the service and on buckets.

use crate::error::{ErrorKind, S3Error};
use blockhouse_types::{BucketName, ObjectKey};

/// An operation that needs the bucket's name alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketOnly {
    /// The bucket.
    pub bucket: BucketName,
}

/// `GET /`: the caller's buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListBuckets {
    /// Only names that begin so; empty for all.
    pub prefix: String,
    /// Only names after this one; empty for none. It is the name that the last page ended with.
    pub after: String,
    /// Buckets at most; `None` when the client set no bound, which means all of them.
    pub max: Option<usize>,
    /// `bucket-region`: only buckets of this region.
    pub region: Option<String>,
}

/// A setting that is the same for every bucket of this node, or that no bucket has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetFixedConfiguration {
    /// The bucket, which must exist.
    pub bucket: BucketName,
    /// Which setting; [`FixedConfiguration::document`] holds the answer.
    pub which: FixedConfiguration,
}

/// Settings that clients probe and that cannot be changed here (yet). Each was decided: an error
/// where AWS answers "not configured", a document where AWS always has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FixedConfiguration {
    /// `?encryption`: nothing claims encryption before it exists.
    Encryption,
    /// `?website`.
    Website,
    /// `?replication`.
    Replication,
    /// `?object-lock`.
    ObjectLock,
    /// `?publicAccessBlock`: a bucket's policy may let everybody in, so none is there.
    PublicAccessBlock,
    /// `?ownershipControls`: the bucket's owner owns every object and there are no ACLs.
    OwnershipControls,
    /// `?requestPayment`: the bucket's owner.
    RequestPayment,
    /// `?logging`: off.
    Logging,
    /// `?notification`: none.
    Notification,
    /// `?accelerate`: off.
    Accelerate,
    /// `?analytics` without an id: an empty list.
    AnalyticsList,
    /// `?inventory` without an id: an empty list.
    InventoryList,
    /// `?metrics` without an id: an empty list.
    MetricsList,
    /// `?intelligent-tiering` without an id: an empty list.
    IntelligentTieringList,
    /// Any of the four with an id: there is none.
    ById,
}

impl FixedConfiguration {
    /// AWS's name of the operation that reads it.
    pub fn get_name(self) -> &'static str {
        match self {
            Self::Encryption => "GetBucketEncryption",
            Self::Website => "GetBucketWebsite",
            Self::Replication => "GetBucketReplication",
            Self::ObjectLock => "GetObjectLockConfiguration",
            Self::PublicAccessBlock => "GetPublicAccessBlock",
            Self::OwnershipControls => "GetBucketOwnershipControls",
            Self::RequestPayment => "GetBucketRequestPayment",
            Self::Logging => "GetBucketLogging",
            Self::Notification => "GetBucketNotificationConfiguration",
            Self::Accelerate => "GetBucketAccelerateConfiguration",
            Self::AnalyticsList => "ListBucketAnalyticsConfigurations",
            Self::InventoryList => "ListBucketInventoryConfigurations",
            Self::MetricsList => "ListBucketMetricsConfigurations",
            Self::IntelligentTieringList => "ListBucketIntelligentTieringConfigurations",
            Self::ById => "GetBucketConfigurationById",
        }
    }

    /// AWS's name of the operation that deletes it.
    pub fn delete_name(self) -> &'static str {
        match self {
            Self::Encryption => "DeleteBucketEncryption",
            Self::Website => "DeleteBucketWebsite",
            Self::Replication => "DeleteBucketReplication",
            _ => "DeleteBucketConfiguration",
        }
    }

    /// The XML document that answers, or the error that says there is none.
    pub fn document(self) -> Result<&'static str, S3Error> {
        let absent = match self {
            Self::Encryption => ErrorKind::ServerSideEncryptionConfigurationNotFoundError,
            Self::Website => ErrorKind::NoSuchWebsiteConfiguration,
            Self::Replication => ErrorKind::ReplicationConfigurationNotFoundError,
            Self::ObjectLock => ErrorKind::ObjectLockConfigurationNotFoundError,
            Self::ById => ErrorKind::NoSuchConfiguration,
            Self::PublicAccessBlock => ErrorKind::NoSuchPublicAccessBlockConfiguration,
            Self::OwnershipControls => return Ok(OWNERSHIP_CONTROLS),
            Self::RequestPayment => return Ok(REQUEST_PAYMENT),
            Self::Logging => return Ok(LOGGING),
            Self::Notification => return Ok(NOTIFICATION),
            Self::Accelerate => return Ok(ACCELERATE),
            Self::AnalyticsList => return Ok(ANALYTICS_LIST),
            Self::InventoryList => return Ok(INVENTORY_LIST),
            Self::MetricsList => return Ok(METRICS_LIST),
            Self::IntelligentTieringList => return Ok(INTELLIGENT_TIERING_LIST),
        };
        Err(absent.into())
    }
}

/// A document of the S3 namespace.
macro_rules! document {
    ($root:literal, $inner:literal) => {
        concat!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<",
            $root,
            " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
            $inner,
            "</",
            $root,
            ">"
        )
    };
}

const OWNERSHIP_CONTROLS: &str = document!(
    "OwnershipControls",
    "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"
);
const REQUEST_PAYMENT: &str =
    document!("RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>");
const LOGGING: &str = document!("BucketLoggingStatus", "");
const NOTIFICATION: &str = document!("NotificationConfiguration", "");
const ACCELERATE: &str = document!("AccelerateConfiguration", "");
const ANALYTICS_LIST: &str = document!(
    "ListBucketAnalyticsConfigurationResult",
    "<IsTruncated>false</IsTruncated>"
);
const INVENTORY_LIST: &str = document!(
    "ListInventoryConfigurationsResult",
    "<IsTruncated>false</IsTruncated>"
);
const METRICS_LIST: &str = document!(
    "ListMetricsConfigurationsResult",
    "<IsTruncated>false</IsTruncated>"
);
const INTELLIGENT_TIERING_LIST: &str = document!(
    "ListBucketIntelligentTieringConfigurationsOutput",
    "<IsTruncated>false</IsTruncated>"
);

/// A browser asks whether a page of another origin may send a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The bucket.
    pub bucket: BucketName,
    /// The key, for the log alone: the answer never depends on it.
    pub key: Option<ObjectKey>,
    /// `Origin`.
    pub origin: String,
    /// `Access-Control-Request-Method`.
    pub method: String,
    /// `Access-Control-Request-Headers`, in lower case, at most 100.
    pub headers: Vec<String>,
}
