//! Stages: named steps with a budget of time, run in order, all of them, the verdict at the end.

use anyhow::{Context as _, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// A step of a run.
pub(crate) struct Stage {
    name: &'static str,
    budget: Duration,
    work: Box<dyn Fn() -> Result<()>>,
}

impl Stage {
    /// A stage that does `work`, meant to take at most `budget_minutes` on two cores. Passing the
    /// budget is said, not failed: machines are noisy.
    pub(crate) fn new(
        name: &'static str,
        budget_minutes: u64,
        work: impl Fn() -> Result<()> + 'static,
    ) -> Self {
        Self {
            name,
            budget: Duration::from_secs(budget_minutes * 60),
            work: Box::new(work),
        }
    }

    /// A stage that runs these commands in order, and stops at the first that fails.
    pub(crate) fn commands(
        name: &'static str,
        budget_minutes: u64,
        commands: &'static [&'static [&'static str]],
    ) -> Self {
        Self::new(name, budget_minutes, || {
            commands.iter().try_for_each(|c| command(c, &[]))
        })
    }
}

/// Runs the stages whose names are asked for, or all; fails if one failed.
pub(crate) fn run(stages: &[Stage], only: &[String]) -> Result<()> {
    if let Some(unknown) = only
        .iter()
        .find(|o| stages.iter().all(|s| s.name != o.as_str()))
    {
        let known: Vec<_> = stages.iter().map(|s| s.name).collect();
        bail!("no stage is called {unknown:?}; there are {known:?}");
    }
    let (mut passed, mut failed) = (Vec::new(), Vec::new());
    for stage in stages
        .iter()
        .filter(|s| only.is_empty() || only.iter().any(|o| o == s.name))
    {
        println!("=== {}", stage.name);
        let start = Instant::now();
        let outcome = (stage.work)();
        let took = start.elapsed();
        let late = if took > stage.budget {
            ", past its budget"
        } else {
            ""
        };
        let (took, budget) = (took.as_secs(), stage.budget.as_secs());
        match outcome {
            Ok(()) => {
                println!("=== {}: ok in {took} s of {budget} s{late}", stage.name);
                passed.push(stage.name);
            }
            Err(error) => {
                println!("=== {}: FAILED in {took} s: {error:#}", stage.name);
                failed.push(stage.name);
            }
        }
    }
    println!("stages: {} passed, {} failed", passed.len(), failed.len());
    if failed.is_empty() {
        Ok(())
    } else {
        bail!("failed: {}", failed.join(", "))
    }
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates
        .and_then(Path::parent)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Runs one command at the top of the repository, with more environment.
pub(crate) fn command(words: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let Some((program, arguments)) = words.split_first() else {
        bail!("an empty command")
    };
    println!("--- {}", words.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .with_context(|| format!("{program} could not be started"))?;
    if status.success() {
        Ok(())
    } else {
        bail!("{} ended with {status}", words.join(" "))
    }
}
