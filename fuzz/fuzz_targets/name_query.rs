//! A question to a VPC's name service: what has a readable header and is no answer is answered, and the
//! answer is bounded, an answer, and no question of its own.
#![no_main]

use blockhouse_names::{Transport, UDP_BYTES_MAX, Zone, answer};
use libfuzzer_sys::fuzz_target;
use std::{net::IpAddr, sync::LazyLock};

static ZONE: LazyLock<Zone> = LazyLock::new(|| {
    let outpost = "op-01ac5d28a6a232904".parse().expect("an id");
    let addresses = [
        IpAddr::from([10, 0, 1, 10]),
        IpAddr::from([0xFD00, 0, 0, 0, 0, 0, 0, 1]),
    ];
    let domains = ["s3.test", "s3-outposts.local-1.test"];
    Zone::new(domains, Some(&outpost), &addresses).expect("a zone")
});

fuzz_target!(|query: &[u8]| {
    let readable = query.len() >= 12 && query[2] & 0x80 == 0;
    for transport in [Transport::Udp, Transport::Tcp] {
        let Some(told) = answer(&ZONE, query, transport) else {
            assert!(!readable);
            continue;
        };
        assert!(readable && told[2] & 0x80 != 0 && told[..2] == query[..2]);
        // No recursion; never more than a little longer than the question.
        assert!(told[3] & 0x80 == 0 && told.len() <= query.len() + 36);
        assert!(transport == Transport::Tcp || told.len() <= usize::from(UDP_BYTES_MAX));
        assert_eq!(answer(&ZONE, &told, transport), None);
    }
});
