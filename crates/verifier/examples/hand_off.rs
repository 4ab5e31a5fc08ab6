//! What asking the verifier costs: in the process that asks, and over the socket, with the verifier on
//! the same core and on one of its own, at 1, 8 and 64 questions in flight.
//!
//! `cargo run --release -p blockhouse-verifier --example hand_off`
//!
//! The question is a presigned GET, the verification the real one. CPU time is of both sides together,
//! from the kernel's own accounts; on a dedicated core it holds what the verifier spends looking for
//! work without sleeping. Ratios within one run are what to read: machines differ.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on ends"
)]

use blockhouse_sigv4::{Credentials, Link, Location, SecretKey};
use blockhouse_types::{AccountId, Timestamp};
use blockhouse_verifier::{InProcess, Judge, KeyStore, Keyring, Worker};
use blockhouse_verifier_wire::{
    Principal, Question, Verifier,
    client::{Client, address},
    provision::{Material, NewKey},
};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::socket::{AddressFamily, Backlog, SockFlag, SockType, bind, listen, socket},
    unistd::{Pid, Uid},
};
use std::{
    cell::Cell,
    env, fs,
    future::Future,
    io::Write as _,
    os::fd::AsRawFd as _,
    path::Path,
    process::{Child, Command, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{runtime, task::LocalSet};
use zeroize::Zeroizing;

const SECRET: &str = "hush-hush-hush-hush-hush-hush-hush-hush!";
const ROUNDS: usize = 3;
const SECONDS: Duration = Duration::from_secs(2);

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
    println!("| placement | in flight | CPU us/question | of it the asker's | questions/s |");
    println!("|---|---|---|---|---|");
    for in_flight in [1, 8, 64] {
        let judge = InProcess::new(judge());
        report("in the same process", in_flight, || {
            measure(in_flight, None, || judge.clone())
        });
    }
    for (name, core, dedicated) in [
        ("own process, same core", 0, "shared"),
        ("own process, core of its own", 1, "dedicated"),
    ] {
        for in_flight in [1, 8, 64] {
            report(name, in_flight, || {
                let house = Process::start(core, dedicated);
                measure(in_flight, Some(&house), || Client::new(&house.path))
            });
        }
    }
}

/// Medians of a few rounds.
fn report(name: &str, in_flight: usize, round: impl Fn() -> Figures) {
    let mut rounds: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_by(|a, b| a.both_us.total_cmp(&b.both_us));
    let Figures {
        both_us,
        asker_us,
        rate,
    } = rounds[ROUNDS / 2];
    println!("| {name} | {in_flight} | {both_us:.2} | {asker_us:.2} | {rate:.0} |");
    std::io::stdout().flush().unwrap();
}

#[derive(Clone, Copy)]
struct Figures {
    both_us: f64,
    asker_us: f64,
    rate: f64,
}

fn measure<V: Verifier>(
    in_flight: usize,
    house: Option<&Process>,
    verifier: impl FnOnce() -> V,
) -> Figures {
    pin(0);
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async move {
        let verifier = verifier();
        // Once, so that connecting and the first derivation are not counted.
        ask(&verifier).await;
        let (asked, until) = (Rc::new(Cell::new(0u64)), Instant::now() + SECONDS);
        let before = (on_cpu("self"), house.map(Process::on_cpu), Instant::now());
        let tasks: Vec<_> = (0..in_flight)
            .map(|_| {
                let (verifier, asked) = (verifier.clone(), Rc::clone(&asked));
                tokio::task::spawn_local(async move {
                    while Instant::now() < until {
                        ask(&verifier).await;
                        asked.set(asked.get() + 1);
                        // In one process nothing else would let the others run.
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let count = asked.get() as f64;
        let asker = on_cpu("self") - before.0;
        let other = house.map(Process::on_cpu).unwrap_or_default() - before.1.unwrap_or_default();
        Figures {
            both_us: (asker + other).as_secs_f64() * 1e6 / count,
            asker_us: asker.as_secs_f64() * 1e6 / count,
            rate: count / before.2.elapsed().as_secs_f64(),
        }
    })
}

fn ask<V: Verifier>(verifier: &V) -> impl Future<Output = ()> + use<'_, V> {
    thread_local! {
        static LINK: (String, String) = link();
    }
    let (path, query) = LINK.with(Clone::clone);
    async move {
        let headers: [(&str, &[u8]); 3] = [
            ("host", b"127.0.0.1:9000"),
            (
                "user-agent",
                b"Boto3/1.43 md/Botocore#1.43 ua/2.1 os/linux#6.18",
            ),
            ("accept-encoding", b"identity"),
        ];
        let question = Question {
            method: "GET",
            path: &path,
            query: &query,
            headers: &headers,
            tls: false,
            form: None,
            now: now(),
        };
        let verdict = verifier.verify(question).await;
        verdict.expect("it answers").expect("it is signed");
    }
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_795_600_000)
}

/// Path and query of a link to an object.
fn link() -> (String, String) {
    let link = Link {
        method: "GET",
        endpoint: "http://127.0.0.1:9000",
        location: Location::parse("s3://bench/s/00042").unwrap(),
        query: &[],
        headers: &[],
        region: "local-1",
        service: "s3",
        expires_secs: 86_400,
    };
    let secret = SecretKey::new(SECRET.to_owned());
    let credentials = Credentials {
        access_key_id: "AKIABENCHBENCHBENCH0",
        secret: &secret,
        session_token: None,
    };
    let url = blockhouse_sigv4::presign(&link, credentials, now()).unwrap();
    let (path, query) = url["http://127.0.0.1:9000".len()..]
        .split_once('?')
        .unwrap();
    (path.to_owned(), query.to_owned())
}

fn judge() -> Judge {
    let key = NewKey {
        id: "AKIABENCHBENCHBENCH0".to_owned(),
        principal: Principal::Root {
            account: AccountId::from_number(1).unwrap(),
        },
        enabled: true,
        material: Material::Secret(Zeroizing::new(SECRET.to_owned())),
    };
    let keys = KeyStore::new([key]).unwrap();
    Judge::new(
        "local-1".to_owned(),
        Keyring {
            keys,
            ..Keyring::default()
        },
    )
}

/// The verifier's process, as the launcher starts it, without its sandbox.
struct Process {
    child: Child,
    path: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl Process {
    fn start(core: usize, dedicated: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verifier.sock");
        let child = Command::new(env::current_exe().unwrap())
            .args([
                "verifier",
                path.to_str().unwrap(),
                &core.to_string(),
                dedicated,
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut process = Self {
            child,
            path,
            _folder: folder,
        };
        // It closes its output when it listens.
        let mut output = process.child.stdout.take().unwrap();
        std::io::copy(&mut output, &mut std::io::sink()).unwrap();
        process
    }

    fn on_cpu(&self) -> Duration {
        on_cpu(&self.child.id().to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn verifier(path: &Path, core: usize, dedicated: bool) {
    pin(core);
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
    let (address, _folder) = address(path).unwrap();
    bind(socket.as_raw_fd(), &address).unwrap();
    listen(&socket, Backlog::new(8).unwrap()).unwrap();
    let uid = Uid::effective().as_raw();
    let worker = Worker::new(judge(), socket.into(), dedicated, uid).unwrap();
    nix::unistd::dup2_stdout(fs::File::open("/dev/null").unwrap()).unwrap();
    worker.run().unwrap();
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core).unwrap();
    sched_setaffinity(Pid::from_raw(0), &set).unwrap();
}

/// Time that all threads of a process have run. Source: proc_pid_schedstat(5).
fn on_cpu(process: &str) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanos = tasks.map(|task| {
        let text = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        text.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(nanos.sum())
}
