//! What a ring may do, said before it may do anything.
//!
//! A system call that a ring makes in its owner's name is seen by no seccomp filter, so a ring could open
//! files and sockets for whoever has taken over the process. A ring is therefore made disabled, told the
//! operations that are needed, and then enabled; the kernel refuses the others with EACCES for as long as
//! the ring lives, and every later registration. All of them work on what is open already.
//!
//! [`own`] is for rings of ours. tokio-uring gives its ring's descriptor to nobody: [`foreign`] finds it
//! as the one ring of the process that is disabled.

use io_uring::{IoUring, opcode, register::Restriction, squeue::Flags};
use std::{
    io,
    os::fd::RawFd,
    ptr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a device asks of a ring, and its wake-ups.
pub(crate) const OPERATIONS: [u8; 4] = [
    opcode::Read::CODE,
    opcode::Write::CODE,
    opcode::Fsync::CODE,
    opcode::Fallocate::CODE,
];

/// `IORING_REGISTER_RESTRICTIONS` and `IORING_REGISTER_ENABLE_RINGS`.
const REGISTER_RESTRICTIONS: libc::c_uint = 11;
const REGISTER_ENABLE_RINGS: libc::c_uint = 12;

/// Descriptors belong to the whole process, and so does this: who holds it makes the only ring that is
/// disabled.
static MAKING: Mutex<()> = Mutex::new(());

fn making() -> MutexGuard<'static, ()> {
    // It guards no data that could be half changed.
    MAKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A ring of ours: its operations are [`OPERATIONS`], which may be linked to each other. `prepare`
/// registers what is to be registered.
pub(crate) fn own(
    mut builder: io_uring::Builder,
    entries: u32,
    prepare: impl FnOnce(&IoUring) -> io::Result<()>,
) -> io::Result<IoUring> {
    let _alone = making();
    let ring: IoUring = builder.setup_r_disabled().build(entries)?;
    prepare(&ring)?;
    let mut restrictions = restrictions(Flags::IO_LINK, &[]);
    ring.submitter().register_restrictions(&mut restrictions)?;
    ring.submitter().register_enable_rings()?;
    Ok(ring)
}

/// Makes what has a disabled ring inside, by `make`, and enables that with [`OPERATIONS`], of which none
/// is linked, and with the cancelling of its own operations, by which tokio-uring ends. Gives the ring's
/// descriptor besides.
pub(crate) fn foreign<T>(make: impl FnOnce() -> io::Result<T>) -> io::Result<(T, RawFd)> {
    let _alone = making();
    let made = make()?;
    let restrictions = restrictions(Flags::empty(), &[opcode::AsyncCancel::CODE]);
    // By number, as a process that is shut in has no /proc. The lowest free one was taken, so that few
    // are tried.
    for fd in 0..descriptors_max() {
        // A number without a descriptor says EBADF, whatever is not a ring EOPNOTSUPP, and a ring that is
        // enabled EBADFD.
        if register(fd, REGISTER_RESTRICTIONS, &restrictions).is_ok() {
            register(fd, REGISTER_ENABLE_RINGS, &[])?;
            return Ok((made, fd));
        }
    }
    Err(io::Error::other(
        "a ring is not among the process's descriptors",
    ))
}

/// No descriptor has this number.
fn descriptors_max() -> RawFd {
    // SAFETY: asks for a limit, without a pointer.
    let max = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) };
    RawFd::try_from(max).unwrap_or(RawFd::MAX)
}

fn restrictions(flags: Flags, more: &[u8]) -> Vec<Restriction> {
    let operations = OPERATIONS.iter().chain(more);
    let mut restrictions: Vec<_> = operations.map(|code| Restriction::sqe_op(*code)).collect();
    restrictions.push(Restriction::sqe_flags_allowed(flags.bits()));
    restrictions
}

/// Registers at a ring; nothing with anything but restrictions.
fn register(fd: RawFd, what: libc::c_uint, with: &[Restriction]) -> io::Result<()> {
    let (address, count) = match with {
        [] => (ptr::null(), 0),
        with => (with.as_ptr(), with.len() as libc::c_uint),
    };
    // SAFETY: the kernel reads `count` restrictions, which are laid out as it has them; a descriptor that
    // is none, or no ring, is an error.
    let done = unsafe { libc::syscall(libc::SYS_io_uring_register, fd, what, address, count) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use io_uring::{squeue::Entry, types};
    use std::{fs::File, os::fd::AsRawFd};

    fn ring() -> IoUring {
        own(IoUring::builder(), 8, |_| Ok(())).unwrap()
    }

    /// The kernel's answer to one operation.
    fn answer(ring: &mut IoUring, entry: &Entry) -> i32 {
        // SAFETY: whatever the entry refers to outlives the call, which waits for the answer.
        unsafe { ring.submission().push(entry) }.unwrap();
        ring.submit_and_wait(1).unwrap();
        ring.completion().next().unwrap().result()
    }

    #[test]
    fn what_is_not_on_the_list_is_refused() {
        let mut ring = ring();
        let file = tempfile::tempfile().unwrap();
        let fd = types::Fd(file.as_raw_fd());
        let path = c"/etc/hostname".as_ptr();
        let here = types::Fd(libc::AT_FDCWD);
        let refused = [
            opcode::Nop::new().build(),
            opcode::OpenAt::new(here, path).build(),
            opcode::Socket::new(libc::AF_INET, libc::SOCK_STREAM, 0).build(),
            opcode::Connect::new(fd, ptr::null(), 0).build(),
            opcode::Close::new(fd).build(),
            opcode::UnlinkAt::new(here, path).build(),
            // On the list, but by a number of a table, or once something else is done.
            opcode::Fsync::new(types::Fixed(0)).build(),
            opcode::Fsync::new(fd).build().flags(Flags::IO_DRAIN),
        ];
        for entry in &refused {
            assert_eq!(answer(&mut ring, entry), -libc::EACCES, "{entry:?}");
        }
        assert_eq!(answer(&mut ring, &opcode::Fsync::new(fd).build()), 0);
    }

    #[test]
    fn nothing_is_registered_any_more() {
        let ring = ring();
        let refused = |result: io::Result<()>| {
            assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EACCES));
        };
        refused(ring.submitter().register_files(&[0]));
        refused(ring.submitter().register_personality().map(drop));
        refused(ring.submitter().register_restrictions(&mut []));
        refused(ring.submitter().register_enable_rings());
    }

    #[test]
    fn rings_of_others_are_found_among_many_descriptors() {
        let _files: Vec<_> = (0..50).map(|_| File::open("/dev/null").unwrap()).collect();
        let _ours = ring();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                std::thread::spawn(|| {
                    let disabled = || IoUring::builder().setup_r_disabled().build(8);
                    let (mut ring, fd) = foreign(disabled).unwrap();
                    assert_eq!(ring.as_raw_fd(), fd);
                    let nop = opcode::Nop::new().build();
                    assert_eq!(answer(&mut ring, &nop), -libc::EACCES);
                    let cancel = opcode::AsyncCancel::new(7).build();
                    assert_eq!(answer(&mut ring, &cancel), -libc::ENOENT);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let none = foreign(|| Ok(())).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::Other);
    }
}
