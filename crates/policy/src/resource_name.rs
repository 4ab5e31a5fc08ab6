//! The ARNs of what is served. Sources: service authorization reference, "Resource types defined by
//! Amazon S3" and "by Amazon S3 on Outposts".

use blockhouse_types::{AccountId, BucketName, ObjectKey};
use std::fmt;

/// The name of a resource; its `Display` is the ARN.
#[derive(Debug, Clone, Copy)]
pub enum ResourceName<'a> {
    /// All buckets of the caller: what ListBuckets is done to.
    AllBuckets,
    /// A bucket.
    Bucket(&'a BucketName),
    /// An object.
    Object(&'a BucketName, &'a ObjectKey),
    /// An access point, or an object by its name.
    AccessPoint {
        /// Where the access point is.
        region: &'a str,
        /// Whose it is.
        account: AccountId,
        /// What it is called.
        name: &'a str,
        /// The object.
        key: Option<&'a ObjectKey>,
    },
    /// A bucket or access point of an Outpost, or an object by its name.
    Outposts {
        /// Where the Outpost is.
        region: &'a str,
        /// Whose the bucket or access point is.
        account: AccountId,
        /// `op-…`
        outpost: &'a str,
        /// Which of the two.
        of: OutpostsKind<'a>,
        /// The object.
        key: Option<&'a ObjectKey>,
    },
}

/// What an Outpost's name is of.
#[derive(Debug, Clone, Copy)]
pub enum OutpostsKind<'a> {
    /// A bucket.
    Bucket(&'a BucketName),
    /// An access point.
    AccessPoint(&'a str),
}

impl fmt::Display for ResourceName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = |f: &mut fmt::Formatter<'_>, key: Option<&ObjectKey>| match key {
            Some(key) => write!(f, "/object/{key}"),
            None => Ok(()),
        };
        match self {
            Self::AllBuckets => f.write_str("arn:aws:s3:::*"),
            Self::Bucket(bucket) => write!(f, "arn:aws:s3:::{bucket}"),
            Self::Object(bucket, key) => write!(f, "arn:aws:s3:::{bucket}/{key}"),
            Self::AccessPoint {
                region,
                account,
                name,
                key,
            } => {
                write!(f, "arn:aws:s3:{region}:{account}:accesspoint/{name}")?;
                object(f, *key)
            }
            Self::Outposts {
                region,
                account,
                outpost,
                of,
                key,
            } => {
                write!(
                    f,
                    "arn:aws:s3-outposts:{region}:{account}:outpost/{outpost}/"
                )?;
                match of {
                    OutpostsKind::Bucket(bucket) => write!(f, "bucket/{bucket}")?,
                    OutpostsKind::AccessPoint(name) => write!(f, "accesspoint/{name}")?,
                }
                object(f, *key)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arn::Arn;

    #[test]
    fn names_are_arns() {
        let bucket = BucketName::parse("bkt").unwrap();
        let key = ObjectKey::parse("a:b/c").unwrap();
        let account = AccountId::parse("111122223333").unwrap();
        let outposts = |of, key| ResourceName::Outposts {
            region: "local-1",
            account,
            outpost: "op-1",
            of,
            key,
        };
        for (name, arn) in [
            (ResourceName::AllBuckets, "arn:aws:s3:::*"),
            (ResourceName::Bucket(&bucket), "arn:aws:s3:::bkt"),
            (
                ResourceName::Object(&bucket, &key),
                "arn:aws:s3:::bkt/a:b/c",
            ),
            (
                ResourceName::AccessPoint {
                    region: "local-1",
                    account,
                    name: "ap",
                    key: Some(&key),
                },
                "arn:aws:s3:local-1:111122223333:accesspoint/ap/object/a:b/c",
            ),
            (
                outposts(OutpostsKind::Bucket(&bucket), Some(&key)),
                "arn:aws:s3-outposts:local-1:111122223333:outpost/op-1/bucket/bkt/object/a:b/c",
            ),
            (
                outposts(OutpostsKind::AccessPoint("ap"), None),
                "arn:aws:s3-outposts:local-1:111122223333:outpost/op-1/accesspoint/ap",
            ),
        ] {
            assert_eq!(name.to_string(), arn);
            assert!(Arn::parse(arn).is_some());
        }
    }
}
