use super::parts;
use crate::{Body, Document, Fault, Name, Scope, name::is_iam_name};
use blockhouse_policy::{self as policy, Policy};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest description, in characters.
const DESCRIPTION_LEN_MAX: usize = 1000;

/// A managed policy: one text that many identities have, or are bounded by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManagedPolicy {
    /// What stands before its name in its ARN.
    #[serde(default = "parts::root_path")]
    pub path: Box<str>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub description: Box<str>,
    /// The policy.
    pub document: Document,
}

impl Body for ManagedPolicy {
    const SCOPE: Scope = Scope::Named;

    fn is_name(name: &str) -> bool {
        is_iam_name(name, 128)
    }

    fn check(&self, name: &Name) -> Result<(), Fault> {
        parts::check_path(&self.path)?;
        let len = self.description.chars().count();
        parts::bounded("characters of the description", len, DESCRIPTION_LEN_MAX)?;
        let id = self.arn(name);
        self.document.check(policy::Kind::Managed, "document", &id)
    }
}

impl ManagedPolicy {
    /// Its ARN.
    pub fn arn(&self, name: &Name) -> String {
        let account = name.account().map(|account| account.to_string());
        let account = account.unwrap_or_default();
        format!("arn:aws:iam::{account}:policy{}{}", self.path, name.last())
    }

    pub(crate) fn compiled(&self, name: &Name) -> Arc<Policy> {
        self.document.policy(policy::Kind::Managed, &self.arn(name))
    }
}
