//! Waking a thread that sleeps in its ring.
//!
//! ```text
//!   waker:   woken = true;     if sleeping.swap(false) { write(eventfd) }
//!   parker:  sleeping = true;  if woken { sleeping = false; go on } else { enter, wait }
//! ```
//! Both sides write their own flag before they read the other's, in one total order, so either the
//! parker sees `woken` or the waker sees `sleeping`: no wake-up is lost. And `sleeping` is taken by
//! one waker only: however many wake a parked thread, one of them pays for a system call.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::{AsRawFd, FromRawFd, RawFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Wake,
};

/// The two flags and the descriptor that ends a park.
pub(crate) struct Wakeup {
    woken: AtomicBool,
    sleeping: AtomicBool,
    eventfd: File,
}

impl Wakeup {
    /// Woken from the start, so that the first turn polls.
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        // SAFETY: plain system call without pointers. Not EFD_NONBLOCK: a ring's read of a
        // non-blocking descriptor answers EAGAIN instead of waiting.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was made just now and nobody else has it.
        let eventfd = unsafe { File::from_raw_fd(fd) };
        let (woken, sleeping) = (AtomicBool::new(true), AtomicBool::new(false));
        Ok(Arc::new(Self {
            woken,
            sleeping,
            eventfd,
        }))
    }

    /// The descriptor that the ring reads while the thread is parked.
    pub(crate) fn fd(&self) -> RawFd {
        self.eventfd.as_raw_fd()
    }

    /// Whether someone woke the thread since the last call.
    pub(crate) fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::SeqCst)
    }

    /// Announces a park. `false`: someone woke the thread meanwhile, do not park.
    pub(crate) fn begin_sleep(&self) -> bool {
        self.sleeping.store(true, Ordering::SeqCst);
        if self.woken.load(Ordering::SeqCst) {
            self.sleeping.store(false, Ordering::SeqCst);
            return false;
        }
        true
    }

    /// The park is over, for whatever reason.
    pub(crate) fn end_sleep(&self) {
        self.sleeping.store(false, Ordering::SeqCst);
    }

    /// Ends the ring's read of the eventfd.
    pub(crate) fn ring_bell(&self) {
        // A failure means that the counter is full, which makes it readable just as well.
        let _full = (&self.eventfd).write(&1u64.to_ne_bytes());
    }
}

#[cfg(test)]
impl Wakeup {
    /// How often the bell was rung since the last call; waits for the first time.
    pub(crate) fn bell_count(&self) -> u64 {
        let mut count = [0; 8];
        io::Read::read_exact(&mut &self.eventfd, &mut count).unwrap();
        u64::from_ne_bytes(count)
    }
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if self.sleeping.swap(false, Ordering::SeqCst) {
            self.ring_bell();
        }
    }
}
