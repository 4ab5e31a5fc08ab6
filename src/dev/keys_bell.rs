//! How a change of DIR/keys.toml reaches the running verifier: whoever made it rings here, and is answered
//! when the verifier has the keys that the file holds now.
//!
//! ```text
//!   command: writes DIR/keys.toml ─► rings DIR/run/keys.sock ── waits ──► done: old keys are dead
//!                                              │                           ▲
//!   launcher:                                  └─► provision ─► verifier ──┘
//! ```
//! Nothing is read from who rings, and no secret is in the answer. The folder is its owner's alone, and so
//! is the bell.

use anyhow::{Context as _, Result, bail};
use blockhouse_verifier_wire::client::address;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, bind, connect, listen, socket};
use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    thread,
    time::Duration,
};

/// What is answered when it went well.
const DONE: &str = "done";

/// Rings that wait at a time; one more is turned away by the kernel.
const BACKLOG: i32 = 16;

/// How long a ring waits for its answer: the verifier may be starting.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Somebody who rang and waits.
#[derive(Debug)]
pub(super) struct Ring(UnixStream);

impl Ring {
    /// Answers. Whoever rang may have gone.
    pub(super) fn answer(mut self, outcome: &Result<()>) {
        let text = match outcome {
            Ok(()) => DONE.to_owned(),
            Err(error) => format!("{error:#}"),
        };
        let _ = self.0.write_all(text.as_bytes());
    }
}

/// Hangs the bell, and tells of each ring until nobody listens any more.
pub(super) fn hang(path: &Path, ring: impl Fn(Ring) -> bool + Send + 'static) -> Result<()> {
    let shown = || format!("{}", path.display());
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error).with_context(shown);
    }
    let socket = stream_socket()?;
    let (address, _folder) = address(path).with_context(shown)?;
    bind(socket.as_raw_fd(), &address).with_context(shown)?;
    listen(&socket, Backlog::new(BACKLOG)?)?;
    let bell = UnixListener::from(socket);
    let listening = thread::Builder::new().name("keys-bell".into());
    listening.spawn(move || {
        for stream in bell.incoming() {
            let goes_on = match stream {
                Ok(stream) => ring(Ring(stream)),
                Err(error) => {
                    let goes_on = error.kind() == io::ErrorKind::ConnectionAborted;
                    if !goes_on {
                        tracing::error!(%error, "changes of keys are not heard any more");
                    }
                    goes_on
                }
            };
            if !goes_on {
                return;
            }
        }
    })?;
    Ok(())
}

/// Rings and waits. `false` when no node runs: what changed counts from its next start on.
pub(super) fn ring(path: &Path) -> Result<bool> {
    let socket = stream_socket()?;
    let absent = |error: &io::Error| {
        let kind = error.kind();
        kind == io::ErrorKind::NotFound || kind == io::ErrorKind::ConnectionRefused
    };
    let connected = address(path).and_then(|(address, _folder)| {
        connect(socket.as_raw_fd(), &address)?;
        Ok(())
    });
    match connected {
        Ok(()) => {}
        Err(error) if absent(&error) => return Ok(false),
        Err(error) => return Err(error).with_context(|| format!("{}", path.display())),
    }
    let stream = UnixStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut answer = String::new();
    stream
        .take(ANSWER_BYTES_MAX)
        .read_to_string(&mut answer)
        .context("the node does not say whether it took the keys")?;
    match &*answer {
        DONE => Ok(true),
        "" => bail!("the node ended before it took the keys: they count from its next start on"),
        why => bail!("the node does not take the keys: {why}"),
    }
}

fn stream_socket() -> Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    Ok(socket(AddressFamily::Unix, SockType::Stream, flags, None)?)
}
