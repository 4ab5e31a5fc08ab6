//! What all threads of an engine share.
//!
//! ```text
//!   I/O threads ── orders ──► log writer ── applies ──► index, space, catalog ◄── read ── I/O threads
//! ```
//! Only the log writer changes the index and the catalog; the group table is also changed by who
//! places shards. Locks are taken in the order index, space, catalog, held for a slice of work, and
//! never across a wait.

use crate::{
    catalog::Catalog,
    config::EngineConfig,
    control::ControlStore,
    error::Refused,
    index::Index,
    layout::{DEVICES_MAX, Layout},
    mirror::{DeviceSet, InSync},
    order::{Answer, Order},
    space::{Pins, Space},
    stats::Counters,
};
use blockhouse_device::BufPool;
use blockhouse_format::PoolId;
use blockhouse_store::StoreError;
use blockhouse_types::{Clock, Entropy, Timestamp};
use parking_lot::{Mutex, RwLock};
use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
use tokio::sync::{mpsc, oneshot};

/// The node's source of random bytes, behind a type of known size.
pub(crate) struct Random(pub(crate) Box<dyn Entropy + Send>);

impl Entropy for Random {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}

/// The state of an open engine.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) pool: PoolId,
    pub(crate) layout: Layout,
    pub(crate) in_sync: InSync,
    /// For each device handle that was given to open, its index in the pool.
    pub(crate) places: Vec<usize>,
    /// Names of the devices by index, for errors and metrics.
    pub(crate) names: Vec<String>,
    pub(crate) index: RwLock<Index>,
    pub(crate) space: Mutex<Space>,
    pub(crate) pins: Pins,
    pub(crate) catalog: Arc<RwLock<Catalog>>,
    /// A copy of the catalog's rows outside the pool; nothing depends on it.
    pub(crate) control: Option<Box<dyn ControlStore>>,
    pub(crate) random: Mutex<Random>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The time floor that is durable, in milliseconds.
    pub(crate) floor_ms: AtomicU64,
    pub(crate) body_bytes: AtomicUsize,
    /// Buffers for frames, shards and reads.
    pub(crate) buffers: BufPool,
    pub(crate) counters: Counters,
    /// The log writer's queue. Weak, so that the writer ends when nobody is left who could ask.
    pub(crate) orders: mpsc::WeakSender<Order>,
    /// Why nothing is accepted any more.
    pub(crate) closed: Mutex<Option<String>>,
}

impl Shared {
    pub(crate) fn time_floor(&self) -> Timestamp {
        Timestamp::from_millis(self.floor_ms.load(Ordering::Acquire))
    }

    pub(crate) fn in_sync(&self) -> DeviceSet {
        self.in_sync.get()
    }

    /// Device handles, given in the order of open, by their index in the pool.
    pub(crate) fn by_index<D>(&self, devices: Vec<D>) -> [Option<D>; DEVICES_MAX] {
        let mut handles = [const { None }; DEVICES_MAX];
        for (device, place) in devices.into_iter().zip(&self.places) {
            if let Some(handle) = handles.get_mut(*place) {
                *handle = Some(device);
            }
        }
        handles
    }

    /// Why nothing is accepted any more, if so.
    pub(crate) fn closed(&self) -> Refused {
        let why = self.closed.lock().clone();
        Refused::Closed(why.unwrap_or_else(|| "the log writer has stopped".into()))
    }

    /// Hands an order to the log writer and waits for the answer.
    pub(crate) async fn ask<T, E: From<StoreError>>(
        &self,
        order: impl FnOnce(Answer<Result<T, E>>) -> Order,
    ) -> Result<T, E> {
        let (answer, wait) = oneshot::channel();
        self.send(order(answer))?;
        match wait.await {
            Ok(result) => result,
            Err(_) => Err(self.closed().to_store().into()),
        }
    }

    /// Hands an order to the log writer.
    pub(crate) fn send(&self, order: Order) -> Result<(), StoreError> {
        let orders = self
            .orders
            .upgrade()
            .ok_or_else(|| self.closed().to_store())?;
        orders.try_send(order).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Refused::Busy("orders waiting for the log writer").to_store()
            }
            mpsc::error::TrySendError::Closed(_) => self.closed().to_store(),
        })
    }
}
