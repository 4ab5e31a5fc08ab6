//! A device inside [`blockhouse_uring::solo::run`]: the log writer's ring, with write and flush as
//! one linked submission.

use crate::{AlignedBuf, Device, DeviceFile};
use blockhouse_uring::solo;
use std::{io, sync::Arc};

/// A handle for a thread of [`blockhouse_uring::solo::run`].
#[derive(Clone)]
pub struct SoloDevice {
    device: Arc<DeviceFile>,
}

impl SoloDevice {
    /// A handle; its operations work inside of `solo::run` only.
    pub fn new(device: &Arc<DeviceFile>) -> Self {
        Self {
            device: Arc::clone(device),
        }
    }
}

impl Device for SoloDevice {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn name(&self) -> &str {
        self.device.name()
    }

    async fn read(&self, offset: u64, buf: AlignedBuf) -> (io::Result<()>, AlignedBuf) {
        solo::read(self.device.file(), offset, buf).await
    }

    async fn write(&self, offset: u64, buf: Arc<AlignedBuf>) -> io::Result<()> {
        solo::write(self.device.file(), offset, &buf).await
    }

    async fn flush(&self) -> io::Result<()> {
        solo::flush(self.device.file()).await
    }

    async fn write_flush(&self, offset: u64, buf: Arc<AlignedBuf>) -> io::Result<()> {
        solo::write_flush(self.device.file(), offset, &buf).await
    }

    async fn discard(&self, offset: u64, len_bytes: u64) -> io::Result<()> {
        if !self.device.discards() {
            return Ok(());
        }
        solo::punch_hole(self.device.file(), offset, len_bytes).await
    }
}
