//! A simulated node: devices on one power supply, an engine on them, its log writer as a task.
//!
//! ```text
//!   Media ──► Hardware ──open──► Node ──(power cut)──► Hardware::after_power_cut ──► Media
//! ```
//! Everything of a node follows from its media and one seed.

use crate::{Executor, SimClock, Stuck};
use blockhouse_device::{
    Power,
    sim::{Keep, Media, SimDevice},
};
use blockhouse_engine::{
    self as engine, AuditError, CreateError, Engine, EngineConfig, EngineStore, OpenError,
    OpenOptions,
};
use blockhouse_store::{
    ObjectStore, StoreError,
    kit::{SplitMix, View, view},
};
use blockhouse_types::Timestamp;
use std::{path::PathBuf, sync::Arc};

/// What a node is made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// One or two.
    pub devices: usize,
    /// Length of each, in bytes.
    pub device_bytes: u64,
    /// Turns of the executor that a device operation takes at most.
    pub latency_turns: u32,
    /// The engine's.
    pub config: EngineConfig,
    /// Where the control store lies, on the real file system; `None`: there is none.
    pub control_dir: Option<PathBuf>,
}

impl Settings {
    /// So small that every bound of the engine is met within a few operations.
    pub fn small(devices: usize) -> Self {
        let config = EngineConfig {
            segment_bytes: Some(64 << 10),
            inline_bytes_max: 4096,
            frame_bytes_max: 32 << 10,
            frame_records_max: 8,
            checkpoint_log_bytes: 256 << 10,
            checkpoint_records: 64,
            ..EngineConfig::default()
        };
        Self {
            devices,
            device_bytes: 8 << 20,
            latency_turns: 2,
            config,
            control_dir: None,
        }
    }
}

/// Why a simulated node does not do what is asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The pool cannot be made.
    #[error("cannot make the pool")]
    Create(#[from] CreateError),
    /// The pool cannot be opened.
    #[error("cannot open the pool")]
    Open(#[from] OpenError),
    /// The tasks do not come to an end.
    #[error(transparent)]
    Stuck(#[from] Stuck),
    /// The power went first.
    #[error("the power is cut")]
    PowerCut,
    /// The store failed at something that must work.
    #[error("{what} failed")]
    Store {
        /// What was asked.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: StoreError,
    },
    /// The engine's own audit found a contradiction.
    #[error("the audit found a contradiction")]
    Audit(#[source] AuditError),
}

/// Devices, power and an executor; no engine yet.
pub struct Hardware {
    /// Runs all tasks.
    pub executor: Executor,
    /// Supplies all devices.
    pub power: Power,
    /// In the order of the pool; a device that was taken away is not here.
    pub devices: Vec<SimDevice>,
    /// The node's clock.
    pub clock: SimClock,
    seed: u64,
}

impl Hardware {
    /// Devices with these contents.
    pub fn new(settings: &Settings, media: Vec<Media>, seed: u64) -> Self {
        let power = Power::new();
        let device = |(n, media): (usize, Media)| {
            let device = SimDevice::new(&n.to_string(), media, &power, seed ^ (n as u64) << 32);
            device.set_latency(settings.latency_turns);
            device
        };
        let devices = media.into_iter().enumerate().map(device).collect();
        Self {
            executor: Executor::new(seed),
            power,
            devices,
            clock: SimClock::default(),
            seed,
        }
    }

    /// What a power cut at this moment would leave on all devices.
    pub fn after_power_cut(&self, keep: Keep) -> Vec<Media> {
        self.devices
            .iter()
            .map(|device| device.after_power_cut(keep))
            .collect()
    }

    fn not_opened(self, error: NodeError) -> Box<NotOpened> {
        Box::new(NotOpened {
            error,
            hardware: self,
        })
    }

    /// Opens the pool and starts its log writer.
    ///
    /// # Errors
    /// It does not open, or the power is cut meanwhile; the hardware comes back.
    pub fn open(mut self, settings: &Settings, degraded: Degraded) -> Result<Node, Box<NotOpened>> {
        let entropy = Box::new(SplitMix(self.seed ^ 0x0b5e_55ed));
        let options = OpenOptions {
            config: settings.config.clone(),
            control_dir: settings.control_dir.clone(),
            force_degraded: degraded == Degraded::Allowed,
            ..OpenOptions::new(Arc::new(self.clock.clone()), entropy)
        };
        let (devices, log_devices) = (self.devices.clone(), self.devices.clone());
        let opening = self
            .executor
            .spawn(engine::open(devices, log_devices, options));
        let power = self.power.clone();
        if let Err(stuck) = self
            .executor
            .run_until(|| opening.is_done() || power.is_cut())
        {
            return Err(self.not_opened(stuck.into()));
        }
        match opening.take() {
            None => Err(self.not_opened(NodeError::PowerCut)),
            Some(Err(error)) => Err(self.not_opened(error.into())),
            Some(Ok((engine, writer))) => {
                self.executor.spawn(writer.run());
                let store = engine.store(self.devices.clone());
                Ok(Node {
                    hardware: self,
                    engine,
                    store,
                })
            }
        }
    }
}

/// A node that does not run, and what it would have run on.
pub struct NotOpened {
    /// Why not.
    pub error: NodeError,
    /// The devices, as they are now.
    pub hardware: Hardware,
}

/// Whether a pool may be opened although a device is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degraded {
    /// It may.
    Allowed,
    /// Every device must be there.
    Refused,
}

/// Makes a pool on zeroed devices; their contents.
///
/// # Errors
/// It cannot be made.
pub fn create(settings: &Settings, seed: u64) -> Result<Vec<Media>, NodeError> {
    let zeroed = vec![Media::zeroed(settings.device_bytes); settings.devices];
    let mut hardware = Hardware::new(settings, zeroed, seed);
    let (devices, config) = (hardware.devices.clone(), settings.config.clone());
    let creating = async move { engine::create(&devices, &config, &mut SplitMix(seed)).await };
    hardware.executor.wait(creating)??;
    Ok(hardware.after_power_cut(Keep::Durable))
}

/// A running node.
pub struct Node {
    /// What it runs on.
    pub hardware: Hardware,
    /// The engine.
    pub engine: Engine,
    /// A handle to its objects.
    pub store: EngineStore<SimDevice>,
}

impl Node {
    /// Runs `future` to its end; the log writer runs beside it.
    ///
    /// # Errors
    /// It does not end, or the power is cut first.
    pub fn wait<T: 'static>(
        &mut self,
        future: impl Future<Output = T> + 'static,
    ) -> Result<T, NodeError> {
        let handle = self.hardware.executor.spawn(future);
        let power = self.hardware.power.clone();
        self.hardware
            .executor
            .run_until(|| handle.is_done() || power.is_cut())?;
        handle.take().ok_or(NodeError::PowerCut)
    }

    /// All that can be seen.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn view(&mut self) -> Result<View, NodeError> {
        let store = self.store.clone();
        let seen = self.wait(async move { view(&store).await })?;
        seen.map_err(|source| NodeError::Store {
            what: "looking at everything",
            source,
        })
    }

    /// The time floor.
    pub fn floor(&self) -> Timestamp {
        self.store.time_floor()
    }

    /// Compares the engine's books with each other.
    ///
    /// # Errors
    /// They contradict each other.
    pub fn audit(&self) -> Result<(), NodeError> {
        self.engine.audit().map_err(NodeError::Audit)
    }

    /// Makes a checkpoint.
    ///
    /// # Errors
    /// It was not made.
    pub fn checkpoint(&mut self) -> Result<(), NodeError> {
        let engine = self.engine.clone();
        let done = self.wait(async move { engine.checkpoint().await })?;
        done.map_err(|source| NodeError::Store {
            what: "a checkpoint",
            source,
        })
    }

    /// What the node does when it is idle.
    ///
    /// # Errors
    /// It failed.
    pub fn tick(&mut self) -> Result<(), NodeError> {
        let engine = self.engine.clone();
        let done = self.wait(async move { engine.tick().await })?;
        done.map_err(|source| NodeError::Store {
            what: "a tick",
            source,
        })
    }

    /// Stops in order; what is on the devices then.
    ///
    /// # Errors
    /// It failed.
    pub fn shutdown(mut self) -> Result<Vec<Media>, NodeError> {
        let engine = self.engine.clone();
        let done = self.wait(async move { engine.shutdown().await })?;
        done.map_err(|source| NodeError::Store {
            what: "the shutdown",
            source,
        })?;
        Ok(self.hardware.after_power_cut(Keep::Durable))
    }
}
