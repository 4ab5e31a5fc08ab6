//! The end of a node's service: one switch that every I/O thread watches.
//!
//! ```text
//!   Serving ──begin──► Draining ──(all answered, or drain_secs passed)──► ended
//!      └──────────cut───────┴──cut──────────────────────────────────────► ended
//! ```
//!
//! While draining, listeners are closed, idle connections close, and each busy one closes after its
//! answer. It never goes backwards.

use tokio::sync::watch;

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DrainPhase {
    /// Requests are taken.
    Serving,
    /// No new connection; what is in flight may finish.
    Draining,
    /// Whatever is left is dropped.
    Cut,
}

/// The switch.
#[derive(Debug)]
pub struct Drain(watch::Sender<DrainPhase>);

/// One thread's view of it.
#[derive(Debug, Clone)]
pub struct DrainWatch(watch::Receiver<DrainPhase>);

impl Default for Drain {
    fn default() -> Self {
        Self(watch::Sender::new(DrainPhase::Serving))
    }
}

impl Drain {
    /// Begins to drain. Nothing happens if that was done before.
    pub fn begin(&self) {
        self.advance(DrainPhase::Draining);
    }

    /// Ends at once.
    pub fn cut(&self) {
        self.advance(DrainPhase::Cut);
    }

    /// A view for one thread.
    pub fn watch(&self) -> DrainWatch {
        DrainWatch(self.0.subscribe())
    }

    fn advance(&self, to: DrainPhase) {
        self.0.send_if_modified(|phase| {
            let later = to > *phase;
            *phase = to.max(*phase);
            later
        });
    }
}

impl DrainWatch {
    /// The phase now.
    pub fn phase(&self) -> DrainPhase {
        *self.0.borrow()
    }

    /// Waits until the phase is at least `phase`. A switch that was dropped counts as cut.
    pub async fn reached(&mut self, phase: DrainPhase) {
        // An error means that nobody can move the switch any more, which is the end as well.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_backwards() {
        let drain = Drain::default();
        let watch = drain.watch();
        assert_eq!(watch.phase(), DrainPhase::Serving);
        drain.cut();
        drain.begin();
        assert_eq!(watch.phase(), DrainPhase::Cut);
    }
}
