use crate::Entropy;
use std::fmt;

/// The id of one version of an object: `null`, or 32 hexadecimal digits.
///
/// The first half is made from the log position that wrote it, inverted so that the newest sorts
/// first; the second half is random, so that a client cannot guess one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionId(Option<[u8; 16]>);

/// The text is not a version id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a version id")]
pub struct InvalidVersionId;

impl VersionId {
    /// The version of a bucket without versioning.
    pub const NULL: Self = Self(None);

    /// The id of these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Some(bytes))
    }

    /// A fresh id for what the position `sequence` of the log writes.
    pub fn new(sequence: u64, entropy: &mut impl Entropy) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(u64::MAX - sequence).to_be_bytes());
        entropy.fill(&mut bytes[8..]);
        Self(Some(bytes))
    }

    /// The bytes; `None` for `null`.
    pub fn bytes(&self) -> Option<&[u8; 16]> {
        self.0.as_ref()
    }

    /// Whether this is the `null` version.
    pub fn is_null(&self) -> bool {
        self.0.is_none()
    }

    /// Reads `null` or 32 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidVersionId> {
        if text == "null" {
            return Ok(Self::NULL);
        }
        crate::unhex(text.as_bytes())
            .map(|b| Self(Some(b)))
            .ok_or(InvalidVersionId)
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("null"),
            Some(bytes) => f.write_str(&crate::hex(bytes)),
        }
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The id of a multipart upload: 32 hexadecimal digits, random, never given twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(pub [u8; 16]);

impl UploadId {
    /// A fresh id.
    pub fn new(entropy: &mut impl Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Reads 32 hexadecimal digits; `None` for anything else, which no upload has.
    pub fn parse(text: &str) -> Option<Self> {
        crate::unhex(text.as_bytes()).map(Self)
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex(&self.0))
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
