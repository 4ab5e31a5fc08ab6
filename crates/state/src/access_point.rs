//! Access points: names of their own for a bucket, each with a policy.

use crate::{Body, Born, Document, Fault, Name, Scope, Stamp};
use blockhouse_policy::{Kind, Policy};
use blockhouse_types::{AccountId, BucketName, OutpostId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Access points that one bucket may have. Source: Amazon S3 on Outposts user guide, "Restrictions and
/// limitations".
pub const ACCESS_POINTS_OF_BUCKET_MAX: usize = 10;

/// The letters that make an alias its access point's own.
const TOKEN_LEN: usize = 20;

/// How an alias ends; `beta` tells clients to use the endpoint that they were told.
const ALIAS_END: &str = "beta0--op-s3";

/// An access point. Its name, `access-point/ACCOUNT/NAME`, its bucket and its VPC stay while it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessPoint {
    /// The bucket, of the same account.
    pub bucket: Box<str>,
    /// What is asked beside the bucket's policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Document>,
    /// The VPC that it is reached from; any, if none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<Box<str>>,
    /// When it was made, given by the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Born>,
    /// What makes its alias its own, given by the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_token: Option<Box<str>>,
}

/// An access point, as requests go through it.
#[derive(Debug, Clone)]
pub struct Access {
    /// Whose it is.
    pub account: AccountId,
    /// What it is called.
    pub name: Box<str>,
    /// The bucket.
    pub bucket: BucketName,
    /// The VPC that it is reached from.
    pub vpc: Option<Box<str>>,
    /// Its policy.
    pub policy: Option<Arc<Policy>>,
    alias_token: Box<str>,
}

impl Body for AccessPoint {
    const SCOPE: Scope = Scope::Named;

    /// Source: Amazon S3 on Outposts user guide, "Rules for naming access points".
    fn is_name(name: &str) -> bool {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (3..=50).contains(&name.len())
            && name.bytes().all(legal)
            && !name.starts_with('-')
            && !name.ends_with('-')
    }

    fn check(&self, name: &Name) -> Result<(), Fault> {
        if BucketName::parse(&self.bucket).is_err() {
            let (what, name) = ("bucket", self.bucket.clone());
            return Err(Fault::Inner { what, name });
        }
        let vpc_id = |id: &str| {
            let digits = id.strip_prefix("vpc-");
            digits.is_some_and(blockhouse_policy::address_list::is_name)
        };
        if let Some(vpc) = self.vpc.as_deref().filter(|vpc| !vpc_id(vpc)) {
            let (what, name) = ("vpc", vpc.into());
            return Err(Fault::Inner { what, name });
        }
        match &self.policy {
            Some(policy) => policy.check(Kind::AccessPoint, "policy", name.last()),
            None => Ok(()),
        }
    }

    fn stamp(&mut self, old: Option<&Self>, stamp: &mut Stamp<'_>) -> Result<(), Fault> {
        if let Some(old) = old {
            for (same, field) in [
                (old.bucket == self.bucket, "bucket"),
                (old.vpc == self.vpc, "vpc"),
            ] {
                if !same {
                    return Err(Fault::Fixed { field });
                }
            }
        }
        let given = |mine: bool, field| match mine {
            true => Ok(()),
            false => Err(Fault::Given { field }),
        };
        let kept = old.and_then(|old| old.created);
        given(self.created.is_none() || self.created == kept, "created")?;
        self.created = kept.or_else(|| Some(Born(Timestamp::from_secs(stamp.now.secs()))));
        let kept = old.and_then(|old| old.alias_token.clone());
        given(
            self.alias_token.is_none() || self.alias_token == kept,
            "alias_token",
        )?;
        self.alias_token = kept.or_else(|| {
            let mut bytes = [0; TOKEN_LEN];
            stamp.entropy.fill(&mut bytes);
            let letter =
                |b: u8| char::from(b"abcdefghijklmnopqrstuvwxyz012345"[usize::from(b % 32)]);
            Some(bytes.map(letter).iter().collect::<String>().into())
        });
        Ok(())
    }
}

impl Access {
    /// As it is in the state; `None` for one that was never stamped.
    pub fn of(name: &Name, access_point: &AccessPoint) -> Option<Self> {
        let policy = access_point.policy.as_ref();
        Some(Self {
            account: name.account()?,
            name: name.last().into(),
            bucket: BucketName::parse(&access_point.bucket).ok()?,
            vpc: access_point.vpc.clone(),
            policy: policy.map(|policy| policy.policy(Kind::AccessPoint, name.last())),
            alias_token: access_point.alias_token.clone()?,
        })
    }

    /// What the alias with this label has of its own, if it looks like one.
    pub(crate) fn token_of(label: &str) -> Option<&str> {
        let rest = label.strip_suffix(ALIAS_END)?;
        rest.get(rest.len().checked_sub(TOKEN_LEN)?..)
    }

    pub(crate) fn token(&self) -> &str {
        &self.alias_token
    }

    /// The label of its host: `NAME-ACCOUNT`.
    pub fn label(&self) -> String {
        format!("{}-{}", self.name, self.account)
    }

    /// Its alias on this Outpost: a name for whoever takes a bucket's name, which real
    /// clients send to the endpoint that they were told. Source: botocore's endpoint rules for S3, which
    /// read an alias from its end: `--op-s3`, a character, `beta`, the Outpost's id and `o` before it.
    pub fn alias(&self, outpost: &OutpostId) -> String {
        let digits = outpost.digits();
        let prefix: String = self.name.chars().take(12).collect();
        let prefix = prefix.trim_end_matches('-');
        format!("{prefix}-o{digits}{}{ALIAS_END}", self.alias_token)
    }
}
