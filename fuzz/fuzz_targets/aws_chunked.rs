//! The aws-chunked framing. However the bytes are cut into pieces, the same data comes out, and
//! never more than was promised.
#![no_main]

use blockhouse_s3::chunked::{Decoder, Event, Mode};
use blockhouse_types::ChecksumAlgorithm;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(([mode, promised, cut], body)) = input.split_first_chunk::<3>() else {
        return;
    };
    let trailer = mode & 2 != 0;
    let checksum = (trailer && mode & 4 != 0).then_some(ChecksumAlgorithm::Crc32c);
    let mode = Mode {
        signed: mode & 1 != 0,
        trailer,
        checksum,
    };
    let promised = u64::from(*promised) * 64;
    let whole = decode(mode, promised, body, body.len().max(1));
    let cut = decode(mode, promised, body, usize::from(*cut).max(1));
    assert_eq!(whole, cut);
});

/// The data, if the body is well formed to its end.
fn decode(mode: Mode, promised: u64, body: &[u8], piece_bytes: usize) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(mode, promised);
    let mut data = Vec::new();
    for piece in body.chunks(piece_bytes) {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Some(event) = decoder.next().ok()? {
            if let Event::Data(bytes) = event {
                assert!(!bytes.is_empty());
                data.extend_from_slice(&bytes);
            }
        }
    }
    decoder.finish().ok()?;
    assert_eq!(data.len() as u64, promised);
    Some(data)
}
