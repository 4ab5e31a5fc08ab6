//! Which group holds what, and which may be given again.
//!
//! ```text
//!            take                 seal               dead at checkpoint n
//!    Free ─────────► Open ─────────────► Sealed ─────────────────────────► Freeing
//!     ▲                                                                       │
//!     └─────────────────── checkpoint n+1 is durable ─────────────────────────┘
//! ```
//!
//! A group is dead when it is sealed, nothing in it is referenced, and no body is on its way into
//! it. It passes through `Freeing`, and so outlives two checkpoints, because either of the two that
//! the superblock names must stay usable: neither may need a group that was given again. A group
//! that a reader has pinned is `Free` but is not taken until the pin is gone; new pins cannot come,
//! because pins are taken from index rows and no row points there.
//!
//! # The reserve
//! The last free groups serve the log, checkpoints and deletes only: a store that is full can
//! still delete, checkpoint, restart, and so become less full. Data and new objects are refused
//! at the reserve line.
//!
//! What it never does: it writes nothing. The table reaches the device inside a checkpoint, and
//! what happened since is in the log's records.

mod pins;
mod shards;
mod stats;
#[cfg(test)]
mod tests;
mod turnover;

pub(crate) use pins::{Pin, Pins};
pub(crate) use shards::{Room, ShardPlace};
pub use stats::SpaceStats;

use shards::OpenData;

use crate::{
    layout::Layout,
    teeth::{self, Bug},
};
use blockhouse_format::{Generation, GroupId, GroupKind, GroupState, Lsn};

/// Groups of the reserve that the log may need before a checkpoint gives some back: the group it
/// writes to next, and the one after that.
const RESERVE_LOG_GROUPS: u32 = 2;

/// Groups of the reserve for two checkpoints' runs, roots and tables.
const RESERVE_INDEX_GROUPS: u32 = 2;

/// One group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) state: GroupState,
    pub(crate) kind: GroupKind,
    pub(crate) generation: Generation,
    /// Bytes that index rows (or, in an index group, the checkpoint) refer to.
    pub(crate) live_bytes: u64,
    pub(crate) first_lsn: Lsn,
    pub(crate) last_lsn: Lsn,
    /// Bodies on their way into it. Never on disk.
    pub(crate) writers: u32,
}

impl Group {
    fn fresh() -> Self {
        Self {
            state: GroupState::Free,
            kind: GroupKind::Log,
            generation: Generation(0),
            live_bytes: 0,
            first_lsn: Lsn(0),
            last_lsn: Lsn(0),
            writers: 0,
        }
    }

    fn is_dead_at(&self, lsn: Lsn) -> bool {
        self.state == GroupState::Sealed
            && self.live_bytes == 0
            && self.writers == 0
            && self.last_lsn <= lsn
    }
}

/// No group may be taken for this purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoGroup;

/// Who asks for a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// New data: stops at the reserve line.
    Data,
    /// The log and checkpoints: may use the reserve.
    Log,
    /// Checkpoint sections.
    Index,
}

impl Purpose {
    fn kind(self) -> GroupKind {
        match self {
            Self::Data => GroupKind::Data,
            Self::Log => GroupKind::Log,
            Self::Index => GroupKind::Index,
        }
    }
}

/// The group table and what is being filled.
#[derive(Debug)]
pub(crate) struct Space {
    groups: Vec<Group>,
    pins: Pins,
    layout: Layout,
    data: Option<OpenData>,
    free: u32,
    /// No group below this one is free.
    first_free: usize,
    /// Bytes that a checkpoint of everything would take.
    checkpoint_bytes: u64,
}

impl Space {
    /// A table of free groups.
    pub(crate) fn new(layout: Layout, pins: Pins) -> Self {
        let groups = vec![Group::fresh(); layout.groups() as usize];
        let free = layout.groups();
        Self {
            groups,
            pins,
            layout,
            data: None,
            free,
            first_free: 0,
            checkpoint_bytes: 0,
        }
    }

    pub(crate) fn pins(&self) -> &Pins {
        &self.pins
    }

    pub(crate) fn group(&self, group: GroupId) -> Option<&Group> {
        self.groups.get(group.0 as usize)
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = (GroupId, &Group)> {
        (0..).map(GroupId).zip(&self.groups)
    }

    /// Takes a free group of the lowest number; its generation rises.
    pub(crate) fn take(&mut self, purpose: Purpose) -> Result<(GroupId, Generation), NoGroup> {
        if purpose == Purpose::Data && !self.takes_data() {
            return Err(NoGroup);
        }
        let pins = &self.pins;
        let mut pinned = None;
        let free = self
            .groups
            .iter_mut()
            .zip(0u32..)
            .skip(self.first_free)
            .find(|(group, number)| {
                let free = group.state == GroupState::Free;
                let held = free && pins.is_pinned(*number);
                if held {
                    pinned.get_or_insert(*number);
                }
                free && !held
            });
        let (group, number) = free.ok_or(NoGroup)?;
        self.first_free = pinned.unwrap_or(number) as usize;
        *group = Group {
            state: GroupState::Open,
            kind: purpose.kind(),
            generation: Generation(group.generation.0.wrapping_add(1)),
            ..Group::fresh()
        };
        self.free -= 1;
        Ok((GroupId(number), group.generation))
    }

    /// Replay met a record that was written to this group: it is of this kind and generation.
    pub(crate) fn adopt(
        &mut self,
        id: GroupId,
        kind: GroupKind,
        generation: Generation,
        state: GroupState,
    ) {
        let Some(group) = self.groups.get_mut(id.0 as usize) else {
            return;
        };
        if group.state == GroupState::Free || group.generation != generation {
            if group.state == GroupState::Free {
                self.free -= 1;
            }
            *group = Group {
                kind,
                generation,
                state,
                ..Group::fresh()
            };
        }
    }

    pub(crate) fn seal(&mut self, id: GroupId) {
        if let Some(group) = self.groups.get_mut(id.0 as usize)
            && group.state == GroupState::Open
        {
            group.state = GroupState::Sealed;
        }
    }

    /// After a restart nobody fills what was open, but the log's current and next group.
    pub(crate) fn seal_all_but(&mut self, keep: &[GroupId]) {
        for (number, group) in (0..).map(GroupId).zip(&mut self.groups) {
            if group.state == GroupState::Open && !keep.contains(&number) {
                group.state = GroupState::Sealed;
            }
        }
    }

    /// A frame of the log lies in this group.
    pub(crate) fn note_lsns(&mut self, id: GroupId, first: Lsn, last: Lsn) {
        if let Some(group) = self.groups.get_mut(id.0 as usize) {
            if group.first_lsn == Lsn(0) {
                group.first_lsn = first;
            }
            group.last_lsn = group.last_lsn.max(last);
        }
    }

    /// Something in the group is referred to.
    pub(crate) fn refer(&mut self, id: GroupId, bytes: u64) {
        if let Some(group) = self.groups.get_mut(id.0 as usize) {
            group.live_bytes += bytes;
        }
    }

    /// It is no longer.
    pub(crate) fn release(&mut self, id: GroupId, generation: Generation, bytes: u64) {
        let group = self.groups.get_mut(id.0 as usize);
        if let Some(group) = group.filter(|group| group.generation == generation) {
            debug_assert!(
                group.live_bytes >= bytes,
                "more is released than was referred to"
            );
            group.live_bytes = group.live_bytes.saturating_sub(bytes);
            if teeth::bites(Bug::ReuseTooEarly) && group.is_dead_at(Lsn(u64::MAX)) {
                group.state = GroupState::Free;
                self.free += 1;
                self.first_free = 0;
            }
        }
    }

    /// Tells what one checkpoint of everything would take; the reserve follows.
    pub(crate) fn set_checkpoint_bytes(&mut self, bytes: u64) {
        self.checkpoint_bytes = bytes;
    }

    /// Free groups that new data may not take: 2 % of the pool, or what the log and two
    /// checkpoints with a new base each need before they free the bases before them, whichever is
    /// more; never over a half.
    pub(crate) fn reserve(&self) -> u32 {
        let groups = self.layout.groups();
        let payload = u64::from(self.layout.payload().len() as u32).max(1);
        let rebase = u32::try_from(self.checkpoint_bytes.div_ceil(payload)).unwrap_or(groups);
        let rebases = rebase.saturating_mul(2);
        let needed = (RESERVE_LOG_GROUPS + RESERVE_INDEX_GROUPS).saturating_add(rebases);
        (groups / 50).max(needed).min(groups / 2)
    }

    /// Whether new objects are refused.
    pub(crate) fn is_full(&self) -> bool {
        self.free < self.reserve()
    }

    /// Whether a group may be taken for data.
    pub(crate) fn takes_data(&self) -> bool {
        self.free > self.reserve()
    }

    /// Whether free groups run low.
    pub(crate) fn is_short(&self) -> bool {
        self.free <= self.reserve() + self.layout.groups() / 16 + 1
    }

    /// The offsets within a group that hold content.
    pub(crate) fn payload(&self) -> std::ops::Range<u32> {
        self.layout.payload()
    }
}
