//! Warnings of a statement as a whole.

use super::{Linter, WarningKind};
use crate::{
    action::{OPERATIONS, ResourceKind},
    arn::ArnPattern,
    context::Context,
    kind::Kind,
    pattern::{Case, Pattern},
    principal::{ArnKind, Entry, Principals},
    statement::{Effect, ResourcePattern, Statement},
};

const NEVER: &str = "Mend it or take it out.";

impl Linter<'_> {
    pub(super) fn statement(&mut self, statement: &Statement) {
        let at = statement.span.0;
        for name in statement.actions.unknown_patterns() {
            self.warn(
                WarningKind::UnknownAction,
                at,
                format!("There is no action {name}."),
                "Look the name up: it matches nothing.",
            );
        }
        if let Some(why) = never(statement) {
            self.warn(WarningKind::NeverMatches, at, why, NEVER);
        }
        let broad = statement.actions.is_negated() || statement.resources.negated;
        if statement.effect == Effect::Allow && broad {
            self.warn(
                WarningKind::AllowsTheRest,
                at,
                "It allows everything but what it names, and whatever will be added one day."
                    .into(),
                "Name what is allowed.",
            );
        }
        let Some(principals) = &statement.principals else {
            return;
        };
        let everyone = principals.entries.contains(&Entry::Everyone);
        // An endpoint's policy names everybody as a matter of course: it grants nothing.
        let grants = self.policy.kind() != Kind::Endpoint && statement.effect == Effect::Allow;
        if grants && everyone && statement.conditions.is_empty() {
            self.warn(
                WarningKind::Public,
                at,
                "Everybody may, from everywhere, without signing.".into(),
                "Name principals, or add a condition on where the request comes from.",
            );
        }
        if principals.negated && lacks_account(principals) {
            self.warn(
                WarningKind::NotPrincipalWithoutAccount,
                at,
                "NotPrincipal leaves out nobody whose account and role it does not name as well.".into(),
                "Name the account's root, of a session its role too; or use Principal \"*\" with a condition on aws:PrincipalArn.",
            );
        }
    }
}

/// Whether it names somebody and not the account that somebody is of.
fn lacks_account(principals: &Principals) -> bool {
    principals.entries.iter().any(|entry| match entry {
        Entry::Arn { kind, account, .. } if *kind != ArnKind::Root => {
            !principals.entries.contains(&Entry::Account(*account))
        }
        _ => false,
    })
}

/// Why the statement can never match, if so.
fn never(statement: &Statement) -> Option<String> {
    if statement.actions.is_negated() && statement.actions.names_everything() {
        return Some("NotAction names every action.".into());
    }
    let every = |p: &ResourcePattern| *p == ResourcePattern::Every;
    if statement.resources.negated && statement.resources.patterns.iter().any(every) {
        return Some("NotResource names every resource.".into());
    }
    if let Some(principals) = &statement.principals {
        if principals.negated && principals.entries.contains(&Entry::Everyone) {
            return Some("NotPrincipal names everybody.".into());
        }
        let deleted = |entry: &Entry| matches!(entry, Entry::Deleted(_));
        if !principals.negated && principals.entries.iter().all(deleted) {
            return Some("Its principals do not exist any more.".into());
        }
    }
    resources_do_not_fit(statement)
}

/// Why no action of the statement is done to any of its resources.
fn resources_do_not_fit(statement: &Statement) -> Option<String> {
    if statement.resources.negated || statement.actions.has_others() {
        return None;
    }
    let fits = |pattern: &ResourcePattern| match pattern {
        ResourcePattern::Every => true,
        ResourcePattern::Arn(arn) => statement.actions.known().any(|action| fits(action, arn)),
    };
    let none = statement.actions.known().next().is_some()
        && !statement.resources.patterns.iter().any(fits);
    none.then(|| "None of its actions is done to any of its resources.".into())
}

/// Whether the action can be done to a resource of this pattern, as far as can be told.
fn fits(action: &str, arn: &ArnPattern) -> bool {
    let Some((service, _)) = action.split_once(':') else {
        return true;
    };
    let nothing = Context::nothing();
    let parts: Vec<&Pattern> = arn.patterns().collect();
    let of_service = match parts.as_slice() {
        // With wildcards or variables in its head, part by part.
        [_, of, ..] if parts.len() > 1 => {
            of.resolves(&nothing) && of.matches(service, &nothing, Case::Ignored)
                || of.variables().next().is_some()
        }
        _ => service == "bh" || arn.head_names_service(service),
    };
    if !of_service {
        return false;
    }
    // Of S3 buckets: an object has a slash in its name, a bucket has none.
    match (arn.exact_last(), kind_of(action)) {
        (Some(name), Some(ResourceKind::Object)) if service == "s3" => name.contains('/'),
        (Some(name), Some(ResourceKind::Bucket)) if service == "s3" => {
            !name.contains('/') || name.starts_with("accesspoint/")
        }
        _ => true,
    }
}

fn kind_of(action: &str) -> Option<ResourceKind> {
    let mut rows = OPERATIONS.iter().filter(|row| {
        let extra = row
            .extras
            .iter()
            .any(|e| e.s3 == action || e.outposts == Some(action));
        extra || row.s3.contains(&action) || row.outposts.contains(&action)
    });
    rows.next().map(|row| row.resource)
}
