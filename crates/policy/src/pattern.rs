//! Text with wildcards and variables, compiled.
//!
//! Most patterns of a policy are a literal, a literal with a `*` behind it, or `*` alone, and each of
//! these is a comparison. The rest are parts that are matched from left to right; a part other than
//! `*` takes a length that its place decides, so that going back to the last `*` is enough and the
//! time is bounded by the product of the lengths.
//!
//! What a variable stands for is literal: an asterisk in a user's name is an asterisk. A variable
//! without a value matches nothing. Source: IAM user guide, "IAM policy elements: Variables and
//! tags", with its section "Policy variables with no value".

use crate::{context::Context, key::Key};
use std::borrow::Cow;

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// `*`.
    All,
    /// No wildcard.
    Exact(Box<str>),
    /// A literal and a `*`.
    Prefix(Box<str>),
    /// Whatever else.
    Parts(Box<[Part]>),
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(Box<str>),
    /// `?`: one character.
    Any,
    /// `*`: any number of characters.
    Star,
    /// `${key}` or `${key, 'default'}`.
    Variable {
        key: Key,
        default: Option<Box<str>>,
    },
}

/// What is special in a pattern's text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Syntax {
    /// `*` and `?`.
    pub(crate) wildcards: bool,
    /// `${…}`: in policies of 2012-10-17 only.
    pub(crate) variables: bool,
}

/// Whether the case of ASCII letters counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Counts,
    Ignored,
}

/// `${` that begins no variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadVariable(pub(crate) String);

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Self, BadVariable> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if syntax.variables && rest.starts_with("${") {
                let (inner, behind) = split_variable(rest)?;
                match inner {
                    "*" | "?" | "$" => literal.push_str(inner),
                    _ => {
                        flush(&mut literal, &mut parts);
                        parts.push(variable(inner)?);
                    }
                }
                rest = behind;
                continue;
            }
            match c {
                '*' if syntax.wildcards => {
                    flush(&mut literal, &mut parts);
                    if parts.last() != Some(&Part::Star) {
                        parts.push(Part::Star);
                    }
                }
                '?' if syntax.wildcards => {
                    flush(&mut literal, &mut parts);
                    parts.push(Part::Any);
                }
                _ => literal.push(c),
            }
            rest = &rest[c.len_utf8()..];
        }
        flush(&mut literal, &mut parts);
        Ok(Self::of(parts))
    }

    fn of(parts: Vec<Part>) -> Self {
        match parts.as_slice() {
            [] => Self::Exact("".into()),
            [Part::Star] => Self::All,
            [Part::Literal(text)] => Self::Exact(text.clone()),
            [Part::Literal(text), Part::Star] => Self::Prefix(text.clone()),
            _ => Self::Parts(parts.into()),
        }
    }

    /// Whether `text` is of this pattern.
    pub(crate) fn matches(&self, text: &str, context: &Context<'_>, case: Case) -> bool {
        match self {
            Self::All => true,
            Self::Exact(literal) => text.len() == literal.len() && starts(text, literal, case),
            Self::Prefix(literal) => starts(text, literal, case),
            Self::Parts(parts) => self.resolves(context) && match_parts(parts, text, context, case),
        }
    }

    /// Whether every variable has a value.
    pub(crate) fn resolves(&self, context: &Context<'_>) -> bool {
        self.variables()
            .all(|(key, default)| default.is_some() || context.variable(key).is_some())
    }

    /// The variables and their defaults.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&Key, Option<&str>)> {
        let parts: &[Part] = match self {
            Self::Parts(parts) => parts,
            _ => &[],
        };
        parts.iter().filter_map(|part| match part {
            Part::Variable { key, default } => Some((key, default.as_deref())),
            _ => None,
        })
    }

    /// What every text of this pattern begins with.
    pub(crate) fn literal_prefix(&self) -> &str {
        match self {
            Self::All => "",
            Self::Exact(literal) | Self::Prefix(literal) => literal,
            Self::Parts(parts) => match parts.first() {
                Some(Part::Literal(literal)) => literal,
                _ => "",
            },
        }
    }

    /// The text of a pattern without wildcards, its variables put in; `None` when one has no value.
    pub(crate) fn expand<'p>(&'p self, context: &Context<'_>) -> Option<Cow<'p, str>> {
        let parts = match self {
            Self::Exact(literal) => return Some(Cow::Borrowed(literal)),
            Self::Parts(parts) => parts,
            Self::All => return Some(Cow::Borrowed("*")),
            Self::Prefix(literal) => return Some(Cow::Owned(format!("{literal}*"))),
        };
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Any => text.push('?'),
                Part::Star => text.push('*'),
                Part::Variable { key, default } => match context.variable(key) {
                    Some(value) => text.push_str(&value),
                    None => text.push_str(default.as_deref()?),
                },
            }
        }
        Some(Cow::Owned(text))
    }

    /// How many parts are matched one by one.
    pub(crate) fn part_count(&self) -> usize {
        match self {
            Self::Parts(parts) => parts.len(),
            _ => 0,
        }
    }

    /// The bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::All => 0,
            Self::Exact(text) | Self::Prefix(text) => text.len(),
            Self::Parts(parts) => {
                let inside = parts.iter().map(|part| match part {
                    Part::Literal(text) => text.len(),
                    _ => 0,
                });
                size_of_val(&**parts) + inside.sum::<usize>()
            }
        }
    }
}

fn flush(literal: &mut String, parts: &mut Vec<Part>) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal).into()));
    }
}

/// What stands in the braces that `text` begins with, and what is behind them.
pub(crate) fn split_variable(text: &str) -> Result<(&str, &str), BadVariable> {
    text.strip_prefix("${")
        .and_then(|inner| inner.split_once('}'))
        .ok_or_else(|| BadVariable(text.to_owned()))
}

/// `key` or `key, 'default'`.
fn variable(inner: &str) -> Result<Part, BadVariable> {
    let bad = || BadVariable(format!("${{{inner}}}"));
    let (name, default) = match inner.split_once(',') {
        None => (inner, None),
        Some((name, default)) => {
            let quoted = default.trim().strip_prefix('\'');
            let text = quoted.and_then(|d| d.strip_suffix('\'')).ok_or_else(bad)?;
            (name, Some(text.into()))
        }
    };
    let key = Key::parse(name.trim()).ok_or_else(bad)?;
    Ok(Part::Variable { key, default })
}

/// Whether `text` begins with `literal`.
fn starts(text: &str, literal: &str, case: Case) -> bool {
    let Some(head) = text.as_bytes().get(..literal.len()) else {
        return false;
    };
    match case {
        Case::Counts => head == literal.as_bytes(),
        Case::Ignored => head.eq_ignore_ascii_case(literal.as_bytes()),
    }
}

fn match_parts(parts: &[Part], text: &str, context: &Context<'_>, case: Case) -> bool {
    let (mut part, mut at) = (0, 0);
    // Behind the last `*`: which part follows it, and where it is tried.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let taken = match parts.get(part) {
            None if at == text.len() => return true,
            None => None,
            Some(Part::Star) => {
                part += 1;
                star = Some((part, at));
                continue;
            }
            Some(other) => take(other, &text[at..], context, case),
        };
        if let Some(len) = taken {
            part += 1;
            at += len;
            continue;
        }
        let Some((next, tried)) = star else {
            return false;
        };
        let Some(c) = text[tried..].chars().next() else {
            return false;
        };
        (part, at) = (next, tried + c.len_utf8());
        star = Some((part, at));
    }
}

/// How many bytes of `text` the part takes.
fn take(part: &Part, text: &str, context: &Context<'_>, case: Case) -> Option<usize> {
    match part {
        Part::Star => Some(0),
        Part::Any => text.chars().next().map(char::len_utf8),
        Part::Literal(literal) => starts(text, literal, case).then_some(literal.len()),
        Part::Variable { key, default } => {
            let value = context.variable(key);
            let value = value.as_deref().or(default.as_deref())?;
            starts(text, value, case).then_some(value.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Dialect, Fact};
    use proptest::prelude::*;

    const ALL: Syntax = Syntax {
        wildcards: true,
        variables: true,
    };

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text, ALL).unwrap()
    }

    fn context() -> Context<'static> {
        let mut context = Context::new(Dialect::S3);
        context.set(Fact::Username, "a*b");
        context
    }

    fn matches(p: &str, text: &str) -> bool {
        pattern(p).matches(text, &context(), Case::Counts)
    }

    #[test]
    fn wildcards() {
        for (p, text) in [
            ("*", ""),
            ("*", "a/b:c"),
            ("a*", "a"),
            ("a*", "ab"),
            ("*a", "ba"),
            ("a*c", "abc"),
            ("a?c", "aéc"),
            ("a*b*c", "axbxbc"),
            ("*.jpg", "x.jpg.jpg"),
            ("a**b", "ab"),
            ("?*", "x"),
            ("", ""),
            ("${*}${?}${$}", "*?$"),
            ("$x{y}", "$x{y}"),
            ("*é*", "caféé"),
        ] {
            assert!(matches(p, text), "{p} {text}");
        }
        for (p, text) in [
            ("a*", "ba"),
            ("*a", "ab"),
            ("a?c", "ac"),
            ("a?c", "abbc"),
            ("", "a"),
            ("?", ""),
            ("a*b*c", "acb"),
            ("${*}", "x"),
            ("A", "a"),
            ("é?", "é"),
        ] {
            assert!(!matches(p, text), "{p} {text}");
        }
    }

    #[test]
    fn variables() {
        assert!(matches("home/${aws:username}/*", "home/a*b/x"));
        assert!(
            !matches("home/${aws:username}/*", "home/aXb/x"),
            "its value is literal"
        );
        assert!(matches("*${AWS:UserName}", "xa*ba*b"));
        assert!(
            !matches("${s3:prefix}*", "anything"),
            "no value matches nothing"
        );
        assert!(matches("${s3:prefix, 'all'}/x", "all/x"));
        assert!(matches("${aws:username,'all'}", "a*b"));
        assert!(matches("${s3:prefix, ''}", ""));
        for bad in [
            "${",
            "${x}",
            "${aws:username",
            "${}",
            "${aws:username, all}",
            "${ }",
        ] {
            assert!(Pattern::parse(bad, ALL).is_err(), "{bad}");
        }
        let of_2008 = Syntax {
            wildcards: true,
            variables: false,
        };
        let literal = Pattern::parse("${aws:username}", of_2008).unwrap();
        assert!(literal.matches("${aws:username}", &context(), Case::Counts));
    }

    #[test]
    fn case_may_be_ignored() {
        let p = pattern("S3:Get*");
        assert!(p.matches("s3:GETOBJECT", &context(), Case::Ignored));
        assert!(!p.matches("s3:GetObject", &context(), Case::Counts));
    }

    /// What the pattern means, said by recursion.
    fn naive(p: &[char], t: &[char]) -> bool {
        match (p.first(), t.first()) {
            (None, None) => true,
            (Some('*'), _) => naive(&p[1..], t) || !t.is_empty() && naive(p, &t[1..]),
            (Some('?'), Some(_)) => naive(&p[1..], &t[1..]),
            (Some(a), Some(b)) => a == b && naive(&p[1..], &t[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_recursion(p in "[abé*?]{0,8}", t in "[abé]{0,8}") {
            let (pc, tc): (Vec<_>, Vec<_>) = (p.chars().collect(), t.chars().collect());
            prop_assert_eq!(matches(&p, &t), naive(&pc, &tc));
            prop_assert!(!matches(&p, &t) || t.starts_with(pattern(&p).literal_prefix()));
        }
    }
}
