//! Writing superblocks: two copies, a flush, the other two, a flush.
//!
//! Whatever moment the power fails, each device has two equal copies, of the old superblock or of
//! the new one. Several devices are written side by side, each half of all of them before the second
//! half of any, so that they can differ by one change at most.
//!
//! After a crash only two copies may be good ones. The next change therefore begins with the others,
//! whichever they are: [`Superblocks::stale`].

use crate::{
    layout::DEVICES_MAX,
    mirror::{DeviceSet, Mirror},
};
use blockhouse_device::{AlignedBuf, BLOCK_BYTES, Device};
use blockhouse_format::{CheckpointSlot, DeviceIndex, DeviceState, Superblock, copies};
use blockhouse_types::Timestamp;
use std::{io, sync::Arc};

/// The superblock as it is on the devices that are in sync.
#[derive(Debug, Clone)]
pub(crate) struct Superblocks {
    pub(crate) newest: Superblock,
    /// Of each device, the copies that do not hold what the device is believed for.
    pub(crate) stale: [Vec<usize>; DEVICES_MAX],
}

/// What became of writing superblocks.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) failed: DeviceSet,
    pub(crate) error: Option<String>,
}

impl Superblocks {
    /// The device is not to be believed any more.
    pub(crate) fn set_state(&mut self, device: usize, state: DeviceState) {
        if let Some(row) = self.newest.devices.get_mut(device) {
            row.state = state;
        }
    }

    /// Puts a checkpoint in the place of the older one.
    pub(crate) fn set_checkpoint(&mut self, slot: CheckpointSlot) {
        let [a, b] = &self.newest.slots;
        let age = |slot: &Option<CheckpointSlot>| slot.map_or(0, |slot| slot.lsn.0);
        let older = if age(a) <= age(b) { 0 } else { 1 };
        self.newest.slots[older] = Some(slot);
    }

    /// Writes the superblock, with the next sequence, to the devices of `set`.
    pub(crate) async fn write<D: Device>(
        &mut self,
        mirror: &Mirror<D>,
        set: DeviceSet,
        floor: Timestamp,
    ) -> Written {
        self.newest.sequence += 1;
        self.newest.time_floor = floor;
        let mut written = Written::default();
        for second in [false, true] {
            for device in set.without(written.failed).iter() {
                let Some(handle) = mirror.device(device) else {
                    continue;
                };
                let part = self.part(device, second);
                let result = write_copies(handle, &self.newest, device, &part).await;
                if let Err(error) = result {
                    let name = handle.name();
                    written.failed = written.failed.with(DeviceSet::of(device));
                    written.error = Some(format!("{name}: superblock: {error}"));
                }
            }
        }
        for device in set.without(written.failed).iter() {
            self.stale.get_mut(device).map(Vec::clear);
        }
        written
    }

    /// The two copies to write first, or the other two: those that are stale come first.
    fn part(&self, device: usize, second: bool) -> Vec<usize> {
        let stale = self.stale.get(device).map_or(&[][..], Vec::as_slice);
        let good = (0..COPIES).filter(|copy| !stale.contains(copy));
        let order = stale.iter().copied().chain(good);
        let (skip, take) = if second {
            (COPIES / 2, COPIES)
        } else {
            (0, COPIES / 2)
        };
        order.skip(skip).take(take).collect()
    }
}

/// Copies on each device.
pub(crate) const COPIES: usize = 4;

/// Writes some of a device's copies and flushes it.
pub(crate) async fn write_copies<D: Device>(
    device: &D,
    superblock: &Superblock,
    index: usize,
    part: &[usize],
) -> io::Result<()> {
    let mut own = superblock.clone();
    own.device = DeviceIndex(index as u8);
    let mut buf = AlignedBuf::zeroed(BLOCK_BYTES);
    buf.copy_from_slice(&own.encode());
    let buf = Arc::new(buf);
    let len_bytes = own
        .own_row()
        .map_or(device.len_bytes(), |row| row.len_bytes);
    let places = copies(len_bytes);
    for place in part.iter().filter_map(|copy| places.get(*copy)) {
        device.write(*place, Arc::clone(&buf)).await?;
    }
    device.flush().await
}
