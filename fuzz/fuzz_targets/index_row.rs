//! Keys and values of the index, group table and control tables. What is understood has one
//! spelling.
#![no_main]

use blockhouse_format::GroupEntry;
use blockhouse_format::control::{BucketRow, DesiredHead, DesiredRow, LinkRow, RevocationRow, parse_row_key, row_key};
use blockhouse_format::entry::{self, Entry, IndexKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match entry::parse_key(bytes) {
        Ok(IndexKey::Object {
            bucket,
            key,
            sequence,
        }) => {
            assert_eq!(entry::object_key(bucket, &key, sequence), bytes);
        }
        Ok(IndexKey::Upload {
            bucket,
            key,
            sequence,
            upload,
        }) => {
            assert_eq!(entry::upload_key(bucket, &key, sequence, upload), bytes);
        }
        Ok(IndexKey::Part { upload, number }) => assert_eq!(entry::part_key(upload, number), bytes),
        Ok(IndexKey::Extents { sequence, row }) => {
            assert_eq!(entry::extents_key(sequence, row), bytes);
        }
        Err(_) => {}
    }
    if let Ok(entry) = Entry::decode(bytes) {
        let mut row = Vec::new();
        entry
            .encode(&mut row)
            .expect("what was read can be written");
        assert_eq!(row, bytes);
        let _ = entry.references().map(|r| r.len_bytes).sum::<u64>();
        let _ = entry
            .extents()
            .iter()
            .flat_map(|extent| extent.shards())
            .count();
    }
    if let Ok(entry) = GroupEntry::decode(bytes) {
        assert_eq!(entry.encode().expect("what was read can be written"), bytes);
    }
    if let Ok(row) = BucketRow::decode(bytes) {
        assert_eq!(row.encode().expect("what was read can be written"), bytes);
    }
    if let Ok(row) = LinkRow::decode(bytes) {
        assert_eq!(row.encode(), bytes);
    }
    if let Ok((owner, links)) = RevocationRow::parse_key(bytes) {
        assert_eq!(RevocationRow::key(owner, &links), bytes);
    }
    if let Ok(head) = DesiredHead::decode(bytes) {
        assert_eq!(head.encode(), bytes);
    }
    if let Ok(row) = DesiredRow::decode(b"row", bytes) {
        assert_eq!(row.encode(), bytes);
    }
    if let Ok(name) = DesiredRow::parse_key(bytes) {
        assert_eq!(name.as_bytes(), bytes);
    }
    if let Ok(link) = LinkRow::parse_key(bytes) {
        assert_eq!(LinkRow::key(link), bytes);
    }
    if let Ok((table, key)) = parse_row_key(bytes) {
        assert_eq!(row_key(table, key), bytes);
    }
});
