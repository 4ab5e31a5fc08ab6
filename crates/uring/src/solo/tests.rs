//! Real files, dropped operations, and wake-ups from other threads.

use super::*;
use crate::BLOCK_BYTES;
use std::{
    future::poll_fn,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Wake,
};

fn scratch() -> Arc<File> {
    Arc::new(tempfile::tempfile().unwrap())
}

fn block(byte: u8) -> Arc<AlignedBuf> {
    let mut buf = AlignedBuf::zeroed(2 * BLOCK_BYTES);
    buf.fill(byte);
    Arc::new(buf)
}

#[test]
fn what_is_written_is_read() {
    let file = scratch();
    let result = run(8, async {
        write(&file, 4096, &block(1)).await.unwrap();
        flush(&file).await.unwrap();
        write_flush(&file, 8192, &block(2)).await.unwrap();
        let (result, buf) = read(&file, 4096, AlignedBuf::zeroed(3 * BLOCK_BYTES)).await;
        result.unwrap();
        assert!(buf[..4096].iter().all(|&b| b == 1));
        assert!(buf[4096..].iter().all(|&b| b == 2));
        let (result, buf) = read(&file, 1 << 20, buf).await;
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(buf.len(), 3 * BLOCK_BYTES);
        7
    });
    assert_eq!(result.unwrap(), 7);
}

#[test]
fn a_failed_write_is_not_flushed() {
    let file = Arc::new(File::open("/dev/null").unwrap());
    let result = run(8, async { write_flush(&file, 0, &block(1)).await });
    assert_eq!(
        result.unwrap().unwrap_err().raw_os_error(),
        Some(libc::EBADF)
    );
}

#[test]
fn operations_outside_and_runs_inside_are_errors() {
    let file = scratch();
    let inside = run(4, async { run(4, async {}).map_err(|error| error.kind()) });
    assert_eq!(inside.unwrap(), Err(io::ErrorKind::AlreadyExists));
    let mut outside = pin!(flush(&file));
    let polled = outside
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Err(_))));
}

#[test]
fn dropped_operations_are_waited_for() {
    let file = scratch();
    run(4, async {
        // Many more than there are slots in the ring.
        for n in 0..100u64 {
            let buf = block(n as u8 + 1);
            let mut op = pin!(write(&file, n * 8192, &buf));
            poll_fn(|context| {
                assert!(op.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
        }
    })
    .unwrap();
    assert_eq!(
        file.metadata().unwrap().len(),
        100 * 8192,
        "all of them reached the file"
    );
}

/// A one-place mailbox between threads, to count what a queue of the engine would do.
#[derive(Default)]
struct Mailbox {
    posted: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

#[test]
fn no_wakeup_from_another_thread_is_lost() {
    const POSTS: usize = 20_000;
    const THREADS: usize = 3;
    let mailbox = Mailbox::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..POSTS {
                    mailbox.posted.fetch_add(1, Ordering::SeqCst);
                    if let Some(waker) = mailbox.waker.lock().unwrap().take() {
                        waker.wake();
                    }
                    if round % 64 == 0 {
                        std::thread::yield_now();
                    }
                }
            });
        }
        run(8, async {
            let file = scratch();
            let mut seen = 0;
            while seen < POSTS * THREADS {
                seen = poll_fn(|context| {
                    *mailbox.waker.lock().unwrap() = Some(context.waker().clone());
                    match mailbox.posted.load(Ordering::SeqCst) {
                        now if now > seen => Poll::Ready(now),
                        _ => Poll::Pending,
                    }
                })
                .await;
                if seen % 16 == 0 {
                    write(&file, 0, &block(1)).await.unwrap();
                }
            }
        })
        .unwrap();
    });
}

#[test]
fn many_wakes_of_a_parked_thread_ring_once() {
    let wakeup = Wakeup::new().unwrap();
    assert!(wakeup.take_woken());
    assert!(wakeup.begin_sleep());
    for _ in 0..10 {
        Arc::clone(&wakeup).wake();
    }
    assert_eq!(wakeup.bell_count(), 1);
    assert!(!wakeup.begin_sleep(), "a wake before the park prevents it");
}
