//! nfnetlink's log: a line for each packet that a rule with `log group N` saw, in one namespace.
//!
//! The kernel drops lines when nobody reads fast enough, and says so; they are counted, because a log
//! of dropped packets that an attacker can fill must never hold anything up. What is read is the
//! packet's first bytes: where it came from and what it wanted, never its contents.
//!
//! ```text
//!   rule ─► kernel's queue ─► receive ─► PacketLog: prefix, link, source, receiver, protocol, port
//!               └ full ─────► lost, counted
//! ```

mod packet;

pub use packet::{PacketLog, Protocol};

use crate::{
    Cause, Failed,
    namespace::Namespace,
    socket::{Question, Socket},
    wire::Writer,
};
use nix::{
    errno::Errno,
    sys::{
        socket::{MsgFlags, SockProtocol, setsockopt, sockopt},
        time::TimeVal,
    },
};
use std::{
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

/// Bytes of each packet that are copied: headers, with some of what IPv6 puts between them.
const COPY_LEN: u32 = 128;
/// Lines that the kernel gathers before it sends them.
const GATHER_MAX: u32 = 32;
/// Hundredths of a second that it gathers at most.
const GATHER_TIME: u32 = 10;
/// The kernel's queue, in bytes: some thousand lines.
const QUEUE_LEN: usize = 1 << 20;
/// Lines of one call at most, or a few more: those that came in the same packet.
pub const LINES_MAX: usize = 1024;

// `NFULA_CFG_…`
const COMMAND: u16 = libc::NFULA_CFG_CMD as u16;
const MODE: u16 = libc::NFULA_CFG_MODE as u16;
const TIMEOUT: u16 = libc::NFULA_CFG_TIMEOUT as u16;
const THRESHOLD: u16 = libc::NFULA_CFG_QTHRESH as u16;

/// A reader of one group's lines.
#[derive(Debug)]
pub struct LogReader {
    socket: Socket,
    group: u16,
    lost: u64,
    unread: u64,
    wait: Duration,
}

impl AsFd for LogReader {
    /// To wait for lines of many readers.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl LogReader {
    /// Binds a group in the namespace of this thread. A group has one reader.
    pub fn open(group: u16) -> Result<Self, Failed> {
        let failed = || Failed::of("binding", format!("log group {group}"));
        let socket = Socket::open(SockProtocol::NetlinkNetFilter);
        let mut socket = socket.map_err(|errno| failed()(errno.into()))?;
        let room = setsockopt(&socket.as_fd(), sockopt::RcvBufForce, &QUEUE_LEN);
        room.map_err(|errno| failed()(errno.into()))?;
        let bound = socket.ask(&Question {
            kind: kind(libc::NFULNL_MSG_CONFIG),
            flags: 0,
            fixed: &fixed(group),
            attributes: &write_bind,
        });
        bound.map_err(failed())?;
        Ok(Self {
            socket,
            group,
            lost: 0,
            unread: 0,
            wait: Duration::MAX,
        })
    }

    /// In a namespace, from a thread that is in another.
    pub fn open_in(namespace: &Namespace, group: u16) -> Result<Self, Failed> {
        namespace.run(|| Self::open(group))?
    }

    /// Waits for lines, and hands out those that are there: none if the time passed.
    pub fn receive(&mut self, wait: Duration, lines: &mut Vec<PacketLog>) -> Result<(), Failed> {
        // A socket's own time to wait is a tick of the kernel's clock at least: with hundreds of readers
        // that adds up to seconds.
        let first = match wait.is_zero() {
            true => Ok(MsgFlags::MSG_DONTWAIT),
            false => self.set_wait(wait).map(|()| MsgFlags::empty()),
        };
        let received = first.and_then(|first| self.receive_all(first, lines));
        received.map_err(Failed::of("reading", format!("log group {}", self.group)))
    }

    /// How often the kernel said that lines are lost. How many, it does not say.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How many lines could not be read.
    pub fn unread(&self) -> u64 {
        self.unread
    }

    fn receive_all(&mut self, first: MsgFlags, lines: &mut Vec<PacketLog>) -> Result<(), Cause> {
        let until = lines.len().saturating_add(LINES_MAX);
        let mut how = first;
        while lines.len() < until {
            match self.receive_some(how, lines) {
                Ok(()) => {}
                Err(Cause::NoAnswer) => break,
                // What is behind the gap can still be read.
                Err(Cause::Socket(Errno::ENOBUFS)) => self.lost += 1,
                Err(cause) => return Err(cause),
            }
            how = MsgFlags::MSG_DONTWAIT;
        }
        Ok(())
    }

    fn receive_some(&mut self, how: MsgFlags, lines: &mut Vec<PacketLog>) -> Result<(), Cause> {
        let is_packet = kind(libc::NFULNL_MSG_PACKET);
        let mut unread = 0;
        for message in self.socket.receive(how)? {
            match message {
                Ok(message) if message.kind != is_packet => {}
                Ok(message) => match PacketLog::read(message.body) {
                    Ok(line) => lines.push(line),
                    Err(_) => unread += 1,
                },
                Err(_) => unread += 1,
            }
        }
        self.unread += unread;
        Ok(())
    }

    fn set_wait(&mut self, wait: Duration) -> Result<(), Cause> {
        if wait == self.wait {
            return Ok(());
        }
        // Zero would mean for ever.
        let wait_us = wait.as_micros().clamp(1, i64::MAX as u128) as i64;
        let time = TimeVal::new(wait_us / 1_000_000, wait_us % 1_000_000);
        setsockopt(&self.socket.as_fd(), sockopt::ReceiveTimeout, &time)?;
        self.wait = wait;
        Ok(())
    }
}

/// `nfulnl_msg_config_cmd`: command u8. `nfulnl_msg_config_mode`: bytes to copy u32, mode u8, nothing.
fn write_bind(w: &mut Writer) {
    w.attribute(COMMAND, &[libc::NFULNL_CFG_CMD_BIND as u8]);
    let [a, b, c, d] = COPY_LEN.to_be_bytes();
    w.attribute(MODE, &[a, b, c, d, libc::NFULNL_COPY_PACKET as u8, 0]);
    w.be32(TIMEOUT, GATHER_TIME);
    w.be32(THRESHOLD, GATHER_MAX);
}

/// The kind of one of the log's messages: the subsystem above, the message below.
fn kind(message: i32) -> u16 {
    // Both are bytes.
    (libc::NFNL_SUBSYS_ULOG << 8 | message) as u16
}

/// `nfgenmsg`: family u8, version u8, group u16 in the network's order.
fn fixed(group: u16) -> [u8; 4] {
    let [a, b] = group.to_be_bytes();
    [libc::AF_UNSPEC as u8, 0, a, b]
}
