//! What is known of a request, as values under condition keys.
//!
//! The gateway makes one [`Context`] for a request and fills what it knows; what it does not know
//! stays absent, which is not the same as empty: half of the language's traps are about absent keys.
//! Values keep their types, so that an address is not printed to be parsed again.

mod value;

use crate::{
    key::{Dialect, Fact, Family, Key, SLOTS, Slot, TagSpace},
    principal::Principal,
};
use blockhouse_types::Timestamp;
use std::borrow::Cow;
pub(crate) use value::Item;
pub use value::Value;

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
mod tests;
