//! The bytes on the disk are frozen: what an earlier build wrote, this one reads, and writes alike.
//!
//! `BLOCKHOUSE_RENEW_GOLDEN=1 cargo test -p blockhouse-format --test golden` writes the files anew.
//! A change of one is a change of the format: it needs a feature bit or a new version.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

use blockhouse_format::entry::{DataPlace, Entry, ObjectEntry, object_key};
use blockhouse_format::frame::{Frame, FrameBuilder, FrameHead, FrameSite, FrameState};
use blockhouse_format::record::{
    Attributes, Body, Data, GroupChange, GroupEvent, InlinePlace, Put, RecordPlace, Tombstone,
};
use blockhouse_format::{
    CheckpointRoot, CheckpointSlot, DeviceId, DeviceIndex, DeviceRow, DeviceState, Epoch, Extent,
    ExtentForm, Features, Generation, GroupId, GroupKind, LogPosition, Lsn, Member, Pointer,
    PoolId, PoolLimits, SectionReader, SectionWriter, SegmentNo, Superblock,
};
use blockhouse_types::{
    BucketId, Checksum, ChecksumAlgorithm, ETag, ObjectKey, Timestamp, VersionId,
};
use std::path::Path;

const TIME: Timestamp = Timestamp::from_millis(1_795_302_583_123);

/// Compares with the file of that name, and gives what the file holds.
fn golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("BLOCKHOUSE_RENEW_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }
    let frozen = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let differs = frozen.iter().zip(bytes).position(|(a, b)| a != b);
    assert_eq!(differs, None, "{name} differs from this byte on");
    assert_eq!(frozen.len(), bytes.len(), "{name} has another length");
    frozen
}

#[test]
fn superblock() {
    let row = |n: u8, state| DeviceRow {
        id: DeviceId([n; 16]),
        len_bytes: 1 << 30,
        state,
    };
    let slot = CheckpointSlot {
        lsn: Lsn(1000),
        group: GroupId(3),
        generation: Generation(2),
        offset_bytes: 8192,
        len_bytes: 4096,
        blake3: [0x33; 32],
    };
    let superblock = Superblock {
        features: Features::default(),
        pool: PoolId([0x11; 16]),
        device: DeviceIndex(1),
        devices: vec![
            row(0x21, DeviceState::InSync),
            row(0x22, DeviceState::Outdated),
        ],
        clean: true,
        epoch: Epoch(5),
        sequence: 77,
        time_floor: TIME,
        limits: PoolLimits {
            segment_bytes: 4 << 20,
            inline_bytes_max: 256 << 10,
            frame_bytes_max: 4 << 20,
            frame_records_max: 256,
        },
        slots: [Some(slot), None],
    };
    let frozen = golden("superblock.bin", &superblock.encode());
    assert_eq!(Superblock::decode(&frozen), Ok(superblock));
}

fn put(data: Data, size: u64) -> Body {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Body::Put(Put {
        bucket: BucketId(4),
        key: ObjectKey::parse("photos/2026/ä.jpg").unwrap(),
        version: VersionId::from_bytes([0x44; 16]),
        sequence: Lsn(11),
        modified: TIME,
        size,
        etag: ETag::of_body([0x55; 16]),
        checksum: Some(Checksum::full(ChecksumAlgorithm::Crc64Nvme, vec![0x66; 8]).unwrap()),
        attributes: Attributes {
            headers: vec![header("content-type", "image/jpeg")],
            tags: vec![header("album", "summer")],
        },
        parts: Vec::new(),
        data,
        upload: None,
        wrapped_key: Vec::new(),
        retention: None,
        legal_hold: false,
    })
}

#[test]
fn frame() {
    let head = FrameHead {
        pool: PoolId([0x11; 16]),
        log: 0,
        group: GroupId(7),
        generation: Generation(2),
        offset_bytes: 12_288,
        epoch: Epoch(5),
        lsn_first: Lsn(11),
        durable_lsn: Lsn(10),
        time_floor: TIME,
        previous_crc: 0x0123_4567,
        salt: [0x77; 16],
    };
    let extent = Extent {
        group: GroupId(9),
        generation: Generation(1),
        offset_bytes: 4096,
        data_bytes: 1_500_000,
        form: ExtentForm::Shards,
    };
    let bodies = [
        put(Data::Inline, 11),
        put(Data::Extents(vec![extent]), 1_500_000),
        Body::Tombstone(Tombstone {
            bucket: BucketId(4),
            key: ObjectKey::parse("a").unwrap(),
            version: VersionId::NULL,
            sequence: Lsn(3),
        }),
        Body::GroupEvent(GroupEvent {
            change: GroupChange::Alloc,
            group: GroupId(8),
            generation: Generation(3),
            kind: GroupKind::Log,
            members: vec![
                Member {
                    device: DeviceIndex(0),
                    segment: SegmentNo(12),
                },
                Member {
                    device: DeviceIndex(1),
                    segment: SegmentNo(13),
                },
            ],
        }),
        Body::Tick,
    ];
    let mut buf = vec![0; 16 << 10];
    let mut builder = FrameBuilder::new(&mut buf, head);
    builder.push_with(&bodies[0], &[b"hello world"]).unwrap();
    for body in &bodies[1..] {
        builder.push(body).unwrap();
    }
    let built = builder.finish();
    let frozen = golden("frame.bin", &buf[..built.len_bytes]);
    let site = FrameSite {
        pool: head.pool,
        log: 0,
        group: head.group,
        generation: head.generation,
        offset_bytes: head.offset_bytes,
        epoch_max: Epoch(5),
    };
    let FrameState::Valid(frame) = Frame::open(&frozen, &site) else {
        panic!("the frame is not valid");
    };
    let read: Vec<Body> = frame.records().map(|record| record.unwrap().body).collect();
    assert_eq!(read, bodies);
}

#[test]
fn section() {
    let place = RecordPlace {
        group: GroupId(7),
        generation: Generation(2),
        offset_bytes: 12_448,
        len_bytes: 240,
    };
    let row = |n: u32| {
        let entry = Entry::Object(ObjectEntry {
            version: VersionId::NULL,
            modified: TIME,
            size: 11,
            etag: ETag::of_body([n as u8; 16]),
            checksum: None,
            record: place,
            data: DataPlace::Inline(InlinePlace {
                offset_bytes: 12_672,
                len_bytes: 11,
                crc32c: n,
            }),
        });
        let mut value = Vec::new();
        entry.encode(&mut value).unwrap();
        value
    };
    let mut writer = SectionWriter::new(1 << 20);
    let keys: Vec<String> = (0..40).map(|n| format!("logs/\0day-{n:03}")).collect();
    for (n, key) in keys.iter().enumerate() {
        let key = object_key(BucketId(4), &ObjectKey::parse(key).unwrap(), Lsn(100));
        let value = (n % 5 != 4).then(|| row(n as u32));
        writer.push(&key, value.as_deref()).unwrap();
    }
    let frozen = golden("section.bin", &writer.finish());
    let mut cursor = SectionReader::open(&frozen).unwrap().cursor();
    let mut read = 0;
    while let Some(found) = cursor.next() {
        let (_, value) = found.unwrap();
        assert_eq!(
            value.map(<[u8]>::to_vec),
            (read % 5 != 4).then(|| row(read))
        );
        read += 1;
    }
    assert_eq!(read, 40);
}

#[test]
fn checkpoint_root() {
    let pointer = |n: u8| Pointer {
        group: GroupId(u32::from(n)),
        generation: Generation(1),
        offset_bytes: 4096,
        len_bytes: 8192,
        blake3: [n; 16],
    };
    let root = CheckpointRoot {
        pool: PoolId([0x11; 16]),
        epoch: Epoch(5),
        lsn: Lsn(1000),
        time_floor: TIME,
        salt: [0x77; 16],
        log: LogPosition {
            group: GroupId(7),
            generation: Generation(2),
            offset_bytes: 16_384,
            previous_crc: 0x89ab_cdef,
            successor: Some((GroupId(8), Generation(3))),
        },
        groups: vec![pointer(1)],
        control: vec![pointer(2)],
        base: vec![pointer(3), pointer(4)],
        runs: vec![vec![pointer(5)], vec![], vec![pointer(6), pointer(7)]],
    };
    let frozen = golden("checkpoint_root.bin", &root.encode());
    assert_eq!(CheckpointRoot::decode(&frozen), Ok(root));
}
