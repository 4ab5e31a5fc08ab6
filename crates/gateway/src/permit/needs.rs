//! What every operation needs: the one place that says so.
//!
//! [`needs`] matches every operation by name, without a catch-all: an operation that does not say
//! what it needs does not compile. A test holds it against the table of the policy language. Source:
//! AWS service authorization reference for Amazon S3.

use blockhouse_s3::operation::{Directive, FixedConfiguration, ObjectOnly, Operation};
use blockhouse_types::{BucketName, ObjectKey};

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
    /// Something with a bucket, or an object in it.
    On {
        /// All of these.
        actions: &'static [Action],
        /// Which bucket.
        bucket: &'a BucketName,
        /// Which object; `None` for the bucket itself.
        key: Option<&'a ObjectKey>,
    },
    /// To read one object and to write another or the same one.
    Copy {
        /// On the source.
        reads: &'static [Action],
        /// Which object.
        source: (&'a BucketName, &'a ObjectKey),
        /// On the target.
        writes: &'static [Action],
        /// Which object.
        target: (&'a BucketName, &'a ObjectKey),
    },
    /// Something with objects that a document in the body will name.
    Entries {
        /// In which bucket.
        bucket: &'a BucketName,
    },
}

impl Need<'_> {
    /// The first permission; of a copy, on its target.
    pub(crate) fn first(&self) -> Action {
        let actions = match self {
            Self::Account { action } => return *action,
            Self::On { actions, .. } => actions,
            Self::Copy { writes, .. } => writes,
            Self::Entries { .. } => deletes(false),
        };
        actions.first().copied().unwrap_or(Action("s3:*"))
    }
}

/// A constant slice of actions.
macro_rules! actions {
    ($($name:literal),+) => { &[$(Action(concat!("s3:", $name))),+] };
}

/// What `operation` needs first, as policies name it; of a copy, in its target.
pub(crate) fn action_of(operation: &Operation) -> &'static str {
    needs(operation).first().0
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
                source: (&op.source.bucket, &op.source.key),
                writes: match &op.tags {
                    Directive::Replace(tags) => writes(tags),
                    Directive::Copy => writes(&[]),
                },
                target: (&op.bucket, &op.key),
            };
        }
        Op::UploadPartCopy(op) => {
            return Need::Copy {
                reads: reads(op.source.version.is_some()),
                source: (&op.source.bucket, &op.source.key),
                writes: writes(&[]),
                target: (&op.bucket, &op.key),
            };
        }
        // Which keys nobody knows before its list was read: each is judged then.
        Op::DeleteObjects(op) => return Need::Entries { bucket: &op.bucket },
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
        Op::GetBucketAddressList(op) => (&op.bucket, &[Action("bh:GetBucketAddressList")]),
        Op::PutBucketAddressList(op) | Op::DeleteBucketAddressList(op) => {
            (&op.bucket, &[Action("bh:PutBucketAddressList")])
        }
        Op::GetBucketEtag(op) => (&op.bucket, &[Action("bh:GetBucketEtag")]),
        Op::PutBucketEtag(op) => (&op.bucket, &[Action("bh:PutBucketEtag")]),
        Op::GetBucketAcl(op) => (&op.bucket, actions!["GetBucketAcl"]),
        Op::GetBucketPolicy(op) => (&op.bucket, actions!["GetBucketPolicy"]),
        Op::PutBucketPolicy(op) => (&op.bucket, actions!["PutBucketPolicy"]),
        Op::GetBucketPolicyStatus(op) => (&op.bucket, actions!["GetBucketPolicyStatus"]),
        Op::DeleteBucketPolicy(op) => (&op.bucket, actions!["DeleteBucketPolicy"]),
        Op::GetFixedConfiguration(op) => (&op.bucket, reads_configuration(op.which)),
        Op::DeleteFixedConfiguration(op) => (&op.bucket, writes_configuration(op.which)),
        // Answered before authentication. One that reaches this point is judged like a listing.
        Op::Preflight(op) => (&op.bucket, actions!["ListBucket"]),
        Op::ListObjects(op) => (&op.bucket, actions!["ListBucket"]),
        Op::ListObjectsV2(op) => (&op.bucket, actions!["ListBucket"]),
        Op::ListObjectVersions(op) => (&op.bucket, actions!["ListBucketVersions"]),
        Op::ListMultipartUploads(op) => (&op.bucket, actions!["ListBucketMultipartUploads"]),
        Op::GetObject(op) | Op::HeadObject(op) => (&op.bucket, reads(op.version.is_some())),
        Op::PutObject(op) => (&op.bucket, writes(&op.attributes.tags)),
        // Whether it has tags nobody knows before its form was read. One that reaches this point
        // without is carried out by nobody.
        Op::PostForm(op) => (&op.bucket, actions!["PutObject", "PutObjectTagging"]),
        Op::PostObject(op) => (&op.put.bucket, writes(&op.put.attributes.tags)),
        Op::DeleteObject(op) => (&op.bucket, deletes(op.version.is_some())),
        Op::GetObjectAttributes(op) if op.version.is_some() => (
            &op.bucket,
            actions!["GetObjectVersion", "GetObjectAttributes"],
        ),
        Op::GetObjectAttributes(op) => (&op.bucket, actions!["GetObject", "GetObjectAttributes"]),
        Op::GetObjectAcl(op) => (
            &op.bucket,
            of_version(
                op,
                actions!["GetObjectAcl"],
                actions!["GetObjectVersionAcl"],
            ),
        ),
        Op::GetObjectTagging(op) => (
            &op.bucket,
            of_version(
                op,
                actions!["GetObjectTagging"],
                actions!["GetObjectVersionTagging"],
            ),
        ),
        Op::PutObjectTagging(op) => (
            &op.bucket,
            of_version(
                op,
                actions!["PutObjectTagging"],
                actions!["PutObjectVersionTagging"],
            ),
        ),
        Op::DeleteObjectTagging(op) => (
            &op.bucket,
            of_version(
                op,
                actions!["DeleteObjectTagging"],
                actions!["DeleteObjectVersionTagging"],
            ),
        ),
        Op::CreateMultipartUpload(op) => (&op.bucket, writes(&op.attributes.tags)),
        Op::UploadPart(op) => (&op.bucket, actions!["PutObject"]),
        Op::ListParts(op) => (&op.bucket, actions!["ListMultipartUploadParts"]),
        Op::CompleteMultipartUpload(op) => (&op.bucket, actions!["PutObject"]),
        Op::AbortMultipartUpload(op) => (&op.bucket, actions!["AbortMultipartUpload"]),
    };
    Need::On {
        actions,
        bucket,
        key: operation.key(),
    }
}

/// The permissions to delete an object, or a version of it.
pub(crate) fn deletes(versioned: bool) -> &'static [Action] {
    if versioned {
        actions!["DeleteObjectVersion"]
    } else {
        actions!["DeleteObject"]
    }
}

/// The permissions to write an object with these tags.
fn writes(tags: &[(String, String)]) -> &'static [Action] {
    if tags.is_empty() {
        actions!["PutObject"]
    } else {
        actions!["PutObject", "PutObjectTagging"]
    }
}

fn of_version(
    op: &ObjectOnly,
    current: &'static [Action],
    version: &'static [Action],
) -> &'static [Action] {
    match op.version {
        None => current,
        Some(_) => version,
    }
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
        Fixed::Encryption => actions!["PutEncryptionConfiguration"],
        Fixed::Website => actions!["DeleteBucketWebsite"],
        Fixed::Replication => actions!["PutReplicationConfiguration"],
        Fixed::PublicAccessBlock => actions!["PutBucketPublicAccessBlock"],
        Fixed::OwnershipControls => actions!["PutBucketOwnershipControls"],
        Fixed::AnalyticsList => actions!["PutAnalyticsConfiguration"],
        Fixed::InventoryList => actions!["PutInventoryConfiguration"],
        Fixed::IntelligentTieringList => actions!["PutIntelligentTieringConfiguration"],
        Fixed::MetricsList | Fixed::ById => actions!["PutMetricsConfiguration"],
        Fixed::ObjectLock
        | Fixed::RequestPayment
        | Fixed::Logging
        | Fixed::Notification
        | Fixed::Accelerate => actions!["PutBucketPolicy"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_policy::{OPERATIONS, OperationRow, ResourceKind, When};
    use blockhouse_s3::parse::{Domains, Head, parse};
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    /// A request, its headers, and in which cases of the table it is.
    type Case = (
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static [When],
    );

    /// One request of every operation that the table of the policy language has and we serve.
    const CASES: &[Case] = &[
        ("GET /", &[], &[]),
        ("PUT /bkt", &[], &[]),
        ("DELETE /bkt", &[], &[]),
        ("HEAD /bkt", &[], &[]),
        ("GET /bkt?bh-addresses", &[], &[]),
        ("PUT /bkt?bh-addresses", &[], &[]),
        ("DELETE /bkt?bh-addresses", &[], &[]),
        ("GET /bkt?location", &[], &[]),
        ("GET /bkt?versioning", &[], &[]),
        ("PUT /bkt?versioning", &[], &[]),
        ("GET /bkt?tagging", &[], &[]),
        ("PUT /bkt?tagging", &[], &[]),
        ("DELETE /bkt?tagging", &[], &[]),
        ("GET /bkt?lifecycle", &[], &[]),
        ("PUT /bkt?lifecycle", &[], &[]),
        ("DELETE /bkt?lifecycle", &[], &[]),
        ("GET /bkt?cors", &[], &[]),
        ("PUT /bkt?cors", &[], &[]),
        ("DELETE /bkt?cors", &[], &[]),
        ("GET /bkt?acl", &[], &[]),
        ("GET /bkt?policy", &[], &[]),
        ("PUT /bkt?policy", &[], &[]),
        ("DELETE /bkt?policy", &[], &[]),
        ("GET /bkt?policyStatus", &[], &[]),
        ("GET /bkt?encryption", &[], &[]),
        ("DELETE /bkt?encryption", &[], &[]),
        ("GET /bkt?website", &[], &[]),
        ("GET /bkt?replication", &[], &[]),
        ("GET /bkt?object-lock", &[], &[]),
        ("GET /bkt?publicAccessBlock", &[], &[]),
        ("GET /bkt?ownershipControls", &[], &[]),
        ("GET /bkt?requestPayment", &[], &[]),
        ("GET /bkt?logging", &[], &[]),
        ("GET /bkt?notification", &[], &[]),
        ("GET /bkt?accelerate", &[], &[]),
        ("GET /bkt", &[], &[]),
        ("GET /bkt?versions", &[], &[]),
        ("GET /bkt?uploads", &[], &[]),
        ("GET /bkt/key", &[], &[]),
        ("GET /bkt/key?versionId=null", &[], &[When::Version]),
        ("HEAD /bkt/key", &[], &[]),
        ("HEAD /bkt/key?versionId=null", &[], &[When::Version]),
        (
            "GET /bkt/key?attributes",
            &[("x-amz-object-attributes", "ETag")],
            &[],
        ),
        ("GET /bkt/key?acl", &[], &[]),
        ("GET /bkt/key?acl&versionId=null", &[], &[When::Version]),
        ("PUT /bkt/key", &[], &[]),
        ("PUT /bkt/key", &[("x-amz-tagging", "a=b")], &[When::Tags]),
        ("DELETE /bkt/key", &[], &[]),
        ("DELETE /bkt/key?versionId=null", &[], &[When::Version]),
        ("GET /bkt/key?tagging", &[], &[]),
        ("GET /bkt/key?tagging&versionId=null", &[], &[When::Version]),
        ("PUT /bkt/key?tagging", &[], &[]),
        ("PUT /bkt/key?tagging&versionId=null", &[], &[When::Version]),
        ("DELETE /bkt/key?tagging", &[], &[]),
        (
            "DELETE /bkt/key?tagging&versionId=null",
            &[],
            &[When::Version],
        ),
        ("POST /bkt/key?uploads", &[], &[]),
        (
            "POST /bkt/key?uploads",
            &[("x-amz-tagging", "a=b")],
            &[When::Tags],
        ),
        ("PUT /bkt/copy", &[("x-amz-copy-source", "/bkt/key")], &[]),
    ];

    fn operation(request: &str, headers: &[(&'static str, &'static str)]) -> Operation {
        let (method, target) = request.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut map = HeaderMap::new();
        map.insert("content-length", HeaderValue::from_static("0"));
        for (name, value) in headers {
            map.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let head = Head {
            method: &method.parse::<Method>().unwrap(),
            host: Some("127.0.0.1:9000"),
            path,
            query,
            headers: &map,
            tls: false,
        };
        parse(&head, &Domains::default()).unwrap().operation
    }

    /// What the table says of an operation in these cases.
    fn table(name: &str, cases: &[When]) -> Option<(Vec<&'static str>, ResourceKind)> {
        // The API's newer names say what kind of thing it is.
        let short = name.strip_suffix("Configuration").unwrap_or(name);
        let named = |row: &&OperationRow| [name, short].contains(&row.operation);
        let row = OPERATIONS.iter().find(named)?;
        let mut actions = row.s3.to_vec();
        for extra in row
            .extras
            .iter()
            .filter(|extra| cases.contains(&extra.when))
        {
            match extra.when {
                When::Version => actions[0] = extra.s3,
                When::Tags | When::Acl => actions.push(extra.s3),
            }
        }
        Some((actions, row.resource))
    }

    #[test]
    fn every_operation_needs_what_the_table_says() {
        for (request, headers, cases) in CASES {
            let operation = operation(request, headers);
            let (wanted, resource) = table(operation.name(), cases)
                .unwrap_or_else(|| panic!("no row for {}", operation.name()));
            let (actions, on) = match needs(&operation) {
                Need::Account { action } => (vec![action.0], None),
                Need::On { actions, key, .. } => {
                    (actions.iter().map(|a| a.0).collect(), Some(key.is_some()))
                }
                Need::Copy { writes, .. } => (writes.iter().map(|a| a.0).collect(), Some(true)),
                Need::Entries { .. } => (vec!["s3:DeleteObject"], Some(true)),
            };
            assert_eq!(actions, wanted, "{request} {headers:?}");
            let object = resource == ResourceKind::Object;
            assert_eq!(on.unwrap_or(false), object, "{request}: {resource:?}");
        }
    }
}
