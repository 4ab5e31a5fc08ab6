//! Blockhouse: an S3 storage node.
//!
//! One program for every role: it parses its arguments, does what they name, and says in one line
//! what went wrong and what to do about it. Decisions live in the crates; what is composed here is
//! which real parts serve, in [`assemble`], and how they go, in [`shutdown`].

#![forbid(unsafe_code)]

mod access_point;
mod address_list;
mod addresses;
mod ask;
mod assemble;
mod cli;
mod dev;
mod identity;
mod inspect;
mod link;
mod net;
mod netfilterd;
mod node;
mod policy;
mod presign;
mod remote;
mod sandbox;
mod secrets;
mod shutdown;
mod token;
mod verifier;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// A request takes some forty pieces of memory, a few of them large: docs/decisions/0009.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = blockhouse_daemon::log::init(&cli.log)
        .map_err(Into::into)
        .and_then(|()| match cli.command {
            Command::Dev(args) => dev::run(args, &cli.log),
            Command::Node => node::run(),
            Command::Verifier => verifier::run(),
            Command::Netfilterd(args) => netfilterd::run(&args),
            Command::Keys => dev::keys::run(),
            Command::Provision => dev::keys::run_provision(),
            Command::Presign(args) => presign::run(&args),
            Command::Link(args) => link::run(&args),
            Command::AccessPoint(args) => access_point::run(&args),
            Command::AddressList(args) => address_list::run(&args),
            Command::Policy(args) => policy::run(&args),
            Command::Identity(args) => identity::run(&args),
            Command::Net(args) => net::run(&args),
            Command::Token(args) => token::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Fsck(args) => inspect::fsck(&args),
        });
    match done {
        Ok(code) => code,
        Err(error) => {
            // The alternate form prints the chain of causes on one line.
            eprintln!("blockhouse: {error:#}");
            ExitCode::FAILURE
        }
    }
}
