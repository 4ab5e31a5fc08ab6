//! The devices, the engine over them, and the thread that writes its log.

mod figures;

use super::spawn;
use crate::{node::Ending, secrets};
use anyhow::{Context as _, Result, anyhow, bail};
use blockhouse_device::{
    AlignedBuf, BLOCK_BYTES, Backend, Device, DeviceFile, IoDevice, LogDevice, OpenMode, open_file,
};
use blockhouse_engine::{Engine, EngineConfig, EngineStore, LogWriter, OpenOptions, create, open};
use blockhouse_format::copies as superblock_copies;
use blockhouse_settings::NodeSettings;
use blockhouse_types::Clock;
pub(crate) use figures::samples;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

/// How long a predecessor that is dying may hold the devices.
const LOCK_PATIENCE: Duration = Duration::from_secs(40);

/// Small objects that were read lately, in memory, in bytes for each I/O thread.
const READ_CACHE_BYTES: usize = 64 << 20;

/// Pieces of large objects that were read more than once lately, in bytes for all I/O threads.
const PIECE_CACHES_BYTES: usize = 512 << 20;

/// How often the engine is told the time when nothing is written.
const TICK: Duration = Duration::from_secs(1);

/// An open pool.
pub(crate) struct Pool {
    backend: Backend,
    devices: Vec<Arc<DeviceFile>>,
    engine: Engine,
    log_writer: JoinHandle<()>,
}

/// What an I/O thread needs to make its own store.
pub(crate) struct Handle {
    backend: Backend,
    devices: Vec<Arc<DeviceFile>>,
    engine: Engine,
}

impl Pool {
    /// Recovers the engine from the devices and starts its log writer.
    pub(crate) fn open(
        settings: &NodeSettings,
        devices: Vec<Arc<DeviceFile>>,
        (io_threads, backend): (usize, &Backend),
        clock: &Arc<dyn Clock>,
        endings: &Sender<Ending>,
    ) -> Result<Self> {
        let config = EngineConfig {
            read_cache_bytes: READ_CACHE_BYTES,
            piece_cache_bytes: PIECE_CACHES_BYTES / io_threads.max(1),
            ..EngineConfig::default()
        };
        let (tell, told) = channel();
        let log_writer = spawn("log-writer".to_owned(), endings, {
            let (backend, devices) = (backend.clone(), devices.clone());
            let clock = Arc::clone(clock);
            let (make_pool, control) = (settings.make_pool, settings.control.clone());
            move || {
                let handles: Vec<_> = devices.iter().map(|d| backend.log_device(d)).collect();
                backend.run_log_thread(async move {
                    // The other side waits for the answer, or has given up on the whole node.
                    match recover(handles, make_pool, config, control, clock).await {
                        Ok((engine, writer)) => {
                            let _ = tell.send(Ok(engine));
                            writer.run().await;
                        }
                        Err(error) => drop(tell.send(Err(error))),
                    }
                    Ok(())
                })?
            }
        })?;
        // No answer at all: no ring or runtime, which the thread has said itself.
        let opened = told
            .recv()
            .map_err(|_| anyhow!("the log writer did not start"))?;
        let engine = opened.context("the pool cannot be opened")?;
        let stats = engine.stats();
        tracing::info!(
            devices = devices.len(),
            rows = stats.index_rows,
            free_bytes = stats.space.free_bytes,
            "the pool is open"
        );
        Ok(Self {
            backend: backend.clone(),
            devices,
            engine,
            log_writer,
        })
    }

    /// For an I/O thread.
    pub(crate) fn handle(&self) -> Handle {
        let (backend, devices) = (self.backend.clone(), self.devices.clone());
        Handle {
            backend,
            devices,
            engine: self.engine.clone(),
        }
    }

    /// For the admin thread.
    pub(crate) fn engine(&self) -> Engine {
        self.engine.clone()
    }

    /// Writes what is left to write and closes the pool in order.
    pub(crate) fn close(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let closed = runtime.block_on(self.engine.shutdown());
        if self.log_writer.join().is_err() {
            bail!("the log writer panicked");
        }
        closed.context("the pool was not closed in order; the next start will replay its log")
    }
}

impl Handle {
    /// The store of the thread that calls this, inside of its runtime.
    pub(crate) fn store(&self) -> Result<EngineStore<IoDevice>> {
        let devices = self
            .devices
            .iter()
            .map(|device| self.backend.io_device(device));
        Ok(self.engine.store(devices.collect::<Result<_, _>>()?))
    }
}

/// Tells the engine the time once a second, for as long as it takes it.
pub(crate) async fn tick(engine: Engine) {
    let mut second = tokio::time::interval(TICK);
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        second.tick().await;
        if let Err(error) = engine.tick().await {
            tracing::error!(%error, "the store takes no more writes");
            return;
        }
    }
}

/// Opens the devices and takes their locks.
pub(super) fn open_devices(settings: &NodeSettings) -> Result<Vec<Arc<DeviceFile>>> {
    let mut devices = Vec::with_capacity(settings.devices.len());
    for path in &settings.devices {
        let device = open_file(path, OpenMode::Existing, LOCK_PATIENCE, &mut |_, _| {})?;
        if let Err(refused) = device.direct() {
            tracing::warn!(device = device.name(), why = %refused, "reading and writing through the page cache");
        }
        devices.push(Arc::new(device));
    }
    Ok(devices)
}

/// Opens the pool, making it first on blank devices if the node may.
async fn recover(
    devices: Vec<LogDevice>,
    make_pool: bool,
    config: EngineConfig,
    control: PathBuf,
    clock: Arc<dyn Clock>,
) -> Result<(Engine, LogWriter<LogDevice>)> {
    let mut ids = secrets::generator()?;
    if make_pool && all_blank(&devices).await? {
        create(&devices, &config, &mut ids).await?;
    }
    let mut options = OpenOptions::new(clock, Box::new(ids));
    options.control_dir = Some(control);
    options.config = config;
    Ok(open(devices.clone(), devices, options).await?)
}

/// Whether nothing was ever written where a superblock's copies lie.
async fn all_blank(devices: &[LogDevice]) -> Result<bool> {
    for device in devices {
        for offset in superblock_copies(device.len_bytes()) {
            let (read, block) = device.read(offset, AlignedBuf::zeroed(BLOCK_BYTES)).await;
            read.with_context(|| format!("cannot read {}", device.name()))?;
            if block.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
