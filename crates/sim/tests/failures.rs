//! Devices that fail and media that lie.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

use blockhouse_sim::{
    Settings, damage,
    letters::{Letter, Stage},
    nth,
    seeds::{self, Share},
};

/// Seeds of the damage test, and damaged copies of each.
const SEEDS: u64 = 60;
const TRIALS: usize = 40;

fn each_io(devices: usize) {
    let settings = Settings::small(devices);
    let stage = Stage::set(&settings, 2).unwrap();
    let mut failures = 0;
    for letter in Letter::ALL {
        let letters = [letter, Letter::OverwriteLarge, Letter::Checkpoint];
        match nth::each_io(&settings, &stage, &letters) {
            Ok(more) => failures += more,
            Err(broken) => {
                panic!("{broken}\n\nreplay: cargo test -p blockhouse-sim --test failures");
            }
        }
    }
    println!("{devices} devices: {failures} failures");
}

#[test]
fn each_io_fails_on_the_only_device() {
    each_io(1);
}

#[test]
fn each_io_fails_on_one_of_two_devices() {
    each_io(2);
}

#[test]
fn damage_is_an_error_or_is_mended() {
    let mut noticed = 0;
    let run = |seed| {
        noticed += damage::trials(seed, TRIALS)?;
        Ok(())
    };
    seeds::each("damage", SEEDS, Share { nth: 0, of: 1 }, run).unwrap();
    assert!(noticed > 0, "no damage ever showed: the test looks past it");
}
