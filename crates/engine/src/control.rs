//! A copy of the control rows in sled: buckets and their settings, and what other small tables the log
//! carries.
//!
//! ```text
//!   log record, durable ──► catalog ──► SledControl (queue) ──► its thread ──► sled
//!   checkpoint at boot  ──►  the truth     a copy outside the pool, disposable
//! ```
//!
//! # How it moves
//! The log is first: a change is admitted by the catalog's bounds, logged, and applied to the catalog
//! when its frame is durable; then the same change goes to the copy. Checkpoints carry all rows, so
//! the catalog has them after every boot without sled. The copy can be asked, in order and by table,
//! without the engine's locks.
//!
//! It is believed at boot only if the last shutdown was clean, nothing was logged since, and every
//! row it has is intact and together they are exactly the rows that were there; otherwise its
//! directory is renamed aside and it is filled again from the catalog. No other way of recovery
//! exists, so no fault of sled after a crash can matter.
//!
//! # What it never does
//! Nothing is ever decided by what sled says, and nothing waits for it: a panic, an error, a full
//! queue or an answer that does not come costs a rebuild in a new directory, and after
//! [`REBUILDS_MAX`] of them sled stays off until the next start.

#[cfg(test)]
mod boot_tests;
mod copy;
mod directory;
mod marker;
#[cfg(test)]
mod memory;
mod row;
mod sled_store;
#[cfg(test)]
mod tests;
mod worker;

pub(crate) use marker::LogEnd;
pub(crate) use sled_store::SledControl;

use blockhouse_format::{Lsn, record::Control};
use std::io;

/// How often one process rebuilds sled's copy before it leaves sled off.
pub(crate) const REBUILDS_MAX: u32 = 3;

/// A control row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlRow {
    /// The table: one of `blockhouse_format::control`.
    pub table: u8,
    /// The key, unique in its table.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

/// How the copy has fared since the start; for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlStats {
    /// Whether it serves: neither being built nor off.
    pub serving: bool,
    /// Whether the copy of the last run was believed at the start.
    pub believed: bool,
    /// How many copies were made.
    pub rebuilds: u32,
    /// Errors, panics, overruns and missed deadlines.
    pub faults: u32,
}

/// Why a store of control rows does not answer. The rows themselves are safe in log and catalog.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The copy is being made anew; ask again.
    #[error("the control store is being rebuilt")]
    Rebuilding,
    /// It was rebuilt `REBUILDS_MAX` times and is off until the next start.
    #[error("the control store is off after {REBUILDS_MAX} rebuilds")]
    Off,
    /// sled failed.
    #[error("sled")]
    Sled(#[from] sled::Error),
    /// Its directory cannot be used.
    #[error("cannot {what} in the control store's directory")]
    Directory {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// sled panicked.
    #[error("sled panicked")]
    Panicked,
    /// A row is not what was written.
    #[error("a row of the control store is damaged")]
    Damaged,
}

/// A store of control rows that is fed from the log.
pub(crate) trait ControlStore: Send + Sync {
    /// Applies a batch that the log made durable; `lsn` is that of its last record. A batch at or
    /// below what was applied before changes nothing.
    fn apply(&self, lsn: Lsn, changes: &[Control]) -> Result<(), ControlError>;

    /// Up to `rows_max` rows of a table in order of their keys, from the first that is `from` or
    /// behind it.
    fn scan(
        &self,
        table: u8,
        from: &[u8],
        rows_max: usize,
    ) -> Result<Vec<ControlRow>, ControlError>;

    /// How it has fared.
    fn stats(&self) -> ControlStats;

    /// Ends in order: nothing is applied afterwards, and `end` is the end of the log.
    fn close(&self, end: LogEnd) -> Result<(), ControlError>;
}

/// Where the rows are that a copy is made of.
pub(crate) trait ControlTruth: Send + Sync + std::fmt::Debug {
    /// All rows, and an LSN up to which they have everything.
    fn rows(&self) -> (Lsn, Vec<ControlRow>);
}
