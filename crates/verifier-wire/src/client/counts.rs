//! What a client counts of its questions, for whoever shows it.

use crate::{Failure, Refusal, frame::AnswerBody};
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The counts of one client. Its thread is their only writer; any thread may read them.
#[derive(Debug, Default)]
pub struct Counts {
    questions: AtomicU64,
    frames: AtomicU64,
    accepted: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    unreachable: AtomicU64,
    waiting: AtomicU64,
    sockets_broken: AtomicU64,
    looked_nanos: AtomicU64,
}

/// Counts at one moment, of one client or of several together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Questions asked: heads, links of chains and orders.
    pub questions: u64,
    /// Frames that carried them.
    pub frames: u64,
    /// Heads whose signature held.
    pub accepted: u64,
    /// Heads and orders that were refused, by [`Refusal`] in the order of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// Questions that nobody judged.
    pub unreachable: u64,
    /// Questions without an answer yet.
    pub waiting: u64,
    /// Sockets that broke, or could not be opened.
    pub sockets_broken: u64,
    /// What it looked for answers without sleeping, in nanoseconds.
    pub looked_nanos: u64,
}

impl Counts {
    /// As they are now.
    pub fn read(&self) -> Counted {
        Counted {
            questions: self.questions.load(Relaxed),
            frames: self.frames.load(Relaxed),
            accepted: self.accepted.load(Relaxed),
            refused: std::array::from_fn(|n| self.refused[n].load(Relaxed)),
            unreachable: self.unreachable.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
            sockets_broken: self.sockets_broken.load(Relaxed),
            looked_nanos: self.looked_nanos.load(Relaxed),
        }
    }

    pub(super) fn asked(&self) {
        add(&self.questions);
    }

    pub(super) fn questions(&self) -> u64 {
        self.questions.load(Relaxed)
    }

    pub(super) fn looked(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        add_some(&self.looked_nanos, nanos);
    }

    pub(super) fn frame_sent(&self) {
        add(&self.frames);
    }

    pub(super) fn answered(&self, body: &AnswerBody) {
        match body {
            AnswerBody::Verified(_) => add(&self.accepted),
            AnswerBody::Refused(failure) => add(&self.refused[refusal_of(failure)]),
            AnswerBody::NoRoom => add(&self.unreachable),
            AnswerBody::Ordered(_) | AnswerBody::Link(_) => {}
        }
    }

    pub(super) fn not_judged(&self) {
        add(&self.unreachable);
    }

    pub(super) fn waiting(&self, questions: usize) {
        self.waiting.store(questions as u64, Relaxed);
    }

    pub(super) fn socket_broke(&self) {
        add(&self.sockets_broken);
    }
}

impl Counted {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            questions: self.questions + other.questions,
            frames: self.frames + other.frames,
            accepted: self.accepted + other.accepted,
            refused: std::array::from_fn(|n| self.refused[n] + other.refused[n]),
            unreachable: self.unreachable + other.unreachable,
            waiting: self.waiting + other.waiting,
            sockets_broken: self.sockets_broken + other.sockets_broken,
            looked_nanos: self.looked_nanos + other.looked_nanos,
        }
    }
}

fn refusal_of(failure: &Failure) -> usize {
    failure.refusal() as usize
}

/// There is one writer: a load and a store, which cost less than an addition in one.
fn add_some(count: &AtomicU64, more: u64) {
    count.store(count.load(Relaxed).wrapping_add(more), Relaxed);
}

fn add(count: &AtomicU64) {
    add_some(count, 1);
}
