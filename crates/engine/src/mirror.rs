//! The devices of a pool as one thread sees them: every write goes to all that are in sync, every
//! read to one of them.
//!
//! Which devices are in sync is one shared word of bits. Only the log writer clears a bit, after it
//! has made the loss known on the devices that are left; a device never gets its bit back while
//! the store is open.
//!
//! What it never does: it does not retry a write or a flush. Who calls gets the set of devices that
//! failed and must tell the log writer before anything is acknowledged.

use crate::layout::{DEVICES_MAX, Layout};
use blockhouse_device::{AlignedBuf, Device};
use blockhouse_format::GroupId;
use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

/// A set of devices, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DeviceSet(pub(crate) u8);

impl DeviceSet {
    pub(crate) fn of(device: usize) -> Self {
        Self(1u8.checked_shl(device as u32).unwrap_or(0))
    }

    pub(crate) fn contains(self, device: usize) -> bool {
        self.0 & Self::of(device).0 != 0
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn is_subset_of(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        (0..DEVICES_MAX).filter(move |device| self.contains(*device))
    }
}

/// The devices that hold everything, as all threads see it.
#[derive(Debug, Clone)]
pub(crate) struct InSync(Arc<AtomicU8>);

impl InSync {
    pub(crate) fn new(devices: DeviceSet) -> Self {
        Self(Arc::new(AtomicU8::new(devices.0)))
    }

    pub(crate) fn get(&self) -> DeviceSet {
        DeviceSet(self.0.load(Ordering::Acquire))
    }

    fn add(&self, devices: DeviceSet) {
        self.0.fetch_or(devices.0, Ordering::AcqRel);
    }

    pub(crate) fn remove(&self, devices: DeviceSet) {
        self.0.fetch_and(!devices.0, Ordering::AcqRel);
    }
}

/// What became of a write or flush.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The devices that did it.
    pub(crate) done: DeviceSet,
    /// The devices that did not, with the last error.
    pub(crate) failed: DeviceSet,
    pub(crate) error: Option<String>,
}

impl Outcome {
    fn note(&mut self, device: usize, name: &str, what: &str, result: Option<io::Result<()>>) {
        match result {
            None => {}
            Some(Ok(())) => self.done = self.done.with(DeviceSet::of(device)),
            Some(Err(error)) => {
                self.failed = self.failed.with(DeviceSet::of(device));
                self.error = Some(format!("{name}: {what}: {error}"));
            }
        }
    }
}

/// One thread's handles, by the pool's numbering of devices; `None` where a device is missing.
pub(crate) struct Mirror<D> {
    devices: [Option<D>; DEVICES_MAX],
    in_sync: InSync,
    layout: Layout,
}

impl<D: Clone> Clone for Mirror<D> {
    fn clone(&self) -> Self {
        Self {
            devices: self.devices.clone(),
            in_sync: self.in_sync.clone(),
            layout: self.layout.clone(),
        }
    }
}

impl<D> fmt::Debug for Mirror<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mirror({:?})", self.in_sync.get())
    }
}

impl<D: Device> Mirror<D> {
    /// `devices` by index of the pool.
    pub(crate) fn new(devices: [Option<D>; DEVICES_MAX], in_sync: InSync, layout: Layout) -> Self {
        Self {
            devices,
            in_sync,
            layout,
        }
    }

    pub(crate) fn in_sync(&self) -> DeviceSet {
        self.in_sync.get()
    }

    pub(crate) fn name(&self, device: usize) -> &str {
        self.device(device).map_or("missing", Device::name)
    }

    pub(crate) fn device(&self, device: usize) -> Option<&D> {
        self.devices.get(device).and_then(Option::as_ref)
    }

    /// These devices are not believed any more.
    pub(crate) fn drop_from_sync(&self, devices: DeviceSet) {
        self.in_sync.remove(devices);
    }

    /// These devices have been filled; only while the pool is being opened.
    pub(crate) fn add_to_sync(&self, devices: DeviceSet) {
        self.in_sync.add(devices);
    }

    fn usable(&self, set: DeviceSet, device: usize) -> Option<&D> {
        self.device(device).filter(|_| set.contains(device))
    }

    /// Writes the buffer to all devices of `set`.
    pub(crate) async fn write(
        &self,
        set: DeviceSet,
        group: GroupId,
        offset_bytes: u32,
        buf: &Arc<AlignedBuf>,
    ) -> Outcome {
        let one = async |device: usize| {
            let handle = self.usable(set, device)?;
            Some(match self.layout.place(device, group, offset_bytes) {
                Some(at) => handle.write(at, Arc::clone(buf)).await,
                None => Err(outside()),
            })
        };
        self.gather("write", tokio::join!(one(0), one(1)))
    }

    /// Writes and then flushes, in one submission per device.
    pub(crate) async fn write_flush(
        &self,
        set: DeviceSet,
        group: GroupId,
        offset_bytes: u32,
        buf: &Arc<AlignedBuf>,
    ) -> Outcome {
        let one = async |device: usize| {
            let handle = self.usable(set, device)?;
            Some(match self.layout.place(device, group, offset_bytes) {
                Some(at) => handle.write_flush(at, Arc::clone(buf)).await,
                None => Err(outside()),
            })
        };
        self.gather("write and flush", tokio::join!(one(0), one(1)))
    }

    /// Flushes all devices of `set`.
    pub(crate) async fn flush(&self, set: DeviceSet) -> Outcome {
        let one = async |device: usize| Some(self.usable(set, device)?.flush().await);
        self.gather("flush", tokio::join!(one(0), one(1)))
    }

    fn gather(
        &self,
        what: &str,
        (first, second): (Option<io::Result<()>>, Option<io::Result<()>>),
    ) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.note(0, self.name(0), what, first);
        outcome.note(1, self.name(1), what, second);
        outcome
    }

    /// Fills `buf` from one device.
    pub(crate) async fn read(
        &self,
        device: usize,
        group: GroupId,
        offset_bytes: u32,
        buf: AlignedBuf,
    ) -> (io::Result<()>, AlignedBuf) {
        let place = self.layout.place(device, group, offset_bytes);
        match (self.device(device), place) {
            (Some(handle), Some(at)) => handle.read(at, buf).await,
            _ => (Err(outside()), buf),
        }
    }

    /// Overwrites a damaged copy on one device with what a good one holds. It need not be durable:
    /// a copy that is lost again is found and mended again.
    pub(crate) async fn mend(
        &self,
        device: usize,
        group: GroupId,
        offset_bytes: u32,
        buf: AlignedBuf,
    ) -> io::Result<()> {
        let place = self.layout.place(device, group, offset_bytes);
        match (self.device(device), place) {
            (Some(handle), Some(at)) => handle.write(at, Arc::new(buf)).await,
            _ => Err(outside()),
        }
    }
}

fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "no such place on the device")
}
