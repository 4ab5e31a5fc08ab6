//! The gateway's end of a socket to the verifier.

use super::SOCKET_BUFFER_BYTES;
use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    sys::{
        socket::{
            AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, setsockopt,
            socket, sockopt,
        },
        stat::Mode,
    },
};
use std::{
    future::pending,
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::Path,
};
use tokio::io::{Interest, unix::AsyncFd};

/// A connected `SOCK_SEQPACKET` socket.
///
/// It is watched for packets alone, and for room only while it is full: the kernel finds that there is
/// room whenever the verifier takes a frame, and would wake the thread for it a moment before the
/// answer does.
#[derive(Debug)]
pub(super) struct Socket {
    fd: AsyncFd<OwnedFd>,
    /// The same socket once more while it is full.
    full: Option<AsyncFd<OwnedFd>>,
}

impl Socket {
    /// The socket of who listens at `path`, or will take it from the kernel's queue later.
    pub(super) fn connect(path: &Path) -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
        // The kernel gives as much of it as it allows, which is a frame at least.
        setsockopt(&fd, sockopt::SndBuf, &SOCKET_BUFFER_BYTES)?;
        setsockopt(&fd, sockopt::RcvBuf, &SOCKET_BUFFER_BYTES)?;
        let (address, _folder) = address(path)?;
        connect(fd.as_raw_fd(), &address)?;
        Ok(Self {
            fd: watch(fd, Interest::READABLE)?,
            full: None,
        })
    }

    /// Sends a packet; `false` when there is no room for it, which [`room`](Self::room) waits for.
    pub(super) fn send(&mut self, packet: &[u8]) -> io::Result<bool> {
        match send(self.fd.as_raw_fd(), packet, MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => {
                self.full = None;
                Ok(true)
            }
            Err(Errno::EAGAIN) => {
                if self.full.is_none() {
                    let again = self.fd.get_ref().try_clone()?;
                    self.full = Some(watch(again, Interest::WRITABLE)?);
                }
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until a socket that was full has room; for ever with one that was not.
    pub(super) async fn room(&self) -> io::Result<()> {
        match &self.full {
            Some(full) => {
                full.writable().await?.clear_ready();
                Ok(())
            }
            None => pending().await,
        }
    }

    /// Waits for a packet.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.fd.readable().await.map(drop)
    }

    /// Takes a packet, or none if there is none. Its length is 0 at the end of the socket.
    pub(super) fn receive(&self, packet: &mut [u8]) -> io::Result<Option<usize>> {
        let take = |fd: &OwnedFd| Ok(recv(fd.as_raw_fd(), packet, MsgFlags::empty())?);
        match self.fd.try_io(Interest::READABLE, take) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            taken => taken.map(Some),
        }
    }

    /// Lets tokio wait for the next packet without a call to the kernel that finds none: nothing was asked
    /// that was not answered. A packet that comes all the same is taken with the next one, and the end of
    /// the socket is not forgotten.
    pub(super) fn forget_readiness(&self) -> io::Result<()> {
        let nothing = |_: &OwnedFd| Err::<(), _>(io::ErrorKind::WouldBlock.into());
        match self.fd.try_io(Interest::READABLE, nothing) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }
}

fn watch(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(
        deprecated,
        reason = "it is deprecated for descriptors that may be closed by others: this one is owned"
    )]
    AsyncFd::with_interest(fd, interest)
}

/// The address of a socket in the file system. The kernel takes 107 bytes of path; a longer one is
/// reached through its folder, which must stay open as long as the address is used.
pub fn address(path: &Path) -> io::Result<(UnixAddr, Option<OwnedFd>)> {
    if let Ok(address) = UnixAddr::new(path) {
        return Ok((address, None));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // Only to be walked through: that needs no right to read it.
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder = open(folder, flags, Mode::empty())?;
    let through = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string());
    Ok((UnixAddr::new(&through.join(name))?, Some(folder)))
}
