//! `cargo xtask`: what cargo cannot do.
fn main() {}
