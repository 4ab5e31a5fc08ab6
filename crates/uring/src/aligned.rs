//! Memory that a device can read and write directly: aligned to blocks, whole blocks long, owned.
//!
//! An operation takes a buffer and keeps it until the kernel has answered; the address never moves.

use crate::pool::Shelves;
use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    fmt,
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    sync::Arc,
};
use tokio_uring::buf::{IoBuf, IoBufMut};

/// The unit of every device operation, in bytes, and the alignment of every buffer (O_DIRECT).
pub const BLOCK_BYTES: usize = 4096;

/// Owned memory, aligned to [`BLOCK_BYTES`] and a multiple of it long. It comes zeroed from
/// [`AlignedBuf::zeroed`], and with whatever its last user left from [`crate::BufPool::take`], to
/// which it then returns when it is dropped.
pub struct AlignedBuf {
    memory: ManuallyDrop<Memory>,
    len: usize,
    home: Option<Arc<Shelves>>,
}

impl AlignedBuf {
    /// Zeroed memory of at least `len` bytes, rounded up to whole blocks; at least one block.
    pub fn zeroed(len: usize) -> Self {
        let len = whole_blocks(len);
        Self {
            memory: ManuallyDrop::new(Memory::zeroed(len)),
            len,
            home: None,
        }
    }

    /// `memory`, of which `len` bytes are used, and the pool it goes back to.
    pub(crate) fn pooled(memory: Memory, len: usize, home: Arc<Shelves>) -> Self {
        let len = whole_blocks(len).min(memory.capacity);
        Self {
            memory: ManuallyDrop::new(memory),
            len,
            home: Some(home),
        }
    }

    /// Makes the buffer shorter: `len` bytes, rounded up to whole blocks. The memory stays. Does
    /// nothing when the buffer is not longer than that.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(whole_blocks(len));
    }
}

/// `len` rounded up to blocks, at least one.
pub(crate) fn whole_blocks(len: usize) -> usize {
    len.max(1).next_multiple_of(BLOCK_BYTES)
}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        // SAFETY: `memory` is taken here only, and `self` is never used again.
        let memory = unsafe { ManuallyDrop::take(&mut self.memory) };
        match &self.home {
            Some(shelves) => shelves.put(memory),
            None => drop(memory),
        }
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `memory` owns `capacity >= len` initialised bytes for as long as `self` lives.
        unsafe { std::slice::from_raw_parts(self.memory.ptr.as_ptr(), self.len) }
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.memory.ptr.as_ptr(), self.len) }
    }
}

impl AsRef<[u8]> for AlignedBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedBuf({} bytes)", self.len)
    }
}

// SAFETY: the memory is on the heap, so its address stays while the value moves, and all of its
// `len` bytes are initialised.
unsafe impl IoBuf for AlignedBuf {
    fn stable_ptr(&self) -> *const u8 {
        self.memory.ptr.as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.len
    }

    fn bytes_total(&self) -> usize {
        self.len
    }
}

// SAFETY: as above; and the value owns the memory alone, so the kernel may write to it.
unsafe impl IoBufMut for AlignedBuf {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.memory.ptr.as_ptr()
    }

    unsafe fn set_init(&mut self, _pos: usize) {
        // Every byte is initialised from the start.
    }
}

/// A buffer that several writes share, as mirrors do. The kernel only reads it.
#[derive(Debug, Clone)]
pub struct SharedBuf(pub Arc<AlignedBuf>);

// SAFETY: the `Arc` keeps the memory where it is and nobody can write to it while it is shared;
// an `Arc` in the hands of an operation makes `Arc::get_mut` of anybody else fail.
unsafe impl IoBuf for SharedBuf {
    fn stable_ptr(&self) -> *const u8 {
        self.0.memory.ptr.as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.0.len
    }

    fn bytes_total(&self) -> usize {
        self.0.len
    }
}

/// One aligned allocation.
pub(crate) struct Memory {
    ptr: NonNull<u8>,
    pub(crate) capacity: usize,
}

// SAFETY: the allocation is owned by this value alone and freed once, in `Drop`; moving it or
// sharing `&Memory` between threads gives no more than a `Box<[u8]>` does.
unsafe impl Send for Memory {}
// SAFETY: as above; `&Memory` gives no access to the bytes.
unsafe impl Sync for Memory {}

impl Memory {
    /// `capacity` zeroed bytes; a multiple of [`BLOCK_BYTES`] and not 0.
    pub(crate) fn zeroed(capacity: usize) -> Self {
        let capacity = whole_blocks(capacity);
        let layout = Self::layout(capacity);
        // SAFETY: the layout's size is at least one block, so it is not zero.
        let ptr = unsafe { alloc_zeroed(layout) };
        let Some(ptr) = NonNull::new(ptr) else {
            handle_alloc_error(layout)
        };
        Self { ptr, capacity }
    }

    fn layout(capacity: usize) -> Layout {
        match Layout::from_size_align(capacity, BLOCK_BYTES) {
            Ok(layout) => layout,
            // Only lengths near `isize::MAX` get here; no caller has so much.
            Err(_) => handle_alloc_error(Layout::new::<u8>()),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `ptr` came from `alloc_zeroed` with this same layout and is freed here only.
        unsafe { dealloc(self.ptr.as_ptr(), Self::layout(self.capacity)) }
    }
}
