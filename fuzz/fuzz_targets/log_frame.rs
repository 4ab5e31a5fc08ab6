//! Frames of the log, with the header's checksum and those of the blocks made right.
#![no_main]

use blockhouse_format::frame::{Frame, FrameHeader, FrameSite, FrameState, HEADER_BYTES};
use blockhouse_format::{BLOCK_BYTES, Epoch, crc32c};
use blockhouse_fuzz::padded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut frame = padded(bytes);
    walk(&frame);
    seal(&mut frame);
    walk(&frame);
    let _ = Frame::damaged_blocks(&frame);
});

fn walk(bytes: &[u8]) {
    let Ok(header) = FrameHeader::peek(bytes) else {
        return;
    };
    let head = header.head;
    let site = FrameSite {
        pool: head.pool,
        log: head.log,
        group: head.group,
        generation: head.generation,
        offset_bytes: head.offset_bytes,
        epoch_max: Epoch(u64::MAX),
    };
    if let FrameState::Valid(frame) = Frame::open(bytes, &site) {
        for record in frame.records().flatten() {
            assert!(record.lsn >= head.lsn_first);
            assert_eq!(crc32c(record.data), record.inline.crc32c);
        }
    }
}

/// Makes header and block checksums right, if the header leaves room for them.
fn seal(frame: &mut [u8]) {
    let field = |frame: &[u8], at: usize| {
        frame
            .get(at..at + 4)
            .and_then(|b| b.try_into().ok())
            .map_or(0, u32::from_le_bytes) as usize
    };
    let (len, crcs) = (field(frame, 96).min(frame.len()), field(frame, 104));
    if crcs >= HEADER_BYTES && crcs <= len {
        for block in 0..crcs.div_ceil(BLOCK_BYTES) {
            let from = (block * BLOCK_BYTES).max(HEADER_BYTES);
            let crc = crc32c(&frame[from..((block + 1) * BLOCK_BYTES).min(crcs)]);
            if let Some(room) = frame.get_mut(crcs + block * 4..crcs + block * 4 + 4) {
                room.copy_from_slice(&crc.to_le_bytes());
            }
        }
        let crc = crc32c(&frame[crcs..len]);
        frame[108..112].copy_from_slice(&crc.to_le_bytes());
    }
    if frame.len() >= HEADER_BYTES {
        let crc = crc32c(&frame[12..HEADER_BYTES]);
        frame[8..12].copy_from_slice(&crc.to_le_bytes());
    }
}
