//! The first and the last block of a segment: whose it is, and since when.

use crate::codec::{Encoder, open_block, sealed_block};
use crate::{
    BLOCK_BYTES, DecodeError, DeviceIndex, Epoch, Generation, GroupId, GroupKind, Lsn, PoolId,
    SegmentNo,
};

/// Which end of the segment a mark stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SegmentMarkPlace {
    /// The first block, written when the group is given.
    Header = 1,
    /// The last block, written when the group is sealed.
    Footer = 2,
}

/// The block at an end of a segment. Recovery does not need it: the group table and the log know
/// all it says. It is for whoever looks at a device without them.
///
/// ```text
///  0  8  magic
///  8  4  crc32c of 12..4096
/// 12  1  place: 1 header, 2 footer
/// 13  1  kind of group
/// 14  1  device index
/// 15  1  zero
/// 16 16  pool
/// 32  4  segment
/// 36  4  group
/// 40  4  generation
/// 44  4  bytes of the payload in use (footer); 0 (header)
/// 48  8  epoch
/// 56  8  lsn: the first that may be in it (header), the last that is (footer)
/// 64     zeros
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentMark {
    /// Header or footer.
    pub place: SegmentMarkPlace,
    /// What the group holds.
    pub kind: GroupKind,
    /// The device it is on.
    pub device: DeviceIndex,
    /// The pool.
    pub pool: PoolId,
    /// The segment.
    pub segment: SegmentNo,
    /// The group.
    pub group: GroupId,
    /// The group's generation.
    pub generation: Generation,
    /// In a footer: how much of the payload is in use, in bytes.
    pub used_bytes: u32,
    /// Who wrote it.
    pub epoch: Epoch,
    /// In a header the log position when the group was given; in a footer the last one in it.
    pub lsn: Lsn,
}

const STRUCTURE: &str = "segment mark";
const MAGIC: &[u8; 8] = b"BHSEGMT\n";

impl SegmentMark {
    /// The block.
    pub fn encode(&self) -> [u8; BLOCK_BYTES] {
        let mut to = Encoder::default();
        to.raw(MAGIC);
        to.u32(0);
        to.u8(self.place as u8);
        to.u8(self.kind.code());
        to.u8(self.device.0);
        to.u8(0);
        to.raw(&self.pool.0);
        to.u32(self.segment.0);
        to.u32(self.group.0);
        to.u32(self.generation.0);
        to.u32(self.used_bytes);
        to.u64(self.epoch.0);
        to.u64(self.lsn.0);
        sealed_block(to)
    }

    /// Reads and checks the block.
    pub fn decode(block: &[u8]) -> Result<Self, DecodeError> {
        let mut from = open_block(STRUCTURE, MAGIC, block)?;
        let place = match from.u8("place")? {
            1 => SegmentMarkPlace::Header,
            2 => SegmentMarkPlace::Footer,
            _ => return Err(from.field("place")),
        };
        let kind = GroupKind::from_code(from.u8("kind")?);
        let kind = from.known(kind, "kind")?;
        let device = DeviceIndex(from.u8("device")?);
        from.zeros(1, "reserved")?;
        let mark = Self {
            place,
            kind,
            device,
            pool: PoolId(from.array("pool")?),
            segment: SegmentNo(from.u32("segment")?),
            group: GroupId(from.u32("group")?),
            generation: Generation(from.u32("generation")?),
            used_bytes: from.u32("used")?,
            epoch: Epoch(from.u64("epoch")?),
            lsn: Lsn(from.u64("lsn")?),
        };
        from.zeros(from.rest().len(), "reserved")?;
        Ok(mark)
    }
}
