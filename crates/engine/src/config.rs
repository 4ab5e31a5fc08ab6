//! What an operator may choose, and what follows from the size of the devices.

use crate::layout::Layout;
use blockhouse_format::{
    BLOCK_BYTES, Geometry, PoolLimits,
    frame::{FRAME_BYTES_MAX, FRAME_RECORDS_MAX},
};

/// The bounds and thresholds of an engine. [`EngineConfig::default`] suits devices from 2 GiB up;
/// smaller ones are scaled by the engine itself where a field says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// The unit of allocation in bytes, a power of two. `None`: a 64th of the smallest device, up
    /// to 64 MiB. Read when a pool is made; later the pool's own is used.
    pub segment_bytes: Option<u32>,
    /// Bodies of at most so many bytes lie in the log, next to their record. Longer ones become
    /// extents.
    pub inline_bytes_max: usize,
    /// A frame of the log is at most so long; what does not fit waits for the next one. Less where
    /// a segment is small.
    pub frame_bytes_max: usize,
    /// Records in one frame at most, for the same reason.
    pub frame_records_max: usize,
    /// A checkpoint is due after so many bytes of log: it bounds what a restart replays. Less on
    /// small pools.
    pub checkpoint_log_bytes: u64,
    /// A checkpoint is due after so many records.
    pub checkpoint_records: u64,
    /// Orders that may wait for the log writer; one more is refused as busy.
    pub queue_orders_max: usize,
    /// Bytes of bodies that may be in memory on their way to a device; a body that would go over
    /// it is refused as busy.
    pub body_bytes_max: usize,
    /// Memory for small objects that were read lately, and for the heads of large ones, in bytes for
    /// each I/O thread; 0 for none.
    pub read_cache_bytes: usize,
    /// Memory for pieces of large objects that were read more than once lately, in bytes for each
    /// I/O thread; 0 for none.
    pub piece_cache_bytes: usize,
    /// Bucket and upload rows at most; one more is refused as busy.
    pub control_rows_max: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            segment_bytes: None,
            inline_bytes_max: 256 << 10,
            frame_bytes_max: 4 << 20,
            frame_records_max: 1024,
            checkpoint_log_bytes: 1 << 30,
            checkpoint_records: 500_000,
            queue_orders_max: 4096,
            body_bytes_max: 256 << 20,
            read_cache_bytes: 0,
            piece_cache_bytes: 0,
            control_rows_max: 1_000_000,
        }
    }
}

/// Of the pool, how much log a checkpoint leaves to be replayed at most: one part in so many.
const CHECKPOINT_LOG_PART: u64 = 8;

impl EngineConfig {
    /// The segment size for a pool whose smallest device has so many bytes.
    pub(crate) fn segment_bytes_for(&self, device_bytes: u64) -> u32 {
        self.segment_bytes
            .unwrap_or_else(|| Geometry::segment_bytes_for(device_bytes))
    }

    /// What a pool of these segments can hold in one frame, and inline. A frame must fit a segment
    /// with a block to spare.
    pub(crate) fn limits(&self, segment_bytes: u32) -> PoolLimits {
        let segment = (segment_bytes as usize).saturating_sub(4 * BLOCK_BYTES);
        let frame = self.frame_bytes_max.min(segment).min(FRAME_BYTES_MAX);
        let records = u32::try_from(self.frame_records_max).unwrap_or(u32::MAX);
        PoolLimits {
            segment_bytes,
            inline_bytes_max: self.inline_bytes_max.min(frame / 4) as u32,
            frame_bytes_max: frame as u32,
            frame_records_max: records.min(FRAME_RECORDS_MAX),
        }
    }

    /// Brings the thresholds to the size of a pool.
    pub(crate) fn scale_to(&mut self, layout: &Layout) {
        let pool = u64::from(layout.groups()) * layout.payload().len() as u64;
        self.checkpoint_log_bytes = self.checkpoint_log_bytes.min(pool / CHECKPOINT_LOG_PART);
    }
}
