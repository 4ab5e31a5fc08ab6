//! The ring, and a table of what is in flight on it.

use crate::{AlignedBuf, restrict, wakeup::Wakeup};
use io_uring::{IoUring, opcode, squeue::Entry, types};
use std::{
    cell::{Cell, RefCell, UnsafeCell},
    fs::File,
    future::Future,
    io, mem,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// The `user_data` of the read of the eventfd; no index of the table gets there.
const BELL: u64 = u64::MAX;
/// `IORING_ENTER_GETEVENTS`.
const GETEVENTS: u32 = 1;

/// What an operation keeps alive until the kernel has answered.
#[expect(
    dead_code,
    reason = "most of it is only held, and dropped after the answer"
)]
pub(super) enum Hold {
    /// The file alone.
    File(Arc<File>),
    /// The file, and the buffer that is being filled.
    Read(Arc<File>, AlignedBuf),
    /// The file, and the buffer that is being read.
    Write(Arc<File>, Arc<AlignedBuf>),
}

enum Slot {
    Free {
        next: Option<usize>,
    },
    Waiting {
        waker: Option<Waker>,
        hold: Hold,
    },
    /// Nobody waits for the answer any more.
    Abandoned {
        _hold: Hold,
    },
    Answered {
        result: i32,
        hold: Hold,
    },
}

/// One ring and its operations. Belongs to one thread.
pub(super) struct Driver {
    ring: RefCell<IoUring>,
    slots: RefCell<Slots>,
    wakeup: Arc<Wakeup>,
    bell_armed: Cell<bool>,
    /// Where the kernel puts the eventfd's counter; never read by us.
    bell_count: Box<UnsafeCell<u64>>,
}

#[derive(Default)]
struct Slots {
    table: Vec<Slot>,
    free: Option<usize>,
    in_flight: usize,
}

impl Driver {
    pub(super) fn new(entries: u32, wakeup: Arc<Wakeup>) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        builder
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_coop_taskrun();
        Ok(Self {
            ring: RefCell::new(restrict::own(builder, entries.max(4), |_| Ok(()))?),
            slots: RefCell::default(),
            wakeup,
            bell_armed: Cell::new(false),
            bell_count: Box::new(UnsafeCell::new(0)),
        })
    }

    /// Puts one operation into the submission queue; it goes to the kernel with the next turn.
    ///
    /// # Safety
    /// Every descriptor and every address in `entry` must be kept valid by `hold`.
    pub(super) unsafe fn submit(self: &Rc<Self>, entry: Entry, hold: Hold) -> Op {
        // SAFETY: passed on.
        let [op] = unsafe { self.submit_linked([entry], [hold]) };
        op
    }

    /// Puts operations into the submission queue, all of them in one submission.
    ///
    /// # Safety
    /// As for [`Self::submit`].
    pub(super) unsafe fn submit_linked<const N: usize>(
        self: &Rc<Self>,
        entries: [Entry; N],
        holds: [Hold; N],
    ) -> [Op; N] {
        let mut slots = self.slots.borrow_mut();
        let ops = holds.map(|hold| Op {
            driver: Rc::clone(self),
            index: slots.insert(hold),
        });
        drop(slots);
        let mut index = ops.iter().map(|op| op.index as u64);
        let entries = entries.map(|entry| entry.user_data(index.next().unwrap_or(BELL)));
        // SAFETY: the holds, which the caller promises to keep all memory valid, stay in the table
        // until the answers have been reaped.
        if let Err(error) = unsafe { self.push(&entries) } {
            let code = -error.raw_os_error().unwrap_or(libc::EIO);
            let mut slots = self.slots.borrow_mut();
            for op in &ops {
                slots.answer(op.index, code);
            }
        }
        ops
    }

    /// Queues `entries`, making room first if there is too little.
    ///
    /// # Safety
    /// As for [`Self::submit`], until the answers have been reaped.
    unsafe fn push(&self, entries: &[Entry]) -> io::Result<()> {
        let mut ring = self.ring.borrow_mut();
        // SAFETY: passed on.
        if unsafe { ring.submission().push_multiple(entries) }.is_ok() {
            return Ok(());
        }
        ring.submit()?;
        // SAFETY: passed on.
        unsafe { ring.submission().push_multiple(entries) }
            .map_err(|_| io::ErrorKind::ResourceBusy.into())
    }

    /// Submits what is queued, sleeps until something happened unless someone woke us, and hands
    /// out the answers.
    pub(super) fn turn(&self) -> io::Result<()> {
        self.arm_bell()?;
        let wait = self.wakeup.begin_sleep();
        let entered = self.enter(u32::from(wait));
        self.wakeup.end_sleep();
        entered?;
        self.reap();
        Ok(())
    }

    /// Waits for everything in flight.
    pub(super) fn drain(&self) -> io::Result<()> {
        while self.slots.borrow().in_flight > 0 {
            self.enter(1)?;
            self.reap();
        }
        Ok(())
    }

    fn enter(&self, wait_for: u32) -> io::Result<()> {
        let mut ring = self.ring.borrow_mut();
        let queued = ring.submission().len() as u32;
        // SAFETY: no signal mask is passed. GETEVENTS also without waiting: with DEFER_TASKRUN
        // completions come to light only then.
        let entered = unsafe {
            ring.submitter()
                .enter::<libc::sigset_t>(queued, wait_for, GETEVENTS, None)
        };
        match entered {
            Ok(_) => Ok(()),
            // A signal, or completions that must be reaped before more is submitted: next turn.
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::EINTR | libc::EBUSY | libc::EAGAIN)
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn arm_bell(&self) -> io::Result<()> {
        if self.bell_armed.get() {
            return Ok(());
        }
        let fd = types::Fd(self.wakeup.fd());
        let count = self.bell_count.get().cast::<u8>();
        let entry = opcode::Read::new(fd, count, mem::size_of::<u64>() as u32).build();
        // SAFETY: descriptor and counter belong to `self`, whose drop waits for this answer.
        unsafe { self.push(&[entry.user_data(BELL)]) }?;
        self.bell_armed.set(true);
        Ok(())
    }

    fn reap(&self) {
        let mut ring = self.ring.borrow_mut();
        let mut slots = self.slots.borrow_mut();
        let mut wakers = Vec::new();
        for answer in ring.completion() {
            match answer.user_data() {
                BELL => self.bell_armed.set(false),
                index => wakers.extend(slots.answer(index as usize, answer.result())),
            }
        }
        drop((ring, slots));
        // Wakers may run foreign code, which may submit: only after the borrows have ended.
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Driver {
    /// The kernel may still write to what is in flight: wait for it, or leave the memory to it.
    fn drop(&mut self) {
        self.wakeup.ring_bell();
        while self.bell_armed.get() || self.slots.get_mut().in_flight > 0 {
            if self.enter(1).is_err() {
                mem::forget(mem::take(self.slots.get_mut()));
                mem::forget(mem::replace(
                    &mut self.bell_count,
                    Box::new(UnsafeCell::new(0)),
                ));
                return;
            }
            self.reap();
        }
    }
}

impl Slots {
    fn insert(&mut self, hold: Hold) -> usize {
        self.in_flight += 1;
        let slot = Slot::Waiting { waker: None, hold };
        let Some(index) = self.free else {
            self.table.push(slot);
            return self.table.len() - 1;
        };
        if let Slot::Free { next } = mem::replace(&mut self.table[index], slot) {
            self.free = next;
        }
        index
    }

    /// Takes what is at `index` and leaves it free.
    fn take(&mut self, index: usize) -> Slot {
        let slot = mem::replace(&mut self.table[index], Slot::Free { next: self.free });
        self.free = Some(index);
        slot
    }

    /// Notes the kernel's answer; whom to wake.
    fn answer(&mut self, index: usize, result: i32) -> Option<Waker> {
        match self.take(index) {
            Slot::Waiting { waker, hold } => {
                self.in_flight -= 1;
                self.put_back(index, Slot::Answered { result, hold });
                waker
            }
            Slot::Abandoned { .. } => {
                self.in_flight -= 1;
                None
            }
            // An answer that nobody asked for cannot come; if it did, nothing may change.
            other => {
                self.put_back(index, other);
                None
            }
        }
    }

    /// Undoes the [`Self::take`] just before.
    fn put_back(&mut self, index: usize, slot: Slot) {
        if let Slot::Free { next } = mem::replace(&mut self.table[index], slot) {
            self.free = next;
        }
    }
}

/// One operation on its way.
pub(super) struct Op {
    driver: Rc<Driver>,
    index: usize,
}

/// An index that stands for an operation whose answer was taken.
const TAKEN: usize = usize::MAX;

impl Future for Op {
    type Output = (io::Result<u32>, Hold);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let driver = Rc::clone(&self.driver);
        let mut slots = driver.slots.borrow_mut();
        let (result, hold) = match slots.take(self.index) {
            Slot::Answered { result, hold } => (result, hold),
            mut slot => {
                if let Slot::Waiting { waker, .. } = &mut slot {
                    *waker = Some(context.waker().clone());
                }
                slots.put_back(self.index, slot);
                return Poll::Pending;
            }
        };
        self.index = TAKEN;
        let result = match u32::try_from(result) {
            Ok(bytes) => Ok(bytes),
            Err(_) => Err(io::Error::from_raw_os_error(result.wrapping_neg())),
        };
        Poll::Ready((result, hold))
    }
}

impl Drop for Op {
    fn drop(&mut self) {
        if self.index == TAKEN {
            return;
        }
        let mut slots = self.driver.slots.borrow_mut();
        match slots.take(self.index) {
            Slot::Waiting { hold, .. } => {
                slots.put_back(self.index, Slot::Abandoned { _hold: hold });
            }
            answered => drop(answered),
        }
    }
}
