//! Decides, from the network model and a flow, whether a packet or connection belongs to a VPC that
//! may speak, and renders the same rules for the kernel.
#![forbid(unsafe_code)]

mod model;

pub use model::*;
