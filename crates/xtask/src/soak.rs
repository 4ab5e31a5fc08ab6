//! The long runs.

use crate::stage::{Stage, command, root};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    num::NonZero,
    path::PathBuf,
    process::Command,
    slice::Iter,
    sync::{Mutex, PoisonError},
    thread,
};

/// How long each fuzz target runs in a soak, in seconds.
const FUZZ_SECS: u64 = 300;

/// The parts of a soak.
pub(crate) fn stages() -> Vec<Stage> {
    vec![
        Stage::new("sim", 120, || {
            let deeper = [
                ("BLOCKHOUSE_SIM_DEPTH", "3"),
                ("BLOCKHOUSE_SIM_SEEDS", "10000"),
            ];
            command(
                &[
                    "cargo",
                    "test",
                    "--package",
                    "blockhouse-sim",
                    "--",
                    "--nocapture",
                ],
                &deeper,
            )
        }),
        Stage::new("kill", 20, || {
            let node = "target/release/blockhouse";
            let rounds = [("BLOCKHOUSE_KILL_ROUNDS", "50")];
            command(&["cargo", "build", "--release", "--quiet"], &[])?;
            command(
                &["python3", "tests/clients/kill.py", "--launch", node],
                &rounds,
            )
        }),
        Stage::new("links", 30, || {
            let node = "target/release/blockhouse";
            let more = [
                ("BLOCKHOUSE_LINK_RACES", "1000"),
                ("BLOCKHOUSE_LINK_KILLS", "50"),
            ];
            command(&["cargo", "build", "--release", "--quiet"], &[])?;
            command(&["python3", "tests/links/run.py", "--launch", node], &more)
        }),
        Stage::new("policies", 20, || {
            let more = [("BLOCKHOUSE_POLICY_PAIRS", "1000000")];
            let test = [
                "cargo",
                "test",
                "--release",
                "--package",
                "blockhouse-policy",
            ];
            let random = ["--test", "random", "--", "--nocapture"];
            command(&[test.as_slice(), random.as_slice()].concat(), &more)
        }),
        Stage::new("mutants", 10, || {
            let more = [("BLOCKHOUSE_MUTANTS", "100000")];
            command(&["python3", "tests/signers/mutants.py"], &more)
        }),
        // Timed: may fail on a machine that does much else. The figures are printed either way.
        Stage::commands(
            "timing",
            12,
            &[&[
                "cargo",
                "run",
                "--release",
                "--quiet",
                "--package",
                "blockhouse-verifier",
                "--example",
                "constant_time",
            ]],
        ),
        Stage::new("fuzz", 120, || fuzz(FUZZ_SECS)),
    ]
}

/// Runs every fuzz target for `secs` seconds, as many at once as there are cores; a finding fails the stage and stays in
/// `fuzz/artifacts`.
pub(crate) fn fuzz(secs: u64) -> Result<()> {
    let listed = Command::new("cargo")
        .args(["+nightly", "fuzz", "list"])
        .current_dir(root())
        .output()
        .context("cargo-fuzz could not be started")?;
    if !listed.status.success() {
        bail!(
            "cargo fuzz list: {}",
            String::from_utf8_lossy(&listed.stderr)
        );
    }
    let targets = String::from_utf8(listed.stdout)?;
    let targets: Vec<&str> = targets.lines().collect();
    if let Some(bare) = targets.iter().find(|target| !seeds(target).is_dir()) {
        bail!("{bare} has no seeds: put a small legal input into fuzz/seeds/{bare}");
    }
    command(&["cargo", "+nightly", "fuzz", "build"], &[])?;
    let left = Mutex::new(targets.iter());
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|_| scope.spawn(|| fuzz_all(&left, secs)))
            .collect();
        workers.into_iter().try_for_each(|worker| {
            let ended = worker.join();
            ended.unwrap_or_else(|_| bail!("a worker of the fuzzing panicked"))
        })
    })?;
    println!(
        "{} fuzz targets, {secs} s each, nothing found",
        targets.len()
    );
    Ok(())
}

/// Runs one target after the other, until none is left or one fails.
fn fuzz_all(left: &Mutex<Iter<'_, &str>>, secs: u64) -> Result<()> {
    let limit = format!("-max_total_time={secs}");
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    while let Some(target) = next() {
        // What is found on the way stays in the corpus; the seeds are committed.
        let corpus = format!("fuzz/corpus/{target}");
        let seeds = format!("fuzz/seeds/{target}");
        fs::create_dir_all(root().join(&corpus)).with_context(|| format!("making {corpus}"))?;
        let run = ["cargo", "+nightly", "fuzz", "run", target, &corpus, &seeds];
        let how = ["--", &limit, "-verbosity=0"];
        command(&[&run[..], &how].concat(), &[])?;
    }
    Ok(())
}

fn seeds(target: &str) -> PathBuf {
    root().join("fuzz/seeds").join(target)
}
