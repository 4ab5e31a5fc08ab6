//! One compiled statement, and whether it speaks of a request.

use crate::{
    action::Actions,
    arn::{Arn, ArnPattern},
    condition::Condition,
    context::Context,
    key::Key,
    pattern::{Case, Pattern},
    principal::{Grants, Principals},
    request::Request,
};
use serde::{Deserialize, Serialize};

/// What a statement does when it speaks of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// It may be.
    Allow,
    /// It must not be, whatever else allows it.
    Deny,
}

/// A compiled statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    /// `None` where the kind of policy names nobody: it speaks of whom it is attached to.
    pub(crate) principals: Option<Principals>,
    pub(crate) actions: Actions,
    pub(crate) resources: Resources,
    pub(crate) conditions: Box<[Condition]>,
    /// The bytes of the policy's text that it takes.
    pub(crate) span: (u32, u32),
}

/// `Resource` or `NotResource` of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resources {
    pub(crate) patterns: Box<[ResourcePattern]>,
    pub(crate) negated: bool,
}

/// A resource that a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResourcePattern {
    /// `*`.
    Every,
    /// An ARN, perhaps with wildcards.
    Arn(ArnPattern),
}

impl ResourcePattern {
    /// The variables and their defaults.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&Key, Option<&str>)> {
        let arn = match self {
            Self::Every => None,
            Self::Arn(arn) => Some(arn),
        };
        let patterns = arn.into_iter().flat_map(ArnPattern::patterns);
        patterns.flat_map(Pattern::variables)
    }
}

/// The names of a resource that a policy sees; an object behind an access point has two. None is
/// what the simulator calls `*`.
pub(crate) type Names<'a> = [Option<Arn<'a>>; 2];

impl Statement {
    /// In which ways the statement names the caller, if it speaks of the request at all.
    pub(crate) fn speaks_of(&self, request: &Request<'_>, names: Names<'_>) -> Grants {
        if !self.actions.include(request.action) {
            return Grants::NONE;
        }
        self.speaks_of_the_rest(request, names)
    }

    /// The same, of an action that it is known to speak of.
    #[inline]
    pub(crate) fn speaks_of_the_rest(&self, request: &Request<'_>, names: Names<'_>) -> Grants {
        let grants = self.names(request);
        if !grants.any() || !self.resources.include(names, request.context) {
            return Grants::NONE;
        }
        let mut conditions = self.conditions.iter();
        match conditions.all(|condition| condition.holds(request.context)) {
            true => grants,
            false => Grants::NONE,
        }
    }

    /// In which ways it names the caller.
    pub(crate) fn names(&self, request: &Request<'_>) -> Grants {
        match &self.principals {
            None => Grants::EVERYONE,
            Some(principals) => principals.names(request.principal),
        }
    }

    /// How many parts of patterns are matched one by one, at worst.
    pub(crate) fn part_count(&self) -> usize {
        let resources = self.resources.patterns.iter().map(|p| match p {
            ResourcePattern::Every => 0,
            ResourcePattern::Arn(arn) => arn.patterns().map(Pattern::part_count).sum(),
        });
        let conditions = self.conditions.iter().map(Condition::part_count);
        resources.sum::<usize>() + conditions.sum::<usize>()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let conditions = self.conditions.iter().map(Condition::heap_bytes);
        let resources = self.resources.patterns.iter().map(|p| match p {
            ResourcePattern::Every => 0,
            ResourcePattern::Arn(pattern) => pattern.heap_bytes(),
        });
        self.sid.as_ref().map_or(0, |sid| sid.len())
            + self.principals.as_ref().map_or(0, Principals::heap_bytes)
            + self.actions.heap_bytes()
            + size_of_val(&*self.resources.patterns)
            + resources.sum::<usize>()
            + size_of_val(&*self.conditions)
            + conditions.sum::<usize>()
    }
}

impl Resources {
    /// Whether the statement speaks of the resource. Of one with two names, either will do.
    pub(crate) fn include(&self, names: Names<'_>, context: &Context<'_>) -> bool {
        let named = self.patterns.iter().any(|pattern| match pattern {
            ResourcePattern::Every => true,
            ResourcePattern::Arn(pattern) => {
                let mut names = names.iter().flatten();
                names.any(|name| pattern.matches(*name, context, Case::Ignored))
            }
        });
        named != self.negated
    }

    /// What the last part of every resource that it speaks of begins with, of each pattern; the
    /// empty text where nothing can be said.
    pub(crate) fn literal_prefixes(&self) -> impl Iterator<Item = &str> {
        let negated = self.negated;
        self.patterns.iter().map(move |pattern| match pattern {
            ResourcePattern::Arn(pattern) if !negated => pattern.literal_prefix(),
            _ => "",
        })
    }
}
