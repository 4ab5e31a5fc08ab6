//! May the caller do this? One place where every operation names what it needs, one rule that
//! answers, and the answer as a value with its reason.
//!
//! ```text
//!   Operation ──needs()──► Need ──decide()──► Grant            the buckets it may touch, resolved
//!                                        └──► Refused          no such bucket, or Denied { because }
//! ```
//!
//! [`needs`] matches every operation by name, without a catch-all: an operation that does not say
//! what it needs does not compile. [`decide`] is the only place that looks up a bucket by name, so
//! an operation that got no [`Grant`] has no bucket to work on.
//!
//! The rule of today: the account that owns a bucket may do everything in it; any account may list
//! its own buckets and create one; who did not sign may do nothing. Policies will replace the rule,
//! behind the same types.
//!
//! A caller without a signature learns nothing: it is denied before any bucket is looked up.

use blockhouse_s3::{
    error::{ErrorKind, S3Error},
    operation::{FixedConfiguration, Operation},
    parse::Parsed,
};
use blockhouse_store::{Bucket, ObjectStore};
use blockhouse_types::{AccountId, BucketName};
use std::sync::Arc;

/// A permission, named as policies name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Action(pub(crate) &'static str);

/// What an operation needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Need<'a> {
    /// Something of the caller's own account.
    Account {
        /// The permission.
        action: Action,
    },
    /// Something in one bucket.
    Bucket {
        /// All of these.
        actions: &'static [Action],
        /// Which bucket.
        bucket: &'a BucketName,
    },
    /// To read in one bucket and to write in another or the same one.
    Copy {
        /// In the source's bucket.
        reads: &'static [Action],
        /// Which bucket.
        source: &'a BucketName,
        /// In the target's bucket.
        writes: &'static [Action],
        /// Which bucket.
        target: &'a BucketName,
    },
}

/// The permission to go on: who acts, and the buckets it may touch as they are now. Made by
/// [`decide`] alone.
#[derive(Debug)]
pub(crate) struct Grant {
    account: AccountId,
    bucket: Option<Arc<Bucket>>,
    source: Option<Arc<Bucket>>,
}

impl Grant {
    /// The account that acts.
    pub(crate) fn account(&self) -> AccountId {
        self.account
    }

    /// The bucket of the operation. An operation whose [`Need`] names no bucket has none, and gets
    /// InternalError when it asks: the need was declared wrongly.
    pub(crate) fn bucket(&self) -> Result<&Arc<Bucket>, S3Error> {
        self.bucket
            .as_ref()
            .ok_or_else(|| ErrorKind::InternalError.into())
    }

    /// The bucket that a copy reads from; likewise.
    pub(crate) fn source(&self) -> Result<&Arc<Bucket>, S3Error> {
        self.source
            .as_ref()
            .ok_or_else(|| ErrorKind::InternalError.into())
    }
}

/// Why the caller may not go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no such bucket; told only to who signed.
    NoSuchBucket(BucketName),
    /// The rule says no.
    Denied(Denied),
}

impl Refused {
    /// What the audit says of it.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoSuchBucket(_) => "no-such-bucket",
            Self::Denied(denied) => match denied.because {
                Because::Anonymous => "anonymous",
                Because::NotTheOwner => "not-the-owner",
            },
        }
    }
}

/// A "no", with what the log says of it. The client sees AccessDenied and no reason: it is not of
/// the account that could act on one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    /// What was asked for.
    pub(crate) action: Action,
    /// The reason.
    pub(crate) because: Because,
}

/// The reason of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    /// Nobody signed, and nothing here is for everybody.
    Anonymous,
    /// The bucket belongs to another account.
    NotTheOwner,
}

impl From<Refused> for S3Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoSuchBucket(bucket) => {
                Self::from(ErrorKind::NoSuchBucket).element("BucketName", bucket.as_str())
            }
            Refused::Denied(denied) => {
                tracing::debug!(action = denied.action.0, because = ?denied.because, "denied");
                ErrorKind::AccessDenied.into()
            }
        }
    }
}

/// The rule.
///
/// `account` is whom the caller acts for; `None` when nobody signed.
pub(crate) fn decide<S: ObjectStore>(
    store: &S,
    account: Option<AccountId>,
    need: Need<'_>,
) -> Result<Grant, Refused> {
    let Some(account) = account else {
        let action = first_action(&need);
        return Err(Refused::Denied(Denied {
            action,
            because: Because::Anonymous,
        }));
    };
    match need {
        Need::Account { .. } => Ok(Grant {
            account,
            bucket: None,
            source: None,
        }),
        Need::Bucket { actions, bucket } => {
            let bucket = owned(store, account, actions, bucket)?;
            Ok(Grant {
                account,
                bucket: Some(bucket),
                source: None,
            })
        }
        Need::Copy {
            reads,
            source,
            writes,
            target,
        } => {
            let bucket = owned(store, account, writes, target)?;
            let source = owned(store, account, reads, source)?;
            Ok(Grant {
                account,
                bucket: Some(bucket),
                source: Some(source),
            })
        }
    }
}

/// The bucket, if the account owns it.
fn owned<S: ObjectStore>(
    store: &S,
    account: AccountId,
    actions: &'static [Action],
    name: &BucketName,
) -> Result<Arc<Bucket>, Refused> {
    let bucket = store
        .bucket(name)
        .ok_or_else(|| Refused::NoSuchBucket(name.clone()))?;
    if bucket.owner == account {
        return Ok(bucket);
    }
    let action = actions.first().copied().unwrap_or(Action("s3:*"));
    Err(Refused::Denied(Denied {
        action,
        because: Because::NotTheOwner,
    }))
}

fn first_action(need: &Need<'_>) -> Action {
    let actions = match need {
        Need::Account { action } => return *action,
        Need::Bucket { actions, .. } => actions,
        Need::Copy { writes, .. } => writes,
    };
    actions.first().copied().unwrap_or(Action("s3:*"))
}

/// `response-*` lets a link choose headers of the answer: only who signed may. Told before anything
/// is looked up. Source: Amazon S3 API reference, GetObject, "Overriding response header values".
pub(crate) fn override_needs_signature(
    operation: &Operation,
    account: Option<AccountId>,
) -> Result<(), S3Error> {
    match operation {
        Operation::GetObject(op) | Operation::HeadObject(op)
            if account.is_none() && !op.overrides.0.is_empty() =>
        {
            Err(S3Error::invalid_request(
                "Request specific response headers cannot be used for anonymous GET requests.",
            ))
        }
        _ => Ok(()),
    }
}

/// `x-amz-expected-bucket-owner` and its twin for a copy's source: a client that names the wrong
/// owner is denied, though the rule would let it pass.
pub(crate) fn expected_owners(grant: &Grant, asked: &Parsed) -> Result<(), S3Error> {
    let expectations = [
        (asked.expected_owner, &grant.bucket),
        (asked.expected_source_owner, &grant.source),
    ];
    let wrong = expectations
        .into_iter()
        .any(|(expected, bucket)| match (expected, bucket) {
            (Some(expected), Some(bucket)) => expected != bucket.owner,
            _ => false,
        });
    if wrong {
        Err(ErrorKind::AccessDenied.into())
    } else {
        Ok(())
    }
}

/// A constant slice of actions.
macro_rules! actions {
    ($($name:literal),+) => { &[$(Action(concat!("s3:", $name))),+] };
}

/// What `operation` needs first, as policies name it; of a copy, in its target.
pub(crate) fn action_of(operation: &Operation) -> &'static str {
    first_action(&needs(operation)).0
}

/// What `operation` needs. Source: AWS service authorization reference for Amazon S3.
pub(crate) fn needs(operation: &Operation) -> Need<'_> {
    use Operation as Op;
    let (bucket, actions): (&BucketName, &'static [Action]) = match operation {
        Op::ListBuckets(_) => {
            return Need::Account {
                action: Action("s3:ListAllMyBuckets"),
            };
        }
        Op::CreateBucket(_) => {
            return Need::Account {
                action: Action("s3:CreateBucket"),
            };
        }
        Op::CopyObject(op) => {
            return Need::Copy {
                reads: reads(op.source.version.is_some()),
                source: &op.source.bucket,
                writes: actions!["PutObject", "PutObjectTagging"],
                target: &op.bucket,
            };
        }
        Op::UploadPartCopy(op) => {
            return Need::Copy {
                reads: reads(op.source.version.is_some()),
                source: &op.source.bucket,
                writes: actions!["PutObject"],
                target: &op.bucket,
            };
        }
        Op::DeleteBucket(op) => (&op.bucket, actions!["DeleteBucket"]),
        Op::HeadBucket(op) => (&op.bucket, actions!["ListBucket"]),
        Op::GetBucketLocation(op) => (&op.bucket, actions!["GetBucketLocation"]),
        Op::GetBucketVersioning(op) => (&op.bucket, actions!["GetBucketVersioning"]),
        Op::PutBucketVersioning(op) => (&op.bucket, actions!["PutBucketVersioning"]),
        Op::GetBucketTagging(op) => (&op.bucket, actions!["GetBucketTagging"]),
        Op::PutBucketTagging(op) | Op::DeleteBucketTagging(op) => {
            (&op.bucket, actions!["PutBucketTagging"])
        }
        Op::GetBucketLifecycle(op) => (&op.bucket, actions!["GetLifecycleConfiguration"]),
        Op::PutBucketLifecycle(op) | Op::DeleteBucketLifecycle(op) => {
            (&op.bucket, actions!["PutLifecycleConfiguration"])
        }
        Op::GetBucketCors(op) => (&op.bucket, actions!["GetBucketCORS"]),
        Op::PutBucketCors(op) | Op::DeleteBucketCors(op) => (&op.bucket, actions!["PutBucketCORS"]),
        Op::GetBucketEtag(op) => (&op.bucket, &[Action("bh:GetBucketEtag")]),
        Op::PutBucketEtag(op) => (&op.bucket, &[Action("bh:PutBucketEtag")]),
        Op::GetBucketAcl(op) => (&op.bucket, actions!["GetBucketAcl"]),
        Op::GetFixedConfiguration(op) => (&op.bucket, reads_configuration(op.which)),
        Op::DeleteFixedConfiguration(op) => (&op.bucket, writes_configuration(op.which)),
        // Answered before authentication. One that reaches this point is judged like a listing.
        Op::Preflight(op) => (&op.bucket, actions!["ListBucket"]),
        Op::ListObjects(op) => (&op.bucket, actions!["ListBucket"]),
        Op::ListObjectsV2(op) => (&op.bucket, actions!["ListBucket"]),
        Op::ListObjectVersions(op) => (&op.bucket, actions!["ListBucketVersions"]),
        Op::ListMultipartUploads(op) => (&op.bucket, actions!["ListBucketMultipartUploads"]),
        Op::DeleteObjects(op) => (&op.bucket, actions!["DeleteObject", "DeleteObjectVersion"]),
        Op::GetObject(op) | Op::HeadObject(op) => (&op.bucket, reads(op.version.is_some())),
        Op::PutObject(op) if op.attributes.tags.is_empty() => (&op.bucket, actions!["PutObject"]),
        Op::PutObject(op) => (&op.bucket, actions!["PutObject", "PutObjectTagging"]),
        // Whether it has tags nobody knows before its form was read. One that reaches this point
        // without is carried out by nobody.
        Op::PostForm(op) => (&op.bucket, actions!["PutObject", "PutObjectTagging"]),
        Op::PostObject(op) if op.put.attributes.tags.is_empty() => {
            (&op.put.bucket, actions!["PutObject"])
        }
        Op::PostObject(op) => (&op.put.bucket, actions!["PutObject", "PutObjectTagging"]),
        Op::DeleteObject(op) if op.version.is_some() => {
            (&op.bucket, actions!["DeleteObjectVersion"])
        }
        Op::DeleteObject(op) => (&op.bucket, actions!["DeleteObject"]),
        Op::GetObjectAttributes(op) => (&op.bucket, actions!["GetObject", "GetObjectAttributes"]),
        Op::GetObjectAcl(op) => (&op.bucket, actions!["GetObjectAcl"]),
        Op::GetObjectTagging(op) => (&op.bucket, actions!["GetObjectTagging"]),
        Op::PutObjectTagging(op) => (&op.bucket, actions!["PutObjectTagging"]),
        Op::DeleteObjectTagging(op) => (&op.bucket, actions!["DeleteObjectTagging"]),
        Op::CreateMultipartUpload(op) => (&op.bucket, actions!["PutObject"]),
        Op::UploadPart(op) => (&op.bucket, actions!["PutObject"]),
        Op::ListParts(op) => (&op.bucket, actions!["ListMultipartUploadParts"]),
        Op::CompleteMultipartUpload(op) => (&op.bucket, actions!["PutObject"]),
        Op::AbortMultipartUpload(op) => (&op.bucket, actions!["AbortMultipartUpload"]),
    };
    Need::Bucket { actions, bucket }
}

fn reads(versioned: bool) -> &'static [Action] {
    if versioned {
        actions!["GetObjectVersion"]
    } else {
        actions!["GetObject"]
    }
}

fn reads_configuration(which: FixedConfiguration) -> &'static [Action] {
    use FixedConfiguration as Fixed;
    match which {
        Fixed::Policy => actions!["GetBucketPolicy"],
        Fixed::PolicyStatus => actions!["GetBucketPolicyStatus"],
        Fixed::Encryption => actions!["GetEncryptionConfiguration"],
        Fixed::Website => actions!["GetBucketWebsite"],
        Fixed::Replication => actions!["GetReplicationConfiguration"],
        Fixed::ObjectLock => actions!["GetBucketObjectLockConfiguration"],
        Fixed::PublicAccessBlock => actions!["GetBucketPublicAccessBlock"],
        Fixed::OwnershipControls => actions!["GetBucketOwnershipControls"],
        Fixed::RequestPayment => actions!["GetBucketRequestPayment"],
        Fixed::Logging => actions!["GetBucketLogging"],
        Fixed::Notification => actions!["GetBucketNotification"],
        Fixed::Accelerate => actions!["GetAccelerateConfiguration"],
        Fixed::AnalyticsList => actions!["GetAnalyticsConfiguration"],
        Fixed::InventoryList => actions!["GetInventoryConfiguration"],
        Fixed::MetricsList => actions!["GetMetricsConfiguration"],
        Fixed::IntelligentTieringList => actions!["GetIntelligentTieringConfiguration"],
        Fixed::ById => actions!["GetMetricsConfiguration"],
    }
}

fn writes_configuration(which: FixedConfiguration) -> &'static [Action] {
    use FixedConfiguration as Fixed;
    match which {
        Fixed::Policy => actions!["DeleteBucketPolicy"],
        Fixed::Encryption => actions!["PutEncryptionConfiguration"],
        Fixed::Website => actions!["DeleteBucketWebsite"],
        Fixed::Replication => actions!["PutReplicationConfiguration"],
        Fixed::PublicAccessBlock => actions!["PutBucketPublicAccessBlock"],
        Fixed::OwnershipControls => actions!["PutBucketOwnershipControls"],
        Fixed::AnalyticsList => actions!["PutAnalyticsConfiguration"],
        Fixed::InventoryList => actions!["PutInventoryConfiguration"],
        Fixed::IntelligentTieringList => actions!["PutIntelligentTieringConfiguration"],
        Fixed::MetricsList | Fixed::ById => actions!["PutMetricsConfiguration"],
        Fixed::PolicyStatus
        | Fixed::ObjectLock
        | Fixed::RequestPayment
        | Fixed::Logging
        | Fixed::Notification
        | Fixed::Accelerate => actions!["PutBucketPolicy"],
    }
}
