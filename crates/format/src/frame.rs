//! Frames: one commit of the log each.
//!
//! A frame begins at a multiple of 4 KiB within a segment of a log group, holds the records of one
//! commit, and is written to all mirrors alike. Only one frame is ever on its way to the devices;
//! what was acknowledged is therefore never behind a frame that was not wholly written, and a frame
//! that is damaged although a later one exists, or although a later one says that it was durable,
//! is damage and not a torn end of the log. To tell these apart is recovery's business; this module
//! gives it the three answers [`FrameState`] and the fields to decide by.
//!
//! ```text
//! ┌──────── 4 KiB ────────┬──── 4 KiB ────┬──────────── 4 KiB ────────────┐
//! │ header 160 │ record │ record          │ record  │ block CRCs │ zeros  │
//! └────────────┴────────┴─────────────────┴─────────┴────────────┴────────┘
//! ```
//! The CRC of every block stands behind the records, not before them, so that records can be put
//! into the buffer before anyone knows how many there will be.

mod build;
mod open;

pub use build::{Built, FrameBuilder, Placed, PushError};
pub use open::{Frame, FrameDamage, FrameSite, FrameState, FramedRecord};

use crate::codec::{Decoder, Encoder};
use crate::{BLOCK_BYTES, DecodeError, Epoch, Generation, GroupId, Lsn, PoolId, crc32c};
use blockhouse_types::Timestamp;

/// Longest frame, in bytes. A commit that needs more is split.
pub const FRAME_BYTES_MAX: usize = 4 << 20;
/// Most records of one frame. A commit that needs more is split.
pub const FRAME_RECORDS_MAX: u32 = 4096;
/// Length of the header, in bytes.
pub const HEADER_BYTES: usize = 160;

const STRUCTURE: &str = "frame header";
const MAGIC: &[u8; 8] = b"BHFRAME\n";

/// What a frame says of itself.
///
/// ```text
///   0  8  magic              what this claims to be
///   8  4  crc32c of 12..160  whether the rest may be read
///  12  4  log id             0 today: there is one log
///  16 16  pool               whose: a device that was used before is full of old frames
///  32  4  group              where it should lie: a misdirected write is noticed,
///  36  4  generation         and so is what the group held before
///  40  4  offset within the segment
///  44  4  crc32c of the previous frame's header, as stored at its 8; 0 for the first of a pool
///  48  8  epoch              who wrote it
///  56  8  first lsn
///  64  8  durable lsn        highest position known durable when it was built
///  72  8  time floor, ms
///  80 16  salt               fresh for each frame, reserved for encryption
///  96  4  frame length, a multiple of 4096
/// 100  4  number of records
/// 104  4  offset of the block CRCs: end of the records
/// 108  4  crc32c of the block CRCs and the zeros behind them
/// 112 48  zeros
/// 160     records, each at a multiple of 8
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Its identity and place.
    pub head: FrameHead,
    /// Length of the frame, a multiple of the block size.
    pub len_bytes: u32,
    /// Number of records.
    pub records: u32,
    /// Where the block CRCs begin.
    pub crcs_offset_bytes: u32,
    /// Over the block CRCs and the zeros behind them.
    pub crcs_crc: u32,
    /// The header's own CRC: the next frame's `previous_crc`.
    pub crc: u32,
}

/// What is known of a frame before its records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    /// The pool.
    pub pool: PoolId,
    /// Which log; 0 today.
    pub log: u32,
    /// The log group it lies in.
    pub group: GroupId,
    /// The group's generation.
    pub generation: Generation,
    /// Where it lies within the group's segment.
    pub offset_bytes: u32,
    /// The pool's epoch when it was written.
    pub epoch: Epoch,
    /// The position of its first record.
    pub lsn_first: Lsn,
    /// The highest position known durable when it was built.
    pub durable_lsn: Lsn,
    /// The highest time the store had seen.
    pub time_floor: Timestamp,
    /// The previous frame's [`FrameHeader::crc`]; 0 for the first frame of a pool.
    pub previous_crc: u32,
    /// Fresh random bytes.
    pub salt: [u8; 16],
}

impl FrameHeader {
    /// Reads a header from the first block of a frame, checking its CRC and that its fields agree
    /// with each other; not where it lies, not the records.
    pub fn peek(block: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(STRUCTURE, block.get(..HEADER_BYTES).unwrap_or(block));
        if from.raw(8, "magic")? != MAGIC {
            return Err(DecodeError::Magic {
                structure: STRUCTURE,
            });
        }
        let crc = from.u32("crc")?;
        if from.rest().len() != HEADER_BYTES - 12 || crc32c(from.rest()) != crc {
            return Err(DecodeError::Checksum {
                structure: STRUCTURE,
                over: "the header",
            });
        }
        let head = FrameHead::decode(&mut from)?;
        let header = Self {
            head,
            len_bytes: from.u32("length")?,
            records: from.u32("records")?,
            crcs_offset_bytes: from.u32("offset of the block CRCs")?,
            crcs_crc: from.u32("CRC of the block CRCs")?,
            crc,
        };
        from.zeros(48, "reserved")?;
        header.judge(&from)?;
        Ok(header)
    }

    fn judge(&self, from: &Decoder<'_>) -> Result<(), DecodeError> {
        let len = self.len_bytes as usize;
        from.check(
            len <= FRAME_BYTES_MAX && len.is_multiple_of(BLOCK_BYTES),
            "length",
        )?;
        from.check(self.records <= FRAME_RECORDS_MAX, "records")?;
        let offset = self.crcs_offset_bytes as usize;
        let room = crcs_end(offset).is_some_and(|end| end.next_multiple_of(BLOCK_BYTES) == len);
        from.check(offset >= HEADER_BYTES && room, "offset of the block CRCs")
    }

    /// The position after the frame's last record.
    pub fn lsn_next(&self) -> Lsn {
        self.head.lsn_first.plus(u64::from(self.records))
    }

    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut to = Encoder::default();
        to.raw(MAGIC);
        to.u32(0);
        self.head.encode(&mut to);
        to.u32(self.len_bytes);
        to.u32(self.records);
        to.u32(self.crcs_offset_bytes);
        to.u32(self.crcs_crc);
        to.pad_to(HEADER_BYTES);
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&to.0);
        let crc = crc32c(&header[12..]);
        header[8..12].copy_from_slice(&crc.to_le_bytes());
        header
    }
}

impl FrameHead {
    fn encode(&self, to: &mut Encoder) {
        to.u32(self.log);
        to.raw(&self.pool.0);
        to.u32(self.group.0);
        to.u32(self.generation.0);
        to.u32(self.offset_bytes);
        to.u32(self.previous_crc);
        to.u64(self.epoch.0);
        to.u64(self.lsn_first.0);
        to.u64(self.durable_lsn.0);
        to.u64(self.time_floor.millis());
        to.raw(&self.salt);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            log: from.u32("log id")?,
            pool: PoolId(from.array("pool")?),
            group: GroupId(from.u32("group")?),
            generation: Generation(from.u32("generation")?),
            offset_bytes: from.u32("offset")?,
            previous_crc: from.u32("previous crc")?,
            epoch: Epoch(from.u64("epoch")?),
            lsn_first: Lsn(from.u64("first lsn")?),
            durable_lsn: Lsn(from.u64("durable lsn")?),
            time_floor: Timestamp::from_millis(from.u64("time floor")?),
            salt: from.array("salt")?,
        })
    }
}

/// Where the CRCs of the blocks that hold `..crcs_offset` end, if they begin there; one u32 each.
fn crcs_end(crcs_offset: usize) -> Option<usize> {
    crcs_offset.checked_add(crcs_offset.div_ceil(BLOCK_BYTES) * 4)
}

/// The part of each block that its CRC covers: what lies between header and block CRCs.
fn covered(frame: &[u8], crcs_offset: usize) -> impl Iterator<Item = &[u8]> {
    (0..crcs_offset.div_ceil(BLOCK_BYTES)).map(move |block| {
        let from = (block * BLOCK_BYTES).max(HEADER_BYTES);
        frame
            .get(from..((block + 1) * BLOCK_BYTES).min(crcs_offset))
            .unwrap_or(&[])
    })
}
