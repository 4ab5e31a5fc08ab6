use std::{fmt, sync::Arc};

/// The longest object key, in bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 1024;

/// An object key: 1 to 1024 bytes of any UTF-8, `..`, `//` and control characters included.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(Arc<str>);

/// Why a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidObjectKey {
    /// No character at all.
    #[error("the key is empty")]
    Empty,
    /// More than 1024 bytes.
    #[error("the key has more than {KEY_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("the key is not UTF-8")]
    NotUtf8,
}

impl ObjectKey {
    /// Takes a key as it is.
    pub fn parse(key: &str) -> Result<Self, InvalidObjectKey> {
        match key.len() {
            0 => Err(InvalidObjectKey::Empty),
            1..=KEY_BYTES_MAX => Ok(Self(key.into())),
            _ => Err(InvalidObjectKey::TooLong),
        }
    }

    /// Takes percent-decoded bytes.
    pub fn from_bytes(key: &[u8]) -> Result<Self, InvalidObjectKey> {
        Self::parse(std::str::from_utf8(key).map_err(|_| InvalidObjectKey::NotUtf8)?)
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key's UTF-8, the order of which is the order of listings.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
