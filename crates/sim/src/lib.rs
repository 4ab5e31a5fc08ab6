//! A store in one thread from one seed: clock, executor, faulty disks, crash and conformance
//! checkers.
//!
//! ```text
//!   seed ──► executor ──► engine + log writer ──► simulated devices ──► power cut ──► media
//!              │                  ▲                                                    │
//!              │   steps ─────────┘ answers ──► journal ──► oracle ◄── view ◄── open ◄─┘
//!              └ the same seed gives the same run, byte for byte
//! ```
//!
//! * [`exhaustive`]: every short sequence of operations, cut at every write boundary.
//! * [`random`]: lives from seeds, with cuts at random instants.
//! * [`nth`]: the n-th I/O fails, for all n.
//! * [`damage`]: blocks that are not what was written.
//! * [`scramble`]: whatever happens to the control store's directory.
//!
//! What is checked after every restart is written in one place, [`check`]: what was acknowledged is
//! there, what was not is there wholly or not at all, a history of the model explains all of it
//! ([`oracle`](Oracle)), the engine's books agree with each other, recovery kept to its bound, and
//! another restart changes nothing.
//!
//! Nothing here runs in a node; it uses real code of engine, format and store, and nothing of the
//! kernel.
#![forbid(unsafe_code)]

pub mod check;
mod checkpoints;
mod clock;
pub mod damage;
mod executor;
pub mod exhaustive;
mod journal;
pub mod letters;
pub mod node;
pub mod nth;
mod oracle;
pub mod random;
mod scramble;
pub mod seeds;

pub use clock::SimClock;
pub use executor::{Executor, Handle, Stuck, now};
pub use journal::{Journal, Step};
pub use node::{Hardware, Node, NodeError, Settings};
pub use oracle::{Attempt, Contradiction, Oracle};
pub use scramble::scramble;
