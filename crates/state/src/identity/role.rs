use super::UniqueId;
use super::parts::{self, Born, Inline, Tags};
use crate::{Body, Document, Fault, Kind, Name, Scope, Stamp, unique};
use blockhouse_policy as policy;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// The shortest that the longest session of a role can be, in seconds. Source: IAM API reference,
/// CreateRole, MaxSessionDuration.
pub const SESSION_SECS_MIN: u64 = 3600;
/// The longest, in seconds.
pub const SESSION_SECS_MAX: u64 = 43_200;

/// A role: who assumes it acts by its policies for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// `AROA…`, given by the node; it stays while the role does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<UniqueId>,
    /// When it was made, given by the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Born>,
    /// What stands before its name in its ARN.
    #[serde(default = "parts::root_path")]
    pub path: Box<str>,
    /// Who may assume it.
    pub trust: Document,
    /// How long a session lasts at most, in seconds.
    #[serde(default = "hour")]
    pub max_session_secs: u64,
    /// What policies may ask for as `aws:PrincipalTag/…`.
    #[serde(default, deserialize_with = "unique::map")]
    pub tags: Tags,
    /// Its own policies.
    #[serde(default, deserialize_with = "unique::map")]
    pub policies: Inline,
    /// The managed policies that it has.
    #[serde(default, deserialize_with = "unique::set")]
    pub attached: BTreeSet<Box<str>>,
    /// The managed policy that says the most that it may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Box<str>>,
}

fn hour() -> u64 {
    SESSION_SECS_MIN
}

impl Body for Role {
    const SCOPE: Scope = Scope::Named;

    fn check(&self, name: &Name) -> Result<(), Fault> {
        parts::check_path(&self.path)?;
        parts::check_tags(&self.tags)?;
        if !(SESSION_SECS_MIN..=SESSION_SECS_MAX).contains(&self.max_session_secs) {
            return Err(Fault::OutOfBounds {
                what: "max_session_secs",
                min: SESSION_SECS_MIN,
                max: SESSION_SECS_MAX,
            });
        }
        self.trust
            .check(policy::Kind::Trust, "trust", name.last())?;
        parts::check_attached(&self.attached)?;
        if let Some(boundary) = &self.boundary {
            parts::check_name("boundary", boundary, 128)?;
        }
        parts::check_inline(policy::Kind::RoleInline, name, &self.policies)
    }

    fn references(&self, name: &Name) -> Vec<Name> {
        let policies = self.attached.iter().chain(&self.boundary);
        policies
            .map(|policy| name.beside(Kind::Policy, policy))
            .collect()
    }

    fn stamp(&mut self, old: Option<&Self>, stamp: &mut Stamp<'_>) -> Result<(), Fault> {
        let old = old.map(|old| (&old.id, &old.created));
        parts::born((&mut self.id, &mut self.created), old, "AROA", stamp)
    }
}

impl Role {
    pub(crate) fn inline<'a>(
        &'a self,
        name: &'a Name,
    ) -> impl Iterator<Item = Arc<policy::Policy>> + 'a {
        parts::compiled(policy::Kind::RoleInline, name, &self.policies)
    }
}
