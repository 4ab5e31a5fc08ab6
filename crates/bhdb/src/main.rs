//! `bhdb`: looks at the devices of a pool, read-only, also while a node runs on them.
#![forbid(unsafe_code)]

use blockhouse_bhdb::{Verdict, fsck, inspect};
use clap::{Args, Parser, Subcommand};
use std::{io::Write, path::PathBuf, process::ExitCode};

#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print superblocks, checkpoint, log and index
    Inspect {
        #[command(flatten)]
        images: Images,
        /// How many rows of each table, and frames of the log, to print at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        rows_max: usize,
    },
    /// Check every structure and checksum; exit 0 clean, 1 damaged, 2 could not tell
    Fsck {
        #[command(flatten)]
        images: Images,
    },
}

#[derive(Debug, Args)]
struct Images {
    /// A data folder (dev0.img, dev1.img, ...), or all devices of one pool
    #[arg(value_name = "DIR|DEVICE", required = true)]
    paths: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let done = match cli.command {
        Command::Inspect { images, rows_max } => inspect(&images.paths, rows_max, &mut out),
        Command::Fsck { images } => fsck(&images.paths, &mut out),
    };
    match done.and_then(|verdict| Ok(out.flush().map(|()| verdict)?)) {
        Ok(verdict) => ExitCode::from(verdict.code()),
        Err(error) => {
            eprintln!("bhdb: {error:#}");
            ExitCode::from(Verdict::Unable.code())
        }
    }
}
