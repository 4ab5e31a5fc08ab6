//! Every byte on the disk: bytes in, values out, no I/O.
//!
//! A pool lives on one or two devices. Each device is cut into segments ([`Geometry`]) around four
//! copies of its [`Superblock`]. A *group* is one segment on each device of a mirror; it holds
//! frames of the log, shards of large objects, or sections of a checkpoint.
//!
//! ```text
//!   superblock ──► checkpoint root ──► sections: group table, control rows, index base, index runs
//!                        │ lsn X                                    │ entry
//!                        ▼                                          ▼
//!   log groups:   ..frame│frame│frame      ◄── locator ──  Put record, small data inline
//!                                                                   │ extents
//!   data groups:  shard│trailer│shard│trailer   ◄───────────────────┘
//! ```
//!
//! The log is the truth; everything a checkpoint holds could be made again from a log that was never
//! cut. Numbers are little-endian at offsets written in the layout comment of the struct that encodes
//! them, except in index keys, which are big-endian because they are compared as bytes.
//!
//! What decoders promise: any bytes give a value or a [`DecodeError`], never a panic, never an
//! allocation larger than the input warrants; and a structure whose checksum holds is still checked
//! field by field, because our own mistakes have right checksums too.
#![forbid(unsafe_code)]

mod checkpoint;
mod codec;
pub mod control;
mod crc;
pub mod entry;
mod extent;
pub mod frame;
mod geometry;
mod ids;
pub mod record;
mod section;
mod segment;
mod superblock;

pub use checkpoint::{CheckpointRoot, GroupEntry, GroupState, LogPosition, Pointer, RUNS_MAX};
pub use codec::{DecodeError, EncodeError};
pub use crc::{Crc32c, crc32c};
pub use extent::{
    CRC_CHUNK_BYTES, Extent, ExtentForm, SHARD_DATA_BYTES_MAX, Shard, ShardTrailer, WriteId,
    padded_bytes,
};
pub use geometry::{DEVICE_BYTES_MIN, Geometry, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
pub use ids::{
    DeviceId, DeviceIndex, DeviceState, Epoch, Generation, GroupId, GroupKind, Lsn, Member, PoolId,
    SegmentNo,
};
pub use section::{
    ROW_KEY_BYTES_MAX, Row, RowRefused, SECTION_BYTES_MAX, SectionCursor, SectionReader,
    SectionWriter,
};
pub use segment::{SegmentMark, SegmentMarkPlace};
pub use superblock::{
    CheckpointSlot, DEVICES_MAX, DeviceRow, Features, MAJOR, MINOR, NoSuperblock, PoolLimits,
    Superblock, choose, copies,
};

/// The unit of every read and write, in bytes.
pub const BLOCK_BYTES: usize = 4096;
