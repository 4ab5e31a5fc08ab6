//! What every process does first and last: log, take signals, say that it is ready, and go.
//!
//! ```text
//!   Signals::block ─► log::init ─► handoff::Launcher::receive ─► … build … ─► ready ─► serve
//!                                        │                                      ▲
//!                                  settings and secrets            stop: a signal, or the
//!                                  over a socket on stdin          launcher's end of the socket
//! ```
//!
//! A process that was started by a launcher gets its settings and secrets over an inherited socket,
//! never in its arguments or its environment, which every other process of the user may read. The
//! same socket tells each side when the other has died.
#![forbid(unsafe_code)]

pub mod handoff;
pub mod lock;
pub mod log;
pub mod notify;
pub mod pid_file;
pub mod resources;
pub mod signals;
