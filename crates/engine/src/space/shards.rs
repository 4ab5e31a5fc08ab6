//! Placing shards in the open data group.
//!
//! Bodies that arrive side by side each get some room ahead, so that they still become runs and not
//! single shards. What a body leaves of its room is used again if nothing lies behind it.

use super::{NoGroup, Purpose, Space};
use blockhouse_format::{BLOCK_BYTES, Generation, GroupId, SHARD_DATA_BYTES_MAX, padded_bytes};

const BLOCK: u32 = BLOCK_BYTES as u32;

/// The least data that is worth a shard of its own at the end of a group, in bytes; less where
/// groups are small. What remains below it is left empty when the group is sealed.
const TAIL_SHARD_BYTES_MIN: u32 = 64 << 10;

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
pub(super) struct OpenData {
    group: GroupId,
    next_bytes: u32,
}

impl Space {
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
        room.next_bytes += padded_bytes(fits) + BLOCK;
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
