//! A pool of buffers, so that a request costs no page fault and no trip to the allocator.
//!
//! Buffers come in a few sizes; each size has a shelf. [`BufPool::take`] hands out the smallest that
//! fits, from the shelf or freshly made; dropping a buffer puts it back, from whatever thread.
//!
//! The pool bounds what lies *idle*: a buffer that comes back to full shelves is freed. How much is
//! in use at one time is bounded by whoever admits requests, who knows why and can refuse; a pool
//! that blocked here could only deadlock.
//!
//! Memory is zeroed once, when it is made, and never again: a reused buffer still holds what its
//! last user left. Whoever writes less than all of it to a device clears the rest.

use crate::aligned::{AlignedBuf, BLOCK_BYTES, Memory};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

const KIB: usize = 1024;

/// The sizes on the shelves, in bytes. The odd block of 256 KiB and 1 MiB is an extent's trailer or
/// the blocks that an unaligned range touches at its ends.
const CLASS_BYTES: [usize; 8] = [
    4 * KIB,
    8 * KIB,
    16 * KIB,
    32 * KIB,
    64 * KIB + BLOCK_BYTES,
    256 * KIB + BLOCK_BYTES,
    1024 * KIB + BLOCK_BYTES,
    BUF_BYTES_MAX,
];

/// The longest buffer that is kept for reuse, in bytes: one log frame. Longer ones are made and
/// freed each time.
pub const BUF_BYTES_MAX: usize = 4096 * KIB;

/// Buffers for reuse by every thread of a node; a handle is cheap to clone.
#[derive(Clone)]
pub struct BufPool {
    shelves: Arc<Shelves>,
}

impl BufPool {
    /// A pool that keeps at most `idle_bytes_max` of unused memory.
    pub fn new(idle_bytes_max: usize) -> Self {
        let shelves = Shelves {
            shelves: Default::default(),
            idle_bytes: AtomicUsize::new(0),
            idle_bytes_max,
        };
        Self {
            shelves: Arc::new(shelves),
        }
    }

    /// A buffer of `len` bytes, rounded up to whole blocks. Its contents are anything.
    pub fn take(&self, len: usize) -> AlignedBuf {
        let Some(class) = CLASS_BYTES.iter().position(|&bytes| bytes >= len) else {
            return AlignedBuf::zeroed(len);
        };
        let memory = self.shelves.get(class);
        let memory = memory.unwrap_or_else(|| Memory::zeroed(CLASS_BYTES[class]));
        AlignedBuf::pooled(memory, len, Arc::clone(&self.shelves))
    }

    /// How much memory lies unused, in bytes.
    pub fn idle_bytes(&self) -> usize {
        self.shelves.idle_bytes.load(Ordering::Relaxed)
    }
}

/// What is unused now.
pub(crate) struct Shelves {
    shelves: [Mutex<Vec<Memory>>; CLASS_BYTES.len()],
    idle_bytes: AtomicUsize,
    idle_bytes_max: usize,
}

impl Shelves {
    fn get(&self, class: usize) -> Option<Memory> {
        let mut shelf = self.shelves[class]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let memory = shelf.pop()?;
        drop(shelf);
        self.idle_bytes
            .fetch_sub(memory.capacity, Ordering::Relaxed);
        Some(memory)
    }

    /// Keeps `memory` if there is room for it, else frees it.
    pub(crate) fn put(&self, memory: Memory) {
        let Some(class) = CLASS_BYTES
            .iter()
            .position(|&bytes| bytes == memory.capacity)
        else {
            return;
        };
        let before = self
            .idle_bytes
            .fetch_add(memory.capacity, Ordering::Relaxed);
        if before + memory.capacity > self.idle_bytes_max {
            self.idle_bytes
                .fetch_sub(memory.capacity, Ordering::Relaxed);
            return;
        }
        self.shelves[class]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_handed_out_again_as_it_was() {
        let pool = BufPool::new(1 << 20);
        let mut buf = pool.take(5000);
        assert_eq!(buf.len(), 8192);
        buf.fill(7);
        let at = buf.as_ptr();
        drop(buf);
        assert_eq!(pool.idle_bytes(), 8192);
        let mut again = pool.take(8192);
        assert_eq!((again.as_ptr(), again[8191]), (at, 7));
        again.truncate(1);
        assert_eq!(again.len(), 4096);
        drop(again);
        assert_eq!(
            pool.idle_bytes(),
            8192,
            "a shortened buffer goes back whole"
        );
    }

    #[test]
    fn idle_memory_is_bounded_and_long_buffers_are_not_kept() {
        let pool = BufPool::new(10_000);
        let many: Vec<_> = (0..4).map(|_| pool.take(4096)).collect();
        drop(many);
        assert_eq!(pool.idle_bytes(), 8192);
        drop(pool.take(BUF_BYTES_MAX + 1));
        assert_eq!(pool.idle_bytes(), 8192);
    }

    #[test]
    fn buffers_travel_between_threads() {
        let pool = BufPool::new(1 << 20);
        std::thread::scope(|scope| {
            for seed in 0..4usize {
                let pool = &pool;
                scope.spawn(move || {
                    for round in 0..2000 {
                        let mut buf = pool.take((seed * 7919 + round * 31) % 300_000);
                        let last = buf.len() - 1;
                        buf[last] = seed as u8;
                        assert_eq!(buf[last], seed as u8);
                        assert!(buf.as_ptr().addr().is_multiple_of(BLOCK_BYTES));
                    }
                });
            }
        });
        assert!(pool.idle_bytes() <= 1 << 20);
    }
}
