//! Checkpoints: the state at one position of the log, as a tree of hashes.
//!
//! The superblock points to the root by its hash, the root to every section by the section's hash.
//! A section that was lost, torn, misdirected or rotten is noticed by whoever follows the pointer,
//! whatever its own checksum says.

use crate::codec::{Decoder, Encoder};
use crate::record::{self, MEMBERS_MAX};
use crate::{
    BLOCK_BYTES, DecodeError, EncodeError, Epoch, Generation, GroupId, GroupKind, Lsn, Member,
    PoolId, crc32c,
};
use blockhouse_types::Timestamp;

/// Most runs on top of a base. A checkpoint that would make one more writes a new base.
pub const RUNS_MAX: usize = 64;

const STRUCTURE: &str = "checkpoint root";
const MAGIC: &[u8; 8] = b"BHCHECK\n";

/// Where a section lies, and what it must be.
///
/// group u32, generation u32, offset u32, length u32, BLAKE3-128 of all its bytes: 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pointer {
    /// The index group.
    pub group: GroupId,
    /// Its generation.
    pub generation: Generation,
    /// Where within the group's segment.
    pub offset_bytes: u32,
    /// Length in bytes, a multiple of the block size.
    pub len_bytes: u32,
    /// The first half of BLAKE3 of the bytes.
    pub blake3: [u8; 16],
}

/// Where the log goes on behind a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPosition {
    /// The log group that the next frame is in.
    pub group: GroupId,
    /// Its generation.
    pub generation: Generation,
    /// Where within the group's segment the next frame begins.
    pub offset_bytes: u32,
    /// The header CRC of the frame before; 0 for none.
    pub previous_crc: u32,
    /// The log group after that one, when it has been given already.
    pub successor: Option<(GroupId, Generation)>,
}

/// The root of a checkpoint.
///
/// ```text
///   0  8  magic
///   8  4  crc32c of 12..length
///  12  4  length in bytes, a multiple of 4096
///  16 16  pool
///  32  8  epoch
///  40  8  lsn
///  48  8  time floor, ms
///  56 16  salt               fresh for each checkpoint, reserved for encryption
///  72  4  log: group
///  76  4  log: generation
///  80  4  log: offset
///  84  4  log: previous crc
///  88  4  log: 1 if the successor is known, else 0
///  92  4  log: successor's group
///  96  4  log: successor's generation
/// 100  4  group table sections
/// 104  4  control sections
/// 108  4  base sections
/// 112  4  runs
/// 116 12  zeros
/// 128     sections of each run, u32 each
///         pointers: group table, control, base, then run by run from the oldest
///         zeros
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRoot {
    /// The pool.
    pub pool: PoolId,
    /// Who wrote it.
    pub epoch: Epoch,
    /// The last position whose record the checkpoint holds. Replay begins with the next.
    pub lsn: Lsn,
    /// The highest time the store had seen.
    pub time_floor: Timestamp,
    /// Fresh random bytes.
    pub salt: [u8; 16],
    /// Where replay begins.
    pub log: LogPosition,
    /// The group table: sections of [`GroupEntry`] by [`GroupEntry::key`].
    pub groups: Vec<Pointer>,
    /// Control rows: sections by [`crate::control::row_key`].
    pub control: Vec<Pointer>,
    /// The index as it was once: sections in order of key, without removals.
    pub base: Vec<Pointer>,
    /// What changed since, oldest first: each a list of sections in order of key.
    pub runs: Vec<Vec<Pointer>>,
}

impl Pointer {
    /// A pointer to `section`, which will lie there.
    pub fn to(section: &[u8], group: GroupId, generation: Generation, offset_bytes: u32) -> Self {
        let len_bytes = u32::try_from(section.len()).unwrap_or(u32::MAX);
        Self {
            group,
            generation,
            offset_bytes,
            len_bytes,
            blake3: half_hash(section),
        }
    }

    /// Whether `section` is what it points to.
    pub fn verify(&self, section: &[u8]) -> Result<(), DecodeError> {
        let same = section.len() == self.len_bytes as usize && half_hash(section) == self.blake3;
        let broken = DecodeError::Checksum {
            structure: "section",
            over: "the section",
        };
        same.then_some(()).ok_or(broken)
    }

    const ENCODED_BYTES: usize = 32;

    fn encode(&self, to: &mut Encoder) {
        to.u32(self.group.0);
        to.u32(self.generation.0);
        to.u32(self.offset_bytes);
        to.u32(self.len_bytes);
        to.raw(&self.blake3);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            group: GroupId(from.u32("section group")?),
            generation: Generation(from.u32("section generation")?),
            offset_bytes: from.u32("section offset")?,
            len_bytes: from.u32("section length")?,
            blake3: from.array("section hash")?,
        })
    }
}

fn half_hash(bytes: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    half
}

impl CheckpointRoot {
    /// The root's bytes, a multiple of the block size. The caller sees to it that they fit a segment.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.raw(MAGIC);
        to.u64(0);
        to.raw(&self.pool.0);
        to.u64(self.epoch.0);
        to.u64(self.lsn.0);
        to.u64(self.time_floor.millis());
        to.raw(&self.salt);
        self.log.encode(&mut to);
        for count in [
            self.groups.len(),
            self.control.len(),
            self.base.len(),
            self.runs.len(),
        ] {
            to.u32(count as u32);
        }
        to.pad_to(128);
        self.runs.iter().for_each(|run| to.u32(run.len() as u32));
        self.pointers().for_each(|pointer| pointer.encode(&mut to));
        to.pad_to(to.0.len().next_multiple_of(BLOCK_BYTES));
        let len = to.0.len() as u32;
        to.0[12..16].copy_from_slice(&len.to_le_bytes());
        let crc = crc32c(&to.0[12..]);
        to.0[8..12].copy_from_slice(&crc.to_le_bytes());
        to.0
    }

    /// Reads and checks a root.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(STRUCTURE, bytes);
        if from.raw(8, "magic")? != MAGIC {
            return Err(DecodeError::Magic {
                structure: STRUCTURE,
            });
        }
        let crc = from.u32("crc")?;
        if crc32c(from.rest()) != crc {
            return Err(DecodeError::Checksum {
                structure: STRUCTURE,
                over: "the root",
            });
        }
        let len = from.u32("length")? as usize;
        from.check(
            len == bytes.len() && len.is_multiple_of(BLOCK_BYTES),
            "length",
        )?;
        let pool = PoolId(from.array("pool")?);
        let epoch = Epoch(from.u64("epoch")?);
        let lsn = Lsn(from.u64("lsn")?);
        let time_floor = Timestamp::from_millis(from.u64("time floor")?);
        let salt = from.array("salt")?;
        let log = LogPosition::decode(&mut from)?;
        let [groups, control, base, runs] = [
            from.u32("group table sections")?,
            from.u32("control sections")?,
            from.u32("base sections")?,
            from.u32("runs")?,
        ];
        from.check(runs as usize <= RUNS_MAX, "runs")?;
        from.zeros(12, "reserved")?;
        let runs = (0..runs)
            .map(|_| from.u32("run sections"))
            .collect::<Result<Vec<_>, _>>()?;
        let groups = pointers(&mut from, groups)?;
        let control = pointers(&mut from, control)?;
        let base = pointers(&mut from, base)?;
        let runs = runs
            .into_iter()
            .map(|count| pointers(&mut from, count))
            .collect::<Result<_, _>>()?;
        from.check(from.rest().len() < BLOCK_BYTES, "length")?;
        from.zeros(from.rest().len(), "padding")?;
        Ok(Self {
            pool,
            epoch,
            lsn,
            time_floor,
            salt,
            log,
            groups,
            control,
            base,
            runs,
        })
    }

    /// Every section it points to.
    pub fn pointers(&self) -> impl Iterator<Item = &Pointer> {
        let index = self.base.iter().chain(self.runs.iter().flatten());
        self.groups.iter().chain(&self.control).chain(index)
    }
}

fn pointers(from: &mut Decoder<'_>, count: u32) -> Result<Vec<Pointer>, DecodeError> {
    let possible = from.rest().len() / Pointer::ENCODED_BYTES;
    from.check(count as usize <= possible, "number of sections")?;
    (0..count).map(|_| Pointer::decode(from)).collect()
}

impl LogPosition {
    fn encode(&self, to: &mut Encoder) {
        to.u32(self.group.0);
        to.u32(self.generation.0);
        to.u32(self.offset_bytes);
        to.u32(self.previous_crc);
        let (group, generation) = self.successor.unwrap_or_default();
        to.u32(u32::from(self.successor.is_some()));
        to.u32(group.0);
        to.u32(generation.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let group = GroupId(from.u32("log group")?);
        let generation = Generation(from.u32("log generation")?);
        let offset_bytes = from.u32("log offset")?;
        from.check(
            offset_bytes.is_multiple_of(BLOCK_BYTES as u32),
            "log offset",
        )?;
        let previous_crc = from.u32("previous crc")?;
        let known = from.u32("log successor")?;
        let successor = (
            GroupId(from.u32("successor")?),
            Generation(from.u32("successor")?),
        );
        from.check(
            known == 1 || (known == 0 && successor == Default::default()),
            "successor",
        )?;
        let successor = (known == 1).then_some(successor);
        Ok(Self {
            group,
            generation,
            offset_bytes,
            previous_crc,
            successor,
        })
    }
}

/// What a group may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum GroupState {
    /// Nothing.
    Free = 1,
    /// It takes writes.
    Open = 2,
    /// It only is read.
    Sealed = 3,
    /// It is free once a checkpoint that no longer needs it is durable.
    Freeing = 4,
}

impl GroupState {
    fn from_code(code: u8) -> Option<Self> {
        let all = [Self::Free, Self::Open, Self::Sealed, Self::Freeing];
        all.into_iter().find(|s| *s as u8 == code)
    }
}

/// A row of the group table.
///
/// version u8, state u8, kind u8, 0 u8, generation u32, live u64, first lsn u64, last lsn u64,
/// members {count u8, {device u8, segment u32}}. A row of state free has the kind it had last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    /// What it may be used for.
    pub state: GroupState,
    /// What it holds.
    pub kind: GroupKind,
    /// How often the number has been given.
    pub generation: Generation,
    /// Bytes that index rows refer to: see [`crate::entry::Entry::references`]. Not counted for
    /// index groups.
    pub live_bytes: u64,
    /// The first position in it, of log groups.
    pub first_lsn: Lsn,
    /// The last position in it, of log groups.
    pub last_lsn: Lsn,
    /// Its segments.
    pub members: Vec<Member>,
}

const GROUP: &str = "group table row";
const GROUP_VERSION: u8 = 1;

impl GroupEntry {
    /// The key of a group's row in a section.
    pub fn key(group: GroupId) -> [u8; 4] {
        group.0.to_be_bytes()
    }

    /// The inverse of [`Self::key`].
    pub fn parse_key(key: &[u8]) -> Result<GroupId, DecodeError> {
        let mut from = Decoder::new(GROUP, key);
        let group = GroupId(u32::from_be_bytes(from.array("group")?));
        from.end()?;
        Ok(group)
    }

    /// The row's bytes; refuses more than [`MEMBERS_MAX`] members.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut to = Encoder::default();
        to.u8(GROUP_VERSION);
        to.u8(self.state as u8);
        to.u8(self.kind.code());
        to.u8(0);
        to.u32(self.generation.0);
        to.u64(self.live_bytes);
        to.u64(self.first_lsn.0);
        to.u64(self.last_lsn.0);
        record::members(&mut to, &self.members)?;
        Ok(to.0)
    }

    /// Reads and checks a row.
    pub fn decode(row: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(GROUP, row);
        let version = from.u8("version")?;
        if version != GROUP_VERSION {
            return Err(DecodeError::Unknown {
                structure: GROUP,
                kind: 0,
                version,
            });
        }
        let state = GroupState::from_code(from.u8("state")?);
        let state = from.known(state, "state")?;
        let kind = GroupKind::from_code(from.u8("kind")?);
        let kind = from.known(kind, "kind")?;
        from.zeros(1, "reserved")?;
        let entry = Self {
            state,
            kind,
            generation: Generation(from.u32("generation")?),
            live_bytes: from.u64("live bytes")?,
            first_lsn: Lsn(from.u64("first lsn")?),
            last_lsn: Lsn(from.u64("last lsn")?),
            members: record::read_members(&mut from)?,
        };
        from.end()?;
        from.check(entry.members.len() <= MEMBERS_MAX, "members")?;
        Ok(entry)
    }
}
