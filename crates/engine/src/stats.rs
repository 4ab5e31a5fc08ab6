//! Plain counters, for metrics.

use crate::{control::ControlStats, space::SpaceStats};
use std::sync::atomic::{AtomicU64, Ordering};

/// One counter; read by other threads, never used to decide anything.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the engine counts as it goes.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) frames: Counter,
    pub(crate) records: Counter,
    pub(crate) log_bytes: Counter,
    pub(crate) data_bytes: Counter,
    pub(crate) index_bytes: Counter,
    pub(crate) flushes: Counter,
    pub(crate) reads: Counter,
    pub(crate) read_bytes: Counter,
    pub(crate) cache_hits: Counter,
    pub(crate) cache_piece_hits: Counter,
    pub(crate) mended: Counter,
    pub(crate) damaged: Counter,
    pub(crate) checkpoints: Counter,
    pub(crate) checkpoints_failed: Counter,
    pub(crate) rebases: Counter,
    pub(crate) since_checkpoint_bytes: Counter,
    pub(crate) since_checkpoint_records: Counter,
    pub(crate) replayed_bytes: Counter,
    pub(crate) replayed_records: Counter,
    pub(crate) devices_failed: Counter,
}

/// How an engine is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineStats {
    /// Frames written since the engine was opened.
    pub frames: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of frames, counted once and not per mirror.
    pub log_bytes: u64,
    /// Bytes of shards, counted once.
    pub data_bytes: u64,
    /// Bytes of checkpoints, counted once.
    pub index_bytes: u64,
    /// Flushes, counted per device.
    pub flushes: u64,
    /// Reads of records and shards.
    pub reads: u64,
    /// Bytes of them.
    pub read_bytes: u64,
    /// Opened objects that were found in a read cache.
    pub cache_hits: u64,
    /// Pieces of objects that were found in a read cache.
    pub cache_piece_hits: u64,
    /// Copies that were damaged and rewritten from their mirror.
    pub mended: u64,
    /// Reads that no copy could answer.
    pub damaged: u64,
    /// Checkpoints made.
    pub checkpoints: u64,
    /// Checkpoints that failed, and left the one before in place.
    pub checkpoints_failed: u64,
    /// Checkpoints that wrote a new base.
    pub rebases: u64,
    /// Bytes of log that a restart would replay now.
    pub since_checkpoint_bytes: u64,
    /// Records of it.
    pub since_checkpoint_records: u64,
    /// Bytes of log that the last open replayed.
    pub replayed_bytes: u64,
    /// Records of it.
    pub replayed_records: u64,
    /// Orders waiting for the log writer.
    pub queue_orders: usize,
    /// Bytes of bodies in memory.
    pub body_bytes: usize,
    /// Rows of the index.
    pub index_rows: usize,
    /// Memory of the index, in bytes.
    pub index_resident_bytes: usize,
    /// Control rows.
    pub control_rows: usize,
    /// How the copy of the control rows in sled fares; `None` without one.
    pub control_copy: Option<ControlStats>,
    /// Groups and bytes.
    pub space: SpaceStats,
    /// Each device of the pool by index: its name, and whether it is in sync.
    pub devices: Vec<(String, bool)>,
    /// Why the store accepts no more work, if so.
    pub closed: Option<String>,
}
