//! Strategies: any value of every structure.
#![allow(dead_code, reason = "each test takes what it needs")]

use blockhouse_format::control::{
    BucketRow, BucketVersioning, LinkRow, LinkRowState, RevocationRow,
};
use blockhouse_format::entry::{
    DataPlace, Entry, MarkerEntry, ObjectEntry, PartEntry, UploadEntry,
};
use blockhouse_format::frame::FrameHead;
use blockhouse_format::record::{
    Attributes, Body, Control, Data, DeleteMarker, DeviceEvent, GroupChange, GroupEvent,
    InlinePlace, Moved, PartMeta, PartPut, Put, RecordPlace, Relocate, Retention, RetentionMode,
    Tombstone, UploadEnd, UploadOutcome, UploadStart,
};
use blockhouse_format::{
    CheckpointRoot, CheckpointSlot, DeviceId, DeviceIndex, DeviceRow, DeviceState, Epoch, Extent,
    ExtentForm, Features, Generation, GroupEntry, GroupId, GroupKind, GroupState, LogPosition, Lsn,
    Member, Pointer, PoolId, PoolLimits, SegmentMark, SegmentMarkPlace, SegmentNo, ShardTrailer,
    Superblock, WriteId,
};
use blockhouse_types::{
    AccountId, BucketId, BucketName, Checksum, ChecksumAlgorithm, ChecksumType, ETag, LinkId,
    ObjectKey, OnceHash, RevokedLinks, Timestamp, UploadId, VersionId,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn key() -> impl Strategy<Value = ObjectKey> {
    "[\0-\u{10ffff}]{1,40}".prop_map(|text| ObjectKey::parse(&text).unwrap())
}

pub(crate) fn version() -> impl Strategy<Value = VersionId> {
    option::of(any::<[u8; 16]>())
        .prop_map(|bytes| bytes.map_or(VersionId::NULL, VersionId::from_bytes))
}

pub(crate) fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}

pub(crate) fn etag() -> impl Strategy<Value = ETag> {
    (any::<[u8; 16]>(), 0u32..10_001).prop_map(|(md5, parts)| match parts {
        0 => ETag::of_body(md5),
        parts => ETag::of_parts(md5, parts),
    })
}

pub(crate) fn algorithm() -> impl Strategy<Value = ChecksumAlgorithm> {
    (0..ChecksumAlgorithm::ALL.len()).prop_map(|n| ChecksumAlgorithm::ALL[n])
}

pub(crate) fn checksum_kind() -> impl Strategy<Value = Option<(ChecksumAlgorithm, ChecksumType)>> {
    let kind = prop_oneof![
        Just(ChecksumType::FullObject),
        Just(ChecksumType::Composite)
    ];
    option::of((algorithm(), kind))
}

pub(crate) fn checksum() -> impl Strategy<Value = Option<Checksum>> {
    option::of(
        (algorithm(), any::<[u8; 64]>(), option::of(1u32..10_001)).prop_map(
            |(algorithm, bytes, parts)| {
                let value = bytes[..algorithm.len_bytes()].to_vec();
                match parts {
                    None => Checksum::full(algorithm, value).unwrap(),
                    Some(parts) => Checksum::composite(algorithm, value, parts).unwrap(),
                }
            },
        ),
    )
}

pub(crate) fn lsn() -> impl Strategy<Value = Lsn> {
    any::<u64>().prop_map(Lsn)
}

pub(crate) fn group() -> impl Strategy<Value = (GroupId, Generation)> {
    any::<(u32, u32)>().prop_map(|(group, generation)| (GroupId(group), Generation(generation)))
}

pub(crate) fn extent() -> impl Strategy<Value = Extent> {
    let form = option::of(any::<u32>())
        .prop_map(|crc| crc.map_or(ExtentForm::Shards, |crc32c| ExtentForm::Bytes { crc32c }));
    (group(), 0u32..4096, 1u32..(40 << 20), form).prop_map(
        |((group, generation), block, data_bytes, form)| Extent {
            group,
            generation,
            offset_bytes: block * 4096,
            data_bytes,
            form,
        },
    )
}

pub(crate) fn extents(max: usize) -> impl Strategy<Value = (u64, Vec<Extent>)> {
    vec(extent(), 1..max)
        .prop_map(|list| (list.iter().map(|e| u64::from(e.data_bytes)).sum(), list))
}

/// A size and where so many bytes are.
pub(crate) fn data() -> impl Strategy<Value = (u64, Data)> {
    prop_oneof![
        (0u64..5000).prop_map(|size| (size, Data::Inline)),
        extents(6).prop_map(|(size, list)| (size, Data::Extents(list))),
    ]
}

pub(crate) fn attributes() -> impl Strategy<Value = Attributes> {
    let pairs = || vec(("[a-z-]{1,12}", "\\PC{0,20}"), 0..4);
    (pairs(), pairs()).prop_map(|(headers, tags)| Attributes { headers, tags })
}

fn parts() -> impl Strategy<Value = Vec<PartMeta>> {
    vec((1u16..3, 0u64..1000, checksum()), 0..5).prop_map(|steps| {
        let mut number = 0;
        let part = |(step, size, checksum)| {
            number += step;
            PartMeta {
                number,
                size,
                checksum,
            }
        };
        steps.into_iter().map(part).collect()
    })
}

pub(crate) fn put() -> impl Strategy<Value = Put> {
    let identity = (any::<u64>(), key(), version(), lsn(), time());
    let mode = prop_oneof![
        Just(RetentionMode::Governance),
        Just(RetentionMode::Compliance)
    ];
    let retention = option::of((mode, time()).prop_map(|(mode, until)| Retention { mode, until }));
    let reserved = (vec(any::<u8>(), 0..60), retention, any::<bool>());
    let upload = option::of(any::<[u8; 16]>());
    let rest = (
        etag(),
        checksum(),
        attributes(),
        parts(),
        data(),
        upload,
        reserved,
    );
    (identity, rest).prop_map(
        |(
            (bucket, key, version, sequence, modified),
            (etag, checksum, attributes, mut parts, (size, data), upload, reserved),
        )| {
            // Sizes of parts must sum to the whole: the last one takes the rest.
            let mut left = size;
            for part in &mut parts {
                part.size = part.size.min(left);
                left -= part.size;
            }
            if let Some(last) = parts.last_mut() {
                last.size += left;
            }
            let (wrapped_key, retention, legal_hold) = reserved;
            Put {
                bucket: BucketId(bucket),
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
                upload: upload.map(UploadId),
                wrapped_key,
                retention,
                legal_hold,
            }
        },
    )
}

pub(crate) fn delete_marker() -> impl Strategy<Value = DeleteMarker> {
    (any::<u64>(), key(), version(), lsn(), time()).prop_map(
        |(bucket, key, version, sequence, modified)| DeleteMarker {
            bucket: BucketId(bucket),
            key,
            version,
            sequence,
            modified,
        },
    )
}

pub(crate) fn part_put() -> impl Strategy<Value = PartPut> {
    let identity = (
        any::<u64>(),
        key(),
        any::<[u8; 16]>(),
        1u16..10_001,
        lsn(),
        time(),
    );
    (
        identity,
        data(),
        etag(),
        checksum(),
        vec(any::<u8>(), 0..60),
    )
        .prop_map(
            |(
                (bucket, key, upload, number, sequence, modified),
                (size, data),
                etag,
                checksum,
                wrapped_key,
            )| {
                PartPut {
                    bucket: BucketId(bucket),
                    key,
                    upload: UploadId(upload),
                    number,
                    sequence,
                    modified,
                    size,
                    etag,
                    checksum,
                    data,
                    wrapped_key,
                }
            },
        )
}

pub(crate) fn upload_start() -> impl Strategy<Value = UploadStart> {
    let identity = (any::<u64>(), key(), any::<[u8; 16]>(), lsn(), time());
    (
        identity,
        checksum_kind(),
        attributes(),
        vec(any::<u8>(), 0..60),
    )
        .prop_map(
            |((bucket, key, upload, sequence, initiated), checksum, attributes, wrapped_key)| {
                UploadStart {
                    bucket: BucketId(bucket),
                    key,
                    upload: UploadId(upload),
                    sequence,
                    initiated,
                    checksum,
                    attributes,
                    wrapped_key,
                }
            },
        )
}

pub(crate) fn kind() -> impl Strategy<Value = GroupKind> {
    prop_oneof![
        Just(GroupKind::Log),
        Just(GroupKind::Data),
        Just(GroupKind::Index)
    ]
}

pub(crate) fn members() -> impl Strategy<Value = Vec<Member>> {
    let member = any::<(u8, u32)>().prop_map(|(device, segment)| Member {
        device: DeviceIndex(device),
        segment: SegmentNo(segment),
    });
    vec(member, 0..4)
}

pub(crate) fn device_state() -> impl Strategy<Value = DeviceState> {
    prop_oneof![
        Just(DeviceState::InSync),
        Just(DeviceState::Outdated),
        Just(DeviceState::Failed)
    ]
}

pub(crate) fn place() -> impl Strategy<Value = RecordPlace> {
    (group(), any::<u32>(), any::<u32>()).prop_map(
        |((group, generation), offset_bytes, len_bytes)| RecordPlace {
            group,
            generation,
            offset_bytes,
            len_bytes,
        },
    )
}

pub(crate) fn body() -> impl Strategy<Value = Body> {
    let tombstone =
        (any::<u64>(), key(), version(), lsn()).prop_map(|(bucket, key, version, sequence)| {
            Tombstone {
                bucket: BucketId(bucket),
                key,
                version,
                sequence,
            }
        });
    let outcome = prop_oneof![Just(UploadOutcome::Completed), Just(UploadOutcome::Aborted)];
    let upload_end = (any::<u64>(), key(), any::<[u8; 16]>(), outcome).prop_map(
        |(bucket, key, upload, outcome)| UploadEnd {
            bucket: BucketId(bucket),
            key,
            upload: UploadId(upload),
            outcome,
        },
    );
    let moved = prop_oneof![
        put().prop_map(Moved::Put),
        delete_marker().prop_map(Moved::DeleteMarker),
        upload_start().prop_map(Moved::UploadStart),
        part_put().prop_map(Moved::PartPut),
    ];
    let relocate = (place(), moved).prop_map(|(old, moved)| Relocate { old, moved });
    let control = (
        any::<u8>(),
        vec(any::<u8>(), 0..40),
        option::of(vec(any::<u8>(), 0..200)),
    )
        .prop_map(|(table, key, value)| Control { table, key, value });
    let change = prop_oneof![
        Just(GroupChange::Alloc),
        Just(GroupChange::Seal),
        Just(GroupChange::Free)
    ];
    let group_event = (change, group(), kind(), members()).prop_map(
        |(change, (group, generation), kind, members)| GroupEvent {
            change,
            group,
            generation,
            kind,
            members,
        },
    );
    let device_event = (any::<u8>(), device_state()).prop_map(|(device, state)| DeviceEvent {
        device: DeviceIndex(device),
        state,
    });
    prop_oneof![
        put().prop_map(Body::Put),
        put().prop_map(Body::Retag),
        tombstone.prop_map(Body::Tombstone),
        delete_marker().prop_map(Body::DeleteMarker),
        upload_start().prop_map(Body::UploadStart),
        part_put().prop_map(Body::PartPut),
        upload_end.prop_map(Body::UploadEnd),
        relocate.prop_map(Body::Relocate),
        control.prop_map(Body::Control),
        group_event.prop_map(Body::GroupEvent),
        device_event.prop_map(Body::DeviceEvent),
        Just(Body::Tick),
        (100u8..255, any::<u8>()).prop_map(|(kind, version)| Body::Unknown { kind, version }),
    ]
}

/// How much inline data goes with a body.
pub(crate) fn inline_bytes(body: &Body) -> usize {
    let of = |data: &Data, size: u64| match data {
        Data::Inline => usize::try_from(size).unwrap(),
        Data::Extents(_) => 0,
    };
    match body {
        Body::Put(f) | Body::Retag(f) => of(&f.data, f.size),
        Body::PartPut(f) => of(&f.data, f.size),
        Body::Relocate(Relocate {
            moved: Moved::Put(f),
            ..
        }) => of(&f.data, f.size),
        Body::Relocate(Relocate {
            moved: Moved::PartPut(f),
            ..
        }) => of(&f.data, f.size),
        _ => 0,
    }
}

pub(crate) fn frame_head() -> impl Strategy<Value = FrameHead> {
    let place = (any::<[u8; 16]>(), any::<u32>(), group(), 1u32..10_000);
    let state = (
        any::<u64>(),
        0u64..1 << 60,
        lsn(),
        time(),
        any::<u32>(),
        any::<[u8; 16]>(),
    );
    (place, state).prop_map(
        |(
            (pool, log, (group, generation), block),
            (epoch, lsn_first, durable_lsn, time_floor, previous_crc, salt),
        )| {
            FrameHead {
                pool: PoolId(pool),
                log,
                group,
                generation,
                offset_bytes: block * 4096,
                epoch: Epoch(epoch),
                lsn_first: Lsn(lsn_first),
                durable_lsn,
                time_floor,
                previous_crc,
                salt,
            }
        },
    )
}

fn slot() -> impl Strategy<Value = Option<CheckpointSlot>> {
    option::of(
        (
            any::<u64>(),
            group(),
            any::<u32>(),
            1u32..u32::MAX,
            any::<[u8; 32]>(),
        )
            .prop_map(
                |(lsn, (group, generation), offset_bytes, len_bytes, blake3)| CheckpointSlot {
                    lsn: Lsn(lsn),
                    group,
                    generation,
                    offset_bytes,
                    len_bytes,
                    blake3,
                },
            ),
    )
}

pub(crate) fn superblock() -> impl Strategy<Value = Superblock> {
    let device = (any::<[u8; 16]>(), (4u64 << 20)..(1 << 50), device_state()).prop_map(
        |(id, len_bytes, state)| DeviceRow {
            id: DeviceId(id),
            len_bytes,
            state,
        },
    );
    let devices = vec(device, 1..17).prop_flat_map(|rows| (0..rows.len() as u8, Just(rows)));
    let state = (any::<bool>(), any::<u64>(), any::<u64>(), time());
    (
        any::<[u8; 16]>(),
        any::<(u64, u64)>(),
        devices,
        state,
        slot(),
        slot(),
        16u32..27,
    )
        .prop_map(
            |(
                pool,
                (ro_compat, compat),
                (device, devices),
                (clean, epoch, sequence, time_floor),
                a,
                b,
                power,
            )| {
                Superblock {
                    features: Features {
                        incompat: 0,
                        ro_compat,
                        compat,
                    },
                    pool: PoolId(pool),
                    device: DeviceIndex(device),
                    devices,
                    clean,
                    epoch: Epoch(epoch),
                    sequence,
                    time_floor,
                    limits: PoolLimits {
                        segment_bytes: 1 << power,
                        inline_bytes_max: 256 << 10,
                        frame_bytes_max: 4 << 20,
                        frame_records_max: 256,
                    },
                    slots: [a, b],
                }
            },
        )
}

pub(crate) fn segment_mark() -> impl Strategy<Value = SegmentMark> {
    let place = prop_oneof![
        Just(SegmentMarkPlace::Header),
        Just(SegmentMarkPlace::Footer)
    ];
    (
        place,
        kind(),
        any::<u8>(),
        any::<[u8; 16]>(),
        any::<(u32, u32, u64)>(),
        group(),
        lsn(),
    )
        .prop_map(
            |(
                place,
                kind,
                device,
                pool,
                (segment, used_bytes, epoch),
                (group, generation),
                lsn,
            )| {
                SegmentMark {
                    place,
                    kind,
                    device: DeviceIndex(device),
                    pool: PoolId(pool),
                    segment: SegmentNo(segment),
                    group,
                    generation,
                    used_bytes,
                    epoch: Epoch(epoch),
                    lsn,
                }
            },
        )
}

pub(crate) fn shard_trailer() -> impl Strategy<Value = (Vec<u8>, ShardTrailer)> {
    (
        vec(any::<u8>(), 1..200_000),
        group(),
        any::<(u32, u32, u16, [u8; 16])>(),
    )
        .prop_map(
            |(data, (group, generation), (offset_bytes, shard, part, write))| {
                let trailer = ShardTrailer {
                    group,
                    generation,
                    offset_bytes,
                    data_bytes: data.len() as u32,
                    shard,
                    write: WriteId(write),
                    part,
                    chunk_crcs: ShardTrailer::chunk_crcs(&data),
                };
                (data, trailer)
            },
        )
}

fn pointer() -> impl Strategy<Value = Pointer> {
    (group(), any::<u32>(), any::<u32>(), any::<[u8; 16]>()).prop_map(
        |((group, generation), offset_bytes, len_bytes, blake3)| Pointer {
            group,
            generation,
            offset_bytes,
            len_bytes,
            blake3,
        },
    )
}

pub(crate) fn checkpoint_root() -> impl Strategy<Value = CheckpointRoot> {
    let log = (group(), 0u32..10_000, any::<u32>(), option::of(group())).prop_map(
        |((group, generation), block, previous_crc, successor)| LogPosition {
            group,
            generation,
            offset_bytes: block * 4096,
            previous_crc,
            successor,
        },
    );
    let head = (
        any::<[u8; 16]>(),
        any::<u64>(),
        lsn(),
        time(),
        any::<[u8; 16]>(),
    );
    let list = |max| vec(pointer(), 0..max);
    (head, log, list(5), list(5), list(300), vec(list(20), 0..9)).prop_map(
        |((pool, epoch, lsn, time_floor, salt), log, groups, control, base, runs)| CheckpointRoot {
            pool: PoolId(pool),
            epoch: Epoch(epoch),
            lsn,
            time_floor,
            salt,
            log,
            groups,
            control,
            base,
            runs,
        },
    )
}

pub(crate) fn group_entry() -> impl Strategy<Value = GroupEntry> {
    let state = prop_oneof![
        Just(GroupState::Free),
        Just(GroupState::Open),
        Just(GroupState::Sealed),
        Just(GroupState::Freeing)
    ];
    (state, kind(), any::<(u32, u64)>(), lsn(), lsn(), members()).prop_map(
        |(state, kind, (generation, live_bytes), first_lsn, last_lsn, members)| GroupEntry {
            state,
            kind,
            generation: Generation(generation),
            live_bytes,
            first_lsn,
            last_lsn,
            members,
        },
    )
}

fn data_place() -> impl Strategy<Value = (u64, DataPlace)> {
    let inline = any::<(u32, u32, u32)>().prop_map(|(offset_bytes, len_bytes, crc32c)| {
        let place = InlinePlace {
            offset_bytes,
            len_bytes,
            crc32c,
        };
        (u64::from(len_bytes), DataPlace::Inline(place))
    });
    let wide = (any::<u64>(), 1u16..=u16::MAX).prop_map(|(size, rows)| {
        (
            size,
            DataPlace::Wide {
                extents: u32::from(rows) * 100,
                rows,
            },
        )
    });
    prop_oneof![
        inline,
        extents(10).prop_map(|(size, list)| (size, DataPlace::Extents(list))),
        wide
    ]
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let object = (
        version(),
        time(),
        data_place(),
        etag(),
        checksum_kind(),
        place(),
    )
        .prop_map(
            |(version, modified, (size, data), etag, checksum, record)| ObjectEntry {
                version,
                modified,
                size,
                etag,
                checksum,
                record,
                data,
            },
        );
    let marker = (version(), time(), place()).prop_map(|(version, modified, record)| MarkerEntry {
        version,
        modified,
        record,
    });
    let upload =
        (time(), checksum_kind(), place()).prop_map(|(initiated, checksum, record)| UploadEntry {
            initiated,
            checksum,
            record,
        });
    let part = (lsn(), time(), data_place(), etag(), checksum(), place()).prop_map(
        |(sequence, modified, (size, data), etag, checksum, record)| PartEntry {
            sequence,
            modified,
            size,
            etag,
            checksum,
            record,
            data,
        },
    );
    prop_oneof![
        object.prop_map(Entry::Object),
        marker.prop_map(Entry::DeleteMarker),
        upload.prop_map(Entry::Upload),
        part.prop_map(Entry::Part),
        extents(20).prop_map(|(_, list)| Entry::Extents(list)),
    ]
}

pub(crate) fn bucket_row() -> impl Strategy<Value = BucketRow> {
    let versioning = prop_oneof![
        Just(BucketVersioning::Unversioned),
        Just(BucketVersioning::Enabled),
        Just(BucketVersioning::Suspended)
    ];
    let documents = proptest::collection::btree_map(any::<u8>(), vec(any::<u8>(), 0..100), 0..4);
    (
        any::<u64>(),
        "[a-z][a-z0-9]{2,20}",
        0u64..1_000_000_000_000,
        time(),
        versioning,
        documents,
    )
        .prop_map(
            |(id, name, owner, created, versioning, documents)| BucketRow {
                id: BucketId(id),
                name: BucketName::parse(&name).unwrap(),
                owner: AccountId::from_number(owner).unwrap(),
                created,
                versioning,
                documents: documents.into_iter().collect(),
            },
        )
}

pub(crate) fn link_row() -> impl Strategy<Value = LinkRow> {
    let state = prop_oneof![
        Just(LinkRowState::Running),
        time().prop_map(LinkRowState::Short),
        Just(LinkRowState::Finished)
    ];
    (0u64..1_000_000_000_000, time(), any::<[u8; 32]>(), state).prop_map(
        |(owner, expires, resume, state)| LinkRow {
            owner: AccountId::from_number(owner).unwrap(),
            expires,
            resume,
            state,
        },
    )
}

pub(crate) fn revocation_row() -> impl Strategy<Value = RevocationRow> {
    let links = prop_oneof![
        any::<[u8; 16]>().prop_map(|id| RevokedLinks::Link(LinkId(id))),
        any::<[u8; 32]>().prop_map(|hash| RevokedLinks::Once(OnceHash(hash))),
        "[A-Z0-9]{1,128}".prop_map(RevokedLinks::Key),
        ("[a-z][a-z0-9]{2,20}", "\\PC{0,100}").prop_map(|(bucket, prefix)| {
            let bucket = BucketName::parse(&bucket).unwrap();
            RevokedLinks::Prefix { bucket, prefix }
        }),
    ];
    (0u64..1_000_000_000_000, links, time(), time()).prop_map(
        |(owner, links, signed_until, until)| RevocationRow {
            owner: AccountId::from_number(owner).unwrap(),
            links,
            signed_until,
            until,
        },
    )
}

/// Key, and value or removal.
pub(crate) type Row = (Vec<u8>, Option<Vec<u8>>);

/// Rows in order of key, some of them removals.
pub(crate) fn rows() -> impl Strategy<Value = Vec<Row>> {
    let key = vec(
        prop_oneof![Just(0u8), Just(1), Just(255), any::<u8>()],
        0..20,
    );
    let value = option::of(vec(any::<u8>(), 0..60));
    proptest::collection::btree_map(key, value, 0..200).prop_map(|map| map.into_iter().collect())
}
