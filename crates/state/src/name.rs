use crate::{Kind, Scope};
use blockhouse_types::AccountId;
use std::fmt;

/// The name of a resource: `KIND`, `KIND/NAME`, `KIND/ACCOUNT` or `KIND/ACCOUNT/NAME`, as its kind's
/// [`Scope`] says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    kind: Kind,
    account: Option<AccountId>,
    last: Box<str>,
}

impl Name {
    /// The one of a kind that the node has one of.
    pub fn of_node(kind: Kind) -> Option<Self> {
        (kind.scope() == Scope::Node).then(|| Self::new(kind, None, ""))
    }

    /// One of a kind that the node has any number of; `None` when it cannot have that name.
    pub fn of_node_named(kind: Kind, name: &str) -> Option<Self> {
        let legal = kind.scope() == Scope::OfNode && kind.is_name(name);
        legal.then(|| Self::new(kind, None, name))
    }

    /// The one of a kind that each account has one of.
    pub fn of_account(kind: Kind, account: AccountId) -> Option<Self> {
        (kind.scope() == Scope::Account).then(|| Self::new(kind, Some(account), ""))
    }

    /// One of a kind in an account; `None` when it cannot have that name.
    pub fn of(kind: Kind, account: AccountId, name: &str) -> Option<Self> {
        let legal = kind.scope() == Scope::Named && kind.is_name(name);
        legal.then(|| Self::new(kind, Some(account), name))
    }

    fn new(kind: Kind, account: Option<AccountId>, last: &str) -> Self {
        let last = last.into();
        Self {
            kind,
            account,
            last,
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '/');
        let kind = Kind::parse(parts.next()?)?;
        if kind.scope() == Scope::OfNode {
            let (name, more) = (parts.next()?, parts.next());
            return more.is_none().then(|| Self::of_node_named(kind, name))?;
        }
        let account = parts.next().map(AccountId::parse);
        match (account, parts.next()) {
            (None, None) => Self::of_node(kind),
            (Some(account), None) => Self::of_account(kind, account.ok()?),
            (Some(account), Some(last)) => Self::of(kind, account.ok()?, last),
            (None, Some(_)) => None,
        }
    }

    /// The kind of resource.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whose it is; `None` for the node's.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// Its last part; empty for what has none.
    pub fn last(&self) -> &str {
        &self.last
    }

    /// Another of the same account. No reference leads to another account.
    pub(crate) fn beside(&self, kind: Kind, name: &str) -> Self {
        Self::new(kind, self.account, name)
    }

    /// What two names have in common that are one to IAM.
    pub(crate) fn folded(&self) -> Self {
        Self::new(self.kind, self.account, &self.last.to_ascii_lowercase())
    }

    /// The first and the last name that an account's resources of the kind could have, for a range.
    pub(crate) fn range(kind: Kind, account: AccountId) -> std::ops::RangeInclusive<Self> {
        // Behind every legal name: each is ASCII.
        Self::new(kind, Some(account), "")..=Self::new(kind, Some(account), "\u{7f}")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if let Some(account) = self.account {
            write!(f, "/{account}")?;
        }
        if !self.last.is_empty() {
            write!(f, "/{}", self.last)?;
        }
        Ok(())
    }
}

/// Whether IAM allows the name. Source: IAM user guide, "IAM and AWS STS quotas": letters, digits and
/// `+=,.@_-`; 64 of them for users and roles, 128 for groups and policies.
pub(crate) fn is_iam_name(name: &str, len_max: usize) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b);
    (1..=len_max).contains(&name.len()) && name.bytes().all(legal)
}

/// Whether IAM allows the path: `/`, or begins and ends with it, of visible ASCII, 512 at most; no ARN
/// can be made of two slashes in a row. Source: IAM API reference, "Path".
pub(crate) fn is_iam_path(path: &str) -> bool {
    let legal = |b: u8| b.is_ascii_graphic() && b != b'*' && b != b'?';
    path.len() <= 512
        && path.starts_with('/')
        && path.ends_with('/')
        && !path.contains("//")
        && path.bytes().all(legal)
}
