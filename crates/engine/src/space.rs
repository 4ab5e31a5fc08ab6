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

use crate::{
    layout::Layout,
    teeth::{self, Bug},
};
use blockhouse_format::{
    Generation, GroupEntry, GroupId, GroupKind, GroupState, Lsn, Member, SHARD_DATA_BYTES_MAX,
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

const BLOCK: u32 = blockhouse_format::BLOCK_BYTES as u32;

/// The least data that is worth a shard of its own at the end of a group, in bytes; less where
/// groups are small. What remains below it is left empty when the group is sealed.
const TAIL_SHARD_BYTES_MIN: u32 = 64 << 10;

/// Groups of the reserve that the log may need before a checkpoint gives some back: the group it
/// writes to next, and the one after that.
const RESERVE_LOG_GROUPS: u32 = 2;

/// Groups of the reserve for two checkpoints' runs, roots and tables.
const RESERVE_INDEX_GROUPS: u32 = 2;

/// How many readers hold each group, by group number. Shared by every thread.
#[derive(Debug, Clone)]
pub(crate) struct Pins(Arc<[AtomicU32]>);

impl Pins {
    pub(crate) fn new(groups: u32) -> Self {
        Self((0..groups).map(|_| AtomicU32::new(0)).collect())
    }

    /// Holds a group. To be called while the index row that names it cannot go away.
    pub(crate) fn pin(&self, group: GroupId) -> Pin {
        if let Some(count) = self.0.get(group.0 as usize) {
            count.fetch_add(1, Ordering::AcqRel);
        }
        Pin {
            pins: self.clone(),
            group,
        }
    }

    fn is_pinned(&self, group: u32) -> bool {
        self.0
            .get(group as usize)
            .is_some_and(|count| count.load(Ordering::Acquire) > 0)
    }
}

/// While it lives, its group is not given again.
#[derive(Debug)]
pub(crate) struct Pin {
    pins: Pins,
    group: GroupId,
}

impl Drop for Pin {
    fn drop(&mut self) {
        if let Some(count) = self.pins.0.get(self.group.0 as usize) {
            count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

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

/// Groups per state and bytes, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpaceStats {
    /// Groups in all.
    pub groups: u32,
    /// Groups that may be taken, the reserve included.
    pub groups_free: u32,
    /// Dead groups that a checkpoint still protects.
    pub groups_freeing: u32,
    /// Groups being written.
    pub groups_open: u32,
    /// Groups that are full or were left.
    pub groups_sealed: u32,
    /// Free groups kept for deletes, checkpoints and the log.
    pub groups_reserved: u32,
    /// Bytes of one group.
    pub group_bytes: u64,
    /// Bytes that are referred to.
    pub live_bytes: u64,
    /// Bytes in open and sealed groups that nothing refers to.
    pub dead_bytes: u64,
    /// Bytes in free groups.
    pub free_bytes: u64,
}

/// A place for the next shard of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShardPlace {
    pub(crate) group: GroupId,
    pub(crate) generation: Generation,
    pub(crate) offset_bytes: u32,
    /// Data that fits; at most what was asked for.
    pub(crate) data_bytes: u32,
    /// The body has become a writer of the group with this shard; see [`Space::end_write`].
    pub(crate) joined: bool,
}

/// Room that one body has in the open data group beyond its last shard, so that bodies which grow
/// side by side still get runs and not single shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) group: GroupId,
    pub(crate) generation: Generation,
    pub(crate) next_bytes: u32,
    pub(crate) end_bytes: u32,
}

#[derive(Debug, Clone, Copy)]
struct OpenData {
    group: GroupId,
    next_bytes: u32,
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

    /// A place for a shard of up to `data_bytes` (at most 1 MiB), in the body's own room if it has
    /// some; otherwise in new room for about `ahead_bytes`.
    pub(crate) fn place_shard(
        &mut self,
        room: &mut Option<Room>,
        data_bytes: u32,
        ahead_bytes: u64,
    ) -> Result<ShardPlace, NoGroup> {
        let data_bytes = data_bytes.min(SHARD_DATA_BYTES_MAX);
        if let Some(place) = self.place_in_room(room, data_bytes) {
            return Ok(place);
        }
        self.give_back(room.take());
        self.open_data_group(data_bytes)?;
        *room = self.new_room(ahead_bytes.max(u64::from(data_bytes)));
        let mut place = self.place_in_room(room, data_bytes).ok_or(NoGroup)?;
        place.joined = true;
        Ok(place)
    }

    fn place_in_room(&self, room: &mut Option<Room>, data_bytes: u32) -> Option<ShardPlace> {
        let room = room.as_mut()?;
        let tail_min = self.tail_shard_bytes_min();
        let fits = fitting(room.end_bytes - room.next_bytes, data_bytes, tail_min)?;
        let place = ShardPlace {
            group: room.group,
            generation: room.generation,
            offset_bytes: room.next_bytes,
            data_bytes: fits,
            joined: false,
        };
        room.next_bytes += blockhouse_format::padded_bytes(fits) + BLOCK;
        Some(place)
    }

    fn tail_shard_bytes_min(&self) -> u32 {
        TAIL_SHARD_BYTES_MIN.min(self.layout.payload().len() as u32 / 4)
    }

    /// Makes sure that the open data group has room for a shard.
    fn open_data_group(&mut self, data_bytes: u32) -> Result<(), NoGroup> {
        let end = self.layout.payload().end;
        if let Some(open) = self.data {
            if fitting(
                end - open.next_bytes,
                data_bytes,
                self.tail_shard_bytes_min(),
            )
            .is_some()
            {
                return Ok(());
            }
            self.data = None;
            self.seal(open.group);
        }
        let (group, _) = self.take(Purpose::Data)?;
        self.data = Some(OpenData {
            group,
            next_bytes: self.layout.payload().start,
        });
        Ok(())
    }

    fn new_room(&mut self, ahead_bytes: u64) -> Option<Room> {
        let end = self.layout.payload().end;
        let open = self.data.as_mut()?;
        let shards = ahead_bytes.div_ceil(u64::from(SHARD_DATA_BYTES_MAX));
        let wanted = ahead_bytes.next_multiple_of(u64::from(BLOCK)) + shards * u64::from(BLOCK);
        let left = u64::from(end - open.next_bytes);
        let begins = open.next_bytes;
        open.next_bytes += u32::try_from(wanted.min(left)).unwrap_or(0);
        let group = self.groups.get_mut(open.group.0 as usize)?;
        group.writers += 1;
        Some(Room {
            group: open.group,
            generation: group.generation,
            next_bytes: begins,
            end_bytes: open.next_bytes,
        })
    }

    /// A body needs its room no more: what it left is used again if nothing lies behind it.
    pub(crate) fn give_back(&mut self, room: Option<Room>) {
        let (Some(room), Some(open)) = (room, self.data.as_mut()) else {
            return;
        };
        if open.group == room.group && open.next_bytes == room.end_bytes {
            open.next_bytes = room.next_bytes;
        }
    }

    /// A body that counted as a writer of the group has been committed or dropped.
    pub(crate) fn end_write(&mut self, group: GroupId) {
        if let Some(group) = self.groups.get_mut(group.0 as usize) {
            group.writers = group.writers.saturating_sub(1);
        }
    }

    /// Leaves the open data group, such as when a device has failed under it.
    pub(crate) fn seal_data(&mut self) {
        if let Some(open) = self.data.take() {
            self.seal(open.group);
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

    /// Whether a checkpoint at `lsn` would bring groups of log or data nearer to being free. Index
    /// groups do not count: every checkpoint leaves some behind, and frees those of an earlier one.
    pub(crate) fn has_reclaimable(&self, lsn: Lsn) -> bool {
        let content = self
            .groups
            .iter()
            .filter(|group| group.kind != GroupKind::Index);
        content
            .into_iter()
            .any(|g| g.state == GroupState::Freeing || g.is_dead_at(lsn))
    }

    /// The table as the checkpoint at `lsn` shall have it: what was `Freeing` is free, what is dead
    /// is `Freeing`. Nothing changes here before [`Space::checkpointed`].
    /// `kept` are the index groups that the checkpoint goes on using.
    pub(crate) fn at_checkpoint(&self, lsn: Lsn, kept: &BTreeSet<GroupId>) -> Vec<Group> {
        let mut table = self.groups.clone();
        for (number, group) in (0..).map(GroupId).zip(&mut table) {
            let dead = match group.kind {
                GroupKind::Index => group.state == GroupState::Sealed && !kept.contains(&number),
                GroupKind::Log | GroupKind::Data => group.is_dead_at(lsn),
            };
            if group.state == GroupState::Freeing {
                group.state = GroupState::Free;
            } else if dead {
                group.state = GroupState::Freeing;
            }
        }
        table
    }

    /// The checkpoint with this table is durable. Gives the groups that became free.
    pub(crate) fn checkpointed(&mut self, table: &[Group]) -> Vec<GroupId> {
        let mut freed = Vec::new();
        for ((now, then), number) in self.groups.iter_mut().zip(table).zip(0..) {
            if now.generation != then.generation {
                continue;
            }
            if now.state == GroupState::Freeing && then.state == GroupState::Free {
                now.state = GroupState::Free;
                self.free += 1;
                self.first_free = self.first_free.min(number as usize);
                freed.push(GroupId(number));
            } else if then.state == GroupState::Freeing {
                now.state = GroupState::Freeing;
            }
        }
        freed
    }

    /// Restores one row of a checkpoint's table.
    pub(crate) fn restore(&mut self, id: GroupId, entry: &GroupEntry) {
        let Some(group) = self.groups.get_mut(id.0 as usize) else {
            return;
        };
        *group = Group {
            state: entry.state,
            kind: entry.kind,
            generation: entry.generation,
            live_bytes: entry.live_bytes,
            first_lsn: entry.first_lsn,
            last_lsn: entry.last_lsn,
            writers: 0,
        };
    }

    /// All rows of a checkpoint's table have been restored.
    pub(crate) fn restored(&mut self) {
        self.free = self
            .groups
            .iter()
            .filter(|g| g.state == GroupState::Free)
            .count() as u32;
        self.first_free = 0;
    }

    /// The offsets within a group that hold content.
    pub(crate) fn payload(&self) -> std::ops::Range<u32> {
        self.layout.payload()
    }

    /// Which index groups the newest checkpoint refers to, and which are being filled. All others
    /// are sealed and dead.
    pub(crate) fn set_index_groups(&mut self, referred: &BTreeSet<GroupId>, open: &[GroupId]) {
        let payload = u64::from(self.layout.payload().len() as u32);
        for (number, group) in (0..).map(GroupId).zip(&mut self.groups) {
            if group.kind != GroupKind::Index || group.state == GroupState::Free {
                continue;
            }
            group.live_bytes = if referred.contains(&number) {
                payload
            } else {
                0
            };
            if group.state == GroupState::Open && !open.contains(&number) {
                group.state = GroupState::Sealed;
            }
        }
    }

    /// An index group that a failed checkpoint wrote to. If nothing else refers to it, it is free
    /// again at once: no superblock has ever named what is in it.
    pub(crate) fn abandon(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(id.0 as usize) else {
            return;
        };
        let written = matches!(group.state, GroupState::Open | GroupState::Sealed);
        if group.kind != GroupKind::Index || !written {
            return;
        }
        if group.live_bytes > 0 {
            group.state = GroupState::Sealed;
            return;
        }
        group.state = GroupState::Free;
        self.free += 1;
        self.first_free = self.first_free.min(id.0 as usize);
    }

    /// The row that a checkpoint writes for `group`.
    pub(crate) fn entry_of(&self, id: GroupId, group: &Group) -> GroupEntry {
        GroupEntry {
            state: group.state,
            kind: group.kind,
            generation: group.generation,
            members: self.layout.members(id).collect::<Vec<Member>>(),
            live_bytes: group.live_bytes,
            first_lsn: group.first_lsn,
            last_lsn: group.last_lsn,
        }
    }

    pub(crate) fn stats(&self) -> SpaceStats {
        let group_bytes = u64::from(self.layout.payload().len() as u32);
        let mut stats = SpaceStats {
            groups: self.layout.groups(),
            groups_free: self.free,
            groups_reserved: self.reserve(),
            group_bytes,
            free_bytes: u64::from(self.free) * group_bytes,
            ..SpaceStats::default()
        };
        for group in &self.groups {
            match group.state {
                GroupState::Free => continue,
                GroupState::Open => stats.groups_open += 1,
                GroupState::Sealed => stats.groups_sealed += 1,
                GroupState::Freeing => stats.groups_freeing += 1,
            }
            stats.live_bytes += group.live_bytes;
            stats.dead_bytes += group_bytes.saturating_sub(group.live_bytes);
        }
        stats
    }
}

/// How much of `data_bytes` fits as one shard with its trailer into `room_bytes`. Less than all of
/// it only when it is still worth a shard.
fn fitting(room_bytes: u32, data_bytes: u32, tail_bytes_min: u32) -> Option<u32> {
    let room = room_bytes.checked_sub(BLOCK)?;
    let most = room / BLOCK * BLOCK;
    if data_bytes <= most {
        return Some(data_bytes);
    }
    (most >= tail_bytes_min).then_some(most)
}
