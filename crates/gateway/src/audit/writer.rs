//! The thread that writes, and the way to it.

use super::{
    Record,
    decided::Allowance,
    files::{FILE_BYTES_MAX, Files},
};
use blockhouse_types::Timestamp;
use std::{
    io,
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

/// Records that may wait to be written. One more is lost.
const QUEUE_MAX: usize = 16_384;

/// How often the thread looks for records.
const ROUND: Duration = Duration::from_millis(50);

/// Bytes that are gathered before they are handed to the kernel.
const GATHERED_BYTES_MAX: usize = 256 << 10;

/// Where records are left. Cheap to clone; never blocks.
#[derive(Debug, Clone)]
pub struct Log {
    queue: SyncSender<Box<Record>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    written: AtomicU64,
    lost: AtomicU64,
    explained: Allowance,
    stopping: Mutex<bool>,
    stop: Condvar,
}

impl Shared {
    /// The flag is changed by one assignment, so that a panic elsewhere leaves it whole.
    fn stopping(&self) -> MutexGuard<'_, bool> {
        self.stopping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest(&self) {
        let stopping = self.stopping();
        if !*stopping {
            drop(self.stop.wait_timeout(stopping, ROUND));
        }
    }
}

impl Log {
    /// A log of at most `queue_max` records that wait, and where they come out.
    pub(crate) fn new(queue_max: usize) -> (Self, Receiver<Box<Record>>) {
        let (queue, records) = sync_channel(queue_max);
        let shared = Arc::default();
        (Self { queue, shared }, records)
    }

    /// Leaves a record; one that finds no room is counted as lost.
    pub fn leave(&self, record: Box<Record>) {
        if self.queue.try_send(record).is_err() {
            self.shared.lost.fetch_add(1, Relaxed);
        }
    }

    /// Whether one more denial may be explained now.
    pub(crate) fn may_explain(&self, now: Timestamp) -> bool {
        self.shared.explained.take(now)
    }

    /// Records that were written.
    pub fn written(&self) -> u64 {
        self.shared.written.load(Relaxed)
    }

    /// Records that were lost: there was no room, or the disk refused them.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Relaxed)
    }
}

/// The audit of a node. Its end writes what was left there and ends the thread.
#[derive(Debug)]
pub struct Audit {
    log: Log,
    thread: Option<JoinHandle<()>>,
}

impl Audit {
    /// Begins or goes on with the files in `folder`.
    pub fn start(folder: &Path) -> io::Result<Self> {
        let (log, records) = Log::new(QUEUE_MAX);
        let writer = Writer {
            files: Files::open(folder, FILE_BYTES_MAX)?,
            records,
            shared: Arc::clone(&log.shared),
            lost_told: 0,
            refused: false,
        };
        let thread = Builder::new().name("audit".to_owned());
        Ok(Self {
            log,
            thread: Some(thread.spawn(move || writer.run())?),
        })
    }

    /// Where records are left.
    pub fn log(&self) -> &Log {
        &self.log
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        *self.log.shared.stopping() = true;
        self.log.shared.stop.notify_one();
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the audit's thread panicked");
        }
    }
}

struct Writer {
    files: Files,
    records: Receiver<Box<Record>>,
    shared: Arc<Shared>,
    /// Lost records that a line has told of.
    lost_told: u64,
    /// Whether the disk refused the last lines: told once, not for every round.
    refused: bool,
}

impl Writer {
    fn run(mut self) {
        let mut lines = Vec::with_capacity(GATHERED_BYTES_MAX + (8 << 10));
        loop {
            // Asked first, so that everything that was left before the end is written.
            let stopping = *self.shared.stopping();
            self.round(&mut lines);
            if stopping {
                return;
            }
            self.shared.rest();
        }
    }

    /// Writes what waits.
    fn round(&mut self, lines: &mut Vec<u8>) {
        let (mut gathered, mut told) = (0, self.lost_told);
        while let Ok(record) = self.records.try_recv() {
            let lost = self.shared.lost.load(Relaxed);
            record.write(lines, lost - told);
            told = lost;
            gathered += 1;
            if lines.len() >= GATHERED_BYTES_MAX {
                self.hand_over(lines, std::mem::take(&mut gathered), told);
                told = self.lost_told;
            }
        }
        if gathered > 0 {
            self.hand_over(lines, gathered, told);
        }
    }

    /// Hands lines to the files; `lost_told` is what has been told when they are there.
    fn hand_over(&mut self, lines: &mut Vec<u8>, records: u64, lost_told: u64) {
        match self.files.append(lines) {
            Ok(()) => {
                self.shared.written.fetch_add(records, Relaxed);
                self.lost_told = lost_told;
                self.refused = false;
            }
            Err(error) => {
                self.shared.lost.fetch_add(records, Relaxed);
                if !std::mem::replace(&mut self.refused, true) {
                    tracing::error!(%error, "the audit cannot be written");
                }
            }
        }
        lines.clear();
    }
}
