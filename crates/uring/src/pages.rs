//! Memory that the kernel can send to a socket without copying it: pages of a file that has no name.
//!
//! ```text
//!   keep(bytes) ──pwrite──► slot of a memfd ──mmap, read-only──► Pages: &[u8]
//!                                │                                 │ file_of(&[u8])
//!                                └────────── sendfile ◄────────────┘
//! ```
//!
//! What `sendfile` gives a socket are the pages themselves. They lie in its queue until the other side
//! has acknowledged them, long after the call has returned, so that nobody may write to them any more.
//! A slot that is given back is therefore cut out of the file first: whoever still sends its pages holds
//! the last of them, and the next to use the slot gets others.
//!
//! A slot takes memory as far as it is filled, and address space while it is.

use nix::{
    fcntl::{FallocateFlags, fallocate},
    sys::{
        memfd::{MFdFlags, memfd_create},
        mman::{MapFlags, ProtFlags, mmap, munmap},
    },
};
use std::{
    collections::BTreeMap,
    ffi::c_void,
    fmt,
    fs::File,
    io,
    num::NonZeroUsize,
    ops::Deref,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::FileExt,
    },
    ptr::NonNull,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Slots of equal length for what is to be kept and sent. Cheap to clone.
#[derive(Clone)]
pub struct PagePool(Arc<Slots>);

struct Slots {
    file: File,
    slot_bytes: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// Slots that hold nothing and have no pages.
    free: Vec<usize>,
    /// What is kept: where it is mapped, in which slot it lies, and how long it is.
    kept: BTreeMap<usize, (usize, usize)>,
}

impl PagePool {
    /// `count` slots of `slot_bytes`, which must be whole pages. Takes no memory yet.
    ///
    /// Fails where the kernel refuses the file.
    pub fn new(count: usize, slot_bytes: usize) -> io::Result<Self> {
        let bytes = count.checked_mul(slot_bytes);
        let bytes = bytes.filter(|b| *b > 0 && slot_bytes.is_multiple_of(crate::BLOCK_BYTES));
        let bytes = bytes.ok_or(io::ErrorKind::InvalidInput)?;
        let file = File::from(memfd_create(c"blockhouse-pages", MFdFlags::MFD_CLOEXEC)?);
        file.set_len(bytes as u64)?;
        Ok(Self(Arc::new(Slots {
            file,
            slot_bytes,
            table: Mutex::new(Table {
                free: (0..count).rev().collect(),
                kept: BTreeMap::new(),
            }),
        })))
    }

    /// Copies `bytes` into a slot. `None` when there are none, or more than one holds, when no slot is
    /// free, and when the kernel has no memory for them.
    pub fn keep(&self, bytes: &[u8]) -> Option<Pages> {
        let len = NonZeroUsize::new(bytes.len()).filter(|len| len.get() <= self.0.slot_bytes)?;
        let slot = self.0.table().free.pop()?;
        let at = slot * self.0.slot_bytes;
        let written = self.0.file.write_all_at(bytes, at as u64);
        // SAFETY: a fresh mapping that replaces none, of a file that is this process's alone and of a
        // slot that nobody else has: it is not written again before it is given back.
        let mapped = unsafe {
            let (prot, flags) = (ProtFlags::PROT_READ, MapFlags::MAP_SHARED);
            mmap(None, len, prot, flags, &self.0.file, at as i64)
        };
        let (Ok(()), Ok(base)) = (written, mapped) else {
            if let Ok(base) = mapped {
                unmap(base, len);
            }
            self.0.empty(slot);
            return None;
        };
        let kept = (slot, len.get());
        self.0.table().kept.insert(base.as_ptr() as usize, kept);
        Some(Pages {
            slots: Arc::clone(&self.0),
            slot,
            base,
            len,
        })
    }

    /// Where in the file these bytes lie, if they are [`Pages`] of this pool or part of such: the file,
    /// and where they begin in it, in bytes. Good for as long as they are.
    pub fn file_of(&self, bytes: &[u8]) -> Option<(BorrowedFd<'_>, u64)> {
        let at = bytes.as_ptr() as usize;
        let table = self.0.table();
        let (base, (slot, len)) = table.kept.range(..=at).next_back()?;
        let within = at - base;
        let is_part = !bytes.is_empty() && bytes.len() <= len.checked_sub(within)?;
        is_part.then(|| {
            let at = slot * self.0.slot_bytes + within;
            (self.0.file.as_fd(), at as u64)
        })
    }
}

impl fmt::Debug for PagePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.0.table();
        let (kept, free) = (table.kept.len(), table.free.len());
        write!(f, "PagePool({kept} kept, {free} slots free)")
    }
}

impl Slots {
    fn table(&self) -> MutexGuard<'_, Table> {
        // Whole at every moment: nothing panics between two changes of it.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts a slot's pages out of the file and gives it back.
    fn empty(&self, slot: usize) {
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        let (at, len) = ((slot * self.slot_bytes) as i64, self.slot_bytes as i64);
        // One that kept its pages could be written to while they are still being sent: it is never used
        // again. The kernel has no reason to refuse.
        if fallocate(&self.file, flags, at, len).is_ok() {
            self.table().free.push(slot);
        }
    }
}

fn unmap(base: NonNull<c_void>, len: NonZeroUsize) {
    // SAFETY: both callers mapped it with this length and let nobody look at it any more.
    let unmapped = unsafe { munmap(base, len.get()) };
    debug_assert_eq!(unmapped, Ok(()));
}

/// Bytes in a slot; the slot is free again when they are dropped, from whatever thread.
pub struct Pages {
    slots: Arc<Slots>,
    slot: usize,
    base: NonNull<c_void>,
    len: NonZeroUsize,
}

// SAFETY: the mapping is this value's alone and only read.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: mapped with this length for as long as `self` lives, and written by nobody meanwhile.
        unsafe { std::slice::from_raw_parts(self.base.cast().as_ptr(), self.len.get()) }
    }
}

impl AsRef<[u8]> for Pages {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pages({} bytes)", self.len)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.slots
            .table()
            .kept
            .remove(&(self.base.as_ptr() as usize));
        unmap(self.base, self.len);
        self.slots.empty(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::sendfile::sendfile;
    use std::{
        io::Read as _,
        net::{TcpListener, TcpStream},
    };

    const SLOT_BYTES: usize = 1 << 20;

    fn pattern(fill: u8) -> Vec<u8> {
        (0..SLOT_BYTES).map(|n| (n / 7) as u8 ^ fill).collect()
    }

    #[test]
    fn what_is_kept_is_read_and_its_place_is_known() {
        let pool = PagePool::new(2, SLOT_BYTES).unwrap();
        let (one, two) = (pool.keep(&pattern(1)).unwrap(), pool.keep(b"two").unwrap());
        assert!(pool.keep(b"three").is_none(), "no slot is free");
        assert!(*one == *pattern(1) && *two == *b"two");
        let (file, at) = pool.file_of(&two[1..]).unwrap();
        let mut read = [0; 2];
        let copy = File::from(file.try_clone_to_owned().unwrap());
        copy.read_exact_at(&mut read, at).unwrap();
        assert_eq!(read, *b"wo");
        drop(one);
        assert_eq!(*pool.keep(b"three").unwrap(), *b"three");
        assert_eq!(*two, *b"two");
    }

    #[test]
    fn other_memory_has_no_place() {
        let pool = PagePool::new(1, SLOT_BYTES).unwrap();
        let other = PagePool::new(1, SLOT_BYTES).unwrap();
        let theirs = other.keep(b"theirs").unwrap();
        assert!(pool.file_of(&theirs).is_none());
        assert!(pool.file_of(b"elsewhere").is_none());
        assert!(other.file_of(&[]).is_none());
        assert!(other.file_of(&theirs[6..]).is_none());
        assert!(pool.keep(&[]).is_none());
        assert!(pool.keep(&vec![0; SLOT_BYTES + 1]).is_none());
        for (count, slot_bytes) in [(0, SLOT_BYTES), (1, 0), (1, 5000), (usize::MAX, SLOT_BYTES)] {
            assert!(PagePool::new(count, slot_bytes).is_err());
        }
    }

    #[test]
    fn an_empty_slot_takes_no_memory() {
        let pool = PagePool::new(64, SLOT_BYTES).unwrap();
        let blocks = || std::os::unix::fs::MetadataExt::blocks(&pool.0.file.metadata().unwrap());
        assert_eq!(blocks(), 0);
        let kept = pool.keep(&[7; 5000]).unwrap();
        assert_eq!(blocks(), 2 * 4096 / 512);
        drop(kept);
        assert_eq!(blocks(), 0);
    }

    /// What lies in a socket's queue is what was sent, though the slot has long been used for something
    /// else.
    #[test]
    fn what_is_being_sent_does_not_change() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let pool = PagePool::new(1, SLOT_BYTES).unwrap();
        let kept = pool.keep(&pattern(1)).unwrap();
        let (file, at) = pool.file_of(&kept).unwrap();
        let mut at = at as i64;
        let sent = sendfile(&server, file, Some(&mut at), SLOT_BYTES).unwrap();
        assert!(sent > 64 << 10, "{sent}");
        drop(kept);
        for fill in 2..9 {
            assert!(*pool.keep(&pattern(fill)).unwrap() == *pattern(fill));
        }
        let again = pool.keep(&pattern(9)).unwrap();
        drop(server);
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        assert!(received == pattern(1)[..sent]);
        assert!(*again == *pattern(9));
    }
}
