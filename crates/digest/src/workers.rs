//! The threads that hash.
//!
//! A worker holds the lock to fill and to settle its lanes, between steps of some microseconds, and
//! never while it hashes. It sleeps on a condition when nothing is worth starting for.
//!
//! When a worker panics, its bodies are lost, each of their tasks hears of it, and the worker goes
//! on with an empty queue: a body that comes after has nothing to do with it.

use crate::{
    Bounds, Hasher, Kernel, lanes,
    queue::{Lane, Queue},
};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Sender, channel},
    },
    task::Waker,
    thread::{self, JoinHandle},
};

/// The digest workers of a node. Dropping them ends their threads; a body that is open then is lost.
#[derive(Debug)]
pub struct Workers {
    first: Worker,
    others: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What a worker and the tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Mutex<Queue>,
    /// Told when the queue has become worth starting for.
    work: Condvar,
    kernel: Kernel,
    /// How often it panicked.
    failures: AtomicU64,
}

/// What workers are at and what they have done since they started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Bodies that are open.
    pub bodies: u64,
    /// Bytes that came and are not hashed.
    pub queued_bytes: u64,
    /// Bytes hashed. Of a body that ended early those are missing that were at hand then.
    pub hashed_bytes: u64,
    /// Steps in which some lanes went on together.
    pub steps: u64,
    /// Lanes that went on, over all steps.
    pub lanes: u64,
    /// Failures of a worker, each of which cost the bodies that it had at hand.
    pub failures: u64,
}

impl Figures {
    fn plus(self, other: Self) -> Self {
        Self {
            bodies: self.bodies + other.bodies,
            queued_bytes: self.queued_bytes + other.queued_bytes,
            hashed_bytes: self.hashed_bytes + other.hashed_bytes,
            steps: self.steps + other.steps,
            lanes: self.lanes + other.lanes,
            failures: self.failures + other.failures,
        }
    }
}

impl Workers {
    /// Starts a thread for each of `cores`, pinned to it; without cores, one that is not pinned.
    pub fn start(cores: &[usize], bounds: Bounds) -> io::Result<Self> {
        Self::start_with(Kernel::detect(), cores, bounds)
    }

    /// As [`Workers::start`], with a kernel other than the best.
    pub fn start_with(kernel: Kernel, cores: &[usize], bounds: Bounds) -> io::Result<Self> {
        let start = |number: usize, core| Worker::start(number, core, kernel, bounds);
        let mut pinned = cores.iter().enumerate();
        let first = match pinned.next() {
            Some((number, core)) => start(number, Some(*core))?,
            None => start(0, None)?,
        };
        let others = pinned.map(|(number, core)| start(number, Some(*core)));
        Ok(Self {
            first,
            others: others.collect::<io::Result<_>>()?,
        })
    }

    /// Begins a body, with the worker that has the fewest.
    pub fn begin(&self, sha256: bool) -> Hasher {
        let open = |worker: &&Worker| worker.shared.queue.lock().len();
        let fewest = self.others.iter().min_by_key(open);
        let worker = fewest
            .filter(|other| open(other) < open(&&self.first))
            .unwrap_or(&self.first);
        Hasher::open(&worker.shared, sha256)
    }

    /// What all of them are at and have done.
    pub fn figures(&self) -> Figures {
        let others = self.others.iter().map(Worker::figures);
        others.fold(self.first.figures(), Figures::plus)
    }
}

impl Worker {
    fn figures(&self) -> Figures {
        Figures {
            failures: self.shared.failures.load(Relaxed),
            ..self.shared.queue.lock().figures()
        }
    }

    fn start(
        number: usize,
        core: Option<usize>,
        kernel: Kernel,
        bounds: Bounds,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new(kernel, bounds)),
            work: Condvar::new(),
            kernel,
            failures: AtomicU64::new(0),
        });
        let (pinned, is_pinned) = channel();
        let its = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name(format!("digest-{number}"))
            .spawn(move || {
                if pin(core, &pinned) {
                    its.work();
                }
            })?;
        is_pinned.recv().map_err(io::Error::other)??;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.with_queue(Queue::stop);
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take() {
            // It catches what it panics with.
            let _ = thread.join();
        }
    }
}

/// Pins the calling thread and says how that went.
fn pin(core: Option<usize>, told: &Sender<io::Result<()>>) -> bool {
    let pinned = core.map_or(Ok(()), |core| {
        let mut set = CpuSet::new();
        set.set(core)?;
        sched_setaffinity(Pid::from_raw(0), &set)
    });
    let is_pinned = pinned.is_ok();
    told.send(pinned.map_err(io::Error::from)).is_ok() && is_pinned
}

impl Shared {
    /// Lets a task change the queue, and starts the worker when that made it worth it.
    pub(crate) fn with_queue<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.queue.lock();
        let result = change(&mut queue);
        let is_worth_starting = queue.is_worth_starting();
        drop(queue);
        if is_worth_starting {
            self.work.notify_one();
        }
        result
    }

    /// Hashes until it is stopped.
    fn work(&self) {
        loop {
            let ended = catch_unwind(AssertUnwindSafe(|| self.hash()));
            let mut woken = Vec::new();
            self.queue.lock().lose_all(&mut woken);
            woken.into_iter().for_each(Waker::wake);
            match ended {
                Ok(()) => return,
                Err(_) => {
                    self.failures.fetch_add(1, Relaxed);
                    tracing::error!("a digest worker failed; its bodies are refused");
                }
            }
        }
    }

    fn hash(&self) {
        let (mut lanes, mut woken) = (Vec::new(), Vec::new());
        while self.next(&mut lanes, &mut woken) {
            lanes::step(
                self.kernel,
                lanes.iter_mut().map(|lane: &mut Lane| &mut lane.job),
            );
            // Where an I/O thread shares the core it comes first: what it brings fills lanes.
            thread::yield_now();
        }
    }

    /// Settles the lanes, fills them anew, and sleeps if that is not worth it yet. `false` when it is
    /// time to end.
    fn next(&self, lanes: &mut Vec<Lane>, woken: &mut Vec<Waker>) -> bool {
        let mut queue = self.queue.lock();
        queue.settle(lanes, woken);
        if queue.is_worth_going_on() {
            queue.fill(lanes);
        }
        if !woken.is_empty() {
            MutexGuard::unlocked(&mut queue, || woken.drain(..).for_each(Waker::wake));
        }
        while lanes.is_empty() && !queue.is_stopped() {
            if queue.is_worth_starting() {
                queue.fill(lanes);
            } else {
                self.work.wait(&mut queue);
            }
        }
        !queue.is_stopped()
    }
}
