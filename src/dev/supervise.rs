//! Waits for what may happen to a running `dev`, and ends it.
//!
//! ```text
//!   starting ──ready──► serving ──signal, node ended──► ending ──all ended──► exit code
//!       └──────────signal, node ended────────────────────┘  └─30 s─► SIGKILL
//! ```

use super::{
    home::Home,
    role::{Role, RoleEvent},
};
use anyhow::Result;
use blockhouse_daemon::{lock::Lock, signals::Signals};
use blockhouse_settings::Secret;
use nix::sys::signal::Signal;
use std::{
    process::{ExitCode, ExitStatus},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

/// From the word to end until nothing runs any more; roles drain for less.
const END_PATIENCE: Duration = Duration::from_secs(29);

enum Event {
    Signal(&'static str),
    Role(RoleEvent),
}

impl From<RoleEvent> for Event {
    fn from(event: RoleEvent) -> Self {
        Self::Role(event)
    }
}

/// The roles and what happens to them.
pub(super) struct Supervisor {
    lock: Lock,
    role: Option<Role>,
    ended: Option<ExitStatus>,
    sender: Sender<Event>,
    events: Receiver<Event>,
}

impl Supervisor {
    pub(super) fn new(signals: Signals, lock: Lock) -> Result<Self> {
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
            role: None,
            ended: None,
            sender,
            events,
        })
    }

    /// Starts a role with its settings.
    pub(super) fn start(
        &mut self,
        home: &Home,
        name: &'static str,
        settings: &Secret,
        log: &str,
    ) -> Result<()> {
        self.role = Some(Role::start(home, name, settings, log, &self.sender)?);
        Ok(())
    }

    /// What the node says when it is ready; `None` when it is time to end instead.
    pub(super) fn wait_ready(&mut self) -> Result<Option<String>> {
        match self.events.recv()? {
            Event::Role(RoleEvent::Ready(said)) => Ok(Some(said)),
            Event::Role(RoleEvent::Exited(status)) => {
                self.ended = Some(status);
                Ok(None)
            }
            Event::Signal(_) => Ok(None),
        }
    }

    /// Waits until it is time to end.
    pub(super) fn wait_end(&mut self) {
        match self.events.recv() {
            Ok(Event::Role(RoleEvent::Exited(status))) => self.ended = Some(status),
            Ok(Event::Signal(signal)) => super::say(&format!("{signal}: draining")),
            Ok(Event::Role(RoleEvent::Ready(_))) | Err(_) => {}
        }
    }

    /// Ends every role and tells how it went: well, if the node ended of its own accord.
    pub(super) fn end(mut self, home: &Home) -> Result<ExitCode> {
        self.lock.stopping()?;
        let Some(role) = self.role.take() else {
            return Ok(ExitCode::FAILURE);
        };
        if self.ended.is_none() {
            role.signal(Signal::SIGTERM);
        }
        let deadline = Instant::now() + END_PATIENCE;
        while self.ended.is_none() {
            match self
                .events
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(Event::Role(RoleEvent::Exited(status))) => self.ended = Some(status),
                // Ctrl-C reaches us and the role alike, and often more than once.
                Ok(Event::Signal(_) | Event::Role(RoleEvent::Ready(_))) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    role.signal(Signal::SIGKILL);
                    break;
                }
            }
        }
        Ok(match self.ended {
            Some(status) if status.success() => ExitCode::SUCCESS,
            Some(status) => {
                let (name, dir) = (role.name, home.dir().display());
                eprintln!("blockhouse: the {name} in {dir} ended: {status}");
                ExitCode::FAILURE
            }
            None => {
                eprintln!(
                    "blockhouse: the {} did not drain in time and was killed",
                    role.name
                );
                ExitCode::FAILURE
            }
        })
    }
}
