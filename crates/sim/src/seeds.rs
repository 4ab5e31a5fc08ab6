//! How many seeds a test goes through, and how one is replayed.
//!
//! A test goes through the seeds that once failed (`tests/seeds/NAME.txt`, one a line, kept for
//! ever), then through 0, 1, 2 and so on. `BLOCKHOUSE_SIM_SEED` names a single one;
//! `BLOCKHOUSE_SIM_SEEDS=10000` is a soak: ten times as many seeds as the usual [`SEEDS`], and in
//! every test that many times more than it usually takes.

use crate::check::Broken;
use std::{env, fs, ops::Range, path::Path};

/// What `BLOCKHOUSE_SIM_SEEDS` is when nothing is said.
pub const SEEDS: u64 = 1000;

/// Goes through the seeds of the test `name` that fall to `share` of all shares, `count` in all
/// unless the environment says otherwise.
///
/// # Errors
/// A report of the first seed that fails: what broke, and the command that replays it.
pub fn each(
    name: &str,
    count: u64,
    share: Share,
    mut run: impl FnMut(u64) -> Result<(), Broken>,
) -> Result<(), String> {
    let seeds = match number("BLOCKHOUSE_SIM_SEED") {
        Some(seed) if share.nth == 0 => vec![seed],
        Some(_) => Vec::new(),
        None => share.of(
            kept(name)?,
            0..count * number("BLOCKHOUSE_SIM_SEEDS").unwrap_or(SEEDS) / SEEDS,
        ),
    };
    for seed in seeds {
        run(seed).map_err(|broken| report(name, seed, &broken))?;
    }
    Ok(())
}

/// One of several tests that go through the same seeds side by side.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// From 0.
    pub nth: u64,
    /// How many there are.
    pub of: u64,
}

impl Share {
    fn of(self, kept: Vec<u64>, range: Range<u64>) -> Vec<u64> {
        let mine = |seed: &u64| seed % self.of == self.nth;
        kept.into_iter().chain(range).filter(mine).collect()
    }
}

fn report(name: &str, seed: u64, broken: &Broken) -> String {
    format!(
        "{name}, seed {seed}: {broken}\n\nreplay: BLOCKHOUSE_SIM_SEED={seed} cargo test -p \
         blockhouse-sim {name}\nkeep:   echo {seed} >> tests/seeds/{name}.txt"
    )
}

/// The seeds that once failed.
fn kept(name: &str) -> Result<Vec<u64>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/seeds");
    let path = folder.join(format!("{name}.txt"));
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(Vec::new());
    };
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            line.parse()
                .map_err(|_| format!("{}: not a seed: {line}", path.display()))
        })
        .collect()
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}
