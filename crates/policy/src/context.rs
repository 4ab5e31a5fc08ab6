//! What is known of a request, as values under condition keys.
//!
//! The gateway makes one [`Context`] for a request and fills what it knows; what it does not know
//! stays absent, which is not the same as empty: half of the language's traps are about absent keys.
//! Values keep their types, so that an address is not printed to be parsed again.

use crate::{
    key::{Dialect, Fact, Family, Key, SLOTS, Slot, TagSpace},
    principal::Principal,
    scalar::{Moment, Number, boolean, fold},
};
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
    fn single(&self) -> Option<Item<'_>> {
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

/// What is known of one request.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    dialect: Dialect,
    /// For each slot where its value stands in `values`, counted from one; zero for an absent one.
    slots: [u8; SLOTS],
    values: Vec<Value<'a>>,
    tags: Vec<(TagSpace, Cow<'a, str>, Cow<'a, str>)>,
    /// Keys that no request brings, by their names in lower case: the simulator's.
    others: Vec<(Box<str>, Value<'a>)>,
}

/// As many values as a request of the usual kind has.
const VALUES_USUAL: usize = 24;

impl<'a> Context<'a> {
    /// A context of a request to `dialect` of which nothing is known yet.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            slots: [0; SLOTS],
            values: Vec::with_capacity(VALUES_USUAL),
            tags: Vec::new(),
            others: Vec::new(),
        }
    }

    /// A context of which nothing is known and nothing will be.
    pub(crate) fn nothing() -> Self {
        Self {
            dialect: Dialect::S3,
            slots: [0; SLOTS],
            values: Vec::new(),
            tags: Vec::new(),
            others: Vec::new(),
        }
    }

    /// A context that knows who acts: `aws:PrincipalArn`, `PrincipalAccount`, `PrincipalType`,
    /// `username`, and of root and of nobody `aws:userid`.
    pub fn of(principal: &'a Principal, dialect: Dialect) -> Self {
        let mut context = Self::new(dialect);
        context.set(Fact::PrincipalType, principal.principal_type());
        if let Some(arn) = principal.principal_arn() {
            context.set(Fact::PrincipalArn, arn);
        }
        if let Some(account) = principal.account() {
            context.set(Fact::PrincipalAccount, account.to_string());
        }
        if let Some(name) = principal.username() {
            context.set(Fact::Username, name);
        }
        if let Some(id) = principal.own_userid() {
            context.set(Fact::UserId, id);
        }
        context
    }

    /// Which service the request was made to.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Tells what is known; a second time, corrects it. A key that the dialect does not have stays
    /// absent.
    pub fn set(&mut self, fact: Fact, value: impl Into<Value<'a>>) {
        if let Some(slot) = fact.slot(self.dialect) {
            self.put(slot, value.into());
        }
    }

    /// The moment the request began: `aws:CurrentTime` and `aws:EpochTime`.
    pub fn set_time(&mut self, now: Timestamp) {
        self.set(Fact::CurrentTime, now);
        self.set(
            Fact::EpochTime,
            i64::try_from(now.secs()).unwrap_or(i64::MAX),
        );
    }

    /// Tells of a tag.
    pub fn set_tag(
        &mut self,
        family: Family,
        tag: impl Into<Cow<'a, str>>,
        value: impl Into<Cow<'a, str>>,
    ) {
        if let Some(space) = family.space(self.dialect) {
            self.tags.push((space, tag.into(), value.into()));
        }
    }

    /// Tells of a key by its name, whatever the dialect: for the simulator. `false` for what is no
    /// name of a key.
    pub fn set_named(&mut self, name: &str, value: Value<'a>) -> bool {
        match Key::parse(name) {
            Some(Key::Known(slot)) => self.put(slot, value),
            Some(Key::Tag(space, tag)) => {
                let text = match value.shown().into_iter().next() {
                    Some(text) => text,
                    None => return true,
                };
                self.tags.push((space, Cow::Owned(tag.into()), text.into()));
            }
            Some(Key::Other(name)) => {
                self.others.retain(|(known, _)| *known != name);
                self.others.push((name, value));
            }
            None => return false,
        }
        true
    }

    fn put(&mut self, slot: Slot, value: Value<'a>) {
        let at = &mut self.slots[usize::from(slot.0)];
        match self.values.get_mut(usize::from(*at).wrapping_sub(1)) {
            Some(old) => *old = value,
            None => {
                self.values.push(value);
                // At most one value for each slot, and there are fewer than 256 of them.
                *at = self.values.len() as u8;
            }
        }
    }

    /// The value of a key with at least one.
    pub(crate) fn get(&self, key: &Key) -> Option<Found<'_, 'a>> {
        let found = match key {
            Key::Known(slot) => {
                let at = usize::from(self.slots[usize::from(slot.0)]);
                Found::Value(self.values.get(at.wrapping_sub(1))?)
            }
            Key::Tag(space, tag) => Found::Tag(self.tag(*space, tag)?),
            Key::Other(name) => {
                let found = self.others.iter().find(|(known, _)| known == name);
                Found::Value(&found?.1)
            }
        };
        if matches!(found, Found::Value(value) if value.is_empty()) {
            return None;
        }
        Some(found)
    }

    /// A tag's value. Names of condition keys ignore case, a tag's key among them; where two tags
    /// differ in case only, the one spelt like the policy is meant, else the first by its bytes, so
    /// that the order of tags never matters.
    fn tag(&self, space: TagSpace, tag: &str) -> Option<&str> {
        let same = |(s, t, _): &&(TagSpace, Cow<'_, str>, Cow<'_, str>)| {
            *s == space && t.eq_ignore_ascii_case(tag)
        };
        let candidates = self.tags.iter().filter(same);
        let best = candidates.min_by_key(|(_, t, v)| (**t != *tag, t.as_ref(), v.as_ref()));
        best.map(|(_, _, value)| value.as_ref())
    }

    /// The text that a variable stands for; `None` when the key is absent or has many values.
    pub(crate) fn variable(&self, key: &Key) -> Option<Cow<'_, str>> {
        match self.get(key)? {
            Found::Tag(text) => Some(Cow::Borrowed(text)),
            Found::Value(Value::Text(text)) => Some(Cow::Borrowed(text)),
            Found::Value(value) => {
                let item = value.single()?;
                Some(Cow::Owned(item.with_text(str::to_owned)))
            }
        }
    }
}

/// A value of the context.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'c, 'a> {
    Value(&'c Value<'a>),
    Tag(&'c str),
}

impl Found<'_, '_> {
    pub(crate) fn any(self, mut test: impl FnMut(Item<'_>) -> bool) -> bool {
        match self {
            Self::Value(value) => value.any(test),
            Self::Tag(text) => test(Item::Text(text)),
        }
    }

    pub(crate) fn all(self, mut test: impl FnMut(Item<'_>) -> bool) -> bool {
        match self {
            Self::Value(value) => value.all(test),
            Self::Tag(text) => test(Item::Text(text)),
        }
    }

    pub(crate) fn shown(self) -> Vec<String> {
        match self {
            Self::Value(value) => value.shown(),
            Self::Tag(text) => vec![text.to_owned()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::parse(name).unwrap()
    }

    #[test]
    fn a_fact_has_the_name_of_the_service_asked() {
        let mut context = Context::new(Dialect::Outposts);
        context.set(Fact::AuthType, "REST-HEADER");
        context.set(Fact::TlsVersion, "1.3");
        assert!(context.get(&key("s3-outposts:authtype")).is_some());
        assert!(context.get(&key("s3:authType")).is_none());
        assert!(context.get(&key("s3:TlsVersion")).is_none());
    }

    #[test]
    fn empty_lists_are_absent_and_the_last_word_counts() {
        let mut context = Context::new(Dialect::S3);
        context.set(Fact::TagKeys, Value::Texts(vec![]));
        assert!(context.get(&key("aws:TagKeys")).is_none());
        context.set(Fact::TagKeys, Value::Texts(vec!["a".into(), "b".into()]));
        assert_eq!(
            context.get(&key("aws:tagkeys")).unwrap().shown(),
            ["a", "b"]
        );
        assert_eq!(context.variable(&key("aws:TagKeys")), None);
        context.set(Fact::Prefix, "");
        assert_eq!(context.variable(&key("s3:prefix")).as_deref(), Some(""));
    }

    #[test]
    fn tags_ignore_case_and_order() {
        for pairs in [
            [("team", "a"), ("Team", "b")],
            [("Team", "b"), ("team", "a")],
        ] {
            let mut context = Context::new(Dialect::S3);
            for (tag, value) in pairs {
                context.set_tag(Family::PrincipalTag, tag, value);
            }
            let value = |name: &str| context.variable(&key(name)).map(Cow::into_owned);
            assert_eq!(value("aws:PrincipalTag/team").as_deref(), Some("a"));
            assert_eq!(value("aws:PrincipalTag/Team").as_deref(), Some("b"));
            assert_eq!(value("aws:PrincipalTag/TEAM").as_deref(), Some("b"));
            assert_eq!(value("aws:RequestTag/team"), None);
        }
    }

    #[test]
    fn typed_values_as_text() {
        let mut context = Context::new(Dialect::S3);
        context.set(
            Fact::SourceIp,
            "::ffff:192.0.2.1".parse::<IpAddr>().unwrap(),
        );
        context.set(Fact::SecureTransport, true);
        context.set_time(Timestamp::from_secs(1_369_353_600));
        let value = |name: &str| context.variable(&key(name)).unwrap().into_owned();
        assert_eq!(value("aws:SourceIp"), "192.0.2.1");
        assert_eq!(value("aws:SecureTransport"), "true");
        assert_eq!(value("aws:CurrentTime"), "2013-05-24T00:00:00Z");
        assert_eq!(value("aws:EpochTime"), "1369353600");
    }
}
