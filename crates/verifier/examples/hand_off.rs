//! What asking the verifier costs: in the process that asks, and over the socket, with the verifier on
//! the same core and on one of its own, at 1, 8 and 64 questions in flight.
//!
//! `cargo run --release -p blockhouse-verifier --example hand_off [PLACEMENT IN_FLIGHT]`
//!
//! The question is a presigned GET, the verification the real one. CPU time is of both sides together,
//! from the kernel's own accounts, but for what both look for work and answers without sleeping while the
//! verifier has a core of its own: that is a column of its own. Ratios within one run are what to read:
//! machines differ.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on ends"
)]

#[path = "support/mod.rs"]
mod support;

use blockhouse_verifier::{InProcess, Worker};
use blockhouse_verifier_wire::{
    Question, Verifier,
    client::{Client, Counts, Wait, address},
};
use nix::{
    sys::socket::{AddressFamily, Backlog, SockFlag, SockType, bind, listen, socket},
    unistd::Uid,
};
use std::{
    cell::{Cell, RefCell},
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::fd::AsRawFd as _,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use support::{Asked, on_cpu, pin};
use tokio::{runtime, task::LocalSet};

const ROUNDS: usize = 5;
const SECONDS: Duration = Duration::from_secs(1);
const ASKED_BETWEEN_LOOKS: u64 = 16;

fn main() {
    let arguments: Vec<_> = env::args().collect();
    if let [_, role, path, core, dedicated] = &arguments[..]
        && role == "verifier"
    {
        return verifier(
            Path::new(path),
            core.parse().unwrap(),
            dedicated == "dedicated",
        );
    }
    let places = [
        ("in the same process", None),
        ("own process, same core", Some((0, "shared"))),
        ("own process, core of its own", Some((1, "dedicated"))),
    ];
    let mut lines: Vec<_> = places
        .iter()
        .flat_map(|(name, place)| {
            [1, 8, 64].map(|in_flight| Line {
                name,
                in_flight,
                place: *place,
                rounds: Vec::new(),
            })
        })
        .collect();
    // Under a profiler one line is enough.
    if let [_, place, in_flight] = &arguments[..] {
        lines.retain(|line| line.name == place && line.in_flight.to_string() == *in_flight);
    }
    // Interleaved: what the machine does meanwhile meets all alike.
    for _ in 0..ROUNDS {
        lines.iter_mut().for_each(Line::round);
    }
    println!(
        "| placement | in flight | CPU us/question | asker | verifier | spinning | questions/s |"
    );
    println!("|---|---|---|---|---|---|---|");
    lines.iter_mut().for_each(Line::print);
}

/// One line of the table.
struct Line {
    name: &'static str,
    in_flight: usize,
    /// The verifier's core, and whether it has it for itself; none for the same process.
    place: Option<(usize, &'static str)>,
    rounds: Vec<Figures>,
}

impl Line {
    fn round(&mut self) {
        let figures = match self.place {
            None => {
                let judge = InProcess::new(support::judge());
                measure(self.in_flight, None, || judge.clone())
            }
            Some((core, dedicated)) => {
                let house = Process::start(core, dedicated);
                // The thread has no ring to which anything would have to be handed.
                let wait = match dedicated {
                    "dedicated" => Wait::Looking { before: || {} },
                    _ => Wait::Asleep,
                };
                let counts = Arc::new(Counts::default());
                let client = || Client::counted(&house.path, wait, Arc::clone(&counts));
                measure(self.in_flight, Some((&house, &counts)), client)
            }
        };
        self.rounds.push(figures);
    }

    /// The median round, by what both sides cost without the spinning.
    fn print(&mut self) {
        let both = |figures: &Figures| figures.asker_us + figures.verifier_us;
        self.rounds.sort_by(|a, b| both(a).total_cmp(&both(b)));
        let median = self.rounds[ROUNDS / 2];
        let Figures {
            asker_us,
            verifier_us,
            spun_us,
            rate,
        } = median;
        println!(
            "| {} | {} | {:.2} | {asker_us:.2} | {verifier_us:.2} | {spun_us:.2} | {rate:.0} |",
            self.name,
            self.in_flight,
            both(&median)
        );
    }
}

/// Microseconds for each question.
#[derive(Clone, Copy)]
struct Figures {
    asker_us: f64,
    verifier_us: f64,
    /// What both looked for work and answers without sleeping.
    spun_us: f64,
    rate: f64,
}

fn measure<V: Verifier>(
    in_flight: usize,
    house: Option<(&Process, &Counts)>,
    verifier: impl FnOnce() -> V,
) -> Figures {
    pin(0);
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async move {
        let verifier = verifier();
        let asked = Rc::new(Asked::link());
        // Once, so that connecting and the first derivation are not counted.
        ask(&verifier, &asked, &asked.headers()).await;
        let (count, until) = (Rc::new(Cell::new(0u64)), Instant::now() + SECONDS);
        // What each side looked for work without sleeping, and what it ran, that included.
        let asker = || {
            let looked = house.map_or(0, |(_, counts)| counts.read().looked_nanos);
            (Duration::from_nanos(looked), on_cpu("self"))
        };
        let other = || {
            let times = house.map(|(process, _)| (process.spun(), process.on_cpu()));
            times.unwrap_or_default()
        };
        let before = (asker(), other(), Instant::now());
        let tasks: Vec<_> = (0..in_flight)
            .map(|_| {
                let (verifier, count) = (verifier.clone(), Rc::clone(&count));
                let asked = Rc::clone(&asked);
                tokio::task::spawn_local(async move {
                    let headers = asked.headers();
                    // The clock is looked at now and then: it is no part of what is measured.
                    while Instant::now() < until {
                        for _ in 0..ASKED_BETWEEN_LOOKS {
                            ask(&verifier, &asked, &headers).await;
                        }
                        count.set(count.get() + ASKED_BETWEEN_LOOKS);
                        // In one process nothing else would let the others run.
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let count = count.get() as f64;
        let since = |now: (Duration, Duration), before: (Duration, Duration)| {
            let (spun, ran) = (now.0 - before.0, now.1 - before.1);
            (spun, ran.saturating_sub(spun))
        };
        let ((looked, asked), (spun, answered)) =
            (since(asker(), before.0), since(other(), before.1));
        let each_us = |time: Duration| time.as_secs_f64() * 1e6 / count;
        Figures {
            asker_us: each_us(asked),
            verifier_us: each_us(answered),
            spun_us: each_us(looked + spun),
            rate: count / before.2.elapsed().as_secs_f64(),
        }
    })
}

/// Asks once.
async fn ask<V: Verifier>(verifier: &V, asked: &Asked, headers: &[(&str, &[u8])]) {
    let question = Question {
        method: "GET",
        path: &asked.path,
        query: &asked.query,
        headers,
        tls: false,
        form: None,
        now: support::now(),
    };
    let verdict = verifier.verify(question).await;
    verdict.expect("it answers").expect("it is signed");
}

/// The verifier's process, as the launcher starts it, without its sandbox.
struct Process {
    child: Child,
    /// A line in asks how long it has spun, a line out says it.
    pipe: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
    path: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl Process {
    fn start(core: usize, dedicated: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verifier.sock");
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "verifier",
                path.to_str().unwrap(),
                &core.to_string(),
                dedicated,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let process = Self {
            child,
            pipe: RefCell::new((input, BufReader::new(output))),
            path,
            _folder: folder,
        };
        // It answers when it listens.
        process.spun();
        process
    }

    fn on_cpu(&self) -> Duration {
        on_cpu(&self.child.id().to_string())
    }

    fn spun(&self) -> Duration {
        let (input, output) = &mut *self.pipe.borrow_mut();
        input.write_all(b"?").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        Duration::from_nanos(line.trim().parse().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn verifier(path: &Path, core: usize, dedicated: bool) {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
    let (address, _folder) = address(path).unwrap();
    bind(socket.as_raw_fd(), &address).unwrap();
    listen(&socket, Backlog::new(8).unwrap()).unwrap();
    let uid = Uid::effective().as_raw();
    let worker = Worker::new(support::judge(), socket.into(), dedicated, uid).unwrap();
    let spun = worker.spun();
    std::thread::spawn(move || {
        pin(core);
        worker.run().unwrap();
    });
    for _ in std::io::stdin().lock().bytes() {
        println!("{}", spun.nanos());
    }
}
