//! Every structure reads back as what was written, and only whole.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

mod any;

use blockhouse_format::control::{BucketRow, DesiredHead, DesiredRow, LinkRow, RevocationRow};
use blockhouse_format::entry::Entry;
use blockhouse_format::frame::{Built, Frame, FrameBuilder, FrameHead, FrameSite, FrameState};
use blockhouse_format::record::{self, Body};
use blockhouse_format::{
    CheckpointRoot, DecodeError, GroupEntry, RowRefused, SectionReader, SectionWriter, SegmentMark,
    ShardTrailer, Superblock,
};
use blockhouse_types::LinkId;
use proptest::collection::vec;
use proptest::prelude::*;

fn site(head: &FrameHead) -> FrameSite {
    FrameSite {
        pool: head.pool,
        log: head.log,
        group: head.group,
        generation: head.generation,
        offset_bytes: head.offset_bytes,
        epoch_max: head.epoch,
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 + n / 251) as u8).collect()
}

/// A frame of these bodies, with inline data where they call for it.
fn frame(head: FrameHead, bodies: &[Body]) -> (Vec<u8>, Built) {
    // A dirty buffer: nothing of what was in it may be left.
    let mut buf = vec![0xa5; 1 << 20];
    let mut builder = FrameBuilder::new(&mut buf, head);
    for body in bodies {
        let data = pattern(any::inline_bytes(body));
        let room = builder.room_bytes();
        let needed = record::encoded_len(body, data.len()).unwrap();
        assert!(needed <= room);
        let (front, back) = data.split_at(data.len() / 3);
        builder.push_with(body, &[front, back]).unwrap();
    }
    let built = builder.finish();
    buf.truncate(built.len_bytes);
    (buf, built)
}

fn rows_of(section: &[u8]) -> Result<Vec<any::Row>, DecodeError> {
    let mut cursor = SectionReader::open(section)?.cursor();
    let mut rows = Vec::new();
    while let Some(row) = cursor.next() {
        let (key, value) = row?;
        rows.push((key.to_vec(), value.map(<[u8]>::to_vec)));
    }
    Ok(rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn superblocks(superblock in any::superblock(), flip in 0usize..4096 * 8) {
        let mut block = superblock.encode();
        prop_assert_eq!(Superblock::decode(&block), Ok(superblock));
        block[flip / 8] ^= 1 << (flip % 8);
        prop_assert!(Superblock::decode(&block).is_err());
    }

    #[test]
    fn segment_marks(mark in any::segment_mark(), flip in 0usize..4096 * 8) {
        let mut block = mark.encode();
        prop_assert_eq!(SegmentMark::decode(&block), Ok(mark));
        block[flip / 8] ^= 1 << (flip % 8);
        prop_assert!(SegmentMark::decode(&block).is_err());
    }

    #[test]
    fn shards((mut data, trailer) in any::shard_trailer(), at: prop::sample::Index, flip in 0usize..4096 * 8) {
        let mut block = trailer.encode();
        prop_assert_eq!(ShardTrailer::decode(&block), Ok(trailer.clone()));
        prop_assert_eq!(trailer.verify(0, &data), Ok(()));
        let at = at.index(data.len());
        let chunk = trailer.covering(at as u32..at as u32 + 1);
        let piece = &data[chunk.start as usize..chunk.end as usize];
        prop_assert_eq!(trailer.verify(chunk.start, piece), Ok(()));
        data[at] ^= 0x10;
        prop_assert!(trailer.verify(0, &data).is_err());
        let piece = &data[chunk.start as usize..chunk.end as usize];
        prop_assert!(trailer.verify(chunk.start, piece).is_err());
        block[flip / 8] ^= 1 << (flip % 8);
        prop_assert!(ShardTrailer::decode(&block).is_err());
    }

    #[test]
    fn frames(head in any::frame_head(), bodies in vec(any::body(), 0..12)) {
        let (bytes, built) = frame(head, &bodies);
        let FrameState::Valid(frame) = Frame::open(&bytes, &site(&head)) else {
            return Err(TestCaseError::fail("the frame is not valid"));
        };
        prop_assert_eq!(frame.header().crc, built.header_crc);
        prop_assert_eq!(frame.header().lsn_next(), built.lsn_next);
        prop_assert_eq!(frame.header().head, head);
        let read = frame.records().collect::<Result<Vec<_>, _>>().unwrap();
        prop_assert_eq!(read.len(), bodies.len());
        for (n, (record, body)) in read.iter().zip(&bodies).enumerate() {
            prop_assert_eq!(record.lsn, head.lsn_first.plus(n as u64));
            prop_assert_eq!(&record.body, body);
            prop_assert_eq!(record.data, pattern(any::inline_bytes(body)));
            // As a reader that knows only the places finds it.
            let from = (record.place.offset_bytes - head.offset_bytes) as usize;
            let alone = &bytes[from..from + record.place.len_bytes as usize];
            let decoded = record::decode(alone).unwrap();
            prop_assert_eq!(&decoded.body, body);
            let data_from = (record.inline.offset_bytes - head.offset_bytes) as usize;
            let data = &bytes[data_from..data_from + record.inline.len_bytes as usize];
            prop_assert_eq!(data, decoded.data);
            prop_assert_eq!(blockhouse_format::crc32c(data), record.inline.crc32c);
            let meta = &bytes[from..data_from];
            prop_assert_eq!(&record::decode_meta(meta).unwrap(), body);
        }
    }

    /// What a reader would refuse is refused before it is on the disk.
    #[test]
    fn what_contradicts_itself_is_not_written(head in any::frame_head(), put in any::put()) {
        let mut buf = vec![0; 1 << 16];
        let mut builder = FrameBuilder::new(&mut buf, head);
        let data = pattern(any::inline_bytes(&Body::Put(put.clone())) + 1);
        prop_assert!(builder.push_with(&Body::Put(put.clone()), &[&data]).is_err());
        let mut other = put.clone();
        other.size += 1;
        prop_assert!(builder.push_with(&Body::Put(other), &[&data[1..]]).is_err());
        let mut twice = put;
        if let Some(first) = twice.parts.first().cloned() {
            twice.parts.insert(0, first);
            prop_assert!(builder.push_with(&Body::Put(twice), &[&data[1..]]).is_err());
        }
        prop_assert_eq!(builder.records(), 0);
    }

    #[test]
    fn a_flipped_bit_of_a_frame_is_noticed(
        head in any::frame_head(),
        bodies in vec(any::body(), 1..5),
        at: prop::sample::Index,
    ) {
        let (mut bytes, _) = frame(head, &bodies);
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let state = Frame::open(&bytes, &site(&head));
        prop_assert!(!matches!(state, FrameState::Valid(_)), "{bit}");
        if let Ok(blocks) = Frame::damaged_blocks(&bytes) {
            prop_assert_eq!(blocks, vec![bit / 8 / 4096]);
        }
    }

    #[test]
    fn a_torn_frame_is_not_valid(
        head in any::frame_head(),
        bodies in vec(any::body(), 1..5),
        cut: prop::sample::Index,
    ) {
        let (mut bytes, built) = frame(head, &bodies);
        let sector = cut.index(built.len_bytes / 512) * 512;
        let torn = bytes[sector..].iter().any(|b| *b != 0);
        bytes[sector..].fill(0);
        let valid = matches!(Frame::open(&bytes, &site(&head)), FrameState::Valid(_));
        prop_assert_eq!(valid, !torn);
    }

    #[test]
    fn a_frame_counts_only_at_its_place(head in any::frame_head()) {
        let (bytes, _) = frame(head, &[Body::Tick]);
        let here = site(&head);
        let mut elsewhere = here;
        elsewhere.offset_bytes += 4096;
        prop_assert!(matches!(Frame::open(&bytes, &elsewhere), FrameState::Invalid(_)));
        let mut next_life = here;
        next_life.generation.0 = next_life.generation.0.wrapping_add(1);
        prop_assert_eq!(Frame::open(&bytes, &next_life), FrameState::Empty);
        if head.epoch.0 > 0 {
            let mut earlier = here;
            earlier.epoch_max.0 -= 1;
            prop_assert!(matches!(Frame::open(&bytes, &earlier), FrameState::Invalid(_)));
        }
    }

    #[test]
    fn checkpoint_roots(root in any::checkpoint_root(), at: prop::sample::Index) {
        let mut bytes = root.encode();
        prop_assert_eq!(CheckpointRoot::decode(&bytes), Ok(root));
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(CheckpointRoot::decode(&bytes).is_err());
    }

    #[test]
    fn group_entries(entry in any::group_entry()) {
        prop_assert_eq!(GroupEntry::decode(&entry.encode().unwrap()), Ok(entry));
    }

    #[test]
    fn revocation_rows(row in any::revocation_row()) {
        let key = RevocationRow::key(row.owner, &row.links);
        prop_assert_eq!(RevocationRow::decode(&key, &row.encode()), Ok(row));
    }

    #[test]
    fn desired_rows(name in "[!-~]{1,64}", bytes: Vec<u8>, version: u64, changed in any::time()) {
        let row = DesiredRow { name: &name, bytes: &bytes };
        let value = row.encode();
        prop_assert_eq!(DesiredRow::decode(name.as_bytes(), &value), Ok(row));
        prop_assert!(DesiredRow::decode(DesiredHead::KEY, &value).is_err());
        let head = DesiredHead { version, changed };
        prop_assert_eq!(DesiredHead::decode(&head.encode()), Ok(head));
    }

    #[test]
    fn link_rows(row in any::link_row(), id: [u8; 16]) {
        prop_assert_eq!(LinkRow::decode(&row.encode()), Ok(row));
        let link = LinkId(id);
        prop_assert_eq!(LinkRow::parse_key(&LinkRow::key(link)), Ok(link));
    }

    #[test]
    fn bucket_rows(row in any::bucket_row()) {
        prop_assert_eq!(BucketRow::decode(&row.encode().unwrap()), Ok(row));
    }

    #[test]
    fn entries(entry in any::entry()) {
        let mut row = Vec::new();
        entry.encode(&mut row).unwrap();
        prop_assert!(row.len() <= 4096);
        prop_assert_eq!(Entry::decode(&row), Ok(entry));
    }

    #[test]
    fn sections(rows in any::rows(), room in 1usize..5, at: prop::sample::Index) {
        let mut sections = Vec::new();
        let mut writer = SectionWriter::new(room * 4096);
        for (key, value) in &rows {
            if writer.push(key, value.as_deref()) == Err(RowRefused::Full) {
                let full = std::mem::replace(&mut writer, SectionWriter::new(room * 4096));
                sections.push(full.finish());
                prop_assert_eq!(writer.push(key, value.as_deref()), Ok(()));
            }
            prop_assert_eq!(writer.push(key, value.as_deref()), Err(RowRefused::Order));
        }
        sections.push(writer.finish());
        prop_assert!(sections.iter().all(|s| s.len() <= room * 4096 && s.len() % 4096 == 0));
        let read: Result<Vec<_>, _> = sections.iter().map(|s| rows_of(s)).collect();
        prop_assert_eq!(read.unwrap().concat(), rows.clone());
        let found = |key: &[u8]| {
            sections.iter().find_map(|s| SectionReader::open(s).unwrap().get(key).unwrap())
        };
        for (key, value) in &rows {
            prop_assert_eq!(found(key), Some(value.as_deref()));
        }
        prop_assert_eq!(found(b"no row is as long as this text"), None);
        let section = &mut sections[0];
        let bit = at.index(section.len() * 8);
        section[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(SectionReader::open(section).is_err());
    }
}

#[test]
fn a_frame_takes_no_more_than_its_buffer() {
    let mut buf = vec![0; 3 * 4096];
    let head = FrameHead {
        pool: Default::default(),
        log: 0,
        group: Default::default(),
        generation: Default::default(),
        offset_bytes: 4096,
        epoch: Default::default(),
        lsn_first: blockhouse_format::Lsn(1),
        durable_lsn: Default::default(),
        time_floor: Default::default(),
        previous_crc: 0,
        salt: [0; 16],
    };
    let mut builder = FrameBuilder::new(&mut buf, head);
    let control = |len| {
        Body::Control(record::Control {
            table: 1,
            key: Vec::new(),
            value: Some(vec![1; len]),
        })
    };
    let most = builder.room_bytes();
    let overhead = record::encoded_len(&control(0), 0).unwrap();
    assert!(builder.push(&control(most - overhead + 64)).is_err());
    builder.push(&control(most - overhead)).unwrap();
    assert!(builder.room_bytes() < 64);
    let built = builder.finish();
    assert_eq!(built.len_bytes, 3 * 4096);
    assert!(matches!(
        Frame::open(&buf, &site(&head)),
        FrameState::Valid(_)
    ));
}
