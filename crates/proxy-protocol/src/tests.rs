use super::*;
use proptest::prelude::*;

fn v4() -> Header {
    Header::Proxied {
        source: "192.0.2.7:50000".parse().unwrap(),
        destination: "198.51.100.1:443".parse().unwrap(),
        vpce: Some("vpce-08d2bf15fac5001c9".into()),
    }
}

/// A header's fixed part by hand.
fn fixed(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = (block.len() as u16).to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, block].concat()
}

/// Addresses of IPv4, and these bytes behind them.
fn with_tlvs(tlvs: &[u8]) -> Vec<u8> {
    let addresses = [192, 0, 2, 7, 198, 51, 100, 1, 0xC3, 0x50, 0x01, 0xBB];
    fixed(0x21, 0x11, &[&addresses, tlvs].concat())
}

#[test]
fn a_header_written_by_hand_is_read() {
    let plain = with_tlvs(&[]);
    let (header, length) = parse(&plain).unwrap().unwrap();
    assert_eq!(length, 28);
    let Header::Proxied { source, vpce, .. } = header else {
        unreachable!("it is proxied");
    };
    assert_eq!(source, "192.0.2.7:50000".parse().unwrap());
    assert_eq!(vpce, None);

    let mut told = with_tlvs(b"\xEA\x00\x17\x01vpce-08d2bf15fac5001c9");
    assert_eq!(told, encode(&v4(), &[], Checksum::None).unwrap());
    told.extend(b"GET / HTTP/1.1\r\n");
    assert_eq!(parse(&told), Ok(Some((v4(), told.len() - 16))));
}

/// The check value of RFC 3720's CRC, and a header whose CRC was computed by hand elsewhere.
#[test]
fn the_crc_is_castagnolis() {
    assert_eq!(crc_fast::crc32_iscsi(b"123456789"), 0xE306_9283);
    let header = with_tlvs(&[3, 0, 4, 0, 0, 0, 0]);
    let mut bit_by_bit = !0_u32;
    for byte in &header {
        bit_by_bit ^= u32::from(*byte);
        for _ in 0..8 {
            let low = bit_by_bit & 1;
            bit_by_bit = bit_by_bit >> 1 ^ (0x82F6_3B78 * low);
        }
    }
    let crc = (!bit_by_bit).to_be_bytes();
    let right = with_tlvs(&[&[3, 0, 4], &crc[..]].concat());
    assert!(parse(&right).unwrap().is_some());
    assert_eq!(parse(&header), Err(ProxyError::CrcMismatch));
}

#[test]
fn local_says_nothing_whatever_it_says() {
    for (family, addresses) in [(0x00, 0), (0x11, 12), (0x12, 12), (0x21, 36), (0x22, 36)] {
        let bytes = fixed(0x20, family, &vec![0x55; addresses]);
        assert_eq!(parse(&bytes), Ok(Some((Header::Local, 16 + addresses))));
    }
    // Its TLVs must be TLVs, and its CRC right.
    let told = fixed(0x20, 0, &[4, 0, 0]);
    assert_eq!(parse(&told), Ok(Some((Header::Local, 19))));
    assert_eq!(parse(&fixed(0x20, 0, &[4, 0])), Err(ProxyError::TlvCut));
    let wrong = fixed(0x20, 0, &[3, 0, 4, 0, 0, 0, 0]);
    assert_eq!(parse(&wrong), Err(ProxyError::CrcMismatch));
}

#[test]
fn the_first_byte_that_differs_is_refused() {
    for foreign in [&b"G"[..], b"P", b"\x16", b"\r\r", b"\r\n\r\n\x00\r\nQUIT\r"] {
        assert_eq!(parse(foreign), Err(ProxyError::Foreign), "{foreign:?}");
    }
    let refused = |more: &[u8]| parse(&[&SIGNATURE[..], more].concat()).unwrap_err();
    for command in [0x00, 0x01, 0x11, 0x22, 0x2F, 0x31, 0xF1] {
        assert_eq!(refused(&[command]), ProxyError::VersionOrCommand);
    }
    // UNSPEC, UDP and Unix sockets are no TCP; the others are nothing.
    for family in [
        0x00, 0x01, 0x10, 0x12, 0x13, 0x20, 0x22, 0x31, 0x32, 0x41, 0xFF,
    ] {
        assert_eq!(refused(&[0x21, family]), ProxyError::Family);
    }
    for family in [0x01, 0x10, 0x31, 0x32, 0x44] {
        assert_eq!(refused(&[0x20, family]), ProxyError::Family);
    }
    assert_eq!(refused(&[0x21, 0x11, 0x11]), ProxyError::TooLong);
    assert_eq!(refused(&[0x21, 0x11, 0x10, 0x0D]), ProxyError::TooLong);
    assert_eq!(refused(&[0x21, 0x11, 0, 11]), ProxyError::TooShort);
    assert_eq!(refused(&[0x21, 0x21, 0, 35]), ProxyError::TooShort);
    assert_eq!(parse(&[]), Ok(None));
}

#[test]
fn tlvs_are_bounded_whole_and_said_once() {
    for (tlvs, refused) in [
        (&b"\x04"[..], ProxyError::TlvCut),
        (b"\x04\x00", ProxyError::TlvCut),
        (b"\x04\x00\x01", ProxyError::TlvCut),
        (b"\x04\x00\x00\x20\xFF\xFFa", ProxyError::TlvCut),
        (b"\x03\x00\x03abc", ProxyError::BadCrcLength),
        (
            b"\x03\x00\x04\0\0\0\0\x03\x00\x04\0\0\0\0",
            ProxyError::Twice,
        ),
        (b"\xEA\x00\x02\x01a\xEA\x00\x02\x01a", ProxyError::Twice),
        (b"\xEA\x00\x00", ProxyError::BadVpce),
        (b"\xEA\x00\x01\x01", ProxyError::BadVpce),
        (b"\xEA\x00\x02\x01\0", ProxyError::BadVpce),
        (b"\xEA\x00\x03\x01\xC3\xA4", ProxyError::BadVpce),
        (b"\xEA\x00\x03\x01a ", ProxyError::BadVpce),
    ] {
        assert_eq!(parse(&with_tlvs(tlvs)), Err(refused), "{tlvs:?}");
    }
    let long = [&[0xEA, 0, 66, 1], &[b'a'; VPCE_BYTES_MAX + 1][..]].concat();
    assert_eq!(parse(&with_tlvs(&long)), Err(ProxyError::BadVpce));
    // What else AWS may say some day is skipped, also beside the id.
    assert!(parse(&with_tlvs(b"\xEA\x00\x02\x02a\xEA\x00\x02\x01a")).is_ok());

    let most = vec![0; TLV_BYTES_MAX - 3];
    let header = Header::Proxied {
        source: "[2001:db8::1]:1".parse().unwrap(),
        destination: "[2001:db8::2]:2".parse().unwrap(),
        vpce: None,
    };
    let bytes = encode(&header, &[(4, &most)], Checksum::None).unwrap();
    assert_eq!(bytes.len(), HEADER_BYTES_MAX);
    assert_eq!(parse(&bytes), Ok(Some((header.clone(), HEADER_BYTES_MAX))));
    let more = encode(&header, &[(4, &most), (4, &[])], Checksum::None);
    assert_eq!(more, Err(EncodeError::TooLong));
}

fn addresses() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    let v4 = any::<([u8; 4], [u8; 4])>().prop_map(|(a, b)| (IpAddr::from(a), IpAddr::from(b)));
    let v6 = any::<([u8; 16], [u8; 16])>().prop_map(|(a, b)| (IpAddr::from(a), IpAddr::from(b)));
    (prop_oneof![v4, v6], any::<(u16, u16)>())
        .prop_map(|((from, to), (a, b))| (SocketAddr::new(from, a), SocketAddr::new(to, b)))
}

fn header() -> impl Strategy<Value = Header> {
    let vpce = proptest::option::of("[A-Za-z0-9-]{1,64}");
    let proxied = (addresses(), vpce).prop_map(|((source, destination), vpce)| Header::Proxied {
        source,
        destination,
        vpce: vpce.map(Into::into),
    });
    prop_oneof![1 => Just(Header::Local), 4 => proxied]
}

/// TLVs that are skipped.
fn others() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let kind = any::<u8>().prop_filter("one that is read", |kind| ![3, 0xEA].contains(kind));
    proptest::collection::vec((kind, proptest::collection::vec(any::<u8>(), 0..40)), 0..4)
}

fn written(header: &Header, others: &[(u8, Vec<u8>)], checksum: Checksum) -> Vec<u8> {
    let others: Vec<_> = others
        .iter()
        .map(|(kind, value)| (*kind, &value[..]))
        .collect();
    encode(header, &others, checksum).unwrap()
}

/// Of each byte of a header, whether it says what and how long a TLV is, or how long the header is.
fn shape(bytes: &[u8], header: &Header) -> Vec<bool> {
    let mut shape = vec![false; bytes.len()];
    shape[14..16].fill(true);
    let mut at = FIXED_BYTES
        + match header {
            Header::Local => 0,
            Header::Proxied { source, .. } if source.is_ipv4() => 12,
            Header::Proxied { .. } => 36,
        };
    while at < bytes.len() {
        shape[at..at + 3].fill(true);
        at += 3 + usize::from(u16::from_be_bytes([bytes[at + 1], bytes[at + 2]]));
    }
    shape
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        header in header(), others in others(), crc: bool, body in any::<Vec<u8>>(),
    ) {
        let checksum = if crc { Checksum::Crc32c } else { Checksum::None };
        let mut bytes = written(&header, &others, checksum);
        let length = bytes.len();
        for end in 0..length {
            prop_assert_eq!(parse(&bytes[..end]), Ok(None));
        }
        bytes.extend(body);
        prop_assert_eq!(parse(&bytes), Ok(Some((header, length))));
    }

    /// However the bytes arrive: what was refused stays refused, for the same reason, and what was read
    /// stays read.
    #[test]
    fn every_split_says_the_same(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..80),
        begins in 0..=3_usize,
    ) {
        let begin = [&b""[..], &SIGNATURE, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0"];
        bytes.splice(0..0, begin[begins].iter().copied());
        let whole = parse(&bytes);
        let mut decided = false;
        for end in 0..bytes.len() {
            let part = parse(&bytes[..end]);
            prop_assert!(part == Ok(None) && !decided || part == whole);
            decided = part != Ok(None);
        }
    }

    /// A changed bit is refused, or makes another header. With a CRC it is refused, unless it changed
    /// what or how long a TLV is, or where the header ends: then it may have hidden the CRC itself, as the format has it.
    #[test]
    fn a_changed_bit_is_refused_or_another_header(
        header in header(), others in others(), crc: bool,
    ) {
        let checksum = if crc { Checksum::Crc32c } else { Checksum::None };
        let bytes = written(&header, &others, checksum);
        let shape = shape(&bytes, &header);
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // More is needed where the length grew: let it have more.
            changed.resize(HEADER_BYTES_MAX, 0);
            match parse(&changed) {
                Err(_) => {}
                Ok(None) => prop_assert!(false, "a whole header's worth is enough"),
                Ok(Some((_, length))) => {
                    prop_assert!(bit >= 8 * SIGNATURE.len());
                    prop_assert!((16..=HEADER_BYTES_MAX).contains(&length));
                    prop_assert!(!crc || shape[bit / 8], "bit {}", bit);
                }
            }
        }
    }

    #[test]
    fn nothing_panics(bytes: Vec<u8>, tlvs: Vec<u8>) {
        let _ = parse(&bytes);
        let _ = parse(&with_tlvs(&tlvs));
    }
}
