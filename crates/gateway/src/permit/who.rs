//! Who acts, as the node knows them by now: a signature says a name, the desired state says whether there
//! is still such a user or role, and what it may do.

use blockhouse_policy::{self as policy, Family, Policy};
use blockhouse_state::{Identity, Snapshot};
use blockhouse_verifier_wire::{Credential, Principal, Verified};
use std::sync::Arc;

/// The caller of one request.
pub(crate) struct Who {
    principal: policy::Principal,
    standing: Standing,
}

enum Standing {
    /// Nobody signed, or it was a root or a federated user: they have no policies of their own.
    Bare,
    /// A user, or a session of a role.
    Known(Arc<Identity>),
    /// There is no such user or role, or it was made after the session: that one was of another.
    Gone,
}

impl Who {
    /// Whoever signed, in that version of the state.
    pub(crate) fn of(signed: Option<&Verified>, state: &Snapshot) -> Self {
        let found = signed.and_then(|signed| match &signed.principal {
            Principal::User { account, name } => Some(state.user(*account, name)),
            Principal::AssumedRole { account, role, .. } => Some(state.role(*account, role)),
            Principal::Root { .. } | Principal::FederatedUser { .. } => None,
        });
        let issued_at = signed.and_then(|signed| match &signed.credential {
            Credential::LongTerm => None,
            Credential::Temporary(claims) => Some(claims.issued_at),
        });
        let is_older = |identity: &Identity| issued_at.is_none_or(|at| identity.created <= at);
        let standing = match found {
            None => Standing::Bare,
            Some(Some(identity)) if is_older(identity) => Standing::Known(Arc::clone(identity)),
            Some(_) => Standing::Gone,
        };
        let path = match &standing {
            Standing::Known(identity) => &*identity.path,
            Standing::Bare | Standing::Gone => "/",
        };
        Self {
            principal: principal_of(signed.map(|signed| &signed.principal), path),
            standing,
        }
    }

    /// In the words of policies.
    pub(crate) fn principal(&self) -> &policy::Principal {
        &self.principal
    }

    /// Whether it is a user or a session that is no more: whatever names it, nothing is granted to it.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.standing, Standing::Gone)
    }

    /// What it may do.
    pub(crate) fn policies(&self) -> &[Arc<Policy>] {
        self.identity().map_or(&[], |identity| &identity.policies)
    }

    /// The most that it may do.
    pub(crate) fn boundary(&self) -> Option<&Policy> {
        self.identity()?.boundary.as_deref()
    }

    /// What condition keys may ask of it. The tags of a session stand in the place of its role's or
    /// user's of the same name. Source: IAM user guide, "Pass session tags in AWS STS".
    pub(crate) fn tell<'c>(&'c self, facts: &mut policy::Context<'c>, signed: &'c Verified) {
        let session = match &signed.credential {
            Credential::LongTerm => &[][..],
            Credential::Temporary(claims) => &claims.tags,
        };
        for (name, value) in session {
            facts.set_tag(Family::PrincipalTag, name.as_str(), value.as_str());
        }
        let Some(identity) = self.identity() else {
            return;
        };
        for (name, value) in &identity.tags {
            if !session.iter().any(|(of, _)| of.eq_ignore_ascii_case(name)) {
                facts.set_tag(Family::PrincipalTag, &**name, &**value);
            }
        }
        if let Some(id) = &identity.id {
            let userid = match &signed.principal {
                Principal::AssumedRole { session, .. } => format!("{}:{session}", id.as_str()),
                _ => id.as_str().to_owned(),
            };
            facts.set(policy::Fact::UserId, userid);
        }
    }

    fn identity(&self) -> Option<&Identity> {
        match &self.standing {
            Standing::Known(identity) => Some(identity),
            Standing::Bare | Standing::Gone => None,
        }
    }
}

fn principal_of(principal: Option<&Principal>, path: &str) -> policy::Principal {
    match principal {
        None => policy::Principal::anonymous(),
        Some(Principal::Root { account }) => policy::Principal::root(*account),
        Some(Principal::User { account, name }) => policy::Principal::user(*account, path, name),
        Some(Principal::AssumedRole {
            account,
            role,
            session,
        }) => policy::Principal::session(*account, path, role, session),
        Some(Principal::FederatedUser { account, name }) => {
            policy::Principal::federated_user(*account, name, None)
        }
    }
}
