//! The table and the checkpoints: how it gets into one and out of one, and which groups come free.

use super::{Group, Space};
use blockhouse_format::{GroupEntry, GroupId, GroupKind, GroupState, Lsn, Member};
use std::collections::BTreeSet;

impl Space {
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
}
