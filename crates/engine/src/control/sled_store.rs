//! The handle of the sled copy: passes changes on without waiting, and questions with a deadline.

use super::{
    ControlError, ControlRow, ControlStats, ControlStore, ControlTruth, LogEnd,
    directory::Directory,
    row,
    worker::{Order, Phase, Reply, Shared, Start, State, Worker},
};
use blockhouse_format::{Lsn, record::Control};
use parking_lot::Mutex;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread,
    time::{Duration, Instant},
};

/// How many batches may wait for sled. When it is farther behind, its copy is made anew from memory.
const QUEUE_BATCHES: usize = 1024;

/// How many bytes of keys and values may wait for sled, with the same consequence.
const QUEUE_BYTES: usize = 16 << 20;

/// How long making a copy may take: a million rows took half a minute on a busy machine.
const BUILD_DEADLINE: Duration = Duration::from_secs(180);

/// A copy of the control rows in sled.
#[derive(Debug)]
pub(crate) struct SledControl {
    shared: Arc<Shared>,
    queue: Mutex<Queue>,
    deadline: Duration,
}

/// The way to one worker.
#[derive(Debug)]
struct Queue {
    orders: SyncSender<Order>,
    waiting_bytes: Arc<AtomicUsize>,
}

impl SledControl {
    /// Opens the copy in `path`, or begins to make a new one of the rows of `truth`; returns at
    /// once. `end` is where the log ends, as found by recovery. An answer that takes longer than
    /// `deadline` counts as a fault of sled.
    ///
    /// From here on every batch has to be applied to `truth` first and then here.
    pub(crate) fn open(
        path: &Path,
        truth: Arc<dyn ControlTruth>,
        end: LogEnd,
        deadline: Duration,
    ) -> Result<Self, ControlError> {
        let shared = Arc::new(Shared {
            directory: Directory::open(path)?,
            truth,
            state: Mutex::new(State {
                generation: 0,
                phase: Phase::Building(Instant::now()),
                believed: false,
                rebuilds: 0,
                faults: 0,
                missed: false,
            }),
        });
        let queue = Mutex::new(spawn(&shared, 0, Start::Boot(end))?);
        Ok(Self {
            shared,
            queue,
            deadline,
        })
    }

    /// Refuses when there is nobody to ask, and replaces a worker that hangs.
    fn ready(&self) -> Result<(), ControlError> {
        let phase = self.shared.state.lock().phase;
        match phase {
            Phase::Idle => Ok(()),
            Phase::Working(since) if since.elapsed() < self.deadline => Ok(()),
            Phase::Building(since) if since.elapsed() < BUILD_DEADLINE => {
                Err(ControlError::Rebuilding)
            }
            Phase::Working(_) | Phase::Building(_) => Err(self.replace("it hangs")),
            Phase::Off => Err(ControlError::Off),
        }
    }

    /// Leaves a worker that does not answer to itself and starts another.
    fn replace(&self, why: &'static str) -> ControlError {
        tracing::warn!(why, "control store: replacing its thread");
        let mut queue = self.queue.lock();
        let generation = {
            let mut state = self.shared.state.lock();
            state.generation += 1;
            if !state.fault() {
                return ControlError::Off;
            }
            state.phase = Phase::Building(Instant::now());
            state.generation
        };
        match spawn(&self.shared, generation, Start::Anew) {
            Ok(new) => *queue = new,
            Err(error) => {
                self.shared.state.lock().phase = Phase::Off;
                return error;
            }
        }
        ControlError::Rebuilding
    }

    fn ask<T>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<T, ControlError> {
        self.ready()?;
        let (reply, answer) = mpsc::sync_channel(1);
        let sent = self.queue.lock().orders.try_send(order(reply));
        match sent {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(self.replace("its queue is full")),
            Err(TrySendError::Disconnected(_)) => return Err(ControlError::Off),
        }
        match answer.recv_timeout(self.deadline) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(self.replace("it does not answer")),
            // The worker dropped the question: it panicked over it and rebuilds.
            Err(RecvTimeoutError::Disconnected) => Err(ControlError::Rebuilding),
        }
    }

    /// All rows, and the LSN up to which they are applied.
    #[cfg(test)]
    pub(super) fn load(&self) -> Result<(Lsn, Vec<ControlRow>), ControlError> {
        self.ask(|reply| Order::Load { reply })
    }

    #[cfg(test)]
    pub(super) fn order(&self, order: Order) {
        assert!(self.queue.lock().orders.try_send(order).is_ok());
    }
}

impl ControlStore for SledControl {
    /// Never waits. An error says that the copy lacks the batch and is, or will be, made anew.
    fn apply(&self, lsn: Lsn, changes: &[Control]) -> Result<(), ControlError> {
        match self.ready() {
            Ok(()) | Err(ControlError::Rebuilding) => {}
            Err(error) => return Err(error),
        }
        let order = Order::Apply {
            lsn,
            changes: changes.to_vec(),
        };
        let bytes = changes.iter().map(row::change_bytes).sum();
        let sent = self.queue.lock().put(order, bytes);
        match sent {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(())) => {
                self.shared.state.lock().missed = true;
                Err(ControlError::Rebuilding)
            }
            Err(TrySendError::Disconnected(())) => Err(ControlError::Off),
        }
    }

    fn scan(
        &self,
        table: u8,
        from: &[u8],
        rows_max: usize,
    ) -> Result<Vec<ControlRow>, ControlError> {
        self.ask(|reply| Order::Scan {
            table,
            from: from.to_vec(),
            rows_max,
            reply,
        })
    }

    fn stats(&self) -> ControlStats {
        let state = self.shared.state.lock();
        ControlStats {
            serving: matches!(state.phase, Phase::Idle | Phase::Working(_)),
            believed: state.believed,
            rebuilds: state.rebuilds,
            faults: state.faults,
        }
    }

    /// Leaves the copy clean, to be believed at the next start. After an error it is not, and the
    /// next start makes a new one.
    fn close(&self, end: LogEnd) -> Result<(), ControlError> {
        self.ask(|reply| Order::Close { end, reply })
    }
}

impl Queue {
    /// Puts changes of `bytes` in, if they fit.
    fn put(&self, order: Order, bytes: usize) -> Result<(), TrySendError<()>> {
        if self.waiting_bytes.load(Ordering::Relaxed) + bytes > QUEUE_BYTES {
            return Err(TrySendError::Full(()));
        }
        self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.orders.try_send(order).map_err(|error| {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => TrySendError::Full(()),
                TrySendError::Disconnected(_) => TrySendError::Disconnected(()),
            }
        })
    }
}

fn spawn(shared: &Arc<Shared>, generation: u32, start: Start) -> Result<Queue, ControlError> {
    let (sender, orders) = mpsc::sync_channel(QUEUE_BATCHES);
    let waiting_bytes = Arc::new(AtomicUsize::new(0));
    let worker = Worker {
        shared: Arc::clone(shared),
        generation,
        waiting_bytes: Arc::clone(&waiting_bytes),
    };
    thread::Builder::new()
        .name("control".into())
        .spawn(move || worker.run(start, &orders))
        .map_err(|source| ControlError::Directory {
            what: "start a thread",
            source,
        })?;
    Ok(Queue {
        orders: sender,
        waiting_bytes,
    })
}
