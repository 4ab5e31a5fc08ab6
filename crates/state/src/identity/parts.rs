//! What several kinds of identities have.

use super::UniqueId;
use crate::{
    Document, Fault, Name, Stamp,
    name::{is_iam_name, is_iam_path},
};
use blockhouse_policy::{Kind, Policy};
use blockhouse_types::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Tags by name.
pub(crate) type Tags = BTreeMap<Box<str>, Box<str>>;

/// Inline policies by name.
pub(super) type Inline = BTreeMap<Box<str>, Document>;

/// Tags of one identity, at most.
const TAGS_MAX: usize = 50;
/// Managed policies of one identity, at most.
const ATTACHED_MAX: usize = 10;
/// Inline policies of one identity, at most. IAM bounds their length alone.
const INLINE_MAX: usize = 100;

pub(super) fn root_path() -> Box<str> {
    "/".into()
}

pub(super) fn check_path(path: &str) -> Result<(), Fault> {
    is_iam_path(path).then_some(()).ok_or(Fault::Path)
}

/// Source: IAM user guide, "Tags for AWS Identity and Access Management resources". The values of two
/// tags may be the same; names that differ in case alone are one.
pub(super) fn check_tags(tags: &Tags) -> Result<(), Fault> {
    bounded("tags", tags.len(), TAGS_MAX)?;
    let legal = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    let mut seen = BTreeSet::new();
    for (name, value) in tags {
        let (name_len, value_len) = (name.chars().count(), value.chars().count());
        let folded = name.to_lowercase();
        if !(1..=128).contains(&name_len)
            || value_len > 256
            || folded.starts_with("aws:")
            || !name.chars().chain(value.chars()).all(legal)
            || !seen.insert(folded)
        {
            return Err(Fault::Tag);
        }
    }
    Ok(())
}

/// Judges inline policies, alone and together.
pub(super) fn check_inline(kind: Kind, name: &Name, policies: &Inline) -> Result<(), Fault> {
    bounded("policies", policies.len(), INLINE_MAX)?;
    let mut size = 0;
    for (policy, document) in policies {
        check_name("policies", policy, 128)?;
        document.check(kind, policy, &inline_id(name, policy))?;
        size += kind.size(document.text());
    }
    let max = kind.size_max();
    (size <= max)
        .then_some(())
        .ok_or(Fault::PoliciesTooLong { max })
}

/// Judges the names of managed policies.
pub(super) fn check_attached(attached: &BTreeSet<Box<str>>) -> Result<(), Fault> {
    bounded("attached", attached.len(), ATTACHED_MAX)?;
    let mut attached = attached.iter();
    attached.try_for_each(|policy| check_name("attached", policy, 128))
}

pub(super) fn check_name(what: &'static str, name: &str, len_max: usize) -> Result<(), Fault> {
    let name = is_iam_name(name, len_max).then_some(()).ok_or(name);
    name.map_err(|name| Fault::Inner {
        what,
        name: name.chars().take(128).collect::<String>().into(),
    })
}

pub(super) fn bounded(what: &'static str, count: usize, max: usize) -> Result<(), Fault> {
    (count <= max)
        .then_some(())
        .ok_or(Fault::TooMany { what, max })
}

/// Inline policies, compiled.
pub(super) fn compiled<'a>(
    kind: Kind,
    name: &'a Name,
    policies: &'a Inline,
) -> impl Iterator<Item = Arc<Policy>> + 'a {
    let all = policies.iter();
    all.map(move |(policy, document)| document.policy(kind, &inline_id(name, policy)))
}

fn inline_id(name: &Name, policy: &str) -> String {
    format!("{}/{policy}", name.last())
}

/// Keeps an identity's id and birth, or gives them.
pub(super) fn born(
    (id, created): (&mut Option<UniqueId>, &mut Option<Born>),
    old: Option<(&Option<UniqueId>, &Option<Born>)>,
    prefix: &str,
    stamp: &mut Stamp<'_>,
) -> Result<(), Fault> {
    let (old_id, old_created) = old.unzip();
    let (old_id, old_created) = (old_id.cloned().flatten(), old_created.cloned().flatten());
    if id.is_some() && *id != old_id {
        return Err(Fault::Given { field: "id" });
    }
    if created.is_some() && *created != old_created {
        return Err(Fault::Given { field: "created" });
    }
    *id = old_id.or_else(|| Some(UniqueId::new(prefix, stamp.entropy)));
    let now = Timestamp::from_secs(stamp.now.millis() / 1000);
    *created = old_created.or(Some(Born(now)));
    Ok(())
}

/// When an identity was made, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Born(pub(crate) Timestamp);

impl serde::Serialize for Born {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0.to_iso_secs())
    }
}

impl<'de> Deserialize<'de> for Born {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(from)?;
        let time = Timestamp::parse_basic(&text.replace(['-', ':'], ""));
        let time = time.map_err(|_| D::Error::custom("a time is like 2026-11-21T23:00:00Z"))?;
        Ok(Self(time))
    }
}
