//! The debugger: what lies on the devices of a pool, and whether it is whole.
//!
//! ```text
//!   images ─► superblocks ─► newest checkpoint ─► log behind it ─► every row, record and byte
//!    pool        pool            state               log, replay       rows, space
//! ```
//! [`inspect`] prints these in that order, [`fsck`] checks them. Both say which truth they report: a
//! superblock copy, a checkpoint, the log, or all together.
//!
//! What it never does: write (devices are opened for reading), lock (a node may be running on the
//! same devices; then the end of the log is what had arrived when it was read), stop at an error, or
//! use the engine. It reads the format with code of its own, so that a mistake in either shows.
#![forbid(unsafe_code)]

mod fsck;
mod inspect;
mod log;
mod pool;
mod replay;
mod report;
mod rows;
mod show;
mod space;
mod state;

pub use fsck::fsck;
pub use inspect::inspect;
pub use report::Verdict;
