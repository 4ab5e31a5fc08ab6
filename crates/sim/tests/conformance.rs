//! The engine does what the model does: a million random operations, over all seeds together.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use blockhouse_sim::{
    Settings,
    check::{self, Broken, When},
    node,
    seeds::{self, Share},
};
use blockhouse_store::kit::{Profile, View, conform, view};

/// Seeds; with [`STEPS`] each, a million operations.
const SEEDS: u64 = 400;
const STEPS: usize = 2500;
/// Everything is compared after so many operations.
const VIEW_EVERY: usize = 250;

fn run(seed: u64) -> Result<(), Broken> {
    let mut settings = Settings::small(1 + (seed % 2) as usize);
    settings.device_bytes = 128 << 20;
    // The three longest documents of a bucket must fit a frame.
    settings.config.segment_bytes = Some(1 << 20);
    settings.config.frame_bytes_max = 512 << 10;
    settings.latency_turns = (seed % 3) as u32;
    let media = node::create(&settings, seed).when("making the pool")?;
    let mut node = check::boot(&settings, media, seed)?;
    let lens_bytes = vec![0, 1, 700, 4096, 4097, 12_000, 70_000];
    let profile = Profile {
        lens_bytes,
        ..Profile::default()
    };
    let store = node.store.clone();
    let conforming = async move { conform(&store, profile, seed, STEPS, VIEW_EVERY).await };
    let model = node.wait(conforming).when("running")?;
    let model = model.map_err(|mismatch| Broken::Rule(mismatch.to_string()))?;
    node.audit().when("auditing")?;
    let media = node.shutdown().when("stopping")?;
    let mut again = check::boot(&settings, media, seed)?;
    let seen = again.view().when("looking at everything after a restart")?;
    model.restart(again.floor());
    let expected: View = blockhouse_sim::now(view(&model)).unwrap().unwrap();
    if seen == expected {
        return Ok(());
    }
    let (before, after) = expected.first_difference(&seen);
    Err(Broken::Changed {
        when: "after a restart",
        before,
        after,
    })
}

#[test]
fn conformance_a() {
    seeds::each("conformance", SEEDS, Share { nth: 0, of: 2 }, run).unwrap();
}

#[test]
fn conformance_b() {
    seeds::each("conformance", SEEDS, Share { nth: 1, of: 2 }, run).unwrap();
}
