//! The n-th I/O fails: for n = 1, 2, 3 and so on until a run meets no failure any more; passing, for
//! good, or with the whole device, for reads, writes and flushes; and on one of two devices also
//! misdirected or lost.
//!
//! On one device an operation may be refused then, and the store may close; what was acknowledged is
//! there when the device works again, and what was refused is there wholly or not at all. On two
//! devices nobody notices: every operation works, and afterwards everything reads, also when the
//! device that failed is back with what it had.

use crate::{
    Attempt, Hardware, Journal, Node, NodeError, Oracle, Settings,
    check::{self, Broken, When},
    letters::{Letter, Stage},
    node::Degraded,
    random::same,
};
use blockhouse_device::{
    faults::{Duration, Fault, Operation, Planned},
    sim::{Keep, Media, SimDevice},
};
use blockhouse_engine::OpenError;

/// Failures of one kind at most; no sequence does so much I/O.
const NTH_MAX: u64 = 2000;

/// Fails each I/O of `letters` in turn; how many failures there were.
///
/// # Errors
/// A broken promise, with the failure at which it broke.
pub fn each_io(settings: &Settings, stage: &Stage, letters: &[Letter]) -> Result<u64, Broken> {
    let mut failures = 0;
    for operation in [Operation::Read, Operation::Write, Operation::Flush] {
        for fault in faults(settings, operation) {
            for device in 0..settings.devices {
                let first = Planned {
                    operation,
                    nth: 1,
                    fault,
                };
                failures += until_spared(settings, stage, letters, device, first)?;
            }
        }
    }
    Ok(failures)
}

/// Plans the failure later and later, until the run is over before it strikes.
fn until_spared(
    settings: &Settings,
    stage: &Stage,
    letters: &[Letter],
    device: usize,
    first: Planned,
) -> Result<u64, Broken> {
    for nth in 1..=NTH_MAX {
        let planned = Planned { nth, ..first };
        let struck = one(settings, stage, letters, device, planned).map_err(|broken| {
            Broken::Rule(format!(
                "{letters:?}, device {device}, {planned:?}: {broken}"
            ))
        })?;
        if !struck {
            return Ok(nth - 1);
        }
    }
    Err(Broken::Rule(format!(
        "{letters:?} does more than {NTH_MAX} operations"
    )))
}

/// What may happen to an operation. A device that acknowledges what it does not do is more than a
/// single one can be protected from; of two, the other one has it.
fn faults(settings: &Settings, operation: Operation) -> Vec<Fault> {
    let mut faults = vec![
        Fault::Error(Duration::Once),
        Fault::Error(Duration::Persistent),
        Fault::Vanished,
    ];
    if settings.devices > 1 && operation != Operation::Flush {
        faults.push(Fault::Misdirected { blocks: 17 });
    }
    if settings.devices > 1 && operation == Operation::Write {
        faults.push(Fault::Lost);
    }
    faults
}

/// One run with one planned failure; whether it struck.
fn one(
    settings: &Settings,
    stage: &Stage,
    letters: &[Letter],
    device: usize,
    planned: Planned,
) -> Result<bool, Broken> {
    let mut oracle = stage.oracle.fork();
    let redundant = settings.devices > 1;
    let Opened {
        node,
        faulty,
        refused,
    } = open(settings, stage, device, planned)?;
    let (media, round) = match node {
        None => (refused, Vec::new()),
        Some(mut node) => {
            let round = play(&mut node, letters, redundant)?;
            if redundant {
                let seen = node
                    .view()
                    .when("looking at everything after the failure")?;
                let explained = oracle.fork().explain(&round, &seen, node.floor());
                explained.when("after the failure")?;
            }
            (node.hardware.after_power_cut(Keep::Durable), round)
        }
    };
    let struck = faulty.faults_struck() > 0;
    reopen(settings, &mut oracle, media, &round, planned.nth)?;
    Ok(struck)
}

/// What became of opening with a planned failure.
struct Opened {
    node: Option<Node>,
    faulty: SimDevice,
    /// The media, if it was refused.
    refused: Vec<Media>,
}

/// Opens the stage with a failure planned. It may be refused: when it is the only device that
/// fails, and when one of two cannot even be read, because it may be the newer one. Then the
/// operator's word opens it without that device.
fn open(
    settings: &Settings,
    stage: &Stage,
    device: usize,
    planned: Planned,
) -> Result<Opened, Broken> {
    let redundant = settings.devices > 1;
    for degraded in [Degraded::Refused, Degraded::Allowed] {
        let hardware = Hardware::new(settings, stage.media.clone(), planned.nth);
        let faulty = hardware.devices[device].clone();
        faulty.plan(planned);
        match hardware.open(settings, degraded) {
            Ok(node) => {
                return Ok(Opened {
                    node: Some(node),
                    faulty,
                    refused: Vec::new(),
                });
            }
            Err(not) => match (&not.error, redundant, degraded) {
                (NodeError::Open(OpenError::Missing { .. }), true, Degraded::Refused) => {}
                (NodeError::Open(_), false, _) => {
                    let refused = not.hardware.after_power_cut(Keep::Durable);
                    return Ok(Opened {
                        node: None,
                        faulty,
                        refused,
                    });
                }
                _ => return Err(not.error).when("opening"),
            },
        }
    }
    Err(Broken::Rule(
        "neither whole nor without the failed device does it open".into(),
    ))
}

fn play(node: &mut Node, letters: &[Letter], redundant: bool) -> Result<Vec<Attempt>, Broken> {
    let names = match check::names(node) {
        // Reads fail as well.
        Err(_) if !redundant => return Ok(Vec::new()),
        names => names?,
    };
    let journal = Journal::default();
    let steps = letters
        .iter()
        .enumerate()
        .map(|(n, letter)| letter.step(n))
        .collect();
    check::run_serially(node, &names, &journal, steps).when("playing")?;
    match journal.failures().first() {
        Some(error) if redundant => Err(Broken::Rule(format!(
            "a checkpoint or tick failed: {error}"
        ))),
        _ if redundant => all_answered(&journal),
        _ => Ok(journal.attempts()),
    }
}

/// With a second device no operation may be refused for the first one's sake.
fn all_answered(journal: &Journal) -> Result<Vec<Attempt>, Broken> {
    let attempts = journal.attempts();
    for attempt in &attempts {
        if let Some(blockhouse_store::kit::Outcome::Refused(why)) = &attempt.outcome
            && (why.contains("Device {") || why.contains("Closed {"))
        {
            return Err(Broken::Rule(format!("{:?} was refused: {why}", attempt.op)));
        }
    }
    Ok(attempts)
}

/// The devices work again.
fn reopen(
    settings: &Settings,
    oracle: &mut Oracle,
    media: Vec<Media>,
    round: &[Attempt],
    seed: u64,
) -> Result<(), Broken> {
    let mut node = check::boot(settings, media, seed)?;
    let seen = check::settle(settings, &mut node, oracle, round)?;
    let media = node.hardware.after_power_cut(Keep::Durable);
    let mut again = check::boot(settings, media, seed + 1)?;
    same(
        "after another restart",
        &seen,
        &again.view().when("after another restart")?,
    )
}
