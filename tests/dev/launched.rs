//! A `blockhouse dev` that was started by a test, and what can be asked of it.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_blockhouse");

/// Nothing takes so long on a machine that is not on its knees.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `dev`. It is killed with the test, however that ends.
pub(crate) struct Dev {
    child: Child,
    dir: PathBuf,
    ended: Receiver<()>,
    stderr: PathBuf,
}

/// The command on a folder, on free ports, with a clean environment.
pub(crate) fn dev_command(dir: &Path, arguments: &[&str]) -> Command {
    command_of(Path::new(PROGRAM), dir, arguments)
}

/// The same, of another program.
pub(crate) fn command_of(program: &Path, dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(["dev", "--data"]).arg(dir);
    for listener in ["--s3", "--s3-tls", "--admin"] {
        if !arguments.contains(&listener) {
            command.args([listener, "127.0.0.1:0"]);
        }
    }
    command
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// Standard error as text.
pub(crate) fn complaint(output: &Output) -> String {
    assert!(!output.status.success(), "it should have been refused");
    String::from_utf8(output.stderr.clone()).unwrap()
}

impl Dev {
    /// Starts it and waits for `ready`.
    pub(crate) fn start(dir: &Path, arguments: &[&str]) -> Self {
        Self::launch(dir, dev_command(dir, arguments))
    }

    /// The same, by this command.
    pub(crate) fn launch(dir: &Path, mut command: Command) -> Self {
        let stderr = dir.with_extension("log");
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&stderr)
            .unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (said_ready, ready) = channel();
        let (said_end, ended) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if line.starts_with("ready") {
                    said_ready.send(()).unwrap();
                }
            }
            // The end of the stream: every process that had it is gone.
            let _ = said_end.send(());
        });
        let dev = Self {
            child,
            dir: dir.to_owned(),
            ended,
            stderr,
        };
        let heard = ready.recv_timeout(PATIENCE);
        assert!(heard.is_ok(), "never ready:\n{}", dev.log());
        dev
    }

    /// What all starts on this folder have logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    /// The launcher's process id.
    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// The node's process id.
    pub(crate) fn node_pid(&self) -> i32 {
        self.pid_of("node")
    }

    /// A role's process id.
    pub(crate) fn pid_of(&self, role: &str) -> i32 {
        let text = fs::read_to_string(self.dir.join(format!("run/{role}.pid"))).unwrap();
        text.trim().parse().unwrap()
    }

    /// The variables of an env file.
    pub(crate) fn variables(&self, file: &str) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.dir.join(file)).unwrap();
        text.lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect()
    }

    /// Asks by a link that `blockhouse presign` makes; status and body.
    pub(crate) fn ask(&self, method: &str, object: &str, body: &str) -> (u16, String) {
        request(method, &self.link(method, object), body)
    }

    /// Asks and reads nothing of the answer yet.
    pub(crate) fn open(&self, method: &str, object: &str) -> TcpStream {
        send(method, &self.link(method, object), "")
    }

    /// A link that `blockhouse presign` makes.
    fn link(&self, method: &str, object: &str) -> String {
        let mut presign = Command::new(PROGRAM);
        presign.args(["presign", "--offline", "--method", method, object]);
        let made = output(presign.env_clear().envs(self.variables("env")));
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    /// Waits for the end of every process, at most so long; the launcher's exit code.
    pub(crate) fn wait(mut self, patience: Duration) -> Option<i32> {
        let heard = self.ended.recv_timeout(patience);
        assert!(
            heard.is_ok(),
            "still running after {patience:?}:\n{}",
            self.log()
        );
        self.child.wait().unwrap().code()
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn end(self) {
        signal(self.pid(), Signal::SIGTERM);
        assert_eq!(self.wait(Duration::from_secs(30)), Some(0));
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Both do nothing when it has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a condition of other processes, which nothing tells: it is looked for again and again.
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "never came: {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Signals one process.
pub(crate) fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

/// One request over http; status and body.
pub(crate) fn request(method: &str, url: &str, body: &str) -> (u16, String) {
    heard(send(method, url, body))
}

/// Sends a request.
fn send(method: &str, url: &str, body: &str) -> TcpStream {
    let (authority, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

/// Reads the answer to its end; status and body.
pub(crate) fn heard(mut stream: TcpStream) -> (u16, String) {
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}
