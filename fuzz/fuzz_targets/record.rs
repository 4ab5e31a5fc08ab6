//! Records, with both checksums made right.
#![no_main]

use blockhouse_format::frame::{FrameBuilder, FrameHead};
use blockhouse_format::record::{self, HEAD_BYTES};
use blockhouse_format::{Epoch, Lsn, crc32c};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = record::decode(bytes);
    let mut record = bytes.to_vec();
    record.resize(bytes.len().max(HEAD_BYTES).next_multiple_of(8), 0);
    seal(&mut record);
    let _ = record::decode_meta(&record);
    let Ok(decoded) = record::decode(&record) else {
        return;
    };
    // What was understood is written again as the same bytes, but for flags and skipped kinds.
    if matches!(decoded.body, record::Body::Unknown { .. }) {
        return;
    }
    let mut buf = vec![0; decoded.len_bytes + (64 << 10)];
    let head = FrameHead {
        pool: Default::default(),
        log: 0,
        group: Default::default(),
        generation: Default::default(),
        offset_bytes: 0,
        epoch: Epoch(1),
        lsn_first: Lsn(1),
        durable_lsn: Lsn(0),
        time_floor: Default::default(),
        previous_crc: 0,
        salt: [0; 16],
    };
    let mut builder = FrameBuilder::new(&mut buf, head);
    let Ok(placed) = builder.push_with(&decoded.body, &[decoded.data]) else {
        return;
    };
    let (from, len) = (
        placed.place.offset_bytes as usize,
        placed.place.len_bytes as usize,
    );
    let again = record::decode(&buf[from..from + len]);
    assert_eq!(again.map(|again| again.body), Ok(decoded.body));
    assert_eq!(len, decoded.len_bytes);
});

/// Makes both checksums right, and the lengths such that they fit.
fn seal(record: &mut [u8]) {
    let room = record.len() - HEAD_BYTES;
    let field = |record: &[u8], at: usize| {
        u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]) as usize
    };
    let meta = field(record, 4).min(room);
    let data = field(record, 8).min(room - meta);
    record[4..8].copy_from_slice(&(meta as u32).to_le_bytes());
    record[8..12].copy_from_slice(&(data as u32).to_le_bytes());
    let data_crc = crc32c(&record[HEAD_BYTES + meta..HEAD_BYTES + meta + data]);
    record[12..16].copy_from_slice(&data_crc.to_le_bytes());
    let covered = [&record[..16], &record[HEAD_BYTES..HEAD_BYTES + meta]].concat();
    record[16..20].copy_from_slice(&crc32c(&covered).to_le_bytes());
    record[20..24].fill(0);
}
