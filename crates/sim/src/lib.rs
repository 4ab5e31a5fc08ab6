//! A store in one thread from one seed.
#![forbid(unsafe_code)]

mod clock;
mod executor;
mod oracle;

pub use clock::SimClock;
pub use executor::{Executor, Handle, Stuck, now};
pub use oracle::{Attempt, Contradiction, Oracle, ROUND_OPS_MAX};
