//! The explanation as the audit keeps it: short, and without what a policy may use as a password.
//!
//! Whoever reads the audit may see policies. But `aws:Referer` and `aws:UserAgent` are headers that
//! anybody sends as he likes: buckets are guarded by words in them, and a referrer can be a link with
//! its signature. Of their conditions it is kept whether they held, and no value.

use super::{ConditionExplained, Explanation, PolicyExplained, StatementExplained};
use std::collections::BTreeSet;

/// Statements that are kept; those that decided come first, then those that spoke of the request.
pub(super) const STATEMENTS_MAX: usize = 16;

/// Conditions of a statement that are kept; those that did not hold come first.
pub(super) const CONDITIONS_MAX: usize = 16;

/// Values of one condition that are kept, of the policy's and of the request's each.
pub(super) const VALUES_MAX: usize = 8;

/// Characters of a value that are kept.
pub(super) const VALUE_CHARS_MAX: usize = 128;

/// Policies that are kept, and keys that were absent.
pub(super) const NAMES_MAX: usize = 32;

/// Keys whose values are kept from the audit.
const WITHHELD: [&str; 2] = ["aws:referer", "aws:useragent"];

impl Explanation {
    /// The same for the audit: bounded, and without values that may be secrets. What was left out is
    /// counted, or shown as `…`.
    #[must_use]
    pub fn for_record(mut self) -> Self {
        let kept = self.foremost();
        for (number, policy) in self.policies.iter_mut().enumerate() {
            let told = policy.statements.len();
            policy
                .statements
                .retain(|statement| kept.contains(&(number, statement.number)));
            self.left_out += told - policy.statements.len();
            policy.statements.iter_mut().for_each(shorten);
        }
        let told = self.policies.len();
        let silent = |policy: &PolicyExplained| policy.statements.is_empty();
        let speaking = self
            .policies
            .iter()
            .filter(|policy| !silent(policy))
            .count();
        // No more speak than statements are kept, so that there is room for all of those.
        let mut room = NAMES_MAX - speaking;
        self.policies.retain(|policy| {
            let kept = !silent(policy) || room > 0;
            room -= usize::from(kept && silent(policy));
            kept
        });
        self.policies_left_out += told - self.policies.len();
        self.missing.truncate(NAMES_MAX);
        self
    }

    /// The statements to keep, by policy and number.
    fn foremost(&self) -> BTreeSet<(usize, u32)> {
        let policies = self.policies.iter().enumerate();
        let statements = policies.flat_map(|(at, policy)| {
            let rank = |s: &StatementExplained| (!s.decided, !s.matched);
            policy
                .statements
                .iter()
                .map(move |s| (rank(s), at, s.number))
        });
        let mut ranked: Vec<_> = statements.collect();
        ranked.sort_unstable();
        let kept = ranked.into_iter().take(STATEMENTS_MAX);
        kept.map(|(_, at, number)| (at, number)).collect()
    }
}

fn shorten(statement: &mut StatementExplained) {
    statement
        .conditions
        .sort_by_key(|condition| condition.holds);
    statement.conditions.truncate(CONDITIONS_MAX);
    statement.conditions.iter_mut().for_each(shorten_condition);
}

fn shorten_condition(condition: &mut ConditionExplained) {
    let names = condition.variables.iter().map(|(name, _)| name.as_str());
    if names.chain([condition.key.as_str()]).any(is_withheld) {
        let withheld = vec!["(withheld)".to_owned()];
        condition.found = condition.found.take().map(|_| withheld.clone());
        condition.wanted = withheld;
        condition.variables.clear();
        return;
    }
    shorten_values(&mut condition.wanted);
    condition.found.iter_mut().for_each(shorten_values);
    condition.variables.truncate(VALUES_MAX);
    for (_, value) in &mut condition.variables {
        value.iter_mut().for_each(shorten_value);
    }
}

fn is_withheld(key: &str) -> bool {
    WITHHELD.iter().any(|name| key.eq_ignore_ascii_case(name))
}

fn shorten_values(values: &mut Vec<String>) {
    if values.len() > VALUES_MAX {
        values.truncate(VALUES_MAX - 1);
        values.push("…".to_owned());
    }
    values.iter_mut().for_each(shorten_value);
}

fn shorten_value(value: &mut String) {
    if let Some((end, _)) = value.char_indices().nth(VALUE_CHARS_MAX) {
        value.truncate(end);
        value.push('…');
    }
}
