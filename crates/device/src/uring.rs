//! A device inside [`blockhouse_uring::io_thread`]: the thread's own ring.

use crate::{AlignedBuf, Device, DeviceFile};
use blockhouse_uring::SharedBuf;
use std::{io, rc::Rc, sync::Arc};

/// FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE: on a block device, discard.
const PUNCH_HOLE: i32 = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;

/// A handle for one thread of [`blockhouse_uring::io_thread`].
#[derive(Clone)]
pub struct UringDevice {
    device: Arc<DeviceFile>,
    file: Rc<tokio_uring::fs::File>,
}

impl UringDevice {
    /// A handle for this thread; call it inside of `io_thread`.
    ///
    /// # Errors
    /// The descriptor cannot be duplicated.
    pub fn new(device: &Arc<DeviceFile>) -> io::Result<Self> {
        // The runtime closes what it was given, so it gets a descriptor of its own.
        let file = tokio_uring::fs::File::from_std(device.file().try_clone()?);
        Ok(Self {
            device: Arc::clone(device),
            file: Rc::new(file),
        })
    }
}

impl Device for UringDevice {
    fn len_bytes(&self) -> u64 {
        self.device.len_bytes()
    }

    fn name(&self) -> &str {
        self.device.name()
    }

    async fn read(&self, offset: u64, buf: AlignedBuf) -> (io::Result<()>, AlignedBuf) {
        self.file.read_exact_at(buf, offset).await
    }

    async fn write(&self, offset: u64, buf: Arc<AlignedBuf>) -> io::Result<()> {
        self.file.write_all_at(SharedBuf(buf), offset).await.0
    }

    async fn flush(&self) -> io::Result<()> {
        self.file.sync_data().await
    }

    async fn discard(&self, offset: u64, len_bytes: u64) -> io::Result<()> {
        if !self.device.discards() {
            return Ok(());
        }
        self.file.fallocate(offset, len_bytes, PUNCH_HOLE).await
    }
}
