//! Looking for answers without sleeping.

use super::{Counts, Wait};
use crate::spin::Spin;
use std::time::Instant;
use tokio::task::yield_now;

/// What a driver does between asking and the answer.
pub(super) struct Looks {
    wait: Wait,
    spin: Spin,
    /// When it began to wait for what it waits for now.
    began: Option<Instant>,
    /// When it looked last, and how many questions there had been.
    last: Option<(Instant, u64)>,
}

impl Looks {
    pub(super) fn new(wait: Wait) -> Self {
        Self {
            wait,
            spin: Spin::default(),
            began: None,
            last: None,
        }
    }

    /// An answer is waited for, from now on at the latest.
    pub(super) fn begin(&mut self) {
        if matches!(self.wait, Wait::Looking { .. }) {
            self.began.get_or_insert_with(Instant::now);
        }
    }

    /// An answer came.
    pub(super) fn end(&mut self) {
        self.last = None;
        let waited = self.began.take().map(|began| began.elapsed());
        if let Some(waited) = waited.filter(|waited| *waited > self.spin.length()) {
            self.spin.was_in_vain(waited);
        }
    }

    /// Lets the thread do all that it would do before it sleeps, and look at its sockets once; `false`
    /// without all that when it is time to sleep.
    pub(super) async fn look(&mut self, counts: &Counts) -> bool {
        let (Wait::Looking { before }, Some(began)) = (self.wait, self.began) else {
            return false;
        };
        let (now, asked) = (Instant::now(), counts.questions());
        // Where somebody asked meanwhile, that was not all looking.
        if let Some((at, _)) = self.last.filter(|(_, then)| *then == asked) {
            counts.looked(now.duration_since(at));
        }
        let goes_on = now.duration_since(began) < self.spin.length();
        self.last = goes_on.then_some((now, asked));
        if goes_on {
            before();
            yield_now().await;
        }
        goes_on
    }
}
