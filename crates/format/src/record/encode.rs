//! From a record's values to its bytes.

use super::body::{
    Attributes, Body, Control, Data, DeleteMarker, GroupEvent, Moved, PartMeta, PartPut, Put,
    Tombstone, UploadEnd, UploadStart,
};
use super::{
    ALIGN_BYTES, CONTROL_KEY_BYTES_MAX, CONTROL_VALUE_BYTES_MAX, EXTENTS_MAX, FLAG_COMPAT,
    HEAD_BYTES, HEADERS_MAX, MEMBERS_MAX, META_BYTES_MAX, PARTS_MAX, RecordPlace, TAGS_MAX,
    TEXT_BYTES_MAX, WRAPPED_KEY_BYTES_MAX,
};
use crate::codec::{Encoder, bounded, consistent};
use crate::{EncodeError, Extent, Member, crc32c};
use blockhouse_types::{
    BucketId, Checksum, ChecksumAlgorithm, ChecksumType, ETag, KEY_BYTES_MAX, ObjectKey, VersionId,
};

/// Kinds of records, as they stand on the disk. A number is never used for something else.
pub(super) mod kind {
    pub(crate) const PUT: u8 = 1;
    pub(crate) const RETAG: u8 = 2;
    pub(crate) const TOMBSTONE: u8 = 3;
    pub(crate) const DELETE_MARKER: u8 = 4;
    pub(crate) const UPLOAD_START: u8 = 5;
    pub(crate) const PART_PUT: u8 = 6;
    pub(crate) const UPLOAD_END: u8 = 7;
    pub(crate) const RELOCATE: u8 = 8;
    pub(crate) const CONTROL: u8 = 9;
    pub(crate) const GROUP_EVENT: u8 = 10;
    pub(crate) const DEVICE_EVENT: u8 = 11;
    pub(crate) const TICK: u8 = 12;
}

/// The version of every kind's fields that this code writes and reads.
pub(super) const VERSION: u8 = 1;

/// Head and meta of a record whose data is still to be put behind them.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// Kind, version, flags and meta length are filled in; the rest of the head is zeros.
    head_and_meta: Vec<u8>,
}

impl Encoded {
    /// Length of the record with `data_bytes` of data behind it, and padding.
    pub(crate) fn len_bytes(&self, data_bytes: usize) -> usize {
        (self.head_and_meta.len() + data_bytes).next_multiple_of(ALIGN_BYTES)
    }

    /// Fills the head in, now that the data is known.
    pub(crate) fn seal(mut self, data_bytes: u32, data_crc: u32) -> Vec<u8> {
        self.head_and_meta[8..12].copy_from_slice(&data_bytes.to_le_bytes());
        self.head_and_meta[12..16].copy_from_slice(&data_crc.to_le_bytes());
        let crc = head_crc(&self.head_and_meta);
        self.head_and_meta[16..20].copy_from_slice(&crc.to_le_bytes());
        self.head_and_meta
    }

    /// Length of head and meta.
    pub(crate) fn head_and_meta_bytes(&self) -> usize {
        self.head_and_meta.len()
    }
}

/// The CRC over the head's first 16 bytes and the meta.
pub(super) fn head_crc(head_and_meta: &[u8]) -> u32 {
    let mut crc = crate::Crc32c::default();
    crc.update(&head_and_meta[..16]);
    crc.update(&head_and_meta[HEAD_BYTES..]);
    crc.value()
}

/// What a record of this body and so much inline data takes in a frame, in bytes.
pub fn encoded_len(body: &Body, data_bytes: usize) -> Result<usize, EncodeError> {
    Ok(encode(body)?.len_bytes(data_bytes))
}

/// Encodes head and meta.
pub(crate) fn encode(body: &Body) -> Result<Encoded, EncodeError> {
    let mut to = Encoder(vec![0; HEAD_BYTES]);
    let kind = meta(&mut to, body)?;
    let meta_bytes = bounded(to.0.len() - HEAD_BYTES, "a record's meta", META_BYTES_MAX)?;
    let (version, flags) = match body {
        Body::Unknown { version, .. } => (*version, FLAG_COMPAT),
        Body::Tick => (VERSION, FLAG_COMPAT),
        _ => (VERSION, 0),
    };
    to.0[0] = kind;
    to.0[1] = version;
    to.0[2..4].copy_from_slice(&flags.to_le_bytes());
    to.0[4..8].copy_from_slice(&(meta_bytes as u32).to_le_bytes());
    Ok(Encoded {
        head_and_meta: to.0,
    })
}

/// Appends the meta of `body` and tells its kind.
fn meta(to: &mut Encoder, body: &Body) -> Result<u8, EncodeError> {
    match body {
        Body::Put(fields) => put(to, fields).map(|()| kind::PUT),
        Body::Retag(fields) => put(to, fields).map(|()| kind::RETAG),
        Body::Tombstone(fields) => tombstone(to, fields).map(|()| kind::TOMBSTONE),
        Body::DeleteMarker(fields) => delete_marker(to, fields).map(|()| kind::DELETE_MARKER),
        Body::UploadStart(fields) => upload_start(to, fields).map(|()| kind::UPLOAD_START),
        Body::PartPut(fields) => part_put(to, fields).map(|()| kind::PART_PUT),
        Body::UploadEnd(fields) => upload_end(to, fields).map(|()| kind::UPLOAD_END),
        Body::Relocate(fields) => {
            place(to, &fields.old);
            moved(to, &fields.moved).map(|()| kind::RELOCATE)
        }
        Body::Control(fields) => control(to, fields).map(|()| kind::CONTROL),
        Body::GroupEvent(fields) => group_event(to, fields).map(|()| kind::GROUP_EVENT),
        Body::DeviceEvent(fields) => {
            to.u8(fields.device.0);
            to.u8(fields.state.code());
            Ok(kind::DEVICE_EVENT)
        }
        Body::Tick => Ok(kind::TICK),
        Body::Unknown { kind, .. } => Ok(*kind),
    }
}

/// bucket u64, key, version, sequence, modified, size, etag: what an index row is made of comes
/// first and in the same order everywhere; the long and the reserved come last.
fn put(to: &mut Encoder, put: &Put) -> Result<(), EncodeError> {
    named(to, put.bucket, &put.key)?;
    version(to, &put.version);
    to.u64(put.sequence.0);
    to.u64(put.modified.millis());
    to.u64(put.size);
    etag(to, &put.etag);
    checksum(to, put.checksum.as_ref());
    data(to, &put.data, put.size)?;
    attributes(to, &put.attributes)?;
    consistent(PartMeta::make(&put.parts, put.size), "parts")?;
    to.varint(bounded(put.parts.len(), "parts", PARTS_MAX)? as u64);
    for part in &put.parts {
        to.u16(part.number);
        to.varint(part.size);
        checksum(to, part.checksum.as_ref());
    }
    to.u8(u8::from(put.upload.is_some()));
    to.raw(put.upload.as_ref().map_or(&[], |u| &u.0));
    to.short_bytes(&put.wrapped_key, "wrapped key", WRAPPED_KEY_BYTES_MAX)?;
    to.u8(put.retention.map_or(0, |r| r.mode as u8));
    to.u64(put.retention.map_or(0, |r| r.until.millis()));
    to.u8(u8::from(put.legal_hold));
    Ok(())
}

fn tombstone(to: &mut Encoder, fields: &Tombstone) -> Result<(), EncodeError> {
    named(to, fields.bucket, &fields.key)?;
    version(to, &fields.version);
    to.u64(fields.sequence.0);
    Ok(())
}

fn delete_marker(to: &mut Encoder, fields: &DeleteMarker) -> Result<(), EncodeError> {
    named(to, fields.bucket, &fields.key)?;
    version(to, &fields.version);
    to.u64(fields.sequence.0);
    to.u64(fields.modified.millis());
    Ok(())
}

fn upload_start(to: &mut Encoder, fields: &UploadStart) -> Result<(), EncodeError> {
    named(to, fields.bucket, &fields.key)?;
    to.raw(&fields.upload.0);
    to.u64(fields.sequence.0);
    to.u64(fields.initiated.millis());
    checksum_kind(to, fields.checksum);
    attributes(to, &fields.attributes)?;
    to.short_bytes(&fields.wrapped_key, "wrapped key", WRAPPED_KEY_BYTES_MAX)
}

fn part_put(to: &mut Encoder, fields: &PartPut) -> Result<(), EncodeError> {
    named(to, fields.bucket, &fields.key)?;
    to.raw(&fields.upload.0);
    to.u16(fields.number);
    to.u64(fields.sequence.0);
    to.u64(fields.modified.millis());
    to.u64(fields.size);
    etag(to, &fields.etag);
    checksum(to, fields.checksum.as_ref());
    data(to, &fields.data, fields.size)?;
    to.short_bytes(&fields.wrapped_key, "wrapped key", WRAPPED_KEY_BYTES_MAX)
}

fn upload_end(to: &mut Encoder, fields: &UploadEnd) -> Result<(), EncodeError> {
    named(to, fields.bucket, &fields.key)?;
    to.raw(&fields.upload.0);
    to.u8(fields.outcome as u8);
    Ok(())
}

/// The kind of what was moved, then its fields as in a record of its own.
fn moved(to: &mut Encoder, moved: &Moved) -> Result<(), EncodeError> {
    match moved {
        Moved::Put(fields) => {
            to.u8(kind::PUT);
            put(to, fields)
        }
        Moved::DeleteMarker(fields) => {
            to.u8(kind::DELETE_MARKER);
            delete_marker(to, fields)
        }
        Moved::UploadStart(fields) => {
            to.u8(kind::UPLOAD_START);
            upload_start(to, fields)
        }
        Moved::PartPut(fields) => {
            to.u8(kind::PART_PUT);
            part_put(to, fields)
        }
    }
}

fn control(to: &mut Encoder, fields: &Control) -> Result<(), EncodeError> {
    to.u8(fields.table);
    to.short_bytes(&fields.key, "control key", CONTROL_KEY_BYTES_MAX)?;
    match &fields.value {
        None => to.u8(0),
        Some(value) => {
            to.u8(1);
            to.long_bytes(value, "control value", CONTROL_VALUE_BYTES_MAX)?;
        }
    }
    Ok(())
}

fn group_event(to: &mut Encoder, fields: &GroupEvent) -> Result<(), EncodeError> {
    to.u8(fields.change as u8);
    to.u8(fields.kind.code());
    to.u32(fields.group.0);
    to.u32(fields.generation.0);
    members(to, &fields.members)
}

/// A count and as many {device u8, segment u32}.
pub(crate) fn members(to: &mut Encoder, members: &[Member]) -> Result<(), EncodeError> {
    to.u8(bounded(members.len(), "group members", MEMBERS_MAX)? as u8);
    for member in members {
        to.u8(member.device.0);
        to.u32(member.segment.0);
    }
    Ok(())
}

fn named(to: &mut Encoder, bucket: BucketId, key: &ObjectKey) -> Result<(), EncodeError> {
    to.u64(bucket.0);
    to.short_bytes(key.as_bytes(), "key", KEY_BYTES_MAX)
}

/// One byte 0 for `null`, or 1 and the 16 bytes.
pub(crate) fn version(to: &mut Encoder, version: &VersionId) {
    to.u8(u8::from(!version.is_null()));
    to.raw(version.bytes().map_or(&[], |b| b));
}

/// The digest, then the count of parts.
pub(crate) fn etag(to: &mut Encoder, etag: &ETag) {
    to.raw(etag.md5());
    to.varint(u64::from(etag.parts()));
}

/// The algorithm's code or 0 for none; the type; for a composite the count; the value.
pub(crate) fn checksum(to: &mut Encoder, checksum: Option<&Checksum>) {
    checksum_kind(to, checksum.map(|c| (c.algorithm(), c.kind())));
    if let Some(checksum) = checksum {
        if checksum.kind() == ChecksumType::Composite {
            to.varint(u64::from(checksum.parts()));
        }
        to.raw(checksum.value());
    }
}

/// 0 for none; or the algorithm's code, then 0 for full object and 1 for composite.
pub(crate) fn checksum_kind(to: &mut Encoder, kind: Option<(ChecksumAlgorithm, ChecksumType)>) {
    match kind {
        None => to.u8(0),
        Some((algorithm, kind)) => {
            to.u8(algorithm.code());
            to.u8(u8::from(kind == ChecksumType::Composite));
        }
    }
}

/// 0 for inline; or 1 and the extents.
fn data(to: &mut Encoder, data: &Data, size: u64) -> Result<(), EncodeError> {
    consistent(data.holds(size), "extents")?;
    match data {
        Data::Inline => {
            to.u8(0);
            Ok(())
        }
        Data::Extents(list) => {
            to.u8(1);
            extents(to, list, EXTENTS_MAX)
        }
    }
}

/// A count and as many extents.
pub(crate) fn extents(to: &mut Encoder, list: &[Extent], max: usize) -> Result<(), EncodeError> {
    to.varint(bounded(list.len(), "extents", max)? as u64);
    list.iter().for_each(|extent| extent.encode(to));
    Ok(())
}

fn attributes(to: &mut Encoder, attributes: &Attributes) -> Result<(), EncodeError> {
    pairs(to, &attributes.headers, "headers", HEADERS_MAX)?;
    pairs(to, &attributes.tags, "tags", TAGS_MAX)
}

fn pairs(
    to: &mut Encoder,
    pairs: &[(String, String)],
    field: &'static str,
    max: usize,
) -> Result<(), EncodeError> {
    to.varint(bounded(pairs.len(), field, max)? as u64);
    for (name, value) in pairs {
        to.short_bytes(name.as_bytes(), field, TEXT_BYTES_MAX)?;
        to.short_bytes(value.as_bytes(), field, TEXT_BYTES_MAX)?;
    }
    Ok(())
}

/// group, generation, offset, length: u32 each.
pub(crate) fn place(to: &mut Encoder, place: &RecordPlace) {
    to.u32(place.group.0);
    to.u32(place.generation.0);
    to.u32(place.offset_bytes);
    to.u32(place.len_bytes);
}

/// The CRC of inline data.
pub(crate) fn data_crc(data: &[u8]) -> u32 {
    crc32c(data)
}
