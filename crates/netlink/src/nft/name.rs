//! What tables, sets and counters are called.

use std::{fmt, str::FromStr};

/// Bytes of a name at most. The kernel takes 255; nobody needs more than a line holds.
const NAME_LEN_MAX: usize = 100;

/// The name of a table, set or counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NftName(Box<str>);

/// The text is no name in nf_tables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no name: a letter, then letters, digits, _ - and ., {NAME_LEN_MAX} at most")]
pub struct BadNftName(pub String);

impl FromStr for NftName {
    type Err = BadNftName;

    fn from_str(name: &str) -> Result<Self, BadNftName> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        let is_name = name.len() <= NAME_LEN_MAX
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(legal);
        is_name
            .then(|| Self(name.into()))
            .ok_or_else(|| BadNftName(name.to_owned()))
    }
}

impl NftName {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NftName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set, by its table of the family `inet` and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetName {
    /// The table.
    pub table: NftName,
    /// The set.
    pub set: NftName,
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.table, self.set)
    }
}
