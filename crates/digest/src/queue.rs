//! What is to be hashed, under one lock between a worker and the I/O threads.
//!
//! ```text
//!          push            fill                 settle                    settle
//!   waits ──────► in line ─────► in a lane ──┬─► in line (more came) ──┬─► done
//!     ▲                                      └─► waits (all hashed) ───┘
//!     └──────────────────────────────────────────────┘
//! ```
//! A body is in line when it has bytes, or its end, that no lane has seen. Bodies stand in line in
//! the order in which they got there, and leave a lane after [`Bounds::stretch_bytes`] at most, for
//! the end of the line.
//!
//! # When a worker runs
//! While a task waits for it, or more is queued than [`Bounds::gather_bytes`] for each body that is
//! open. Below that it sleeps although there is work: pieces that gather are hashed side by side,
//! and one after the other they would cost many times as much. Whoever needs the result waits, and
//! by that starts it.

use crate::{Figures, Hashes, Kernel, Lost, lanes::Job};
use bytes::Bytes;
use std::{
    collections::{HashMap, VecDeque},
    task::{Context, Poll, Waker},
};

/// How much may wait, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Of one body. One that has more waits until half of it is hashed.
    pub body_bytes: usize,
    /// Of all bodies of one worker. Beyond it a body waits until nothing of its own is queued, so that
    /// each goes on, if only piece by piece.
    pub all_bytes: usize,
    /// For each open body, up to as many as there are lanes: so much in all is worth starting for.
    pub gather_bytes: usize,
    /// The most that one body gets hashed while others stand in line.
    pub stretch_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            all_bytes: 64 << 20,
            gather_bytes: 128 << 10,
            stretch_bytes: 256 << 10,
        }
    }
}

/// A body's number; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BodyId(u64);

/// A body whose turn it is.
#[derive(Debug)]
pub(crate) struct Lane {
    body: BodyId,
    pub(crate) job: Job,
    /// Nothing follows what the job has.
    is_last: bool,
}

/// The bodies of one worker.
#[derive(Debug)]
pub(crate) struct Queue {
    bounds: Bounds,
    kernel: Kernel,
    bodies: HashMap<BodyId, Body>,
    line: VecDeque<BodyId>,
    queued_bytes: usize,
    /// Bodies of which a task waits.
    waiting: usize,
    opened: u64,
    stopped: bool,
    hashed_bytes: u64,
    steps: u64,
    lanes: u64,
}

/// A body that somebody holds a [`crate::Hasher`] of.
#[derive(Debug)]
pub(crate) struct Body {
    /// `None` while it is in a lane, and from the end on.
    job: Option<Job>,
    /// What came and no lane has seen.
    pieces: VecDeque<Bytes>,
    /// Not hashed, wherever it is.
    queued_bytes: usize,
    ended: bool,
    in_line: bool,
    outcome: Option<Result<Hashes, Lost>>,
    waits: Option<(Wait, Waker)>,
}

/// What a body's task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Room,
    End,
}

/// The tasks' side.
impl Queue {
    pub(crate) fn new(kernel: Kernel, bounds: Bounds) -> Self {
        Self {
            bounds,
            kernel,
            bodies: HashMap::new(),
            line: VecDeque::new(),
            queued_bytes: 0,
            waiting: 0,
            opened: 0,
            stopped: false,
            hashed_bytes: 0,
            steps: 0,
            lanes: 0,
        }
    }

    /// What it is at and what it has done.
    pub(crate) fn figures(&self) -> Figures {
        Figures {
            bodies: self.bodies.len() as u64,
            queued_bytes: self.queued_bytes as u64,
            hashed_bytes: self.hashed_bytes,
            steps: self.steps,
            lanes: self.lanes,
            failures: 0,
        }
    }

    /// Bodies that are open.
    pub(crate) fn len(&self) -> usize {
        self.bodies.len()
    }

    /// Begins a body.
    pub(crate) fn open(&mut self, sha256: bool) -> BodyId {
        let body = BodyId(self.opened);
        self.opened += 1;
        self.bodies.insert(
            body,
            Body {
                job: Some(Job::new(sha256)),
                pieces: VecDeque::new(),
                queued_bytes: 0,
                ended: false,
                in_line: false,
                outcome: None,
                waits: None,
            },
        );
        body
    }

    /// Takes `bytes` out of the caller's hands as soon as there is room.
    pub(crate) fn poll_push(
        &mut self,
        id: BodyId,
        bytes: &mut Option<Bytes>,
        task: &mut Context<'_>,
    ) -> Poll<Result<(), Lost>> {
        let all_full = self.queued_bytes >= self.bounds.all_bytes;
        let Some(body) = self.bodies.get_mut(&id) else {
            return Poll::Ready(Err(Lost));
        };
        if let Some(Err(Lost)) = body.outcome {
            return Poll::Ready(Err(Lost));
        }
        let full = body.queued_bytes >= self.bounds.body_bytes;
        if full || (all_full && body.queued_bytes > 0) {
            self.wait(id, Wait::Room, task);
            return Poll::Pending;
        }
        self.waiting -= usize::from(body.waits.take().is_some());
        if let Some(bytes) = bytes.take().filter(|bytes| !bytes.is_empty()) {
            body.queued_bytes += bytes.len();
            self.queued_bytes += bytes.len();
            body.pieces.push_back(bytes);
            self.line_up(id);
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing follows; gives the values as soon as all is hashed.
    pub(crate) fn poll_end(
        &mut self,
        id: BodyId,
        task: &mut Context<'_>,
    ) -> Poll<Result<Hashes, Lost>> {
        let Some(body) = self.bodies.get_mut(&id) else {
            return Poll::Ready(Err(Lost));
        };
        if let Some(outcome) = body.outcome {
            return Poll::Ready(outcome);
        }
        // A lane that was filled before does not know.
        body.ended = true;
        self.line_up(id);
        self.wait(id, Wait::End, task);
        Poll::Pending
    }

    /// Forgets a body. What it held is the caller's to drop, without the lock.
    pub(crate) fn close(&mut self, id: BodyId) -> Option<Body> {
        let body = self.bodies.remove(&id)?;
        self.queued_bytes -= body.queued_bytes;
        self.waiting -= usize::from(body.waits.is_some());
        Some(body)
    }

    /// Ends the worker.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    fn wait(&mut self, id: BodyId, wait: Wait, task: &Context<'_>) {
        if let Some(body) = self.bodies.get_mut(&id) {
            let before = body.waits.replace((wait, task.waker().clone()));
            self.waiting += usize::from(before.is_none());
        }
    }

    /// Into the line, unless it is there, or in a lane and will be asked when it leaves that.
    fn line_up(&mut self, id: BodyId) {
        if let Some(body) = self.bodies.get_mut(&id)
            && body.job.is_some()
            && !body.in_line
        {
            body.in_line = true;
            self.line.push_back(id);
        }
    }
}

/// The worker's side.
impl Queue {
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether it is time to begin.
    pub(crate) fn is_worth_starting(&self) -> bool {
        !self.line.is_empty() && (self.waiting > 0 || self.queued_bytes >= self.gather_bytes())
    }

    /// Whether to go on: longer than there was reason to begin, so that it does not begin and end
    /// with every piece.
    pub(crate) fn is_worth_going_on(&self) -> bool {
        self.waiting > 0 || self.queued_bytes >= self.gather_bytes() / 2
    }

    fn gather_bytes(&self) -> usize {
        self.bounds.gather_bytes * self.bodies.len().min(self.kernel.lanes())
    }

    /// Gives the free lanes to the first in line.
    pub(crate) fn fill(&mut self, lanes: &mut Vec<Lane>) {
        while lanes.len() < self.kernel.lanes() {
            let Some(id) = self.line.pop_front() else {
                return;
            };
            let Some(body) = self.bodies.get_mut(&id) else {
                continue;
            };
            body.in_line = false;
            let Some(mut job) = body.job.take() else {
                continue;
            };
            while job.queued_bytes() < self.bounds.stretch_bytes {
                let Some(piece) = body.pieces.pop_front() else {
                    break;
                };
                job.push(piece);
            }
            lanes.push(Lane {
                body: id,
                job,
                is_last: body.ended && body.pieces.is_empty(),
            });
        }
    }

    /// Writes down what the lanes came to and takes back those that are dry; all, when it is no longer
    /// worth going on. `woken` gets the tasks that have waited for it.
    pub(crate) fn settle(&mut self, lanes: &mut Vec<Lane>, woken: &mut Vec<Waker>) {
        self.steps += u64::from(!lanes.is_empty());
        self.lanes += lanes.len() as u64;
        for lane in lanes.iter_mut() {
            self.account(lane, woken);
        }
        let goes_on = self.is_worth_going_on();
        let mut at = 0;
        while at < lanes.len() {
            let lane = &lanes[at];
            if goes_on && !lane.job.is_dry() && self.bodies.contains_key(&lane.body) {
                at += 1;
            } else {
                let lane = lanes.swap_remove(at);
                self.take_back(lane, woken);
            }
        }
    }

    /// Whatever is open is lost. What a body held stays with it until its holder closes it.
    pub(crate) fn lose_all(&mut self, woken: &mut Vec<Waker>) {
        for body in self.bodies.values_mut() {
            body.outcome.get_or_insert(Err(Lost));
            body.job = None;
            body.queued_bytes = 0;
            woken.extend(body.waits.take().map(|(_, waker)| waker));
        }
        self.line.clear();
        self.queued_bytes = 0;
        self.waiting = 0;
    }

    /// Counts what was hashed since.
    fn account(&mut self, lane: &mut Lane, woken: &mut Vec<Waker>) {
        let Some(body) = self.bodies.get_mut(&lane.body) else {
            return;
        };
        let hashed = lane.job.take_hashed();
        body.queued_bytes -= hashed;
        self.queued_bytes -= hashed;
        self.hashed_bytes += hashed as u64;
        let all_full = self.queued_bytes >= self.bounds.all_bytes;
        let has_room = body.queued_bytes <= self.bounds.body_bytes / 2
            && (!all_full || body.queued_bytes == 0);
        if has_room {
            self.wake(lane.body, Wait::Room, woken);
        }
    }

    fn take_back(&mut self, lane: Lane, woken: &mut Vec<Waker>) {
        let Some(body) = self.bodies.get_mut(&lane.body) else {
            return;
        };
        if lane.is_last && lane.job.is_dry() {
            body.outcome = Some(Ok(lane.job.finish(self.kernel)));
            return self.wake(lane.body, Wait::End, woken);
        }
        let has_more = !lane.job.is_dry() || !body.pieces.is_empty() || body.ended;
        body.job = Some(lane.job);
        if has_more {
            self.line_up(lane.body);
        }
    }

    fn wake(&mut self, id: BodyId, wait: Wait, woken: &mut Vec<Waker>) {
        if let Some(body) = self.bodies.get_mut(&id)
            && let Some((_, waker)) = body.waits.take_if(|(waits, _)| *waits == wait)
        {
            self.waiting -= 1;
            woken.push(waker);
        }
    }
}

#[cfg(test)]
mod tests;
