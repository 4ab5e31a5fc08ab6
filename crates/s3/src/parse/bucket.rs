//! Operations on buckets that are not listings.

use super::{fields::Fields, query::Query, route::Subresource};
use crate::{
    error::{ErrorKind, S3Error},
    operation::{BucketOnly, FixedConfiguration, GetFixedConfiguration, Operation},
};
use blockhouse_types::BucketName;
use http::Method;

/// An operation that needs the bucket's name alone.
pub(super) fn named(
    operation: fn(BucketOnly) -> Operation,
    bucket: BucketName,
) -> Result<Operation, S3Error> {
    Ok(operation(BucketOnly { bucket }))
}

/// CreateBucket. What the new bucket could not honour is refused.
pub(super) fn create(bucket: BucketName, fields: &Fields<'_>) -> Result<Operation, S3Error> {
    super::attributes::refuse_acl(fields)?;
    let lock = fields.some("x-amz-bucket-object-lock-enabled")?;
    if lock.is_some_and(|value| !value.trim().eq_ignore_ascii_case("false")) {
        return Err(S3Error::not_implemented_header(
            "x-amz-bucket-object-lock-enabled",
        ));
    }
    let ownership = fields.some("x-amz-object-ownership")?;
    if ownership.is_some_and(|value| value.trim() != "BucketOwnerEnforced") {
        return Err(S3Error::not_implemented_header("x-amz-object-ownership"));
    }
    named(Operation::CreateBucket, bucket)
}

/// Reads, sets or removes one of the bucket's settings.
pub(super) fn setting(
    method: &Method,
    kind: Subresource,
    bucket: BucketName,
    query: &Query<'_>,
) -> Result<Operation, S3Error> {
    use Subresource as S;
    let operation = match (method.as_str(), kind) {
        ("GET", S::Location) => Operation::GetBucketLocation,
        ("GET", S::Versioning) => Operation::GetBucketVersioning,
        ("PUT", S::Versioning) => Operation::PutBucketVersioning,
        ("GET", S::Tagging) => Operation::GetBucketTagging,
        ("PUT", S::Tagging) => Operation::PutBucketTagging,
        ("DELETE", S::Tagging) => Operation::DeleteBucketTagging,
        ("GET", S::Lifecycle) => Operation::GetBucketLifecycle,
        ("PUT", S::Lifecycle) => Operation::PutBucketLifecycle,
        ("DELETE", S::Lifecycle) => Operation::DeleteBucketLifecycle,
        ("GET", S::Cors) => Operation::GetBucketCors,
        ("PUT", S::Cors) => Operation::PutBucketCors,
        ("DELETE", S::Cors) => Operation::DeleteBucketCors,
        ("GET", S::Policy) => Operation::GetBucketPolicy,
        ("PUT", S::Policy) => Operation::PutBucketPolicy,
        ("DELETE", S::Policy) => Operation::DeleteBucketPolicy,
        ("GET", S::PolicyStatus) => Operation::GetBucketPolicyStatus,
        ("GET", S::BhAddresses) => Operation::GetBucketAddressList,
        ("PUT", S::BhAddresses) => Operation::PutBucketAddressList,
        ("DELETE", S::BhAddresses) => Operation::DeleteBucketAddressList,
        ("GET", S::BhEtag) => Operation::GetBucketEtag,
        ("PUT", S::BhEtag) => Operation::PutBucketEtag,
        ("GET", S::Acl) => Operation::GetBucketAcl,
        ("PUT", S::Acl) => return Err(ErrorKind::AccessControlListNotSupported.into()),
        _ => return fixed(method, kind, bucket, query),
    };
    named(operation, bucket)
}

/// Settings that cannot be changed: they can be read, and what no bucket has can be removed.
/// Setting them is 501 NotImplemented; a stored setting that nobody obeys is worse than none.
fn fixed(
    method: &Method,
    kind: Subresource,
    bucket: BucketName,
    query: &Query<'_>,
) -> Result<Operation, S3Error> {
    use FixedConfiguration as F;
    use Subresource as S;
    let by_id = query.get("id").is_some();
    let which = match kind {
        S::Encryption => F::Encryption,
        S::Website => F::Website,
        S::Replication => F::Replication,
        S::ObjectLock => F::ObjectLock,
        S::PublicAccessBlock => F::PublicAccessBlock,
        S::OwnershipControls => F::OwnershipControls,
        S::RequestPayment => F::RequestPayment,
        S::Logging => F::Logging,
        S::Notification => F::Notification,
        S::Accelerate => F::Accelerate,
        S::Analytics | S::Inventory | S::Metrics | S::IntelligentTiering if by_id => F::ById,
        S::Analytics => F::AnalyticsList,
        S::Inventory => F::InventoryList,
        S::Metrics => F::MetricsList,
        S::IntelligentTiering => F::IntelligentTieringList,
        _ => return Err(ErrorKind::NotImplemented.into()),
    };
    let input = GetFixedConfiguration { bucket, which };
    match (method.as_str(), which) {
        ("GET", _) => Ok(Operation::GetFixedConfiguration(input)),
        ("DELETE", F::Encryption | F::Website | F::Replication) => {
            Ok(Operation::DeleteFixedConfiguration(input))
        }
        _ => Err(ErrorKind::NotImplemented.into()),
    }
}
