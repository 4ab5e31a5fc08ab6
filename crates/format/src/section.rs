//! Sections: sorted rows, packed.
//!
//! Everything that a checkpoint keeps is rows in the order of their keys: the index base, its runs,
//! the group table, the control rows. A section is a piece of such a sequence that is read, verified
//! and pointed to as one.

use crate::codec::{Decoder, Encoder};
use crate::{BLOCK_BYTES, DecodeError, crc32c};

/// Longest section, in bytes: what a reader must be ready to hold.
pub const SECTION_BYTES_MAX: usize = 4 << 20;
/// Longest key of a row, in bytes.
pub const ROW_KEY_BYTES_MAX: usize = 4096;

const STRUCTURE: &str = "section";
const MAGIC: &[u8; 8] = b"BHSECTN\n";
const HEADER_BYTES: usize = 64;
/// A key is written whole after this many that name only what differs from their predecessor.
const RESTART_EVERY: u32 = 16;

/// A section being filled.
///
/// ```text
///  0  8  magic
///  8  4  crc32c of 12..length
/// 12  4  length in bytes, a multiple of 4096
/// 16  4  number of rows
/// 20  4  offset of the restart table: end of the rows
/// 24  4  number of restarts
/// 28 36  zeros
/// 64     rows: {varint bytes shared with the key before, varint bytes of key that follow,
///               varint length of value + 1, or 0 for a removed row; key bytes; value}
///        restart table: offset of every 16th row, u32 each; those share nothing
///        zeros
/// ```
/// The restart table stands behind the rows because it is known last; it lets a reader find a key
/// by halving.
#[derive(Debug)]
pub struct SectionWriter {
    to: Encoder,
    bytes_max: usize,
    rows: u32,
    restarts: Vec<u32>,
    last_key: Vec<u8>,
}

/// Why a row was not taken. The section stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowRefused {
    /// The section has no room for it; begin the next one.
    #[error("the section is full")]
    Full,
    /// No section could hold it.
    #[error("the row is longer than a section may be")]
    TooLarge,
    /// Its key is not greater than the one before.
    #[error("rows are not in the order of their keys")]
    Order,
}

impl SectionWriter {
    /// An empty section of at most `bytes_max` bytes, which is brought within one block and
    /// [`SECTION_BYTES_MAX`].
    pub fn new(bytes_max: usize) -> Self {
        let bytes_max = bytes_max.clamp(BLOCK_BYTES, SECTION_BYTES_MAX) / BLOCK_BYTES * BLOCK_BYTES;
        let to = Encoder(vec![0; HEADER_BYTES]);
        Self {
            to,
            bytes_max,
            rows: 0,
            restarts: Vec::new(),
            last_key: Vec::new(),
        }
    }

    /// Adds a row, or the removal of one.
    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), RowRefused> {
        if self.rows > 0 && key <= &self.last_key[..] {
            return Err(RowRefused::Order);
        }
        if key.len() > ROW_KEY_BYTES_MAX {
            return Err(RowRefused::TooLarge);
        }
        let restart = self.rows.is_multiple_of(RESTART_EVERY);
        let shared = if restart {
            0
        } else {
            shared_bytes(&self.last_key, key)
        };
        // Three varints of at most five bytes, and one more restart.
        let row_bytes = 15 + key.len() - shared + value.map_or(0, <[u8]>::len) + 4;
        if self.to.0.len() + row_bytes + self.restarts.len() * 4 > self.bytes_max {
            return Err(if self.rows == 0 {
                RowRefused::TooLarge
            } else {
                RowRefused::Full
            });
        }
        if restart {
            self.restarts.push(self.to.0.len() as u32);
        }
        self.to.varint(shared as u64);
        self.to.varint((key.len() - shared) as u64);
        self.to.varint(value.map_or(0, |v| v.len() as u64 + 1));
        self.to.raw(&key[shared..]);
        self.to.raw(value.unwrap_or(&[]));
        self.last_key.truncate(shared);
        self.last_key.extend_from_slice(&key[shared..]);
        self.rows += 1;
        Ok(())
    }

    /// How many rows are in it.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// The section's bytes, a multiple of the block size.
    pub fn finish(self) -> Vec<u8> {
        let mut to = self.to;
        let table = to.0.len() as u32;
        self.restarts.iter().for_each(|offset| to.u32(*offset));
        to.pad_to(to.0.len().next_multiple_of(BLOCK_BYTES));
        let mut head = Encoder::default();
        head.u32(to.0.len() as u32);
        head.u32(self.rows);
        head.u32(table);
        head.u32(self.restarts.len() as u32);
        let mut bytes = to.0;
        bytes[..8].copy_from_slice(MAGIC);
        bytes[12..12 + head.0.len()].copy_from_slice(&head.0);
        let crc = crc32c(&bytes[12..]);
        bytes[8..12].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

fn shared_bytes(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// A section whose checksum holds.
#[derive(Debug, Clone, Copy)]
pub struct SectionReader<'a> {
    /// From the section's start to the end of its rows, so that offsets stay what they are.
    bytes: &'a [u8],
    restarts: &'a [u8],
    rows: u32,
}

impl<'a> SectionReader<'a> {
    /// Checks the checksum and the header. Rows are checked as they are read.
    pub fn open(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(STRUCTURE, bytes);
        if from.raw(8, "magic")? != MAGIC {
            return Err(DecodeError::Magic {
                structure: STRUCTURE,
            });
        }
        let crc = from.u32("crc")?;
        if crc32c(from.rest()) != crc {
            return Err(DecodeError::Checksum {
                structure: STRUCTURE,
                over: "the section",
            });
        }
        let len = from.u32("length")? as usize;
        from.check(len == bytes.len() && len <= SECTION_BYTES_MAX, "length")?;
        from.check(len.is_multiple_of(BLOCK_BYTES), "length")?;
        let rows = from.u32("number of rows")?;
        let table = from.u32("restart table")? as usize;
        let restart_count = from.u32("number of restarts")?;
        from.check(
            restart_count == rows.div_ceil(RESTART_EVERY),
            "number of restarts",
        )?;
        from.zeros(36, "reserved")?;
        from.check(table >= HEADER_BYTES, "restart table")?;
        let (rows_bytes, behind) = bytes
            .split_at_checked(table)
            .ok_or_else(|| from.field("restart table"))?;
        let mut behind = Decoder::new(STRUCTURE, behind);
        let restarts = behind.raw(restart_count as usize * 4, "restart table")?;
        behind.check(behind.rest().len() < BLOCK_BYTES, "length")?;
        behind.zeros(behind.rest().len(), "padding")?;
        Ok(Self {
            bytes: rows_bytes,
            restarts,
            rows,
        })
    }

    /// How many rows it has.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// The rows from the first on.
    pub fn cursor(&self) -> SectionCursor<'a> {
        SectionCursor {
            bytes: self.bytes,
            at: HEADER_BYTES,
            left: self.rows,
            key: Vec::new(),
            first: true,
        }
    }

    /// The value of `key`: `None` if there is no such row, `Some(None)` if the row removes the key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Option<&'a [u8]>>, DecodeError> {
        let mut cursor = self.near(key)?;
        while let Some(row) = cursor.next() {
            let (found, value) = row?;
            match found.cmp(key) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Ok(Some(value)),
                std::cmp::Ordering::Greater => return Ok(None),
            }
        }
        Ok(None)
    }

    /// A cursor at the last restart whose key is not greater than `key`.
    fn near(&self, key: &[u8]) -> Result<SectionCursor<'a>, DecodeError> {
        let (table, _) = self.restarts.as_chunks::<4>();
        let (mut low, mut high) = (0, table.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            let mut probe = self.at_restart(table, middle);
            match probe.next() {
                Some(row) if row?.0 <= key => low = middle,
                _ => high = middle,
            }
        }
        Ok(self.at_restart(table, low))
    }

    fn at_restart(&self, table: &[[u8; 4]], restart: usize) -> SectionCursor<'a> {
        let at = table
            .get(restart)
            .map_or(HEADER_BYTES, |at| u32::from_le_bytes(*at) as usize);
        let passed = restart as u32 * RESTART_EVERY;
        let left = self.rows.saturating_sub(passed);
        SectionCursor {
            bytes: self.bytes,
            at,
            left,
            key: Vec::new(),
            first: true,
        }
    }
}

/// A row: its key, and its value or `None` for a removal.
pub type Row<'k, 'v> = (&'k [u8], Option<&'v [u8]>);

/// Goes through the rows of a section in order.
#[derive(Debug, Clone)]
pub struct SectionCursor<'a> {
    bytes: &'a [u8],
    at: usize,
    left: u32,
    key: Vec<u8>,
    first: bool,
}

impl<'a> SectionCursor<'a> {
    /// The next row: key, and value or `None` for a removal. After an error there are no more.
    ///
    /// Not an [`Iterator`], because the key lies in the cursor.
    #[expect(
        clippy::should_implement_trait,
        reason = "the key borrows from the cursor"
    )]
    pub fn next(&mut self) -> Option<Result<Row<'_, 'a>, DecodeError>> {
        if self.left == 0 {
            return None;
        }
        match self.read() {
            Ok(value) => Some(Ok((&self.key, value))),
            Err(error) => {
                self.left = 0;
                Some(Err(error))
            }
        }
    }

    fn read(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let mut from = Decoder::new(STRUCTURE, self.bytes.get(self.at..).unwrap_or(&[]));
        let before = from.rest().len();
        let shared = from.varint_u32("shared bytes")? as usize;
        let suffix_bytes = from.varint_u32("key length")? as usize;
        let value_bytes = from.varint_u32("value length")?;
        from.check(shared <= self.key.len(), "shared bytes")?;
        from.check(shared + suffix_bytes <= ROW_KEY_BYTES_MAX, "key length")?;
        let suffix = from.raw(suffix_bytes, "key")?;
        let rising = self.first || self.key.get(shared..).is_some_and(|old| suffix > old);
        from.check(rising, "order of keys")?;
        let value = match value_bytes.checked_sub(1) {
            None => None,
            Some(len) => Some(from.raw(len as usize, "value")?),
        };
        self.key.truncate(shared);
        self.key.extend_from_slice(suffix);
        self.first = false;
        self.at += before - from.rest().len();
        self.left -= 1;
        let complete = self.left > 0 || self.at == self.bytes.len();
        from.check(complete, "number of rows")?;
        Ok(value)
    }
}
