use crate::codec::{Decoder, Encoder};
use crate::{DecodeError, control::TABLE_DESIRED};
use blockhouse_types::Timestamp;

const HEAD: &str = "desired state's head";
const HEAD_VERSION: u8 = 1;

const ROW: &str = "desired state's row";
const ROW_VERSION: u8 = 1;

/// Which version of the desired state the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DesiredHead {
    /// The version; each change makes the next one.
    pub version: u64,
    /// When it became so.
    pub changed: Timestamp,
}

impl DesiredHead {
    /// Its key, which no row has: a row has a name.
    pub const KEY: &[u8] = b"";

    /// version of these fields u8, version u64, changed u64.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.u8(HEAD_VERSION);
        to.u64(self.version);
        to.u64(self.changed.millis());
        to.0
    }

    /// Reads and checks it.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(HEAD, bytes);
        known(from.u8("version")?, HEAD, HEAD_VERSION)?;
        let version = from.u64("desired version")?;
        let changed = Timestamp::from_millis(from.u64("changed")?);
        from.end()?;
        Ok(Self { version, changed })
    }
}

/// One row. What its bytes mean is for the reader of the desired state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DesiredRow<'a> {
    /// Its name, which is its key.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl<'a> DesiredRow<'a> {
    /// version u8, then the bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(1 + self.bytes.len());
        value.push(ROW_VERSION);
        value.extend_from_slice(self.bytes);
        value
    }

    /// Reads and checks a row by its key and value.
    pub fn decode(key: &'a [u8], value: &'a [u8]) -> Result<Self, DecodeError> {
        let name = Self::parse_key(key)?;
        let mut from = Decoder::new(ROW, value);
        known(from.u8("version")?, ROW, ROW_VERSION)?;
        let bytes = from.rest();
        Ok(Self { name, bytes })
    }

    /// The name that a key is.
    pub fn parse_key(key: &'a [u8]) -> Result<&'a str, DecodeError> {
        let from = Decoder::new("desired state's row key", key);
        let name = from.parsed(std::str::from_utf8(key), "name")?;
        from.check(!name.is_empty(), "name")?;
        Ok(name)
    }
}

fn known(version: u8, structure: &'static str, of: u8) -> Result<(), DecodeError> {
    let kind = TABLE_DESIRED;
    let unknown = DecodeError::Unknown {
        structure,
        kind,
        version,
    };
    (version == of).then_some(()).ok_or(unknown)
}
