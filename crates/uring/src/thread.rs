//! An I/O thread: tokio's runtime and tokio-uring's ring on one thread.

use crate::restrict;
use std::{cell::Cell, future::Future, io, os::fd::RawFd, ptr};

/// Completions that may lie unread. Many times more than submissions, because one thread's ring
/// carries every read and write of its connections.
const COMPLETIONS: u32 = 4096;

/// Runs `future` on this thread in tokio-uring's runtime: tokio's sockets, timers and local tasks,
/// and a ring with `entries` submission slots (a power of two).
///
/// Submissions reach the kernel when the thread parks, or by [`submit`]: nothing on this thread may
/// block, or spin without that.
///
/// # Errors
/// What the kernel answered when the ring was set up; see [`crate::probe::io_uring`] for the usual
/// refusals.
pub fn io_thread<F: Future>(entries: u32, future: F) -> io::Result<F::Output> {
    let mut ring = tokio_uring::uring_builder();
    // Not DEFER_TASKRUN: tokio-uring 0.5 waits on the ring's descriptor, which that flag keeps
    // silent until the next system call of this thread; it hangs.
    ring.setup_coop_taskrun()
        .setup_single_issuer()
        .setup_r_disabled()
        .setup_cqsize(COMPLETIONS);
    let mut builder = tokio_uring::builder();
    builder.entries(entries).uring_builder(&ring);
    let (runtime, ring) = restrict::foreign(|| tokio_uring::Runtime::new(&builder))?;
    // Gone before the runtime is, and its descriptor with it.
    let _current = Current::enter(ring);
    Ok(runtime.block_on(future))
}

thread_local! {
    /// The ring of the I/O thread that this is.
    static RING: Cell<Option<RawFd>> = const { Cell::new(None) };
}

struct Current;

impl Current {
    fn enter(ring: RawFd) -> Self {
        RING.set(Some(ring));
        Self
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        RING.set(None);
    }
}

/// Hands what was submitted on this I/O thread to the kernel now, for who keeps the thread from parking;
/// on another thread it does nothing. What the kernel does not take is handed to it when the thread
/// parks, which is where a failure is told.
pub fn submit() {
    let Some(ring) = RING.get() else { return };
    // tokio-uring has no such call, but what it submits is in the ring's queue, for the kernel to see, at
    // once. More than there are asks for all.
    let (all, none) = (libc::c_uint::MAX, ptr::null::<libc::sigset_t>());
    // SAFETY: the ring lives as long as `RING` names it; its entries and what they refer to are
    // tokio-uring's, which keeps them until they are completed; no signal set is given.
    unsafe { libc::syscall(libc::SYS_io_uring_enter, ring, all, 0, 0, none, 0) };
}

#[cfg(test)]
mod tests {
    use std::io;

    #[test]
    fn a_ring_thread_runs_tokio_and_ring_operations() {
        let result = super::io_thread(64, async {
            let (left, right) = tokio::sync::oneshot::channel();
            tokio_uring::spawn(async move { left.send(5) });
            // It came back, if only refused: a device needs no no-op.
            let refused = tokio_uring::no_op().await.unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(libc::EACCES));
            right.await.unwrap()
        });
        assert_eq!(result.unwrap(), 5);
    }

    #[test]
    fn what_was_submitted_is_done_on_a_thread_that_does_not_park() {
        let file = tempfile::tempfile().unwrap();
        let result = super::io_thread(64, async {
            let file = tokio_uring::fs::File::from_std(file);
            let write =
                tokio_uring::spawn(async move { file.write_all_at(b"here".to_vec(), 0).await.0 });
            // Each turn lets the others run, and sleeps in none.
            while !write.is_finished() {
                super::submit();
                tokio::task::yield_now().await;
            }
            write.await.unwrap()
        });
        result.unwrap().unwrap();
        super::submit();
    }

    #[test]
    fn a_ring_thread_opens_no_file_and_uses_what_is_open() {
        let file = tempfile::tempfile().unwrap();
        let result = super::io_thread(64, async {
            let refused = tokio_uring::fs::File::open("/etc/hostname").await;
            let file = tokio_uring::fs::File::from_std(file);
            let written = file.write_all_at(b"here".to_vec(), 0).await.0;
            file.sync_data().await?;
            let (read, _) = file.read_exact_at(vec![0; 4], 0).await;
            let punch = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            file.fallocate(0, 4, punch).await?;
            written.and(read)?;
            Ok::<_, io::Error>(refused.map(drop))
        });
        let refused = result.unwrap().unwrap().unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EACCES));
    }
}
