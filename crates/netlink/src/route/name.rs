//! What a link is called, by people and by the kernel.

use std::{fmt, str::FromStr};

/// Bytes of a link's name at most; the kernel keeps one for the zero at its end.
const LINK_NAME_LEN_MAX: usize = 15;

/// The name of a link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkName(Box<str>);

/// The text is no name for a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no name for a link: 1 to {LINK_NAME_LEN_MAX} letters, digits, - _ . and @")]
pub struct BadName(pub String);

impl FromStr for LinkName {
    type Err = BadName;

    /// Stricter than the kernel, whose names may be any bytes, and which makes up a number for a `%d`.
    fn from_str(name: &str) -> Result<Self, BadName> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.@".contains(&b);
        let is_name = (1..=LINK_NAME_LEN_MAX).contains(&name.len())
            && name.bytes().all(legal)
            && !matches!(name, "." | "..");
        is_name
            .then(|| Self(name.into()))
            .ok_or_else(|| BadName(name.to_owned()))
    }
}

impl LinkName {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A link, as the kernel numbers those of one namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkIndex(pub u32);

impl fmt::Display for LinkIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}
