//! What a connection begins with, where a load balancer passes it on: however the bytes arrive, the header
//! is the same; one that is read is written and read again; behind it, nothing is looked at.
#![no_main]

use blockhouse_proxy_protocol::{Checksum, HEADER_BYTES_MAX, encode, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = parse(bytes);
    assert!(bytes.len() < HEADER_BYTES_MAX || whole != Ok(None));
    let mut decided = false;
    for end in 0..bytes.len() {
        let part = parse(&bytes[..end]);
        assert!(part == whole || part == Ok(None) && !decided);
        decided = part != Ok(None);
    }
    let Ok(Some((header, length))) = whole else {
        return;
    };
    assert!(length <= bytes.len() && length <= HEADER_BYTES_MAX);
    let again = encode(&header, &[], Checksum::Crc32c).expect("it was read");
    assert_eq!(parse(&again), Ok(Some((header, again.len()))));
});
