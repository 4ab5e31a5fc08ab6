//! What this machine lets us do, asked before anything depends on it.
//!
//! Containers refuse io_uring by their seccomp list, some file systems refuse O_DIRECT, and a
//! process may lock little memory. Each question has a typed answer whose text names the remedy, so
//! that a node can fall back to plain calls and say once why and how to change it.

use crate::restrict;
use io_uring::{IoUring, Probe, opcode};
use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, RawFd},
};

/// Why io_uring is not to be had here.
#[derive(Debug, thiserror::Error)]
pub enum UringRefused {
    /// EPERM or EACCES: a seccomp list or the sysctl forbids it.
    #[error(
        "io_uring is forbidden here; allow it in the container's seccomp profile (docker run \
         --security-opt seccomp=unconfined) or set kernel.io_uring_disabled to 0"
    )]
    Forbidden,
    /// ENOSYS: the kernel was built without it, or a sandbox hides it.
    #[error(
        "this kernel or sandbox has no io_uring; use Linux 6.1 or later, outside of the sandbox"
    )]
    Missing,
    /// EINVAL, or an operation is missing: the kernel is older than 6.1.
    #[error("this kernel's io_uring lacks {what}; use Linux 6.1 or later")]
    TooOld {
        /// The missing flag or operation.
        what: &'static str,
    },
    /// ENOMEM: the ring's memory counts against the locked memory that is allowed.
    #[error("too little locked memory is allowed for a ring; raise RLIMIT_MEMLOCK (ulimit -l)")]
    LockedMemory,
    /// Anything else.
    #[error("io_uring cannot be set up")]
    Other(#[source] io::Error),
}

/// Sets up a ring as [`crate::solo`] and [`crate::io_thread`] do, asks for the operations that are used,
/// and sends one through it that no ring may do: the kernel must refuse it.
///
/// # Errors
/// Why it cannot be used here.
pub fn io_uring() -> Result<(), UringRefused> {
    let mut builder = IoUring::builder();
    builder
        .setup_coop_taskrun()
        .setup_single_issuer()
        .setup_defer_taskrun();
    let mut probe = Probe::new();
    let asked = |ring: &IoUring| ring.submitter().register_probe(&mut probe);
    let mut ring = restrict::own(builder, 8, asked).map_err(refused)?;
    let missing = restrict::OPERATIONS
        .into_iter()
        .find(|code| !probe.is_supported(*code));
    if missing.is_some() {
        return Err(UringRefused::TooOld {
            what: "an operation of devices",
        });
    }
    // SAFETY: a no-op refers to no memory.
    let pushed = unsafe { ring.submission().push(&opcode::Nop::new().build()) };
    if pushed.is_err() {
        return Err(UringRefused::TooOld {
            what: "room for one operation",
        });
    }
    ring.submit_and_wait(1).map_err(refused)?;
    match ring.completion().next() {
        Some(answer) if answer.result() == -libc::EACCES => Ok(()),
        _ => Err(UringRefused::TooOld {
            what: "restrictions of a ring",
        }),
    }
}

fn refused(error: io::Error) -> UringRefused {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => UringRefused::Forbidden,
        Some(libc::ENOSYS) => UringRefused::Missing,
        Some(libc::EINVAL) => UringRefused::TooOld {
            what: "DEFER_TASKRUN",
        },
        Some(libc::ENOMEM) => UringRefused::LockedMemory,
        _ => UringRefused::Other(error),
    }
}

/// Why a file cannot be read and written past the page cache.
#[derive(Debug, thiserror::Error)]
pub enum DirectRefused {
    /// The file system knows no O_DIRECT, or not with blocks of 4096 bytes.
    #[error("the file system refuses O_DIRECT; put the data on ext4, xfs or a raw device")]
    FileSystem,
    /// Anything else.
    #[error("O_DIRECT cannot be tried")]
    Other(#[source] io::Error),
}

/// Turns O_DIRECT on for `file` and reads its first block that way. On a refusal the file works as
/// before, through the page cache.
///
/// # Errors
/// Why it cannot be used on this file.
pub fn direct(file: &File) -> Result<(), DirectRefused> {
    use std::os::unix::fs::FileExt;
    let fd = file.as_raw_fd();
    let flags = file_flags(fd).map_err(DirectRefused::Other)?;
    let set = set_file_flags(fd, flags | libc::O_DIRECT);
    let read = set.and_then(|()| {
        let mut block = crate::AlignedBuf::zeroed(crate::BLOCK_BYTES);
        file.read_at(&mut block, 0).map(|_| ())
    });
    let Err(error) = read else { return Ok(()) };
    set_file_flags(fd, flags).map_err(DirectRefused::Other)?;
    Err(match error.raw_os_error() {
        Some(libc::EINVAL | libc::EOPNOTSUPP) => DirectRefused::FileSystem,
        _ => DirectRefused::Other(error),
    })
}

fn file_flags(fd: RawFd) -> io::Result<libc::c_int> {
    // SAFETY: F_GETFL takes no pointer; the descriptor belongs to the caller's open file.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(flags)
    }
}

fn set_file_flags(fd: RawFd, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: F_SETFL takes a number; the descriptor belongs to the caller's open file.
    let done = unsafe { libc::fcntl(fd, libc::F_SETFL, flags) };
    if done < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Too little memory may be locked.
#[derive(Debug, thiserror::Error)]
#[error(
    "only {allowed_bytes} bytes of memory may be locked, {needed_bytes} are wanted; raise \
     RLIMIT_MEMLOCK (ulimit -l, LimitMEMLOCK= in a unit)"
)]
pub struct LockedMemoryShort {
    /// What the process may lock, in bytes.
    pub allowed_bytes: u64,
    /// What was asked for, in bytes.
    pub needed_bytes: u64,
}

/// Whether this process may lock `needed_bytes` of memory, as registered buffers need.
///
/// # Errors
/// How much is allowed, when that is less.
pub fn locked_memory(needed_bytes: u64) -> Result<(), LockedMemoryShort> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel writes one `rlimit` to the address of a local one.
    let done = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    let allowed_bytes = if done == 0 { limit.rlim_cur } else { 0 };
    if allowed_bytes >= needed_bytes {
        return Ok(());
    }
    Err(LockedMemoryShort {
        allowed_bytes,
        needed_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let is = |code, want: fn(&UringRefused) -> bool| {
            assert!(want(&refused(io::Error::from_raw_os_error(code))), "{code}");
        };
        is(libc::EPERM, |r| matches!(r, UringRefused::Forbidden));
        is(libc::ENOSYS, |r| matches!(r, UringRefused::Missing));
        is(libc::EINVAL, |r| matches!(r, UringRefused::TooOld { .. }));
        is(libc::ENOMEM, |r| matches!(r, UringRefused::LockedMemory));
        is(libc::EIO, |r| matches!(r, UringRefused::Other(_)));
    }

    #[test]
    fn locked_memory_compares_with_the_limit() {
        locked_memory(0).unwrap();
        match locked_memory(u64::MAX) {
            Ok(()) => {} // An unlimited limit is the highest number there is.
            Err(short) => assert!(short.allowed_bytes < u64::MAX),
        }
    }
}
