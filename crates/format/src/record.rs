//! Records: what happened, one after the other.
//!
//! A record is its head, its meta (the fields of its kind) and its inline data. Two checksums make
//! each record stand alone: one over head and meta, one, kept in the head, over the data. A reader
//! that knows a record's place from the index verifies it with one read of the blocks that cover
//! it, without the frame around it.
//!
//! Unknown kinds: a record of a later format that is marked [`FLAG_COMPAT`] may be skipped; any
//! other stops the reader.

mod body;
mod decode;
mod encode;

pub use body::{
    Attributes, Body, Control, Data, DeleteMarker, DeviceEvent, GroupChange, GroupEvent, Moved,
    PartMeta, PartPut, Put, Relocate, Retention, RetentionMode, Tombstone, UploadEnd,
    UploadOutcome, UploadStart,
};
pub use decode::{Decoded, decode, decode_meta};
pub(crate) use decode::{
    checksum as read_checksum, checksum_kind as read_checksum_kind, etag as read_etag,
    extents as read_extents, flag, members as read_members, place as read_place,
    version as read_version,
};
pub use encode::encoded_len;
pub(crate) use encode::{checksum, checksum_kind, encode, etag, extents, members, place, version};

use crate::{Generation, GroupId};

/// Length of a record's head.
///
/// ```text
///  0  1  kind
///  1  1  version of the kind's fields
///  2  2  flags: bit 0 compat
///  4  4  meta length in bytes
///  8  4  data length in bytes
/// 12  4  crc32c of the data
/// 16  4  crc32c of 0..16 and of the meta
/// 20  4  zeros
/// 24     meta, then data, then zeros up to a multiple of 8
/// ```
/// Kind, flags and lengths come first: they are all that skipping a record needs.
pub const HEAD_BYTES: usize = 24;
/// Every record begins at a multiple of this within its frame, in bytes.
pub const ALIGN_BYTES: usize = 8;
/// Flag: a reader that does not know the kind may skip the record.
pub const FLAG_COMPAT: u16 = 1;

/// Most meta of one record, in bytes; a record with more is refused when it is written.
pub const META_BYTES_MAX: usize = 7 << 19;
/// Most extents of one object or part. An object that needs more cannot be stored.
pub const EXTENTS_MAX: usize = 65_536;
/// Most parts of one object, as in S3.
pub const PARTS_MAX: usize = 10_000;
/// Most headers kept with an object.
pub const HEADERS_MAX: usize = 512;
/// Most bytes of one header's or tag's name or value.
pub const TEXT_BYTES_MAX: usize = 16 << 10;
/// Most tags of an object; S3 allows 10.
pub const TAGS_MAX: usize = 50;
/// Most bytes of a wrapped object key.
pub const WRAPPED_KEY_BYTES_MAX: usize = 256;
/// Most bytes of a control row's key.
pub const CONTROL_KEY_BYTES_MAX: usize = 2048;
/// Most bytes of a control row's value: a bucket with all its documents, of which a list of a hundred
/// thousand addresses is the longest. A row fits a frame and a section.
pub const CONTROL_VALUE_BYTES_MAX: usize = 13 << 18;
/// Most members of a group. Today 2; the rest is for parity.
pub const MEMBERS_MAX: usize = 32;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordPlace {
    /// The log group.
    pub group: GroupId,
    /// Its generation when the record was written.
    pub generation: Generation,
    /// Where the record begins within the group's segment.
    pub offset_bytes: u32,
    /// Its length with head, meta, data and padding: what it counts for in the group's live bytes.
    pub len_bytes: u32,
}

/// Where the inline data of a record lies, in the same group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct InlinePlace {
    /// Where the data begins within the group's segment.
    pub offset_bytes: u32,
    /// Its length.
    pub len_bytes: u32,
    /// Its CRC.
    pub crc32c: u32,
}
