//! One future on a ring of its own: the log writer's thread.
//!
//! [`run`] polls one future and, when that has nothing to do, sleeps in `io_uring_enter`. Two things
//! end the sleep: a completion, and a [`std::task::Waker`] called from another thread. No runtime,
//! no timer, no second task.
//!
//! ```text
//!   woken? ──► poll the future ──► ready: wait for what is in flight, return
//!     ▲             │ pending
//!     │             ▼
//!     └──── submit and wait for a completion (only submit, when woken meanwhile)
//! ```
//!
//! The ring has DEFER_TASKRUN and SINGLE_ISSUER: completions are worked off when this thread asks
//! for them and never interrupt it. [`write_flush`] goes to the kernel as a linked pair, so a frame
//! of the log costs one system call and the flush begins without waking us in between.
//!
//! An operation owns its buffer and its file until the kernel has answered, also when its future
//! was dropped; [`run`] does not return before that.

mod driver;
#[cfg(test)]
mod tests;

use crate::{AlignedBuf, wakeup::Wakeup};
use driver::{Driver, Hold};
use io_uring::{opcode, squeue::Flags, types};
use std::{
    cell::RefCell,
    fs::File,
    future::Future,
    io,
    os::fd::AsRawFd,
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

thread_local! {
    static CURRENT: RefCell<Option<Rc<Driver>>> = const { RefCell::new(None) };
}

/// Runs `future` to its end on this thread, with a ring of `entries` submission slots.
///
/// # Errors
/// What the kernel answered when the ring was set up or entered (the answer of an operation belongs
/// to the operation), and [`io::ErrorKind::AlreadyExists`] inside another `run`.
pub fn run<F: Future>(entries: u32, future: F) -> io::Result<F::Output> {
    let wakeup = Wakeup::new()?;
    let driver = Rc::new(Driver::new(entries, Arc::clone(&wakeup))?);
    let _current = Current::enter(&driver)?;
    let waker = Waker::from(Arc::clone(&wakeup));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if wakeup.take_woken()
            && let Poll::Ready(output) = future.as_mut().poll(&mut context)
        {
            driver.drain()?;
            return Ok(output);
        }
        driver.turn()?;
    }
}

/// Makes the driver known to this thread's operations while it lives.
struct Current;

impl Current {
    fn enter(driver: &Rc<Driver>) -> io::Result<Self> {
        CURRENT.with_borrow_mut(|current| {
            if current.is_some() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            *current = Some(Rc::clone(driver));
            Ok(Self)
        })
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

/// The driver of the surrounding [`run`].
fn current() -> io::Result<Rc<Driver>> {
    let none = || io::Error::other("a ring operation outside of solo::run");
    CURRENT.with_borrow(|current| current.clone().ok_or_else(none))
}

/// Fills all of `buf` from `offset`. The buffer comes back in every case.
pub async fn read(
    file: &Arc<File>,
    offset: u64,
    mut buf: AlignedBuf,
) -> (io::Result<()>, AlignedBuf) {
    let driver = match current() {
        Ok(driver) => driver,
        Err(error) => return (Err(error), buf),
    };
    let wanted = buf.len();
    let fd = types::Fd(file.as_raw_fd());
    let entry = opcode::Read::new(fd, buf.as_mut_ptr(), len_u32(wanted))
        .offset(offset)
        .build();
    // SAFETY: the operation holds file and buffer until the kernel has answered.
    let op = unsafe { driver.submit(entry, Hold::Read(Arc::clone(file), buf)) };
    match op.await {
        (result, Hold::Read(_, buf)) => (result.and_then(|read| all_read(read, wanted)), buf),
        // A driver gives back what it was given; the answer is still an error, not a panic.
        (_, _) => (
            Err(io::ErrorKind::InvalidData.into()),
            AlignedBuf::zeroed(wanted),
        ),
    }
}

/// Writes all of `buf` at `offset`.
///
/// # Errors
/// The kernel's answer.
pub async fn write(file: &Arc<File>, offset: u64, buf: &Arc<AlignedBuf>) -> io::Result<()> {
    let driver = current()?;
    write_from(&driver, file, offset, buf, 0).await
}

/// Makes every write that returned before durable (`fdatasync`).
///
/// # Errors
/// The kernel's answer. After one nothing is known of earlier writes, and asking again would lie.
pub async fn flush(file: &Arc<File>) -> io::Result<()> {
    let driver = current()?;
    // SAFETY: the operation holds the file until the kernel has answered; it refers to no memory.
    let op = unsafe { driver.submit(datasync(file), Hold::File(Arc::clone(file))) };
    op.await.0.map(|_| ())
}

/// [`write`] and then [`flush`], as one linked submission: the kernel begins the flush when the
/// write has wholly succeeded, and else not at all.
///
/// # Errors
/// The first error of the two.
pub async fn write_flush(file: &Arc<File>, offset: u64, buf: &Arc<AlignedBuf>) -> io::Result<()> {
    let driver = current()?;
    let write = write_entry(file, offset, buf, 0).flags(Flags::IO_LINK);
    let holds = [
        Hold::Write(Arc::clone(file), Arc::clone(buf)),
        Hold::File(Arc::clone(file)),
    ];
    // SAFETY: the operations hold file and buffer until the kernel has answered.
    let [write, flush] = unsafe { driver.submit_linked([write, datasync(file)], holds) };
    let written = write.await.0;
    let flushed = flush.await.0;
    let written = written? as usize;
    if written == buf.len() {
        return flushed.map(|_| ());
    }
    // A short write cancels what is linked to it: write the rest, then flush.
    write_from(&driver, file, offset, buf, written).await?;
    self::flush(file).await
}

/// Tells the file that `len_bytes` from `offset` are not needed any more (a hole is punched).
///
/// # Errors
/// The kernel's answer; [`io::ErrorKind::Unsupported`] where holes are not known.
pub async fn punch_hole(file: &Arc<File>, offset: u64, len_bytes: u64) -> io::Result<()> {
    let driver = current()?;
    let entry = opcode::Fallocate::new(types::Fd(file.as_raw_fd()), len_bytes)
        .offset(offset)
        .mode(libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE)
        .build();
    // SAFETY: the operation holds the file until the kernel has answered; it refers to no memory.
    let op = unsafe { driver.submit(entry, Hold::File(Arc::clone(file))) };
    op.await.0.map(|_| ())
}

/// Writes `buf` from its byte `done` on, in as many operations as the kernel needs.
async fn write_from(
    driver: &Rc<Driver>,
    file: &Arc<File>,
    offset: u64,
    buf: &Arc<AlignedBuf>,
    mut done: usize,
) -> io::Result<()> {
    while done < buf.len() {
        let entry = write_entry(file, offset, buf, done);
        let hold = Hold::Write(Arc::clone(file), Arc::clone(buf));
        // SAFETY: the operation holds file and buffer until the kernel has answered.
        let op = unsafe { driver.submit(entry, hold) };
        match op.await.0? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            more => done += more as usize,
        }
    }
    Ok(())
}

fn write_entry(
    file: &Arc<File>,
    offset: u64,
    buf: &Arc<AlignedBuf>,
    done: usize,
) -> io_uring::squeue::Entry {
    let rest = &buf[done..];
    opcode::Write::new(
        types::Fd(file.as_raw_fd()),
        rest.as_ptr(),
        len_u32(rest.len()),
    )
    .offset(offset + done as u64)
    .build()
}

fn datasync(file: &Arc<File>) -> io_uring::squeue::Entry {
    let fd = types::Fd(file.as_raw_fd());
    opcode::Fsync::new(fd)
        .flags(types::FsyncFlags::DATASYNC)
        .build()
}

/// Lengths on a ring are 32 bits; a longer buffer is written in several operations.
fn len_u32(len: usize) -> u32 {
    const OPERATION_BYTES_MAX: usize = 1 << 30;
    len.min(OPERATION_BYTES_MAX) as u32
}

/// Short reads happen at the end of a device only, which no caller may reach.
fn all_read(read: u32, wanted: usize) -> io::Result<()> {
    if read as usize == wanted {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
