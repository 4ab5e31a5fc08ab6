//! The actions: their names, and which of them an operation needs.
//!
//! A known action has a number, and a compiled statement holds its actions as a set of numbers, so
//! that whether a statement speaks of the action at all is one bit. An action that is not in the
//! table (`iam:CreateUser`, or what the simulator is asked) is compared as text.

mod names;
mod table;

pub use table::{COPY_READS, Extra, OPERATIONS, OperationRow, ResourceKind, When, operation};

use crate::{
    context::Context,
    key::Dialect,
    pattern::{Case, Pattern, Syntax},
};
use names::NAMES;

/// An action: a service and a name, in any case.
#[derive(Debug, Clone, Copy)]
pub struct Action<'a> {
    name: &'a str,
    id: Option<u8>,
}

impl<'a> Action<'a> {
    /// Looks the action up. Whoever asks often keeps the result.
    pub fn new(name: &'a str) -> Self {
        let found = NAMES.binary_search_by(|known| compare_ignoring_case(known, name));
        Self {
            name,
            id: found.ok().and_then(|at| u8::try_from(at).ok()),
        }
    }

    /// Its name, as given.
    pub fn name(self) -> &'a str {
        self.name
    }

    /// Whether the action is one of S3's or of S3 on Outposts'.
    pub fn is_known(self) -> bool {
        self.id.is_some()
    }

    /// Which names S3's condition keys have beside this action.
    pub fn dialect(self) -> Dialect {
        match self.name.split_once(':') {
            Some((service, _)) if service.eq_ignore_ascii_case("s3-outposts") => Dialect::Outposts,
            _ => Dialect::S3,
        }
    }

    /// Whether it is in a set; `None` for an action that has no number.
    #[inline]
    pub(crate) fn is_in(self, bits: &ActionBits) -> Option<bool> {
        self.id.map(|id| bits.contains(id))
    }

    pub(crate) fn is(self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

fn compare_ignoring_case(a: &str, b: &str) -> std::cmp::Ordering {
    let lower = |c: u8| c.to_ascii_lowercase();
    a.bytes().map(lower).cmp(b.bytes().map(lower))
}

/// A set of known actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ActionBits([u64; 4]);

const _: () = assert!(NAMES.len() <= 256, "an action's number is a byte");

impl ActionBits {
    fn insert(&mut self, id: u8) {
        self.0[usize::from(id >> 6)] |= 1 << (id & 63);
    }

    #[inline]
    fn contains(&self, id: u8) -> bool {
        self.0[usize::from(id >> 6)] >> (id & 63) & 1 == 1
    }
}

/// `Action` or `NotAction` of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actions {
    /// The known ones that the statement speaks of, NotAction already applied.
    bits: ActionBits,
    patterns: Box<[Pattern]>,
    negated: bool,
}

/// What is no action.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoAction;

impl Actions {
    /// Compiles patterns that [`parse_pattern`] made.
    pub(crate) fn compile(patterns: Vec<Pattern>, negated: bool) -> Self {
        let nothing = Context::nothing();
        let mut bits = ActionBits::default();
        for (id, name) in (0u8..=255).zip(NAMES) {
            let named = patterns
                .iter()
                .any(|p| p.matches(name, &nothing, Case::Ignored));
            if named != negated {
                bits.insert(id);
            }
        }
        Self {
            bits,
            patterns: patterns.into(),
            negated,
        }
    }

    /// Whether the statement speaks of the action.
    #[inline]
    pub(crate) fn include(&self, action: Action<'_>) -> bool {
        match action.id {
            Some(id) => self.bits.contains(id),
            None => self.include_unknown(action.name),
        }
    }

    fn include_unknown(&self, name: &str) -> bool {
        let nothing = Context::nothing();
        let mut patterns = self.patterns.iter();
        patterns.any(|p| p.matches(name, &nothing, Case::Ignored)) != self.negated
    }

    /// The known actions of the statement.
    pub(crate) fn known(&self) -> impl Iterator<Item = &'static str> {
        (0u8..=255)
            .zip(NAMES)
            .filter_map(|(id, name)| self.bits.contains(id).then_some(*name))
    }

    /// Whether it is NotAction.
    pub(crate) fn is_negated(&self) -> bool {
        self.negated
    }

    /// Whether one of the patterns is every action.
    pub(crate) fn names_everything(&self) -> bool {
        self.patterns.contains(&Pattern::All)
    }

    /// Whether it may speak of actions that are not in the table.
    pub(crate) fn has_others(&self) -> bool {
        self.negated
            || self
                .patterns
                .iter()
                .any(|p| !speaks_of_ours(p) || matches_none(p))
    }

    /// The patterns that name a service of ours and none of its actions.
    pub(crate) fn unknown_patterns(&self) -> impl Iterator<Item = String> {
        let unknown = self
            .patterns
            .iter()
            .filter(|p| speaks_of_ours(p) && matches_none(p));
        let nothing = Context::nothing();
        unknown.filter_map(move |p| p.expand(&nothing).map(std::borrow::Cow::into_owned))
    }

    pub(crate) fn bits(&self) -> ActionBits {
        self.bits
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let inside = self.patterns.iter().map(Pattern::heap_bytes);
        size_of_val(&*self.patterns) + inside.sum::<usize>()
    }
}

fn speaks_of_ours(pattern: &Pattern) -> bool {
    let prefix = pattern.literal_prefix().to_ascii_lowercase();
    ["s3:", "s3-outposts:", "bh:"]
        .iter()
        .any(|service| prefix.starts_with(service))
}

fn matches_none(pattern: &Pattern) -> bool {
    let nothing = Context::nothing();
    let mut names = NAMES.iter();
    !names.any(|name| pattern.matches(name, &nothing, Case::Ignored))
}

/// Reads `*`, or a service and a name with wildcards.
pub(crate) fn parse_pattern(text: &str) -> Result<Pattern, NoAction> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_*?".contains(&b);
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(legal);
    let well_formed = match text.split_once(':') {
        Some((service, name)) => is_word(service) && is_word(name),
        None => text == "*",
    };
    if !well_formed {
        return Err(NoAction);
    }
    let syntax = Syntax {
        wildcards: true,
        variables: false,
    };
    Pattern::parse(text, syntax).map_err(|_| NoAction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(patterns: &[&str], negated: bool) -> Actions {
        let patterns = patterns.iter().map(|p| parse_pattern(p).unwrap()).collect();
        Actions::compile(patterns, negated)
    }

    #[test]
    fn the_names_are_sorted_for_the_search() {
        let order = |pair: &[&str]| compare_ignoring_case(pair[0], pair[1]).is_lt();
        assert!(NAMES.windows(2).all(order));
        assert!(Action::new("S3:getobject").is_known());
        assert!(!Action::new("s3:GetObjects").is_known());
        assert!(!Action::new("").is_known());
    }

    #[test]
    fn sets_and_texts_agree() {
        for negated in [false, true] {
            let some = actions(&["s3:Get*", "s3-outposts:?utObject", "IAM:*"], negated);
            for name in NAMES
                .iter()
                .copied()
                .chain(["iam:CreateUser", "ec2:RunInstances"])
            {
                assert_eq!(
                    some.include(Action::new(name)),
                    some.include_unknown(name),
                    "{name}"
                );
            }
            assert_eq!(some.include(Action::new("iam:createuser")), !negated);
            assert_eq!(some.include(Action::new("s3-outposts:PutObject")), !negated);
            assert_eq!(some.include(Action::new("s3:PutObject")), negated);
        }
    }

    #[test]
    fn what_is_no_action_is_refused() {
        for bad in [
            "",
            "GetObject",
            "s3:",
            ":GetObject",
            "s3:Get Object",
            "s3:a:b",
            "s3:${x}",
            "**",
        ] {
            assert!(parse_pattern(bad).is_err(), "{bad}");
        }
        assert!(parse_pattern("*").is_ok() && parse_pattern("*:*").is_ok());
    }

    #[test]
    fn every_operation_needs_actions_that_exist() {
        for row in OPERATIONS {
            for name in row.s3.iter().chain(row.outposts) {
                assert!(
                    Action::new(name).is_known(),
                    "{} needs {name}",
                    row.operation
                );
            }
            for extra in row.extras {
                assert!(Action::new(extra.s3).is_known(), "{}", extra.s3);
                assert!(
                    extra
                        .outposts
                        .is_none_or(|name| Action::new(name).is_known())
                );
            }
        }
        let mut names: Vec<_> = OPERATIONS.iter().map(|row| row.operation).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPERATIONS.len(), "an operation has one row");
    }
}
