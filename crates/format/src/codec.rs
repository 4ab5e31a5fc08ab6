//! Reading and writing fields one after the other, without ever reaching outside.

use crate::{BLOCK_BYTES, crc32c};
use std::fmt::Debug;

/// Why bytes are not the structure they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end within a field.
    #[error("{structure} ends early, within {field}")]
    Short {
        /// The structure.
        structure: &'static str,
        /// The field.
        field: &'static str,
    },
    /// The first bytes are not those of the structure.
    #[error("no {structure} begins here")]
    Magic {
        /// The structure.
        structure: &'static str,
    },
    /// The bytes are not those that were written.
    #[error("{structure}: the checksum over {over} does not hold")]
    Checksum {
        /// The structure.
        structure: &'static str,
        /// What it is a checksum of.
        over: &'static str,
    },
    /// The checksum may hold, but the field's value is impossible.
    #[error("{structure}: {field} has an impossible value")]
    Field {
        /// The structure.
        structure: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A kind or version of a later format that may not be skipped.
    #[error("{structure}: kind {kind} version {version} is not known")]
    Unknown {
        /// The structure.
        structure: &'static str,
        /// Its kind.
        kind: u8,
        /// Its version.
        version: u8,
    },
}

/// A value that could not be read again: larger than the format holds, or at odds with itself. What
/// a decoder would refuse is refused before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} is not what the format can hold (at most {max}, and in agreement with the rest)")]
pub struct EncodeError {
    /// What is too long or wrong.
    pub field: &'static str,
    /// The bound, in its own unit; 0 where there is none.
    pub max: usize,
}

/// Fields appended to a vector.
#[derive(Debug, Default)]
pub(crate) struct Encoder(pub(crate) Vec<u8>);

impl Encoder {
    pub(crate) fn u8(&mut self, n: u8) {
        self.0.push(n);
    }

    pub(crate) fn u16(&mut self, n: u16) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, n: u32) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, n: u64) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes behind their length as u16.
    pub(crate) fn short_bytes(
        &mut self,
        bytes: &[u8],
        field: &'static str,
        max: usize,
    ) -> Result<(), EncodeError> {
        let len = bounded(bytes.len(), field, max.min(usize::from(u16::MAX)))?;
        self.u16(len as u16);
        self.raw(bytes);
        Ok(())
    }

    /// Bytes behind their length as u32.
    pub(crate) fn long_bytes(
        &mut self,
        bytes: &[u8],
        field: &'static str,
        max: usize,
    ) -> Result<(), EncodeError> {
        let len = bounded(bytes.len(), field, max)?;
        self.u32(len as u32);
        self.raw(bytes);
        Ok(())
    }

    /// An unsigned number in seven-bit groups, lowest first (LEB128).
    pub(crate) fn varint(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    /// Zeros up to `len` bytes.
    pub(crate) fn pad_to(&mut self, len: usize) {
        debug_assert!(self.0.len() <= len, "fields outgrew their room");
        self.0.resize(len, 0);
    }
}

/// `len` if it is within `max`.
pub(crate) fn bounded(len: usize, field: &'static str, max: usize) -> Result<usize, EncodeError> {
    if len <= max {
        Ok(len)
    } else {
        Err(EncodeError { field, max })
    }
}

/// Refuses a field that contradicts others.
pub(crate) fn consistent(holds: bool, field: &'static str) -> Result<(), EncodeError> {
    if holds {
        Ok(())
    } else {
        Err(EncodeError { field, max: 0 })
    }
}

/// Fields taken from the front of a slice.
#[derive(Debug, Clone)]
pub(crate) struct Decoder<'a> {
    structure: &'static str,
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(structure: &'static str, bytes: &'a [u8]) -> Self {
        Self {
            structure,
            rest: bytes,
        }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn raw(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let short = DecodeError::Short {
            structure: self.structure,
            field,
        };
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(short)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let short = DecodeError::Short {
            structure: self.structure,
            field,
        };
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(short)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(u8::from_le_bytes(self.array(field)?))
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(self.array(field)?))
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    pub(crate) fn short_bytes(
        &mut self,
        field: &'static str,
        max: usize,
    ) -> Result<&'a [u8], DecodeError> {
        let len = usize::from(self.u16(field)?);
        self.check(len <= max, field)?;
        self.raw(len, field)
    }

    pub(crate) fn long_bytes(
        &mut self,
        field: &'static str,
        max: usize,
    ) -> Result<&'a [u8], DecodeError> {
        let len = self.u32(field)? as usize;
        self.check(len <= max, field)?;
        self.raw(len, field)
    }

    /// The inverse of [`Encoder::varint`]; refuses more than ten bytes and bits beyond the 64th.
    pub(crate) fn varint(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8(field)?;
            let bits = u64::from(byte & 0x7f);
            self.check(bits << shift >> shift == bits, field)?;
            n |= bits << shift;
            if byte < 0x80 {
                self.check(byte != 0 || shift == 0, field)?;
                return Ok(n);
            }
        }
        Err(self.field(field))
    }

    pub(crate) fn varint_u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        u32::try_from(self.varint(field)?).map_err(|_| self.field(field))
    }

    /// A count of things that each take at least `each_bytes`: never more than could follow.
    pub(crate) fn count(
        &mut self,
        field: &'static str,
        max: usize,
        each_bytes: usize,
    ) -> Result<usize, DecodeError> {
        let count = self.varint(field)?;
        let possible = max.min(self.rest.len() / each_bytes.max(1));
        let count = usize::try_from(count).map_err(|_| self.field(field))?;
        self.check(count <= possible, field)?;
        Ok(count)
    }

    /// Bytes that have no meaning yet and were written as zeros.
    pub(crate) fn zeros(&mut self, len: usize, field: &'static str) -> Result<(), DecodeError> {
        let bytes = self.raw(len, field)?;
        self.check(bytes.iter().all(|b| *b == 0), field)
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        self.check(self.rest.is_empty(), "the end")
    }

    pub(crate) fn check(&self, holds: bool, field: &'static str) -> Result<(), DecodeError> {
        if holds {
            Ok(())
        } else {
            Err(self.field(field))
        }
    }

    pub(crate) fn field(&self, field: &'static str) -> DecodeError {
        DecodeError::Field {
            structure: self.structure,
            field,
        }
    }

    /// A value that another parser judged.
    pub(crate) fn parsed<T, E: Debug>(
        &self,
        value: Result<T, E>,
        field: &'static str,
    ) -> Result<T, DecodeError> {
        value.map_err(|_| self.field(field))
    }

    pub(crate) fn known<T>(&self, value: Option<T>, field: &'static str) -> Result<T, DecodeError> {
        value.ok_or_else(|| self.field(field))
    }
}

/// Makes a block of its fields: `to` begins with 8 bytes of magic and 4 bytes of room for the CRC of
/// everything behind them.
pub(crate) fn sealed_block(mut to: Encoder) -> [u8; BLOCK_BYTES] {
    to.pad_to(BLOCK_BYTES);
    let mut block = [0; BLOCK_BYTES];
    block.copy_from_slice(&to.0);
    let crc = crc32c(&block[12..]);
    block[8..12].copy_from_slice(&crc.to_le_bytes());
    block
}

/// The fields behind magic and CRC of a block that [`sealed_block`] made.
pub(crate) fn open_block<'a>(
    structure: &'static str,
    magic: &[u8; 8],
    block: &'a [u8],
) -> Result<Decoder<'a>, DecodeError> {
    let mut from = Decoder::new(structure, block);
    if from.raw(8, "magic")? != magic {
        return Err(DecodeError::Magic { structure });
    }
    let crc = from.u32("crc")?;
    from.check(block.len() == BLOCK_BYTES, "length")?;
    if crc32c(from.rest()) != crc {
        return Err(DecodeError::Checksum {
            structure,
            over: "the block",
        });
    }
    Ok(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn varints_read_back(n: u64) {
            let mut encoder = Encoder::default();
            encoder.varint(n);
            let mut decoder = Decoder::new("test", &encoder.0);
            prop_assert_eq!(decoder.varint("n"), Ok(n));
            prop_assert_eq!(decoder.end(), Ok(()));
        }

        #[test]
        fn a_varint_has_one_form(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut decoder = Decoder::new("test", &bytes);
            if let Ok(n) = decoder.varint("n") {
                let mut encoder = Encoder::default();
                encoder.varint(n);
                prop_assert_eq!(&bytes[..bytes.len() - decoder.rest().len()], &encoder.0[..]);
            }
        }
    }
}
