//! What the log writer does between frames: checkpoints, failed devices, shutdown.

use super::{CHECKPOINT_FAILURES_MAX, LogWriter, Running};
use crate::{
    checkpoint::{self, Finished, Plan, Shape},
    control::LogEnd,
    mirror::DeviceSet,
};
use blockhouse_device::Device;
use blockhouse_format::{CheckpointSlot, DeviceState, LogPosition};
use blockhouse_store::StoreError;
use blockhouse_types::Entropy;
use std::sync::Arc;

impl<L: Device> LogWriter<L> {
    /// Whether a checkpoint is due: the log since the last one is long, or space is short and a
    /// checkpoint would free some.
    pub(super) fn wants_checkpoint(&self) -> bool {
        if !self.askers.is_empty() || self.retry {
            return true;
        }
        let paused = self.failures >= CHECKPOINT_FAILURES_MAX;
        let config = &self.shared.config;
        let long = self.log.bytes >= config.checkpoint_log_bytes
            || self.log.records >= config.checkpoint_records;
        !paused && (long || (self.shared.space.lock().is_short() && self.can_reclaim()))
    }

    pub(super) fn can_reclaim(&self) -> bool {
        self.failures < CHECKPOINT_FAILURES_MAX
            && self.shared.space.lock().has_reclaimable(self.log.durable())
    }

    /// Takes what the checkpoint is to hold; it is exact at the log's end. Writing it goes on beside
    /// the frames.
    pub(super) fn begin_checkpoint(&mut self) -> Running {
        let lsn = self.log.durable();
        let mut salt = [0; 16];
        self.shared.random.lock().fill(&mut salt);
        let mut index = self.shared.index.write();
        let resident = index.resident_bytes() as u64;
        let shape = self.shape.next(resident, index.changed_bytes() as u64);
        let delta = index.take_delta();
        let mut space = self.shared.space.lock();
        space.set_checkpoint_bytes(resident);
        let table = space.at_checkpoint(lsn, &shape.kept_groups());
        drop((index, space));
        let rows = self.shared.catalog.read().rows();
        tracing::info!(lsn = lsn.0, changed = delta.len(), "checkpoint: begin");
        let plan = Plan {
            pool: self.log.pool,
            epoch: self.log.epoch,
            lsn,
            floor: self.log.floor,
            salt,
            position: LogPosition {
                group: self.log.group,
                generation: self.log.generation,
                offset_bytes: self.log.offset_bytes,
                previous_crc: self.log.previous_crc,
                successor: self.log.successor,
            },
            shape,
            delta,
            table,
            rows,
            log_bytes: self.log.bytes,
            log_records: self.log.records,
        };
        let tail = std::mem::take(&mut self.tail);
        let (shared, mirror) = (Arc::clone(&self.shared), self.mirror.clone());
        Box::pin(checkpoint::write(shared, mirror, plan, tail))
    }

    /// The sections are durable, or not. If so the superblock is made to point to them, and what the
    /// checkpoint freed is free.
    pub(super) async fn end_checkpoint(&mut self, finished: Finished) {
        let Finished { tail, plan, result } = finished;
        self.tail = tail;
        let result = match result {
            Ok(made) => self.publish(made.slot).await.map(|()| made.shape),
            Err(checkpoint::Failure::Devices { devices, why }) => {
                if self.lose(devices, &why).await.is_ok() {
                    // The devices that are left hold only a part of it: from the start again.
                    self.shared.index.write().restore_delta(&plan.delta);
                    self.retry = true;
                    return;
                }
                Err(self.shared.closed().to_store())
            }
            Err(checkpoint::Failure::NoSpace) => Err(StoreError::NoSpace),
            Err(checkpoint::Failure::TooLarge(bound)) => Err(StoreError::Busy { bound }),
        };
        self.retry = false;
        match result {
            Ok(shape) => {
                self.adopt_checkpoint(&plan, shape);
                for asker in self.askers.drain(..) {
                    // Whoever asked may have gone.
                    asker.send(Ok(())).ok();
                }
            }
            Err(error) => {
                self.shared.index.write().restore_delta(&plan.delta);
                self.fail_checkpoint(&error);
            }
        }
    }

    /// A checkpoint was not made; the one before stands.
    pub(super) fn fail_checkpoint(&mut self, error: &StoreError) {
        tracing::warn!(%error, "checkpoint: failed");
        self.failures += 1;
        self.retry = false;
        self.shared.counters.checkpoints_failed.add(1);
        self.shape.failed();
        for asker in self.askers.drain(..) {
            asker.send(Err(error.clone())).ok();
        }
    }

    async fn publish(&mut self, slot: CheckpointSlot) -> Result<(), StoreError> {
        self.superblocks.set_checkpoint(slot);
        self.write_superblocks().await
    }

    fn adopt_checkpoint(&mut self, plan: &Plan, shape: Shape) {
        self.failures = 0;
        let mut space = self.shared.space.lock();
        let freed = space.checkpointed(&plan.table);
        space.set_index_groups(&shape.groups(), self.tail.groups());
        drop(space);
        self.log.bytes -= plan.log_bytes;
        self.log.records -= plan.log_records;
        let counters = &self.shared.counters;
        counters.since_checkpoint_bytes.set(self.log.bytes);
        counters.since_checkpoint_records.set(self.log.records);
        counters.checkpoints.add(1);
        if shape.runs.is_empty() {
            counters.rebases.add(1);
        }
        tracing::info!(
            lsn = plan.lsn.0,
            runs = shape.runs.len(),
            freed = freed.len(),
            "checkpoint: complete"
        );
        self.shape = shape;
    }

    /// Writes the superblock to every device that is in sync, and goes on without those that fail
    /// at it.
    pub(super) async fn write_superblocks(&mut self) -> Result<(), StoreError> {
        let set = self.mirror.in_sync();
        let written = self
            .superblocks
            .write(&self.mirror, set, self.log.floor)
            .await;
        if written.failed.is_empty() {
            return Ok(());
        }
        let why = written.error.unwrap_or_default();
        self.lose(written.failed, &why).await
    }

    /// These devices failed. When this returns `Ok` that is durable on the others.
    pub(super) async fn lose(&mut self, devices: DeviceSet, why: &str) -> Result<(), StoreError> {
        let mut lost = devices;
        loop {
            let left = self.mirror.in_sync().without(lost);
            for device in lost.iter() {
                if self.mirror.in_sync().contains(device) {
                    let name = self.mirror.name(device);
                    tracing::error!(device = name, why, "a device failed");
                    self.shared.counters.devices_failed.add(1);
                }
                self.superblocks.set_state(device, DeviceState::Failed);
            }
            if left.is_empty() {
                self.close(&format!("a device failed and no other is left: {why}"));
                return Err(self.shared.closed().to_store());
            }
            if lost.is_subset_of(DeviceSet(!self.mirror.in_sync().0)) {
                return Ok(());
            }
            let written = self
                .superblocks
                .write(&self.mirror, left, self.log.floor)
                .await;
            if written.failed.is_empty() {
                self.shared.in_sync.remove(lost);
                self.shared.space.lock().seal_data();
                return Ok(());
            }
            lost = lost.with(written.failed);
        }
    }

    /// Stops in order: a checkpoint, so that the next start replays nothing, and the clean mark.
    pub(super) async fn shut_down(&mut self, running: Option<Running>) -> Result<(), StoreError> {
        if let Some(running) = running {
            let finished = running.await;
            self.end_checkpoint(finished).await;
        }
        self.retry = false;
        if self.log.records > 0 || self.superblocks.newest.slots.iter().all(Option::is_none) {
            let failures = self.failures;
            let finished = self.begin_checkpoint().await;
            self.end_checkpoint(finished).await;
            while self.retry && !self.is_closed() {
                let finished = self.begin_checkpoint().await;
                self.end_checkpoint(finished).await;
            }
            if self.failures > failures {
                return Err(StoreError::Busy {
                    bound: "checkpoints that failed",
                });
            }
        }
        if self.is_closed() {
            return Err(self.shared.closed().to_store());
        }
        self.superblocks.newest.clean = true;
        self.write_superblocks().await?;
        self.close_control();
        Ok(())
    }

    /// Leaves the copy of the control rows clean, so that the next start believes it.
    fn close_control(&self) {
        let end = LogEnd {
            pool: self.log.pool,
            epoch: self.log.epoch,
            lsn: self.log.durable(),
        };
        if let Some(copy) = &self.shared.control
            && let Err(error) = copy.close(end)
        {
            tracing::warn!(%error, "the copy of the control rows will be made anew");
        }
    }
}
