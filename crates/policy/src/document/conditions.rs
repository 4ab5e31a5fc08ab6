//! `Condition`: operators, keys, values.

use super::{Path, Reader, Result_, Statements, Version};
use crate::{
    arn::{ArnPattern, NoArn},
    condition::{ArnValue, Condition, Test},
    json::{Member, Node, Value},
    key::Key,
    malformed::Fault,
    operator::{Comparison, Operator},
    pattern::{Pattern, Syntax},
    scalar::{Moment, Number, Prefix, boolean},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::borrow::Cow;

/// Why a value is refused.
enum BadValue {
    /// What its operator takes.
    Expected(&'static str),
    Variable(String),
}

impl Statements<'_> {
    pub(super) fn conditions(&self, node: &Node<'_>, path: Path<'_>) -> Result_<Box<[Condition]>> {
        let operators = self.members(node, path, "Condition")?;
        let mut conditions = Vec::new();
        for member in operators {
            let Some(operator) = Operator::parse(&member.name) else {
                let fault = Fault::Operator(member.name.clone().into_owned());
                return Err(self.fault(member.at, path, fault));
            };
            let path = Path::Name(&path, &member.name);
            let first = conditions.len();
            for member in self.members(&member.node, path, "Condition")? {
                let condition = self.condition(operator, member, path)?;
                // Names of keys ignore case, so that these are the same name twice.
                let mut others = conditions[first..].iter();
                if others.any(|other: &Condition| other.key == condition.key) {
                    let fault = Fault::Duplicate(member.name.clone().into_owned());
                    return Err(self.fault(member.at, path, fault));
                }
                conditions.push(condition);
            }
        }
        Ok(conditions.into())
    }

    fn members<'n, 'a>(
        &self,
        node: &'n Node<'a>,
        path: Path<'_>,
        element: &'static str,
    ) -> Result_<&'n [Member<'a>]> {
        match &node.value {
            Value::Object(members) => Ok(members),
            _ => {
                let expected = "an object";
                Err(self.fault(node.start, path, Fault::Type { element, expected }))
            }
        }
    }

    fn condition(
        &self,
        operator: Operator,
        member: &Member<'_>,
        path: Path<'_>,
    ) -> Result_<Condition> {
        let Some(key) = Key::parse(&member.name) else {
            let fault = Fault::Key(member.name.clone().into_owned());
            return Err(self.fault(member.at, path, fault));
        };
        let path = Path::Name(&path, &member.name);
        let items = self.reader.list(&member.node, path, "Condition")?;
        let mut written = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = Reader::item_path(&member.node, &path, index);
            let text = scalar(item).ok_or_else(|| {
                let (element, expected) = ("Condition", "a string, number or boolean");
                self.fault(item.start, path, Fault::Type { element, expected })
            })?;
            written.push((item.start, path_index(&member.node, index), text));
        }
        let test = self.test(operator, &written, path)?;
        Ok(Condition {
            operator,
            key,
            test,
            written: written
                .into_iter()
                .map(|(_, _, text)| text.into())
                .collect(),
            at: member.at,
        })
    }

    /// Compiles the values as the operator compares them.
    fn test(
        &self,
        operator: Operator,
        written: &[(u32, Option<usize>, Cow<'_, str>)],
        path: Path<'_>,
    ) -> Result_<Test> {
        let syntax = Syntax {
            wildcards: operator.comparison == Comparison::Like,
            variables: self.version == Version::Of2012,
        };
        let text = |text: &str| Pattern::parse(text, syntax).map_err(|v| BadValue::Variable(v.0));
        let each = Each {
            reader: self,
            operator,
            written,
            path,
        };
        Ok(match operator.comparison {
            Comparison::Equals | Comparison::Like => Test::Text(each.compile(text)?),
            Comparison::EqualsIgnoreCase => Test::TextIgnoringCase(each.compile(text)?),
            Comparison::Numeric(order) => {
                Test::Numbers(order, each.compile(some(Number::parse, "a number"))?)
            }
            Comparison::Date(order) => {
                let expected = "a date of ISO 8601 or seconds since 1970";
                Test::Moments(order, each.compile(some(Moment::parse, expected))?)
            }
            Comparison::Bool => Test::Bools(each.compile(some(boolean, "true or false"))?),
            Comparison::Null => Test::Null(each.compile(some(boolean, "true or false"))?),
            Comparison::Binary => {
                let decode = |text: &str| STANDARD.decode(text).ok().map(Vec::into);
                Test::Bytes(each.compile(some(decode, "base64"))?)
            }
            Comparison::Ip => {
                let expected = "an IP address or a range in CIDR notation";
                Test::Prefixes(each.compile(some(Prefix::parse, expected))?)
            }
            Comparison::Arn => Test::Arns(each.compile(|text| self.arn(text))?),
        })
    }

    fn arn(&self, text: &str) -> Result<ArnValue, BadValue> {
        if text == "*" {
            return Ok(ArnValue::Every);
        }
        match ArnPattern::parse(text, self.syntax()) {
            Ok(pattern) => Ok(ArnValue::Pattern(pattern)),
            Err(NoArn::Shape) => Err(BadValue::Expected("an ARN or \"*\"")),
            Err(NoArn::Variable(variable)) => Err(BadValue::Variable(variable.0)),
        }
    }
}

/// A reader of values that says what it expects.
fn some<T>(
    read: impl Fn(&str) -> Option<T>,
    expected: &'static str,
) -> impl Fn(&str) -> Result<T, BadValue> {
    move |text| read(text).ok_or(BadValue::Expected(expected))
}

/// The values of one condition, and where they stand.
struct Each<'e, 'p, 't> {
    reader: &'e Statements<'t>,
    operator: Operator,
    written: &'e [(u32, Option<usize>, Cow<'e, str>)],
    path: Path<'p>,
}

impl Each<'_, '_, '_> {
    fn compile<T>(&self, read: impl Fn(&str) -> Result<T, BadValue>) -> Result_<Box<[T]>> {
        let mut values = Vec::with_capacity(self.written.len());
        for (at, index, text) in self.written {
            let value = read(text).map_err(|bad| {
                let fault = match bad {
                    BadValue::Variable(variable) => Fault::Variable(variable),
                    BadValue::Expected(expected) => Fault::Value {
                        operator: self.operator.name,
                        value: text.clone().into_owned(),
                        expected,
                    },
                };
                let path = match index {
                    Some(index) => Path::Index(&self.path, *index),
                    None => self.path,
                };
                self.reader.fault(*at, path, fault)
            });
            values.push(value?);
        }
        Ok(values.into())
    }
}

/// The index of a value in a list; none of one without brackets.
fn path_index(node: &Node<'_>, index: usize) -> Option<usize> {
    matches!(node.value, Value::List(_)).then_some(index)
}

/// A value as text, as written.
fn scalar<'n>(node: &'n Node<'_>) -> Option<Cow<'n, str>> {
    match &node.value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Borrowed(number)),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Null | Value::List(_) | Value::Object(_) => None,
    }
}
