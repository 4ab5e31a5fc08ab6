//! May the caller do this? One place where every operation names what it needs ([`needs`]), one where
//! policies answer ([`Asker`]), and the answer as a value with its reason.
//!
//! ```text
//!   Operation ──needs()──► Need ──decide()──► Grant            the buckets it may touch, resolved
//!                             │          └──► Refused          no such bucket, or Denied { by, because }
//!   Verified, Origin, head ──Asker            the policies that apply, and the context of the request
//! ```
//!
//! [`decide`] is the only place that looks up a bucket by name, so an operation that got no [`Grant`]
//! has no bucket to work on.
//!
//! The bucket's list of addresses is asked first, before and apart from any policy, whoever asks.
//!
//! The root of the account that owns a bucket needs no policy and is asked no further, unless there is
//! one: that is most requests, and they pay nothing for what they do not use. Everybody else is judged
//! by the bucket's policy, by the policy of their session, by the node's guardrail, and, where they
//! signed, by their identity: the root of an account may do everything that its account may, a user or
//! role what its own policies allow ([`Who`]). One that is no more may do nothing.
//!
//! A caller without a signature learns nothing of what there is: a bucket that is not there denies it
//! like one that is.

mod asker;
mod call;
mod compiled;
mod needs;
mod who;

pub(crate) use asker::{Applied, Asker};
pub(crate) use call::{CallAsked, may_call};
pub(crate) use compiled::compile_list;
pub use compiled::{Compiled, SharedLists};
pub(crate) use needs::{Action, Need, action_of, deletes, needs};
pub(crate) use who::Who;

use crate::audit::{Check, Permission};
use blockhouse_policy::{Because, Explanation, Layer, address_list::Admission};
use blockhouse_s3::{
    error::{ErrorKind, S3Error},
    operation::Operation,
    parse::Parsed,
};
use blockhouse_store::{Bucket, ObjectStore};
use blockhouse_types::{AccountId, BucketName, ObjectKey};
use blockhouse_verifier_wire::Verifier;
use std::sync::Arc;

/// The permission to go on: who acts, and the buckets it may touch as they are now. Made by
/// [`decide`] alone.
#[derive(Debug)]
pub(crate) struct Grant {
    account: Option<AccountId>,
    bucket: Option<Arc<Bucket>>,
    source: Option<Arc<Bucket>>,
    hides_absence: bool,
    copies_tags: bool,
    by: Permission,
}

impl Grant {
    /// The account that acts. An operation of an account that nobody acts for gets InternalError when
    /// it asks: the need was declared wrongly.
    pub(crate) fn account(&self) -> Result<AccountId, S3Error> {
        self.account.ok_or_else(|| ErrorKind::InternalError.into())
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

    /// Whether the caller must not learn that a key is not there: it may not list the bucket. Source:
    /// Amazon S3 API reference, GetObject: "If you don't have the s3:ListBucket permission, Amazon S3
    /// returns an HTTP status code 403".
    pub(crate) fn hides_absence(&self) -> bool {
        self.hides_absence
    }

    /// What allowed it, as the audit keeps it.
    pub(crate) fn by(&self) -> Permission {
        self.by.clone()
    }

    /// Whether a copy may take its source's tags along.
    pub(crate) fn copies_tags(&self) -> bool {
        self.copies_tags
    }
}

/// Why the caller may not go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no such bucket; told only to who signed.
    NoSuchBucket(BucketName),
    /// The policies say no.
    Denied(Denied),
}

impl Refused {
    /// The statement that says so, if one does.
    pub(crate) fn statement(&self) -> Option<&str> {
        match self {
            Self::NoSuchBucket(_) => None,
            Self::Denied(denied) => denied.statement.as_deref(),
        }
    }

    /// The whole reason, where policies were asked and it was kept.
    pub(crate) fn explanation(&mut self) -> Option<Box<Explanation>> {
        match self {
            Self::NoSuchBucket(_) => None,
            Self::Denied(denied) => denied.explanation.take(),
        }
    }

    /// What the audit says of it.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoSuchBucket(_) => "no-such-bucket",
            Self::Denied(denied) => denied.reason(),
        }
    }
}

/// A "no", with what audit and log say of it. The client sees AccessDenied and no reason: it is not
/// of the account that could act on one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    /// What was asked for.
    pub(crate) action: Action,
    /// The reason.
    pub(crate) because: Why,
    /// The statement that says so, by its policy and name.
    pub(crate) statement: Option<String>,
    /// The whole reason, for the audit.
    pub(crate) explanation: Option<Box<Explanation>>,
}

/// The reason of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nobody signed, and nothing here is for everybody.
    Anonymous,
    /// The bucket is not reached from there.
    Address(Admission),
    /// There is no such user or role any more.
    Gone,
    /// The access point is reached from its VPC alone, or leads nowhere.
    BeyondReach,
    /// Policies were asked.
    Policy(Because),
}

impl Denied {
    fn reason(&self) -> &'static str {
        match self.because {
            Why::Anonymous => "anonymous",
            Why::Address(_) => "address",
            Why::Gone => "no-such-identity",
            Why::BeyondReach => "beyond-reach",
            Why::Policy(Because::Explicit(_)) => "explicit-deny",
            Why::Policy(Because::AnonymousAccessPoint) => "anonymous-access-point",
            Why::Policy(Because::Implicit(layer)) => match layer {
                Layer::Guardrail => "not-allowed-by-guardrail",
                Layer::Endpoint => "not-allowed-by-endpoint",
                Layer::Identity => "not-allowed-by-identity",
                Layer::Boundary => "not-allowed-by-boundary",
                Layer::Session => "not-allowed-by-session",
                Layer::AccessPoint => "not-allowed-by-access-point",
                Layer::Resource => "not-allowed-by-bucket",
            },
        }
    }
}

impl From<Refused> for S3Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoSuchBucket(bucket) => {
                Self::from(ErrorKind::NoSuchBucket).element("BucketName", bucket.as_str())
            }
            Refused::Denied(denied) => {
                let (action, statement) = (denied.action.0, denied.statement);
                tracing::debug!(action, because = ?denied.because, statement, "denied");
                ErrorKind::AccessDenied.into()
            }
        }
    }
}

/// Asks the policies for everything that an operation needs.
pub(crate) async fn decide<S: ObjectStore, V: Verifier>(
    asker: &Asker<'_, S, V>,
    need: Need<'_>,
) -> Result<Grant, Refused> {
    let grant = Grant {
        account: asker.account(),
        bucket: None,
        source: None,
        hides_absence: false,
        copies_tags: true,
        by: Permission::default(),
    };
    match need {
        Need::Account { action } => {
            let by = asker.applied(None).may(&[action], None).await?;
            Ok(Grant { by, ..grant })
        }
        Need::On {
            actions,
            bucket,
            key,
        } => {
            let found = find(asker, bucket, need.first())?;
            let applied = asker.applied(Some(&found));
            let by = applied.may(actions, key).await?;
            let hides_absence = key.is_some() && !lists(&applied).await;
            drop(applied);
            Ok(Grant {
                bucket: Some(found),
                hides_absence,
                by,
                ..grant
            })
        }
        Need::Copy {
            reads,
            source: (source, read),
            writes,
            target: (target, written),
        } => {
            let target = find(asker, target, need.first())?;
            let on_target = asker.applied(Some(&target));
            let by = on_target.may(writes, Some(written)).await?;
            let source = find(asker, source, need.first())?;
            let on_source = asker.applied_through(Some(&source), asker.source_through());
            on_source.may(reads, Some(read)).await?;
            let takes = [Action("s3:GetObjectTagging")];
            let gives = [Action("s3:PutObjectTagging")];
            let copies_tags = on_source.allows(&takes, Some(read)).await
                && on_target.allows(&gives, Some(written)).await;
            let hides_absence = !lists(&on_source).await;
            drop((on_source, on_target));
            Ok(Grant {
                bucket: Some(target),
                source: Some(source),
                hides_absence,
                copies_tags,
                by,
                ..grant
            })
        }
        Need::Entries { bucket } => {
            let bucket = find(asker, bucket, need.first())?;
            Ok(Grant {
                bucket: Some(bucket),
                ..grant
            })
        }
    }
}

/// What a caller hears of an operation that failed, and by which check it did. A key that is not there is
/// AccessDenied to whom it is hidden from.
pub(crate) fn hidden(error: S3Error, hides_absence: bool) -> (Check, S3Error) {
    match error.kind() {
        ErrorKind::NoSuchKey | ErrorKind::NoSuchVersion if hides_absence => {
            (Check::Hidden, ErrorKind::AccessDenied.into())
        }
        kind => (Check::of_performing(kind), error),
    }
}

/// Whether an entry of a list may be deleted; each is judged alone.
pub(crate) async fn may_delete<S: ObjectStore, V: Verifier>(
    applied: &Applied<'_, S, V>,
    key: &ObjectKey,
    versioned: bool,
) -> Result<(), S3Error> {
    // Not explained: the record is the whole request's, which was allowed.
    match applied.allows(deletes(versioned), Some(key)).await {
        true => Ok(()),
        false => Err(ErrorKind::AccessDenied.into()),
    }
}

/// Whether the caller may learn which keys there are.
async fn lists<S: ObjectStore, V: Verifier>(applied: &Applied<'_, S, V>) -> bool {
    applied.allows(&[Action("s3:ListBucket")], None).await
}

/// The bucket, as far as the caller may know of it.
fn find<S: ObjectStore, V: Verifier>(
    asker: &Asker<'_, S, V>,
    name: &BucketName,
    action: Action,
) -> Result<Arc<Bucket>, Refused> {
    let denied = |because| {
        Refused::Denied(Denied {
            action,
            because,
            statement: None,
            explanation: None,
        })
    };
    let Some(bucket) = asker.store().bucket(name) else {
        return Err(match asker.account() {
            Some(_) => Refused::NoSuchBucket(name.clone()),
            None => denied(Why::Anonymous),
        });
    };
    let admission = asker.admits(&bucket);
    if !admission.is_admitted() {
        return Err(denied(Why::Address(admission)));
    }
    Ok(bucket)
}

/// Why a decision is a refusal.
fn why(because: Because, signed: bool) -> Why {
    match because {
        Because::Implicit(_) if !signed => Why::Anonymous,
        because => Why::Policy(because),
    }
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
