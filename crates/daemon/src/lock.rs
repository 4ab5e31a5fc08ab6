//! A lock file: one process at a time, and none that has died.
//!
//! The kernel holds the lock for as long as the process lives, so there are no stale locks. The
//! file's text tells whoever finds it taken how its holder is: `running` or `stopping`, with its
//! process id.
//!
//! ```text
//!   free ──────────────► ours
//!   taken, stopping ───► waits as long as a drain may last
//!   taken, running ────► waits a moment (it may have been told to stop just now), then gives up
//! ```

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process,
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

/// How long to wait for a holder that says it is running.
const RUNNING_PATIENCE: Duration = Duration::from_secs(3);

/// How long to wait for a holder that says it is stopping: a drain, and a little more.
const STOPPING_PATIENCE: Duration = Duration::from_secs(40);

/// How often the holder's word is read again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A lock that is held until this value or its process ends.
#[derive(Debug)]
pub struct Lock(File);

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("{} is in use by another process ({holder})", path.display())]
    Taken {
        /// The lock file.
        path: PathBuf,
        /// The file's text.
        holder: String,
    },
    /// The file cannot be used.
    #[error("the lock {} cannot be used", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock at `path`, waiting for a holder that dies; `waiting` is called once with the
    /// holder's text when there is one to wait for.
    pub fn take(path: &Path, waiting: impl FnOnce(&str)) -> Result<Self, LockError> {
        let failed = |source| LockError::Io {
            path: path.to_owned(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        let mut lock = match file.try_lock() {
            Ok(()) => Self(file),
            Err(TryLockError::WouldBlock) => {
                waiting(&holder(path));
                Self::wait(file, path)?
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        };
        lock.say("running").map_err(failed)?;
        Ok(lock)
    }

    /// Tells those who wait that the end is near.
    pub fn stopping(&mut self) -> io::Result<()> {
        self.say("stopping")
    }

    /// A thread of its own blocks on the lock; it is left behind if the wait is given up.
    fn wait(file: File, path: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io {
            path: path.to_owned(),
            source,
        };
        let (sender, receiver) = channel();
        thread::spawn(move || sender.send(file.lock().map(|()| Self(file))));
        let since = Instant::now();
        loop {
            match receiver.recv_timeout(LOOK_AGAIN) {
                Ok(taken) => return taken.map_err(failed),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(failed(io::ErrorKind::BrokenPipe.into()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let holder = holder(path);
            let stopping = holder.starts_with("stopping");
            let patience = if stopping {
                STOPPING_PATIENCE
            } else {
                RUNNING_PATIENCE
            };
            if since.elapsed() >= patience {
                return Err(LockError::Taken {
                    path: path.to_owned(),
                    holder,
                });
            }
        }
    }

    fn say(&mut self, word: &str) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.seek(SeekFrom::Start(0))?;
        writeln!(self.0, "{word}, process {}", process::id())
    }
}

/// What the holder wrote; empty when it cannot be read.
fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(100).read_to_string(&mut text));
    read.map(|_| text.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopping_holder_is_waited_for_and_a_running_one_is_named() {
        let dir = std::env::temp_dir().join(format!("blockhouse-lock-{}", process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("lock");
        let mut first = Lock::take(&path, |_| {}).unwrap();
        let refused = Lock::take(&path, |_| {}).unwrap_err();
        assert!(
            matches!(&refused, LockError::Taken { holder, .. } if holder.starts_with("running"))
        );

        first.stopping().unwrap();
        let (sender, receiver) = channel();
        let second = thread::spawn(move || {
            Lock::take(&path, |holder| sender.send(holder.to_owned()).unwrap()).map(drop)
        });
        assert!(receiver.recv().unwrap().starts_with("stopping"));
        drop(first);
        second.join().unwrap().unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
