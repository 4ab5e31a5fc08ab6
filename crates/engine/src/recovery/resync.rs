//! Filling a device that missed writes.
//!
//! Every group that is not free is copied whole, then flushed; only then does the superblock call
//! the device in sync. Until that moment nothing reads from it. The copy is made before the store
//! is served, so nothing changes under it.

use super::Recovery;
use crate::{error::OpenError, mirror::DeviceSet};
use blockhouse_device::Device;
use blockhouse_format::{DeviceState, GroupId, GroupState};
use std::sync::Arc;

/// Copied at once, in bytes.
const COPY_BYTES: u32 = 1 << 20;

impl<D: Device> Recovery<D> {
    /// Fills every outdated device that is here. A device that fails at it stays outdated.
    pub(super) async fn resync(&mut self, readmit_failed: bool) -> Result<(), OpenError> {
        let rows = self.superblocks.newest.devices.clone();
        for (device, row) in rows.iter().enumerate() {
            let wanted = match row.state {
                DeviceState::InSync => false,
                DeviceState::Outdated => true,
                DeviceState::Failed => readmit_failed,
            };
            if !wanted || self.mirror.device(device).is_none() {
                continue;
            }
            let name = self.mirror.name(device).to_owned();
            tracing::info!(device = name, "resync: begin");
            match self.copy_all(device).await {
                Ok(()) => {
                    self.superblocks.set_state(device, DeviceState::InSync);
                    self.mirror.add_to_sync(DeviceSet::of(device));
                    self.write_superblocks().await?;
                    tracing::info!(device = name, "resync: complete");
                }
                Err(why) => tracing::error!(device = name, why, "resync: failed"),
            }
        }
        Ok(())
    }

    async fn copy_all(&self, to: usize) -> Result<(), String> {
        let groups: Vec<GroupId> = self
            .space
            .groups()
            .filter(|(_, group)| group.state != GroupState::Free)
            .map(|(id, _)| id)
            .collect();
        for group in groups {
            self.copy_group(group, to).await?;
        }
        let outcome = self.mirror.flush(DeviceSet::of(to)).await;
        outcome.error.map_or(Ok(()), Err)
    }

    async fn copy_group(&self, group: GroupId, to: usize) -> Result<(), String> {
        let mut at = 0;
        let end = self.layout.payload().end;
        while at < end {
            let len = COPY_BYTES.min(end - at);
            let mut read = None;
            for from in self.mirror.in_sync().iter() {
                let buf = self.buffers.take(len as usize);
                let (result, buf) = self.mirror.read(from, group, at, buf).await;
                match result {
                    Ok(()) => {
                        read = Some(buf);
                        break;
                    }
                    Err(error) => {
                        let device = self.mirror.name(from);
                        tracing::error!(device, %group, at, %error, "resync: cannot be read");
                    }
                }
            }
            let buf = Arc::new(read.ok_or("a group cannot be read from any device")?);
            let outcome = self.mirror.write(DeviceSet::of(to), group, at, &buf).await;
            if let Some(error) = outcome.error {
                return Err(error);
            }
            at += len;
        }
        Ok(())
    }
}
