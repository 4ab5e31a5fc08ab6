//! Making a pool, and opening one.

use crate::{
    catalog::Catalog,
    config::EngineConfig,
    control::{ControlStore, LogEnd, SledControl},
    engine::Engine,
    error::{CreateError, OpenError},
    layout::{DEVICES_MAX, Layout},
    mirror::Mirror,
    order::Order,
    recovery::{self, Recovered},
    shared::{Random, Shared},
    writer::LogWriter,
};
use blockhouse_device::{BufPool, Device};
use blockhouse_format::{
    DeviceId, DeviceIndex, DeviceRow, DeviceState, Epoch, Features, PoolId, Superblock,
};
use blockhouse_types::{Clock, Entropy, Timestamp};
use parking_lot::{Mutex, RwLock};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize},
    },
    time::Duration,
};
use tokio::sync::mpsc;

/// Fewer groups than this cannot hold the log, a checkpoint, data and the reserve at once.
const GROUPS_MIN: u32 = 12;

/// Memory of unused buffers that is kept, in bytes.
const IDLE_BUFFERS_BYTES: usize = 64 << 20;

/// How long sled may take for an answer before it is given up.
const CONTROL_DEADLINE: Duration = Duration::from_secs(10);

/// What opening needs beside the devices.
pub struct OpenOptions {
    /// Thresholds and bounds. The segment size and what follows from it are the pool's own.
    pub config: EngineConfig,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where random ids come from.
    pub entropy: Box<dyn Entropy + Send>,
    /// A directory outside the pool for a copy of the control rows in sled, which may be deleted at
    /// any time; `None` keeps none.
    pub control_dir: Option<PathBuf>,
    /// Buffers to share with others; `None` for a pool of the engine's own.
    pub buffers: Option<BufPool>,
    /// Opens although a device is missing that may be newer than those that are here. What it alone
    /// knows is lost; it is filled from the others when it comes back.
    pub force_degraded: bool,
    /// Fills and uses devices that failed in an earlier life.
    pub readmit_failed: bool,
}

impl OpenOptions {
    /// The defaults, with this time and randomness.
    pub fn new(clock: Arc<dyn Clock>, entropy: Box<dyn Entropy + Send>) -> Self {
        Self {
            config: EngineConfig::default(),
            clock,
            entropy,
            control_dir: None,
            buffers: None,
            force_degraded: false,
            readmit_failed: false,
        }
    }
}

impl std::fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenOptions")
            .field("config", &self.config)
            .field("force_degraded", &self.force_degraded)
            .field("readmit_failed", &self.readmit_failed)
            .finish_non_exhaustive()
    }
}

/// Makes an empty pool on one device, or a mirrored one on two. A device that holds a pool already
/// is refused.
pub async fn create<D: Device>(
    devices: &[D],
    config: &EngineConfig,
    entropy: &mut impl Entropy,
) -> Result<(), CreateError> {
    if devices.is_empty() || devices.len() > DEVICES_MAX {
        return Err(CreateError::DeviceCount {
            count: devices.len(),
        });
    }
    for device in devices {
        if recovery::superblock_of(device).await.is_ok() {
            return Err(CreateError::HoldsPool {
                device: device.name().to_owned(),
            });
        }
    }
    let superblock = first_superblock(devices, config, entropy)?;
    for (index, device) in devices.iter().enumerate() {
        let name = || device.name().to_owned();
        let written = recovery::write_first(device, &superblock, index).await;
        written.map_err(|source| CreateError::Device {
            device: name(),
            source,
        })?;
    }
    Ok(())
}

fn first_superblock<D: Device>(
    devices: &[D],
    config: &EngineConfig,
    entropy: &mut impl Entropy,
) -> Result<Superblock, CreateError> {
    let smallest = devices.iter().map(Device::len_bytes).min().unwrap_or(0);
    let segment_bytes = config.segment_bytes_for(smallest);
    let mut pool = PoolId::default();
    entropy.fill(&mut pool.0);
    let mut rows = Vec::with_capacity(devices.len());
    for device in devices {
        let mut id = DeviceId::default();
        entropy.fill(&mut id.0);
        rows.push(DeviceRow {
            id,
            len_bytes: device.len_bytes(),
            state: DeviceState::InSync,
        });
    }
    let layout = Layout::new(&rows, segment_bytes).map_err(|source| CreateError::Geometry {
        device: devices
            .first()
            .map_or_else(String::new, |device| device.name().to_owned()),
        len_bytes: smallest,
        segment_bytes,
        source,
    })?;
    if layout.groups() < GROUPS_MIN {
        return Err(CreateError::TooFewSegments {
            groups: layout.groups(),
            min: GROUPS_MIN,
        });
    }
    Ok(Superblock {
        features: Features::default(),
        pool,
        device: DeviceIndex(0),
        devices: rows,
        clean: true,
        epoch: Epoch(0),
        sequence: 1,
        time_floor: Timestamp::default(),
        limits: config.limits(segment_bytes),
        slots: [None, None],
    })
}

/// Opens a pool: recovers it, and gives the engine and the task that writes its log. `devices` are
/// used for recovery, `log_devices` by the log writer; both name the same devices in the same order.
pub async fn open<D: Device, L: Device>(
    devices: Vec<D>,
    log_devices: Vec<L>,
    options: OpenOptions,
) -> Result<(Engine, LogWriter<L>), OpenError> {
    if devices.is_empty() || devices.len() > DEVICES_MAX || devices.len() != log_devices.len() {
        let (devices, log_devices) = (devices.len(), log_devices.len());
        return Err(OpenError::DeviceCount {
            devices,
            log_devices,
        });
    }
    let OpenOptions {
        config,
        clock,
        entropy,
        control_dir,
        buffers,
        force_degraded,
        readmit_failed,
    } = options;
    let mut random = Random(entropy);
    let buffers = buffers.unwrap_or_else(|| BufPool::new(IDLE_BUFFERS_BYTES));
    let recovered = recovery::recover(
        &devices,
        config,
        buffers,
        &mut random,
        force_degraded,
        readmit_failed,
    )
    .await?;
    Ok(assemble(recovered, log_devices, clock, random, control_dir))
}

fn assemble<L: Device>(
    recovered: Recovered,
    log_devices: Vec<L>,
    clock: Arc<dyn Clock>,
    random: Random,
    control_dir: Option<PathBuf>,
) -> (Engine, LogWriter<L>) {
    let Recovered {
        config,
        layout,
        in_sync,
        places,
        names,
        index,
        space,
        pins,
        mut catalog,
        found,
        log,
        superblocks,
        shape,
        tail,
        counters,
        buffers,
    } = recovered;
    let interrupted = catalog.interrupt_links(clock.now().max(log.floor));
    let catalog = Arc::new(RwLock::new(catalog));
    let control = control_dir.and_then(|dir| control_copy(&dir, Arc::clone(&catalog), found));
    let (sender, orders) = mpsc::channel(config.queue_orders_max.max(1));
    let shared = Arc::new(Shared {
        config,
        pool: log.pool,
        layout: layout.clone(),
        in_sync: in_sync.clone(),
        places,
        names,
        index: RwLock::new(index),
        space: Mutex::new(space),
        pins,
        catalog,
        control,
        random: Mutex::new(random),
        clock,
        floor_ms: AtomicU64::new(log.floor.millis()),
        body_bytes: AtomicUsize::new(0),
        buffers,
        counters,
        orders: sender.downgrade(),
        closed: Mutex::new(None),
    });
    let mirror = Mirror::new(shared.by_index(log_devices), in_sync, layout);
    let writer = LogWriter {
        shared: Arc::clone(&shared),
        mirror,
        orders,
        log,
        superblocks,
        tail,
        shape,
        held: Order::interrupted(&interrupted),
        parked: Vec::new(),
        askers: Vec::new(),
        failures: 0,
        retry: false,
    };
    (Engine::new(shared, sender), writer)
}

/// Opens the copy of the control rows. Without it the engine serves just as well.
fn control_copy(
    dir: &Path,
    catalog: Arc<RwLock<Catalog>>,
    end: LogEnd,
) -> Option<Box<dyn ControlStore>> {
    match SledControl::open(dir, catalog, end, CONTROL_DEADLINE) {
        Ok(copy) => Some(Box::new(copy)),
        Err(error) => {
            tracing::warn!(%error, dir = %dir.display(), "no copy of the control rows");
            None
        }
    }
}
