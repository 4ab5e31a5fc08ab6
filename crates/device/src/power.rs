//! The power supply of simulated devices: it can be cut at a chosen instant.
//!
//! Every device event (a write or a flush begins, a write or a flush ends) is one tick, counted over
//! all devices on the supply. A cut after tick `n` freezes them: no operation ends any more, so
//! nothing can be acknowledged. Going through all `n` is going through all write boundaries and, as
//! a write that has begun may be torn, through the middles of all writes. [`Power::watch`] looks at
//! every tick without cutting anything, so that one run shows what each cut would have left.

use std::{cell::RefCell, future, rc::Rc, task::Waker};

/// A power supply; a handle is cheap to clone and belongs to one thread.
#[derive(Clone, Default)]
pub struct Power {
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    ticks: u64,
    cut_after: Option<u64>,
    cut: bool,
    waiting: Vec<Waker>,
    watcher: Option<Watcher>,
}

type Watcher = Box<dyn FnMut(u64)>;

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
            state.waiting.push(context.waker().clone());
            std::task::Poll::Pending
        })
        .await;
    }

    /// Calls `watcher` after every tick with its number, until [`Self::unwatch`]. It may look at
    /// devices and must not use them.
    pub fn watch(&self, watcher: impl FnMut(u64) + 'static) {
        self.state.borrow_mut().watcher = Some(Box::new(watcher));
    }

    /// Drops the watcher, and with it what it holds.
    pub fn unwatch(&self) {
        let watcher = self.state.borrow_mut().watcher.take();
        drop(watcher);
    }

    /// One device event.
    pub(crate) fn tick(&self) {
        let mut state = self.state.borrow_mut();
        if state.cut {
            return;
        }
        state.ticks += 1;
        let ticks = state.ticks;
        // Out of its place while it runs: it looks at devices, which look at the power.
        if let Some(mut watcher) = state.watcher.take() {
            drop(state);
            watcher(ticks);
            state = self.state.borrow_mut();
            state.watcher = Some(watcher);
        }
        if state.cut_after.is_some_and(|n| ticks >= n) {
            state.cut();
        }
    }
}

impl State {
    fn cut(&mut self) {
        self.cut = true;
        self.waiting.drain(..).for_each(Waker::wake);
    }
}
