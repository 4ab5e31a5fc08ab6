//! What every process does first and last: logging, metrics, signals, readiness.
