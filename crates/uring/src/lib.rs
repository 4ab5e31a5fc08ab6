//! The rings themselves: aligned buffers, submission, linked write and flush, completion.
//!
//! Nearly all `unsafe` of the product is here.

mod aligned;

pub use aligned::{AlignedBuf, BLOCK_BYTES};
