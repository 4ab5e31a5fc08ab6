//! A compiled policy.
//!
//! Its statements are in two halves, Deny and Allow, because a request meets all the Denys of all
//! policies first. A half with many statements has an index over what their resources begin with, so
//! that a request meets those of its own bucket or folder and not the other ten thousand.

mod half;

use crate::{
    action::{Action, Actions, parse_pattern},
    context::Context,
    document::{self, Version},
    key::{Families, Family, Key},
    kind::Kind,
    malformed::{MalformedPolicy, Place, line_and_column},
    principal::{Entry, Principals},
    statement::{Effect, ResourcePattern, Resources, Statement},
};
pub(crate) use half::Half;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A policy, compiled: read once, decides many.
#[derive(Debug, Clone)]
pub struct Policy {
    id: Box<str>,
    kind: Kind,
    version: Version,
    text: Box<str>,
    fingerprint: Box<str>,
    statements: Box<[Statement]>,
    deny: Half,
    allow: Half,
    families: Families,
}

/// See [`Policy::fingerprint`].
fn fingerprint(text: &str) -> Box<str> {
    blockhouse_types::hex(&Sha256::digest(text)[..8]).into()
}

/// Where a statement stands in its policy's text, as IAM's simulator says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Line and column of its first character, from one.
    pub start: (u32, u32),
    /// Line and column behind its last character.
    pub end: (u32, u32),
}

impl Policy {
    /// Reads and compiles a policy. `id` is what decisions call it: an ARN or a name.
    pub fn parse(kind: Kind, id: &str, text: &str) -> Result<Self, MalformedPolicy> {
        let document = document::read(kind, text)?;
        Ok(Self::of(kind, id, text, document))
    }

    fn of(kind: Kind, id: &str, text: &str, document: document::Document) -> Self {
        let statements: Box<[Statement]> = document.statements.into();
        let families = keys(&statements).filter_map(Key::family).collect();
        Self {
            id: id.into(),
            kind,
            version: document.version,
            text: text.into(),
            fingerprint: fingerprint(text),
            deny: Half::new(&statements, Effect::Deny),
            allow: Half::new(&statements, Effect::Allow),
            families,
            statements,
        }
    }

    /// What stands for a policy that is there and cannot be read: it denies everything to everybody.
    /// To leave it out would be to allow what it may have denied.
    pub fn unreadable(kind: Kind, id: &str) -> Self {
        let everything = parse_pattern("*").into_iter().collect();
        let principals = Principals {
            entries: Box::new([Entry::Everyone]),
            negated: false,
        };
        let statement = Statement {
            sid: Some("Unreadable".into()),
            effect: Effect::Deny,
            principals: Some(principals),
            actions: Actions::compile(everything, false),
            resources: Resources {
                patterns: Box::new([ResourcePattern::Every]),
                negated: false,
            },
            conditions: Box::default(),
            span: (0, 0),
        };
        let document = document::Document {
            version: Version::Of2012,
            statements: vec![statement],
        };
        Self::of(kind, id, "", document)
    }

    /// What decisions call it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it is attached.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Which text it is: the first sixteen hexadecimal digits of its SHA-256. Tells versions of a
    /// policy apart long after.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Its text, as given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many statements it has.
    pub fn statement_count(&self) -> usize {
        self.statements.len()
    }

    /// The Sid of a statement.
    pub fn sid(&self, statement: usize) -> Option<&str> {
        self.statements.get(statement)?.sid.as_deref()
    }

    /// Where a statement stands in the text.
    pub fn span(&self, statement: usize) -> Option<Span> {
        let (start, end) = self.statements.get(statement)?.span;
        Some(Span {
            start: line_and_column(&self.text, start),
            end: line_and_column(&self.text, end),
        })
    }

    /// The memory that it takes, in bytes: itself, its text, statements and index.
    pub fn memory_bytes(&self) -> usize {
        let inside = self.statements.iter().map(Statement::heap_bytes);
        size_of::<Self>()
            + self.id.len()
            + self.text.len()
            + self.fingerprint.len()
            + size_of_val(&*self.statements)
            + inside.sum::<usize>()
            + self.deny.heap_bytes()
            + self.allow.heap_bytes()
    }

    /// The condition keys that its statements ask for, variables among them, sorted: IAM's
    /// GetContextKeysForCustomPolicy.
    pub fn context_keys(&self) -> Vec<String> {
        let mut names: Vec<String> = keys(&self.statements).map(Key::name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Those of them that are absent.
    pub(crate) fn absent_keys(&self, context: &Context<'_>) -> Vec<String> {
        let absent = keys(&self.statements).filter(|key| context.get(key).is_none());
        absent.map(Key::name).collect()
    }

    /// Whether its statements ask for any tag of the family, so that a caller need not look up what
    /// nobody asks for. Known since it was read: costs nothing.
    pub fn asks_for_tags(&self, family: Family) -> bool {
        self.families.contains(family)
    }

    /// Whether any statement speaks of the action, whatever the rest says.
    pub fn speaks_of(&self, action: Action<'_>) -> bool {
        self.statements.iter().any(|s| s.actions.include(action))
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    pub(crate) fn half(&self, effect: Effect) -> &Half {
        match effect {
            Effect::Allow => &self.allow,
            Effect::Deny => &self.deny,
        }
    }

    /// The place of a byte of the text.
    pub(crate) fn place(&self, offset: u32, path: String) -> Place {
        Place::of(&self.text, offset, path)
    }
}

/// The condition keys that statements ask for, in order; one may come several times.
fn keys(statements: &[Statement]) -> impl Iterator<Item = &Key> {
    statements.iter().flat_map(|statement| {
        let conditions = statement.conditions.iter().flat_map(|c| c.keys());
        let patterns = statement.resources.patterns.iter();
        conditions.chain(patterns.flat_map(|p| p.variables().map(|(key, _)| key)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_that_are_asked_for() {
        let asked = |resource: &str, condition: &str| {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Principal":"*","Action":"*",
                    "Resource":"{resource}","Condition":{condition}}}}}"#
            );
            let policy = Policy::parse(Kind::Bucket, "p", &text).unwrap();
            [Family::ExistingObjectTag, Family::PrincipalTag].map(|f| policy.asks_for_tags(f))
        };
        let on = "arn:aws:s3:::b/*";
        assert_eq!(asked(on, "{}"), [false, false]);
        let existing = r#"{"StringEquals":{"S3:existingobjecttag/a":"b"}}"#;
        assert_eq!(asked(on, existing), [true, false]);
        let outposts =
            r#"{"StringEquals":{"s3-outposts:ExistingObjectTag/a":"${aws:PrincipalTag/a}"}}"#;
        assert_eq!(asked(on, outposts), [true, true]);
        assert_eq!(
            asked("arn:aws:s3:::b/${aws:PrincipalTag/team}/*", "{}"),
            [false, true]
        );
        let new = r#"{"StringEquals":{"s3:RequestObjectTag/a":"b"}}"#;
        assert_eq!(asked(on, new), [false, false]);
    }
}
