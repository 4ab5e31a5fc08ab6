//! One condition: an operator, a key, values.
//!
//! ```text
//!   key absent ─► …IfExists: true │ ForAllValues: true │ ForAnyValue: false │ negated: true │ else false
//!   key there  ─► does any of its values equal any of the policy's? negated: does none?
//! ```
//!
//! A value that its operator cannot read (text beside a numeric operator) equals nothing. Source: IAM
//! user guide, "IAM JSON policy elements: Condition operators", "Multivalued context keys", and the
//! evaluation logic for several context keys or values.

use crate::{
    arn::{Arn, ArnPattern},
    context::{Context, Found, Item},
    key::Key,
    operator::{Operator, Order, Quantifier},
    pattern::{Case, Pattern},
    scalar::{Moment, Number, Prefix},
};

/// A compiled condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) operator: Operator,
    pub(crate) key: Key,
    pub(crate) test: Test,
    /// The values as the policy writes them.
    pub(crate) written: Box<[Box<str>]>,
    /// Where the key stands in the policy's text.
    pub(crate) at: u32,
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    /// Text, exactly or with wildcards: the patterns know.
    Text(Box<[Pattern]>),
    /// Text whose case does not count.
    TextIgnoringCase(Box<[Pattern]>),
    Numbers(Order, Box<[Number]>),
    Moments(Order, Box<[Moment]>),
    Bools(Box<[bool]>),
    Bytes(Box<[Box<[u8]>]>),
    Prefixes(Box<[Prefix]>),
    Arns(Box<[ArnValue]>),
    /// Whether the key is to be absent.
    Null(Box<[bool]>),
}

/// An ARN's pattern, or `*`, which is every ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArnValue {
    Every,
    Pattern(ArnPattern),
}

impl Condition {
    /// Whether the condition holds.
    pub(crate) fn holds(&self, context: &Context<'_>) -> bool {
        let found = context.get(&self.key);
        if let Test::Null(wanted) = &self.test {
            return wanted.contains(&found.is_none());
        }
        match found {
            None => self.holds_without(),
            Some(found) => self.holds_with(found, context),
        }
    }

    /// What an absent key means.
    fn holds_without(&self) -> bool {
        match self.operator.quantifier {
            _ if self.operator.if_exists => true,
            Quantifier::All => true,
            Quantifier::Any => false,
            Quantifier::One => self.operator.negated,
        }
    }

    fn holds_with(&self, found: Found<'_, '_>, context: &Context<'_>) -> bool {
        let negated = self.operator.negated;
        let equals = |item: Item<'_>| self.test.equals(item, context);
        match self.operator.quantifier {
            Quantifier::One => found.any(equals) != negated,
            Quantifier::Any => found.any(|item| equals(item) != negated),
            Quantifier::All => found.all(|item| equals(item) != negated),
        }
    }

    /// The keys that decide about it: its own and those of its variables.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.key).chain(self.test.variables())
    }

    /// How many parts of patterns are matched one by one.
    pub(crate) fn part_count(&self) -> usize {
        self.test.patterns().map(Pattern::part_count).sum()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        let written = self.written.iter().map(|text| text.len());
        size_of_val(&*self.written) + written.sum::<usize>() + self.test.heap_bytes()
    }
}

impl Test {
    /// Whether the value equals any of the policy's.
    fn equals(&self, item: Item<'_>, context: &Context<'_>) -> bool {
        match self {
            Self::Text(patterns) => item.with_text(|text| {
                let mut patterns = patterns.iter();
                patterns.any(|p| p.matches(text, context, Case::Counts))
            }),
            Self::TextIgnoringCase(patterns) => item.with_text(|text| {
                let mut patterns = patterns.iter();
                patterns.any(|p| {
                    p.expand(context)
                        .is_some_and(|p| same_ignoring_case(&p, text))
                })
            }),
            Self::Numbers(order, numbers) => item
                .number()
                .is_some_and(|n| numbers.iter().any(|limit| order.holds(n, *limit))),
            Self::Moments(order, moments) => item
                .moment()
                .is_some_and(|m| moments.iter().any(|limit| order.holds(m, *limit))),
            Self::Bools(bools) => item.boolean().is_some_and(|b| bools.contains(&b)),
            Self::Bytes(values) => values.iter().any(|bytes| item.is_bytes(bytes)),
            Self::Prefixes(prefixes) => item
                .address()
                .is_some_and(|address| prefixes.iter().any(|p| p.contains(address))),
            Self::Arns(patterns) => item.with_text(|text| match Arn::parse(text) {
                None => false,
                Some(arn) => patterns.iter().any(|p| p.matches(arn, context)),
            }),
            Self::Null(_) => false,
        }
    }

    /// The patterns of the values.
    fn patterns(&self) -> Box<dyn Iterator<Item = &Pattern> + '_> {
        match self {
            Self::Text(patterns) | Self::TextIgnoringCase(patterns) => Box::new(patterns.iter()),
            Self::Arns(values) => Box::new(values.iter().flat_map(ArnValue::patterns)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// The keys of the variables in the values.
    fn variables(&self) -> impl Iterator<Item = &Key> {
        self.patterns()
            .flat_map(|p| p.variables().map(|(key, _)| key))
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Text(patterns) | Self::TextIgnoringCase(patterns) => {
                let inside = patterns.iter().map(Pattern::heap_bytes);
                size_of_val(&**patterns) + inside.sum::<usize>()
            }
            Self::Numbers(_, values) => size_of_val(&**values),
            Self::Moments(_, values) => size_of_val(&**values),
            Self::Bools(values) | Self::Null(values) => size_of_val(&**values),
            Self::Bytes(values) => {
                let inside = values.iter().map(|bytes| bytes.len());
                size_of_val(&**values) + inside.sum::<usize>()
            }
            Self::Prefixes(values) => size_of_val(&**values),
            Self::Arns(values) => {
                let inside = values.iter().map(|value| match value {
                    ArnValue::Every => 0,
                    ArnValue::Pattern(pattern) => pattern.heap_bytes(),
                });
                size_of_val(&**values) + inside.sum::<usize>()
            }
        }
    }
}

impl ArnValue {
    fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let pattern = match self {
            Self::Every => None,
            Self::Pattern(pattern) => Some(pattern),
        };
        pattern.into_iter().flat_map(ArnPattern::patterns)
    }

    /// Whether it is less than every ARN, and the same for every request.
    pub(crate) fn is_fixed(&self) -> bool {
        match self {
            Self::Every => false,
            Self::Pattern(pattern) => {
                pattern.patterns().all(|p| p.variables().next().is_none())
                    && *pattern.last_pattern() != Pattern::All
            }
        }
    }

    fn matches(&self, arn: Arn<'_>, context: &Context<'_>) -> bool {
        match self {
            Self::Every => true,
            Self::Pattern(pattern) => pattern.matches(arn, context, Case::Counts),
        }
    }
}

fn same_ignoring_case(a: &str, b: &str) -> bool {
    let lower = |text| str::chars(text).flat_map(char::to_lowercase);
    lower(a).eq(lower(b))
}
