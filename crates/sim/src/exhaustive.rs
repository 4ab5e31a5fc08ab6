//! Every short sequence, with a power cut at every write boundary.
//!
//! One run of a sequence shows all of its cuts: after each tick of the power supply the harness
//! takes what a cut there would have left, in several choices of what the cache kept, together with
//! what had been answered by then. Each of these images is then opened and judged
//! ([`check::crash_image`]).

use crate::{
    Attempt, Hardware, Journal, Settings,
    check::{self, Broken, When},
    letters::{Letter, Stage},
    node::Degraded,
};
use blockhouse_device::sim::{Keep, Media, SimDevice};
use std::{cell::RefCell, rc::Rc};

/// What a cut would have left.
struct Image {
    tick: u64,
    keep: Keep,
    media: Vec<Media>,
    round: Vec<Attempt>,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Sequences.
    pub sequences: u64,
    /// Crash images.
    pub images: u64,
}

impl Tally {
    /// Adds what another run looked at.
    pub fn add(&mut self, more: Self) {
        self.sequences += more.sequences;
        self.images += more.images;
    }
}

/// Plays `letters` on the stage and judges every cut.
///
/// # Errors
/// A broken promise, with the cut at which it broke.
pub fn sequence(
    settings: &Settings,
    stage: &Stage,
    letters: &[Letter],
    seed: u64,
) -> Result<Tally, Broken> {
    let images = play(settings, stage, letters, seed)?;
    let count = images.len() as u64;
    for Image {
        tick,
        keep,
        media,
        round,
    } in images
    {
        check::crash_image(settings, &stage.oracle, &round, media, seed ^ tick << 8).map_err(
            |broken| {
                Broken::Rule(format!(
                    "{letters:?} cut after tick {tick}, {keep:?}: {broken}"
                ))
            },
        )?;
    }
    Ok(Tally {
        sequences: 1,
        images: count,
    })
}

fn play(
    settings: &Settings,
    stage: &Stage,
    letters: &[Letter],
    seed: u64,
) -> Result<Vec<Image>, Broken> {
    let hardware = Hardware::new(settings, stage.media.clone(), seed);
    let journal = Journal::default();
    let opened = hardware
        .open(settings, Degraded::Refused)
        .map_err(|not| not.error);
    let mut node = opened.when("opening the stage")?;
    let names = check::names(&mut node)?;
    let images = watch(&node.hardware, &journal, seed);
    let steps = letters
        .iter()
        .enumerate()
        .map(|(n, letter)| letter.step(n))
        .collect();
    check::run_serially(&mut node, &names, &journal, steps).when("playing")?;
    node.hardware.power.unwatch();
    if let Some(error) = journal.failures().first() {
        return Err(Broken::Rule(format!(
            "{letters:?}: a checkpoint or tick failed: {error}"
        )));
    }
    let seen = node.view().when("looking at everything without a crash")?;
    let mut oracle = stage.oracle.fork();
    oracle
        .explain(&journal.attempts(), &seen, node.floor())
        .when("without a crash")?;
    node.audit().when("auditing without a crash")?;
    images
        .borrow_mut()
        .extend(take(u64::MAX, &node.hardware.devices, &journal, seed));
    Ok(images.take())
}

fn watch(hardware: &Hardware, journal: &Journal, seed: u64) -> Rc<RefCell<Vec<Image>>> {
    let images = Rc::new(RefCell::new(Vec::new()));
    let (devices, journal) = (hardware.devices.clone(), journal.clone());
    let taken = Rc::clone(&images);
    hardware.power.watch(move |tick| {
        taken
            .borrow_mut()
            .extend(take(tick, &devices, &journal, seed));
    });
    images
}

/// The images of one instant. Where nothing is unflushed there is only one.
fn take<'a>(
    tick: u64,
    devices: &'a [SimDevice],
    journal: &'a Journal,
    seed: u64,
) -> impl Iterator<Item = Image> + 'a {
    let choice = seed ^ tick.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let keeps = [
        Keep::Durable,
        Keep::Newest,
        Keep::Sectors(choice),
        Keep::Prefix(choice),
        Keep::Writes(choice),
    ];
    let unflushed = devices
        .iter()
        .map(SimDevice::unflushed_writes)
        .sum::<usize>();
    // With a single write, keeping all or none of it are among the others.
    let choices = [1, 4][usize::from(unflushed > 0)] + usize::from(unflushed > 1);
    keeps.into_iter().take(choices).map(move |keep| Image {
        tick,
        keep,
        media: devices
            .iter()
            .map(|device| device.after_power_cut(keep))
            .collect(),
        round: journal.attempts(),
    })
}
