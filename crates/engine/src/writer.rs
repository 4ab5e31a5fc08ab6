//! The log writer: the store's one serial point.
//!
//! ```text
//!   orders ─► gather ─► judge ─► frame ─► write + flush on every mirror ─► apply ─► answer
//!                ▲                                                                    │
//!                └──────────── what arrived while the frame was in flight ────────────┘
//! ```
//! One frame is in flight at a time; whatever arrives meanwhile shares the next one. There is no
//! timer: an order that comes alone pays one round, sixty-four that come together share one.
//! Between two frames nothing else runs, so preconditions, versions and bucket changes are plain
//! code. A checkpoint is written beside the frames, from a snapshot.
//!
//! # When a device fails
//! A write or flush that failed is never tried again. On two devices the survivor has flushed the
//! frame; that the other is out is made durable in the survivor's superblock before anything of the
//! frame is acknowledged, so a later start cannot believe the device that lacks it. On one device,
//! or when the survivor fails as well, the store closes: nothing more is accepted, and the orders of
//! the frame are told so.

mod commit;
mod judge;
mod log;
mod supervise;

pub(crate) use log::Log;

use crate::{
    checkpoint::{Finished, IndexTail, Shape},
    error::Refused,
    mirror::Mirror,
    order::{Answer, Order},
    shared::Shared,
    superblocks::Superblocks,
};
use blockhouse_device::Device;
use blockhouse_store::StoreError;
use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc};
use tokio::sync::{mpsc, oneshot};

/// Orders that wait for space at most; one more is refused.
const PARKED_ORDERS_MAX: usize = 1024;

/// The task that writes the log. [`LogWriter::run`] ends when the engine is shut down or every
/// handle of it is gone.
pub struct LogWriter<L> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) mirror: Mirror<L>,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) log: Log,
    pub(crate) superblocks: Superblocks,
    /// Where the next checkpoint's sections go.
    pub(crate) tail: IndexTail,
    /// What the last checkpoint's index is made of.
    pub(crate) shape: Shape,
    /// Orders taken from the queue and not judged yet.
    pub(crate) held: VecDeque<Order>,
    /// Orders that wait for a checkpoint to free space.
    pub(crate) parked: Vec<Order>,
    /// Who asked for a checkpoint.
    pub(crate) askers: Vec<Answer<Result<(), StoreError>>>,
    /// Checkpoints that failed one after the other; automatic ones pause after a few.
    pub(crate) failures: u32,
    /// A checkpoint lost a device and is to be made again on those that are left.
    pub(crate) retry: bool,
}

/// Automatic checkpoints that may fail in a row before they wait for more log.
const CHECKPOINT_FAILURES_MAX: u32 = 3;

/// A checkpoint being written beside the frames.
pub(crate) type Running = Pin<Box<dyn Future<Output = Finished>>>;

/// What the writer has to do next.
enum Event {
    Order(Order),
    Checkpointed(Box<Finished>),
    /// Every handle of the engine is gone.
    End,
}

impl<L> std::fmt::Debug for LogWriter<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogWriter({:?})", self.log)
    }
}

impl<L: Device> LogWriter<L> {
    /// Writes the log until shutdown. In production this has a thread and a ring of its own.
    pub async fn run(mut self) {
        let mut running: Option<Running> = None;
        loop {
            if running.is_none() && self.wants_checkpoint() {
                self.start_checkpoint(&mut running).await;
            }
            if running.is_none() {
                self.unpark();
            }
            match self.next_event(&mut running).await {
                Event::End => break,
                Event::Checkpointed(finished) => {
                    running = None;
                    self.end_checkpoint(*finished).await;
                }
                Event::Order(Order::Shutdown { answer }) => {
                    let result = self.shut_down(running.take()).await;
                    self.close("the engine was shut down");
                    drop(answer.send(result));
                    break;
                }
                Event::Order(order) => self.serve(order, &mut running).await,
            }
            if self.is_closed() {
                break;
            }
        }
        self.refuse_rest();
    }

    /// Begins a checkpoint at a position of its own: two at one position could not be told apart in
    /// the superblock, where the newer one must never be replaced before the older.
    async fn start_checkpoint(&mut self, running: &mut Option<Running>) {
        if self.log.records == 0 {
            let (answer, _nobody) = oneshot::channel();
            let now = self.log.floor;
            self.commit(Order::Tick { now, answer }, running).await;
        }
        if self.log.records == 0 || self.is_closed() {
            return self.fail_checkpoint(&StoreError::NoSpace);
        }
        *running = Some(self.begin_checkpoint());
    }

    async fn next_event(&mut self, running: &mut Option<Running>) -> Event {
        if let Some(order) = self.held.pop_front() {
            return Event::Order(order);
        }
        let orders = &mut self.orders;
        let Some(checkpoint) = running else {
            return orders.recv().await.map_or(Event::End, Event::Order);
        };
        tokio::select! {
            biased;
            finished = checkpoint => Event::Checkpointed(Box::new(finished)),
            order = orders.recv() => order.map_or(Event::End, Event::Order),
        }
    }

    async fn serve(&mut self, order: Order, running: &mut Option<Running>) {
        match order {
            Order::DevicesFailed {
                devices,
                why,
                answer,
            } => {
                let result = self.lose(devices, &why).await;
                drop(answer.send(result));
            }
            Order::WantSpace { answer } => self.want_space(answer, running.is_some()),
            Order::Checkpoint { answer } => {
                // The loop begins it, unless one is on its way.
                self.askers.push(answer);
            }
            Order::Tick { now, answer } if !self.log.wants_tick(now) => {
                drop(answer.send(Ok(())));
            }
            order => {
                // Where an I/O thread shares this core, what it has in hand goes into the same frame.
                std::thread::yield_now();
                self.commit(order, running).await;
            }
        }
    }

    /// A body found no room: it waits for a checkpoint that may free some, if there can be one.
    fn want_space(&mut self, answer: Answer<bool>, checkpointing: bool) {
        let order = Order::WantSpace { answer };
        if checkpointing || self.can_reclaim() {
            return self.park(order);
        }
        if let Order::WantSpace { answer } = order {
            let room = self.shared.space.lock().takes_data();
            // The body may have gone.
            answer.send(room).ok();
        }
    }

    fn park(&mut self, order: Order) {
        if self.parked.len() < PARKED_ORDERS_MAX {
            self.parked.push(order);
        } else {
            order.refuse(&Refused::Busy("orders waiting for space"));
        }
    }

    /// No checkpoint is on its way any more: those who waited are judged by what there is.
    fn unpark(&mut self) {
        if self.parked.is_empty() {
            return;
        }
        let (full, takes_data) = {
            let space = self.shared.space.lock();
            (space.is_full(), space.takes_data())
        };
        for order in std::mem::take(&mut self.parked) {
            match order {
                Order::WantSpace { answer } => drop(answer.send(takes_data)),
                order if full => order.refuse(&Refused::NoSpace),
                order => self.held.push_back(order),
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.closed.lock().is_some()
    }

    /// From now on nothing is accepted.
    pub(crate) fn close(&mut self, why: &str) {
        let mut closed = self.shared.closed.lock();
        if closed.is_none() {
            *closed = Some(why.to_owned());
        }
    }

    fn refuse_rest(&mut self) {
        self.close("every handle of the engine was dropped");
        self.orders.close();
        let why = self.shared.closed();
        for order in self.held.drain(..).chain(self.parked.drain(..)) {
            order.refuse(&why);
        }
        while let Ok(order) = self.orders.try_recv() {
            order.refuse(&why);
        }
        for asker in self.askers.drain(..) {
            drop(asker.send(Err(why.to_store())));
        }
    }
}
