//! Intervals of sets, counters and the log, in a kernel whose rules `nft` declared.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use blockhouse_netlink::{
    Cause, Failed,
    nflog::{LogReader, PacketLog, Protocol},
    nft::{Key, KeyRange, NftSocket, SetName, SetUpdate, UpdateError},
};
use common::{Net, WAIT, may_run_nft};
use serde_json::{Value, json};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    os::fd::AsFd,
    time::Instant,
};

/// A table with a set of each kind, and a rule that counts, logs and drops who is in one.
fn declare(net: &Net) {
    let set = |name: &str, kind: &str| {
        json!({"add": {"set": {
            "family": "inet", "table": "t", "name": name, "type": kind, "flags": ["interval"],
        }}})
    };
    let counter =
        |name: &str| json!({"add": {"counter": {"family": "inet", "table": "t", "name": name}}});
    let rule = |protocol: &str, set: &str| {
        let source = json!({"payload": {"protocol": protocol, "field": "saddr"}});
        json!({"add": {"rule": {"family": "inet", "table": "t", "chain": "input", "expr": [
            {"match": {"op": "==", "left": source, "right": format!("@{set}")}},
            {"counter": "denied"},
            {"log": {"prefix": "nacl deny", "group": 7}},
            {"drop": null},
        ]}}})
    };
    net.nft(&json!({"nftables": [
        {"add": {"table": {"family": "inet", "name": "t"}}},
        set("s4", "ipv4_addr"),
        set("s6", "ipv6_addr"),
        counter("denied"),
        counter("other"),
        {"add": {"chain": {
            "family": "inet", "table": "t", "name": "input",
            "type": "filter", "hook": "input", "prio": 0, "policy": "accept",
        }}},
        rule("ip", "s4"),
        rule("ip6", "s6"),
    ]}));
}

fn set(name: &str) -> SetName {
    SetName {
        table: "t".parse().unwrap(),
        set: name.parse().unwrap(),
    }
}

fn nothing(name: &str) -> SetUpdate {
    SetUpdate {
        set: set(name),
        key: if name == "s6" { Key::V6 } else { Key::V4 },
        flush: false,
        delete: Vec::new(),
        add: Vec::new(),
    }
}

fn adding(name: &str, add: &[KeyRange]) -> SetUpdate {
    let add = add.to_vec();
    SetUpdate {
        add,
        ..nothing(name)
    }
}

fn deleting(name: &str, delete: &[KeyRange]) -> SetUpdate {
    let delete = delete.to_vec();
    SetUpdate {
        delete,
        ..nothing(name)
    }
}

fn range(first: &str, last: &str) -> KeyRange {
    KeyRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
}

/// Ranges of nine addresses in every sixteen, and each seventh of all sixteen, so that it touches the
/// next.
fn many_v4(count: u32) -> Vec<KeyRange> {
    let range = |n: u32| {
        let first = 0x0100_0000 + n * 16;
        let last = first + if n.is_multiple_of(7) { 15 } else { 8 };
        let of = |bits| IpAddr::V4(Ipv4Addr::from_bits(bits));
        KeyRange::new(of(first), of(last)).unwrap()
    };
    (0..count).map(range).collect()
}

fn refused(error: UpdateError) -> Failed {
    match error {
        UpdateError::Failed(failed) => failed,
        UpdateError::Invalid(invalid) => panic!("{invalid}"),
    }
}

#[test]
fn a_hundred_thousand_ranges_are_there_as_they_were_given() {
    if !may_run_nft() {
        return;
    }
    let net = Net::new("many");
    declare(&net);
    let mut nft = NftSocket::open_in(&net).unwrap();
    let mut ranges = many_v4(100_000);
    let begun = Instant::now();
    nft.update(&[adding("s4", &ranges)]).unwrap();
    println!("100,000 ranges: {:?}", begun.elapsed());
    assert_eq!(nft.ranges(&set("s4")).unwrap(), ranges);

    let one_more = range("203.0.113.7", "203.0.113.9");
    let begun = Instant::now();
    nft.update(&[adding("s4", &[one_more])]).unwrap();
    println!("one more: {:?}", begun.elapsed());
    ranges.push(one_more);
    assert_eq!(nft.ranges(&set("s4")).unwrap(), ranges);

    let begun = Instant::now();
    nft.update(&[deleting("s4", &[one_more])]).unwrap();
    println!("one less: {:?}", begun.elapsed());
    ranges.pop();
    assert_eq!(nft.ranges(&set("s4")).unwrap(), ranges);

    // All others at once, and the same again but for one.
    let swapped = ranges.split_off(1);
    let swap = SetUpdate {
        flush: true,
        ..adding("s4", &swapped)
    };
    nft.update(&[swap]).unwrap();
    assert_eq!(nft.ranges(&set("s4")).unwrap(), swapped);
}

#[test]
fn the_first_and_the_last_address_of_all_are_addresses_like_others() {
    if !may_run_nft() {
        return;
    }
    let net = Net::new("ends");
    declare(&net);
    let mut nft = NftSocket::open_in(&net).unwrap();
    let v4 = [
        range("0.0.0.0", "0.0.0.255"),
        range("10.0.0.0", "10.0.0.0"),
        range("255.255.255.0", "255.255.255.255"),
    ];
    let v6 = [
        range("::", "::1"),
        range("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ];
    nft.update(&[adding("s4", &v4), adding("s6", &v6)]).unwrap();
    assert_eq!(nft.ranges(&set("s4")).unwrap(), v4);
    assert_eq!(nft.ranges(&set("s6")).unwrap(), v6);
    nft.update(&[deleting("s4", &v4), deleting("s6", &v6)])
        .unwrap();
    assert_eq!(nft.ranges(&set("s4")).unwrap(), []);
    assert_eq!(nft.ranges(&set("s6")).unwrap(), []);
    let all = [range("0.0.0.0", "255.255.255.255")];
    nft.update(&[adding("s4", &all)]).unwrap();
    assert_eq!(nft.ranges(&set("s4")).unwrap(), all);

    // The other family, thousands of them.
    let of = |bits| IpAddr::V6(Ipv6Addr::from_bits(bits));
    let many = (0..10_000_u128).map(|n| (0x2001_0db8 << 96) | (n << 64));
    let many: Vec<_> = many
        .map(|first| KeyRange::new(of(first), of(first | u128::from(u64::MAX))).unwrap())
        .collect();
    nft.update(&[adding("s6", &many)]).unwrap();
    assert_eq!(nft.ranges(&set("s6")).unwrap(), many);
    // And what nft itself added is read, its end in front of all included.
    net.nft(
        &json!({"nftables": [{"flush": {"set": {"family": "inet", "table": "t", "name": "s4"}}},
        {"add": {"element": {"family": "inet", "table": "t", "name": "s4", "elem": [
            {"prefix": {"addr": "10.1.0.0", "len": 16}}, {"range": ["10.3.0.1", "10.3.0.9"]},
        ]}}}]}),
    );
    let read = nft.ranges(&set("s4")).unwrap();
    assert_eq!(
        read,
        [
            range("10.1.0.0", "10.1.255.255"),
            range("10.3.0.1", "10.3.0.9")
        ]
    );
}

#[test]
fn a_refused_batch_names_the_set_and_changes_none() {
    if !may_run_nft() {
        return;
    }
    let net = Net::new("whole");
    declare(&net);
    let mut nft = NftSocket::open_in(&net).unwrap();
    let ten = range("10.0.0.0", "10.255.255.255");
    nft.update(&[adding("s4", &[ten])]).unwrap();
    let ranges = many_v4(5000);
    let six = adding("s6", &[range("fd00::1", "fd00::2")]);

    let absent = nft.update(&[six.clone(), adding("s4", &ranges), adding("nosuch", &[ten])]);
    let failed = refused(absent.unwrap_err());
    assert_eq!(failed.to_string(), "adding intervals to the set t/nosuch");
    assert_eq!(failed.cause, Cause::NotFound);

    let inside = range("10.1.0.0", "10.1.255.255");
    for again in [ten, inside] {
        let overlap = nft.update(&[six.clone(), adding("s4", &[again])]);
        let failed = refused(overlap.unwrap_err());
        assert_eq!(failed.to_string(), "adding intervals to the set t/s4");
        assert_eq!(failed.cause, Cause::Exists);
    }
    let never_there = nft.update(&[deleting("s4", &[inside]), six.clone()]);
    let failed = refused(never_there.unwrap_err());
    assert_eq!(failed.to_string(), "deleting intervals of the set t/s4");
    assert_eq!(failed.cause, Cause::NotFound);

    assert_eq!(nft.ranges(&set("s4")).unwrap(), [ten]);
    assert_eq!(nft.ranges(&set("s6")).unwrap(), []);
    let listed = nft.ranges(&set("nosuch")).unwrap_err();
    assert_eq!(listed.cause, Cause::NotFound);
    // The socket is as good as before.
    nft.update(&[six]).unwrap();
    assert_eq!(nft.ranges(&set("s6")).unwrap().len(), 1);
    nft.update(&[]).unwrap();
    nft.update(&[nothing("s4")]).unwrap();
}

/// Sends a byte from an address of the loopback to a port where nobody is.
fn send(net: &Net, from: &str, port: u16) {
    let address: IpAddr = from.parse().unwrap();
    let to: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let socket = net.run(|| UdpSocket::bind((address, 0)).unwrap()).unwrap();
    socket.send_to(b"x", (to, port)).unwrap();
}

#[test]
fn who_is_in_a_set_is_counted_and_logged() {
    if !may_run_nft() {
        return;
    }
    let net = Net::new("count");
    declare(&net);
    let loopback = net.index("lo");
    let mut nft = NftSocket::open_in(&net).unwrap();
    let mut log = LogReader::open_in(&net, 7).unwrap();
    let taken = LogReader::open_in(&net, 7).unwrap_err();
    assert_eq!(taken.to_string(), "binding log group 7");
    let denied = [range("127.0.0.5", "127.0.0.7")];
    nft.update(&[adding("s4", &denied), adding("s6", &[range("::1", "::1")])])
        .unwrap();
    for last in 3..10 {
        send(&net, &format!("127.0.0.{last}"), 4000 + last);
    }
    send(&net, "::1", 4500);

    let table = "t".parse().unwrap();
    let mut counters = nft.counters(&table).unwrap();
    counters.sort_by(|one, other| one.name.cmp(&other.name));
    let counters = counters
        .iter()
        .map(|c| (c.name.as_str(), c.packets, c.bytes));
    // An IP header, one of UDP, and a byte.
    let expected = [("denied", 4, 3 * 29 + 49), ("other", 0, 0)];
    assert!(counters.eq(expected), "{:?}", nft.counters(&table));
    assert_eq!(nft.counters(&"nosuch".parse().unwrap()).unwrap(), []);

    let line = |from: &str, to: &str, port| PacketLog {
        prefix: "nacl deny".to_owned(),
        link: Some(loopback),
        source: Some(from.parse().unwrap()),
        destination: Some(to.parse().unwrap()),
        protocol: Some(Protocol::Ip(17)),
        port: Some(port),
    };
    let expected = [
        line("127.0.0.5", "127.0.0.1", 4005),
        line("127.0.0.6", "127.0.0.1", 4006),
        line("127.0.0.7", "127.0.0.1", 4007),
        line("::1", "::1", 4500),
    ];
    let mut lines = Vec::new();
    while lines.len() < expected.len() {
        let before = lines.len();
        log.receive(WAIT, &mut lines).unwrap();
        assert!(lines.len() > before, "nothing more came: {lines:?}");
    }
    assert_eq!(lines, expected);
    assert_eq!((log.lost(), log.unread()), (0, 0));
    // Nothing is there, and nobody waits for it.
    log.receive(std::time::Duration::ZERO, &mut lines).unwrap();
    assert_eq!(lines.len(), expected.len());
}

#[test]
fn a_log_that_nobody_reads_loses_lines_and_says_so() {
    if !may_run_nft() {
        return;
    }
    let net = Net::new("flood");
    declare(&net);
    let mut nft = NftSocket::open_in(&net).unwrap();
    let mut log = LogReader::open_in(&net, 7).unwrap();
    nft.update(&[adding("s4", &[range("127.0.0.5", "127.0.0.5")])])
        .unwrap();
    let socket = net.run(|| UdpSocket::bind("127.0.0.5:0").unwrap()).unwrap();
    for _ in 0..50_000 {
        socket.send_to(b"x", "127.0.0.1:9").unwrap();
    }
    let table = "t".parse().unwrap();
    let counters = nft.counters(&table).unwrap();
    let denied = counters.iter().find(|c| c.name == "denied").unwrap();
    assert_eq!(denied.packets, 50_000);
    let mut lines = Vec::new();
    while log.lost() == 0 && lines.len() < 50_000 {
        log.receive(WAIT, &mut lines).unwrap();
    }
    assert!(log.lost() > 0 && lines.len() < 50_000, "{}", lines.len());
    // What comes later is read.
    let _: std::os::fd::BorrowedFd<'_> = log.as_fd();
    let socket = net.run(|| UdpSocket::bind("127.0.0.5:0").unwrap()).unwrap();
    let seen = |lines: &[PacketLog]| lines.iter().any(|line| line.port == Some(4242));
    socket.send_to(b"x", "127.0.0.1:4242").unwrap();
    while !seen(&lines) {
        let before = lines.len();
        log.receive(WAIT, &mut lines).unwrap();
        assert!(lines.len() > before, "nothing more came");
    }
}

#[test]
fn arp_is_logged_too() {
    if !may_run_nft() {
        return;
    }
    let (net, other) = (Net::new("arp"), Net::new("asks"));
    net.join("n0", &other, "o0");
    let link = net.set_up("n0", &["10.0.0.1/24"]);
    other.set_up("o0", &["10.0.0.2/24"]);
    let rule: Value = json!({"log": {"prefix": "arp spoof", "group": 9}});
    net.nft(&json!({"nftables": [
        {"add": {"table": {"family": "arp", "name": "t"}}},
        {"add": {"chain": {
            "family": "arp", "table": "t", "name": "input",
            "type": "filter", "hook": "input", "prio": 0, "policy": "accept",
        }}},
        {"add": {"rule": {
            "family": "arp", "table": "t", "chain": "input", "expr": [rule, {"drop": null}],
        }}},
    ]}));
    let mut log = LogReader::open_in(&net, 9).unwrap();
    let socket = other
        .run(|| UdpSocket::bind("10.0.0.2:0").unwrap())
        .unwrap();
    socket.send_to(b"x", "10.0.0.1:9").unwrap();
    let mut lines = Vec::new();
    log.receive(WAIT, &mut lines).unwrap();
    let expected = PacketLog {
        prefix: "arp spoof".to_owned(),
        link: Some(link),
        source: Some("10.0.0.2".parse().unwrap()),
        destination: Some("10.0.0.1".parse().unwrap()),
        protocol: Some(Protocol::Arp),
        port: None,
    };
    assert_eq!(lines.first(), Some(&expected));
}
