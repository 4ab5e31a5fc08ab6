//! Structured logs: for eyes on a terminal, JSON otherwise.
//!
//! Lines go to standard error; standard output belongs to what a command was asked for. No secret
//! is ever a field of an event: types that hold one print nothing of it.

use std::io::{IsTerminal, stderr};
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, prelude::*};

/// What is told when nobody asks for more or less.
pub const DEFAULT_FILTER: &str = "info";

/// Why logging did not start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error("{filter:?} is not a log filter, such as `info` or `info,blockhouse_gateway=debug`")]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Logging was started before.
    #[error("logging was started twice")]
    Twice,
}

/// Starts logging for this process, by a filter in the syntax of `RUST_LOG`.
pub fn init(filter: &str) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(filter).map_err(|source| LogError::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = if stderr().is_terminal() {
        registry
            .with(fmt::layer().with_writer(stderr).with_target(false))
            .try_init()
    } else {
        registry
            .with(fmt::layer().json().flatten_event(true).with_writer(stderr))
            .try_init()
    };
    started.map_err(|_| LogError::Twice)
}
