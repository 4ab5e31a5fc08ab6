use super::*;
use crate::wire::{Messages, Writer};
use proptest::prelude::*;

/// What the kernel says of a packet.
fn body(of: u16, payload: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    let message = writer.message(1, 0, 1, &[0; 4]);
    let [a, b] = of.to_be_bytes();
    writer.attribute(HEADER, &[a, b, 1, 0]);
    writer.be32(IN_LINK, 7);
    writer.text(PREFIX, "why");
    writer.attribute(PAYLOAD, payload);
    writer.end_message(message);
    let bytes = writer.finish().unwrap();
    let message = Messages::of(&bytes).next().unwrap().unwrap();
    message.body.to_vec()
}

fn read(of: u16, payload: &[u8]) -> PacketLog {
    PacketLog::read(&body(of, payload)).unwrap()
}

fn ipv4(words: u8, part: u16, protocol: u8, behind: &[u8]) -> Vec<u8> {
    let [a, b] = part.to_be_bytes();
    let first = 0x40 | words;
    let header = [
        first, 0, 0, 0, 0, 0, a, b, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    [&header[..], behind].concat()
}

fn ipv6(next: u8, behind: &[u8]) -> Vec<u8> {
    let mut header = [0; 40];
    header[0] = 0x60;
    header[6] = next;
    header[23] = 1;
    header[39] = 2;
    [&header[..], behind].concat()
}

const PORTS: [u8; 8] = [0x12, 0x34, 0x01, 0xbb, 0, 0, 0, 0];

#[test]
fn a_packet_is_told_by_its_headers() {
    let log = read(OF_IPV4, &ipv4(5, 0, TCP, &PORTS));
    assert_eq!((log.prefix.as_str(), log.link), ("why", Some(LinkIndex(7))));
    assert_eq!(log.source, Some([10, 0, 0, 1].into()));
    assert_eq!(log.destination, Some([10, 0, 0, 2].into()));
    assert_eq!((log.protocol, log.port), (Some(Protocol::Ip(6)), Some(443)));
    // Options before the ports; a later part; a protocol without ports; no room for a header.
    let options = [[1; 4].as_slice(), &PORTS].concat();
    assert_eq!(read(OF_IPV4, &ipv4(6, 0, UDP, &options)).port, Some(443));
    assert_eq!(read(OF_IPV4, &ipv4(5, 185, UDP, &PORTS)).port, None);
    assert_eq!(read(OF_IPV4, &ipv4(5, 0x2000, UDP, &PORTS)).port, Some(443));
    assert_eq!(read(OF_IPV4, &ipv4(5, 0, 1, &PORTS)).port, None);
    assert_eq!(read(OF_IPV4, &ipv4(4, 0, TCP, &PORTS)).port, None);
}

#[test]
fn what_ipv6_puts_between_is_passed_over() {
    let log = read(OF_IPV6, &ipv6(TCP, &PORTS));
    assert_eq!(log.source, Some("::1".parse().unwrap()));
    assert_eq!((log.protocol, log.port), (Some(Protocol::Ip(6)), Some(443)));
    let hop = [UDP, 0, 1, 4, 0, 0, 0, 0];
    let first_part = [0, 0, 0, 1, 0, 0, 0, 9];
    let chain = [&first_part[..], &hop, &PORTS].concat();
    let log = read(OF_IPV6, &ipv6(44, &chain));
    assert_eq!(
        (log.protocol, log.port),
        (Some(Protocol::Ip(17)), Some(443))
    );
    let later_part = [UDP, 0, 0, 9, 0, 0, 0, 9];
    let log = read(OF_IPV6, &ipv6(44, &[later_part, PORTS].concat()));
    assert_eq!((log.protocol, log.port), (Some(Protocol::Ip(17)), None));
    // A chain without an end.
    let endless = [0, 0, 1, 4, 0, 0, 0, 0].repeat(20);
    assert_eq!(read(OF_IPV6, &ipv6(0, &endless)).port, None);
}

#[test]
fn what_is_cut_off_is_absent() {
    for (of, whole) in [
        (OF_IPV4, ipv4(5, 0, TCP, &PORTS)),
        (OF_IPV6, ipv6(TCP, &PORTS)),
        (OF_ARP, vec![9; 28]),
    ] {
        for len in 0..whole.len() {
            let log = read(of, &whole[..len]);
            assert_eq!(log.prefix, "why");
        }
    }
    assert_eq!(read(OF_IPV4, &[0x45; 19]).source, None);
    assert_eq!(read(0x1234, &[0x45; 60]).source, None);
    assert_eq!(read(OF_ARP, &[9; 28]).source, Some([9; 4].into()));
}

#[test]
fn a_prefix_is_cut_between_characters() {
    let mut prefix = format!("{}ß", "x".repeat(PREFIX_LEN_MAX - 1));
    cut(&mut prefix);
    assert_eq!(prefix, "x".repeat(PREFIX_LEN_MAX - 1));
}

proptest! {
    #[test]
    fn any_packet_is_read(of in prop::sample::select(vec![OF_IPV4, OF_IPV6, OF_ARP, 0]),
                          payload in prop::collection::vec(any::<u8>(), 0..128)) {
        let log = read(of, &payload);
        prop_assert_eq!(log.link, Some(LinkIndex(7)));
    }

    #[test]
    fn any_body_is_refused_or_read(body: Vec<u8>) {
        let _ = PacketLog::read(&body);
    }
}
