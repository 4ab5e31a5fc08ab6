//! The explanation as text for a person.

use super::{ConditionExplained, Explanation, StatementExplained};
use crate::{
    decide::{Because, Case, Decision, Layer, StatementRef},
    principal::NamedAs,
    statement::Effect,
};
use std::fmt;

impl Layer {
    /// What a person calls it.
    pub(crate) fn called(self) -> &'static str {
        match self {
            Self::Guardrail => "the node's guardrail",
            Self::Endpoint => "the VPC endpoint's policy",
            Self::Identity => "the caller's policies",
            Self::Boundary => "the permissions boundary",
            Self::Session => "the session policy",
            Self::AccessPoint => "the access point's policy",
            Self::Resource => "the resource's policy",
        }
    }
}

/// The decision as a sentence.
pub(super) fn summary(case: Case<'_>, verdict: Decision) -> String {
    match verdict {
        Decision::Deny(Because::Explicit(at)) => {
            format!(
                "Denied by {} of {}.",
                statement(case, at),
                at.layer.called()
            )
        }
        Decision::Deny(Because::Implicit(layer)) => {
            let there = case.layer(layer).next().is_some();
            let none = match layer {
                _ if there => {
                    return format!("Denied because nothing in {} allows it.", layer.called());
                }
                Layer::Identity | Layer::Boundary => "the caller",
                Layer::AccessPoint => "the access point",
                Layer::Resource => "the resource",
                Layer::Guardrail => "the node",
                Layer::Endpoint => "the VPC endpoint",
                Layer::Session => "the session",
            };
            format!("Denied because nothing allows it: {none} has no policy.")
        }
        Decision::Deny(Because::AnonymousAccessPoint) => {
            "Denied because nobody signed: access points and Outposts are never open to everybody."
                .to_owned()
        }
        Decision::Allow(grounds) => {
            let statements = [grounds.identity, grounds.access_point, grounds.resource];
            let mut by: Vec<String> = statements
                .into_iter()
                .flatten()
                .map(|at| format!("{} of {}", statement(case, at), at.layer.called()))
                .collect();
            if grounds.root {
                by.insert(
                    0,
                    "the root of the account, which needs no policy".to_owned(),
                );
            }
            format!("Allowed by {}.", by.join(" and "))
        }
    }
}

/// `statement 2 ("Sid") in "policy"`.
fn statement(case: Case<'_>, at: StatementRef) -> String {
    let number = at.statement + 1;
    let policy = case.layer(at.layer).nth(at.policy as usize);
    let Some(policy) = policy else {
        return format!("statement {number}");
    };
    let sid = policy.sid(at.statement as usize).unwrap_or_default();
    let sid = if sid.is_empty() {
        String::new()
    } else {
        format!(" (\"{sid}\")")
    };
    format!("statement {number}{sid} in \"{}\"", policy.id())
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        writeln!(f, "  who   {}", self.principal)?;
        writeln!(f, "  what  {} on {}", self.action, self.resource)?;
        for policy in &self.policies {
            let (called, print) = (policy.layer.called(), &policy.fingerprint);
            writeln!(f, "{called} \"{}\" ({print})", policy.id)?;
            if policy.denies_ignored {
                writeln!(
                    f,
                    "  its Denys do not bind the root of the bucket's own account here"
                )?;
            }
            for statement in &policy.statements {
                statement.write(f)?;
            }
            if policy.passed_over > 0 {
                writeln!(f, "  {} more that do not speak of this", policy.passed_over)?;
            }
        }
        if !self.missing.is_empty() {
            writeln!(f, "absent: {}", self.missing.join(", "))?;
        }
        if self.policies_left_out > 0 {
            writeln!(f, "{} more policies are left out", self.policies_left_out)?;
        }
        if self.left_out > 0 {
            writeln!(f, "{} more statements are left out", self.left_out)?;
        }
        Ok(())
    }
}

impl StatementExplained {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match (self.decided, self.matched) {
            (true, _) => "=>",
            (false, true) => " *",
            (false, false) => "  ",
        };
        let effect = match self.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        let sid = self.sid.as_deref().unwrap_or("-");
        write!(f, "{mark} {effect} {} {sid}", self.number + 1)?;
        if let Some(span) = self.span {
            write!(f, " (line {})", span.start.0)?;
        }
        let named = match self.named_as {
            None => "names somebody else",
            Some(NamedAs::Itself) => "names the caller",
            Some(NamedAs::RoleOrUser) => "names the caller's role or user",
            Some(NamedAs::Everyone) => "names everybody",
            Some(NamedAs::Account) => "names the caller's account",
        };
        let resource = if self.resource {
            ""
        } else {
            ", speaks of another resource"
        };
        writeln!(f, ": {named}{resource}")?;
        self.conditions.iter().try_for_each(|c| c.write(f))
    }
}

impl ConditionExplained {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.holds { "yes" } else { "no " };
        let wanted = self.wanted.join(" | ");
        let found = match &self.found {
            None => "absent".to_owned(),
            Some(values) => format!("\"{}\"", values.join("\", \"")),
        };
        write!(
            f,
            "     {mark} {} {} [{wanted}], is {found}",
            self.operator, self.key
        )?;
        for (name, value) in &self.variables {
            match value {
                Some(value) => write!(f, "; ${{{name}}} is \"{value}\"")?,
                None => write!(f, "; ${{{name}}} is absent")?,
            }
        }
        writeln!(f)
    }
}
