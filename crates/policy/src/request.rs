//! What is asked: who, what, to which resource, under which circumstances.

use crate::{action::Action, arn::Arn, context::Context, principal::Principal};
use blockhouse_types::AccountId;

/// One action on one resource. An operation that needs several is several requests, and all of them
/// must be allowed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who acts.
    pub principal: &'a Principal,
    /// What.
    pub action: Action<'a>,
    /// To what.
    pub resource: Resource<'a>,
    /// What else is known.
    pub context: &'a Context<'a>,
}

/// A resource, by its names and its owners.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    pub(crate) name: Option<Arn<'a>>,
    pub(crate) owner: Option<AccountId>,
    pub(crate) access_point: Option<(Arn<'a>, AccountId)>,
}

impl<'a> Resource<'a> {
    /// A bucket or an object, and the account that owns the bucket.
    pub fn new(name: Arn<'a>, owner: AccountId) -> Self {
        Self {
            name: Some(name),
            owner: Some(owner),
            access_point: None,
        }
    }

    /// What has no bucket: the caller's own account. `name` is what a policy may name, as
    /// `arn:aws:s3:::*` for the list of all buckets; without one only `*` names it.
    pub fn of_caller(name: Option<Arn<'a>>) -> Self {
        Self {
            name,
            owner: None,
            access_point: None,
        }
    }

    /// The same, reached through an access point: the access point's name for it
    /// (`…accesspoint/AP` or `…accesspoint/AP/object/KEY`), and the access point's account.
    pub fn through(self, access_point: Arn<'a>, account: AccountId) -> Self {
        Self {
            access_point: Some((access_point, account)),
            ..self
        }
    }
}
