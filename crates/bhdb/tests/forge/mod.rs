//! A pool made by hand, with the format alone: two devices, one bucket, and objects of every kind.

use blockhouse_format::control::{BucketRow, BucketVersioning, TABLE_BUCKETS, row_key};
use blockhouse_format::entry::{self, DataPlace, Entry, ObjectEntry};
use blockhouse_format::frame::{FrameBuilder, FrameHead, Placed};
use blockhouse_format::record::{Attributes, Body, Control, Data, Put, Tombstone};
use blockhouse_format::{
    BLOCK_BYTES, CheckpointRoot, CheckpointSlot, DeviceId, DeviceIndex, DeviceRow, DeviceState,
    Epoch, Extent, ExtentForm, Features, Generation, Geometry, GroupEntry, GroupId, GroupKind,
    GroupState, LogPosition, Lsn, Member, Pointer, PoolId, PoolLimits, SectionWriter, SegmentNo,
    ShardTrailer, Superblock, WriteId, copies, padded_bytes,
};
use blockhouse_types::{AccountId, BucketId, BucketName, ETag, ObjectKey, Timestamp, VersionId};
use std::path::Path;

const DEVICE_BYTES: usize = 4 << 20;
const SEGMENT_BYTES: u32 = 64 << 10;
const POOL: PoolId = PoolId([0x11; 16]);
const BUCKET: BucketId = BucketId(1);
const TIME: Timestamp = Timestamp::from_millis(1_795_302_583_123);
const LOG: (GroupId, Generation) = (GroupId(0), Generation(1));
const DATA: (GroupId, Generation) = (GroupId(1), Generation(1));
const INDEX: (GroupId, Generation) = (GroupId(2), Generation(1));

/// The pool, still in memory.
pub(crate) struct Forge {
    pub(crate) devices: Vec<Vec<u8>>,
    geometry: Geometry,
    at: LogPosition,
    lsn: Lsn,
    data_at: u32,
    superblock: Superblock,
    /// The objects of the last frame: where record and data were put.
    pub(crate) placed: Vec<Placed>,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Forge {
    /// Two empty devices.
    pub(crate) fn new() -> Self {
        let row = |n| DeviceRow {
            id: DeviceId([n; 16]),
            len_bytes: DEVICE_BYTES as u64,
            state: DeviceState::InSync,
        };
        let superblock = Superblock {
            features: Features::default(),
            pool: POOL,
            device: DeviceIndex(0),
            devices: vec![row(1), row(2)],
            clean: true,
            epoch: Epoch(1),
            sequence: 1,
            time_floor: TIME,
            limits: PoolLimits {
                segment_bytes: SEGMENT_BYTES,
                inline_bytes_max: 8192,
                frame_bytes_max: 32 << 10,
                frame_records_max: 16,
            },
            slots: [None, None],
        };
        let geometry = superblock.geometry().unwrap();
        let at = LogPosition {
            group: LOG.0,
            generation: LOG.1,
            offset_bytes: geometry.payload().start,
            previous_crc: 0,
            successor: None,
        };
        let mut forge = Self {
            devices: vec![vec![0; DEVICE_BYTES]; 2],
            geometry,
            at,
            lsn: Lsn(1),
            data_at: geometry.payload().start,
            superblock,
            placed: Vec::new(),
            rows: Vec::new(),
        };
        forge.write_superblocks();
        forge
    }

    pub(crate) fn write_superblocks(&mut self) {
        for (n, device) in self.devices.iter_mut().enumerate() {
            let superblock = Superblock {
                device: DeviceIndex(n as u8),
                ..self.superblock.clone()
            };
            for offset in copies(DEVICE_BYTES as u64) {
                let offset = offset as usize;
                device[offset..offset + BLOCK_BYTES].copy_from_slice(&superblock.encode());
            }
        }
    }

    /// Where a place in a group lies on both devices.
    pub(crate) fn offset(&self, group: GroupId, offset_bytes: u32) -> usize {
        let start = self.geometry.offset_bytes(SegmentNo(group.0)).unwrap();
        start as usize + offset_bytes as usize
    }

    fn write(&mut self, group: GroupId, offset_bytes: u32, bytes: &[u8]) {
        let at = self.offset(group, offset_bytes);
        for device in &mut self.devices {
            device[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// Writes a frame of these records.
    pub(crate) fn commit(&mut self, records: &[(Body, Vec<u8>)]) {
        let head = FrameHead {
            pool: POOL,
            log: 0,
            group: self.at.group,
            generation: self.at.generation,
            offset_bytes: self.at.offset_bytes,
            epoch: Epoch(1),
            lsn_first: self.lsn,
            durable_lsn: Lsn(self.lsn.0 - 1),
            time_floor: TIME,
            previous_crc: self.at.previous_crc,
            salt: [0; 16],
        };
        let mut buf = vec![0; 32 << 10];
        let mut builder = FrameBuilder::new(&mut buf, head);
        self.placed.clear();
        for (body, data) in records {
            let placed = builder.push_with(body, &[data]).unwrap();
            self.placed.push(placed);
        }
        let built = builder.finish();
        self.write(self.at.group, self.at.offset_bytes, &buf[..built.len_bytes]);
        self.at.offset_bytes += built.len_bytes as u32;
        self.at.previous_crc = built.header_crc;
        self.lsn = built.lsn_next;
    }

    /// The record that makes the bucket.
    pub(crate) fn bucket(&self) -> (Body, Vec<u8>) {
        let (key, value) = bucket_row();
        (
            Body::Control(Control {
                table: TABLE_BUCKETS,
                key,
                value: Some(value),
            }),
            Vec::new(),
        )
    }

    /// The record of an object with data inline.
    pub(crate) fn small(&self, key: &str, nth: u64, data: &[u8]) -> (Body, Vec<u8>) {
        (
            self.put(key, nth, data.len() as u64, Data::Inline),
            data.to_vec(),
        )
    }

    /// Writes data as an extent of the data group, and gives the record.
    pub(crate) fn large(&mut self, key: &str, nth: u64, data: &[u8]) -> (Body, Vec<u8>) {
        let offset_bytes = self.data_at;
        let data_bytes = data.len() as u32;
        let trailer = ShardTrailer {
            group: DATA.0,
            generation: DATA.1,
            offset_bytes,
            data_bytes,
            shard: 0,
            write: WriteId([9; 16]),
            part: 0,
            chunk_crcs: ShardTrailer::chunk_crcs(data),
        };
        self.write(DATA.0, offset_bytes, data);
        let behind = offset_bytes + padded_bytes(data_bytes);
        self.write(DATA.0, behind, &trailer.encode());
        self.data_at = behind + BLOCK_BYTES as u32;
        let extent = Extent {
            group: DATA.0,
            generation: DATA.1,
            offset_bytes,
            data_bytes,
            form: ExtentForm::Shards,
        };
        (
            self.put(key, nth, u64::from(data_bytes), Data::Extents(vec![extent])),
            Vec::new(),
        )
    }

    fn put(&self, key: &str, nth: u64, size: u64, data: Data) -> Body {
        Body::Put(Put {
            bucket: BUCKET,
            key: ObjectKey::parse(key).unwrap(),
            version: VersionId::NULL,
            sequence: self.lsn.plus(nth),
            modified: TIME,
            size,
            etag: ETag::of_body([5; 16]),
            checksum: None,
            attributes: Attributes::default(),
            parts: Vec::new(),
            data,
            upload: None,
            wrapped_key: Vec::new(),
            retention: None,
            legal_hold: false,
        })
    }

    /// The record that removes an object.
    pub(crate) fn gone(&self, key: &str, sequence: u64) -> (Body, Vec<u8>) {
        let key = ObjectKey::parse(key).unwrap();
        let version = VersionId::NULL;
        let body = Tombstone {
            bucket: BUCKET,
            key,
            version,
            sequence: Lsn(sequence),
        };
        (Body::Tombstone(body), Vec::new())
    }

    /// Takes the objects of the last frame into the next checkpoint.
    pub(crate) fn keep(&mut self, records: &[(Body, Vec<u8>)]) {
        for ((body, _), placed) in records.iter().zip(&self.placed) {
            let Body::Put(put) = body else { continue };
            let data = match &put.data {
                Data::Inline => DataPlace::Inline(placed.inline),
                Data::Extents(list) => DataPlace::Extents(list.clone()),
            };
            let entry = Entry::Object(ObjectEntry {
                version: put.version,
                modified: put.modified,
                size: put.size,
                etag: put.etag,
                checksum: None,
                record: placed.place,
                data,
            });
            let mut row = Vec::new();
            entry.encode(&mut row).unwrap();
            self.rows
                .push((entry::object_key(put.bucket, &put.key, put.sequence), row));
        }
    }

    /// Writes a checkpoint of what was kept, counting `live_extra` bytes too many in the log group.
    pub(crate) fn checkpoint(&mut self, live_extra: u64) {
        self.rows.sort();
        let mut at = self.geometry.payload().start;
        let rows = std::mem::take(&mut self.rows);
        let base = self.section(&mut at, &rows);
        let (name, value) = bucket_row();
        let control = self.section(&mut at, &[(row_key(TABLE_BUCKETS, &name), value)]);
        let groups = self.group_rows(&rows, live_extra);
        let groups = self.section(&mut at, &groups);
        let root = CheckpointRoot {
            pool: POOL,
            epoch: Epoch(1),
            lsn: Lsn(self.lsn.0 - 1),
            time_floor: TIME,
            salt: [0; 16],
            log: self.at,
            groups: vec![groups],
            control: vec![control],
            base: vec![base],
            runs: Vec::new(),
        };
        let bytes = root.encode();
        self.write(INDEX.0, at, &bytes);
        self.superblock.slots[0] = Some(CheckpointSlot {
            lsn: root.lsn,
            group: INDEX.0,
            generation: INDEX.1,
            offset_bytes: at,
            len_bytes: bytes.len() as u32,
            blake3: *blake3::hash(&bytes).as_bytes(),
        });
        self.superblock.sequence += 1;
        self.write_superblocks();
    }

    fn section(&mut self, at: &mut u32, rows: &[(Vec<u8>, Vec<u8>)]) -> Pointer {
        let mut writer = SectionWriter::new(32 << 10);
        rows.iter()
            .for_each(|(key, value)| writer.push(key, Some(value)).unwrap());
        let bytes = writer.finish();
        let pointer = Pointer::to(&bytes, INDEX.0, INDEX.1, *at);
        self.write(INDEX.0, *at, &bytes);
        *at += bytes.len() as u32;
        pointer
    }

    fn group_rows(&self, rows: &[(Vec<u8>, Vec<u8>)], extra: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let live = |group| -> u64 {
            let entries = rows.iter().map(|(_, row)| Entry::decode(row).unwrap());
            let all = entries.flat_map(|entry| entry.references().collect::<Vec<_>>());
            all.filter(|reference| reference.group == group)
                .map(|r| r.len_bytes)
                .sum()
        };
        let kinds = [
            (LOG.0, GroupKind::Log),
            (DATA.0, GroupKind::Data),
            (INDEX.0, GroupKind::Index),
        ];
        let row = |(id, kind): (GroupId, GroupKind)| {
            let member = |device| Member {
                device: DeviceIndex(device),
                segment: SegmentNo(id.0),
            };
            let entry = GroupEntry {
                state: GroupState::Open,
                kind,
                generation: Generation(1),
                live_bytes: live(id) + if kind == GroupKind::Log { extra } else { 0 },
                first_lsn: Lsn(1),
                last_lsn: self.lsn,
                members: vec![member(0), member(1)],
            };
            (GroupEntry::key(id).to_vec(), entry.encode().unwrap())
        };
        kinds.into_iter().map(row).collect()
    }

    /// Writes the devices into a folder.
    pub(crate) fn save(&self, dir: &Path) {
        for (n, device) in self.devices.iter().enumerate() {
            std::fs::write(dir.join(format!("dev{n}.img")), device).unwrap();
        }
    }
}

fn bucket_row() -> (Vec<u8>, Vec<u8>) {
    let row = BucketRow {
        id: BUCKET,
        name: BucketName::parse("photos").unwrap(),
        owner: AccountId::from_number(42).unwrap(),
        created: TIME,
        versioning: BucketVersioning::Unversioned,
        documents: Vec::new(),
    };
    (row.name.as_str().as_bytes().to_vec(), row.encode().unwrap())
}
