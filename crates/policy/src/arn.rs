//! ARNs, and patterns of them.
//!
//! An ARN has six parts between colons; the last one holds whatever colons follow. A pattern is
//! compared part by part: a `*` in one part never reaches the next, and in the last it spans `/` and
//! `:`. Source: IAM user guide, "IAM identifiers" and "Amazon Resource Name (ARN) condition
//! operators".

use crate::{
    context::Context,
    pattern::{BadVariable, Case, Pattern, Syntax, split_variable},
};

/// An ARN cut into its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// The first five parts, with the colons between them.
    head: &'a str,
    last: &'a str,
}

impl<'a> Arn<'a> {
    /// Cuts an ARN; `None` for what is none.
    pub fn parse(text: &'a str) -> Option<Self> {
        if !text.starts_with("arn:") {
            return None;
        }
        let (at, _) = text.match_indices(':').nth(4)?;
        Some(Self {
            head: &text[..at],
            last: &text[at + 1..],
        })
    }

    /// The part behind the fifth colon.
    pub(crate) fn last(self) -> &'a str {
        self.last
    }

    fn head_parts(self) -> std::str::Split<'a, char> {
        self.head.split(':')
    }
}

impl std::fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.head, self.last)
    }
}

/// A pattern of an ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArnPattern {
    head: Head,
    last: Pattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Head {
    /// The usual one, without wildcards.
    Literal(Box<str>),
    /// Part by part, the first of which is `arn`.
    Parts(Box<[Pattern; 4]>),
}

/// Why a text is no pattern of an ARN.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoArn {
    /// Not six parts of which the first is `arn`.
    Shape,
    Variable(BadVariable),
}

impl ArnPattern {
    /// Reads a pattern; `*` alone is not one.
    pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Self, NoArn> {
        let parts = split(text, syntax.variables).map_err(NoArn::Variable)?;
        let [scheme, head @ .., last] = parts.as_slice() else {
            return Err(NoArn::Shape);
        };
        if *scheme != "arn" || head.len() != 4 {
            return Err(NoArn::Shape);
        }
        let compiled = |text: &str| Pattern::parse(text, syntax).map_err(NoArn::Variable);
        let last = compiled(last)?;
        let mut patterns = [const { Pattern::All }; 4];
        for (slot, text) in patterns.iter_mut().zip(head) {
            *slot = compiled(text)?;
        }
        let literal = patterns.iter().all(|p| matches!(p, Pattern::Exact(_)));
        let head = match literal {
            true => Head::Literal(format!("arn:{}", head.join(":")).into()),
            false => Head::Parts(Box::new(patterns)),
        };
        Ok(Self { head, last })
    }

    /// Whether the ARN is of this pattern. `names` says whether the case of partition and service
    /// counts; of everything else it does.
    pub(crate) fn matches(&self, arn: Arn<'_>, context: &Context<'_>, names: Case) -> bool {
        self.head_matches(arn, context, names) && self.last.matches(arn.last, context, Case::Counts)
    }

    fn head_matches(&self, arn: Arn<'_>, context: &Context<'_>, names: Case) -> bool {
        let case = |at: usize| if at < 2 { names } else { Case::Counts };
        match &self.head {
            Head::Literal(literal) if **literal == *arn.head => true,
            Head::Literal(_) if names == Case::Counts => false,
            Head::Literal(literal) => {
                literal.eq_ignore_ascii_case(arn.head)
                    && literal.split(':').skip(3).eq(arn.head_parts().skip(3))
            }
            Head::Parts(patterns) => {
                let mut pairs = patterns.iter().zip(arn.head_parts().skip(1)).enumerate();
                pairs.all(|(at, (pattern, part))| pattern.matches(part, context, case(at)))
            }
        }
    }

    /// The patterns of the parts that may have variables.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let head: &[Pattern] = match &self.head {
            Head::Literal(_) => &[],
            Head::Parts(patterns) => &**patterns,
        };
        head.iter().chain(std::iter::once(&self.last))
    }

    /// The pattern of the last part.
    pub(crate) fn last_pattern(&self) -> &Pattern {
        &self.last
    }

    /// The last part, if it has no wildcard and no variable.
    pub(crate) fn exact_last(&self) -> Option<&str> {
        match &self.last {
            Pattern::Exact(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the head could be that of `arn`; one with variables could be any.
    pub(crate) fn head_may_match(&self, arn: Arn<'_>) -> bool {
        let variables = self.patterns().any(|p| p.variables().next().is_some());
        variables || self.head_matches(arn, &Context::nothing(), Case::Ignored)
    }

    /// Whether a head without wildcards names this service.
    pub(crate) fn head_names_service(&self, service: &str) -> bool {
        match &self.head {
            Head::Literal(head) => head
                .split(':')
                .nth(2)
                .is_some_and(|of| of.eq_ignore_ascii_case(service)),
            Head::Parts(_) => true,
        }
    }

    /// What the last part of every matching ARN begins with.
    pub(crate) fn literal_prefix(&self) -> &str {
        self.last.literal_prefix()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let head = match &self.head {
            Head::Literal(text) => text.len(),
            Head::Parts(patterns) => size_of_val(&**patterns),
        };
        head + self.patterns().map(Pattern::heap_bytes).sum::<usize>()
    }
}

/// The six parts; colons within a variable's braces do not count.
fn split(text: &str, variables: bool) -> Result<Vec<&str>, BadVariable> {
    let mut parts = Vec::with_capacity(6);
    let (mut start, mut at) = (0, 0);
    while parts.len() < 5 && at < text.len() {
        let rest = &text[at..];
        if variables && rest.starts_with("${") {
            let (_, behind) = split_variable(rest)?;
            at = text.len() - behind.len();
        } else if rest.starts_with(':') {
            parts.push(&text[start..at]);
            at += 1;
            start = at;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    parts.push(&text[start..]);
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Dialect, Fact};

    const ALL: Syntax = Syntax {
        wildcards: true,
        variables: true,
    };

    fn matches(pattern: &str, arn: &str) -> bool {
        let mut context = Context::new(Dialect::S3);
        context.set(Fact::Username, "alice");
        let pattern = ArnPattern::parse(pattern, ALL).unwrap();
        pattern.matches(Arn::parse(arn).unwrap(), &context, Case::Ignored)
    }

    #[test]
    fn part_by_part() {
        let object = "arn:aws:s3:::bkt/a:b/c";
        for good in [
            "arn:aws:s3:::bkt/*",
            "arn:*:s3:::*",
            "arn:AWS:S3:::bkt/a:b/c",
            "arn:aws:s?:*:*:*c",
            "arn:aws:s3:::bkt/a:*",
            "arn:aws:s3:::${s3:prefix, 'bkt'}/*",
        ] {
            assert!(matches(good, object), "{good}");
        }
        for bad in [
            "arn:aws:s3:::bkt",
            "arn:aws:*bkt/a:b/c::::",
            "arn:aws:s3:*:bkt/*:",
            "arn:aws:s3:::BKT/*",
            "arn:aws:s3::*:x",
            "arn:aws:s3:::${aws:SourceIp}*",
        ] {
            assert!(!matches(bad, object), "{bad}");
        }
        assert!(matches(
            "arn:aws:iam::*:user/${aws:username}",
            "arn:aws:iam::111122223333:user/alice"
        ));
        assert!(!matches("arn:aws:iam::1:user/A", "arn:aws:iam::1:user/a"));
    }

    #[test]
    fn shapes() {
        for bad in [
            "*",
            "",
            "arn:aws:s3",
            "arn:aws:s3::bkt",
            "urn:aws:s3:::b",
            "arn:aws:s3:${aws:x:y}:b",
        ] {
            assert_eq!(ArnPattern::parse(bad, ALL), Err(NoArn::Shape), "{bad}");
        }
        assert!(matches!(
            ArnPattern::parse("arn:aws:s3:::${aws:username", ALL),
            Err(NoArn::Variable(_))
        ));
        assert_eq!(Arn::parse("arn:aws:s3:::b").unwrap().last(), "b");
        assert_eq!(Arn::parse("arn:aws:s3::b"), None);
        assert_eq!(Arn::parse("x:aws:s3:::b"), None);
    }
}
