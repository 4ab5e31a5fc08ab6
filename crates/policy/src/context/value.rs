//! The values of condition keys, each of its own type and each readable as any other.

use crate::scalar::{Moment, Number, boolean, fold};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use blockhouse_types::Timestamp;
use std::{borrow::Cow, fmt::Write as _, net::IpAddr};

/// A value of a condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text. What an operator compares as something else is read from it.
    Text(Cow<'a, str>),
    /// Any number of texts; none is the same as an absent key.
    Texts(Vec<Cow<'a, str>>),
    /// An integer.
    Number(i64),
    /// A boolean.
    Bool(bool),
    /// An address.
    Ip(IpAddr),
    /// A moment.
    Time(Timestamp),
    /// Bytes.
    Binary(Cow<'a, [u8]>),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(boolean: bool) -> Self {
        Self::Bool(boolean)
    }
}

impl From<IpAddr> for Value<'_> {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

/// One of a key's values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item<'v> {
    Text(&'v str),
    Number(i64),
    Bool(bool),
    Ip(IpAddr),
    Time(Timestamp),
    Binary(&'v [u8]),
}

impl Value<'_> {
    /// Whether any of the values, at least one being there, passes the test.
    pub(crate) fn any(&self, mut test: impl FnMut(Item<'_>) -> bool) -> bool {
        match self.single() {
            Some(item) => test(item),
            None => self.texts().iter().any(|text| test(Item::Text(text))),
        }
    }

    /// Whether all of the values pass the test.
    pub(crate) fn all(&self, mut test: impl FnMut(Item<'_>) -> bool) -> bool {
        !self.any(|item| !test(item))
    }

    /// Whether there is no value.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Texts(texts) if texts.is_empty())
    }

    fn texts(&self) -> &[Cow<'_, str>] {
        match self {
            Self::Texts(texts) => texts,
            _ => &[],
        }
    }

    /// The value of what has exactly one by its type.
    pub(super) fn single(&self) -> Option<Item<'_>> {
        Some(match self {
            Self::Texts(_) => return None,
            Self::Text(text) => Item::Text(text),
            Self::Number(n) => Item::Number(*n),
            Self::Bool(b) => Item::Bool(*b),
            Self::Ip(ip) => Item::Ip(*ip),
            Self::Time(time) => Item::Time(*time),
            Self::Binary(bytes) => Item::Binary(bytes),
        })
    }

    /// The values as the explanation shows them.
    pub(crate) fn shown(&self) -> Vec<String> {
        let mut shown = Vec::new();
        self.any(|item| {
            shown.push(item.with_text(str::to_owned));
            false
        });
        shown
    }
}

/// As long as the longest text of a typed value: an IPv6 address with an embedded IPv4 one.
const TEXT_BYTES_MAX: usize = 48;

/// Text on the stack: a typed value is compared as text without an allocation.
struct StackText {
    bytes: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl std::fmt::Write for StackText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

fn printed<R>(value: impl std::fmt::Display, f: impl FnOnce(&str) -> R) -> R {
    let mut text = StackText {
        bytes: [0; TEXT_BYTES_MAX],
        len: 0,
    };
    match write!(text, "{value}") {
        Ok(()) => f(std::str::from_utf8(&text.bytes[..text.len]).unwrap_or_default()),
        Err(_) => f(&value.to_string()),
    }
}

impl Item<'_> {
    /// The value as text.
    pub(crate) fn with_text<R>(self, f: impl FnOnce(&str) -> R) -> R {
        match self {
            Self::Text(text) => f(text),
            Self::Number(n) => printed(n, f),
            Self::Bool(b) => f(if b { "true" } else { "false" }),
            Self::Ip(ip) => printed(fold(ip), f),
            Self::Time(time) => f(&time.to_iso_secs()),
            Self::Binary(bytes) => f(&STANDARD.encode(bytes)),
        }
    }

    pub(crate) fn number(self) -> Option<Number> {
        match self {
            Self::Number(n) => Some(Number::from_i64(n)),
            Self::Text(text) => Number::parse(text),
            _ => None,
        }
    }

    pub(crate) fn moment(self) -> Option<Moment> {
        match self {
            Self::Time(time) => Some(Moment::from_timestamp(time)),
            Self::Number(secs) => Some(Moment::from_secs(secs)),
            Self::Text(text) => Moment::parse(text),
            _ => None,
        }
    }

    pub(crate) fn boolean(self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(b),
            Self::Text(text) => boolean(text),
            _ => None,
        }
    }

    pub(crate) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(fold(ip)),
            Self::Text(text) => text.parse().ok().map(fold),
            _ => None,
        }
    }

    /// Whether the value is these bytes; as text it is base64.
    pub(crate) fn is_bytes(self, wanted: &[u8]) -> bool {
        match self {
            Self::Binary(bytes) => bytes == wanted,
            Self::Text(text) => STANDARD.decode(text).is_ok_and(|bytes| bytes == wanted),
            _ => false,
        }
    }
}
