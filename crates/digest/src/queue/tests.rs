//! The queue by itself: its worker is played here, one step at a time.

use super::*;
use crate::lanes;
use md5::{Digest as _, Md5};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Wake,
};

const BOUNDS: Bounds = Bounds {
    body_bytes: 8 << 10,
    all_bytes: 20 << 10,
    gather_bytes: 2 << 10,
    stretch_bytes: 4 << 10,
};

/// A task that counts how often it was woken.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A queue, its worker's lanes, and one task for all.
struct Bench {
    queue: Queue,
    lanes: Vec<Lane>,
    task: Arc<Task>,
}

impl Bench {
    fn new() -> Self {
        // The scalar kernel has two lanes on every machine.
        let kernel = *Kernel::all().last().unwrap();
        assert_eq!(kernel.lanes(), 2);
        Self {
            queue: Queue::new(kernel, BOUNDS),
            lanes: Vec::new(),
            task: Arc::default(),
        }
    }

    fn push(&mut self, body: BodyId, len: usize) -> Poll<Result<(), Lost>> {
        self.push_bytes(body, Bytes::from(vec![7; len]))
    }

    fn push_bytes(&mut self, body: BodyId, bytes: Bytes) -> Poll<Result<(), Lost>> {
        let waker = Waker::from(Arc::clone(&self.task));
        let mut task = Context::from_waker(&waker);
        self.queue.poll_push(body, &mut Some(bytes), &mut task)
    }

    fn end(&mut self, body: BodyId) -> Poll<Result<Hashes, Lost>> {
        let waker = Waker::from(Arc::clone(&self.task));
        self.queue.poll_end(body, &mut Context::from_waker(&waker))
    }

    /// What the worker does in one turn. Says how many tasks it woke.
    fn turn(&mut self) -> usize {
        self.queue.fill(&mut self.lanes);
        let jobs = self.lanes.iter_mut().map(|lane| &mut lane.job);
        lanes::step(self.queue.kernel, jobs);
        let mut woken = Vec::new();
        self.queue.settle(&mut self.lanes, &mut woken);
        let count = woken.len();
        woken.into_iter().for_each(Waker::wake);
        count
    }
}

#[test]
fn a_body_that_is_too_fast_waits_until_half_is_hashed() {
    let mut bench = Bench::new();
    let body = bench.queue.open(false);
    assert!(bench.push(body, 8 << 10).is_ready());
    assert!(bench.push(body, 1).is_pending());
    assert!(bench.queue.is_worth_starting());
    while bench.task.0.load(Ordering::Relaxed) == 0 {
        let before = bench.queue.queued_bytes;
        bench.turn();
        assert!(bench.queue.queued_bytes < before);
    }
    assert!(bench.queue.queued_bytes <= 4 << 10);
    assert!(bench.push(body, 1).is_ready());
    assert_eq!(bench.queue.waiting, 0);
}

#[test]
fn when_all_is_full_each_body_goes_on_piece_by_piece() {
    let mut bench = Bench::new();
    let bodies = [(); 4].map(|()| bench.queue.open(false));
    for body in &bodies[..3] {
        assert!(bench.push(*body, 7 << 10).is_ready());
    }
    // Each has room of its own left, and there is none in all.
    assert!(bench.push(bodies[0], 1).is_pending());
    assert!(bench.push(bodies[3], 1).is_ready(), "it had nothing queued");
    assert!(bench.push(bodies[3], 1).is_pending());
}

#[test]
fn work_gathers_until_somebody_waits_or_there_is_enough() {
    let mut bench = Bench::new();
    let bodies = [(); 2].map(|()| bench.queue.open(false));
    assert!(bench.push(bodies[0], 1 << 10).is_ready());
    assert!(!bench.queue.is_worth_starting());
    assert!(bench.end(bodies[1]).is_pending());
    assert!(bench.queue.is_worth_starting());
    assert_eq!(bench.turn(), 1);
    assert!(bench.end(bodies[1]).is_ready());
    assert!(!bench.queue.is_worth_starting());
    assert!(bench.push(bodies[0], 4 << 10).is_ready());
    assert!(bench.queue.is_worth_starting());
}

#[test]
fn nobody_is_starved_by_a_long_body() {
    let mut bench = Bench::new();
    let long = [(); 2].map(|()| bench.queue.open(false));
    let short = bench.queue.open(true);
    for body in long {
        assert!(bench.push(body, 8 << 10).is_ready());
    }
    assert!(bench.push(short, 100).is_ready());
    assert!(bench.end(short).is_pending());
    let mut turns = 0;
    while bench.end(short).is_pending() {
        bench.turn();
        // The long ones always have more.
        for body in long {
            let _ = bench.push(body, 4 << 10);
        }
        turns += 1;
        assert!(turns <= 4, "both lanes were kept from it");
    }
}

#[test]
fn the_end_may_come_while_the_bytes_are_in_a_lane() {
    let mut bench = Bench::new();
    let body = bench.queue.open(true);
    assert!(bench.push(body, 1000).is_ready());
    bench.queue.fill(&mut bench.lanes);
    assert!(bench.end(body).is_pending());
    bench.turn();
    assert!(bench.end(body).is_pending());
    assert_eq!(bench.turn(), 1);
    let Poll::Ready(Ok(hashes)) = bench.end(body) else {
        panic!("no value");
    };
    assert_eq!(hashes.md5, *Md5::digest(vec![7; 1000]));
    assert!(hashes.sha256.is_some());
}

#[test]
fn a_body_that_is_dropped_leaves_nothing_behind() {
    struct Owner(#[expect(dead_code, reason = "counted")] Arc<()>, [u8; 1000]);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.1
        }
    }
    for in_lane in [false, true] {
        let mut bench = Bench::new();
        let alive = Arc::new(());
        let body = bench.queue.open(false);
        for _ in 0..5 {
            let bytes = Bytes::from_owner(Owner(Arc::clone(&alive), [0; 1000]));
            assert!(bench.push_bytes(body, bytes).is_ready());
        }
        assert!(bench.end(body).is_pending());
        if in_lane {
            bench.queue.fill(&mut bench.lanes);
        }
        drop(bench.queue.close(body));
        bench.turn();
        assert_eq!(Arc::strong_count(&alive), 1);
        assert!(bench.lanes.is_empty());
        let queue = bench.queue;
        assert_eq!((queue.len(), queue.queued_bytes, queue.waiting), (0, 0, 0));
    }
}

#[test]
fn what_was_at_hand_is_lost_and_what_comes_after_is_not() {
    let mut bench = Bench::new();
    let [waiting, silent] = [(); 2].map(|()| bench.queue.open(false));
    assert!(bench.push(waiting, 100).is_ready());
    assert!(bench.end(waiting).is_pending());
    bench.queue.fill(&mut bench.lanes);
    bench.lanes.clear();
    let mut woken = Vec::new();
    bench.queue.lose_all(&mut woken);
    assert_eq!(woken.len(), 1);
    assert_eq!(bench.end(waiting), Poll::Ready(Err(Lost)));
    assert_eq!(bench.push(silent, 1), Poll::Ready(Err(Lost)));
    let after = bench.queue.open(false);
    assert!(bench.push(after, 100).is_ready());
    assert!(bench.end(after).is_pending());
    bench.turn();
    assert!(matches!(bench.end(after), Poll::Ready(Ok(_))));
    for body in [waiting, silent, after] {
        assert!(bench.queue.close(body).is_some());
    }
    assert_eq!(bench.queue.queued_bytes, 0);
}
