use super::*;
use blockhouse_types::OutpostId;
use proptest::prelude::*;
use std::net::IpAddr;

const OUTPOST: &str = "op-01ac5d28a6a232904";
/// The question's name, as it stands in the vectors.
const DOMAIN: &[u8] = b"\x02s3\x04test\0";

fn zone_of(addresses: &[&str]) -> Zone {
    let addresses: Vec<IpAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    let outpost: OutpostId = OUTPOST.parse().unwrap();
    Zone::new(
        ["s3.test", "S3-Outposts.Local-1.test."],
        Some(&outpost),
        &addresses,
    )
    .unwrap()
}

fn zone() -> Zone {
    zone_of(&["10.0.1.10", "fd00:a::10"])
}

/// A name as it is sent.
fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A question with the id 0x1234 and RD, as stub resolvers ask.
fn question(name: &[u8], kind: u16, class: u16) -> Vec<u8> {
    [
        &b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0"[..],
        name,
        &kind.to_be_bytes(),
        &class.to_be_bytes(),
    ]
    .concat()
}

/// The same, with an OPT of this size and version.
fn with_edns(mut question: Vec<u8>, bytes: u16, version: u8, flags: u16) -> Vec<u8> {
    question[11] += 1;
    question.extend(b"\0\0\x29");
    question.extend(bytes.to_be_bytes());
    question.extend([0, version]);
    question.extend(flags.to_be_bytes());
    question.extend([0, 0]);
    question
}

fn over_udp(question: &[u8]) -> Vec<u8> {
    answer(&zone(), question, Transport::Udp).unwrap()
}

/// An answer: flags, counts of answers, authorities and additional records, what was asked, and the rest.
fn reply(flags: [u8; 2], counts: [u8; 3], asked: &[u8], rest: &[u8]) -> Vec<u8> {
    let [answers, authorities, additionals] = counts;
    let counts = [0, 1, 0, answers, 0, authorities, 0, additionals];
    [b"\x12\x34", &flags[..], &counts, &asked[12..], rest].concat()
}

const TTL: &[u8] = b"\0\0\0\x3C";
/// SOA's number and times.
const SOA_REST: &[u8] = b"\0\0\0\x01\0\0\x0E\x10\0\0\x0E\x10\0\0\x0E\x10\0\0\0\x3C";

/// The zone's SOA, where its name stands at this place.
fn soa_at(place: u8) -> Vec<u8> {
    let head = [0xC0, place, 0, 6, 0, 1];
    let names = [0xC0, place, 0xC0, place];
    [&head[..], TTL, &[0, 24], &names, SOA_REST].concat()
}

#[test]
fn addresses_of_the_domain() {
    let asked = question(DOMAIN, 1, 1);
    let a = [b"\xC0\x0C\0\x01\0\x01", TTL, b"\0\x04\x0A\0\x01\x0A"].concat();
    assert_eq!(over_udp(&asked), reply([0x85, 0x00], [1, 0, 0], &asked, &a));
    // ANY is one set of records.
    let any = question(DOMAIN, 255, 1);
    assert_eq!(over_udp(&any), reply([0x85, 0x00], [1, 0, 0], &any, &a));

    let asked = question(DOMAIN, 28, 1);
    let address = b"\xFD\0\0\x0A\0\0\0\0\0\0\0\0\0\0\0\x10";
    let aaaa = [b"\xC0\x0C\0\x1C\0\x01", TTL, b"\0\x10", &address[..]].concat();
    assert_eq!(
        over_udp(&asked),
        reply([0x85, 0x00], [1, 0, 0], &asked, &aaaa)
    );
    // Without IPv6 there is the name, and nothing of that type.
    let v4 = answer(&zone_of(&["10.0.1.10"]), &asked, Transport::Udp).unwrap();
    assert_eq!(v4, reply([0x85, 0x00], [0, 1, 0], &asked, &soa_at(12)));
    let any_v6 = answer(&zone_of(&["fd00:a::10"]), &any, Transport::Tcp).unwrap();
    assert_eq!(any_v6, reply([0x85, 0x00], [1, 0, 0], &any, &aaaa));
}

#[test]
fn the_domains_own_records() {
    let asked = question(DOMAIN, 6, 1);
    let told = reply([0x85, 0x00], [1, 0, 0], &asked, &soa_at(12));
    assert_eq!(over_udp(&asked), told);
    let asked = question(DOMAIN, 2, 1);
    let ns = [b"\xC0\x0C\0\x02\0\x01", TTL, b"\0\x02\xC0\x0C"].concat();
    assert_eq!(
        over_udp(&asked),
        reply([0x85, 0x00], [1, 0, 0], &asked, &ns)
    );
    // Below the domain there are none.
    for kind in [2, 6, 15, 16, 33, 65, 999] {
        let asked = question(&wire("bucket.s3.test"), kind, 1);
        let told = reply([0x85, 0x00], [0, 1, 0], &asked, &soa_at(19));
        assert_eq!(over_udp(&asked), told);
    }
}

/// Code and number of answers.
fn told(name: &str) -> (u8, u8) {
    let told = over_udp(&question(&wire(name), 1, 1));
    (told[3] & 15, told[7])
}

#[test]
fn names_are_those_that_sdks_call() {
    for host in [
        "s3.test",
        "s3-outposts.local-1.test",
        "bucket.s3.test",
        "my.bucket.s3.test",
        "123456789012.s3.test",
        "ap-123456789012.s3.test",
        "point-123456789012.op-01ac5d28a6a232904.s3.test",
        "alias--op-s3.op-01ac5d28a6a232904.s3-outposts.local-1.test",
        "BucKet.S3.TesT",
        "p.OP-01AC5D28A6A232904.s3.test",
    ] {
        assert_eq!(told(host), (0, 1), "{host}");
    }
    for empty in [
        "op-01ac5d28a6a232904.s3.test",
        "ab.s3.test",
        "-a.s3.test",
        "10.0.0.1.s3.test",
    ] {
        assert_eq!(told(empty), (0, 0), "{empty}");
    }
    for none in [
        "a_b.s3.test",
        "*.s3.test",
        "bucket-.s3.test",
        "bucket--op-s3.s3.test",
        "a.b.op-01ac5d28a6a232904.s3.test",
        "_tcp.op-01ac5d28a6a232904.s3.test",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.s3.test",
    ] {
        assert_eq!(told(none), (3, 0), "{none}");
    }
    for other in [
        "",
        "test",
        "xs3.test",
        "s3.test.example.com",
        "example.com",
        "s3",
        "localhost",
    ] {
        assert_eq!(told(other), (5, 0), "{other}");
    }
    // A dot within a label is none between labels.
    let asked = question(b"\x07my.name\x02s3\x04test\0", 1, 1);
    assert_eq!(over_udp(&asked)[3] & 15, 3);
}

#[test]
fn of_two_domains_the_longer_decides() {
    let address = ["10.0.0.1".parse().unwrap()];
    let zone = Zone::new(["test", "s3.test"], None, &address).unwrap();
    for (name, place) in [("_.s3.test", 14), ("_.test", 14), ("_.s4.test", 17)] {
        let asked = question(&wire(name), 1, 1);
        let told = answer(&zone, &asked, Transport::Udp).unwrap();
        let expected = reply([0x85, 0x03], [0, 1, 0], &asked, &soa_at(place));
        assert_eq!(told, expected, "{name}");
    }
}

#[test]
fn what_is_not_ours_is_refused() {
    let refused = |asked: Vec<u8>| {
        assert_eq!(over_udp(&asked), reply([0x81, 0x05], [0; 3], &asked, &[]));
    };
    refused(question(b"\x07example\x03com\0", 1, 1));
    refused(question(b"\0", 2, 1));
    // CHAOS, HESIOD, any class.
    for class in [0, 3, 4, 254, 255, 9999] {
        refused(question(DOMAIN, 1, class));
    }
    // TKEY, TSIG, IXFR, AXFR, MAILB, MAILA.
    for kind in 249..255 {
        refused(question(DOMAIN, kind, 1));
    }
}

#[test]
fn other_opcodes_are_not_implemented() {
    for opcode in 1..16_u8 {
        let mut asked = question(DOMAIN, 1, 1);
        asked[2] = opcode << 3;
        let told = [b"\x12\x34", &[0x80 | opcode << 3, 4][..], &[0; 8]].concat();
        assert_eq!(over_udp(&asked), told);
    }
}

#[test]
fn nonsense_with_a_header_is_a_format_error() {
    let refused = |asked: &[u8]| {
        let told = [&asked[..2], &[0x80 | asked[2] & 1, 1], &[0; 8]].concat();
        assert_eq!(over_udp(asked), told, "{asked:?}");
    };
    let good = question(DOMAIN, 1, 1);
    refused(&[0; 12]);
    refused(&good[..good.len() - 1]);
    refused(&[&good[..], b"\0"].concat());
    for (place, count) in [(5, 0), (5, 2), (7, 1), (9, 1), (11, 1), (11, 2)] {
        let mut asked = good.clone();
        asked[place] = count;
        refused(&asked);
    }
    // Names that point to themselves, into the header, beyond the end, or are of no kind of label.
    for name in [
        &b"\xC0\x0C"[..],
        b"\xC0\x04",
        b"\xC0\xFF",
        b"\x40a\0",
        b"\x80a\0",
        b"\x01a\xC0\x0B",
    ] {
        refused(&question(name, 1, 1));
    }
    // Longer than a name may be.
    refused(&question(&wire(&"abc.".repeat(70)), 1, 1));
    // Two OPT, one that is not the root's, one that is cut, and a record that is none.
    let once = with_edns(good.clone(), 4096, 0, 0);
    refused(&with_edns(once.clone(), 4096, 0, 0));
    let named = [&once[..good.len()], b"\x01a", &once[good.len()..]].concat();
    refused(&named);
    let mut cut = once.clone();
    *cut.last_mut().unwrap() = 4;
    refused(&cut);
    let mut record = once.clone();
    record[good.len() + 2] = 1;
    refused(&record);
    let mut long = once;
    let padding = (QUERY_BYTES_MAX - long.len()) as u16;
    let place = long.len() - 2;
    long[place..].copy_from_slice(&padding.to_be_bytes());
    long.extend([0, 12]);
    long.extend((padding - 4).to_be_bytes());
    long.resize(QUERY_BYTES_MAX, 0);
    assert_eq!(over_udp(&long)[3] & 15, 0);
    long.push(0);
    refused(&long);
}

#[test]
fn an_answer_is_not_answered() {
    let mut asked = question(DOMAIN, 1, 1);
    asked[2] |= 0x80;
    assert_eq!(answer(&zone(), &asked, Transport::Udp), None);
    for length in 0..12 {
        assert_eq!(answer(&zone(), &asked[..length], Transport::Tcp), None);
        assert_eq!(answer(&zone(), &[0; 12][..length], Transport::Tcp), None);
    }
}

#[test]
fn edns_is_answered_with_edns() {
    let asked = question(DOMAIN, 1, 1);
    let a = b"\xC0\x0C\0\x01\0\x01\0\0\0\x3C\0\x04\x0A\0\x01\x0A";
    for (flags, told) in [(0, [0, 0]), (0x8000, [0x80, 0]), (0xFFFF, [0x80, 0])] {
        let opt = [b"\0\0\x29\x04\xD0\0\0", &told[..], &[0, 0]].concat();
        let with = with_edns(asked.clone(), 4096, 0, flags);
        let rest = [&a[..], &opt].concat();
        assert_eq!(
            over_udp(&with),
            reply([0x85, 0x00], [1, 0, 1], &asked, &rest)
        );
    }
    let newer = with_edns(asked.clone(), 4096, 1, 0);
    let badvers = b"\0\0\x29\x04\xD0\x01\0\0\0\0\0";
    assert_eq!(
        over_udp(&newer),
        reply([0x81, 0x00], [0, 0, 1], &asked, badvers)
    );
    // The bits of the question that an answer does not repeat: AA, TC, RA, Z, AD, CD.
    let mut odd = asked.clone();
    odd[2..4].copy_from_slice(&[0x07, 0xF0]);
    assert_eq!(over_udp(&odd), reply([0x85, 0x00], [1, 0, 0], &asked, a));
}

#[test]
fn what_does_not_fit_comes_over_tcp() {
    let addresses: Vec<String> = (0..ADDRESSES_MAX).map(|n| format!("fd00::{n:x}")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let zone = zone_of(&addresses);
    let name = wire(&format!("{}.{OUTPOST}.s3.test", "a".repeat(63)));
    let asked = question(&name, 28, 1);
    let cut = |question: &[u8], more: &[u8]| {
        let told = answer(&zone, question, Transport::Udp).unwrap();
        let expected = reply(
            [0x87, 0x00],
            [0, 0, u8::from(!more.is_empty())],
            &asked,
            more,
        );
        assert_eq!(told, expected);
    };
    let whole = 12 + name.len() + 4 + 28 * ADDRESSES_MAX;
    let over_tcp = answer(&zone, &asked, Transport::Tcp).unwrap();
    assert_eq!((over_tcp.len(), over_tcp[2]), (whole, 0x85));
    cut(&asked, &[]);
    // EDNS makes room, but not less than there always is, and not too little of it.
    let opt = b"\0\0\x29\x04\xD0\0\0\0\0\0\0";
    for bytes in [0, 511, 512, whole as u16 + 10] {
        cut(&with_edns(asked.clone(), bytes, 0, 0), opt);
    }
    for bytes in [whole as u16 + 11, 1232, 65535] {
        let with = with_edns(asked.clone(), bytes, 0, 0);
        let told = answer(&zone, &with, Transport::Udp).unwrap();
        assert_eq!((told.len(), told[2]), (whole + 11, 0x85));
    }
}

#[test]
fn a_zone_has_bounds() {
    let zone = |domains: &[&str], addresses: usize| {
        let addresses = vec![IpAddr::from([10, 0, 0, 1]); addresses];
        Zone::new(domains.iter().copied(), None, &addresses)
    };
    for bad in [
        "",
        ".",
        "a..b",
        ".a",
        "a b",
        "*.a",
        "ä.test",
        &"a".repeat(64),
        &"ab.".repeat(60),
    ] {
        assert!(
            matches!(zone(&[bad], 1), Err(InvalidZone::Domain(_))),
            "{bad}"
        );
    }
    let many = ["a"; DOMAINS_MAX + 1];
    assert_eq!(zone(&many, 1), Err(InvalidZone::TooManyDomains));
    let more = zone(&["a"], ADDRESSES_MAX + 1);
    assert_eq!(more, Err(InvalidZone::TooManyAddresses));
    assert!(zone(&many[1..], ADDRESSES_MAX).is_ok());
    // Without a domain every name is another's.
    let asked = question(DOMAIN, 1, 1);
    let told = answer(&zone(&[], 1).unwrap(), &asked, Transport::Udp);
    assert_eq!(told.unwrap()[3] & 15, 5);
}

/// The factor that the crate's prose states.
#[test]
fn no_amplifier() {
    let factor = |domain: &str| {
        let addresses = ["10.0.1.10".parse().unwrap(), "fd00:a::10".parse().unwrap()];
        let zone = Zone::new([domain], None, &addresses).unwrap();
        let longest = (0..300).map(|kind| {
            let asked = question(&wire(domain), kind, 1);
            let told = answer(&zone, &asked, Transport::Udp).unwrap();
            told.len() * 100 / asked.len()
        });
        longest.max().unwrap()
    };
    assert_eq!(factor("a"), 289);
    assert_eq!(factor("s3.example.internal"), 197);
}

fn names() -> impl Strategy<Value = Vec<u8>> {
    let label = proptest::collection::vec(any::<u8>(), 1..20);
    let labels = proptest::collection::vec(
        prop_oneof!["[a-zA-Z0-9-]{1,20}".prop_map(String::into_bytes), label],
        0..4,
    );
    let tails = [
        "",
        "s3.test",
        "S3.tEsT",
        "op-01ac5d28a6a232904.s3.test",
        "s3-outposts.local-1.test",
        "test",
    ];
    (labels, proptest::sample::select(tails.to_vec())).prop_map(|(labels, tail)| {
        let mut name = Vec::new();
        for label in labels {
            name.push(label.len() as u8);
            name.extend(label);
        }
        name.extend(wire(tail));
        name
    })
}

proptest! {
    /// Every question has an answer, which repeats it byte for byte, keeps the bounds, and is read again
    /// by who writes DNS elsewhere.
    #[test]
    fn every_question_is_answered_within_bounds(
        name in names(),
        kind in prop_oneof![0..300_u16, any::<u16>()],
        class in prop_oneof![4 => Just(1_u16), 1 => any::<u16>()],
        edns in proptest::option::of((any::<u16>(), 0..2_u8, any::<u16>())),
        tcp: bool,
    ) {
        let plain = question(&name, kind, class);
        let asked = match edns {
            Some((bytes, version, flags)) => with_edns(plain.clone(), bytes, version, flags),
            None => plain.clone(),
        };
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        let told = answer(&zone(), &asked, transport).unwrap();
        prop_assert!(told.len() <= asked.len() + 36);
        prop_assert_eq!(&told[..2], &asked[..2]);
        prop_assert_eq!(&told[12..plain.len()], &plain[12..]);
        // QR, RD; no opcode, no TC, no RA.
        prop_assert_eq!((told[2] & 0xFB, told[3] & 0xF0), (0x81, 0));
        let read = Message::from_vec(&told).unwrap();
        prop_assert_eq!(read.edns.is_some(), edns.is_some());
        // Who has authority tells something; who has none tells nothing.
        let tells = read.answers.len() + read.authorities.len();
        prop_assert_eq!(read.metadata.authoritative, tells > 0);
    }

    /// Letters' case changes nothing but the question's own letters.
    #[test]
    fn names_are_compared_without_case(name in names(), kind in 0..40_u16, flips: u64) {
        let mut flipped = name.clone();
        let mut at = 0;
        while flipped[at] != 0 {
            let end = at + 1 + usize::from(flipped[at]);
            for (place, letter) in flipped[at + 1..end].iter_mut().enumerate() {
                if flips >> ((at + place) % 64) & 1 == 1 && letter.is_ascii_alphabetic() {
                    *letter ^= 0x20;
                }
            }
            at = end;
        }
        let (one, other) = (question(&name, kind, 1), question(&flipped, kind, 1));
        let (one_told, other_told) = (over_udp(&one), over_udp(&other));
        prop_assert_eq!(&one_told[..12], &other_told[..12]);
        prop_assert_eq!(&one_told[one.len()..], &other_told[other.len()..]);
    }

    #[test]
    fn anything_is_answered_or_dropped(mut bytes: Vec<u8>, begins: bool, tcp: bool) {
        if begins {
            bytes.splice(0..0, question(DOMAIN, 1, 1));
            bytes[11] = 1;
        }
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        let told = answer(&zone(), &bytes, transport);
        let readable = bytes.len() >= 12 && bytes[2] & 0x80 == 0;
        prop_assert_eq!(told.is_some(), readable);
        if let Some(told) = told {
            prop_assert!(told[2] & 0x80 != 0 && told.len() <= bytes.len().max(12) + 36);
        }
    }
}
