//! Who acts, and whom a policy names.
//!
//! A policy can name the same caller in several ways, and on AWS the ways differ in what they grant:
//! the account delegates, a role's ARN grants within the role's limits, a user's or a session's own
//! ARN grants past them. So a match is not a boolean but a set of [`Grants`]. Sources: IAM user
//! guide, "AWS JSON policy elements: Principal"; "Policy evaluation for requests within a single
//! account".

use blockhouse_types::AccountId;
use serde::Serialize;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal(Who);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Anonymous,
    Root {
        account: AccountId,
        arn: Box<str>,
    },
    User {
        account: AccountId,
        arn: Box<str>,
        name: Box<str>,
    },
    Session {
        account: AccountId,
        arn: Box<str>,
        role_arn: Box<str>,
    },
    FederatedUser {
        account: AccountId,
        arn: Box<str>,
        /// The user who asked for the session; `None` when it was root.
        user_arn: Option<Box<str>>,
    },
    /// Somebody whom an identity provider vouches for, about to assume a role.
    Federated {
        provider: Box<str>,
    },
    Service {
        name: Box<str>,
    },
}

impl Principal {
    /// Nobody signed.
    pub fn anonymous() -> Self {
        Self(Who::Anonymous)
    }

    /// The root of an account.
    pub fn root(account: AccountId) -> Self {
        let arn = format!("arn:aws:iam::{account}:root").into();
        Self(Who::Root { account, arn })
    }

    /// A user. `path` begins and ends with `/`.
    pub fn user(account: AccountId, path: &str, name: &str) -> Self {
        Self(Who::User {
            account,
            arn: format!("arn:aws:iam::{account}:user{path}{name}").into(),
            name: name.into(),
        })
    }

    /// A session of a role. `path` is the role's; it begins and ends with `/`.
    pub fn session(account: AccountId, path: &str, role: &str, session: &str) -> Self {
        Self(Who::Session {
            account,
            arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{session}").into(),
            role_arn: format!("arn:aws:iam::{account}:role{path}{role}").into(),
        })
    }

    /// A federated user (GetFederationToken): a name, and the principal who asked for the token.
    pub fn federated_user(account: AccountId, name: &str, issuer: Option<&Principal>) -> Self {
        let user_arn = issuer.and_then(|issuer| match &issuer.0 {
            Who::User { arn, .. } => Some(arn.clone()),
            _ => None,
        });
        Self(Who::FederatedUser {
            account,
            arn: format!("arn:aws:sts::{account}:federated-user/{name}").into(),
            user_arn,
        })
    }

    /// Somebody whom an identity provider vouches for: a caller of AssumeRoleWithWebIdentity.
    pub fn federated(provider: &str) -> Self {
        Self(Who::Federated {
            provider: provider.into(),
        })
    }

    /// A service that acts for itself.
    pub fn service(name: &str) -> Self {
        Self(Who::Service { name: name.into() })
    }

    /// The principal of an ARN: root, user, session, federated user. A role's ARN is of nobody who
    /// acts, but the simulator is asked about roles: it stands for any session of the role.
    pub fn from_arn(arn: &str) -> Option<Self> {
        let Entry::Arn { kind, account, arn } = Entry::of_arn(arn)? else {
            return None;
        };
        let last = arn.rsplit('/').next()?;
        Some(Self(match kind {
            ArnKind::Root => Who::Root { account, arn },
            ArnKind::User => Who::User {
                account,
                name: last.into(),
                arn,
            },
            ArnKind::Role => Who::Session {
                account,
                role_arn: arn.clone(),
                arn,
            },
            ArnKind::Session => {
                let role = arn.split('/').nth(1)?;
                Who::Session {
                    account,
                    role_arn: format!("arn:aws:iam::{account}:role/{role}").into(),
                    arn,
                }
            }
            ArnKind::FederatedUser => Who::FederatedUser {
                account,
                arn,
                user_arn: None,
            },
        }))
    }

    /// The account; nobody, a provider and a service have none.
    pub fn account(&self) -> Option<AccountId> {
        match &self.0 {
            Who::Root { account, .. }
            | Who::User { account, .. }
            | Who::Session { account, .. }
            | Who::FederatedUser { account, .. } => Some(*account),
            Who::Anonymous | Who::Federated { .. } | Who::Service { .. } => None,
        }
    }

    /// Whether nobody signed.
    pub fn is_anonymous(&self) -> bool {
        self.0 == Who::Anonymous
    }

    /// Whether it is an account's root.
    pub fn is_root(&self) -> bool {
        matches!(self.0, Who::Root { .. })
    }

    /// Whether it is a federated user, who may nothing without a session policy.
    pub(crate) fn is_federated_user(&self) -> bool {
        matches!(self.0, Who::FederatedUser { .. })
    }

    /// Its own ARN; of a session, the session's.
    pub fn arn(&self) -> Option<&str> {
        match &self.0 {
            Who::Root { arn, .. }
            | Who::User { arn, .. }
            | Who::Session { arn, .. }
            | Who::FederatedUser { arn, .. } => Some(arn),
            Who::Anonymous | Who::Federated { .. } | Who::Service { .. } => None,
        }
    }

    /// `aws:PrincipalArn`: of a session, its role's.
    pub(crate) fn principal_arn(&self) -> Option<&str> {
        match &self.0 {
            Who::Session { role_arn, .. } => Some(role_arn),
            _ => self.arn(),
        }
    }

    /// `aws:PrincipalType`.
    pub(crate) fn principal_type(&self) -> &'static str {
        match &self.0 {
            Who::Anonymous => "Anonymous",
            Who::Root { .. } => "Account",
            Who::User { .. } => "User",
            Who::Session { .. } => "AssumedRole",
            Who::FederatedUser { .. } => "FederatedUser",
            Who::Federated { .. } => "Federated",
            Who::Service { .. } => "Service",
        }
    }

    /// `aws:username`: users have one, and nobody else.
    pub(crate) fn username(&self) -> Option<&str> {
        match &self.0 {
            Who::User { name, .. } => Some(name),
            _ => None,
        }
    }

    /// `aws:userid` where it follows from who it is; a user's and a role's is given by IAM.
    pub(crate) fn own_userid(&self) -> Option<String> {
        match &self.0 {
            Who::Anonymous => Some("anonymous".to_owned()),
            Who::Root { account, .. } => Some(account.to_string()),
            Who::FederatedUser { account, arn, .. } => {
                let name = arn.rsplit('/').next().unwrap_or_default();
                Some(format!("{account}:{name}"))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Who::Anonymous => f.write_str("anonymous"),
            Who::Federated { provider } => write!(f, "federated by {provider}"),
            Who::Service { name } => f.write_str(name),
            _ => f.write_str(self.arn().unwrap_or_default()),
        }
    }
}

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

    fn of_arn(text: &str) -> Option<Self> {
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
    fn names(&self, caller: &Principal) -> Grants {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        AccountId::parse("111122223333").unwrap()
    }

    fn names(entry: &str, caller: &Principal) -> Grants {
        Entry::of_aws(entry).unwrap().names(caller)
    }

    #[test]
    fn each_form_names_its_own() {
        let user = Principal::user(account(), "/div/", "alice");
        let session = Principal::session(account(), "/", "reader", "s1");
        assert_eq!(names("111122223333", &user), Grants::ACCOUNT);
        assert_eq!(
            names("arn:aws:iam::111122223333:root", &session),
            Grants::ACCOUNT
        );
        assert_eq!(
            names("111122223333", &Principal::root(account())),
            Grants::DIRECT
        );
        assert_eq!(names("444455556666", &user), Grants::NONE);
        assert_eq!(
            names("arn:aws:iam::111122223333:user/div/alice", &user),
            Grants::DIRECT
        );
        assert_eq!(
            names("arn:aws:iam::111122223333:user/alice", &user),
            Grants::NONE
        );
        assert_eq!(
            names("arn:aws:iam::111122223333:role/reader", &session),
            Grants::LIMITED
        );
        assert_eq!(
            names("arn:aws:sts::111122223333:assumed-role/reader/s1", &session),
            Grants::DIRECT
        );
        assert_eq!(names("*", &Principal::anonymous()), Grants::EVERYONE);
        assert_eq!(names("AIDACKCEVSQ6C2EXAMPLE", &user), Grants::NONE);
    }

    #[test]
    fn federated_users_have_a_user_behind_them() {
        let alice = Principal::user(account(), "/", "alice");
        let bob = Principal::federated_user(account(), "bob", Some(&alice));
        assert_eq!(
            names("arn:aws:iam::111122223333:user/alice", &bob),
            Grants::LIMITED
        );
        assert_eq!(
            names("arn:aws:sts::111122223333:federated-user/bob", &bob),
            Grants::DIRECT
        );
        assert_eq!(bob.own_userid().unwrap(), "111122223333:bob");
    }

    #[test]
    fn what_can_be_nobody_is_refused() {
        for bad in [
            "",
            "alice",
            "12345",
            "arn:aws:iam::111122223333:user/*",
            "arn:aws:iam::111122223333:user/",
            "arn:aws:iam::*:root",
            "arn:aws:iam:eu:111122223333:root",
            "arn:aws:s3:::bkt",
            "arn:aws:sts::111122223333:assumed-role/r",
            "arn:aws:iam::111122223333:group/g",
            "AIDA",
            "\n111122223333\n",
        ] {
            assert_eq!(Entry::of_aws(bad), None, "{bad}");
        }
        let canonical = account().canonical_user();
        assert_eq!(
            Entry::of_canonical(&canonical),
            Some(Entry::Account(account()))
        );
        assert!(matches!(
            Entry::of_canonical(&"f".repeat(64)),
            Some(Entry::Deleted(_))
        ));
        assert_eq!(Entry::of_canonical("f"), None);
    }

    #[test]
    fn arns_read_back() {
        for principal in [
            Principal::root(account()),
            Principal::user(account(), "/a/", "alice"),
            Principal::session(account(), "/", "reader", "s1"),
            Principal::federated_user(account(), "bob", None),
        ] {
            assert_eq!(
                Principal::from_arn(principal.arn().unwrap()),
                Some(principal)
            );
        }
    }

    #[test]
    fn not_principal_needs_every_layer() {
        let session = Principal::session(account(), "/", "reader", "s1");
        let layers = [
            "111122223333",
            "arn:aws:iam::111122223333:role/reader",
            "arn:aws:sts::111122223333:assumed-role/reader/s1",
        ];
        let exempts = |entries: &[&str]| Principals {
            entries: entries.iter().map(|e| Entry::of_aws(e).unwrap()).collect(),
            negated: true,
        };
        assert!(!exempts(&layers).names(&session).any());
        for missing in 0..3 {
            let mut some = layers.to_vec();
            some.remove(missing);
            assert!(exempts(&some).names(&session).any(), "{some:?}");
        }
        assert!(exempts(&layers).names(&Principal::anonymous()).any());
    }
}
