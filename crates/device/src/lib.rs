//! A block device: read, write, flush, discard.
//!
//! What a device promises, and nothing more:
//! * Offsets and lengths are multiples of [`BLOCK_BYTES`]; buffers are aligned to it (O_DIRECT).
//! * A write that returned is *not* durable until a [`Device::flush`] that began afterwards has
//!   returned `Ok`. Unflushed writes may be lost or torn at any 512-byte sector, in any order.
//! * After a flush returned an error nothing is known about unflushed writes; the caller must treat
//!   the device as failed and never retry the flush (Rebello et al., ATC'20).
//! * Dropping a future does not cancel what the device was told to do.
//!
//! Three implementations: io_uring ([`UringDevice`] for I/O threads, [`SoloDevice`] for the log
//! writer), plain calls ([`PlainDevice`]) for containers that refuse io_uring, and a simulated
//! device ([`sim::SimDevice`]) whose fault model stands in the header of [`sim`]. [`Backend`]
//! chooses between the first two when a node starts.
#![forbid(unsafe_code)]
#![allow(
    async_fn_in_trait,
    reason = "a device handle lives on one thread; its futures need no Send"
)]

mod backend;
pub mod faults;
mod file;
mod plain;
mod power;
pub mod sim;
mod solo;
mod uring;

pub use backend::{Backend, IoDevice, LogDevice};
pub use blockhouse_uring::{
    AlignedBuf, BLOCK_BYTES, BUF_BYTES_MAX, BufPool, PagePool,
    probe::{DirectRefused, UringRefused},
    submit,
};
pub use file::{DeviceFile, OpenDeviceError, OpenMode, open_file};
pub use plain::{PlainDevice, Workers};
pub use power::Power;
pub use solo::SoloDevice;
pub use uring::UringDevice;

use std::{io, sync::Arc};

/// A handle to a block device, cheap to clone, that belongs to one thread.
pub trait Device: Clone + 'static {
    /// Usable length in bytes, a multiple of [`BLOCK_BYTES`].
    fn len_bytes(&self) -> u64;

    /// A short name for errors and metrics: the path, or the simulated device's number.
    fn name(&self) -> &str;

    /// Fills all of `buf` from `offset`. The buffer comes back in every case; after an error its
    /// contents mean nothing.
    async fn read(&self, offset: u64, buf: AlignedBuf) -> (io::Result<()>, AlignedBuf);

    /// Writes all of `buf` at `offset`. Shared, because mirrors write the same bytes.
    async fn write(&self, offset: u64, buf: Arc<AlignedBuf>) -> io::Result<()>;

    /// Makes every write that returned before this call durable.
    async fn flush(&self) -> io::Result<()>;

    /// [`Self::write`] and then [`Self::flush`], in one submission where the device can link them.
    async fn write_flush(&self, offset: u64, buf: Arc<AlignedBuf>) -> io::Result<()> {
        self.write(offset, buf).await?;
        self.flush().await
    }

    /// Tells the device that these bytes are not needed any more. Reading them afterwards gives
    /// anything. A device that cannot discard does nothing.
    async fn discard(&self, offset: u64, len_bytes: u64) -> io::Result<()>;
}
