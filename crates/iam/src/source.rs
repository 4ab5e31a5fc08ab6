//! The identity whose policies a call is about.

use crate::{Code, Error, Params};
use blockhouse_policy::Policy;
use blockhouse_state::Snapshot;
use blockhouse_types::AccountId;
use std::sync::Arc;

/// Bounds of an ARN's length. Source: IAM API reference, `arnType`.
const ARN_LEN_MIN: usize = 20;
const ARN_LEN_MAX: usize = 2048;

/// A user, group or role, by its ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    arn: String,
    account: AccountId,
    kind: Kind,
    path: String,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    User,
    Group,
    Role,
}

/// The policies of an identity.
pub(crate) struct Found {
    pub(crate) policies: Vec<Arc<Policy>>,
    pub(crate) boundary: Option<Arc<Policy>>,
}

impl Source {
    pub(crate) fn take(params: &mut Params) -> Result<Self, Error> {
        let arn = params.take("PolicySourceArn").unwrap_or_default();
        if !(ARN_LEN_MIN..=ARN_LEN_MAX).contains(&arn.len()) {
            return Err(Error::validation(format!(
                "Value at 'policySourceArn' failed to satisfy constraint: Member must have length between \
                 {ARN_LEN_MIN} and {ARN_LEN_MAX}"
            )));
        }
        Self::parse(&arn)
            .ok_or_else(|| Error::input("Invalid Input PolicySourceArn: no user, group or role"))
    }

    fn parse(arn: &str) -> Option<Self> {
        let (account, rest) = arn.strip_prefix("arn:aws:iam::")?.split_once(':')?;
        let (kind, name) = rest.split_once('/')?;
        let kind = match kind {
            "user" => Kind::User,
            "group" => Kind::Group,
            "role" => Kind::Role,
            _ => return None,
        };
        let (path, name) = name.rsplit_once('/').unwrap_or(("", name));
        let path = match path {
            "" => "/".to_owned(),
            path => format!("/{path}/"),
        };
        Some(Self {
            arn: arn.to_owned(),
            account: AccountId::parse(account).ok()?,
            kind,
            path,
            name: name.to_owned(),
        })
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The account that it is of.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Whether it can act: groups do not.
    pub(crate) fn acts(&self) -> bool {
        self.kind != Kind::Group
    }

    /// Its policies, and of a user those of its groups.
    pub(crate) fn find(&self, state: &Snapshot) -> Result<Found, Error> {
        let found = match self.kind {
            Kind::Group => {
                let group = state.group(self.account, &self.name);
                group.map(|(path, policies)| (path, policies, None))
            }
            Kind::User | Kind::Role => {
                let identity = match self.kind {
                    Kind::User => state.user(self.account, &self.name),
                    _ => state.role(self.account, &self.name),
                };
                identity.map(|identity| {
                    let boundary = identity.boundary.clone();
                    (&*identity.path, identity.policies.to_vec(), boundary)
                })
            }
        };
        match found {
            Some((path, policies, boundary)) if path == self.path => {
                Ok(Found { policies, boundary })
            }
            _ => Err(Error::new(
                Code::NoSuchEntity,
                format!("The entity with the ARN {} cannot be found.", self.arn),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns() {
        let parsed = |arn: &str| Source::parse(arn).map(|s| (s.path, s.name));
        let of = |path: &str, name: &str| Some((path.to_owned(), name.to_owned()));
        assert_eq!(
            parsed("arn:aws:iam::111122223333:user/alice"),
            of("/", "alice")
        );
        assert_eq!(
            parsed("arn:aws:iam::111122223333:role/a/b/c"),
            of("/a/b/", "c")
        );
        for bad in [
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::1111:user/alice",
            "arn:aws:sts::111122223333:assumed-role/r/s",
            "arn:aws:iam::111122223333:policy/p",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }
}
