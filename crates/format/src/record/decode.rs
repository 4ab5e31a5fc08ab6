//! From a record's bytes to its values. Every value is judged, also when the checksums hold.

use super::body::{
    Attributes, Body, Control, Data, DeleteMarker, DeviceEvent, GroupChange, GroupEvent, Moved,
    PartMeta, PartPut, Put, Relocate, Retention, RetentionMode, Tombstone, UploadEnd,
    UploadOutcome, UploadStart,
};
use super::encode::{VERSION, data_crc, head_crc, kind};
use super::{
    ALIGN_BYTES, CONTROL_KEY_BYTES_MAX, CONTROL_VALUE_BYTES_MAX, EXTENTS_MAX, FLAG_COMPAT,
    HEAD_BYTES, HEADERS_MAX, MEMBERS_MAX, META_BYTES_MAX, PARTS_MAX, RecordPlace, TAGS_MAX,
    TEXT_BYTES_MAX, WRAPPED_KEY_BYTES_MAX,
};
use crate::codec::Decoder;
use crate::{
    DecodeError, DeviceIndex, DeviceState, Extent, Generation, GroupId, GroupKind, Lsn, Member,
    SegmentNo,
};
use blockhouse_types::{
    BucketId, Checksum, ChecksumAlgorithm, ChecksumType, ETag, KEY_BYTES_MAX, ObjectKey, Timestamp,
    UploadId, VersionId,
};

const RECORD: &str = "record";

/// A record read from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// What it says.
    pub body: Body,
    /// Its inline data.
    pub data: &'a [u8],
    /// Where the data begins, counted from the record's head, in bytes.
    pub data_start_bytes: usize,
    /// The CRC of the data.
    pub data_crc: u32,
    /// Its length with padding.
    pub len_bytes: usize,
}

/// The fields of a record's head that were read and are plausible.
struct Head {
    kind: u8,
    version: u8,
    flags: u16,
    meta_bytes: usize,
    data_bytes: usize,
    data_crc: u32,
    crc: u32,
}

/// Reads the record that begins at the front of `bytes` and checks both its checksums. What follows
/// it is not looked at.
pub fn decode(bytes: &[u8]) -> Result<Decoded<'_>, DecodeError> {
    let (head, meta, mut behind) = split(bytes)?;
    let body = body(&head, meta)?;
    let data = behind.raw(head.data_bytes, "data")?;
    if data_crc(data) != head.data_crc {
        return Err(DecodeError::Checksum {
            structure: RECORD,
            over: "inline data",
        });
    }
    judge(&body, head.data_bytes, &behind)?;
    let data_start_bytes = HEAD_BYTES + head.meta_bytes;
    let bare_bytes = data_start_bytes + head.data_bytes;
    let len_bytes = bare_bytes.next_multiple_of(ALIGN_BYTES);
    behind.zeros(len_bytes - bare_bytes, "padding")?;
    Ok(Decoded {
        body,
        data,
        data_start_bytes,
        data_crc: head.data_crc,
        len_bytes,
    })
}

/// Reads head and meta of the record that begins at the front of `bytes`, which may end with the
/// meta, and checks their checksum.
pub fn decode_meta(bytes: &[u8]) -> Result<Body, DecodeError> {
    let (head, meta, behind) = split(bytes)?;
    let body = body(&head, meta)?;
    judge(&body, head.data_bytes, &behind)?;
    Ok(body)
}

/// Head, meta and what is behind them, once their checksum holds.
fn split(bytes: &[u8]) -> Result<(Head, &[u8], Decoder<'_>), DecodeError> {
    let mut from = Decoder::new(RECORD, bytes);
    let head = Head {
        kind: from.u8("kind")?,
        version: from.u8("version")?,
        flags: from.u16("flags")?,
        meta_bytes: from.u32("meta length")? as usize,
        data_bytes: from.u32("data length")? as usize,
        data_crc: from.u32("data crc")?,
        crc: from.u32("crc")?,
    };
    from.zeros(4, "reserved")?;
    from.check(head.meta_bytes <= META_BYTES_MAX, "meta length")?;
    from.check(
        head.data_bytes <= crate::frame::FRAME_BYTES_MAX,
        "data length",
    )?;
    let meta = from.raw(head.meta_bytes, "meta")?;
    if bytes.get(..HEAD_BYTES + head.meta_bytes).map(head_crc) != Some(head.crc) {
        return Err(DecodeError::Checksum {
            structure: RECORD,
            over: "head and meta",
        });
    }
    Ok((head, meta, from))
}

/// Inline data must be as long as the body says.
fn judge(body: &Body, data_bytes: usize, from: &Decoder<'_>) -> Result<(), DecodeError> {
    let right = body
        .inline_bytes()
        .is_none_or(|expected| expected == data_bytes as u64);
    from.check(right, "data length")
}

fn body(head: &Head, meta: &[u8]) -> Result<Body, DecodeError> {
    let unknown = DecodeError::Unknown {
        structure: RECORD,
        kind: head.kind,
        version: head.version,
    };
    let compat = head.flags & FLAG_COMPAT != 0;
    let known = head.version == VERSION && (kind::PUT..=kind::TICK).contains(&head.kind);
    if !known {
        let skipped = Body::Unknown {
            kind: head.kind,
            version: head.version,
        };
        return compat.then_some(skipped).ok_or(unknown);
    }
    let mut from = Decoder::new(RECORD, meta);
    from.check(head.flags & !FLAG_COMPAT == 0, "flags")?;
    let from = &mut from;
    let body = match head.kind {
        kind::PUT => Body::Put(put(from)?),
        kind::RETAG => Body::Retag(put(from)?),
        kind::TOMBSTONE => Body::Tombstone(tombstone(from)?),
        kind::DELETE_MARKER => Body::DeleteMarker(delete_marker(from)?),
        kind::UPLOAD_START => Body::UploadStart(upload_start(from)?),
        kind::PART_PUT => Body::PartPut(part_put(from)?),
        kind::UPLOAD_END => Body::UploadEnd(upload_end(from)?),
        kind::RELOCATE => Body::Relocate(Relocate {
            old: place(from)?,
            moved: moved(from)?,
        }),
        kind::CONTROL => Body::Control(control(from)?),
        kind::GROUP_EVENT => Body::GroupEvent(group_event(from)?),
        kind::DEVICE_EVENT => Body::DeviceEvent(device_event(from)?),
        kind::TICK => Body::Tick,
        _ => return Err(unknown),
    };
    from.end()?;
    Ok(body)
}

fn put(from: &mut Decoder<'_>) -> Result<Put, DecodeError> {
    let (bucket, key) = named(from)?;
    let version = version(from)?;
    let sequence = Lsn(from.u64("sequence")?);
    let modified = Timestamp::from_millis(from.u64("modified")?);
    let size = from.u64("size")?;
    let etag = etag(from)?;
    let checksum = checksum(from)?;
    let data = data(from, size)?;
    let attributes = attributes(from)?;
    let parts = parts(from, size)?;
    let upload = match from.u8("upload")? {
        0 => None,
        1 => Some(UploadId(from.array("upload")?)),
        _ => return Err(from.field("upload")),
    };
    let wrapped_key = from
        .short_bytes("wrapped key", WRAPPED_KEY_BYTES_MAX)?
        .to_vec();
    let retention = retention(from)?;
    let legal_hold = flag(from, "legal hold")?;
    Ok(Put {
        bucket,
        key,
        version,
        sequence,
        modified,
        size,
        etag,
        checksum,
        attributes,
        parts,
        data,
        upload,
        wrapped_key,
        retention,
        legal_hold,
    })
}

fn retention(from: &mut Decoder<'_>) -> Result<Option<Retention>, DecodeError> {
    let mode = match from.u8("retention mode")? {
        0 => None,
        1 => Some(RetentionMode::Governance),
        2 => Some(RetentionMode::Compliance),
        _ => return Err(from.field("retention mode")),
    };
    let until = from.u64("retention end")?;
    from.check(mode.is_some() || until == 0, "retention end")?;
    Ok(mode.map(|mode| Retention {
        mode,
        until: Timestamp::from_millis(until),
    }))
}

fn parts(from: &mut Decoder<'_>, size: u64) -> Result<Vec<PartMeta>, DecodeError> {
    let count = from.count("parts", PARTS_MAX, 4)?;
    let part = |from: &mut Decoder<'_>| {
        let number = part_number(from)?;
        let size = from.varint("part size")?;
        Ok(PartMeta {
            number,
            size,
            checksum: checksum(from)?,
        })
    };
    let parts = (0..count)
        .map(|_| part(from))
        .collect::<Result<Vec<_>, _>>()?;
    from.check(PartMeta::make(&parts, size), "parts")?;
    Ok(parts)
}

fn part_number(from: &mut Decoder<'_>) -> Result<u16, DecodeError> {
    let number = from.u16("part number")?;
    from.check(
        (1..=PARTS_MAX).contains(&usize::from(number)),
        "part number",
    )?;
    Ok(number)
}

fn tombstone(from: &mut Decoder<'_>) -> Result<Tombstone, DecodeError> {
    let (bucket, key) = named(from)?;
    let version = version(from)?;
    Ok(Tombstone {
        bucket,
        key,
        version,
        sequence: Lsn(from.u64("sequence")?),
    })
}

fn delete_marker(from: &mut Decoder<'_>) -> Result<DeleteMarker, DecodeError> {
    let (bucket, key) = named(from)?;
    let version = version(from)?;
    let sequence = Lsn(from.u64("sequence")?);
    let modified = Timestamp::from_millis(from.u64("modified")?);
    Ok(DeleteMarker {
        bucket,
        key,
        version,
        sequence,
        modified,
    })
}

fn upload_start(from: &mut Decoder<'_>) -> Result<UploadStart, DecodeError> {
    let (bucket, key) = named(from)?;
    let upload = UploadId(from.array("upload")?);
    let sequence = Lsn(from.u64("sequence")?);
    let initiated = Timestamp::from_millis(from.u64("initiated")?);
    let checksum = checksum_kind(from)?;
    let attributes = attributes(from)?;
    let wrapped_key = from
        .short_bytes("wrapped key", WRAPPED_KEY_BYTES_MAX)?
        .to_vec();
    Ok(UploadStart {
        bucket,
        key,
        upload,
        sequence,
        initiated,
        checksum,
        attributes,
        wrapped_key,
    })
}

fn part_put(from: &mut Decoder<'_>) -> Result<PartPut, DecodeError> {
    let (bucket, key) = named(from)?;
    let upload = UploadId(from.array("upload")?);
    let number = part_number(from)?;
    let sequence = Lsn(from.u64("sequence")?);
    let modified = Timestamp::from_millis(from.u64("modified")?);
    let size = from.u64("size")?;
    let etag = etag(from)?;
    let checksum = checksum(from)?;
    let data = data(from, size)?;
    let wrapped_key = from
        .short_bytes("wrapped key", WRAPPED_KEY_BYTES_MAX)?
        .to_vec();
    Ok(PartPut {
        bucket,
        key,
        upload,
        number,
        sequence,
        modified,
        size,
        etag,
        checksum,
        data,
        wrapped_key,
    })
}

fn upload_end(from: &mut Decoder<'_>) -> Result<UploadEnd, DecodeError> {
    let (bucket, key) = named(from)?;
    let upload = UploadId(from.array("upload")?);
    let outcome = match from.u8("outcome")? {
        1 => UploadOutcome::Completed,
        2 => UploadOutcome::Aborted,
        _ => return Err(from.field("outcome")),
    };
    Ok(UploadEnd {
        bucket,
        key,
        upload,
        outcome,
    })
}

fn moved(from: &mut Decoder<'_>) -> Result<Moved, DecodeError> {
    match from.u8("moved kind")? {
        kind::PUT => put(from).map(Moved::Put),
        kind::DELETE_MARKER => delete_marker(from).map(Moved::DeleteMarker),
        kind::UPLOAD_START => upload_start(from).map(Moved::UploadStart),
        kind::PART_PUT => part_put(from).map(Moved::PartPut),
        _ => Err(from.field("moved kind")),
    }
}

fn control(from: &mut Decoder<'_>) -> Result<Control, DecodeError> {
    let table = from.u8("control table")?;
    let key = from
        .short_bytes("control key", CONTROL_KEY_BYTES_MAX)?
        .to_vec();
    let value = match flag(from, "control value")? {
        false => None,
        true => Some(
            from.long_bytes("control value", CONTROL_VALUE_BYTES_MAX)?
                .to_vec(),
        ),
    };
    Ok(Control { table, key, value })
}

fn group_event(from: &mut Decoder<'_>) -> Result<GroupEvent, DecodeError> {
    let change = match from.u8("group change")? {
        1 => GroupChange::Alloc,
        2 => GroupChange::Seal,
        3 => GroupChange::Free,
        _ => return Err(from.field("group change")),
    };
    let kind = GroupKind::from_code(from.u8("group kind")?);
    let kind = from.known(kind, "group kind")?;
    let group = GroupId(from.u32("group")?);
    let generation = Generation(from.u32("generation")?);
    Ok(GroupEvent {
        change,
        group,
        generation,
        kind,
        members: members(from)?,
    })
}

/// A count and as many {device u8, segment u32}.
pub(crate) fn members(from: &mut Decoder<'_>) -> Result<Vec<Member>, DecodeError> {
    let count = usize::from(from.u8("group members")?);
    from.check(count <= MEMBERS_MAX, "group members")?;
    let member = |from: &mut Decoder<'_>| {
        let device = DeviceIndex(from.u8("member device")?);
        Ok(Member {
            device,
            segment: SegmentNo(from.u32("member segment")?),
        })
    };
    (0..count).map(|_| member(from)).collect()
}

fn device_event(from: &mut Decoder<'_>) -> Result<DeviceEvent, DecodeError> {
    let device = DeviceIndex(from.u8("device")?);
    let state = DeviceState::from_code(from.u8("device state")?);
    Ok(DeviceEvent {
        device,
        state: from.known(state, "device state")?,
    })
}

fn named(from: &mut Decoder<'_>) -> Result<(BucketId, ObjectKey), DecodeError> {
    let bucket = BucketId(from.u64("bucket")?);
    let key = ObjectKey::from_bytes(from.short_bytes("key", KEY_BYTES_MAX)?);
    Ok((bucket, from.parsed(key, "key")?))
}

pub(crate) fn flag(from: &mut Decoder<'_>, field: &'static str) -> Result<bool, DecodeError> {
    match from.u8(field)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(from.field(field)),
    }
}

pub(crate) fn version(from: &mut Decoder<'_>) -> Result<VersionId, DecodeError> {
    match flag(from, "version")? {
        false => Ok(VersionId::NULL),
        true => Ok(VersionId::from_bytes(from.array("version")?)),
    }
}

pub(crate) fn etag(from: &mut Decoder<'_>) -> Result<ETag, DecodeError> {
    let md5 = from.array("etag")?;
    match from.varint_u32("etag parts")? {
        0 => Ok(ETag::of_body(md5)),
        parts => Ok(ETag::of_parts(md5, parts)),
    }
}

pub(crate) fn checksum(from: &mut Decoder<'_>) -> Result<Option<Checksum>, DecodeError> {
    let Some((algorithm, kind)) = checksum_kind(from)? else {
        return Ok(None);
    };
    let parts = match kind {
        ChecksumType::FullObject => 0,
        ChecksumType::Composite => from.varint_u32("checksum parts")?,
    };
    let value = from.raw(algorithm.len_bytes(), "checksum")?.to_vec();
    let checksum = match kind {
        ChecksumType::FullObject => Checksum::full(algorithm, value),
        ChecksumType::Composite => Checksum::composite(algorithm, value, parts),
    };
    from.parsed(checksum, "checksum").map(Some)
}

pub(crate) fn checksum_kind(
    from: &mut Decoder<'_>,
) -> Result<Option<(ChecksumAlgorithm, ChecksumType)>, DecodeError> {
    let code = from.u8("checksum algorithm")?;
    if code == 0 {
        return Ok(None);
    }
    let algorithm = from.known(ChecksumAlgorithm::from_code(code), "checksum algorithm")?;
    let kind = match flag(from, "checksum type")? {
        false => ChecksumType::FullObject,
        true => ChecksumType::Composite,
    };
    Ok(Some((algorithm, kind)))
}

fn data(from: &mut Decoder<'_>, size: u64) -> Result<Data, DecodeError> {
    let data = match flag(from, "data")? {
        false => Data::Inline,
        true => Data::Extents(extents(from, EXTENTS_MAX)?),
    };
    from.check(data.holds(size), "extents")?;
    Ok(data)
}

pub(crate) fn extents(from: &mut Decoder<'_>, max: usize) -> Result<Vec<Extent>, DecodeError> {
    let count = from.count("extents", max, Extent::ENCODED_BYTES_MIN)?;
    (0..count).map(|_| Extent::decode(from)).collect()
}

fn attributes(from: &mut Decoder<'_>) -> Result<Attributes, DecodeError> {
    let headers = pairs(from, "headers", HEADERS_MAX)?;
    Ok(Attributes {
        headers,
        tags: pairs(from, "tags", TAGS_MAX)?,
    })
}

fn pairs(
    from: &mut Decoder<'_>,
    field: &'static str,
    max: usize,
) -> Result<Vec<(String, String)>, DecodeError> {
    let count = from.count(field, max, 4)?;
    (0..count)
        .map(|_| Ok((text(from, field)?, text(from, field)?)))
        .collect()
}

fn text(from: &mut Decoder<'_>, field: &'static str) -> Result<String, DecodeError> {
    let text = std::str::from_utf8(from.short_bytes(field, TEXT_BYTES_MAX)?);
    from.parsed(text, field).map(str::to_owned)
}

pub(crate) fn place(from: &mut Decoder<'_>) -> Result<RecordPlace, DecodeError> {
    Ok(RecordPlace {
        group: GroupId(from.u32("record group")?),
        generation: Generation(from.u32("record generation")?),
        offset_bytes: from.u32("record offset")?,
        len_bytes: from.u32("record length")?,
    })
}
