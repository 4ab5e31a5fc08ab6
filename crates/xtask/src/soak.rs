//! The long runs.

use crate::stage::{Stage, command, root};
use anyhow::{Context as _, Result, bail};
use std::{fs, process::Command};

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
        Stage::new("mutants", 10, || {
            let more = [("BLOCKHOUSE_MUTANTS", "100000")];
            command(&["python3", "tests/signers/mutants.py"], &more)
        }),
        // Timed: may fail on a machine that does much else. The figures are printed either way.
        Stage::commands(
            "timing",
            5,
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

/// Runs every fuzz target for `secs` seconds; a finding fails the stage and stays in
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
    let limit = format!("-max_total_time={secs}");
    command(&["cargo", "+nightly", "fuzz", "build"], &[])?;
    for target in targets.lines() {
        // What is found on the way stays in the corpus; the seeds are committed.
        let (corpus, seeds) = (
            format!("fuzz/corpus/{target}"),
            format!("fuzz/seeds/{target}"),
        );
        fs::create_dir_all(root().join(&corpus)).with_context(|| format!("making {corpus}"))?;
        let run = ["cargo", "+nightly", "fuzz", "run", target, &corpus, &seeds];
        command(&[&run[..], &["--", &limit, "-verbosity=0"]].concat(), &[])?;
    }
    println!(
        "{} fuzz targets, {secs} s each, nothing found",
        targets.lines().count()
    );
    Ok(())
}
