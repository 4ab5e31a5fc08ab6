//! Where the log has got to.

use crate::layout::Layout;
use blockhouse_device::BLOCK_BYTES;
use blockhouse_format::{Epoch, Generation, GroupId, Lsn, PoolId, frame::FrameHead};
use blockhouse_types::Timestamp;

/// A tick is written for the time floor alone when the clock has moved on by so much, in
/// milliseconds: what a machine that starts with a wrong clock can lose of expiry.
const FLOOR_STEP_MS: u64 = 60_000;

/// The log's end.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) pool: PoolId,
    pub(crate) epoch: Epoch,
    pub(crate) group: GroupId,
    pub(crate) generation: Generation,
    /// Where the next frame goes.
    pub(crate) offset_bytes: u32,
    /// Of the last frame's header.
    pub(crate) previous_crc: u32,
    /// The position of the next record.
    pub(crate) lsn_next: Lsn,
    /// The group after this one, once it has been announced in the log.
    pub(crate) successor: Option<(GroupId, Generation)>,
    /// The last frame that says something has a frame behind it.
    pub(crate) witnessed: bool,
    pub(crate) floor: Timestamp,
    /// Since the last checkpoint.
    pub(crate) bytes: u64,
    pub(crate) records: u64,
}

impl Log {
    /// The log of a pool that has no checkpoint yet: it begins in group 0.
    pub(crate) fn begin(pool: PoolId, epoch: Epoch, layout: &Layout, floor: Timestamp) -> Self {
        Self {
            pool,
            epoch,
            group: GroupId(0),
            generation: Generation(1),
            offset_bytes: layout.payload().start,
            previous_crc: 0,
            lsn_next: Lsn(1),
            successor: None,
            witnessed: true,
            floor,
            bytes: 0,
            records: 0,
        }
    }

    /// The last position that is durable.
    pub(crate) fn durable(&self) -> Lsn {
        Lsn(self.lsn_next.0.saturating_sub(1))
    }

    /// The head of the next frame. Its time floor is set when its records are known.
    pub(crate) fn head(&self, salt: [u8; 16]) -> FrameHead {
        FrameHead {
            pool: self.pool,
            log: 0,
            group: self.group,
            generation: self.generation,
            offset_bytes: self.offset_bytes,
            epoch: self.epoch,
            lsn_first: self.lsn_next,
            durable_lsn: self.durable(),
            time_floor: self.floor,
            previous_crc: self.previous_crc,
            salt,
        }
    }

    /// Room for a frame in the group, in bytes. One block stays back for the announcement of the
    /// next group.
    pub(crate) fn room_bytes(&self, layout: &Layout) -> usize {
        let end = layout.payload().end.saturating_sub(BLOCK_BYTES as u32);
        end.saturating_sub(self.offset_bytes) as usize
    }

    /// The log goes on at the front of the next group.
    pub(crate) fn move_to(&mut self, group: GroupId, generation: Generation, layout: &Layout) {
        self.group = group;
        self.generation = generation;
        self.offset_bytes = layout.payload().start;
        self.successor = None;
    }

    /// A frame is durable.
    pub(crate) fn advance(&mut self, len_bytes: usize, header_crc: u32, lsn_next: Lsn) {
        let records = lsn_next.0 - self.lsn_next.0;
        self.offset_bytes += len_bytes as u32;
        self.previous_crc = header_crc;
        self.lsn_next = lsn_next;
        self.bytes += len_bytes as u64;
        self.records += records;
    }

    /// Whether a tick has something to say.
    pub(crate) fn wants_tick(&self, now: Timestamp) -> bool {
        !self.witnessed || now.millis() > self.floor.millis().saturating_add(FLOOR_STEP_MS)
    }
}
