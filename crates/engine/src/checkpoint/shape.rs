//! What the index of a checkpoint is made of: a base, and runs on top.

use blockhouse_format::{GroupId, Pointer, RUNS_MAX};
use std::collections::BTreeSet;

/// Runs on a base before a checkpoint writes a new one, whatever their size: each is one more
/// stream that a start has to read.
const RUNS_WANTED: usize = RUNS_MAX / 4;

/// An index smaller than this is written whole each time, in bytes: a new base is cheaper than a
/// run that keeps an old group alive.
const ALWAYS_REBASE_BYTES: u64 = 1 << 20;

/// The sections of the index, and the groups of everything else.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    pub(crate) base: Vec<Pointer>,
    pub(crate) runs: Vec<Vec<Pointer>>,
    /// Groups that hold control rows, the group table, and the root.
    pub(crate) others: Vec<GroupId>,
    /// The checkpoint to come writes a new base.
    rebase: bool,
    /// A new base was tried and there was no room for it.
    no_room: bool,
}

impl Shape {
    /// What was loaded from a checkpoint.
    pub(crate) fn loaded(
        base: Vec<Pointer>,
        runs: Vec<Vec<Pointer>>,
        others: Vec<GroupId>,
    ) -> Self {
        Self {
            base,
            runs,
            others,
            rebase: false,
            no_room: false,
        }
    }

    /// What the next checkpoint keeps of this one: everything, or nothing.
    pub(crate) fn next(&self, resident_bytes: u64, changed_bytes: u64) -> Self {
        let runs: u64 = self
            .runs
            .iter()
            .flatten()
            .map(|p| u64::from(p.len_bytes))
            .sum();
        let base: u64 = self.base.iter().map(|p| u64::from(p.len_bytes)).sum();
        let small = resident_bytes < ALWAYS_REBASE_BYTES;
        let many = self.runs.len() + 1 >= RUNS_WANTED || runs + changed_bytes > base / 4;
        let must = self.base.is_empty() || self.runs.len() + 1 >= RUNS_MAX;
        if must || (!self.no_room && (small || many)) {
            return Self {
                rebase: true,
                ..Self::default()
            };
        }
        Self {
            others: Vec::new(),
            no_room: false,
            ..self.clone()
        }
    }

    /// The checkpoint that was to follow failed: the next one is content with a run.
    pub(crate) fn failed(&mut self) {
        self.no_room = !self.no_room;
    }

    pub(crate) fn is_rebase(&self) -> bool {
        self.rebase
    }

    /// The sections that were written are part of it now.
    pub(crate) fn add(&mut self, written: Vec<Pointer>) {
        if self.rebase {
            self.base = written;
            self.rebase = false;
        } else if !written.is_empty() {
            self.runs.push(written);
        }
    }

    pub(crate) fn pointers(&self) -> usize {
        self.base.len() + self.runs.iter().map(|run| run.len() + 1).sum::<usize>()
    }

    /// Groups of the index's sections.
    pub(crate) fn kept_groups(&self) -> BTreeSet<GroupId> {
        self.base
            .iter()
            .chain(self.runs.iter().flatten())
            .map(|p| p.group)
            .collect()
    }

    /// Groups of everything.
    pub(crate) fn groups(&self) -> BTreeSet<GroupId> {
        let mut groups = self.kept_groups();
        groups.extend(&self.others);
        groups
    }
}
