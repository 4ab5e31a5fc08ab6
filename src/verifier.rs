//! `blockhouse verifier`: settings → sockets → shut in → judge.
//!
//! Started by a launcher, which hands over the settings and two sockets: the one that gateways
//! connect to, and the one that keys come over. It judges nothing before the first keys have come;
//! whoever asks meanwhile waits in the kernel. Once it says that it is ready it can open no file and
//! start no thread any more. A signal, the launcher's death, or the end of one of its threads ends it
//! at once: it has nothing to save.

use anyhow::{Context as _, Result};
use blockhouse_daemon::{
    handoff::Launcher,
    notify::{ServiceManager, State},
    resources::{raise_limits, stay_on},
    signals::Signals,
};
use blockhouse_settings::VerifierSettings;
use blockhouse_verifier::{Judge, Keyring, Names, Provisioner, Worker, sandbox};
use std::{
    os::unix::net::{UnixListener, UnixStream},
    process::{self, ExitCode},
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

/// Runs until something ends it.
pub(crate) fn run() -> Result<ExitCode> {
    let signals = Signals::block()?;
    let mut launcher = Launcher::on_stdin()?;
    let [listener, provisioning] = launcher.receive_descriptors()?;
    let settings = VerifierSettings::parse(&launcher.receive()?)?;
    let manager = ServiceManager::reach()?;
    raise_limits();
    stay_on(&settings.cores).context("staying on the verifier's cores")?;
    let identity = sandbox::give_up_identity(settings.user)?;
    let files = sandbox::give_up_files()?;
    for lacking in identity.into_iter().chain(files) {
        tracing::warn!("{lacking}");
    }

    let names = Names::new(&settings.name, settings.aliases.clone())?;
    let judge = Judge::named(settings.region.clone(), Keyring::default(), names);
    let provisioned = Arc::new(OnceLock::new());
    let mut threads = Threads::new();
    for (worker, core) in workers(&judge, listener.into(), &settings)?
        .into_iter()
        .zip(&settings.cores)
    {
        let provisioned = Arc::clone(&provisioned);
        threads.spawn("worker", Some(*core), move || {
            provisioned.wait();
            worker.run().context("a worker")
        })?;
    }
    let provisioner = Provisioner::new(judge, provisioned);
    threads.spawn("provisioner", None, move || {
        provisioner.serve(UnixStream::from(provisioning))?;
        // Whoever provisions may go; the keys stay.
        thread::park();
        Ok(())
    })?;
    threads.spawn("signals", None, move || {
        let signal = signals.wait()?;
        tracing::debug!(signal, "ended");
        process::exit(0)
    })?;
    threads.wait_started()?;
    sandbox::give_up_system_calls()?;
    // Only a service manager would miss the word, and it sees us end.
    let _ = manager.tell(State::Ready);
    launcher.ready("")?;
    launcher.wait_gone();
    Ok(ExitCode::SUCCESS)
}

fn workers(
    judge: &Judge,
    listener: UnixListener,
    settings: &VerifierSettings,
) -> Result<Vec<Worker>> {
    let worker = |_: &usize| {
        let (judge, listener) = (judge.clone(), listener.try_clone()?);
        Ok(Worker::new(
            judge,
            listener,
            settings.dedicated,
            settings.gateway_uid,
        )?)
    };
    settings.cores.iter().map(worker).collect()
}

/// Threads without any of which the process is nothing: the end of one, by an error or a panic, is
/// the end of all.
struct Threads {
    count: usize,
    starts: Sender<Result<()>>,
    started: Receiver<Result<()>>,
}

impl Threads {
    fn new() -> Self {
        let (starts, started) = channel();
        Self {
            count: 0,
            starts,
            started,
        }
    }

    fn spawn(
        &mut self,
        name: &str,
        core: Option<usize>,
        run: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Result<()> {
        struct EndsAll;
        impl Drop for EndsAll {
            fn drop(&mut self) {
                process::exit(1);
            }
        }
        let starts = self.starts.clone();
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(move || {
            let _ends_all = EndsAll;
            let placed = core.map_or(Ok(()), |core| Ok(stay_on(&[core])?));
            // Nobody hears it when the main thread has given up already.
            let _ = starts.send(placed);
            drop(starts);
            if let Err(error) = run() {
                let why = format!("{error:#}");
                tracing::error!(why, "a part of the verifier ended");
            }
        })?;
        self.count += 1;
        Ok(())
    }

    /// A thread makes system calls to begin with that it needs never again: all of them must have
    /// begun before those are taken away.
    fn wait_started(self) -> Result<()> {
        (0..self.count).try_for_each(|_| self.started.recv()?)
    }
}
