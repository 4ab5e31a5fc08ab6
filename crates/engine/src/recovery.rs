//! Opening a pool: from its superblocks to a state that may be served.
//!
//! ```text
//!   superblocks ─► newest, quorum ─► epoch + 1 durable
//!        ─► checkpoint A, else B: group table, control rows, base, runs
//!        ─► replay the log from there to its end  (torn? damaged?)
//!        ─► the last frame again on every mirror, a first frame of this epoch behind it
//!        ─► devices that were outdated are filled
//! ```
//! Nothing is written before the epoch is, and nothing is served before what a reader could see
//! would survive the next crash. No step needs free space: what is replayed is in memory, and the
//! first frame goes to a place that the log keeps for it.
//!
//! What it never does: it never takes damage for an end. An invalid frame is the torn end of the log
//! only if nothing behind it and nothing that follows says that it had been durable; otherwise
//! opening fails and says where.

mod first;
mod load;
mod replay;
mod resync;

use crate::{
    catalog::Catalog,
    checkpoint::{IndexTail, Shape},
    config::EngineConfig,
    control::LogEnd,
    error::OpenError,
    index::Index,
    layout::{DEVICES_MAX, Layout},
    mirror::{DeviceSet, InSync, Mirror},
    read::Reading,
    shared::Random,
    space::{Pins, Space},
    stats::Counters,
    superblocks::{COPIES, Superblocks, write_copies},
    writer::Log,
};
use blockhouse_device::{AlignedBuf, BLOCK_BYTES, BufPool, Device};
use blockhouse_format::{DecodeError, DeviceState, Epoch, Lsn, Superblock, choose, copies};
use std::cell::Cell;

/// What has been recovered, and is to be shared.
pub(crate) struct Recovered {
    pub(crate) config: EngineConfig,
    pub(crate) layout: Layout,
    pub(crate) in_sync: InSync,
    /// For each device that was given, its index in the pool.
    pub(crate) places: Vec<usize>,
    pub(crate) names: Vec<String>,
    pub(crate) index: Index,
    pub(crate) space: Space,
    pub(crate) pins: Pins,
    pub(crate) catalog: Catalog,
    /// Where the log ended when it was found.
    pub(crate) found: LogEnd,
    pub(crate) log: Log,
    pub(crate) superblocks: Superblocks,
    pub(crate) shape: Shape,
    pub(crate) tail: IndexTail,
    pub(crate) counters: Counters,
    pub(crate) buffers: BufPool,
}

/// The state while it is being recovered.
pub(crate) struct Recovery<D> {
    pub(crate) mirror: Mirror<D>,
    pub(crate) layout: Layout,
    pub(crate) index: Index,
    pub(crate) space: Space,
    pub(crate) catalog: Catalog,
    pub(crate) log: Log,
    pub(crate) shape: Shape,
    pub(crate) superblocks: Superblocks,
    /// Of the newest frame or checkpoint read so far: what follows cannot be of an earlier one.
    pub(crate) epoch_seen: Epoch,
    pub(crate) counters: Counters,
    pub(crate) buffers: BufPool,
    pub(crate) turn: Cell<usize>,
}

impl<D: Device> Recovery<D> {
    pub(crate) fn reading(&self) -> Reading<'_, D> {
        let Self {
            buffers,
            counters,
            mirror,
            turn,
            ..
        } = self;
        Reading {
            buffers,
            counters,
            mirror,
            turn,
        }
    }
}

/// A device that was given, and its superblock.
struct Seen<D> {
    device: D,
    given: usize,
    superblock: Superblock,
    /// Copies that are not this superblock.
    stale: Vec<usize>,
}

/// Recovers the pool on these devices.
pub(crate) async fn recover<D: Device>(
    devices: &[D],
    mut config: EngineConfig,
    buffers: BufPool,
    random: &mut Random,
    force_degraded: bool,
    readmit_failed: bool,
) -> Result<Recovered, OpenError> {
    let (seen, unreadable) = see(devices).await?;
    let newest = newest(&seen, unreadable)?;
    if !newest.features.writable() {
        return Err(OpenError::Features);
    }
    let mut superblocks = Superblocks {
        newest,
        stale: Default::default(),
    };
    let in_sync = judge_devices(&seen, &mut superblocks.newest, force_degraded)?;
    let limits = superblocks.newest.limits;
    let layout = Layout::new(&superblocks.newest.devices, limits.segment_bytes)
        .map_err(OpenError::Layout)?;
    config.inline_bytes_max = limits.inline_bytes_max as usize;
    config.frame_bytes_max = limits.frame_bytes_max as usize;
    config.scale_to(&layout);
    let (mut handles, mut places) = (
        [const { None }; DEVICES_MAX],
        vec![usize::MAX; devices.len()],
    );
    let mut names: Vec<String> = vec!["missing".into(); layout.devices()];
    for Seen {
        device,
        given,
        superblock,
        stale,
    } in &seen
    {
        let index = usize::from(superblock.device.0);
        if let Some(copies) = superblocks.stale.get_mut(index) {
            copies.clone_from(stale);
        }
        if let (Some(handle), Some(place)) = (handles.get_mut(index), places.get_mut(*given)) {
            *handle = Some(device.clone());
            *place = index;
        }
        if let Some(name) = names.get_mut(index) {
            *name = device.name().to_owned();
        }
    }
    let in_sync = InSync::new(in_sync);
    let mirror = Mirror::new(handles, in_sync.clone(), layout.clone());
    let pins = Pins::new(layout.groups());
    let epoch = Epoch(superblocks.newest.epoch.0 + 1);
    let mut recovery = Recovery {
        mirror,
        space: Space::new(layout.clone(), pins.clone()),
        index: Index::new(),
        catalog: Catalog::default(),
        log: Log::begin(
            superblocks.newest.pool,
            epoch,
            &layout,
            superblocks.newest.time_floor,
        ),
        shape: Shape::default(),
        superblocks,
        epoch_seen: Epoch(0),
        counters: Counters::default(),
        buffers,
        layout,
        turn: Cell::new(0),
    };
    let found = LogEnd {
        pool: recovery.log.pool,
        epoch: Epoch(epoch.0 - 1),
        lsn: recovery.run(random, readmit_failed).await?,
    };
    let Recovery {
        layout,
        index,
        space,
        catalog,
        log,
        shape,
        superblocks,
        counters,
        buffers,
        ..
    } = recovery;
    let tail = IndexTail::default();
    Ok(Recovered {
        config,
        layout,
        in_sync,
        places,
        names,
        index,
        space,
        pins,
        catalog,
        found,
        log,
        superblocks,
        shape,
        tail,
        counters,
        buffers,
    })
}

impl<D: Device> Recovery<D> {
    /// Recovers; gives the last position that was found in the log.
    async fn run(&mut self, random: &mut Random, readmit_failed: bool) -> Result<Lsn, OpenError> {
        let was_clean = self.superblocks.newest.clean;
        tracing::info!(epoch = self.log.epoch.0, was_clean, "recovery: begin");
        // 2. No frame and no superblock of an earlier life can be taken for one of this one.
        self.superblocks.newest.epoch = self.log.epoch;
        self.superblocks.newest.clean = false;
        self.write_superblocks().await?;
        // 3. The newest checkpoint that can be read.
        self.load_checkpoint().await?;
        // 4. The log behind it.
        let last = self.replay().await?;
        let found = self.log.durable();
        // 5. What a reader will see has to be there after the next crash as well.
        self.repeat(last).await?;
        self.begin_epoch(random).await?;
        self.resync(readmit_failed).await?;
        self.counters.since_checkpoint_bytes.set(self.log.bytes);
        self.counters.since_checkpoint_records.set(self.log.records);
        tracing::info!(
            lsn = self.log.durable().0,
            replayed_bytes = self.counters.replayed_bytes.get(),
            replayed_records = self.counters.replayed_records.get(),
            rows = self.index.len(),
            "recovery: complete"
        );
        Ok(found)
    }

    /// Writes the superblock to all devices that are in sync; goes on without those that fail.
    pub(crate) async fn write_superblocks(&mut self) -> Result<(), OpenError> {
        loop {
            let set = self.mirror.in_sync();
            if set.is_empty() {
                return Err(OpenError::AllFailed {
                    why: "no device is left".into(),
                });
            }
            let written = self
                .superblocks
                .write(&self.mirror, set, self.log.floor)
                .await;
            if written.failed.is_empty() {
                return Ok(());
            }
            self.drop_devices(written.failed, &written.error.unwrap_or_default())?;
        }
    }

    /// These devices failed; the caller writes the superblock to the others.
    fn drop_devices(&mut self, failed: DeviceSet, why: &str) -> Result<(), OpenError> {
        for device in failed.iter() {
            tracing::error!(device = self.mirror.name(device), why, "a device failed");
            self.superblocks.set_state(device, DeviceState::Failed);
        }
        self.mirror.drop_from_sync(failed);
        if self.mirror.in_sync().is_empty() {
            return Err(OpenError::AllFailed {
                why: why.to_owned(),
            });
        }
        Ok(())
    }

    /// Goes on without the devices that failed, once that is durable on the others.
    async fn settle(&mut self, outcome: crate::mirror::Outcome) -> Result<(), OpenError> {
        if outcome.failed.is_empty() {
            return Ok(());
        }
        self.drop_devices(outcome.failed, &outcome.error.unwrap_or_default())?;
        self.write_superblocks().await
    }
}

/// Reads the superblocks of all devices. Of a device that has none to rely on, the error; it counts
/// as missing.
async fn see<D: Device>(devices: &[D]) -> Result<(Vec<Seen<D>>, Option<OpenError>), OpenError> {
    let (mut seen, mut unreadable): (Vec<Seen<D>>, _) = (Vec::new(), None);
    for (given, device) in devices.iter().enumerate() {
        match superblock_of(device).await {
            Ok((superblock, stale)) => {
                seen.push(Seen {
                    device: device.clone(),
                    given,
                    superblock,
                    stale,
                });
            }
            Err(error) => unreadable = Some(error),
        }
    }
    let pool = seen.first().map(|first| first.superblock.pool);
    let other = seen
        .iter()
        .find(|device| Some(device.superblock.pool) != pool);
    if let Some(other) = other {
        return Err(OpenError::OtherPool {
            device: other.device.name().to_owned(),
        });
    }
    Ok((seen, unreadable))
}

/// The superblock that a device can be relied on for, and the copies that hold another one.
pub(crate) async fn superblock_of<D: Device>(
    device: &D,
) -> Result<(Superblock, Vec<usize>), OpenError> {
    let mut found = Vec::with_capacity(COPIES);
    let mut failed = None;
    for place in copies(device.len_bytes()) {
        let (read, buf) = device.read(place, AlignedBuf::zeroed(BLOCK_BYTES)).await;
        match read {
            Ok(()) => found.push(Superblock::decode(&buf)),
            Err(error) => {
                failed = Some(error);
                let (structure, field) = ("superblock", "a readable block");
                found.push(Err(DecodeError::Short { structure, field }));
            }
        }
    }
    let name = || device.name().to_owned();
    match (choose(&found), failed) {
        (Ok(superblock), _) => {
            let stale =
                (0..COPIES).filter(|copy| found.get(*copy) != Some(&Ok(superblock.clone())));
            let stale = stale.collect();
            Ok((superblock, stale))
        }
        (Err(_), Some(source)) => Err(OpenError::Device {
            device: name(),
            what: "reading the superblock",
            source,
        }),
        (Err(source), None) => Err(OpenError::NoSuperblock {
            device: name(),
            source,
        }),
    }
}

/// The superblock that was written last.
fn newest<D>(seen: &[Seen<D>], unreadable: Option<OpenError>) -> Result<Superblock, OpenError> {
    let newest = seen
        .iter()
        .map(|device| &device.superblock)
        .max_by_key(|superblock| (superblock.epoch, superblock.sequence));
    match (newest, unreadable) {
        (Some(newest), _) => Ok(newest.clone()),
        (None, Some(error)) => Err(error),
        (None, None) => Err(OpenError::DeviceCount {
            devices: 0,
            log_devices: 0,
        }),
    }
}

/// Which devices hold everything: those that the newest superblock says do. One of them that is not
/// here may be newer than that superblock knows.
fn judge_devices<D>(
    seen: &[Seen<D>],
    newest: &mut Superblock,
    force_degraded: bool,
) -> Result<DeviceSet, OpenError> {
    let mut in_sync = DeviceSet::default();
    for (index, row) in newest.devices.iter_mut().enumerate() {
        let here = seen
            .iter()
            .any(|device| usize::from(device.superblock.device.0) == index);
        match (row.state, here) {
            (DeviceState::InSync, true) => in_sync = in_sync.with(DeviceSet::of(index)),
            (DeviceState::InSync, false) if force_degraded => row.state = DeviceState::Outdated,
            (DeviceState::InSync, false) => return Err(OpenError::Missing { index }),
            (DeviceState::Outdated | DeviceState::Failed, _) => {}
        }
    }
    if in_sync.is_empty() {
        return Err(OpenError::AllFailed {
            why: "no device that is here is in sync".into(),
        });
    }
    Ok(in_sync)
}

/// Writes all copies of a device's first superblock.
pub(crate) async fn write_first<D: Device>(
    device: &D,
    superblock: &Superblock,
    index: usize,
) -> std::io::Result<()> {
    write_copies(device, superblock, index, &[0, 1]).await?;
    write_copies(device, superblock, index, &[2, 3]).await
}
