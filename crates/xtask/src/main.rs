//! `cargo xtask`: what cargo cannot do.
//!
//! * `cargo xtask test` runs everything that CI runs, in stages that each print their time, and
//!   installs what a stage needs and the machine lacks.
//! * `cargo xtask soak` runs the long versions: deeper simulations, more kills, longer fuzzing.
//!
//! A stage that cannot run is a failure, never a silent pass.
#![forbid(unsafe_code)]

mod soak;
mod stage;
mod tools;

use clap::{Parser, Subcommand};
use stage::Stage;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "What cargo cannot do: the staged test run, and the long one")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that CI runs, in stages.
    Test {
        /// Only these stages (by name); all without.
        stages: Vec<String>,
    },
    /// The long runs. Their logs are for the release note.
    Soak {
        /// Only these parts: sim, kill, links, policies, mutants, timing, fuzz; all without.
        parts: Vec<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test { stages } => stage::run(&ci_stages(), &stages),
        Task::Soak { parts } => stage::run(&soak::stages(), &parts),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The stages of CI in order. The budgets are for two cores.
fn ci_stages() -> Vec<Stage> {
    const NODE: &str = "target/release/blockhouse";
    vec![
        Stage::new("tools", 5, tools::install),
        Stage::commands(
            "lint",
            6,
            &[
                &["cargo", "fmt", "--all", "--check"],
                &[
                    "cargo",
                    "clippy",
                    "--quiet",
                    "--workspace",
                    "--all-targets",
                    "--",
                    "-D",
                    "warnings",
                ],
                // cargo-deny looks at the crates of every target, also those that no build here needs.
                &["cargo", "fetch", "--quiet", "--locked"],
                // Advisories need the network; they are checked by hand.
                &[
                    "cargo",
                    "deny",
                    "--offline",
                    "check",
                    "--hide-inclusion-graph",
                    "licenses",
                    "bans",
                    "sources",
                ],
            ],
        ),
        Stage::commands(
            "build",
            12,
            // The tests' programs as well, so that the next stage's time is that of the tests.
            &[
                &["cargo", "build", "--release", "--quiet"],
                &["cargo", "test", "--workspace", "--quiet", "--no-run"],
            ],
        ),
        Stage::commands(
            "unit and simulation",
            8,
            &[&["cargo", "test", "--workspace", "--quiet", "--no-fail-fast"]],
        ),
        Stage::commands(
            "signers",
            4,
            &[
                &["python3", "tests/signers/run.py"],
                &["python3", "tests/signers/mutants.py"],
            ],
        ),
        Stage::commands(
            "clients",
            12,
            &[
                // Builds aws-sdk-rust the first time.
                &["python3", "tests/signers/real.py", "--launch", NODE],
                &["python3", "tests/clients/run.py", "--launch", NODE],
                &[
                    "python3",
                    "tests/clients/run.py",
                    "--launch",
                    NODE,
                    "--plain",
                ],
            ],
        ),
        Stage::commands(
            "errors",
            2,
            &[
                &["python3", "tests/signers/negative.py", "--launch", NODE],
                &["python3", "tests/signers/forms.py", "--launch", NODE],
                &["python3", "tests/signers/audit.py", "--launch", NODE],
                &["python3", "tests/signers/live.py", "--launch", NODE],
            ],
        ),
        Stage::commands(
            "trust",
            2,
            &[&["python3", "tests/verifier/trust.py", "--launch", NODE]],
        ),
        Stage::commands(
            "kill",
            3,
            &[&["python3", "tests/clients/kill.py", "--launch", NODE]],
        ),
        Stage::commands(
            "links",
            4,
            &[&["python3", "tests/links/run.py", "--launch", NODE]],
        ),
        Stage::commands(
            "policies",
            2,
            &[&["python3", "tests/policies/run.py", "--launch", NODE]],
        ),
        Stage::commands(
            "access points",
            2,
            &[&["python3", "tests/access-points/run.py", "--launch", NODE]],
        ),
        Stage::commands(
            "net",
            4,
            &[&["python3", "tests/net/run.py", "--launch", NODE]],
        ),
        Stage::new("fuzz smoke", 10, || soak::fuzz(20)),
    ]
}
