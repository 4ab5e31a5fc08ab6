//! Checkpoints: the state at one position of the log, written beside the frames that follow it.
//!
//! ```text
//!   take, between two frames:  changed keys + snapshot of the index, group table, control rows
//!   write:   run (or a new base) ─► control ─► group table ─► root ─► flush ─► superblock slot
//! ```
//! What is taken is exact at one position, because the log writer takes it between two frames and
//! the snapshot does not move. Nothing that a checkpoint in the superblock refers to is overwritten:
//! sections are only appended, in index groups, and groups come free by [`crate::space`]'s rule.
//!
//! When the runs outgrow a quarter of the base, the checkpoint writes all rows as a new base
//! instead. That takes longer, but it is the same work in the same place and stalls no frame.

mod shape;
mod tail;

pub(crate) use shape::Shape;
pub(crate) use tail::IndexTail;

use crate::{
    index::Delta,
    mirror::{DeviceSet, Mirror},
    shared::Shared,
    space::Group,
    teeth::{self, Bug},
};
use blockhouse_device::Device;
use blockhouse_format::{
    BLOCK_BYTES, CheckpointRoot, CheckpointSlot, Epoch, GroupEntry, GroupId, LogPosition, Lsn,
    Pointer, PoolId, RowRefused, SectionWriter, control,
};
use blockhouse_types::Timestamp;
use std::sync::Arc;

/// Longest section of the index and of control rows that is aimed at, in bytes.
const SECTION_BYTES: usize = 2 << 20;

/// Longest section of the group table that is aimed at, in bytes. Short,
/// because room for the table is taken before it is known how the sections fall.
const TABLE_SECTION_BYTES: usize = 256 << 10;

/// What a row of the group table takes at most, in bytes.
const TABLE_ROW_BYTES: usize = 64;

/// What a checkpoint is to hold.
pub(crate) struct Plan {
    pub(crate) pool: PoolId,
    pub(crate) epoch: Epoch,
    pub(crate) lsn: Lsn,
    pub(crate) floor: Timestamp,
    pub(crate) salt: [u8; 16],
    pub(crate) position: LogPosition,
    pub(crate) shape: Shape,
    pub(crate) delta: Delta,
    pub(crate) table: Vec<Group>,
    pub(crate) rows: Vec<(u8, Vec<u8>, Vec<u8>)>,
    /// The log that a restart need not replay once this is durable.
    pub(crate) log_bytes: u64,
    pub(crate) log_records: u64,
}

/// Why a checkpoint was not made. The one before is untouched.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No group is free for its sections.
    NoSpace,
    /// Something is longer than the format holds.
    TooLarge(&'static str),
    /// Devices failed at it.
    Devices { devices: DeviceSet, why: String },
}

/// Sections that are durable.
pub(crate) struct Made {
    pub(crate) slot: CheckpointSlot,
    pub(crate) shape: Shape,
}

/// The end of a checkpoint's writing.
pub(crate) struct Finished {
    pub(crate) tail: IndexTail,
    pub(crate) plan: Plan,
    pub(crate) result: Result<Made, Failure>,
}

/// Writes all but the superblock.
pub(crate) async fn write<L: Device>(
    shared: Arc<Shared>,
    mirror: Mirror<L>,
    mut plan: Plan,
    tail: IndexTail,
) -> Finished {
    let set = mirror.in_sync();
    let mut sections = Sections {
        shared: &shared,
        mirror: &mirror,
        set,
        tail,
        used: Vec::new(),
    };
    let result = sections.write_all(&mut plan).await;
    let Sections { mut tail, used, .. } = sections;
    if result.is_err() {
        tail.abandon(&mut shared.space.lock(), &used);
    }
    Finished { tail, plan, result }
}

/// Appends sections.
struct Sections<'a, L> {
    shared: &'a Arc<Shared>,
    mirror: &'a Mirror<L>,
    set: DeviceSet,
    tail: IndexTail,
    /// Groups that hold something of this checkpoint.
    used: Vec<GroupId>,
}

impl<L: Device> Sections<'_, L> {
    async fn write_all(&mut self, plan: &mut Plan) -> Result<Made, Failure> {
        let mut shape = plan.shape.clone();
        let written = self.write_index(plan, shape.is_rebase()).await?;
        let control = self.write_control(plan).await?;
        shape.add(written);
        let pointers = shape.pointers() + control.len();
        self.reserve_for_table(plan.table.len(), pointers)?;
        let groups = self.write_table(plan).await?;
        let root = CheckpointRoot {
            pool: plan.pool,
            epoch: plan.epoch,
            lsn: plan.lsn,
            time_floor: plan.floor,
            salt: plan.salt,
            log: plan.position,
            groups,
            control,
            base: shape.base.clone(),
            runs: shape.runs.clone(),
        };
        shape.others = root
            .groups
            .iter()
            .chain(&root.control)
            .map(|p| p.group)
            .collect();
        let bytes = root.encode();
        let at = self.append(&bytes).await?;
        shape.others.push(at.group);
        if !teeth::bites(Bug::SuperblockBeforeSections) {
            let outcome = self.mirror.flush(self.set).await;
            self.shared
                .counters
                .flushes
                .add(outcome.done.iter().count() as u64);
            fail(outcome)?;
        }
        let slot = CheckpointSlot::of(plan.lsn, &at, &bytes);
        Ok(Made { slot, shape })
    }

    /// The changed rows as a run, or all rows as a base.
    async fn write_index(&mut self, plan: &Plan, rebase: bool) -> Result<Vec<Pointer>, Failure> {
        let mut to = SectionWriter::new(self.section_bytes(SECTION_BYTES));
        let mut pointers = Vec::new();
        if rebase {
            let mut cursor = plan.delta.snapshot().cursor(&[]);
            let mut first = teeth::bites(Bug::ForgetChangedKey);
            while let Some((key, value)) = cursor.next() {
                if !std::mem::take(&mut first)
                    && let Some(full) = push(&mut to, key, Some(value), SECTION_BYTES, self)?
                {
                    pointers.push(self.append(&full.finish()).await?);
                }
            }
        } else {
            let mut first = teeth::bites(Bug::ForgetChangedKey);
            let mut rows = plan.delta.rows();
            while let Some((key, value)) = rows.next() {
                if !std::mem::take(&mut first)
                    && let Some(full) = push(&mut to, key, value, SECTION_BYTES, self)?
                {
                    pointers.push(self.append(&full.finish()).await?);
                }
            }
        }
        self.finish(to, pointers).await
    }

    async fn write_control(&mut self, plan: &Plan) -> Result<Vec<Pointer>, Failure> {
        let mut to = SectionWriter::new(self.section_bytes(SECTION_BYTES));
        let mut pointers = Vec::new();
        for (table, key, value) in &plan.rows {
            let key = control::row_key(*table, key);
            if let Some(full) = push(&mut to, &key, Some(value), SECTION_BYTES, self)? {
                pointers.push(self.append(&full.finish()).await?);
            }
        }
        self.finish(to, pointers).await
    }

    /// Takes the groups that the table and the root will need, because the table must know of them.
    fn reserve_for_table(&mut self, groups: usize, pointers: usize) -> Result<(), Failure> {
        let table = groups * TABLE_ROW_BYTES * 3 / 2 + 2 * TABLE_SECTION_BYTES.min(self.payload());
        let sections = table.div_ceil(TABLE_SECTION_BYTES.min(self.payload() / 4));
        let root = (pointers + sections) * 32 + 3 * 4096;
        let mut space = self.shared.space.lock();
        self.tail
            .reserve(&mut space, table + root)
            .map_err(|_| Failure::NoSpace)
    }

    async fn write_table(&mut self, plan: &mut Plan) -> Result<Vec<Pointer>, Failure> {
        // What this checkpoint itself lies in is as it is now, not as it was.
        let rows = {
            let space = self.shared.space.lock();
            for group in self.used.iter().chain(self.tail.groups()) {
                let now = space.group(*group);
                if let (Some(then), Some(now)) = (plan.table.get_mut(group.0 as usize), now) {
                    *then = now.clone();
                }
            }
            let entries = (0..).map(GroupId).zip(&plan.table);
            entries
                .map(|(id, group)| (id, space.entry_of(id, group)))
                .collect::<Vec<_>>()
        };
        let mut to = SectionWriter::new(self.section_bytes(TABLE_SECTION_BYTES));
        let mut pointers = Vec::new();
        for (id, entry) in rows {
            let row = entry.encode().map_err(|e| Failure::TooLarge(e.field))?;
            let key = GroupEntry::key(id);
            if let Some(full) = push(&mut to, &key, Some(&row), TABLE_SECTION_BYTES, self)? {
                pointers.push(self.append(&full.finish()).await?);
            }
        }
        self.finish(to, pointers).await
    }

    async fn finish(
        &mut self,
        last: SectionWriter,
        mut pointers: Vec<Pointer>,
    ) -> Result<Vec<Pointer>, Failure> {
        if last.rows() > 0 {
            pointers.push(self.append(&last.finish()).await?);
        }
        Ok(pointers)
    }

    fn payload(&self) -> usize {
        self.shared.layout.payload().len()
    }

    fn section_bytes(&self, wanted: usize) -> usize {
        // A quarter of a group where groups are small, so that little is lost at their ends.
        wanted.min(self.payload() / 4)
    }

    /// Writes the bytes, a multiple of the block size, behind what is there.
    async fn append(&mut self, bytes: &[u8]) -> Result<Pointer, Failure> {
        let (group, generation, offset_bytes) = {
            let mut space = self.shared.space.lock();
            self.tail
                .place(&mut space, bytes.len())
                .map_err(|_| Failure::NoSpace)?
        };
        if self.used.last() != Some(&group) {
            self.used.push(group);
        }
        let mut buf = self.shared.buffers.take(bytes.len());
        let (front, behind) = buf.split_at_mut(bytes.len());
        front.copy_from_slice(bytes);
        behind.fill(0);
        let outcome = self
            .mirror
            .write(self.set, group, offset_bytes, &Arc::new(buf))
            .await;
        self.shared.counters.index_bytes.add(bytes.len() as u64);
        fail(outcome)?;
        Ok(Pointer::to(bytes, group, generation, offset_bytes))
    }
}

/// Adds a row; gives the section that was full before it, if one was.
fn push<L: Device>(
    to: &mut SectionWriter,
    key: &[u8],
    value: Option<&[u8]>,
    bytes_max: usize,
    sections: &Sections<'_, L>,
) -> Result<Option<SectionWriter>, Failure> {
    match to.push(key, value) {
        Ok(()) => return Ok(None),
        Err(RowRefused::Full | RowRefused::TooLarge) => {}
        Err(refused) => return Err(too_large(refused)),
    }
    // A bucket with all its documents is one row, and may be longer than sections usually are.
    let alone = (key.len() + value.map_or(0, <[u8]>::len) + BLOCK_BYTES).min(sections.payload());
    let fresh = SectionWriter::new(sections.section_bytes(bytes_max).max(alone));
    let full = std::mem::replace(to, fresh);
    to.push(key, value).map_err(too_large)?;
    Ok((full.rows() > 0).then_some(full))
}

fn too_large(refused: RowRefused) -> Failure {
    Failure::TooLarge(match refused {
        RowRefused::Order => "rows out of order",
        RowRefused::Full | RowRefused::TooLarge => "bytes of a checkpoint's row",
    })
}

fn fail(outcome: crate::mirror::Outcome) -> Result<(), Failure> {
    if outcome.failed.is_empty() {
        return Ok(());
    }
    let (devices, why) = (outcome.failed, outcome.error.unwrap_or_default());
    Err(Failure::Devices { devices, why })
}
