//! The handle of an open engine, for whoever composes the node.

use crate::{
    audit::AuditError,
    control::{ControlError, ControlRow},
    mirror::Mirror,
    order::Order,
    shared::Shared,
    stats::EngineStats,
    store::EngineStore,
};
use blockhouse_device::Device;
use blockhouse_store::StoreError;
use blockhouse_types::Timestamp;
use std::sync::{Arc, atomic::Ordering};
use tokio::sync::mpsc;

/// An open engine. Cheap to clone, for any thread. When the last handle and the last store are gone
/// the log writer ends as well, without a checkpoint; [`Engine::shutdown`] is the orderly end.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    /// Keeps the log writer's queue open.
    orders: mpsc::Sender<Order>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({})", self.shared.pool)
    }
}

impl Engine {
    pub(crate) fn new(shared: Arc<Shared>, orders: mpsc::Sender<Order>) -> Self {
        Self { shared, orders }
    }

    /// A store for one I/O thread, over its own handles of the devices, in the order in which they
    /// were given to open.
    pub fn store<D: Device>(&self, devices: Vec<D>) -> EngineStore<D> {
        let handles = self.shared.by_index(devices);
        let (in_sync, layout) = (self.shared.in_sync.clone(), self.shared.layout.clone());
        let mirror = Mirror::new(handles, in_sync, layout);
        EngineStore::new(Arc::clone(&self.shared), self.orders.clone(), mirror)
    }

    /// To be called every second or so: gives the newest frame a witness when nothing follows it,
    /// and keeps the time floor up with the clock.
    pub async fn tick(&self) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        self.shared.ask(|answer| Order::Tick { now, answer }).await
    }

    /// Makes a checkpoint now, or waits for the one being made.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        self.shared.ask(|answer| Order::Checkpoint { answer }).await
    }

    /// Stops accepting, finishes what was accepted, checkpoints, and marks the pool as closed in
    /// order.
    pub async fn shutdown(&self) -> Result<(), StoreError> {
        self.shared.ask(|answer| Order::Shutdown { answer }).await
    }

    /// The highest time the store ever saw.
    pub fn time_floor(&self) -> Timestamp {
        self.shared.time_floor()
    }

    /// How it is doing.
    pub fn stats(&self) -> EngineStats {
        let (index_rows, index_resident_bytes) = {
            let index = self.shared.index.read();
            (index.len(), index.resident_bytes())
        };
        let counters = &self.shared.counters;
        let names = self.shared.names.iter().cloned().enumerate();
        let in_sync = self.shared.in_sync();
        EngineStats {
            frames: counters.frames.get(),
            records: counters.records.get(),
            log_bytes: counters.log_bytes.get(),
            data_bytes: counters.data_bytes.get(),
            index_bytes: counters.index_bytes.get(),
            flushes: counters.flushes.get(),
            reads: counters.reads.get(),
            read_bytes: counters.read_bytes.get(),
            cache_hits: counters.cache_hits.get(),
            cache_piece_hits: counters.cache_piece_hits.get(),
            mended: counters.mended.get(),
            damaged: counters.damaged.get(),
            checkpoints: counters.checkpoints.get(),
            checkpoints_failed: counters.checkpoints_failed.get(),
            rebases: counters.rebases.get(),
            since_checkpoint_bytes: counters.since_checkpoint_bytes.get(),
            since_checkpoint_records: counters.since_checkpoint_records.get(),
            replayed_bytes: counters.replayed_bytes.get(),
            replayed_records: counters.replayed_records.get(),
            queue_orders: self.orders.max_capacity() - self.orders.capacity(),
            body_bytes: self.shared.body_bytes.load(Ordering::Relaxed),
            index_rows,
            index_resident_bytes,
            control_rows: self.shared.catalog.read().len(),
            control_copy: self.shared.control.as_ref().map(|copy| copy.stats()),
            space: self.shared.space.lock().stats(),
            devices: names
                .map(|(at, name)| (name, in_sync.contains(at)))
                .collect(),
            closed: self.shared.closed.lock().clone(),
        }
    }

    /// Up to `rows_max` control rows of a table from a key on, read from the copy in sled and not
    /// from what the engine decides by: for a look at a running node, without its locks.
    pub fn control_rows(
        &self,
        table: u8,
        from: &[u8],
        rows_max: usize,
    ) -> Result<Vec<ControlRow>, ControlError> {
        let copy = self.shared.control.as_ref().ok_or(ControlError::Off)?;
        copy.scan(table, from, rows_max)
    }

    /// Checks that index, group table and catalog agree with each other. For tests and fsck: it
    /// holds the index's read lock all the while.
    pub fn audit(&self) -> Result<(), AuditError> {
        crate::audit::audit(&self.shared)
    }
}
