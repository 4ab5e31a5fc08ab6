//! From a policy's text to its statements: the grammar, strictly.
//!
//! ```text
//!   text ─► json::read ─► element by element ─► Statement, its patterns and values compiled
//!                              └──► MalformedPolicy, with the path and the byte
//! ```
//!
//! An element that the grammar does not have, has in another case, or that this kind of policy may
//! not have, is refused; so is a value that its operator cannot compare with, which AWS takes and
//! never matches. A list of one may stand without its brackets, and a number or boolean without its
//! quotes. Sources: IAM user guide, "Grammar of the IAM JSON policy language"; Amazon S3 user guide,
//! "Policies and permissions in Amazon S3".

mod conditions;
mod principals;

use crate::{
    action::{Actions, parse_pattern},
    arn::{ArnPattern, NoArn},
    json::{self, FaultKind, Member, Node, Value},
    kind::{Kind, Presence, STATEMENTS_MAX, TEXT_BYTES_MAX},
    malformed::{Fault, MalformedPolicy, Place},
    pattern::Syntax,
    statement::{Effect, ResourcePattern, Resources, Statement},
};
use std::{collections::BTreeSet, fmt::Write as _};

/// Which edition of the language a policy is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// `2008-10-17`, and a policy that does not say: no variables.
    Of2008,
    /// `2012-10-17`.
    Of2012,
}

/// What a text says.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) version: Version,
    pub(crate) statements: Vec<Statement>,
}

/// Reads a policy of this kind.
pub(crate) fn read(kind: Kind, text: &str) -> Result<Document, MalformedPolicy> {
    let reader = Reader { kind, text };
    let root = Path::Root;
    if text.len() > TEXT_BYTES_MAX || kind.size(text) > kind.size_max() {
        let max = kind.size_max().min(TEXT_BYTES_MAX);
        return Err(reader.fault(0, root, Fault::TooLong { max }));
    }
    let node = json::read(text).map_err(|fault| {
        let what = match fault.what {
            FaultKind::Syntax => Fault::NotJson,
            FaultKind::TooDeep => Fault::TooDeep,
            FaultKind::Duplicate(name) => Fault::Duplicate(name),
        };
        reader.fault(fault.at, root, what)
    })?;
    reader.policy(&node)
}

/// The way to an element, from the inside out.
#[derive(Clone, Copy)]
enum Path<'p> {
    Root,
    Name(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Path<'_> {
    fn write(self, to: &mut String) {
        match self {
            Self::Root => {}
            Self::Name(parent, name) => {
                parent.write(to);
                if !to.is_empty() {
                    to.push('.');
                }
                to.push_str(name);
            }
            Self::Index(parent, at) => {
                parent.write(to);
                // Writing to a string cannot fail.
                let _ = write!(to, "[{at}]");
            }
        }
    }
}

type Result_<T> = Result<T, MalformedPolicy>;

#[derive(Clone, Copy)]
struct Reader<'t> {
    kind: Kind,
    text: &'t str,
}

/// A reader that knows the version.
#[derive(Clone, Copy)]
struct Statements<'t> {
    reader: Reader<'t>,
    version: Version,
}

impl Reader<'_> {
    fn fault(&self, at: u32, path: Path<'_>, fault: Fault) -> MalformedPolicy {
        let mut way = String::new();
        path.write(&mut way);
        let place = Place::of(self.text, at, way);
        MalformedPolicy { fault, place }
    }

    fn policy(self, node: &Node<'_>) -> Result_<Document> {
        let root = Path::Root;
        let Value::Object(members) = &node.value else {
            return Err(self.fault(node.start, root, Fault::NotJson));
        };
        let (mut version, mut statement) = (Version::Of2008, None);
        for member in members {
            let path = Path::Name(&root, &member.name);
            match &*member.name {
                "Version" => version = self.version(&member.node, path)?,
                "Id" => {
                    self.short_text(&member.node, path, "Id")?;
                }
                "Statement" => statement = Some(&member.node),
                other => {
                    let fault = Fault::UnknownElement(other.to_owned());
                    return Err(self.fault(member.at, root, fault));
                }
            }
        }
        let Some(node) = statement else {
            return Err(self.fault(node.start, root, Fault::Missing("Statement")));
        };
        let reader = Statements {
            reader: self,
            version,
        };
        let statements = reader.statements(node)?;
        Ok(Document {
            version,
            statements,
        })
    }

    fn version(&self, node: &Node<'_>, path: Path<'_>) -> Result_<Version> {
        match &node.value {
            Value::Text(text) if text == "2008-10-17" => Ok(Version::Of2008),
            Value::Text(text) if text == "2012-10-17" => Ok(Version::Of2012),
            _ => Err(self.fault(node.start, path, Fault::Version)),
        }
    }

    fn short_text<'n>(
        &self,
        node: &'n Node<'_>,
        path: Path<'_>,
        element: &'static str,
    ) -> Result_<&'n str> {
        match &node.value {
            Value::Text(text) => Ok(text),
            _ => {
                let expected = "a string";
                Err(self.fault(node.start, path, Fault::Type { element, expected }))
            }
        }
    }

    /// The values of what may be one or a list of one or more.
    fn list<'n, 'a>(
        &self,
        node: &'n Node<'a>,
        path: Path<'_>,
        element: &'static str,
    ) -> Result_<&'n [Node<'a>]> {
        match &node.value {
            Value::List(items) if items.is_empty() => {
                Err(self.fault(node.start, path, Fault::Empty(element)))
            }
            Value::List(items) => Ok(items),
            _ => Ok(std::slice::from_ref(node)),
        }
    }

    /// The path of the value at `index`: of one without brackets, the element's own.
    fn item_path<'p>(node: &Node<'_>, path: &'p Path<'p>, index: usize) -> Path<'p> {
        match node.value {
            Value::List(_) => Path::Index(path, index),
            _ => *path,
        }
    }
}

/// The elements of a statement, in the order of the grammar.
const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

impl<'t> Statements<'t> {
    fn statements(self, node: &Node<'_>) -> Result_<Vec<Statement>> {
        let path = Path::Name(&Path::Root, "Statement");
        let nodes = self.reader.list(node, path, "Statement")?;
        if nodes.len() > STATEMENTS_MAX {
            let what = "statements";
            let max = STATEMENTS_MAX;
            return Err(self.fault(node.start, path, Fault::TooMany { what, max }));
        }
        let mut sids = BTreeSet::new();
        let mut parts = 0usize;
        let mut statements = Vec::with_capacity(nodes.len());
        for (index, item) in nodes.iter().enumerate() {
            let path = Reader::item_path(node, &path, index);
            let statement = self.statement(item, path)?;
            if let Some(sid) = statement.sid.as_deref().filter(|sid| !sid.is_empty())
                && !sids.insert(sid.to_owned())
                && !self.reader.kind.sid_is_free()
            {
                return Err(self.fault(item.start, path, Fault::SidTwice(sid.to_owned())));
            }
            parts += statement.part_count();
            let max = self.reader.kind.pattern_parts_max();
            if parts > max {
                let what = "parts between wildcards";
                return Err(self.fault(item.start, path, Fault::TooMany { what, max }));
            }
            statements.push(statement);
        }
        Ok(statements)
    }

    fn fault(&self, at: u32, path: Path<'_>, fault: Fault) -> MalformedPolicy {
        self.reader.fault(at, path, fault)
    }

    fn statement(self, node: &Node<'_>, path: Path<'_>) -> Result_<Statement> {
        let Value::Object(members) = &node.value else {
            let (element, expected) = ("Statement", "an object or a list of objects");
            return Err(self.fault(node.start, path, Fault::Type { element, expected }));
        };
        for member in members {
            if !ELEMENTS.contains(&&*member.name) {
                let fault = Fault::UnknownElement(member.name.clone().into_owned());
                return Err(self.fault(member.at, path, fault));
            }
        }
        let element = |name: &str| members.iter().find(|m| m.name == name);
        let effect = match element("Effect") {
            None => return Err(self.fault(node.start, path, Fault::Missing("Effect"))),
            Some(member) => self.effect(&member.node, Path::Name(&path, "Effect"))?,
        };
        let choices = Choices {
            reader: self,
            members,
            at: node.start,
            path,
        };
        let principals = self.principals(&choices, effect)?;
        let actions = self.actions(&choices)?;
        let resources = self.resources(&choices)?;
        let conditions = match element("Condition") {
            None => Box::default(),
            Some(member) => self.conditions(&member.node, Path::Name(&path, "Condition"))?,
        };
        let sid = match element("Sid") {
            None => None,
            Some(member) => Some(self.sid(&member.node, Path::Name(&path, "Sid"))?),
        };
        Ok(Statement {
            sid,
            effect,
            principals,
            actions,
            resources,
            conditions,
            span: (node.start, node.end),
        })
    }

    fn effect(&self, node: &Node<'_>, path: Path<'_>) -> Result_<Effect> {
        match self.reader.short_text(node, path, "Effect")? {
            "Allow" => Ok(Effect::Allow),
            "Deny" => Ok(Effect::Deny),
            other => Err(self.fault(node.start, path, Fault::Effect(other.to_owned()))),
        }
    }

    fn sid(&self, node: &Node<'_>, path: Path<'_>) -> Result_<Box<str>> {
        let sid = self.reader.short_text(node, path, "Sid")?;
        let legal = sid.bytes().all(|b| b.is_ascii_alphanumeric());
        if !legal && !self.reader.kind.sid_is_free() {
            return Err(self.fault(node.start, path, Fault::Sid));
        }
        Ok(sid.into())
    }

    fn actions(&self, choices: &Choices<'_, '_, 't>) -> Result_<Actions> {
        let chosen = choices.one_of("Action", "NotAction", Presence::Required)?;
        let Some((member, negated)) = chosen else {
            return Ok(Actions::compile(Vec::new(), true));
        };
        let mut patterns = Vec::new();
        let each = |at: u32, path: Path<'_>, text: &str| {
            let compiled = parse_pattern(text).map_err(|_| {
                let fault = match text.trim() {
                    "" => Fault::EmptyAction,
                    _ => Fault::Action(text.to_owned()),
                };
                self.fault(at, path, fault)
            });
            patterns.push(compiled?);
            Ok(())
        };
        choices.each_text(member, "Action", each)?;
        Ok(Actions::compile(patterns, negated))
    }

    fn resources(&self, choices: &Choices<'_, '_, 't>) -> Result_<Resources> {
        let presence = self.reader.kind.resource();
        let chosen = choices.one_of("Resource", "NotResource", presence)?;
        let Some((member, negated)) = chosen else {
            // A trust policy speaks of its role.
            return Ok(Resources {
                patterns: Box::new([ResourcePattern::Every]),
                negated: false,
            });
        };
        let mut patterns = Vec::new();
        let each = |at: u32, path: Path<'_>, text: &str| {
            patterns.push(self.resource(at, path, text)?);
            Ok(())
        };
        choices.each_text(member, "Resource", each)?;
        Ok(Resources {
            patterns: patterns.into(),
            negated,
        })
    }

    fn resource(&self, at: u32, path: Path<'_>, text: &str) -> Result_<ResourcePattern> {
        if text == "*" {
            return Ok(ResourcePattern::Every);
        }
        let pattern = ArnPattern::parse(text, self.syntax());
        let pattern = pattern.map_err(|no_arn| {
            let fault = match no_arn {
                NoArn::Shape if text.trim().is_empty() => Fault::EmptyResource,
                NoArn::Shape => Fault::Resource(text.to_owned()),
                NoArn::Variable(variable) => Fault::Variable(variable.0),
            };
            self.fault(at, path, fault)
        });
        Ok(ResourcePattern::Arn(pattern?))
    }

    /// What is special in patterns of this policy.
    fn syntax(&self) -> Syntax {
        Syntax {
            wildcards: true,
            variables: self.version == Version::Of2012,
        }
    }
}

/// The elements of a statement that come in pairs of which one may stand.
struct Choices<'n, 'p, 't> {
    reader: Statements<'t>,
    members: &'n [Member<'n>],
    at: u32,
    path: Path<'p>,
}

impl<'n> Choices<'n, '_, '_> {
    /// The element, and whether it is the negated one.
    fn one_of(
        &self,
        plain: &'static str,
        not: &'static str,
        presence: Presence,
    ) -> Result_<Option<(&'n Member<'n>, bool)>> {
        let element = |name: &str| self.members.iter().find(|m| m.name == name);
        let chosen = match (element(plain), element(not)) {
            (Some(_), Some(second)) => {
                let fault = Fault::Both(plain, not);
                return Err(self.reader.fault(second.at, self.path, fault));
            }
            (Some(member), None) => Some((member, false)),
            (None, Some(member)) => Some((member, true)),
            (None, None) => None,
        };
        match (chosen, presence) {
            (None, Presence::Required) => {
                Err(self.reader.fault(self.at, self.path, Fault::Missing(plain)))
            }
            (Some((member, negated)), Presence::Prohibited) => {
                let fault = Fault::Prohibited(if negated { not } else { plain });
                Err(self.reader.fault(member.at, self.path, fault))
            }
            _ => Ok(chosen),
        }
    }

    /// Each text of an element that is one or a list.
    fn each_text(
        &self,
        member: &Member<'_>,
        element: &'static str,
        mut each: impl FnMut(u32, Path<'_>, &str) -> Result_<()>,
    ) -> Result_<()> {
        let path = Path::Name(&self.path, &member.name);
        let reader = self.reader.reader;
        let items = reader.list(&member.node, path, element)?;
        for (index, item) in items.iter().enumerate() {
            let path = Reader::item_path(&member.node, &path, index);
            let text = reader.short_text(item, path, element)?;
            each(item.start, path, text)?;
        }
        Ok(())
    }
}
