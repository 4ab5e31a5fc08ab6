//! What no work on the verifier can save: the same frames between two processes, of which neither looks
//! into them, and the blocks of SHA-256 of one question.
//!
//! `cargo run --release -p blockhouse-verifier --example floor`
//!
//! The frames are those of `hand_off`: so many presigned GETs, and the answers to them. They are waited
//! for by `epoll`, as both sides must that have other sockets, and by a blocking call, which is the least
//! that a round trip takes. CPU time is of both sides, from the kernel's own accounts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on ends"
)]

#[path = "support/mod.rs"]
mod support;

use blockhouse_verifier::Session;
use blockhouse_verifier_wire::{
    client::address,
    frame::{FRAME_BYTES_MAX, FrameBuilder},
};
use nix::sys::{
    epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
    socket::{AddressFamily, Backlog, SockFlag, SockType, bind, connect, listen, socket},
};
use sha2::block_api::compress256;
use std::{
    collections::VecDeque,
    env,
    hint::black_box,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use support::{Asked, on_cpu, pin};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(500);

/// Blocks of the canonical request, of the inner hash of its signature and of the outer one.
const BLOCKS: [usize; 3] = [5, 3, 1];

fn main() {
    let arguments: Vec<_> = env::args().collect();
    if let [_, path, core, waits, in_flight] = &arguments[..] {
        let waits = Waits::parse(waits);
        return answer(
            Path::new(path),
            core.parse().unwrap(),
            waits,
            in_flight.parse().unwrap(),
        );
    }
    pin(0);
    println!("| SHA-256 of a link's blocks, one after the other | ns |");
    println!("|---|---|");
    println!("| {BLOCKS:?} | {:.0} |", hash());
    println!();
    println!("| placement | in flight | waits by | CPU us/question | questions/s |");
    println!("|---|---|---|---|---|");
    for (place, core) in [("same core", 0), ("another core", 1)] {
        for in_flight in [1, 8, 64] {
            for waits in [Waits::Epoll, Waits::Blocking] {
                let mut rounds: Vec<_> =
                    (0..ROUNDS).map(|_| round(core, in_flight, waits)).collect();
                rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
                let (us, rate) = rounds[ROUNDS / 2];
                let waits = waits.name();
                println!("| {place} | {in_flight} | {waits} | {us:.2} | {rate:.0} |");
            }
        }
    }
}

/// How a side learns that a frame has come.
#[derive(Clone, Copy)]
enum Waits {
    Epoll,
    Blocking,
}

impl Waits {
    fn parse(name: &str) -> Self {
        match name {
            "epoll" => Self::Epoll,
            _ => Self::Blocking,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Epoll => "epoll",
            Self::Blocking => "blocking",
        }
    }
}

/// One side of a socket.
struct Side {
    socket: UnixStream,
    epoll: Option<Epoll>,
    packet: Vec<u8>,
}

impl Side {
    fn new(socket: UnixStream, waits: Waits) -> Self {
        let epoll = matches!(waits, Waits::Epoll).then(|| {
            socket.set_nonblocking(true).unwrap();
            let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
            let event = EpollEvent::new(EpollFlags::EPOLLIN, 0);
            epoll.add(&socket, event).unwrap();
            epoll
        });
        Self {
            socket,
            epoll,
            packet: vec![0; FRAME_BYTES_MAX],
        }
    }

    /// Waits for a frame and throws it away; `false` when there are no more.
    fn receive(&mut self) -> bool {
        if let Some(epoll) = &self.epoll {
            epoll
                .wait(&mut [EpollEvent::empty()], EpollTimeout::NONE)
                .unwrap();
        }
        self.socket.read(&mut self.packet).unwrap_or(0) > 0
    }

    fn send(&mut self, frame: &FrameBuilder) -> bool {
        self.socket.write(frame.bytes()).is_ok()
    }
}

/// The frame of so many questions, and that of their answers.
fn frames(in_flight: u32) -> (FrameBuilder, FrameBuilder) {
    let mut questions = FrameBuilder::default();
    for number in 0..in_flight {
        Asked::link().with(|question| questions.verify(number, question).unwrap());
    }
    let mut answers = VecDeque::new();
    let mut session = Session::new(support::judge());
    session.answer(questions.bytes(), &mut answers).unwrap();
    (questions, answers.pop_front().unwrap())
}

/// The side that answers: for every frame the same.
fn answer(path: &Path, core: usize, waits: Waits, in_flight: u32) {
    let (_, answers) = frames(in_flight);
    let listener = seqpacket();
    let (address, _folder) = address(path).unwrap();
    bind(listener.as_raw_fd(), &address).unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    println!("listening");
    let (socket, _) = UnixListener::from(listener).accept().unwrap();
    pin(core);
    let mut side = Side::new(socket, waits);
    while side.receive() && side.send(&answers) {}
}

/// Microseconds of both sides for each question, and questions a second.
fn round(core: usize, in_flight: u32, waits: Waits) -> (f64, f64) {
    let (questions, _) = frames(in_flight);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floor.sock");
    let mut other = Command::new(env::current_exe().unwrap())
        .args([
            path.to_str().unwrap(),
            &core.to_string(),
            waits.name(),
            &in_flight.to_string(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = other.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let socket = seqpacket();
    let (address, _folder) = address(&path).unwrap();
    connect(socket.as_raw_fd(), &address).unwrap();
    let mut side = Side::new(socket.into(), waits);
    let figures = ask(&mut side, &questions, &other);
    drop(side);
    other.wait().unwrap();
    (
        figures.0 / f64::from(in_flight),
        figures.1 * f64::from(in_flight),
    )
}

/// Microseconds of both sides for each frame, and frames a second.
fn ask(side: &mut Side, questions: &FrameBuilder, other: &Child) -> (f64, f64) {
    let other = other.id().to_string();
    assert!(side.send(questions) && side.receive());
    let (began, had_run) = (Instant::now(), on_cpu("self") + on_cpu(&other));
    let mut asked = 0u32;
    while began.elapsed() < ROUND {
        for _ in 0..16 {
            assert!(side.send(questions) && side.receive());
        }
        asked += 16;
    }
    let ran = on_cpu("self") + on_cpu(&other) - had_run;
    let asked = f64::from(asked);
    (
        ran.as_secs_f64() * 1e6 / asked,
        asked / began.elapsed().as_secs_f64(),
    )
}

/// Nanoseconds of the compressions of one question, each waiting for the one before.
fn hash() -> f64 {
    let text = [[0x5a; 64]; 5];
    let mut state = [1; 8];
    let mut best = f64::MAX;
    for _ in 0..100 {
        let (began, questions) = (Instant::now(), 10_000);
        for _ in 0..questions {
            for blocks in BLOCKS {
                compress256(&mut state, &text[..blocks]);
            }
        }
        best = best.min(began.elapsed().as_nanos() as f64 / f64::from(questions));
    }
    black_box(state);
    best
}

fn seqpacket() -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap()
}
