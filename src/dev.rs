//! `blockhouse dev`: a launcher that makes a node on first start and runs it.
//!
//! ```text
//!   lock ─► ports free? ─► home: devices, keys, certificate ─► roles, each executed afresh
//!                                                                 │ settings by socket
//!   Ctrl-C, SIGTERM, or a role that ends ◄── supervise ◄── ready ◄┘
//!        └─► SIGTERM to every role, up to 30 s, then SIGKILL
//! ```
//!
//! The launcher serves nothing itself. A role gets its settings over a socket and starts with an
//! almost empty environment: it sees neither DIR/env nor the variables that came from it. Keys never
//! pass through the launcher either: the roles that read them end as soon as they have done so.

mod certificate;
mod env_file;
mod home;
pub(crate) mod keys;
mod keys_bell;
mod netfilterd;
mod plan;
mod role;
mod supervise;
mod verifier;
mod zeros;

use crate::{addresses::Addresses, cli::DevArgs};
use anyhow::{Context as _, Result};
use blockhouse_daemon::{lock::Lock, signals::Signals};
use blockhouse_gateway::accept::bind;
use home::Home;
use netfilterd::NetfilterdRole;
use plan::Plan;
use role::Handed;
use std::{
    io::{Write, stdout},
    process::ExitCode,
};
use supervise::{Happening, NODE, Supervisor};
use verifier::VerifierRole;

/// Runs until it is told to end, or the node ends.
pub(crate) fn run(args: DevArgs, log: &str) -> Result<ExitCode> {
    let home = Home::open(&args.data)?;
    let lock = Lock::take(&home.lock(), |holder| {
        let dir = home.dir().display();
        say(&format!("waiting for the node in {dir} to end ({holder})"));
    })?;
    home.wait_for_devices()?;
    ports_are_free(&args)?;

    let placement = verifier::place(&args)?;
    let mut plan = Plan::make(&home, &args)?;
    keys::make(&home, plan.accounts(), plan.is_first_start(), log)?;
    zeros::make_devices(&home, &plan)?;
    // Until here a signal just ended us; from here on there are roles to be ended in order.
    let signals = Signals::block()?;
    let certificate = certificate::keep(&home, &args, plan.outpost())?;
    let settings = plan.settings(&home, &args, certificate, &placement)?;

    let mut supervisor = Supervisor::new(signals, lock, args.net.is_some())?;
    supervisor.hear_keys(&home)?;
    let mut verifier = VerifierRole::new(&home, &args, &settings.region, &placement)?;
    verifier.start(&home, &mut supervisor, log)?;
    let shares = settings.io_threads.unwrap_or(placement.io.len());
    let netfilterd = NetfilterdRole::new(&home, &args, plan.outpost(), shares)?;
    if let Some(netfilterd) = &netfilterd {
        netfilterd.start(&home, &mut supervisor, log)?;
    }
    let node = Handed {
        settings: &settings.to_toml()?,
        descriptors: &[],
    };
    supervisor.start(&home, NODE, node, log)?;
    let Some(addresses) = supervisor.wait_ready(NODE)? else {
        return supervisor.end(&home);
    };
    let addresses: Addresses = addresses.parse().context("the node's addresses")?;
    plan.note_ready(&home)?;
    // By the time that it is started again it may have been configured otherwise than the file says, and
    // clients know where it listens.
    let mut again = settings.without_model();
    again.listen = addresses.clone().into();
    let again = again.to_toml()?;
    keys::write_env(&home, (&settings.region, plan.outpost()), &addresses, log)?;
    greet(&home, &plan, &addresses);
    loop {
        match supervisor.wait() {
            Happening::End => return supervisor.end(&home),
            Happening::NewKeys(ring) => {
                let taken = verifier.provision(&home, log);
                if let Err(error) = &taken {
                    let why = format!("{error:#}");
                    tracing::error!(why, "changed keys do not count");
                }
                ring.answer(&taken);
            }
            Happening::Restart(name) => {
                tracing::info!(role = name, "starting it again");
                let started = match (name, &netfilterd) {
                    (NODE, _) => {
                        let settings = &again;
                        let descriptors = &[];
                        let node = Handed {
                            settings,
                            descriptors,
                        };
                        supervisor.start(&home, NODE, node, log)
                    }
                    (netfilterd::NAME, Some(netfilterd)) => {
                        netfilterd.start(&home, &mut supervisor, log)
                    }
                    _ => verifier.start(&home, &mut supervisor, log),
                };
                if let Err(error) = started {
                    let why = format!("{error:#}");
                    tracing::error!(role = name, why, "it does not start again");
                    return supervisor.end(&home);
                }
            }
        }
    }
}

/// A taken port is told before anything is made, which may take a while.
fn ports_are_free(args: &DevArgs) -> Result<()> {
    for address in args.s3.iter().chain(&args.s3_tls).chain([&args.admin]) {
        bind(*address, 1).with_context(|| {
            format!("{address} is taken or not ours; choose another with --s3, --s3-tls or --admin")
        })?;
    }
    Ok(())
}

/// What to type next.
fn greet(home: &Home, plan: &Plan, addresses: &Addresses) {
    let env = home.env_file();
    let env = env.display();
    say(&format!(
        "\n\
         In another terminal:\n\
         \n\
         \x20 source {env}\n\
         \x20 aws s3 mb s3://first\n\
         \x20 aws s3 cp README.md s3://first/\n\
         \x20 aws s3 cp s3://first/README.md -\n\
         \x20 aws s3 presign s3://first/README.md\n\
         \x20 blockhouse presign s3://first/README.md     (5 days, works offline)\n"
    ));
    if plan.accounts() > 1 {
        say(&format!("The second account's keys are in {env}.alt\n"));
    }
    say(&format!("ready {addresses}"));
}

/// Tells whoever reads along; that nobody does any more is no reason to stop serving.
fn say(line: &str) {
    let _ = writeln!(stdout(), "{line}");
}
