//! The control rows: buckets and their settings, used one-time links, and what else is small,
//! changes seldom and is not an object.
//!
//! ```text
//!   log record, durable ──► MemoryControl ──► SledControl (queue) ──► its thread ──► sled
//!   checkpoint at boot  ──►  the truth in        a copy outside the pool, disposable
//!                            memory, bounded
//! ```
//!
//! # How it moves
//! The log is first: the writer asks [`MemoryControl::admit`], logs the change, and applies it here
//! when its frame is durable; then it hands the same change to [`SledControl`]. Checkpoints carry
//! all rows, so memory has them after every boot without sled.
//!
//! sled keeps a copy that can be asked, in order and by table, without the engine's locks. It is
//! believed at boot only if the last shutdown was clean, nothing was logged since, and every row it
//! has is intact and together they are exactly the rows that were there; otherwise its directory is
//! renamed aside and it is filled again from memory. No other way of recovery exists, so no fault
//! of sled after a crash can matter.
//!
//! # What it never does
//! Nothing is ever decided by what sled says, and nothing waits for it: a panic, an error, a full
//! queue or an answer that does not come costs a rebuild in a new directory, and after
//! [`REBUILDS_MAX`] of them sled stays off until the next start.
//!
//! # Bounds
//! [`ROWS_MAX`] rows of [`BYTES_MAX`] bytes; a change that would pass them is refused before it is
//! logged.

mod copy;
mod directory;
mod marker;
mod memory;
mod row;
mod sled_store;
#[cfg(test)]
mod tests;
mod worker;

pub(crate) use marker::LogEnd;
pub(crate) use memory::{ControlFull, MemoryControl};
pub(crate) use sled_store::{SledControl, SledCounters};

use blockhouse_format::Lsn;
use std::io;

/// The most control rows; measured: a million rows are rebuilt in half a minute. The change that
/// would be one more is refused with [`ControlFull`].
pub(crate) const ROWS_MAX: usize = 1_000_000;

/// The most bytes of control rows, keys and values together, refused in the same way.
pub(crate) const BYTES_MAX: usize = 256 << 20;

/// How often one process rebuilds sled's copy before it leaves sled off.
pub(crate) const REBUILDS_MAX: u32 = 3;

/// A control row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ControlRow {
    /// The table: one of `blockhouse_format::control`.
    pub(crate) table: u8,
    /// The key, unique in its table.
    pub(crate) key: Vec<u8>,
    /// The value.
    pub(crate) value: Vec<u8>,
}

/// A change of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ControlChange {
    /// The table.
    pub(crate) table: u8,
    /// The key.
    pub(crate) key: Vec<u8>,
    /// The new value; `None` removes the row.
    pub(crate) value: Option<Vec<u8>>,
}

/// Why a store of control rows does not answer. The rows themselves are safe in log and memory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// The copy is being made anew; ask again.
    #[error("the control store is being rebuilt")]
    Rebuilding,
    /// It was rebuilt [`REBUILDS_MAX`] times and is off until the next start.
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

/// A store of control rows.
pub(crate) trait ControlStore {
    /// Applies a batch that the log made durable; `lsn` is that of its last record. A batch at or
    /// below what was applied before changes nothing.
    fn apply(&self, lsn: Lsn, changes: &[ControlChange]) -> Result<(), ControlError>;

    /// Up to `rows_max` rows of a table in order of their keys, from the first that is `from` or
    /// behind it.
    fn scan(
        &self,
        table: u8,
        from: &[u8],
        rows_max: usize,
    ) -> Result<Vec<ControlRow>, ControlError>;

    /// All rows, and the LSN up to which they are applied.
    fn load(&self) -> Result<(Lsn, Vec<ControlRow>), ControlError>;

    /// Ends in order: nothing is applied afterwards, and `end` is the end of the log.
    fn close(&self, end: LogEnd) -> Result<(), ControlError>;
}
