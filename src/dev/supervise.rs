//! Waits for what may happen to a running `dev`, and ends it.
//!
//! ```text
//!   starting ──ready──► serving ──signal, node ended──► ending ──all ended──► exit code
//!       │                 │  ▲                            └─30 s─► SIGKILL
//!       │                 └──┘ verifier ended: started again, with its keys; keys changed: handed over
//!       └──────────signal, a role ended───────────────────┘
//! ```
//!
//! The node is what `dev` is for: with its end everything ends. But one that made a system call which it
//! may not make was killed for somebody else's doing, and is started again; and with a network filter,
//! where listeners and what waits there must outlive it, one that was killed by anything. So is any other
//! role: at once, and after longer and longer pauses when it ends again and again as soon as it was started.

use super::{
    home::Home,
    keys_bell::{self, Ring},
    role::{Handed, Role, RoleEvent},
};
use anyhow::Result;
use blockhouse_daemon::{lock::Lock, signals::Signals};
use nix::sys::signal::Signal;
use std::{
    collections::VecDeque,
    os::unix::process::ExitStatusExt as _,
    process::{ExitCode, ExitStatus},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

/// From the word to end until nothing runs any more; roles drain for less.
const END_PATIENCE: Duration = Duration::from_secs(29);

/// A role that has lived so long started well.
const SETTLED: Duration = Duration::from_secs(2);

/// From this many ends in a row that came before [`SETTLED`] on, there is a pause before each start.
const QUICK_ENDS_MAX: u32 = 3;

/// The first pause; each one doubles it.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The role with which everything ends.
pub(super) const NODE: &str = "node";

enum Event {
    Signal(&'static str),
    Keys(Ring),
    Role(&'static str, RoleEvent),
}

impl From<(&'static str, RoleEvent)> for Event {
    fn from((name, event): (&'static str, RoleEvent)) -> Self {
        Self::Role(name, event)
    }
}

/// What has happened to the whole.
#[derive(Debug)]
pub(super) enum Happening {
    /// It is time to end.
    End,
    /// This role has ended and is to be started again.
    Restart(&'static str),
    /// The keys' file was changed, and this one waits until it counts.
    NewKeys(Ring),
}

/// The roles and what happens to them.
pub(super) struct Supervisor {
    lock: Lock,
    /// Whether a node that was killed is started again.
    restarts_node: bool,
    roles: Vec<Role>,
    ended: Vec<(&'static str, ExitStatus)>,
    started: Instant,
    quick_ends: u32,
    /// Who rang when there was something else to do.
    rings: VecDeque<Ring>,
    sender: Sender<Event>,
    events: Receiver<Event>,
}

impl Supervisor {
    pub(super) fn new(signals: Signals, lock: Lock, restarts_node: bool) -> Result<Self> {
        let (sender, events) = channel();
        let signalled = sender.clone();
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                while let Ok(signal) = signals.wait() {
                    if signalled.send(Event::Signal(signal)).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self {
            lock,
            restarts_node,
            roles: Vec::new(),
            ended: Vec::new(),
            started: Instant::now(),
            quick_ends: 0,
            rings: VecDeque::new(),
            sender,
            events,
        })
    }

    /// Hears changes of the keys' file from now on.
    pub(super) fn hear_keys(&self, home: &Home) -> Result<()> {
        let sender = self.sender.clone();
        keys_bell::hang(&home.keys_bell(), move |ring| {
            sender.send(Event::Keys(ring)).is_ok()
        })
    }

    /// Starts a role with what it is handed.
    pub(super) fn start(
        &mut self,
        home: &Home,
        name: &'static str,
        handed: Handed<'_>,
        log: &str,
    ) -> Result<()> {
        let role = Role::start(home, name, handed, log, &self.sender)?;
        self.roles.push(role);
        self.started = Instant::now();
        Ok(())
    }

    /// What the role says when it is ready; `None` when it is time to end instead.
    pub(super) fn wait_ready(&mut self, name: &'static str) -> Result<Option<String>> {
        loop {
            match self.events.recv()? {
                Event::Role(ready, RoleEvent::Ready(said)) if ready == name => {
                    return Ok(Some(said));
                }
                // One that was ready before, and lost its part in the start.
                Event::Role(_, RoleEvent::Ready(_)) => {}
                Event::Role(ended, RoleEvent::Exited(status)) => {
                    self.note_end(ended, status);
                    return Ok(None);
                }
                Event::Keys(ring) => self.rings.push_back(ring),
                Event::Signal(_) => return Ok(None),
            }
        }
    }

    /// Waits until there is something to do.
    pub(super) fn wait(&mut self) -> Happening {
        if let Some(ring) = self.rings.pop_front() {
            return Happening::NewKeys(ring);
        }
        loop {
            match self.events.recv() {
                Ok(Event::Role(_, RoleEvent::Ready(_))) => {}
                Ok(Event::Role(NODE, RoleEvent::Exited(status)))
                    if !self.is_begun_again(status) =>
                {
                    self.note_end(NODE, status);
                    return Happening::End;
                }
                Ok(Event::Role(name, RoleEvent::Exited(status))) => {
                    self.roles.retain(|role| role.name != name);
                    tracing::warn!(role = name, %status, "a role has ended");
                    let settled = self.started.elapsed() >= SETTLED;
                    self.quick_ends = if settled { 0 } else { self.quick_ends + 1 };
                    return self.pause(name);
                }
                Ok(Event::Keys(ring)) => return Happening::NewKeys(ring),
                Ok(Event::Signal(signal)) => {
                    super::say(&format!("{signal}: draining"));
                    return Happening::End;
                }
                Err(_) => return Happening::End,
            }
        }
    }

    /// Whether a node that ended so is started again.
    fn is_begun_again(&self, status: ExitStatus) -> bool {
        match status.signal() {
            Some(signal) => self.restarts_node || signal == Signal::SIGSYS as i32,
            None => false,
        }
    }

    /// Lets some time go by before a role is started that does not live; what happens meanwhile may be
    /// a reason to end.
    fn pause(&mut self, name: &'static str) -> Happening {
        let Some(doublings) = self.quick_ends.checked_sub(QUICK_ENDS_MAX) else {
            return Happening::Restart(name);
        };
        let pause = PAUSE_MIN.saturating_mul(1 << doublings.min(16));
        let until = Instant::now() + pause.min(PAUSE_MAX);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Err(RecvTimeoutError::Timeout) => return Happening::Restart(name),
                Ok(Event::Role(_, RoleEvent::Ready(_))) => {}
                Ok(Event::Keys(ring)) => self.rings.push_back(ring),
                Ok(Event::Role(ended, RoleEvent::Exited(status))) => {
                    self.note_end(ended, status);
                    return Happening::End;
                }
                Ok(Event::Signal(_)) | Err(RecvTimeoutError::Disconnected) => {
                    return Happening::End;
                }
            }
        }
    }

    fn note_end(&mut self, name: &'static str, status: ExitStatus) {
        self.roles.retain(|role| role.name != name);
        self.ended.push((name, status));
    }

    /// Ends every role and tells how it went: well, if every one ended of its own accord. The node
    /// goes first, so that what it still serves finds the others there.
    pub(super) fn end(mut self, home: &Home) -> Result<ExitCode> {
        self.lock.stopping()?;
        let deadline = Instant::now() + END_PATIENCE;
        self.roles.sort_by_key(|role| role.name != NODE);
        while let Some(role) = self.roles.first() {
            let name = role.name;
            role.signal(Signal::SIGTERM);
            if !self.wait_gone(name, deadline) {
                eprintln!("blockhouse: the {name} did not drain in time and was killed");
                return Ok(ExitCode::FAILURE);
            }
        }
        let dir = home.dir().display();
        let failed: Vec<_> = self.ended.iter().filter(|(_, s)| !s.success()).collect();
        for (name, status) in &failed {
            eprintln!("blockhouse: the {name} in {dir} ended: {status}");
        }
        Ok(match failed.is_empty() && !self.ended.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    /// Waits for the end of a role, and kills everything when it does not come.
    fn wait_gone(&mut self, name: &str, deadline: Instant) -> bool {
        while self.roles.iter().any(|role| role.name == name) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(Event::Role(ended, RoleEvent::Exited(status))) => self.note_end(ended, status),
                // Whoever is in a hurry asks more than once.
                Ok(Event::Signal(_) | Event::Keys(_) | Event::Role(_, RoleEvent::Ready(_))) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    for role in &self.roles {
                        role.signal(Signal::SIGKILL);
                    }
                    return false;
                }
            }
        }
        true
    }
}
