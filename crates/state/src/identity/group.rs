use super::parts::{self, Inline};
use crate::{Body, Fault, Kind, Name, Scope, name::is_iam_name, unique};
use blockhouse_policy as policy;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// A group: what users have in common. Who is in it, is said by each user. Nobody acts as a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What stands before its name in its ARN.
    #[serde(default = "parts::root_path")]
    pub path: Box<str>,
    /// Its own policies.
    #[serde(default, deserialize_with = "unique::map")]
    pub policies: Inline,
    /// The managed policies that it has.
    #[serde(default, deserialize_with = "unique::set")]
    pub attached: BTreeSet<Box<str>>,
}

impl Body for Group {
    const SCOPE: Scope = Scope::Named;

    fn is_name(name: &str) -> bool {
        is_iam_name(name, 128)
    }

    fn check(&self, name: &Name) -> Result<(), Fault> {
        parts::check_path(&self.path)?;
        parts::check_attached(&self.attached)?;
        parts::check_inline(policy::Kind::GroupInline, name, &self.policies)
    }

    fn references(&self, name: &Name) -> Vec<Name> {
        let attached = self.attached.iter();
        attached
            .map(|policy| name.beside(Kind::Policy, policy))
            .collect()
    }
}

impl Group {
    pub(crate) fn inline<'a>(
        &'a self,
        name: &'a Name,
    ) -> impl Iterator<Item = Arc<policy::Policy>> + 'a {
        parts::compiled(policy::Kind::GroupInline, name, &self.policies)
    }
}
