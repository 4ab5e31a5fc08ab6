//! An I/O thread: tokio's runtime and tokio-uring's ring on one thread.

use crate::restrict;
use std::{future::Future, io};

/// Completions that may lie unread. Many times more than submissions, because one thread's ring
/// carries every read and write of its connections.
const COMPLETIONS: u32 = 4096;

/// Runs `future` on this thread in tokio-uring's runtime: tokio's sockets, timers and local tasks,
/// and a ring with `entries` submission slots (a power of two).
///
/// Submissions reach the kernel when the thread parks: nothing on this thread may block or spin.
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
    let runtime = restrict::foreign(|| tokio_uring::Runtime::new(&builder))?;
    Ok(runtime.block_on(future))
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
