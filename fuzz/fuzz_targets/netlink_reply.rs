//! What the kernel answers over netlink: links, addresses, routes, rules, peers, elements of sets,
//! counters, logged packets, errors. Anything ends; what is read makes sense.
#![no_main]

use blockhouse_netlink::{
    nflog::PacketLog,
    nft::{Counter, ranges_of, read_elements},
    route::{Address, Link, Peer, Route, Rule},
    wire::{Attributes, Messages, Verdict},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut messages = 0;
    for message in Messages::of(bytes) {
        messages += 1;
        if let Ok(message) = message {
            let _ = Verdict::read(&message);
            read(message.body);
        }
    }
    assert!(messages <= bytes.len() / 4 + 1);
    assert!(Attributes::of(bytes).count() <= bytes.len() / 4 + 1);
    // As a body, too: headers are four numbers, and hard to guess.
    read(bytes);
});

fn read(body: &[u8]) {
    if let Ok(link) = Link::read(body) {
        assert!(!link.name.is_empty());
    }
    let _ = (Address::read(body), Peer::read(body), Counter::read(body));
    if let Ok(Some(route)) = Route::read(body) {
        let _ = (route.to.network(), route.to_string());
    }
    if let Ok(Some(rule)) = Rule::read(body) {
        let _ = (rule.from.network(), rule.to_string());
    }
    if let Ok(line) = PacketLog::read(body) {
        assert!(line.prefix.len() <= 128);
        assert!(line.port.is_none() || line.protocol.is_some());
    }
    let mut elements = Vec::new();
    if read_elements(body, &mut elements).is_ok()
        && let Ok(ranges) = ranges_of(elements)
    {
        assert!(ranges.iter().all(|range| range.first() <= range.last()));
        assert!(
            ranges
                .array_windows()
                .all(|[one, other]| one.last() < other.first())
        );
    }
}
