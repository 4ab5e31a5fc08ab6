//! `blockhouse node`: settings → parts → serve → drain.
//!
//! Started by a launcher, which hands the settings over on stdin. They are read whole before a port
//! is bound; the launcher hears of readiness once every thread serves. A signal, or the launcher's
//! death, begins the drain. A part that ends on its own ends the node: it is whole or not at all.

use crate::{assemble::assemble, shutdown::shutdown};
use anyhow::{Context as _, Result};
use blockhouse_daemon::{
    handoff::Launcher,
    notify::{ServiceManager, State},
    resources::{raise_limits, stay_on},
    signals::Signals,
};
use blockhouse_settings::NodeSettings;
use std::{fmt, process::ExitCode, sync::mpsc::Sender, thread};

/// Why the node ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// A signal asked for it.
    Signal(&'static str),
    /// The launcher has died, and nobody would end us later.
    LauncherGone,
    /// A part ended on its own.
    Part { name: String, why: String },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(name) => f.write_str(name),
            Self::LauncherGone => f.write_str("the launcher has died"),
            Self::Part { name, why } => write!(f, "{name} ended: {why}"),
        }
    }
}

/// Runs until something ends it.
pub(crate) fn run() -> Result<ExitCode> {
    let signals = Signals::block()?;
    let mut launcher = Launcher::on_stdin()?;
    let settings = NodeSettings::parse(&launcher.receive()?)?;
    let manager = ServiceManager::reach()?;
    raise_limits();
    if !settings.io_cores.is_empty() {
        stay_on(&settings.io_cores).context("staying on the node's cores")?;
    }

    let mut node = assemble(&settings)?;
    node.serve()?;
    launcher.ready(&node.addresses.to_string())?;
    manager.tell(State::Ready)?;
    tracing::info!(addresses = %node.addresses, io_threads = node.threads.len(), "serving");

    watch(signals, launcher, &node.endings)?;
    let ending = node.wait_ending()?;
    shutdown(node, ending, &manager)
}

/// One thread each, because each blocks.
fn watch(signals: Signals, launcher: Launcher, endings: &Sender<Ending>) -> Result<()> {
    let signalled = endings.clone();
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            // Only the first one counts, and later nobody listens.
            while let Ok(signal) = signals.wait() {
                let _ = signalled.send(Ending::Signal(signal));
            }
        })?;
    let gone = endings.clone();
    thread::Builder::new()
        .name("launcher".into())
        .spawn(move || {
            launcher.wait_gone();
            let _ = gone.send(Ending::LauncherGone);
        })?;
    Ok(())
}
