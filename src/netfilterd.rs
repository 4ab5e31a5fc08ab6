//! `blockhouse netfilterd`: settings → shut in → serve the node's networks.
//!
//! Started by a launcher, which hands over the settings and the socket that the node connects to; or by a
//! service manager, with the settings in a file and the socket as stdin. It has made nothing until the node
//! says what there is to be. A signal or the launcher's death ends it; with the settings' leave it takes its
//! networks down then, else they stay for the next.

use crate::cli::NetfilterdArgs;
use anyhow::{Context as _, Result, bail};
use blockhouse_daemon::{
    handoff::Launcher,
    notify::{ServiceManager, State},
    resources::raise_limits,
    signals::Signals,
};
use blockhouse_netfilterd::{Daemon, sandbox};
use blockhouse_settings::NetfilterdSettings;
use nix::sys::socket::{SockType, getsockopt, sockopt};
use std::{
    fs,
    io::{self, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    process::ExitCode,
    thread,
};

/// What it starts from.
struct Start {
    settings: String,
    listener: OwnedFd,
    /// Who waits to hear of it, unless that is a service manager.
    launcher: Option<Launcher>,
}

impl Start {
    fn by_launcher() -> Result<Self> {
        let mut launcher = Launcher::on_stdin()?;
        let [listener] = launcher.receive_descriptors()?;
        Ok(Self {
            settings: launcher.receive()?,
            listener,
            launcher: Some(launcher),
        })
    }

    /// Source: systemd.exec(5), `StandardInput=socket`.
    fn by_service_manager(settings: &Path) -> Result<Self> {
        let shown = || format!("--settings {}", settings.display());
        let settings = fs::read_to_string(settings).with_context(shown)?;
        let stdin = io::stdin();
        if getsockopt(&stdin, sockopt::AcceptConn) != Ok(true)
            || getsockopt(&stdin, sockopt::SockType) != Ok(SockType::SeqPacket)
        {
            bail!("--settings: stdin is to be a listening socket of sequential packets");
        }
        Ok(Self {
            settings,
            listener: stdin.as_fd().try_clone_to_owned()?,
            launcher: None,
        })
    }
}

/// Runs until something ends it.
pub(crate) fn run(args: &NetfilterdArgs) -> Result<ExitCode> {
    let signals = Signals::block()?;
    let Start {
        settings,
        listener,
        launcher,
    } = match &args.settings {
        None => Start::by_launcher()?,
        Some(path) => Start::by_service_manager(path)?,
    };
    let settings = NetfilterdSettings::parse(&settings)?;
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
    ending("signals", Box::new(signalled), by_signal)?;
    if let Some(mut launcher) = launcher {
        launcher.ready("")?;
        let gone = move || launcher.wait_gone();
        ending("launcher", Box::new(gone), by_launcher)?;
    }

    daemon
        .run(listener.as_fd(), end.as_fd())
        .context("the network filter")?;
    if takes_down {
        daemon.take_down();
    }
    Ok(ExitCode::SUCCESS)
}
