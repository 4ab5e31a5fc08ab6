//! The socket, and descriptors on it. Calls block, for as long as the socket is set to.

use crate::{BATCH_MAX, Listener, Malformed, Message, PACKET_BYTES_MAX, batches, decode, encode};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
        sockopt::{Timeout, set_socket_timeout, socket_peercred},
    },
};
use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

/// Room for the descriptors of one packet.
const CONTROL_BYTES: usize = rustix::cmsg_space!(ScmRights(BATCH_MAX));

/// One end of the socket.
#[derive(Debug)]
pub struct Socket(OwnedFd);

/// Why nothing was received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The other side has closed it, or died; or it sent a packet of no bytes, which nobody does.
    #[error("the other side is gone")]
    Gone,
    /// Nothing came within the socket's time.
    #[error("the other side does not answer")]
    TimedOut,
    /// It broke.
    #[error("the socket broke")]
    Io(#[source] io::Error),
    /// What came is no message. Its descriptors are closed.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// More descriptors came than a packet may bring, or than this process may have: the kernel says the
    /// same of both. Those that came through are closed.
    #[error("a packet brought more than {BATCH_MAX} descriptors, or more than may be open here")]
    TooManyDescriptors,
    /// Another number of descriptors came than the message speaks of. They are closed.
    #[error("{got} descriptors came with a message that speaks of {expected}")]
    Descriptors {
        /// As many as it speaks of.
        expected: usize,
        /// As many came.
        got: usize,
    },
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl Socket {
    /// The user that the other side was when it connected, or when it began to listen. The kernel says so,
    /// not the other side.
    pub fn peer_uid(&self) -> io::Result<u32> {
        Ok(socket_peercred(&self.0)?.uid.as_raw())
    }

    /// From now on no call waits longer.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        set_socket_timeout(&self.0, Timeout::Recv, Some(patience))?;
        Ok(set_socket_timeout(&self.0, Timeout::Send, Some(patience))?)
    }

    /// Whether there is something to be received, if only that the other side is gone.
    pub fn has_more(&self) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        Ok(poll(&mut fds, Some(&Timespec::default()))? > 0)
    }

    /// Sends a message with the descriptors that it speaks of.
    pub fn send(&self, message: &impl Message, with: &[BorrowedFd<'_>]) -> io::Result<()> {
        if message.descriptors() != with.len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let packet = encode(message).map_err(io::Error::other)?;
        let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !with.is_empty() && !control.push(SendAncillaryMessage::ScmRights(with)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let slices = [IoSlice::new(&packet)];
        loop {
            match sendmsg(&self.0, &slices, &mut control, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Sends listeners, in as many packets as that takes.
    pub fn send_listeners<M: Message, F: AsFd>(
        &self,
        listeners: &[(Listener, F)],
        message: impl Fn(crate::Batch) -> M,
    ) -> io::Result<()> {
        for (batch, part) in batches(listeners) {
            let sockets: Vec<_> = part.iter().map(|(_, socket)| socket.as_fd()).collect();
            self.send(&message(batch), &sockets)?;
        }
        Ok(())
    }

    /// Receives a message with its descriptors.
    pub fn receive<M: Message>(&self) -> Result<(M, Vec<OwnedFd>), ReceiveError> {
        // One more than may come: a packet that fills it was longer.
        let mut packet = vec![0; PACKET_BYTES_MAX + 1];
        let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let slices = &mut [IoSliceMut::new(&mut packet)];
            match recvmsg(&self.0, slices, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Ok(received) => break received,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(ReceiveError::TimedOut),
                Err(Errno::CONNRESET) => return Err(ReceiveError::Gone),
                Err(errno) => return Err(ReceiveError::Io(errno.into())),
            }
        };
        // Taken first of all: whatever is wrong, they are closed.
        let mut sockets = Vec::new();
        for part in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = part {
                sockets.extend(descriptors);
            }
        }
        if received.bytes == 0 {
            return Err(ReceiveError::Gone);
        }
        if received.flags.contains(ReturnFlags::CTRUNC) || sockets.len() > BATCH_MAX {
            return Err(ReceiveError::TooManyDescriptors);
        }
        if received.flags.contains(ReturnFlags::TRUNC) {
            return Err(Malformed::TooLong.into());
        }
        let message: M = decode(&packet[..received.bytes])?;
        let (expected, got) = (message.descriptors(), sockets.len());
        if expected != got {
            return Err(ReceiveError::Descriptors { expected, got });
        }
        Ok((message, sockets))
    }
}
