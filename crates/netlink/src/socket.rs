//! A netlink socket, one question at a time.
//!
//! ```text
//!   ask      a message   ─► done, or an error
//!   get      a message   ─► one answer, or an error
//!   list     a message   ─► answers … and their end; asked again if they changed meanwhile
//!   transact messages    ─► done, or which of them is refused and why
//! ```
//!
//! The socket is connected to the kernel, so that no other process can put an answer into it. Answers
//! to a question that was given up are told by their sequence number and passed over.

use crate::{
    Cause,
    sockopt::{NetlinkOption, switch_on},
    wire::{Malformed, Message, Messages, Verdict, Writer},
};
use nix::{
    errno::Errno,
    sys::{
        socket::{
            AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, connect, recv,
            send, setsockopt, socket, sockopt,
        },
        time::TimeVal,
    },
};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Seconds that the kernel has for an answer. It answers before the question's call returns, so this
/// bounds a mistake.
const ANSWER_SECS_MAX: i64 = 10;
/// The longest packet that the kernel sends: lists come in 32 KiB, one thing alone may take more.
const PACKET_LEN_MAX: usize = 256 << 10;
/// Entries of one list at most; a list that is longer is given up.
pub(crate) const ENTRIES_MAX: usize = 4_000_000;
/// How often a list is asked for that changes while it is read.
const LIST_TRIES_MAX: u32 = 8;
/// Room for the errors of a transaction, in bytes: the kernel sends one for each refused message.
const ERRORS_LEN: usize = 1 << 20;

/// A netlink socket of one protocol, in the namespace of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    seq: u32,
    packet: Box<[u8]>,
    send_room: usize,
}

/// What a transaction's message is, for its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seq(pub(crate) u32);

/// Why a transaction was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The message, if it is about one.
    pub(crate) message: Option<Seq>,
    pub(crate) cause: Cause,
}

impl<E: Into<Cause>> From<E> for Refusal {
    fn from(cause: E) -> Self {
        Self {
            message: None,
            cause: cause.into(),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Socket {
    pub(crate) fn open(protocol: SockProtocol) -> Result<Self, Errno> {
        let (family, kind) = (AddressFamily::Netlink, SockType::Raw);
        let fd = socket(family, kind, SockFlag::SOCK_CLOEXEC, protocol)?;
        connect(fd.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        switch_on(fd.as_fd(), NetlinkOption::CapAck)?;
        switch_on(fd.as_fd(), NetlinkOption::ExtAck)?;
        let wait = TimeVal::new(ANSWER_SECS_MAX, 0);
        setsockopt(&fd, sockopt::ReceiveTimeout, &wait)?;
        Ok(Self {
            fd,
            seq: 0,
            packet: vec![0; PACKET_LEN_MAX].into(),
            send_room: 0,
        })
    }

    /// A sequence number that no answer under way has.
    pub(crate) fn next_seq(&mut self) -> Seq {
        self.seq = self.seq.wrapping_add(1);
        Seq(self.seq)
    }

    /// Writes and sends one message, and hears that it is done.
    pub(crate) fn ask(&mut self, question: &Question<'_>) -> Result<(), Cause> {
        let seq = self.send_question(question, libc::NLM_F_ACK)?;
        loop {
            for message in self.receive(MsgFlags::empty())? {
                let message = message?;
                if message.seq == seq.0 && is(&message, libc::NLMSG_ERROR) {
                    return judge(Verdict::read(&message)?);
                }
            }
        }
    }

    /// The one answer to a question.
    pub(crate) fn get<T>(
        &mut self,
        question: &Question<'_>,
        read: impl Fn(&Message<'_>) -> Result<T, Malformed>,
    ) -> Result<T, Cause> {
        let seq = self.send_question(question, 0)?;
        loop {
            for message in self.receive(MsgFlags::empty())? {
                let message = message?;
                if message.seq != seq.0 {
                    continue;
                }
                if is(&message, libc::NLMSG_ERROR) {
                    judge(Verdict::read(&message)?)?;
                    return Err(Malformed::Missing("the answer").into());
                }
                return Ok(read(&message)?);
            }
        }
    }

    /// All answers to a question. `read` adds what a message holds.
    pub(crate) fn list<T>(
        &mut self,
        question: &Question<'_>,
        read: impl Fn(&Message<'_>, &mut Vec<T>) -> Result<(), Malformed>,
    ) -> Result<Vec<T>, Cause> {
        for _ in 0..LIST_TRIES_MAX {
            if let Some(list) = self.list_once(question, &read)? {
                return Ok(list);
            }
        }
        Err(Cause::Changing)
    }

    /// The same, or none if the list changed meanwhile.
    fn list_once<T>(
        &mut self,
        question: &Question<'_>,
        read: impl Fn(&Message<'_>, &mut Vec<T>) -> Result<(), Malformed>,
    ) -> Result<Option<Vec<T>>, Cause> {
        let seq = self.send_question(question, libc::NLM_F_DUMP)?;
        let (mut list, mut is_whole) = (Vec::new(), true);
        loop {
            for message in self.receive(MsgFlags::empty())? {
                let message = message?;
                if message.seq != seq.0 {
                    continue;
                }
                is_whole &= i32::from(message.flags) & libc::NLM_F_DUMP_INTR == 0;
                match i32::from(message.kind) {
                    libc::NLMSG_NOOP => {}
                    libc::NLMSG_ERROR => judge(Verdict::read(&message)?)?,
                    libc::NLMSG_DONE => {
                        judge(Verdict::read(&message)?)?;
                        return Ok(is_whole.then_some(list));
                    }
                    _ => read(&message, &mut list)?,
                }
                if list.len() > ENTRIES_MAX {
                    return Err(Cause::Endless);
                }
            }
        }
    }

    /// Sends a batch of messages, of which the last asks for an answer: all or nothing.
    ///
    /// The kernel works it off while it is sent, and answers in the order of the messages: an error
    /// for each that it refuses, and the last one's answer in any case, unless the batch is refused
    /// whole. So the first answer decides.
    pub(crate) fn transact(&mut self, batch: &[u8], first: Seq, last: Seq) -> Result<(), Refusal> {
        self.make_room(batch.len())?;
        send(self.fd.as_raw_fd(), batch, MsgFlags::empty())?;
        let mut verdict = None;
        while let Some(messages) = self.receive_more()? {
            for message in messages {
                let message = message?;
                // Else it answers an earlier question, which was given up.
                let is_of_this = message.seq.wrapping_sub(first.0) <= last.0.wrapping_sub(first.0);
                if verdict.is_none() && is_of_this && is(&message, libc::NLMSG_ERROR) {
                    verdict = Some(Verdict::read(&message)?);
                }
            }
        }
        let verdict = verdict.ok_or(Cause::NoAnswer)?;
        let message = Some(Seq(verdict.seq));
        judge(verdict).map_err(|cause| Refusal { message, cause })
    }

    /// Room for a batch in one packet, which the kernel takes as one transaction. Beyond what the
    /// system allows its users, as only a privileged process may.
    fn make_room(&mut self, len: usize) -> Result<(), Errno> {
        if len > self.send_room {
            // The kernel doubles it for its own bookkeeping.
            setsockopt(&self.fd, sockopt::SndBufForce, &len.saturating_add(4096))?;
            self.send_room = len;
            setsockopt(&self.fd, sockopt::RcvBufForce, &ERRORS_LEN)?;
        }
        Ok(())
    }

    fn send_question(&mut self, question: &Question<'_>, flags: i32) -> Result<Seq, Cause> {
        // What is left of a question that was given up would fill the room for answers.
        while let Ok(Some(_)) = self.receive_more() {}
        let seq = self.next_seq();
        let mut writer = Writer::default();
        let flags = libc::NLM_F_REQUEST | question.flags | flags;
        let message = writer.message(question.kind, flags, seq.0, question.fixed);
        (question.attributes)(&mut writer);
        writer.end_message(message);
        send(self.fd.as_raw_fd(), &writer.finish()?, MsgFlags::empty())?;
        Ok(seq)
    }

    /// The next packet's messages.
    pub(crate) fn receive(&mut self, flags: MsgFlags) -> Result<Messages<'_>, Cause> {
        let packet = &mut self.packet;
        let len = match recv(self.fd.as_raw_fd(), packet, flags | MsgFlags::MSG_TRUNC) {
            Ok(len) => len,
            Err(Errno::EAGAIN) => return Err(Cause::NoAnswer),
            Err(errno) => return Err(errno.into()),
        };
        let packet = packet.get(..len).ok_or(Malformed::Cut)?;
        Ok(Messages::of(packet))
    }

    /// The same, if there is one already.
    pub(crate) fn receive_more(&mut self) -> Result<Option<Messages<'_>>, Cause> {
        match self.receive(MsgFlags::MSG_DONTWAIT) {
            Ok(messages) => Ok(Some(messages)),
            Err(Cause::NoAnswer) => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}

/// A question: a message of a kind, what is fixed in it, and its attributes.
pub(crate) struct Question<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: i32,
    pub(crate) fixed: &'a [u8],
    pub(crate) attributes: &'a dyn Fn(&mut Writer),
}

impl<'a> Question<'a> {
    /// One without attributes.
    pub(crate) fn bare(kind: u16, fixed: &'a [u8]) -> Self {
        Self {
            kind,
            flags: 0,
            fixed,
            attributes: &|_| {},
        }
    }
}

fn is(message: &Message<'_>, kind: i32) -> bool {
    i32::from(message.kind) == kind
}

fn judge(verdict: Verdict) -> Result<(), Cause> {
    match verdict.errno {
        None => Ok(()),
        Some(errno) => Err(Cause::of(errno, verdict.detail)),
    }
}

#[cfg(test)]
mod tests;
