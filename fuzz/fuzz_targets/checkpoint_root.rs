//! Checkpoint roots, with length and checksum made right.
#![no_main]

use blockhouse_format::CheckpointRoot;
use blockhouse_fuzz::{padded, with_crc_at_8};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = CheckpointRoot::decode(bytes);
    let mut root = padded(bytes);
    let len = root.len() as u32;
    if let Some(room) = root.get_mut(12..16) {
        room.copy_from_slice(&len.to_le_bytes());
    }
    let sealed = with_crc_at_8(&root);
    if let Ok(root) = CheckpointRoot::decode(&sealed) {
        assert_eq!(root.encode(), sealed);
    }
});
