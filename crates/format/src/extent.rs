//! Where the bytes of large objects lie, and what lies behind each megabyte of them.

use crate::codec::{Decoder, Encoder};
use crate::{BLOCK_BYTES, DecodeError, Generation, GroupId, crc32c};
use std::ops::Range;

/// Most data in one shard, in bytes. A shard is one device write; its trailer costs 0.4 % at this size.
pub const SHARD_DATA_BYTES_MAX: u32 = 1 << 20;
/// How much data one CRC of a trailer covers, in bytes: the least that a range read must fetch.
pub const CRC_CHUNK_BYTES: u32 = 64 << 10;
const CHUNKS_MAX: usize = (SHARD_DATA_BYTES_MAX / CRC_CHUNK_BYTES) as usize;
const BLOCK: u32 = BLOCK_BYTES as u32;

/// A run of bytes in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extent {
    /// The group.
    pub group: GroupId,
    /// Its generation when the bytes were written.
    pub generation: Generation,
    /// Where the run begins within the group's segment.
    pub offset_bytes: u32,
    /// Bytes of the object in it; at least 1.
    pub data_bytes: u32,
    /// How they lie there.
    pub form: ExtentForm,
}

/// How the bytes of an extent lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExtentForm {
    /// In a data group: shards, all of them full but the last, each with its trailer.
    Shards,
    /// In a log group: bare bytes within a record that was written earlier, such as a small part.
    Bytes {
        /// Of all of them.
        crc32c: u32,
    },
}

/// One shard of an extent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Its place among the extent's shards, from 0.
    pub number: u32,
    /// Where it begins within the group's segment.
    pub offset_bytes: u32,
    /// Bytes of the object in it.
    pub data_bytes: u32,
}

impl Shard {
    /// Where its trailer begins within the group's segment.
    pub fn trailer_offset_bytes(&self) -> u32 {
        self.offset_bytes
            .saturating_add(padded_bytes(self.data_bytes))
    }

    /// Bytes that it takes on the device, trailer included.
    pub fn len_bytes(&self) -> u32 {
        padded_bytes(self.data_bytes).saturating_add(BLOCK)
    }
}

/// `data_bytes` rounded up to whole blocks.
pub fn padded_bytes(data_bytes: u32) -> u32 {
    data_bytes
        .checked_next_multiple_of(BLOCK)
        .unwrap_or(u32::MAX)
}

impl Extent {
    /// Bytes that it takes on the device: with padding and trailers, or bare.
    pub fn len_bytes(&self) -> u64 {
        let data = u64::from(self.data_bytes);
        match self.form {
            ExtentForm::Bytes { .. } => data,
            ExtentForm::Shards => {
                let block = BLOCK_BYTES as u64;
                let trailers = data.div_ceil(u64::from(SHARD_DATA_BYTES_MAX));
                data.next_multiple_of(block) + trailers * block
            }
        }
    }

    /// Its shards in order; none for bare bytes.
    pub fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        let (data_bytes, base) = match self.form {
            ExtentForm::Shards => (self.data_bytes, self.offset_bytes),
            ExtentForm::Bytes { .. } => (0, 0),
        };
        (0..data_bytes.div_ceil(SHARD_DATA_BYTES_MAX)).map(move |number| Shard {
            number,
            offset_bytes: base.saturating_add(number.saturating_mul(SHARD_DATA_BYTES_MAX + BLOCK)),
            data_bytes: (data_bytes - number * SHARD_DATA_BYTES_MAX).min(SHARD_DATA_BYTES_MAX),
        })
    }

    /// group, generation, offset: varints; data: varint; form: u8; for bytes their CRC: u32.
    /// Varints, because a large object has thousands of these and their numbers are small.
    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.varint(u64::from(self.group.0));
        to.varint(u64::from(self.generation.0));
        to.varint(u64::from(self.offset_bytes));
        to.varint(u64::from(self.data_bytes));
        match self.form {
            ExtentForm::Shards => to.u8(0),
            ExtentForm::Bytes { crc32c } => {
                to.u8(1);
                to.u32(crc32c);
            }
        }
    }

    pub(crate) const ENCODED_BYTES_MIN: usize = 5;

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let group = GroupId(from.varint_u32("extent group")?);
        let generation = Generation(from.varint_u32("extent generation")?);
        let offset_bytes = from.varint_u32("extent offset")?;
        let data_bytes = from.varint_u32("extent data")?;
        let form = match from.u8("extent form")? {
            0 => ExtentForm::Shards,
            1 => ExtentForm::Bytes {
                crc32c: from.u32("extent crc")?,
            },
            _ => return Err(from.field("extent form")),
        };
        let extent = Self {
            group,
            generation,
            offset_bytes,
            data_bytes,
            form,
        };
        let end = u64::from(offset_bytes) + extent.len_bytes();
        let placed = form != ExtentForm::Shards || offset_bytes.is_multiple_of(BLOCK);
        from.check(placed, "extent offset")?;
        from.check(
            data_bytes > 0 && end <= u64::from(crate::SEGMENT_BYTES_MAX),
            "extent data",
        )?;
        Ok(extent)
    }
}

/// A name, made at random, of one write of one object or part; all its shards carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WriteId(pub [u8; 16]);

/// The block behind a shard's data. With it, a shard can be verified knowing nothing else.
///
/// ```text
///   0  8  magic            what this block claims to be
///   8  4  crc32c of 12..4096   whether the rest may be read
///  12  4  group            where it should lie: a misdirected write is noticed
///  16  4  generation
///  20  4  offset of the shard within its segment
///  24  4  data bytes
///  28  4  shard number within its write
///  32 16  write id         whose it is: for salvage
///  48  2  part number; 0 when not a part
///  50 14  zeros
///  64 64  crc32c of each 64 KiB of data, the last of the rest; zeros behind
/// 128     zeros
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardTrailer {
    /// The group it lies in.
    pub group: GroupId,
    /// The group's generation.
    pub generation: Generation,
    /// Where the shard begins within its segment.
    pub offset_bytes: u32,
    /// Bytes of the object in it, without padding; 1 to [`SHARD_DATA_BYTES_MAX`].
    pub data_bytes: u32,
    /// Its place among the shards of its write, over all extents.
    pub shard: u32,
    /// The write it belongs to.
    pub write: WriteId,
    /// The part it belongs to; 0 for none.
    pub part: u16,
    /// The CRC of each 64 KiB.
    pub chunk_crcs: Vec<u32>,
}

const TRAILER: &str = "shard trailer";
const TRAILER_MAGIC: &[u8; 8] = b"BHSHARD\n";

impl ShardTrailer {
    /// The CRCs that go into the trailer of `data`.
    pub fn chunk_crcs(data: &[u8]) -> Vec<u32> {
        data.chunks(CRC_CHUNK_BYTES as usize).map(crc32c).collect()
    }

    /// The block.
    pub fn encode(&self) -> [u8; BLOCK_BYTES] {
        let mut to = Encoder::default();
        to.raw(TRAILER_MAGIC);
        to.u32(0);
        to.u32(self.group.0);
        to.u32(self.generation.0);
        to.u32(self.offset_bytes);
        to.u32(self.data_bytes);
        to.u32(self.shard);
        to.raw(&self.write.0);
        to.u16(self.part);
        to.pad_to(64);
        for crc in self.chunk_crcs.iter().take(CHUNKS_MAX) {
            to.u32(*crc);
        }
        crate::codec::sealed_block(to)
    }

    /// Reads and checks the block.
    pub fn decode(block: &[u8]) -> Result<Self, DecodeError> {
        let mut from = crate::codec::open_block(TRAILER, TRAILER_MAGIC, block)?;
        let group = GroupId(from.u32("group")?);
        let generation = Generation(from.u32("generation")?);
        let offset_bytes = from.u32("offset")?;
        let data_bytes = from.u32("data length")?;
        from.check(
            (1..=SHARD_DATA_BYTES_MAX).contains(&data_bytes),
            "data length",
        )?;
        let shard = from.u32("shard")?;
        let write = WriteId(from.array("write")?);
        let part = from.u16("part")?;
        from.zeros(14, "reserved")?;
        let chunks = data_bytes.div_ceil(CRC_CHUNK_BYTES) as usize;
        let chunk_crcs = (0..chunks)
            .map(|_| from.u32("chunk crc"))
            .collect::<Result<_, _>>()?;
        from.zeros(from.rest().len(), "reserved")?;
        Ok(Self {
            group,
            generation,
            offset_bytes,
            data_bytes,
            shard,
            write,
            part,
            chunk_crcs,
        })
    }

    /// Whether this is the trailer that `extent` says lies behind `shard`.
    pub fn belongs_to(&self, extent: &Extent, shard: &Shard) -> bool {
        self.group == extent.group
            && self.generation == extent.generation
            && self.offset_bytes == shard.offset_bytes
            && self.data_bytes == shard.data_bytes
    }

    /// The chunks of 64 KiB that cover `range` of the shard's data, as a range of bytes of it.
    pub fn covering(&self, range: Range<u32>) -> Range<u32> {
        let first = range.start / CRC_CHUNK_BYTES * CRC_CHUNK_BYTES;
        let last = range
            .end
            .checked_next_multiple_of(CRC_CHUNK_BYTES)
            .unwrap_or(u32::MAX);
        first.min(self.data_bytes)..last.min(self.data_bytes)
    }

    /// Verifies `data`, which begins at `start_bytes` (a multiple of 64 KiB) of the shard's data and
    /// ends with a chunk. Tells the first chunk that is not what was written.
    pub fn verify(&self, start_bytes: u32, data: &[u8]) -> Result<(), DecodeError> {
        let field = DecodeError::Field {
            structure: TRAILER,
            field: "range to verify",
        };
        let end = start_bytes as usize + data.len();
        let whole = end.is_multiple_of(CRC_CHUNK_BYTES as usize) || end == self.data_bytes as usize;
        if !start_bytes.is_multiple_of(CRC_CHUNK_BYTES) || !whole || end > self.data_bytes as usize
        {
            return Err(field);
        }
        let stored = self
            .chunk_crcs
            .iter()
            .skip((start_bytes / CRC_CHUNK_BYTES) as usize);
        let same = data
            .chunks(CRC_CHUNK_BYTES as usize)
            .zip(stored)
            .all(|(c, s)| crc32c(c) == *s);
        same.then_some(()).ok_or(DecodeError::Checksum {
            structure: TRAILER,
            over: "64 KiB of data",
        })
    }
}
