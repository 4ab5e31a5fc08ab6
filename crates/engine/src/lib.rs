//! Keeps objects on devices: index, log, extents, multipart, recovery, space; fulfils the store contract.

mod control;
mod index;
