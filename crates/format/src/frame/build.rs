//! Filling a buffer with a frame.

use super::{
    FRAME_BYTES_MAX, FRAME_RECORDS_MAX, FrameHead, FrameHeader, HEADER_BYTES, covered, crcs_end,
};
use crate::record::{self, ALIGN_BYTES, Body, InlinePlace, RecordPlace};
use crate::{BLOCK_BYTES, EncodeError, Lsn, crc32c};
use blockhouse_types::Timestamp;

/// A frame being filled, in a buffer of the caller's.
#[derive(Debug)]
pub struct FrameBuilder<'a> {
    buf: &'a mut [u8],
    head: FrameHead,
    end_bytes: usize,
    records: u32,
}

/// Where a record has been put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Its position in the log.
    pub lsn: Lsn,
    /// The record, as the index points to it.
    pub place: RecordPlace,
    /// Its inline data; of length 0 for none.
    pub inline: InlinePlace,
}

/// A record did not go into the frame, which stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// There is no room for it; the next frame may have some.
    #[error("the frame has no room for the record")]
    Full,
    /// No frame could hold it.
    #[error(transparent)]
    TooLarge(#[from] EncodeError),
}

/// A frame that is ready to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    /// How much of the buffer it is, a multiple of the block size.
    pub len_bytes: usize,
    /// The next frame's `previous_crc`.
    pub header_crc: u32,
    /// The position after its last record.
    pub lsn_next: Lsn,
}

impl<'a> FrameBuilder<'a> {
    /// An empty frame in `buf`, of which at most [`FRAME_BYTES_MAX`] are used. A buffer of less than
    /// one block has room for nothing.
    pub fn new(buf: &'a mut [u8], head: FrameHead) -> Self {
        let usable = buf.len().min(FRAME_BYTES_MAX) / BLOCK_BYTES * BLOCK_BYTES;
        let (buf, _) = buf.split_at_mut(usable);
        Self {
            buf,
            head,
            end_bytes: HEADER_BYTES,
            records: 0,
        }
    }

    /// The position that the next record will have.
    pub fn lsn_next(&self) -> Lsn {
        self.head.lsn_first.plus(u64::from(self.records))
    }

    /// How many records are in it.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// What the frame would take on the device now, in bytes.
    pub fn len_bytes(&self) -> usize {
        crcs_end(self.end_bytes)
            .unwrap_or(usize::MAX)
            .next_multiple_of(BLOCK_BYTES)
    }

    /// What the next record may take with head, meta, data and padding, in bytes.
    pub fn room_bytes(&self) -> usize {
        let left = self.buf.len().saturating_sub(self.end_bytes);
        // Each block that the record reaches into costs four bytes more.
        let crcs = self.buf.len() / BLOCK_BYTES * 4;
        left.saturating_sub(crcs) / ALIGN_BYTES * ALIGN_BYTES
    }

    /// Sets the time floor, which is known when all records are.
    pub fn set_time_floor(&mut self, time_floor: Timestamp) {
        self.head.time_floor = time_floor;
    }

    /// Adds a record without inline data.
    pub fn push(&mut self, body: &Body) -> Result<Placed, PushError> {
        self.push_with::<&[u8]>(body, &[])
    }

    /// Adds a record whose inline data are these pieces in order. They are copied once, here; their
    /// lengths must sum to the size that `body` tells.
    pub fn push_with<B: AsRef<[u8]>>(
        &mut self,
        body: &Body,
        data: &[B],
    ) -> Result<Placed, PushError> {
        let data_bytes = data.iter().map(|piece| piece.as_ref().len()).sum();
        let right = body
            .inline_bytes()
            .is_none_or(|expected| expected == data_bytes as u64);
        crate::codec::consistent(right, "inline data")?;
        let encoded = record::encode(body)?;
        let len_bytes = encoded.len_bytes(data_bytes);
        check_fits_any_frame(len_bytes)?;
        let start = self.end_bytes;
        let end = start + len_bytes;
        let fits = crcs_end(end).is_some_and(|needed| needed <= self.buf.len());
        if !fits || self.records >= FRAME_RECORDS_MAX {
            return Err(PushError::Full);
        }
        let data_start = start + encoded.head_and_meta_bytes();
        let mut at = data_start;
        for piece in data.iter().map(AsRef::as_ref) {
            self.buf[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
        }
        self.buf[at..end].fill(0);
        let data_crc = crc32c(&self.buf[data_start..at]);
        let head_and_meta = encoded.seal(data_bytes as u32, data_crc);
        self.buf[start..data_start].copy_from_slice(&head_and_meta);
        let placed = Placed {
            lsn: self.lsn_next(),
            place: RecordPlace {
                group: self.head.group,
                generation: self.head.generation,
                offset_bytes: self.head.offset_bytes + start as u32,
                len_bytes: len_bytes as u32,
            },
            inline: InlinePlace {
                offset_bytes: self.head.offset_bytes + data_start as u32,
                len_bytes: data_bytes as u32,
                crc32c: data_crc,
            },
        };
        self.end_bytes = end;
        self.records += 1;
        Ok(placed)
    }

    /// Fills in header and CRCs. The frame is the first `len_bytes` of the buffer.
    pub fn finish(self) -> Built {
        let crcs_offset = self.end_bytes;
        let len_bytes = self.len_bytes();
        let frame = &mut self.buf[..len_bytes];
        let crcs: Vec<u32> = covered(frame, crcs_offset).map(crc32c).collect();
        let tail = &mut frame[crcs_offset..];
        tail.fill(0);
        for (room, crc) in tail.chunks_exact_mut(4).zip(&crcs) {
            room.copy_from_slice(&crc.to_le_bytes());
        }
        let header = FrameHeader {
            head: self.head,
            len_bytes: len_bytes as u32,
            records: self.records,
            crcs_offset_bytes: crcs_offset as u32,
            crcs_crc: crc32c(tail),
            crc: 0,
        };
        let encoded = header.encode();
        frame[..HEADER_BYTES].copy_from_slice(&encoded);
        let mut crc = [0; 4];
        crc.copy_from_slice(&encoded[8..12]);
        Built {
            len_bytes,
            header_crc: u32::from_le_bytes(crc),
            lsn_next: header.lsn_next(),
        }
    }
}

fn check_fits_any_frame(len_bytes: usize) -> Result<(), EncodeError> {
    let room = FRAME_BYTES_MAX - BLOCK_BYTES - FRAME_BYTES_MAX / BLOCK_BYTES * 4;
    let max = room / ALIGN_BYTES * ALIGN_BYTES;
    crate::codec::bounded(len_bytes, "a record", max).map(|_| ())
}
