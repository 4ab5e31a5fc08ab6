//! The values of index rows: what is known of a thing without reading it, and the bytes that it keeps
//! alive.

use crate::codec::{Decoder, Encoder};
use crate::record::{self, InlinePlace, RecordPlace};
use crate::{DecodeError, EncodeError, Extent, Generation, GroupId, Lsn};
use blockhouse_types::{Checksum, ChecksumAlgorithm, ChecksumType, ETag, Timestamp, VersionId};

/// Most extents in one row. What is more goes to rows of its own: see [`DataPlace::Wide`].
pub const EXTENTS_MAX: usize = 128;

const STRUCTURE: &str = "index entry";
const OBJECT: u8 = 1;
const MARKER: u8 = 2;
const UPLOAD: u8 = 3;
const PART: u8 = 4;
const EXTENTS: u8 = 5;

/// The value of an index row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A version.
    Object(ObjectEntry),
    /// A delete marker.
    DeleteMarker(MarkerEntry),
    /// An upload in progress.
    Upload(UploadEntry),
    /// A part of an upload in progress.
    Part(PartEntry),
    /// Extents of a wide object or part; 1 to [`EXTENTS_MAX`].
    Extents(Vec<Extent>),
}

/// What listings, preconditions and reads need of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEntry {
    /// The version.
    pub version: VersionId,
    /// When it was written.
    pub modified: Timestamp,
    /// Length in bytes.
    pub size: u64,
    /// The entity tag.
    pub etag: ETag,
    /// The kept checksum's algorithm and type; its value stays in the record.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
    /// The record, for all the rest.
    pub record: RecordPlace,
    /// The bytes.
    pub data: DataPlace,
}

/// What is needed of a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkerEntry {
    /// Its version.
    pub version: VersionId,
    /// When it was made.
    pub modified: Timestamp,
    /// The record.
    pub record: RecordPlace,
}

/// What is needed of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadEntry {
    /// When it began.
    pub initiated: Timestamp,
    /// The checksum asked for.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
    /// The record, with the attributes that the object will have.
    pub record: RecordPlace,
}

/// What is needed of a part: all of it, so that completing reads no record of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartEntry {
    /// The position of the first record that wrote it.
    pub sequence: Lsn,
    /// When it was stored.
    pub modified: Timestamp,
    /// Length in bytes.
    pub size: u64,
    /// The entity tag.
    pub etag: ETag,
    /// The checksum.
    pub checksum: Option<Checksum>,
    /// The record.
    pub record: RecordPlace,
    /// The bytes.
    pub data: DataPlace,
}

/// Where the bytes of an object or part are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataPlace {
    /// In the record, in the record's group.
    Inline(InlinePlace),
    /// In these extents; 1 to [`EXTENTS_MAX`].
    Extents(Vec<Extent>),
    /// In the extents of this many rows of its sequence.
    Wide {
        /// Extents in all of them.
        extents: u32,
        /// Rows, numbered from 0.
        rows: u16,
    },
}

/// Bytes of a group that an index row keeps alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The group.
    pub group: GroupId,
    /// Its generation.
    pub generation: Generation,
    /// How many bytes: the record's length, or what the extent takes with padding and trailers.
    pub len_bytes: u64,
}

impl Entry {
    /// Appends the row's bytes to `row`. Kind u8; then the fields, times and sizes as varints
    /// because most are small; then record and data. About 64 bytes for a small object.
    pub fn encode(&self, row: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut to = Encoder(std::mem::take(row));
        let done = self.encode_to(&mut to);
        *row = to.0;
        done
    }

    fn encode_to(&self, to: &mut Encoder) -> Result<(), EncodeError> {
        match self {
            Self::Object(entry) => {
                to.u8(OBJECT);
                record::version(to, &entry.version);
                to.varint(entry.modified.millis());
                to.varint(entry.size);
                record::etag(to, &entry.etag);
                record::checksum_kind(to, entry.checksum);
                record::place(to, &entry.record);
                encode_data(&entry.data, to)
            }
            Self::DeleteMarker(entry) => {
                to.u8(MARKER);
                record::version(to, &entry.version);
                to.varint(entry.modified.millis());
                record::place(to, &entry.record);
                Ok(())
            }
            Self::Upload(entry) => {
                to.u8(UPLOAD);
                to.varint(entry.initiated.millis());
                record::checksum_kind(to, entry.checksum);
                record::place(to, &entry.record);
                Ok(())
            }
            Self::Part(entry) => {
                to.u8(PART);
                to.varint(entry.sequence.0);
                to.varint(entry.modified.millis());
                to.varint(entry.size);
                record::etag(to, &entry.etag);
                record::checksum(to, entry.checksum.as_ref());
                record::place(to, &entry.record);
                encode_data(&entry.data, to)
            }
            Self::Extents(list) => {
                to.u8(EXTENTS);
                record::extents(to, list, EXTENTS_MAX)
            }
        }
    }

    /// Reads and checks a row.
    pub fn decode(row: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(STRUCTURE, row);
        let entry = match from.u8("kind")? {
            OBJECT => Self::Object(decode_object(&mut from)?),
            MARKER => {
                let version = record::read_version(&mut from)?;
                let modified = Timestamp::from_millis(from.varint("modified")?);
                let record = record::read_place(&mut from)?;
                Self::DeleteMarker(MarkerEntry {
                    version,
                    modified,
                    record,
                })
            }
            UPLOAD => {
                let initiated = Timestamp::from_millis(from.varint("initiated")?);
                let checksum = record::read_checksum_kind(&mut from)?;
                let record = record::read_place(&mut from)?;
                Self::Upload(UploadEntry {
                    initiated,
                    checksum,
                    record,
                })
            }
            PART => Self::Part(decode_part(&mut from)?),
            EXTENTS => {
                let list = record::read_extents(&mut from, EXTENTS_MAX)?;
                from.check(!list.is_empty(), "extents")?;
                Self::Extents(list)
            }
            _ => return Err(from.field("kind")),
        };
        from.end()?;
        Ok(entry)
    }

    /// The record that the row points to; none for a row of extents.
    pub fn record(&self) -> Option<&RecordPlace> {
        match self {
            Self::Object(entry) => Some(&entry.record),
            Self::DeleteMarker(entry) => Some(&entry.record),
            Self::Upload(entry) => Some(&entry.record),
            Self::Part(entry) => Some(&entry.record),
            Self::Extents(_) => None,
        }
    }

    /// The extents that stand in the row itself.
    pub fn extents(&self) -> &[Extent] {
        match self {
            Self::Object(ObjectEntry {
                data: DataPlace::Extents(list),
                ..
            })
            | Self::Part(PartEntry {
                data: DataPlace::Extents(list),
                ..
            })
            | Self::Extents(list) => list,
            Self::Object(_) | Self::Part(_) | Self::DeleteMarker(_) | Self::Upload(_) => &[],
        }
    }

    /// What the row keeps alive. A group's live bytes are the sum of these over all rows; rows of
    /// extents count for themselves.
    pub fn references(&self) -> impl Iterator<Item = Reference> + '_ {
        let record = self.record().map(|place| Reference {
            group: place.group,
            generation: place.generation,
            len_bytes: u64::from(place.len_bytes),
        });
        let extents = self.extents().iter().map(|extent| Reference {
            group: extent.group,
            generation: extent.generation,
            len_bytes: extent.len_bytes(),
        });
        record.into_iter().chain(extents)
    }
}

fn decode_object(from: &mut Decoder<'_>) -> Result<ObjectEntry, DecodeError> {
    let version = record::read_version(from)?;
    let modified = Timestamp::from_millis(from.varint("modified")?);
    let size = from.varint("size")?;
    let etag = record::read_etag(from)?;
    let checksum = record::read_checksum_kind(from)?;
    let record = record::read_place(from)?;
    let data = decode_data(from, size)?;
    Ok(ObjectEntry {
        version,
        modified,
        size,
        etag,
        checksum,
        record,
        data,
    })
}

fn decode_part(from: &mut Decoder<'_>) -> Result<PartEntry, DecodeError> {
    let sequence = Lsn(from.varint("sequence")?);
    let modified = Timestamp::from_millis(from.varint("modified")?);
    let size = from.varint("size")?;
    let etag = record::read_etag(from)?;
    let checksum = record::read_checksum(from)?;
    let record = record::read_place(from)?;
    let data = decode_data(from, size)?;
    Ok(PartEntry {
        sequence,
        modified,
        size,
        etag,
        checksum,
        record,
        data,
    })
}

/// 0 and {offset, length, crc}; or 1 and the extents; or 2 and the two counts.
fn encode_data(data: &DataPlace, to: &mut Encoder) -> Result<(), EncodeError> {
    match data {
        DataPlace::Inline(place) => {
            to.u8(0);
            to.varint(u64::from(place.offset_bytes));
            to.varint(u64::from(place.len_bytes));
            to.u32(place.crc32c);
            Ok(())
        }
        DataPlace::Extents(list) => {
            to.u8(1);
            record::extents(to, list, EXTENTS_MAX)
        }
        DataPlace::Wide { extents, rows } => {
            to.u8(2);
            to.u32(*extents);
            to.u16(*rows);
            Ok(())
        }
    }
}

fn decode_data(from: &mut Decoder<'_>, size: u64) -> Result<DataPlace, DecodeError> {
    match from.u8("data")? {
        0 => {
            let offset_bytes = from.varint_u32("inline offset")?;
            let len_bytes = from.varint_u32("inline length")?;
            from.check(u64::from(len_bytes) == size, "inline length")?;
            Ok(DataPlace::Inline(InlinePlace {
                offset_bytes,
                len_bytes,
                crc32c: from.u32("inline crc")?,
            }))
        }
        1 => {
            let list = record::read_extents(from, EXTENTS_MAX)?;
            let sum: u64 = list.iter().map(|e| u64::from(e.data_bytes)).sum();
            from.check(!list.is_empty() && sum == size, "extents")?;
            Ok(DataPlace::Extents(list))
        }
        2 => {
            let extents = from.u32("number of extents")?;
            let rows = from.u16("number of rows")?;
            let least = u32::from(rows.max(1));
            let most = u32::from(rows).saturating_mul(EXTENTS_MAX as u32);
            from.check((least..=most).contains(&extents), "number of extents")?;
            Ok(DataPlace::Wide { extents, rows })
        }
        _ => Err(from.field("data")),
    }
}
