//! The power supply of simulated devices: it can be cut at a chosen instant.
//!
//! Every device event (a write or a flush begins, a write or a flush ends) is one tick, counted over
//! all devices on the supply. A cut after tick `n` freezes them: no operation ends any more, so
//! nothing can be acknowledged. Going through all `n` is going through all write boundaries and, as
//! a write that has begun may be torn, through the middles of all writes.

use std::{cell::RefCell, future, rc::Rc, task::Waker};

/// A power supply; a handle is cheap to clone and belongs to one thread.
#[derive(Debug, Clone, Default)]
pub struct Power {
    state: Rc<RefCell<State>>,
}

#[derive(Debug, Default)]
struct State {
    ticks: u64,
    cut_after: Option<u64>,
    cut: bool,
    watchers: Vec<Waker>,
}

impl Power {
    /// A supply that is not cut.
    pub fn new() -> Self {
        Self::default()
    }

    /// Plans a cut right after tick `n` from now; 0 cuts at once.
    pub fn cut_after(&self, n: u64) {
        let mut state = self.state.borrow_mut();
        state.cut_after = Some(state.ticks + n);
        if n == 0 {
            state.cut();
        }
    }

    /// Whether the power is gone.
    pub fn is_cut(&self) -> bool {
        self.state.borrow().cut
    }

    /// Ticks so far.
    pub fn ticks(&self) -> u64 {
        self.state.borrow().ticks
    }

    /// Resolves when the power is gone.
    pub async fn until_cut(&self) {
        future::poll_fn(|context| {
            let mut state = self.state.borrow_mut();
            if state.cut {
                return std::task::Poll::Ready(());
            }
            state.watchers.push(context.waker().clone());
            std::task::Poll::Pending
        })
        .await;
    }

    /// One device event.
    pub(crate) fn tick(&self) {
        let mut state = self.state.borrow_mut();
        if state.cut {
            return;
        }
        state.ticks += 1;
        if state.cut_after.is_some_and(|n| state.ticks >= n) {
            state.cut();
        }
    }
}

impl State {
    fn cut(&mut self) {
        self.cut = true;
        self.watchers.drain(..).for_each(Waker::wake);
    }
}
