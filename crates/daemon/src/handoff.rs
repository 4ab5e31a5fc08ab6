//! The socket between a launcher and a role that it started.
//!
//! ```text
//!   launcher                                  role (its stdin)
//!      │ ── one byte with open descriptors ─────► │   where a role needs any: sockets
//!      │ ── length in decimal, newline, bytes ──► │   settings and secrets
//!      │ ◄── "ready" + one line of text ───────── │   once every listener answers
//!      ┆           both keep it open              ┆
//!      end of stream: the other side has died
//! ```
//!
//! Secrets travel over it, and so they stand neither in arguments nor in the environment.

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::{
    io::{self, BufRead, BufReader, IoSlice, IoSliceMut, IsTerminal, Read, Write},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::Stdio,
};

/// The longest text handed over, in bytes; a longer one is refused on both sides.
pub const HANDOFF_BYTES_MAX: usize = 1024 * 1024;

/// Descriptors handed over at most.
pub const DESCRIPTORS_MAX: usize = 8;

/// The longest line a role may answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

/// Why a hand-over failed.
#[derive(Debug, thiserror::Error)]
pub enum HandoffError {
    /// The socket broke.
    #[error("the socket to the other process broke")]
    Io(#[from] io::Error),
    /// What came is not what was agreed, such as a terminal on stdin.
    #[error("this is started by `blockhouse dev`, which hands it its settings on stdin")]
    Unexpected,
    /// Other descriptors than were agreed.
    #[error("{expected} descriptors were to be handed over, and {got} were")]
    Descriptors {
        /// As many were agreed.
        expected: usize,
        /// As many came.
        got: usize,
    },
    /// Longer than agreed.
    #[error("more than {HANDOFF_BYTES_MAX} bytes were to be handed over")]
    TooLong,
    /// The role ended before it was ready; it has said why on its own.
    #[error("the process ended before it was ready")]
    Died,
}

/// The launcher's end.
#[derive(Debug)]
pub struct Role(BufReader<UnixStream>);

/// The role's end.
#[derive(Debug)]
pub struct Launcher(BufReader<UnixStream>);

impl Role {
    /// A socket: our end, and the stdin of the process to be.
    pub fn socket() -> io::Result<(Self, Stdio)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((
            Self(BufReader::new(ours)),
            Stdio::from(OwnedFd::from(theirs)),
        ))
    }

    /// Hands over open descriptors, before anything else.
    pub fn give_descriptors(&mut self, descriptors: &[BorrowedFd<'_>]) -> Result<(), HandoffError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(HandoffError::TooLong);
        }
        let byte = [IoSlice::new(b"d")];
        sendmsg(self.0.get_ref(), &byte, &mut control, SendFlags::NOSIGNAL)
            .map_err(io::Error::from)?;
        Ok(())
    }

    /// Hands over settings and secrets.
    pub fn give(&mut self, text: &str) -> Result<(), HandoffError> {
        if text.len() > HANDOFF_BYTES_MAX {
            return Err(HandoffError::TooLong);
        }
        let socket = self.0.get_mut();
        writeln!(socket, "{}", text.len())?;
        socket.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Waits for the role to be ready, and gives the line it says then.
    pub fn wait_ready(&mut self) -> Result<String, HandoffError> {
        let line = read_line(&mut self.0)?;
        let said = line.strip_prefix("ready ").ok_or(HandoffError::Died)?;
        Ok(said.to_owned())
    }

    /// Waits until the role has ended, or closed its end, which is the same.
    pub fn wait_gone(mut self) {
        wait_end(&mut self.0);
    }
}

impl Launcher {
    /// Our end of the socket, on stdin.
    pub fn on_stdin() -> Result<Self, HandoffError> {
        if io::stdin().is_terminal() {
            return Err(HandoffError::Unexpected);
        }
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self(BufReader::new(UnixStream::from(stdin))))
    }

    /// Receives `N` open descriptors; they come before anything else.
    pub fn receive_descriptors<const N: usize>(&mut self) -> Result<[OwnedFd; N], HandoffError> {
        let received = self.receive_any_descriptors()?;
        let got = received.len();
        received
            .try_into()
            .map_err(|_| HandoffError::Descriptors { expected: N, got })
    }

    fn receive_any_descriptors(&mut self) -> Result<Vec<OwnedFd>, HandoffError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let read = recvmsg(
            self.0.get_ref(),
            &mut [IoSliceMut::new(&mut byte)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )
        .map_err(io::Error::from)?;
        if read.bytes != 1 || byte != *b"d" {
            return Err(HandoffError::Unexpected);
        }
        let mut received = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                received.extend(descriptors);
            }
        }
        Ok(received)
    }

    /// Receives what the launcher hands over.
    pub fn receive(&mut self) -> Result<String, HandoffError> {
        let line = read_line(&mut self.0).map_err(|_| HandoffError::Unexpected)?;
        let len: usize = line.parse().map_err(|_| HandoffError::Unexpected)?;
        if len > HANDOFF_BYTES_MAX {
            return Err(HandoffError::TooLong);
        }
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| HandoffError::Unexpected)
    }

    /// Says that every listener answers, and where (one line).
    pub fn ready(&mut self, said: &str) -> io::Result<()> {
        self.0
            .get_mut()
            .write_all(format!("ready {said}\n").as_bytes())
    }

    /// Waits until the launcher has died.
    pub fn wait_gone(mut self) {
        wait_end(&mut self.0);
    }
}

fn read_line(socket: &mut BufReader<UnixStream>) -> Result<String, HandoffError> {
    let mut line = String::new();
    socket
        .by_ref()
        .take(ANSWER_BYTES_MAX)
        .read_line(&mut line)?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.to_owned()),
        None => Err(HandoffError::Died),
    }
}

/// Nothing is said any more; whatever comes is dropped until the end of the stream.
fn wait_end(socket: &mut BufReader<UnixStream>) {
    let mut dropped = [0; 64];
    loop {
        match socket.read(&mut dropped) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Role, Launcher) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Role(BufReader::new(ours)), Launcher(BufReader::new(theirs)))
    }

    #[test]
    fn hands_over_and_hears_of_readiness_and_death() {
        let (mut role, mut launcher) = pair();
        role.give("a = 1\nb = \"ü\"\n").unwrap();
        assert_eq!(launcher.receive().unwrap(), "a = 1\nb = \"ü\"\n");
        launcher.ready("here").unwrap();
        assert_eq!(role.wait_ready().unwrap(), "here");
        drop(launcher);
        role.wait_gone();
    }

    #[test]
    fn descriptors_come_first_and_arrive_open() {
        let (mut role, mut launcher) = pair();
        let (given, mut other_end) = UnixStream::pair().unwrap();
        role.give_descriptors(&[given.as_fd()]).unwrap();
        role.give("settings").unwrap();
        drop(given);
        let [arrived] = launcher.receive_descriptors().unwrap();
        assert_eq!(launcher.receive().unwrap(), "settings");
        UnixStream::from(arrived).write_all(b"here").unwrap();
        let mut text = [0; 4];
        other_end.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"here");

        role.give_descriptors(&[other_end.as_fd()]).unwrap();
        let refused = launcher.receive_descriptors::<2>();
        assert!(matches!(
            refused,
            Err(HandoffError::Descriptors {
                expected: 2,
                got: 1
            })
        ));
        role.give("settings").unwrap();
        assert!(launcher.receive_descriptors::<1>().is_err());
    }

    #[test]
    fn a_role_that_dies_early_is_heard_of() {
        let (mut role, launcher) = pair();
        drop(launcher);
        assert!(matches!(role.wait_ready(), Err(HandoffError::Died)));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "x\n",
            "99999999999\n",
            "18446744073709551616\n",
            "-1\n",
            "5\nabc",
        ] {
            let (mut role, mut launcher) = pair();
            role.0.get_mut().write_all(text.as_bytes()).unwrap();
            drop(role);
            assert!(launcher.receive().is_err(), "{text:?}");
        }
    }
}
