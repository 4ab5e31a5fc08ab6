//! Whom a policy names.
//!
//! A policy can name the same caller in several ways, and on AWS the ways differ in what they grant:
//! the account delegates, a role's ARN grants within the role's limits, a user's or a session's own
//! ARN grants past them. So a match is not a boolean but a set of [`Grants`]. Source: IAM user guide,
//! "Policy evaluation for requests within a single account".

use super::{Principal, Who};
use blockhouse_types::AccountId;
use serde::{Deserialize, Serialize};

/// In which ways a statement names the caller: a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Grants(u8);

impl Grants {
    /// Not at all.
    pub(crate) const NONE: Self = Self(0);
    /// By its account: the account may grant it.
    pub(crate) const ACCOUNT: Self = Self(1);
    /// As one of everybody.
    pub(crate) const EVERYONE: Self = Self(2);
    /// By the role of the session, or the user of the federated session: within their limits.
    pub(crate) const LIMITED: Self = Self(4);
    /// By its own ARN.
    pub(crate) const DIRECT: Self = Self(8);

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn any(self) -> bool {
        self.0 != 0
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The strongest of them, for the explanation.
    pub(crate) fn strongest(self) -> Option<NamedAs> {
        [
            (Self::DIRECT, NamedAs::Itself),
            (Self::LIMITED, NamedAs::RoleOrUser),
            (Self::EVERYONE, NamedAs::Everyone),
            (Self::ACCOUNT, NamedAs::Account),
        ]
        .into_iter()
        .find_map(|(grant, named)| self.has(grant).then_some(named))
    }
}

/// How a statement names the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedAs {
    /// By its own ARN: past boundary and session policy.
    Itself,
    /// By the ARN of its role, or of the user behind the federated session: within their limits.
    RoleOrUser,
    /// As one of everybody.
    Everyone,
    /// By its account, which may grant it.
    Account,
}

/// What kind of ARN a policy names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ArnKind {
    Root,
    User,
    Role,
    Session,
    FederatedUser,
}

/// One principal that a policy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Everyone,
    Account(AccountId),
    Arn {
        kind: ArnKind,
        account: AccountId,
        arn: Box<str>,
    },
    Service(Box<str>),
    Federated(Box<str>),
    /// The unique id that a deleted user or role left behind: it is nobody any more.
    Deleted(Box<str>),
}

impl Entry {
    /// What stands under `AWS`.
    pub(crate) fn of_aws(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everyone);
        }
        if let Ok(account) = AccountId::parse(text) {
            return Some(Self::Account(account));
        }
        if is_unique_id(text) {
            return Some(Self::Deleted(text.into()));
        }
        match Self::of_arn(text)? {
            Self::Arn {
                kind: ArnKind::Root,
                account,
                ..
            } => Some(Self::Account(account)),
            entry => Some(entry),
        }
    }

    /// What stands under `CanonicalUser`: 64 hexadecimal digits that stand for an account. One of
    /// no account of ours is nobody.
    pub(crate) fn of_canonical(text: &str) -> Option<Self> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 64 || !text.bytes().all(hex) {
            return None;
        }
        let number = u64::from_str_radix(&text[48..], 16).ok();
        let account = number.and_then(AccountId::from_number);
        let ours = account.filter(|account| account.canonical_user() == text);
        Some(ours.map_or_else(|| Self::Deleted(text.into()), Self::Account))
    }

    /// An ARN of somebody.
    pub(super) fn of_arn(text: &str) -> Option<Self> {
        if text.contains(['*', '?']) {
            return None;
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, last] = parts[..] else {
            return None;
        };
        let account = AccountId::parse(account).ok()?;
        let (first, names) = last.split_once('/').unwrap_or((last, ""));
        let kind = match (service, first) {
            ("iam", "root") if last == "root" => ArnKind::Root,
            ("iam", "user") => ArnKind::User,
            ("iam", "role") => ArnKind::Role,
            ("sts", "assumed-role") if names.split('/').count() == 2 => ArnKind::Session,
            ("sts", "federated-user") if !names.contains('/') => ArnKind::FederatedUser,
            _ => return None,
        };
        let named = kind == ArnKind::Root || names.split('/').all(|n| !n.is_empty());
        let legal = partition.starts_with("aws") && named && !last.contains(char::is_whitespace);
        legal.then(|| Self::Arn {
            kind,
            account,
            arn: text.into(),
        })
    }

    /// In which way the entry names the caller.
    pub(super) fn names(&self, caller: &Principal) -> Grants {
        match (self, &caller.0) {
            (Self::Everyone, _) => Grants::EVERYONE,
            // The root is the account: what names one names the other.
            (Self::Account(account), Who::Root { account: own, .. }) if account == own => {
                Grants::DIRECT
            }
            (Self::Account(account), _) if caller.account() == Some(*account) => Grants::ACCOUNT,
            (
                Self::Arn { arn, .. },
                Who::Session {
                    arn: own, role_arn, ..
                },
            ) => {
                // Of a role's ARN given to the simulator both are the same; the role it is.
                if arn == role_arn {
                    Grants::LIMITED
                } else if arn == own {
                    Grants::DIRECT
                } else {
                    Grants::NONE
                }
            }
            (
                Self::Arn { arn, .. },
                Who::FederatedUser {
                    arn: own, user_arn, ..
                },
            ) => {
                if arn == own {
                    Grants::DIRECT
                } else if user_arn.as_ref() == Some(arn) {
                    Grants::LIMITED
                } else {
                    Grants::NONE
                }
            }
            (Self::Arn { arn, .. }, Who::User { arn: own, .. }) if arn == own => Grants::DIRECT,
            (Self::Federated(named), Who::Federated { provider }) if named == provider => {
                Grants::DIRECT
            }
            (Self::Service(named), Who::Service { name }) if named == name => Grants::DIRECT,
            _ => Grants::NONE,
        }
    }
}

/// `AIDA…`, `AROA…`: twenty-one or so capital letters and digits.
fn is_unique_id(text: &str) -> bool {
    let prefixes = ["AIDA", "AROA", "AGPA", "AIPA", "ANPA"];
    (16..=128).contains(&text.len())
        && prefixes.iter().any(|p| text.starts_with(p))
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// `Principal` or `NotPrincipal` of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principals {
    pub(crate) entries: Box<[Entry]>,
    pub(crate) negated: bool,
}

impl Principals {
    /// In which ways the statement names the caller.
    pub(crate) fn names(&self, caller: &Principal) -> Grants {
        if self.negated {
            return match self.exempts(caller) {
                true => Grants::NONE,
                false => Grants::EVERYONE,
            };
        }
        self.entries.iter().fold(Grants::NONE, |grants, entry| {
            grants.and(entry.names(caller))
        })
    }

    /// Whether NotPrincipal leaves the caller out. It must name every layer of the caller: the
    /// account, of a session the role, and the user or session itself; a layer that it does not name
    /// is denied, and the caller with it. Source: IAM user guide, "AWS JSON policy elements:
    /// NotPrincipal".
    fn exempts(&self, caller: &Principal) -> bool {
        let grants = |grant| {
            self.entries
                .iter()
                .any(|entry| entry.names(caller).has(grant))
        };
        if grants(Grants::EVERYONE) {
            return true;
        }
        match &caller.0 {
            Who::Anonymous => false,
            Who::Root { .. } | Who::Federated { .. } | Who::Service { .. } => {
                grants(Grants::DIRECT)
            }
            Who::User { .. } => grants(Grants::DIRECT) && grants(Grants::ACCOUNT),
            Who::Session { .. } => {
                grants(Grants::DIRECT) && grants(Grants::LIMITED) && grants(Grants::ACCOUNT)
            }
            Who::FederatedUser { user_arn, .. } => {
                let user = user_arn.is_none() || grants(Grants::LIMITED);
                grants(Grants::DIRECT) && user && grants(Grants::ACCOUNT)
            }
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let inside = self.entries.iter().map(|entry| match entry {
            Entry::Arn { arn: text, .. }
            | Entry::Service(text)
            | Entry::Federated(text)
            | Entry::Deleted(text) => text.len(),
            Entry::Everyone | Entry::Account(_) => 0,
        });
        size_of_val(&*self.entries) + inside.sum::<usize>()
    }
}
