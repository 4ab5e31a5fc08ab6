//! Media that lie: one block of one device is not what was written.
//!
//! On one device every answer is right or an error that says so, and a damaged log is never taken
//! for its own end. On two devices every answer is right.

use crate::{
    Attempt, Hardware, Journal, Node, NodeError, Oracle, Settings, Step,
    check::{self, Broken, When},
    node::{self, Degraded},
    now,
    random::same,
};
use blockhouse_device::{
    BLOCK_BYTES,
    sim::{Keep, Media},
};
use blockhouse_store::kit::{Generator, Outcome, Profile, SplitMix, View, view};

/// Operations before the damage.
const OPS: usize = 40;

/// What is done to a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// One bit flips.
    Bit,
    /// It reads as zeros.
    Zeros,
    /// It reads as noise.
    Noise,
    /// It reads as another block.
    Misdirected,
    /// It reads as it was before the last restart: its newest writes were lost.
    Stale,
}

impl Damage {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Bit,
        Self::Zeros,
        Self::Noise,
        Self::Misdirected,
        Self::Stale,
    ];
}

/// A store that has lived a little and was told to be idle, and what it looked like.
struct Specimen {
    settings: Settings,
    oracle: Oracle,
    seen: View,
    /// At the last power cut, and before that.
    media: Vec<Media>,
    before: Vec<Media>,
}

/// Damages the store of `seed` in `trials` ways, each on a copy of its own; in how many the damage
/// showed as an error.
///
/// # Errors
/// A broken promise.
pub fn trials(seed: u64, trials: usize) -> Result<u64, Broken> {
    let mut random = SplitMix(seed);
    let specimen = grow(&mut random, seed)?;
    let mut noticed = 0;
    for trial in 0..trials {
        let device = random.below(specimen.media.len());
        let damage = Damage::ALL[random.below(Damage::ALL.len())];
        let mut media = specimen.media.clone();
        let Some(block) = pick_block(&media[device], &mut random) else {
            continue;
        };
        let before = &specimen.before[device];
        if !apply(&mut media[device], before, block, damage, &mut random) {
            continue;
        }
        let at = format!("trial {trial}: {damage:?} of block {block} of device {device}");
        let found = look(&specimen, media, seed ^ trial as u64);
        noticed += u64::from(found.map_err(|broken| Broken::Rule(format!("{at}: {broken}")))?);
    }
    Ok(noticed)
}

fn grow(random: &mut SplitMix, seed: u64) -> Result<Specimen, Broken> {
    let mut settings = Settings::small(1 + random.below(2));
    settings.config.checkpoint_records = [16, 1000][random.below(2)];
    let lens_bytes = vec![0, 1, 700, 5000, 20_000, 70_000];
    let profile = Profile {
        buckets: 2,
        keys: 12,
        lens_bytes,
        ..Profile::default()
    };
    let mut generator = Generator::new(random.next(), profile);
    let mut oracle = Oracle::new();
    let mut media = node::create(&settings, seed).when("making the pool")?;
    let mut before = media.clone();
    for half in 0..2 {
        before = media;
        let mut node = check::boot(&settings, before.clone(), seed + half)?;
        for _ in 0..OPS / 2 {
            let op = generator.next_op(oracle.names());
            let journal = Journal::default();
            let names = check::names(&mut node)?;
            check::run_serially(&mut node, &names, &journal, vec![Step::Op(op)]).when("growing")?;
            let seen = node.view().when("growing")?;
            oracle
                .explain(&journal.attempts(), &seen, node.floor())
                .when("growing")?;
        }
        // The witness that the newest frame was acknowledged.
        node.tick().when("being idle")?;
        media = node.hardware.after_power_cut(Keep::Durable);
        oracle.restart(node.floor()).when("growing")?;
    }
    let seen = now(view(oracle.model())).map_err(|stuck| Broken::Rule(stuck.to_string()))?;
    let seen = seen.map_err(|error| Broken::Rule(error.to_string()))?;
    Ok(Specimen {
        settings,
        oracle,
        seen,
        media,
        before,
    })
}

/// A block in which something lies.
fn pick_block(media: &Media, random: &mut SplitMix) -> Option<u64> {
    let blocks = media.len_bytes() / BLOCK_BYTES as u64;
    (0..10_000)
        .map(|_| random.next() % blocks)
        .find(|block| !media.is_zero(*block))
}

/// Damages the block; `false` if it is the same afterwards.
fn apply(
    media: &mut Media,
    before: &Media,
    block: u64,
    damage: Damage,
    random: &mut SplitMix,
) -> bool {
    let mut old = vec![0; BLOCK_BYTES];
    let mut new = vec![0; BLOCK_BYTES];
    let offset = block * BLOCK_BYTES as u64;
    media.read(offset, &mut old);
    match damage {
        Damage::Bit => {
            new.copy_from_slice(&old);
            new[random.below(BLOCK_BYTES)] ^= 1 << random.below(8);
        }
        Damage::Zeros => {}
        Damage::Noise => blockhouse_types::Entropy::fill(random, &mut new),
        Damage::Misdirected => match pick_block(media, random) {
            Some(other) => media.read(other * BLOCK_BYTES as u64, &mut new),
            None => return false,
        },
        Damage::Stale => before.read(offset, &mut new),
    }
    media.write(offset, &new);
    old != new
}

/// Opens the damaged store and asks it everything; whether the damage showed.
fn look(specimen: &Specimen, media: Vec<Media>, seed: u64) -> Result<bool, Broken> {
    let redundant = media.len() > 1;
    let opened =
        Hardware::new(&specimen.settings, media, seed).open(&specimen.settings, Degraded::Refused);
    let mut node = match opened {
        Ok(node) => node,
        Err(not) if !redundant && matches!(not.error, NodeError::Open(_)) => return Ok(true),
        Err(not) => return Err(not.error).when("opening"),
    };
    match node.view() {
        Ok(seen) => same("after the damage", &specimen.seen, &seen).map(|()| false),
        Err(NodeError::Store { .. }) if !redundant => each_answer(specimen, &mut node),
        Err(error) => Err(error).when("looking at everything"),
    }
}

/// Every object: its bytes, or an error.
fn each_answer(specimen: &Specimen, node: &mut Node) -> Result<bool, Broken> {
    let mut generator = Generator::new(
        1,
        Profile {
            buckets: 2,
            keys: 12,
            ..Profile::default()
        },
    );
    let names = match check::names(node) {
        Ok(names) => names,
        Err(_) => return Ok(true),
    };
    for _ in 0..200 {
        let op = generator.next_op(&names);
        if !matches!(op, blockhouse_store::kit::Op::Get { .. }) {
            continue;
        }
        let journal = Journal::default();
        check::run_serially(node, &names, &journal, vec![Step::Op(op)]).when("reading")?;
        for Attempt { op, outcome, .. } in journal.attempts() {
            let mut names = specimen.oracle.names().clone();
            let expected = crate::now(blockhouse_store::kit::apply(
                specimen.oracle.model(),
                &mut names,
                &op,
            ));
            let damaged =
                |o: &Outcome| matches!(o, Outcome::Refused(why) if why.contains("Damaged {"));
            match (outcome, expected) {
                (Some(found), _) if damaged(&found) => {}
                (Some(found), Ok(expected)) if found == expected => {}
                (found, expected) => {
                    return Err(Broken::Rule(format!(
                        "{op:?}: {found:?} instead of {expected:?}"
                    )));
                }
            }
        }
    }
    Ok(true)
}
