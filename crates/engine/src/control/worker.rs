//! The thread that calls sled, and the only one that does.
//!
//! ```text
//!   start ─► Building ─► Idle ◄─► Working     close ─► marker written, thread ends
//!               ▲          fault: error, panic ─┘
//!               └──────────────┘   after REBUILDS_MAX of them: Off
//! ```
//! A worker that was replaced, because it hangs, may come back to life: it finds that the
//! generation is no longer its own and ends without touching the directory.

use super::{
    ControlError, ControlRow, ControlTruth, LogEnd, REBUILDS_MAX,
    copy::SledCopy,
    directory::Directory,
    marker::Marker,
    row::{self, RowsSum},
};
use blockhouse_format::{Lsn, record::Control};
use parking_lot::Mutex;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender},
    },
    time::Instant,
};

/// Where an answer goes.
pub(super) type Reply<T> = SyncSender<Result<T, ControlError>>;

/// What a worker is asked to do.
pub(super) enum Order {
    Apply {
        lsn: Lsn,
        changes: Vec<Control>,
    },
    Scan {
        table: u8,
        from: Vec<u8>,
        rows_max: usize,
        reply: Reply<Vec<ControlRow>>,
    },
    #[cfg(test)]
    Load {
        reply: Reply<(Lsn, Vec<ControlRow>)>,
    },
    Close {
        end: LogEnd,
        reply: Reply<()>,
    },
    #[cfg(test)]
    Panic,
    #[cfg(test)]
    Hang(Receiver<()>),
}

/// How a worker begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    /// At boot: the copy of the last run is believed if it was left clean at this end of the log.
    Boot(LogEnd),
    /// After a fault: there is nothing to believe.
    Anew,
}

/// What a worker does at the moment, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Checks an old copy or makes a new one.
    Building(Instant),
    /// Waits for orders.
    Idle,
    /// Carries out an order.
    Working(Instant),
    /// Has given up or was closed.
    Off,
}

/// What handle and workers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) directory: Directory,
    pub(super) truth: Arc<dyn ControlTruth>,
    pub(super) state: Mutex<State>,
}

/// The worker's phase and how things have gone so far.
#[derive(Debug)]
pub(super) struct State {
    pub(super) generation: u32,
    pub(super) phase: Phase,
    pub(super) believed: bool,
    pub(super) rebuilds: u32,
    pub(super) faults: u32,
    /// Changes that did not fit into the queue: the copy lacks them and must be made anew.
    pub(super) missed: bool,
}

impl State {
    /// Counts a fault; whether another rebuild is allowed.
    pub(super) fn fault(&mut self) -> bool {
        self.faults += 1;
        if self.faults > REBUILDS_MAX {
            self.phase = Phase::Off;
        }
        self.faults <= REBUILDS_MAX
    }
}

/// One worker.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) generation: u32,
    /// The bytes of changes in this worker's queue.
    pub(super) waiting_bytes: Arc<AtomicUsize>,
}

impl Worker {
    /// The thread's body.
    pub(super) fn run(self, start: Start, orders: &Receiver<Order>) {
        let Some(mut copy) = self.first(start) else {
            return;
        };
        while self.enter(Phase::Idle) {
            let Ok(order) = orders.recv() else { break };
            if let Order::Apply { changes, .. } = &order {
                let bytes = changes.iter().map(row::change_bytes).sum();
                self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
            if !self.enter(Phase::Working(Instant::now())) {
                break;
            }
            copy = match order {
                Order::Close { end, reply } => {
                    let closed = self.guarded(|| self.close(copy, end));
                    self.enter(Phase::Off);
                    // Whoever asked may have gone; then nobody waits for the answer.
                    let _ = reply.send(closed);
                    return;
                }
                order => match self.guarded(|| copy.carry_out(order)) {
                    Ok(()) if !self.missed_changes() => copy,
                    Ok(()) => match self.rebuild(copy, &"the queue was full") {
                        Some(copy) => copy,
                        None => return,
                    },
                    Err(error) => match self.rebuild(copy, &error) {
                        Some(copy) => copy,
                        None => return,
                    },
                },
            };
        }
        // The handle has gone without closing, as in a crash, or another worker took over.
        self.let_go(copy);
    }

    /// The copy to begin with: the old one if it is to be believed, else a new one.
    fn first(&self, start: Start) -> Option<SledCopy> {
        if let Start::Boot(end) = start {
            match self.guarded(|| SledCopy::believe(&self.shared.directory, end)) {
                Ok(Some(copy)) => {
                    self.shared.state.lock().believed = true;
                    return Some(copy);
                }
                Ok(None) => tracing::info!("control store: no clean copy, making a new one"),
                Err(error) => {
                    tracing::warn!(
                        error = chain(&error),
                        "control store: the old copy is not used"
                    );
                }
            }
        }
        self.make().or_else(|error| self.again(&error)).ok()
    }

    /// Drops a copy after a fault and makes a new one; `None` if that was one too many.
    fn rebuild(&self, old: SledCopy, why: &dyn std::fmt::Display) -> Option<SledCopy> {
        tracing::warn!(why = %why, "control store: dropped and rebuilt");
        self.let_go(old);
        let allowed =
            self.enter(Phase::Building(Instant::now())) && self.shared.state.lock().fault();
        if !allowed {
            return None;
        }
        self.make().or_else(|error| self.again(&error)).ok()
    }

    /// Closes a copy, which flushes and may panic on what it finds.
    fn let_go(&self, copy: SledCopy) {
        let closed = self.guarded(|| {
            drop(copy);
            Ok(())
        });
        if let Err(error) = closed {
            tracing::warn!(error = chain(&error), "control store: closing a copy");
        }
    }

    /// Tries to make a copy as often as is allowed.
    fn again(&self, first: &ControlError) -> Result<SledCopy, ControlError> {
        tracing::warn!(error = chain(first), "control store: cannot make a copy");
        while self.enter(Phase::Building(Instant::now())) && self.shared.state.lock().fault() {
            match self.make() {
                Ok(copy) => return Ok(copy),
                Err(error) => tracing::warn!(error = chain(&error), "control store: again"),
            }
        }
        Err(ControlError::Off)
    }

    /// Makes a new copy of the rows in memory in an empty directory.
    fn make(&self) -> Result<SledCopy, ControlError> {
        {
            // Under the lock, so that a worker that was replaced moves nothing.
            let mut state = self.shared.state.lock();
            if state.generation != self.generation {
                return Err(ControlError::Off);
            }
            state.missed = false;
            state.rebuilds += 1;
            self.shared.directory.put_aside()?;
        }
        self.guarded(|| SledCopy::make(&self.shared.directory.live(), &*self.shared.truth))
    }

    fn close(&self, mut copy: SledCopy, end: LogEnd) -> Result<(), ControlError> {
        copy.apply(end.lsn, &[])?;
        copy.flush()?;
        drop(copy);
        // What must be there is what the truth has: a copy that lacks a row is found out at boot.
        let marker = Marker {
            end,
            sum: RowsSum::of(&self.shared.truth.rows().1),
        };
        let state = self.shared.state.lock();
        if state.generation != self.generation || state.missed {
            return Err(ControlError::Off);
        }
        self.shared.directory.mark_clean(&marker)
    }

    /// Enters a phase, unless another worker has taken over.
    fn enter(&self, phase: Phase) -> bool {
        let mut state = self.shared.state.lock();
        let mine = state.generation == self.generation;
        if mine {
            state.phase = phase;
        }
        mine
    }

    fn missed_changes(&self) -> bool {
        self.shared.state.lock().missed
    }

    /// sled answers damage with panics: they end here.
    fn guarded<T>(
        &self,
        work: impl FnOnce() -> Result<T, ControlError>,
    ) -> Result<T, ControlError> {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(ControlError::Panicked))
    }
}

/// An error with what caused it, for the log.
fn chain(error: &ControlError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
