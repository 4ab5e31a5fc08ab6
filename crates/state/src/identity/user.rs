use super::UniqueId;
use super::parts::{self, Born, Inline, Tags};
use crate::{Body, Fault, Kind, Name, Scope, Stamp, unique};
use blockhouse_policy as policy;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// Groups that one user is in, at most.
const GROUPS_MAX: usize = 10;

/// A user. Its keys are not here: they are secrets, and the verifier's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// `AIDA…`, given by the node; it stays while the user does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<UniqueId>,
    /// When it was made, given by the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Born>,
    /// What stands before its name in its ARN.
    #[serde(default = "parts::root_path")]
    pub path: Box<str>,
    /// What policies may ask for as `aws:PrincipalTag/…`.
    #[serde(default, deserialize_with = "unique::map")]
    pub tags: Tags,
    /// Which groups it is in.
    #[serde(default, deserialize_with = "unique::set")]
    pub groups: BTreeSet<Box<str>>,
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

impl Body for User {
    const SCOPE: Scope = Scope::Named;

    fn check(&self, name: &Name) -> Result<(), Fault> {
        parts::check_path(&self.path)?;
        parts::check_tags(&self.tags)?;
        parts::bounded("groups", self.groups.len(), GROUPS_MAX)?;
        for group in &self.groups {
            parts::check_name("groups", group, 128)?;
        }
        parts::check_attached(&self.attached)?;
        if let Some(boundary) = &self.boundary {
            parts::check_name("boundary", boundary, 128)?;
        }
        parts::check_inline(policy::Kind::UserInline, name, &self.policies)
    }

    fn references(&self, name: &Name) -> Vec<Name> {
        let groups = self.groups.iter();
        let groups = groups.map(|group| name.beside(Kind::Group, group));
        let policies = self.attached.iter().chain(&self.boundary);
        let policies = policies.map(|policy| name.beside(Kind::Policy, policy));
        groups.chain(policies).collect()
    }

    fn stamp(&mut self, old: Option<&Self>, stamp: &mut Stamp<'_>) -> Result<(), Fault> {
        let old = old.map(|old| (&old.id, &old.created));
        parts::born((&mut self.id, &mut self.created), old, "AIDA", stamp)
    }
}

impl User {
    pub(crate) fn inline<'a>(
        &'a self,
        name: &'a Name,
    ) -> impl Iterator<Item = Arc<policy::Policy>> + 'a {
        parts::compiled(policy::Kind::UserInline, name, &self.policies)
    }
}
