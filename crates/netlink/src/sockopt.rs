//! The socket options that no library knows: which namespace a socket is in, and how netlink answers.
//!
//! The only unsafe code of this crate. Each call passes the address and the size of one number.

use nix::errno::Errno;
use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

/// What tells one network namespace from all others since the kernel started. It is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetnsCookie(pub u64);

/// The namespace that a socket belongs to, whoever holds it now. An accepted socket is in that of its
/// listener.
pub fn netns_cookie(socket: impl AsFd) -> io::Result<NetnsCookie> {
    let mut cookie = 0_u64;
    let mut len = size_of::<u64>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes to `cookie`, and `len` is its size; both outlive
    // the call, and the descriptor is borrowed for as long.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut len,
        )
    };
    Errno::result(result)?;
    // A kernel that writes less has another idea of this option.
    if len as usize != size_of::<u64>() {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    Ok(NetnsCookie(cookie))
}

/// How netlink answers on a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NetlinkOption {
    /// An error does not carry the whole message it is about.
    CapAck,
    /// An error says in words what is wrong, where the kernel has words.
    ExtAck,
}

/// Switches an option of a netlink socket on.
pub(crate) fn switch_on(socket: BorrowedFd<'_>, option: NetlinkOption) -> Result<(), Errno> {
    let name = match option {
        NetlinkOption::CapAck => libc::NETLINK_CAP_ACK,
        NetlinkOption::ExtAck => libc::NETLINK_EXT_ACK,
    };
    let on: libc::c_int = 1;
    // SAFETY: the kernel reads the size of one number from `on`, which outlives the call, and the
    // descriptor is borrowed for as long.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_NETLINK,
            name,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}
