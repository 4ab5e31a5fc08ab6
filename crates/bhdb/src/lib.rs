//! The debugger: inspect, fsck, dump; read-only, knows the format, not the engine.
