//! Blockhouse.
fn main() {}
