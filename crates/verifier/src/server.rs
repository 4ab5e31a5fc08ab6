//! The sockets: each worker is a thread on a core of its own, waits for askers and their frames, and
//! answers them.
//!
//! ```text
//!   listening socket ──accept──► Asker { socket, session, answers not sent yet }
//!                                  │ recv frame ─► session ─► send frame
//!                                  └ socket full: no more is read until the asker takes its answers
//! ```
//!
//! # How it moves
//! A worker sleeps in `epoll_wait`. On a core of its own it first looks again for a while without
//! sleeping, as long as that lately paid or would have: waking a thread costs more than judging twenty
//! requests.
//!
//! # What it never does
//! Wait for an asker: one that takes no answers is not read from, and the others go on. An asker that
//! sends anything but frames, or one of another user than the gateway's, is cut off.

use crate::{judge::Judge, session::Session};
use blockhouse_verifier_wire::{
    frame::{FRAME_BYTES_MAX, FrameBuilder, FrameError},
    spin::Spin,
};
use nix::{
    errno::Errno,
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
        socket::{getsockopt, setsockopt, sockopt},
    },
};
use std::{
    collections::{HashMap, VecDeque},
    io::{self, Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Askers of one worker. A gateway has one socket an I/O thread; further ones wait in the kernel.
pub const ASKERS_MAX: usize = 512;

/// Events taken from the kernel at once.
const EVENTS_MAX: usize = 64;

/// What a socket buffers for its asker: a few frames of the greatest length.
const SOCKET_BUFFER_BYTES: usize = 4 * FRAME_BYTES_MAX;

/// The listener's number among the epoll's; askers count up from the next.
const LISTENER: u64 = 0;

/// A worker. [`Worker::run`] has the thread for itself.
#[derive(Debug)]
pub struct Worker {
    judge: Judge,
    listener: UnixListener,
    epoll: Epoll,
    askers: HashMap<u64, Asker>,
    next: u64,
    /// Whether nothing else runs on its core, so that it may wait without sleeping.
    dedicated: bool,
    /// The user whose processes may ask.
    gateway_uid: u32,
    packet: Box<[u8]>,
    spun: Spun,
}

/// How long a worker has looked for work without sleeping, ever: what measurements tell apart from
/// what the work itself costs.
#[derive(Debug, Clone, Default)]
pub struct Spun(Arc<AtomicU64>);

impl Spun {
    /// In nanoseconds.
    pub fn nanos(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Asker {
    socket: UnixStream,
    session: Session,
    /// Answers that found the socket full. While there are any, nothing more is read.
    unsent: VecDeque<FrameBuilder>,
    reads: bool,
}

/// Why an asker is cut off.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("it has gone")]
    Gone,
    #[error("its socket")]
    Socket(#[from] io::Error),
    #[error("what it sent")]
    Frame(#[from] FrameError),
}

impl Worker {
    /// A worker for `listener`, a listening `SOCK_SEQPACKET` socket that several workers may share.
    /// `dedicated`: nothing else runs on the core that its thread stays on.
    pub fn new(
        judge: Judge,
        listener: UnixListener,
        dedicated: bool,
        gateway_uid: u32,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        // Exclusive: a connection wakes one worker, not all of them.
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLEXCLUSIVE;
        epoll.add(&listener, EpollEvent::new(flags, LISTENER))?;
        Ok(Self {
            judge,
            listener,
            epoll,
            askers: HashMap::new(),
            next: LISTENER + 1,
            dedicated,
            gateway_uid,
            // One more than a frame may have shows one that has.
            packet: vec![0; FRAME_BYTES_MAX + 1].into(),
            spun: Spun::default(),
        })
    }

    /// How long it has looked for work without sleeping.
    pub fn spun(&self) -> Spun {
        self.spun.clone()
    }

    /// Answers until the process ends; only a failure of the kernel's own ends it before.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS_MAX];
        let mut spin = Spin::default();
        loop {
            let ready = self.wait(&mut events, &mut spin)?;
            for event in &events[..ready] {
                match event.data() {
                    LISTENER => self.accept(),
                    asker => self.serve(asker),
                }
            }
        }
    }

    /// Waits for events: on a core of its own without sleeping at first.
    fn wait(&self, events: &mut [EpollEvent], spin: &mut Spin) -> io::Result<usize> {
        if !self.dedicated {
            return wait(&self.epoll, events, EpollTimeout::NONE);
        }
        let began = Instant::now();
        let mut spent = Duration::ZERO;
        while spent < spin.length() {
            let ready = wait(&self.epoll, events, EpollTimeout::ZERO)?;
            if ready > 0 {
                self.spun.add(spent);
                return Ok(ready);
            }
            std::hint::spin_loop();
            spent = began.elapsed();
        }
        self.spun.add(spent);
        let ready = wait(&self.epoll, events, EpollTimeout::NONE)?;
        spin.was_in_vain(began.elapsed());
        Ok(ready)
    }

    fn accept(&mut self) {
        while self.askers.len() < ASKERS_MAX {
            match self.listener.accept() {
                Ok((socket, _)) => {
                    if let Err(error) = self.admit(socket) {
                        tracing::warn!(%error, "an asker was not let in");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(%error, "nobody could be let in");
                    return;
                }
            }
        }
    }

    fn admit(&mut self, socket: UnixStream) -> io::Result<()> {
        let uid = getsockopt(&socket, sockopt::PeerCredentials)?.uid();
        if uid != self.gateway_uid {
            return Err(io::Error::other(format!("user {uid} is not the gateway's")));
        }
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::SndBuf, &SOCKET_BUFFER_BYTES)?;
        setsockopt(&socket, sockopt::RcvBuf, &SOCKET_BUFFER_BYTES)?;
        let number = self.next;
        self.epoll
            .add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
        self.next += 1;
        let asker = Asker {
            socket,
            session: Session::new(self.judge.clone()),
            unsent: VecDeque::new(),
            reads: true,
        };
        self.askers.insert(number, asker);
        Ok(())
    }

    fn serve(&mut self, number: u64) {
        let Some(asker) = self.askers.get_mut(&number) else {
            return;
        };
        let served = asker
            .turn(&mut self.packet)
            .and_then(|()| asker.watch(&self.epoll, number));
        if let Err(cut) = served {
            if !matches!(cut, Cut::Gone) {
                let why: &dyn std::error::Error = &cut;
                tracing::warn!(error = why, "an asker was cut off");
            }
            // Closing the socket takes it out of the epoll as well.
            self.askers.remove(&number);
        }
    }
}

impl Asker {
    /// Takes a frame and answers it. Whether there is another is epoll's to say: to find that there is
    /// none would be a call as dear.
    fn turn(&mut self, packet: &mut [u8]) -> Result<(), Cut> {
        if !self.send()? {
            return Ok(());
        }
        let len = match self.socket.read(packet) {
            // There are no empty frames: this is the end.
            Ok(0) => return Err(Cut::Gone),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.session.answer(&packet[..len], &mut self.unsent)?;
        self.send().map(drop)
    }

    /// Sends what is unsent; `false` when the socket is full.
    fn send(&mut self) -> Result<bool, Cut> {
        while let Some(frame) = self.unsent.front() {
            match self.socket.write(frame.bytes()) {
                Ok(_) => {
                    if let Some(sent) = self.unsent.pop_front() {
                        self.session.recycle(sent);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(Cut::Gone),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Waits for frames, or for room to answer the ones that were taken.
    fn watch(&mut self, epoll: &Epoll, number: u64) -> Result<(), Cut> {
        let reads = self.unsent.is_empty();
        if reads != self.reads {
            let flags = match reads {
                true => EpollFlags::EPOLLIN,
                false => EpollFlags::EPOLLOUT,
            };
            let mut event = EpollEvent::new(flags, number);
            epoll
                .modify(&self.socket, &mut event)
                .map_err(io::Error::from)?;
            self.reads = reads;
        }
        Ok(())
    }
}

fn wait(epoll: &Epoll, events: &mut [EpollEvent], timeout: EpollTimeout) -> io::Result<usize> {
    match epoll.wait(events, timeout) {
        Err(Errno::EINTR) => Ok(0),
        ready => Ok(ready?),
    }
}
