//! The superblock: the one thing that is found by its place.
//!
//! Every device has four copies. A change is written as copies 0 and 1, a flush, copies 2 and 3, a
//! flush; whatever moment the power fails, two equal copies are left, of the old or of the new one.
//! [`choose`] is the reader's half of that promise.

use crate::codec::{Decoder, Encoder};
use crate::{
    BLOCK_BYTES, DecodeError, DeviceId, DeviceIndex, DeviceState, Epoch, Generation, Geometry,
    GroupId, Lsn, Pointer, PoolId,
};
use blockhouse_types::Timestamp;

/// Most devices of a pool. Today 2; the rest of the table is room.
pub const DEVICES_MAX: usize = 16;
/// The format that this code writes.
pub const MAJOR: u16 = 1;
/// Its minor version: newer ones are still readable.
pub const MINOR: u16 = 0;

const STRUCTURE: &str = "superblock";
const MAGIC: &[u8; 8] = b"BHSUPER\n";
const HASH_AT: usize = BLOCK_BYTES - 32;
const DEVICES_AT: usize = 512;
const DEVICE_ROW_BYTES: usize = 32;

/// One superblock, as all four copies of a device hold it.
///
/// ```text
///    0  8  magic              what this claims to be
///    8  2  major              whether the rest may be interpreted, before anything else is
///   10  2  minor
///   12  4  zeros
///   16  8  incompat bits      unknown ones refuse the pool
///   24  8  ro_compat bits     unknown ones refuse writing
///   32  8  compat bits        unknown ones are ignored
///   40 16  pool
///   56 16  device
///   72  1  device index
///   73  1  number of devices
///   74  1  flags: bit 0 clean shutdown
///   75  5  zeros
///   80  8  epoch
///   88  8  sequence           rises with every change; the highest wins
///   96  8  time floor, ms
///  104  4  segment bytes
///  108  4  inline bytes max   limits that the pool was made with
///  112  4  frame bytes max
///  116  4  frame records max
///  120  8  device length, bytes: gives the places of the other copies
///  128 64  checkpoint slot A
///  192 64  checkpoint slot B
///  256     zeros
///  512     devices, 32 bytes each: {id 16, length 8, state 1, zeros 7}
/// 1024     zeros
/// 4064 32  BLAKE3 of 0..4064
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    /// Which features the pool uses.
    pub features: Features,
    /// The pool.
    pub pool: PoolId,
    /// This device.
    pub device: DeviceIndex,
    /// All devices of the pool by index; 1 to [`DEVICES_MAX`].
    pub devices: Vec<DeviceRow>,
    /// Whether the pool was closed in order; cleared before anything else is written.
    pub clean: bool,
    /// How often the pool has been opened for writing.
    pub epoch: Epoch,
    /// Rises with every change.
    pub sequence: u64,
    /// The highest time the store had seen.
    pub time_floor: Timestamp,
    /// The pool's limits.
    pub limits: PoolLimits,
    /// The two newest checkpoints, written alternately.
    pub slots: [Option<CheckpointSlot>; 2],
}

/// Feature bits: what a reader must understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features {
    /// An unknown bit refuses the pool.
    pub incompat: u64,
    /// An unknown bit refuses writing.
    pub ro_compat: u64,
    /// Unknown bits are ignored.
    pub compat: u64,
}

impl Features {
    /// What this code understands of `incompat`. None yet.
    pub const INCOMPAT_KNOWN: u64 = 0;
    /// What this code understands of `ro_compat`. None yet.
    pub const RO_COMPAT_KNOWN: u64 = 0;

    /// Whether a pool with these features may be written to.
    pub fn writable(&self) -> bool {
        self.ro_compat & !Self::RO_COMPAT_KNOWN == 0
    }
}

/// One device of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its name.
    pub id: DeviceId,
    /// Its length in bytes.
    pub len_bytes: u64,
    /// Whether it may be believed.
    pub state: DeviceState,
}

/// What a pool was made with, for all its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// Length of a segment, in bytes.
    pub segment_bytes: u32,
    /// Longest object or part kept inline in the log, in bytes.
    pub inline_bytes_max: u32,
    /// Longest frame, in bytes.
    pub frame_bytes_max: u32,
    /// Most records of a frame.
    pub frame_records_max: u32,
}

/// A pointer to a checkpoint's root.
///
/// ```text
///  0  8  lsn; 0 in all 64 bytes: no checkpoint
///  8  4  group
/// 12  4  generation
/// 16  4  offset within the segment
/// 20  4  length in bytes
/// 24  8  zeros
/// 32 32  BLAKE3 of the root
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointSlot {
    /// The last position that the checkpoint holds; at least 1.
    pub lsn: Lsn,
    /// The index group that the root lies in.
    pub group: GroupId,
    /// The group's generation.
    pub generation: Generation,
    /// Where within the group's segment.
    pub offset_bytes: u32,
    /// Length of the root; at least 1.
    pub len_bytes: u32,
    /// BLAKE3 of the root.
    pub blake3: [u8; 32],
}

/// No superblock can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSuperblock {
    /// No copy can be read at all: not a device of Blockhouse, or one that was overwritten.
    #[error("no copy of the superblock is readable: {0}")]
    Unreadable(DecodeError),
    /// Copies can be read, but no two of them are equal.
    #[error("no two copies of the superblock are equal; the highest sequence is {sequence}")]
    NoTwoEqual {
        /// The highest sequence seen.
        sequence: u64,
    },
}

/// Where the copies lie on a device of `device_bytes`: at its start, at 1 MiB, in its middle and at
/// its end.
pub fn copies(device_bytes: u64) -> [u64; 4] {
    let block = BLOCK_BYTES as u64;
    let mib = 1 << 20;
    let middle = device_bytes / 2 / mib * mib;
    [
        0,
        mib,
        middle,
        (device_bytes / block * block).saturating_sub(block),
    ]
}

/// Judges the four copies of one device: of those that at least two copies agree on, the one with
/// the highest sequence.
///
/// A single copy with a higher sequence is a change that was never finished, so nothing can have
/// been built on it.
pub fn choose(copies: &[Result<Superblock, DecodeError>]) -> Result<Superblock, NoSuperblock> {
    let readable = || copies.iter().filter_map(|copy| copy.as_ref().ok());
    let twice = |a: &&Superblock| readable().filter(|b| b == a).count() >= 2;
    let agreed = readable().filter(twice).max_by_key(|copy| copy.sequence);
    if let Some(superblock) = agreed {
        return Ok(superblock.clone());
    }
    match readable().map(|copy| copy.sequence).max() {
        Some(sequence) => Err(NoSuperblock::NoTwoEqual { sequence }),
        None => {
            // The most telling error: a checksum that does not hold says more than a missing magic.
            let errors = || copies.iter().filter_map(|copy| copy.as_ref().err());
            let missing = DecodeError::Magic {
                structure: STRUCTURE,
            };
            let other = errors().find(|e| **e != missing);
            Err(NoSuperblock::Unreadable(other.copied().unwrap_or(missing)))
        }
    }
}

impl Superblock {
    /// The block.
    pub fn encode(&self) -> [u8; BLOCK_BYTES] {
        let mut to = Encoder::default();
        to.raw(MAGIC);
        to.u16(MAJOR);
        to.u16(MINOR);
        to.u32(0);
        to.u64(self.features.incompat);
        to.u64(self.features.ro_compat);
        to.u64(self.features.compat);
        to.raw(&self.pool.0);
        to.raw(&self.own_row().map_or([0; 16], |row| row.id.0));
        to.u8(self.device.0);
        to.u8(self.devices.len().min(DEVICES_MAX) as u8);
        to.u8(u8::from(self.clean));
        to.pad_to(80);
        to.u64(self.epoch.0);
        to.u64(self.sequence);
        to.u64(self.time_floor.millis());
        to.u32(self.limits.segment_bytes);
        to.u32(self.limits.inline_bytes_max);
        to.u32(self.limits.frame_bytes_max);
        to.u32(self.limits.frame_records_max);
        to.u64(self.own_row().map_or(0, |row| row.len_bytes));
        self.slots
            .iter()
            .for_each(|slot| encode_slot(slot.as_ref(), &mut to));
        to.pad_to(DEVICES_AT);
        for row in self.devices.iter().take(DEVICES_MAX) {
            to.raw(&row.id.0);
            to.u64(row.len_bytes);
            to.u8(row.state.code());
            to.raw(&[0; 7]);
        }
        to.pad_to(HASH_AT);
        to.raw(blake3::hash(&to.0).as_bytes());
        let mut block = [0; BLOCK_BYTES];
        block.copy_from_slice(&to.0);
        block
    }

    /// Reads and checks one copy. Unknown incompat bits and other major versions are refused.
    pub fn decode(block: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(STRUCTURE, block);
        if from.raw(8, "magic")? != MAGIC {
            return Err(DecodeError::Magic {
                structure: STRUCTURE,
            });
        }
        from.check(block.len() == BLOCK_BYTES, "length")?;
        let (fields, hash) = block.split_at(HASH_AT);
        if blake3::hash(fields).as_bytes() != hash {
            return Err(DecodeError::Checksum {
                structure: STRUCTURE,
                over: "the block",
            });
        }
        let major = from.u16("major")?;
        from.check(major == MAJOR, "major version")?;
        let _newer_is_readable = from.u16("minor")?;
        from.zeros(4, "reserved")?;
        let features = Features {
            incompat: from.u64("incompat")?,
            ro_compat: from.u64("ro_compat")?,
            compat: from.u64("compat")?,
        };
        from.check(
            features.incompat & !Features::INCOMPAT_KNOWN == 0,
            "incompat bits",
        )?;
        let superblock = Self::decode_fields(features, &mut from)?;
        superblock.judge(&from)?;
        Ok(superblock)
    }

    fn decode_fields(features: Features, from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let pool = PoolId(from.array("pool")?);
        let device_id = DeviceId(from.array("device")?);
        let device = DeviceIndex(from.u8("device index")?);
        let device_count = usize::from(from.u8("number of devices")?);
        from.check(
            (1..=DEVICES_MAX).contains(&device_count),
            "number of devices",
        )?;
        let clean = crate::record::flag(from, "clean shutdown")?;
        from.zeros(5, "reserved")?;
        let epoch = Epoch(from.u64("epoch")?);
        let sequence = from.u64("sequence")?;
        let time_floor = Timestamp::from_millis(from.u64("time floor")?);
        let limits = PoolLimits {
            segment_bytes: from.u32("segment size")?,
            inline_bytes_max: from.u32("inline limit")?,
            frame_bytes_max: from.u32("frame limit")?,
            frame_records_max: from.u32("record limit")?,
        };
        let len_bytes = from.u64("device length")?;
        let slots = [decode_slot(from)?, decode_slot(from)?];
        from.zeros(DEVICES_AT - 256, "reserved")?;
        let rows = (0..device_count).map(|_| DeviceRow::decode(from));
        let devices = rows.collect::<Result<Vec<_>, _>>()?;
        let unused = HASH_AT - DEVICES_AT - device_count * DEVICE_ROW_BYTES;
        from.zeros(unused, "reserved")?;
        let own = devices.get(usize::from(device.0));
        let same = own.is_some_and(|row| row.id == device_id && row.len_bytes == len_bytes);
        from.check(same, "device")?;
        let superblock = Self {
            features,
            pool,
            device,
            devices,
            clean,
            epoch,
            sequence,
            time_floor,
            limits,
            slots,
        };
        Ok(superblock)
    }

    fn judge(&self, from: &Decoder<'_>) -> Result<(), DecodeError> {
        for row in &self.devices {
            Geometry::new(row.len_bytes, self.limits.segment_bytes)?;
        }
        let frame_bytes_max = crate::frame::FRAME_BYTES_MAX as u32;
        from.check(
            self.limits.frame_bytes_max <= frame_bytes_max,
            "frame limit",
        )?;
        from.check(
            self.limits.inline_bytes_max < self.limits.frame_bytes_max,
            "inline limit",
        )
    }

    /// The device's own row in the table.
    pub fn own_row(&self) -> Option<&DeviceRow> {
        self.devices.get(usize::from(self.device.0))
    }

    /// The segments of the device.
    pub fn geometry(&self) -> Result<Geometry, DecodeError> {
        let len_bytes = self.own_row().map_or(0, |row| row.len_bytes);
        Geometry::new(len_bytes, self.limits.segment_bytes)
    }

    /// The checkpoints, newest first.
    pub fn checkpoints(&self) -> Vec<CheckpointSlot> {
        let mut slots: Vec<_> = self.slots.iter().copied().flatten().collect();
        slots.sort_by_key(|slot| std::cmp::Reverse(slot.lsn));
        slots
    }
}

impl DeviceRow {
    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let id = DeviceId(from.array("device id")?);
        let len_bytes = from.u64("device length")?;
        let state = DeviceState::from_code(from.u8("device state")?);
        from.zeros(7, "reserved")?;
        Ok(Self {
            id,
            len_bytes,
            state: from.known(state, "device state")?,
        })
    }
}

impl CheckpointSlot {
    /// The slot for the checkpoint at `lsn` whose root's bytes are `root` and lie `at`.
    pub fn of(lsn: Lsn, at: &Pointer, root: &[u8]) -> Self {
        Self {
            lsn,
            group: at.group,
            generation: at.generation,
            offset_bytes: at.offset_bytes,
            len_bytes: at.len_bytes,
            blake3: *blake3::hash(root).as_bytes(),
        }
    }

    /// Whether `root` is what the slot points to.
    pub fn verify(&self, root: &[u8]) -> Result<(), DecodeError> {
        let whole = root.len() == self.len_bytes as usize;
        let same = whole && *blake3::hash(root).as_bytes() == self.blake3;
        let broken = DecodeError::Checksum {
            structure: "checkpoint root",
            over: "the root",
        };
        same.then_some(()).ok_or(broken)
    }
}

fn encode_slot(slot: Option<&CheckpointSlot>, to: &mut Encoder) {
    let Some(slot) = slot else {
        return to.raw(&[0; 64]);
    };
    to.u64(slot.lsn.0);
    to.u32(slot.group.0);
    to.u32(slot.generation.0);
    to.u32(slot.offset_bytes);
    to.u32(slot.len_bytes);
    to.u64(0);
    to.raw(&slot.blake3);
}

fn decode_slot(from: &mut Decoder<'_>) -> Result<Option<CheckpointSlot>, DecodeError> {
    let slot = CheckpointSlot {
        lsn: Lsn(from.u64("checkpoint lsn")?),
        group: GroupId(from.u32("checkpoint group")?),
        generation: Generation(from.u32("checkpoint generation")?),
        offset_bytes: from.u32("checkpoint offset")?,
        len_bytes: from.u32("checkpoint length")?,
        blake3: {
            from.zeros(8, "reserved")?;
            from.array("checkpoint hash")?
        },
    };
    if slot.len_bytes > 0 {
        return Ok(Some(slot));
    }
    let mut none = Encoder::default();
    encode_slot(None, &mut none);
    let mut read = Encoder::default();
    encode_slot(Some(&slot), &mut read);
    from.check(read.0 == none.0, "checkpoint slot")?;
    Ok(None)
}

#[cfg(test)]
mod tests;
