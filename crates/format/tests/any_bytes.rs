//! Whatever stands on a device, decoders give a value or an error.
//!
//! Random bytes seldom pass a checksum, so the checksum is made right here after the bytes were
//! changed: what is tested is the judging of fields, which stands between a bug and bad memory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

mod any;

use blockhouse_format::control::{
    BucketRow, DesiredHead, DesiredRow, LinkRow, RevocationRow, parse_row_key,
};
use blockhouse_format::entry::{Entry, parse_key};
use blockhouse_format::frame::{Frame, FrameHeader, FrameSite, FrameState};
use blockhouse_format::{
    CheckpointRoot, Epoch, GroupEntry, SectionReader, SectionWriter, SegmentMark, ShardTrailer,
    Superblock, crc32c, record,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Puts the CRC of everything behind it at offset 8.
fn seal(bytes: &mut [u8]) {
    let crc = crc32c(&bytes[12..]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
}

fn walk_section(bytes: &[u8]) {
    let Ok(section) = SectionReader::open(bytes) else {
        return;
    };
    let mut cursor = section.cursor();
    let mut last: Option<Vec<u8>> = None;
    while let Some(Ok((key, _))) = cursor.next() {
        assert!(last.as_deref().is_none_or(|last| last < key));
        last = Some(key.to_vec());
    }
    let _ = section.get(b"some key");
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    vec(any::<(prop::sample::Index, u8)>(), 1..6)
}

proptest! {
    #[test]
    fn bytes_of_nothing(bytes in vec(any::<u8>(), 0..9000)) {
        let _ = Superblock::decode(&bytes);
        let _ = SegmentMark::decode(&bytes);
        let _ = ShardTrailer::decode(&bytes);
        let _ = CheckpointRoot::decode(&bytes);
        let _ = GroupEntry::decode(&bytes);
        let _ = BucketRow::decode(&bytes);
        let _ = LinkRow::decode(&bytes);
        let _ = LinkRow::parse_key(&bytes);
        let _ = RevocationRow::decode(&bytes, &bytes);
        let _ = DesiredHead::decode(&bytes);
        let _ = DesiredRow::decode(&bytes, &bytes);
        let _ = Entry::decode(&bytes);
        let _ = parse_key(&bytes);
        let _ = parse_row_key(&bytes);
        let _ = record::decode(&bytes);
        let _ = record::decode_meta(&bytes);
        let _ = FrameHeader::peek(&bytes);
        let _ = Frame::damaged_blocks(&bytes);
        walk_section(&bytes);
    }

    #[test]
    fn entries_with_changes(entry in any::entry(), changes in changes()) {
        let mut row = Vec::new();
        entry.encode(&mut row).unwrap();
        for (at, byte) in changes {
            let at = at.index(row.len());
            row[at] = byte;
        }
        if let Ok(read) = Entry::decode(&row) {
            let _ = read.references().map(|r| r.len_bytes).sum::<u64>();
            let _ = read.extents().iter().flat_map(|e| e.shards()).count();
        }
    }

    #[test]
    fn sections_with_right_checksums(rows in any::rows(), changes in changes()) {
        let mut writer = SectionWriter::new(16 * 4096);
        rows.iter().for_each(|(key, value)| writer.push(key, value.as_deref()).unwrap());
        let mut bytes = writer.finish();
        for (at, byte) in changes {
            let at = 12 + at.index(bytes.len() - 12);
            bytes[at] = byte;
        }
        seal(&mut bytes);
        walk_section(&bytes);
    }

    #[test]
    fn roots_with_right_checksums(root in any::checkpoint_root(), changes in changes()) {
        let mut bytes = root.encode();
        for (at, byte) in changes {
            let at = 12 + at.index(bytes.len().min(400) - 12);
            bytes[at] = byte;
        }
        seal(&mut bytes);
        let _ = CheckpointRoot::decode(&bytes);
    }

    #[test]
    fn records_with_right_checksums(body in any::body(), changes in changes()) {
        let data = vec![7; any::inline_bytes(&body)];
        let mut buf = vec![0; 1 << 16];
        let head = frame_head();
        let mut builder = blockhouse_format::frame::FrameBuilder::new(&mut buf, head);
        let placed = builder.push_with(&body, &[&data]).unwrap();
        builder.finish();
        let from = (placed.place.offset_bytes - head.offset_bytes) as usize;
        let mut bytes = buf[from..from + placed.place.len_bytes as usize].to_vec();
        let meta_end = bytes.len() - data.len();
        for (at, byte) in changes {
            let at = at.index(meta_end);
            bytes[at] = byte;
        }
        let meta_len = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        if let Some(meta) = bytes.get(24..24 + meta_len.min(1 << 20)) {
            let crc = crc32c(&[&bytes[..16], meta].concat());
            bytes[16..20].copy_from_slice(&crc.to_le_bytes());
        }
        let _ = record::decode(&bytes);
        let _ = record::decode_meta(&bytes);
    }

    #[test]
    fn frames_with_right_header_checksums(changes in changes()) {
        let mut buf = vec![0; 1 << 14];
        let head = frame_head();
        let mut builder = blockhouse_format::frame::FrameBuilder::new(&mut buf, head);
        builder.push(&record::Body::Tick).unwrap();
        builder.finish();
        for (at, byte) in changes {
            let at = 12 + at.index(148);
            buf[at] = byte;
        }
        let crc = crc32c(&buf[12..160]);
        buf[8..12].copy_from_slice(&crc.to_le_bytes());
        let site = FrameSite {
            pool: head.pool,
            log: head.log,
            group: head.group,
            generation: head.generation,
            offset_bytes: head.offset_bytes,
            epoch_max: Epoch(u64::MAX),
        };
        if let FrameState::Valid(frame) = Frame::open(&buf, &site) {
            let _ = frame.records().count();
        }
        let _ = Frame::damaged_blocks(&buf);
    }
}

fn frame_head() -> blockhouse_format::frame::FrameHead {
    blockhouse_format::frame::FrameHead {
        pool: Default::default(),
        log: 0,
        group: Default::default(),
        generation: Default::default(),
        offset_bytes: 4096,
        epoch: Epoch(1),
        lsn_first: blockhouse_format::Lsn(1),
        durable_lsn: Default::default(),
        time_floor: Default::default(),
        previous_crc: 0,
        salt: [0; 16],
    }
}
