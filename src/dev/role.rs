//! One role: a process of this same program, executed afresh.

use super::home::Home;
use anyhow::{Context as _, Result, bail};
use blockhouse_daemon::{handoff, pid_file::PidFile};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    env,
    os::{fd::BorrowedFd, unix::process::CommandExt as _},
    process::{Child, Command, ExitStatus},
    sync::mpsc::Sender,
    thread,
};

/// The variables of ours that a role sees: nothing of what DIR/env sets is among them.
const KEPT_VARIABLES: [&str; 6] = ["PATH", "TERM", "LANG", "NO_COLOR", "RUST_BACKTRACE", "TZ"];

/// What happens to a role.
#[derive(Debug)]
pub(super) enum RoleEvent {
    /// It is ready, and this is what it says then.
    Ready(String),
    /// It has ended.
    Exited(ExitStatus),
}

/// A running role.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) name: &'static str,
    pid: Pid,
    /// Kept for its end.
    _pid_file: PidFile,
}

impl Role {
    /// Executes this program as `name`, hands it its settings, and tells what happens to it.
    pub(super) fn start<E: From<(&'static str, RoleEvent)> + Send + 'static>(
        home: &Home,
        name: &'static str,
        handed: Handed<'_>,
        log: &str,
        events: &Sender<E>,
    ) -> Result<Self> {
        let (child, socket) = execute(name, handed, log)?;
        let (pid, id) = (Pid::from_raw(child.id().cast_signed()), child.id());
        watch_socket(name, socket, events.clone());
        watch_end(name, child, events.clone());
        let pid_file = PidFile::write(&home.pid_file(name), id)?;
        Ok(Self {
            name,
            pid,
            _pid_file: pid_file,
        })
    }

    /// Asks it to drain and end, or makes it. It may have ended already.
    pub(super) fn signal(&self, signal: Signal) {
        // ESRCH: it has gone; its end is reported on its own.
        let _ = kill(self.pid, signal);
    }
}

/// What a role is handed over its socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handed<'a> {
    /// Its settings.
    pub(super) settings: &'a str,
    /// Open sockets, in the order in which it expects them.
    pub(super) descriptors: &'a [BorrowedFd<'a>],
}

/// Executes this program as `name` to do one thing, and waits for its end.
pub(super) fn run_once(name: &'static str, handed: Handed<'_>, log: &str) -> Result<()> {
    let (mut child, socket) = execute(name, handed, log)?;
    let status = child.wait()?;
    drop(socket);
    if !status.success() {
        bail!("the process {name} ended: {status}");
    }
    Ok(())
}

fn execute(name: &str, handed: Handed<'_>, log: &str) -> Result<(Child, handoff::Role)> {
    let (mut socket, stdin) = handoff::Role::socket()?;
    let mut command = Command::new(env::current_exe()?);
    command.args([name, "--log", log]).stdin(stdin).env_clear();
    // Ctrl-C is for the launcher, which ends the roles in order.
    command.process_group(0);
    command.envs(
        KEPT_VARIABLES
            .iter()
            .filter_map(|name| Some((name, env::var_os(name)?))),
    );
    let child = command
        .spawn()
        .with_context(|| format!("cannot start the {name}"))?;
    // The command holds the role's end of the socket: the end of the stream would never come.
    drop(command);
    let refused = || format!("the {name} takes no settings");
    if !handed.descriptors.is_empty() {
        socket
            .give_descriptors(handed.descriptors)
            .with_context(refused)?;
    }
    socket.give(handed.settings).with_context(refused)?;
    Ok((child, socket))
}

/// Readiness is told once; the role learns of our death by the end of the stream, so the socket
/// stays open until the role has ended.
fn watch_socket<E: From<(&'static str, RoleEvent)> + Send + 'static>(
    name: &'static str,
    mut socket: handoff::Role,
    events: Sender<E>,
) {
    thread::spawn(move || {
        if let Ok(said) = socket.wait_ready() {
            // Nobody listens when the launcher is ending already.
            let _ = events.send((name, RoleEvent::Ready(said)).into());
        }
        socket.wait_gone();
    });
}

fn watch_end<E: From<(&'static str, RoleEvent)> + Send + 'static>(
    name: &'static str,
    mut child: Child,
    events: Sender<E>,
) {
    thread::spawn(move || {
        if let Ok(status) = child.wait() {
            let _ = events.send((name, RoleEvent::Exited(status)).into());
        }
    });
}
