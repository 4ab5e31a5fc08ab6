//! Who acts, and whom a policy names ([`Principals`]).
//!
//! A caller is one of few kinds, with its ARNs made once: a policy is compared with them as text.
//! Source: IAM user guide, "AWS JSON policy elements: Principal" and "Principal key values".

mod named;

use blockhouse_types::AccountId;
pub use named::NamedAs;
pub(crate) use named::{ArnKind, Entry, Grants, Principals};

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

#[cfg(test)]
mod tests;
