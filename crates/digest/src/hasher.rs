//! One body's way to its worker.

use crate::{Hashes, Lost, queue::BodyId, workers::Shared};
use bytes::Bytes;
use std::{future::poll_fn, sync::Arc};

/// Hashes one body. Dropping it in mid-body forgets the body and all that was queued of it.
#[derive(Debug)]
pub struct Hasher {
    shared: Arc<Shared>,
    body: BodyId,
}

impl Hasher {
    pub(crate) fn open(shared: &Arc<Shared>, sha256: bool) -> Self {
        let body = shared.queue.lock().open(sha256);
        Self {
            shared: Arc::clone(shared),
            body,
        }
    }

    /// Queues the next bytes, which are counted and not copied. Waits while the queue is full.
    pub async fn push(&mut self, bytes: Bytes) -> Result<(), Lost> {
        let (shared, body) = (&self.shared, self.body);
        let mut bytes = Some(bytes);
        poll_fn(|task| shared.with_queue(|queue| queue.poll_push(body, &mut bytes, task))).await
    }

    /// The values of all that was pushed.
    pub async fn finish(self) -> Result<Hashes, Lost> {
        let (shared, body) = (&self.shared, self.body);
        poll_fn(|task| shared.with_queue(|queue| queue.poll_end(body, task))).await
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        let body = self.shared.queue.lock().close(self.body);
        // The lock is free again when the pieces are given back.
        drop(body);
    }
}
