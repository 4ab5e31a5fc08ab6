//! `blockhouse netfilterd`: settings → shut in → serve the node's networks.
//!
//! Started by a launcher, which hands over the settings and the socket that the node connects to. It has
//! made nothing until the node says what there is to be. A signal or the launcher's death ends it; with
//! the settings' leave it takes its networks down then, else they stay for the next.

use anyhow::{Context as _, Result};
use blockhouse_daemon::{
    handoff::Launcher,
    notify::{ServiceManager, State},
    resources::raise_limits,
    signals::Signals,
};
use blockhouse_netfilterd::{Daemon, sandbox};
use blockhouse_settings::NetfilterdSettings;
use std::{
    io::Write as _,
    os::{fd::AsFd as _, unix::net::UnixStream},
    process::ExitCode,
    thread,
};

/// Runs until something ends it.
pub(crate) fn run() -> Result<ExitCode> {
    let signals = Signals::block()?;
    let mut launcher = Launcher::on_stdin()?;
    let [listener] = launcher.receive_descriptors()?;
    let settings = NetfilterdSettings::parse(&launcher.receive()?)?;
    raise_limits();
    sandbox::give_up_capabilities()?;
    let takes_down = settings.takes_down;
    let mut daemon = Daemon::new(settings)?;

    // Both of these block, and one byte of either ends the daemon.
    let (end, by_signal) = UnixStream::pair()?;
    let by_launcher = by_signal.try_clone()?;
    let ending = |name: &str, wait: Box<dyn FnOnce() + Send>, mut ends: UnixStream| {
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(move || {
            wait();
            // It may have ended already.
            let _ = ends.write_all(b"e");
        })
    };
    let signalled = move || {
        let _ = signals.wait();
    };
    ServiceManager::reach()?.tell(State::Ready)?;
    launcher.ready("")?;
    ending("signals", Box::new(signalled), by_signal)?;
    ending(
        "launcher",
        Box::new(move || launcher.wait_gone()),
        by_launcher,
    )?;

    daemon
        .run(listener.as_fd(), end.as_fd())
        .context("the network filter")?;
    if takes_down {
        daemon.take_down();
    }
    Ok(ExitCode::SUCCESS)
}
