//! SIGINT and SIGTERM, taken by one thread that waits for them.
//!
//! There is no signal handler: the signals are blocked before other threads are started, so that all
//! inherit the block, and [`Signals::wait`] takes them one after the other.

use nix::{
    errno::Errno,
    sys::signal::{SigSet, Signal},
};

/// The blocked signals.
#[derive(Debug, Clone, Copy)]
pub struct Signals(SigSet);

impl Signals {
    /// Blocks SIGINT and SIGTERM for this thread and all that it starts. Call it before any other
    /// thread is started that lives on. Programs that are executed start with nothing blocked.
    pub fn block() -> Result<Self, Errno> {
        let set: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
        set.thread_block()?;
        Ok(Self(set))
    }

    /// Waits for the next one and names it.
    pub fn wait(&self) -> Result<&'static str, Errno> {
        loop {
            match self.0.wait() {
                Ok(signal) => return Ok(signal.as_str()),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
