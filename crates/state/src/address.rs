//! What lists of addresses may name beside addresses: groups, and the account's own networks.

use crate::{Body, Fault, Name, Scope};
use blockhouse_policy::address_list::{Entry, RANGES_MAX, is_name};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Addresses under a name, for buckets' address lists to say `group:NAME`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressGroup {
    /// As entries of an address list; none names a group.
    pub entries: Entries,
}

/// The public ranges that an account declares its own; with its VPCs, what `own` means in its address
/// lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicRanges {
    /// Addresses of the public path.
    pub ranges: Entries,
}

/// Entries of an address list; as JSON, a list of texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entries(pub Vec<Entry>);

impl Body for AddressGroup {
    const SCOPE: Scope = Scope::Named;

    fn is_name(name: &str) -> bool {
        is_name(name)
    }

    fn check(&self, _: &Name) -> Result<(), Fault> {
        let nested = |entry: &Entry| matches!(entry, Entry::Group(_));
        self.entries.check("entries", nested)
    }
}

impl Body for PublicRanges {
    const SCOPE: Scope = Scope::Account;

    fn check(&self, _: &Name) -> Result<(), Fault> {
        let not_public = |entry: &Entry| !matches!(entry, Entry::Public(_));
        self.ranges.check("ranges", not_public)
    }
}

impl Entries {
    fn check(&self, what: &'static str, refused: fn(&Entry) -> bool) -> Result<(), Fault> {
        if self.0.len() > RANGES_MAX {
            let max = RANGES_MAX;
            return Err(Fault::TooMany { what, max });
        }
        match self.0.iter().find(|entry| refused(entry)) {
            None => Ok(()),
            Some(entry) => {
                let entry = entry.to_string().into();
                Err(Fault::Entry { what, entry })
            }
        }
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(Entry::to_string))
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let texts = Vec::<Box<str>>::deserialize(from)?;
        let entries = texts.iter().map(|text| text.parse());
        entries
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(D::Error::custom)
    }
}
