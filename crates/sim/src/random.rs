//! A life from a seed: random operations in small rounds that run beside each other, on one or two
//! devices, with power cuts at random instants, also while the store is being opened, and with a
//! random choice of what the cache kept. At the end of a life on two devices either one is taken
//! away.

use crate::{
    Attempt, Hardware, Journal, Node, Oracle, Settings, Step,
    check::{self, Broken, When},
    checkpoints,
    node::{self, Degraded},
    scramble,
};
use blockhouse_device::sim::{Keep, Media};
use blockhouse_store::kit::{Generator, Op, Profile, SplitMix, View};
use std::path::PathBuf;

/// Bounds of one life.
#[derive(Debug, Clone)]
pub struct Life {
    /// Power cuts and restarts at most.
    pub restarts: usize,
    /// Rounds between two of them at most.
    pub rounds: usize,
    /// A directory for the control store, which is scrambled at every power cut.
    pub control_dir: Option<PathBuf>,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            restarts: 8,
            rounds: 16,
            control_dir: None,
        }
    }
}

/// Lives the life of `seed`.
///
/// # Errors
/// A broken promise.
pub fn life(seed: u64, bounds: Life) -> Result<(), Broken> {
    let mut random = SplitMix(seed);
    let kind = Kind::of(seed);
    let mut settings = kind.settings(&mut random);
    settings.control_dir.clone_from(&bounds.control_dir);
    let media = node::create(&settings, seed).when("making the pool")?;
    let generator = Generator::new(random.next(), kind.profile());
    let mut lived = Lived {
        kind,
        settings,
        random,
        generator,
        oracle: Oracle::new(),
        media,
        unanswered: Vec::new(),
        bounds,
    };
    for _ in 0..=lived.random.below(lived.bounds.restarts) {
        lived.until_restart()?;
    }
    lived.last_look()
}

/// What kind of life it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// All operations, little data.
    Mixed,
    /// On a device so small, and with bodies so large that groups die and are given again all the
    /// time, and that the device is full now and then. Nothing is kept for long: no versions, no
    /// uploads.
    Churning,
}

impl Kind {
    fn of(seed: u64) -> Self {
        if seed.is_multiple_of(3) {
            Self::Churning
        } else {
            Self::Mixed
        }
    }

    /// Small, and different for each seed.
    fn settings(self, random: &mut SplitMix) -> Settings {
        let mut settings = Settings::small(1 + random.below(2));
        settings.latency_turns = [0, 1, 3, 8][random.below(4)];
        if self == Self::Churning {
            settings.device_bytes = 5 << 20;
        }
        let config = &mut settings.config;
        config.inline_bytes_max = [512, 4096, 16 << 10][random.below(3)];
        config.checkpoint_log_bytes = [64 << 10, 256 << 10, 1 << 20][random.below(3)];
        config.checkpoint_records = [8, 32, 200][random.below(3)];
        settings
    }

    /// Few keys, so that operations meet; lengths around every threshold.
    fn profile(self) -> Profile {
        let (buckets, keys, lens_bytes) = match self {
            Self::Mixed => (
                2,
                8,
                vec![0, 1, 511, 513, 3000, 4096, 4097, 9000, 17_000, 70_000],
            ),
            Self::Churning => (1, 4, vec![700, 9000, 40_000, 70_000, 120_000]),
        };
        Profile {
            buckets,
            keys,
            lens_bytes,
            ..Profile::default()
        }
    }

    /// The step that does the operation.
    fn step(self, mut op: Op) -> Step {
        // A document must fit a frame, and the frames here are short.
        if let Op::SetDocument {
            content: Some(content),
            ..
        } = &mut op
        {
            content.len_bytes = content.len_bytes.min(10_000);
        }
        let keeps = matches!(op, Op::SetVersioning { .. } | Op::CreateUpload { .. });
        if keeps && self == Self::Churning {
            Step::Checkpoint
        } else {
            Step::Op(op)
        }
    }

    /// Rounds between two restarts, as many times more.
    fn rounds_factor(self) -> usize {
        match self {
            Self::Mixed => 1,
            Self::Churning => 4,
        }
    }
}

struct Lived {
    kind: Kind,
    settings: Settings,
    random: SplitMix,
    generator: Generator,
    oracle: Oracle,
    media: Vec<Media>,
    /// What was under way when the power went.
    unanswered: Vec<Attempt>,
    bounds: Life,
}

impl Lived {
    /// From power on to power off.
    fn until_restart(&mut self) -> Result<(), Broken> {
        checkpoints::whole(&self.media)?;
        if let Some(control_dir) = &self.settings.control_dir {
            scramble(control_dir, &mut self.random);
        }
        let hardware = Hardware::new(&self.settings, self.media.clone(), self.random.next());
        if self.random.once_in(3) {
            hardware.power.cut_after(self.random.below(40) as u64);
        }
        let mut node = match hardware.open(&self.settings, Degraded::Refused) {
            Ok(node) => node,
            Err(not) if not.hardware.power.is_cut() => {
                self.cut(&not.hardware);
                return Ok(());
            }
            Err(not) => return Err(not.error).when("opening after a power cut"),
        };
        match check::settle(
            &self.settings,
            &mut node,
            &mut self.oracle,
            &self.unanswered,
        ) {
            Ok(_) => self.unanswered.clear(),
            Err(broken) if !node.hardware.power.is_cut() => return Err(broken),
            Err(_) => {
                self.cut(&node.hardware);
                return Ok(());
            }
        }
        node.hardware
            .power
            .cut_after(1 + self.random.below(150) as u64);
        self.rounds(&mut node)?;
        self.cut(&node.hardware);
        Ok(())
    }

    /// Rounds, until the power goes or there were enough.
    fn rounds(&mut self, node: &mut Node) -> Result<(), Broken> {
        let rounds = self.bounds.rounds * self.kind.rounds_factor();
        for _ in 0..=self.random.below(rounds) {
            match self.round(node) {
                Err(_) if node.hardware.power.is_cut() => return Ok(()),
                round => round?,
            }
        }
        Ok(())
    }

    fn round(&mut self, node: &mut Node) -> Result<(), Broken> {
        let journal = Journal::default();
        let names = check::names(node)?;
        let steps = self.steps();
        let result = check::run_together(node, &names, &journal, steps);
        self.unanswered = journal.attempts();
        result.when("a round")?;
        if let Some(error) = journal.failures().first() {
            return Err(Broken::Rule(format!(
                "a checkpoint or tick failed: {error}"
            )));
        }
        let seen = node.view().when("looking at everything after a round")?;
        self.oracle
            .explain(&self.unanswered, &seen, node.floor())
            .when("after a round")?;
        self.unanswered.clear();
        Ok(())
    }

    /// Up to three operations at once, now and then with a checkpoint or a tick beside them.
    fn steps(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for _ in 0..=self.random.below(3) {
            steps.push(self.kind.step(self.generator.next_op(self.oracle.names())));
        }
        match self.random.below(12) {
            0 => steps.push(Step::Checkpoint),
            1 => steps.push(Step::Tick),
            _ => {}
        }
        steps
    }

    fn cut(&mut self, hardware: &Hardware) {
        let choice = self.random.next();
        let keep = match self.random.below(6) {
            0 => Keep::Durable,
            1 => Keep::Newest,
            2 => Keep::Writes(choice),
            3 => Keep::Prefix(choice),
            _ => Keep::Sectors(choice),
        };
        self.media = hardware.after_power_cut(keep);
    }

    /// Opens once more, stops in order, and opens with either device alone.
    fn last_look(&mut self) -> Result<(), Broken> {
        let mut node = check::boot(&self.settings, self.media.clone(), self.random.next())?;
        let seen = check::settle(
            &self.settings,
            &mut node,
            &mut self.oracle,
            &self.unanswered,
        )?;
        let media = node.shutdown().when("stopping in order")?;
        let mut again = check::boot(&self.settings, media.clone(), self.random.next())?;
        same(
            "after stopping in order",
            &seen,
            &again.view().when("after stopping in order")?,
        )?;
        if media.len() == 1 {
            return Ok(());
        }
        for media in media {
            let mut alone = check::boot_degraded(&self.settings, media, self.random.next())?;
            let when = "with one device taken away";
            same(when, &seen, &alone.view().when(when)?)?;
        }
        Ok(())
    }
}

/// Both views are one.
///
/// # Errors
/// They are not.
pub(crate) fn same(when: &'static str, before: &View, after: &View) -> Result<(), Broken> {
    if before == after {
        return Ok(());
    }
    let (before, after) = before.first_difference(after);
    Err(Broken::Changed {
        when,
        before,
        after,
    })
}
