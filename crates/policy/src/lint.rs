//! What a policy says that its author hardly meant: warnings, with place and advice.
//!
//! A linter refuses nothing; what AWS takes is taken. It knows the traps of the language: the Deny
//! outside a range that also hits every VPC endpoint, a statement that can never match, a key that no
//! request brings, a variable in an edition that has none, a principal that does not exist.

mod conditions;
mod statements;

use crate::{
    document::Version,
    malformed::Place,
    policy::Policy,
    principal::{ArnKind, Entry},
    statement::Statement,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// What is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarningKind {
    /// A Deny outside an address range also hits every request through a VPC endpoint.
    DenyBlocksVpcEndpoints,
    /// The statement can never match.
    NeverMatches,
    /// A pattern of actions that no action has.
    UnknownAction,
    /// A condition key that no request brings.
    UnknownKey,
    /// `${…}` in a policy of 2008-10-17: it is text there.
    VariableIsText,
    /// A principal that does not exist.
    NoSuchPrincipal,
    /// An operator that does not fit its key's values.
    OperatorDoesNotFit,
    /// An asterisk beside an operator that has no wildcards.
    WildcardIsText,
    /// ForAllValues in an Allow: it holds when the key is absent.
    AllowedWhenAbsent,
    /// A key with many values beside an operator for one, or the other way round.
    ValuesDoNotFit,
    /// Everybody may, from everywhere.
    Public,
    /// Allow with NotAction or NotResource: whatever will exist one day is allowed.
    AllowsTheRest,
    /// NotPrincipal that names a user or session and not its account.
    NotPrincipalWithoutAccount,
    /// Two statements of one name.
    SidTwice,
}

/// One warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What is odd.
    pub kind: WarningKind,
    /// Where.
    pub place: Place,
    /// What is odd about it, as a sentence.
    pub message: String,
    /// What to do.
    pub advice: &'static str,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} {}", self.place, self.message, self.advice)
    }
}

/// Whether the principal with this ARN, or the account with this number, exists.
pub type Exists<'a> = &'a dyn Fn(&str) -> bool;

/// Looks a policy over. Without `exists` nothing is said of principals.
pub fn lint(policy: &Policy, exists: Option<Exists<'_>>) -> Vec<Warning> {
    let mut linter = Linter {
        policy,
        at: 0,
        warnings: Vec::new(),
    };
    let mut sids = BTreeSet::new();
    for (at, statement) in policy.statements().iter().enumerate() {
        linter.at = at;
        linter.statement(statement);
        linter.conditions(statement);
        linter.variables(statement);
        if let Some(exists) = exists {
            linter.principals(statement, exists);
        }
        if let Some(sid) = statement.sid.as_deref().filter(|sid| !sid.is_empty())
            && !sids.insert(sid)
        {
            linter.warn(
                WarningKind::SidTwice,
                statement.span.0,
                format!("Two statements are called \"{sid}\"."),
                "Give each a name of its own, so that a decision names one.",
            );
        }
    }
    linter.warnings
}

struct Linter<'a> {
    policy: &'a Policy,
    /// Which statement.
    at: usize,
    warnings: Vec<Warning>,
}

impl Linter<'_> {
    fn warn(&mut self, kind: WarningKind, offset: u32, message: String, advice: &'static str) {
        let place = self.policy.place(offset, format!("Statement[{}]", self.at));
        self.warnings.push(Warning {
            kind,
            place,
            message,
            advice,
        });
    }

    fn variables(&mut self, statement: &Statement) {
        if self.policy.version() == Version::Of2012 {
            return;
        }
        let (start, end) = statement.span;
        let text = self.policy.text().get(start as usize..end as usize);
        if let Some(at) = text.and_then(|text| text.find("${")) {
            let offset = start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
            self.warn(
                WarningKind::VariableIsText,
                offset,
                "A policy of 2008-10-17, or without a Version, has no variables: this is text."
                    .into(),
                "Write \"Version\": \"2012-10-17\".",
            );
        }
    }

    fn principals(&mut self, statement: &Statement, exists: Exists<'_>) {
        let Some(principals) = &statement.principals else {
            return;
        };
        for entry in &principals.entries {
            let name = match entry {
                Entry::Account(account) => account.to_string(),
                // Sessions come and go; their role is what exists.
                Entry::Arn {
                    kind: ArnKind::User | ArnKind::Role,
                    arn,
                    ..
                } => arn.to_string(),
                Entry::Deleted(id) => id.to_string(),
                _ => continue,
            };
            if !exists(&name) {
                self.warn(
                    WarningKind::NoSuchPrincipal,
                    statement.span.0,
                    format!("There is no principal {name}."),
                    "Name one that exists, or take it out: it matches nobody.",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
