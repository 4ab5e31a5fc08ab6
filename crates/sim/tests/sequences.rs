//! All sequences of two operations, cut at every write boundary; of three with
//! `BLOCKHOUSE_SIM_DEPTH=3`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

use blockhouse_sim::{
    Settings,
    exhaustive::{self, Tally},
    letters::{Letter, Stage},
    seeds,
};

/// Plays the sequences whose first letter falls to share `nth` of two, on `devices` devices.
fn all(devices: usize, nth: usize) {
    let len = seeds::number("BLOCKHOUSE_SIM_DEPTH").unwrap_or(2) as u32;
    let settings = Settings::small(devices);
    let stage = Stage::set(&settings, 1).unwrap();
    let mut tally = Tally::default();
    let base = Letter::ALL.len();
    for number in (0..base.pow(len)).filter(|number| number % 2 == nth) {
        let letter = |place| Letter::ALL[number / base.pow(place) % base];
        let letters: Vec<_> = (0..len).map(letter).collect();
        match exhaustive::sequence(&settings, &stage, &letters, number as u64) {
            Ok(more) => tally.add(more),
            Err(broken) => panic!(
                "{broken}\n\nreplay: cargo test -p blockhouse-sim --test sequences  (sequence \
                 {number} on {devices} devices)"
            ),
        }
    }
    println!(
        "{devices} devices: {} sequences, {} crash images",
        tally.sequences, tally.images
    );
}

#[test]
fn one_device_even() {
    all(1, 0);
}

#[test]
fn one_device_odd() {
    all(1, 1);
}

#[test]
fn two_devices_even() {
    all(2, 0);
}

#[test]
fn two_devices_odd() {
    all(2, 1);
}
