//! Sections, with their checksum made right: rows come in order or an error comes, and a key that a
//! walk finds is found by a search.
#![no_main]

use blockhouse_format::SectionReader;
use blockhouse_fuzz::{padded, with_crc_at_8};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = SectionReader::open(bytes);
    let mut section = padded(bytes);
    if let Some(room) = section.get_mut(12..16) {
        let len = bytes.len().next_multiple_of(4096) as u32;
        room.copy_from_slice(&len.to_le_bytes());
    }
    let section = with_crc_at_8(&section);
    let Ok(reader) = SectionReader::open(&section) else {
        return;
    };
    let mut rows = Vec::new();
    let mut cursor = reader.cursor();
    while let Some(row) = cursor.next() {
        let Ok((key, value)) = row else { return };
        assert!(
            rows.last()
                .is_none_or(|(last, _): &(Vec<u8>, Option<&[u8]>)| last[..] < *key)
        );
        rows.push((key.to_vec(), value));
    }
    assert_eq!(rows.len(), reader.rows() as usize);
    for (key, _) in &rows {
        // A restart table that lies gives an error or nothing, never a panic.
        let _ = reader.get(key);
    }
});
