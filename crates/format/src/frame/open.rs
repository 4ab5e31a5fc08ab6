//! Judging and reading a frame.

use super::{FrameHeader, HEADER_BYTES, MAGIC, covered};
use crate::record::{self, Body, InlinePlace, RecordPlace};
use crate::{BLOCK_BYTES, DecodeError, Epoch, Generation, GroupId, Lsn, PoolId, crc32c};

/// Where a frame is looked for, and what may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameSite {
    /// The pool.
    pub pool: PoolId,
    /// Which log; 0 today.
    pub log: u32,
    /// The log group.
    pub group: GroupId,
    /// Its generation.
    pub generation: Generation,
    /// Where within the group's segment.
    pub offset_bytes: u32,
    /// The pool's epoch: no frame can come from a later one.
    pub epoch_max: Epoch,
}

/// What lies at a place where a frame may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameState<'a> {
    /// Nothing that was written to this group in this generation: zeros, leftovers of what the
    /// segment held before, or bytes that are no frame at all.
    Empty,
    /// A frame of this group that is torn or damaged.
    Invalid(FrameDamage),
    /// A whole frame.
    Valid(Frame<'a>),
}

/// What is wrong with a frame, and what can still be read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameDamage {
    /// What is wrong.
    pub why: DecodeError,
    /// The header, if that is whole.
    pub header: Option<FrameHeader>,
}

/// A frame whose checksums all hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    header: FrameHeader,
    bytes: &'a [u8],
}

/// A record of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramedRecord<'a> {
    /// Its position.
    pub lsn: Lsn,
    /// Where it lies, as the index points to it.
    pub place: RecordPlace,
    /// Where its inline data lies.
    pub inline: InlinePlace,
    /// What it says.
    pub body: Body,
    /// Its inline data.
    pub data: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Judges what lies at the front of `bytes`; what follows the frame is not looked at. `bytes`
    /// shorter than the frame that its header promises are [`FrameState::Invalid`].
    ///
    /// A damaged header cannot be told from bytes that never were one, unless its magic still
    /// stands; recovery therefore looks for later frames behind an empty place as well.
    pub fn open(bytes: &'a [u8], site: &FrameSite) -> FrameState<'a> {
        let header = match FrameHeader::peek(bytes) {
            Ok(header) if !site.owns(&header) => return FrameState::Empty,
            Ok(header) => header,
            Err(why) if bytes.starts_with(MAGIC) => {
                return FrameState::Invalid(FrameDamage { why, header: None });
            }
            Err(_) => return FrameState::Empty,
        };
        match Self::checked(bytes, header, site) {
            Ok(frame) => FrameState::Valid(frame),
            Err(why) => FrameState::Invalid(FrameDamage {
                why,
                header: Some(header),
            }),
        }
    }

    fn checked(
        bytes: &'a [u8],
        header: FrameHeader,
        site: &FrameSite,
    ) -> Result<Self, DecodeError> {
        let wrong = |field| DecodeError::Field {
            structure: "frame",
            field,
        };
        let broken = |over| DecodeError::Checksum {
            structure: "frame",
            over,
        };
        if header.head.offset_bytes != site.offset_bytes {
            return Err(wrong("offset"));
        }
        if header.head.epoch > site.epoch_max {
            return Err(wrong("epoch"));
        }
        let short = DecodeError::Short {
            structure: "frame",
            field: "length",
        };
        let bytes = bytes.get(..header.len_bytes as usize).ok_or(short)?;
        let crcs_offset = header.crcs_offset_bytes as usize;
        let tail = bytes.get(crcs_offset..).ok_or(short)?;
        if crc32c(tail) != header.crcs_crc {
            return Err(broken("the block CRCs"));
        }
        let (stored, _) = tail.as_chunks::<4>();
        let blocks = covered(bytes, crcs_offset).map(crc32c);
        if !blocks
            .zip(stored)
            .all(|(crc, stored)| crc == u32::from_le_bytes(*stored))
        {
            return Err(broken("a block"));
        }
        Ok(Self { header, bytes })
    }

    /// What it says of itself.
    pub fn header(&self) -> &FrameHeader {
        &self.header
    }

    /// Its bytes, to write them to a mirror again.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Which of the frame's blocks, counted from 0, do not have the bytes that were written. For a
    /// frame whose header and block CRCs are whole: so that each block can be taken from whichever
    /// mirror has it.
    pub fn damaged_blocks(bytes: &[u8]) -> Result<Vec<usize>, DecodeError> {
        let header = FrameHeader::peek(bytes)?;
        let short = DecodeError::Short {
            structure: "frame",
            field: "length",
        };
        let bytes = bytes.get(..header.len_bytes as usize).ok_or(short)?;
        let crcs_offset = header.crcs_offset_bytes as usize;
        let tail = bytes.get(crcs_offset..).ok_or(short)?;
        if crc32c(tail) != header.crcs_crc {
            return Err(DecodeError::Checksum {
                structure: "frame",
                over: "the block CRCs",
            });
        }
        let (stored, _) = tail.as_chunks::<4>();
        let blocks = covered(bytes, crcs_offset)
            .map(crc32c)
            .zip(stored)
            .enumerate();
        Ok(blocks
            .filter(|(_, (c, s))| *c != u32::from_le_bytes(**s))
            .map(|(n, _)| n)
            .collect())
    }

    /// Its records in order. After an error there are no more.
    pub fn records(&self) -> Records<'a> {
        let end = self.header.crcs_offset_bytes as usize;
        Records {
            header: self.header,
            bytes: self.bytes.get(..end).unwrap_or(&[]),
            at: HEADER_BYTES,
            read: 0,
            failed: false,
        }
    }
}

impl FrameSite {
    /// Whether the header is of this pool, log, group and generation.
    pub fn owns(&self, header: &FrameHeader) -> bool {
        let head = &header.head;
        head.pool == self.pool
            && head.log == self.log
            && head.group == self.group
            && head.generation == self.generation
    }

    /// The place one block further on, for a search.
    pub fn next_block(&self) -> Self {
        Self {
            offset_bytes: self.offset_bytes.saturating_add(BLOCK_BYTES as u32),
            ..*self
        }
    }
}

/// The records of one frame.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    header: FrameHeader,
    bytes: &'a [u8],
    at: usize,
    read: u32,
    failed: bool,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<FramedRecord<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let done = self.read == self.header.records;
        if self.failed || (done && self.at == self.bytes.len()) {
            return None;
        }
        let item = if done {
            Err(DecodeError::Field {
                structure: "frame",
                field: "number of records",
            })
        } else {
            self.read_one()
        };
        self.failed = item.is_err();
        Some(item)
    }
}

impl<'a> Records<'a> {
    fn read_one(&mut self) -> Result<FramedRecord<'a>, DecodeError> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let decoded = record::decode(rest)?;
        let head = &self.header.head;
        let start_bytes = head.offset_bytes.saturating_add(self.at as u32);
        let framed = FramedRecord {
            lsn: head.lsn_first.plus(u64::from(self.read)),
            place: RecordPlace {
                group: head.group,
                generation: head.generation,
                offset_bytes: start_bytes,
                len_bytes: decoded.len_bytes as u32,
            },
            inline: InlinePlace {
                offset_bytes: start_bytes.saturating_add(decoded.data_start_bytes as u32),
                len_bytes: decoded.data.len() as u32,
                crc32c: decoded.data_crc,
            },
            body: decoded.body,
            data: decoded.data,
        };
        self.at += decoded.len_bytes;
        self.read += 1;
        Ok(framed)
    }
}
