//! One thread, no clock, no kernel: which ready task runs next is drawn from a seed.
//!
//! Tasks are polled one at a time. Whoever wakes a task puts it into the ready list; the seed picks
//! from that list. So every interleaving that a single-threaded runtime may show can come up, and
//! the same seed shows the same one. When no task is ready, nothing can ever become ready again
//! (simulated devices always wake their callers): that is a deadlock, and it is an answer, not a
//! hang. A bound on the number of polls catches the opposite, tasks that wake each other for ever.

use blockhouse_store::kit::SplitMix;
use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

/// Polls of one [`Executor::run_until`]; more than any test needs.
const POLLS_MAX: u64 = 50_000_000;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Why a run ended without what it waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// No task is ready, and no device has anything under way.
    #[error("deadlock: no task is ready and nothing is in flight")]
    Deadlock,
    /// The tasks wake each other without end.
    #[error("livelock: {POLLS_MAX} polls without an end")]
    Livelock,
}

/// The tasks of a simulated node.
pub struct Executor {
    tasks: Vec<Option<Task>>,
    ready: Arc<Ready>,
    random: SplitMix,
}

impl Executor {
    /// No tasks yet; the seed decides their order.
    pub fn new(seed: u64) -> Self {
        Self {
            tasks: Vec::new(),
            ready: Arc::default(),
            random: SplitMix(seed),
        }
    }

    /// Adds a task, which is ready to run. What it returns can be looked at with
    /// [`Handle::take`].
    pub fn spawn<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> Handle<T> {
        let result = Rc::new(RefCell::new(None));
        let place = Rc::clone(&result);
        let task = async move {
            let output = future.await;
            *place.borrow_mut() = Some(output);
        };
        self.ready.push(self.tasks.len());
        self.tasks.push(Some(Box::pin(task)));
        Handle(result)
    }

    /// Runs tasks until `done`, which is asked before every poll.
    ///
    /// # Errors
    /// It can never come true.
    pub fn run_until(&mut self, mut done: impl FnMut() -> bool) -> Result<(), Stuck> {
        for _ in 0..POLLS_MAX {
            if done() {
                return Ok(());
            }
            let random = self.random.next();
            let Some(task) = self.ready.pick(random) else {
                return Err(Stuck::Deadlock);
            };
            self.poll(task);
        }
        Err(Stuck::Livelock)
    }

    /// Runs tasks until `future` has an answer.
    ///
    /// # Errors
    /// It never gets one.
    pub fn wait<T: 'static>(
        &mut self,
        future: impl Future<Output = T> + 'static,
    ) -> Result<T, Stuck> {
        let handle = self.spawn(future);
        self.run_until(|| handle.is_done())?;
        handle.take().ok_or(Stuck::Deadlock)
    }

    fn poll(&mut self, index: usize) {
        let Some(mut task) = self.tasks.get_mut(index).and_then(Option::take) else {
            return;
        };
        let waker = Waker::from(Arc::new(TaskWaker {
            index,
            ready: Arc::clone(&self.ready),
        }));
        if task
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            self.tasks[index] = Some(task);
        }
    }
}

/// What a task will have returned.
pub struct Handle<T>(Rc<RefCell<Option<T>>>);

impl<T> Handle<T> {
    /// Whether the task has ended and its result was not taken.
    pub fn is_done(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// The result, once.
    pub fn take(&self) -> Option<T> {
        self.0.borrow_mut().take()
    }
}

/// Which tasks may run. Behind a lock only because wakers must be `Send`.
#[derive(Default)]
struct Ready(Mutex<Vec<usize>>);

impl Ready {
    fn push(&self, index: usize) {
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready.contains(&index) {
            ready.push(index);
        }
    }

    fn pick(&self, random: u64) -> Option<usize> {
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = ready.len() as u64;
        (count > 0).then(|| ready.swap_remove((random % count) as usize))
    }
}

struct TaskWaker {
    index: usize,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.index);
    }
}

/// Polls a future that never waits, such as the model's.
///
/// # Errors
/// It waits.
pub fn now<T>(future: impl Future<Output = T>) -> Result<T, Stuck> {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err(Stuck::Deadlock),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::sync::{Notify, mpsc};

    /// Three tasks write letters, giving way in between.
    fn text(seed: u64) -> String {
        let mut executor = Executor::new(seed);
        let text = Rc::new(RefCell::new(String::new()));
        let tasks: Vec<_> = ['a', 'b', 'c']
            .map(|letter| {
                let text = Rc::clone(&text);
                executor.spawn(async move {
                    for _ in 0..5 {
                        text.borrow_mut().push(letter);
                        let mut given_way = false;
                        std::future::poll_fn(|context| {
                            context.waker().wake_by_ref();
                            if std::mem::replace(&mut given_way, true) {
                                Poll::Ready(())
                            } else {
                                Poll::Pending
                            }
                        })
                        .await;
                    }
                })
            })
            .into();
        executor
            .run_until(|| tasks.iter().all(Handle::is_done))
            .unwrap();
        text.take()
    }

    #[test]
    fn the_seed_decides_the_order() {
        assert_eq!(text(1), text(1));
        let texts: std::collections::BTreeSet<_> = (0..20).map(text).collect();
        assert!(texts.len() > 15);
    }

    #[test]
    fn deadlocks_are_answers() {
        let mut executor = Executor::new(1);
        assert_eq!(executor.wait(pending::<()>()), Err(Stuck::Deadlock));
        assert_eq!(executor.wait(async { 5 }), Ok(5), "others still run");
    }

    #[test]
    fn channels_work_without_a_runtime() {
        let mut executor = Executor::new(2);
        let (send, mut receive) = mpsc::channel(1);
        let done = Rc::new(Notify::new());
        let told = Rc::clone(&done);
        executor.spawn(async move {
            for n in 0..1000u64 {
                send.send(n).await.unwrap();
            }
            told.notify_one();
        });
        let sum = executor.spawn(async move {
            let mut sum = 0;
            while let Some(n) = receive.recv().await {
                sum += n;
            }
            sum
        });
        executor.wait(async move { done.notified().await }).unwrap();
        executor.run_until(|| sum.is_done()).unwrap();
        assert_eq!(sum.take(), Some(499_500));
    }
}
