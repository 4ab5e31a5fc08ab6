//! The rings themselves: aligned buffers, submission, linked write and flush, completion.
//!
//! Nearly all `unsafe` of the product is here. Two ways to run a ring, for two kinds of thread:
//!
//! ```text
//!   io_thread   tokio's current-thread runtime and tokio-uring's ring: sockets, timers, tasks and
//!               the reads and writes of objects, on one thread per core
//!   solo::run   one future and one ring of its own (io-uring crate), no runtime: the log writer,
//!               whose write and flush go to the kernel as one linked submission
//! ```
//!
//! What memory a ring sees is always owned: an operation takes its buffer, keeps it until the
//! kernel has answered, and gives it back. Dropping a future therefore never frees memory that the
//! kernel may still write to.
//!
//! Every ring is restricted before it is enabled to what a device needs: no ring opens a file or a socket,
//! whatever is submitted to it.
//!
//! Nothing here knows what the bytes mean, and nothing here decides what to do when a machine
//! refuses io_uring: [`probe`] gives the answer a type, the caller falls back.

mod aligned;
mod pages;
mod pool;
pub mod probe;
mod restrict;
pub mod solo;
mod thread;
mod wakeup;

pub use aligned::{AlignedBuf, BLOCK_BYTES, SharedBuf};
pub use pages::{PagePool, Pages};
pub use pool::{BUF_BYTES_MAX, BufPool};
pub use thread::{io_thread, submit};
