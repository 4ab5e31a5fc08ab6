use super::*;
use proptest::prelude::*;

const SIGNED: Mode = Mode {
    signed: true,
    trailer: false,
    checksum: None,
};
const UNSIGNED: Mode = Mode {
    signed: false,
    trailer: true,
    checksum: Some(ChecksumAlgorithm::Crc32),
};
const SIGNED_TRAILER: Mode = Mode {
    signed: true,
    ..UNSIGNED
};

/// All events of a body that arrives in these pieces; adjacent data joined.
fn decode(mode: Mode, len: u64, pieces: &[&[u8]]) -> Result<Vec<Event>, ChunkedError> {
    let mut decoder = Decoder::new(mode, len);
    let mut events: Vec<Event> = Vec::new();
    for piece in pieces {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Some(event) = decoder.next()? {
            match (events.last_mut(), event) {
                (Some(Event::Data(before)), Event::Data(more)) => {
                    *before = Bytes::from([&before[..], &more[..]].concat());
                }
                (_, event) => events.push(event),
            }
        }
    }
    decoder.finish().map(|()| events)
}

fn start(len: u64, signature: Option<&str>) -> Event {
    Event::ChunkStart {
        len,
        signature: signature.map(str::to_owned),
    }
}

#[test]
fn a_real_unsigned_body() {
    let body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    let checksum = crate::checksum::from_base64(ChecksumAlgorithm::Crc32, "NhCmhg==");
    let want = vec![
        start(5, None),
        Event::Data(Bytes::from_static(b"hello")),
        Event::ChunkEnd,
        start(0, None),
        Event::ChunkEnd,
        Event::Trailer {
            canonical: Bytes::from_static(b"x-amz-checksum-crc32:NhCmhg==\n"),
            checksum,
            signature: None,
        },
        Event::End,
    ];
    assert_eq!(decode(UNSIGNED, 5, &[body]), Ok(want.clone()));
    let single: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(decode(UNSIGNED, 5, &single), Ok(want));
}

#[test]
fn signed_bodies() {
    let big = vec![7; 8192];
    let body = [
        b"2000;chunk-signature=aa**\r\n",
        &big[..],
        b"\r\n1;chunk-signature=bb\r\nx\r\n",
        b"0;chunk-signature=cc\r\n\r\n",
    ]
    .concat();
    let events = decode(SIGNED, 8193, &[&body]).unwrap();
    assert_eq!(events[0], start(8192, Some("aa")));
    assert_eq!(
        events[events.len() - 3..],
        [start(0, Some("cc")), Event::ChunkEnd, Event::End]
    );
    assert_eq!(
        decode(SIGNED, 0, &[b"0;chunk-signature=cc\r\n\r\n"]),
        Ok(vec![start(0, Some("cc")), Event::ChunkEnd, Event::End])
    );
}

#[test]
fn a_signed_trailer_as_two_kinds_of_clients_write_it() {
    for tail in [
        "x-amz-checksum-crc32:NhCmhg==\r\nx-amz-trailer-signature:dd\r\n\r\n",
        "x-amz-checksum-crc32:NhCmhg==\n\r\nx-amz-trailer-signature:dd\r\n\r\n",
        "X-Amz-Checksum-CRC32: NhCmhg== \r\nx-amz-trailer-signature:dd\r\n\r\n\r\n",
    ] {
        let body = format!("5;chunk-signature=a\r\nhello\r\n0;chunk-signature=b\r\n{tail}");
        let events = decode(SIGNED_TRAILER, 5, &[body.as_bytes()]).unwrap();
        let Event::Trailer {
            canonical,
            signature,
            ..
        } = &events[events.len() - 2]
        else {
            panic!("{events:?}")
        };
        assert_eq!(canonical, "x-amz-checksum-crc32:NhCmhg==\n", "{tail}");
        assert_eq!(signature.as_deref(), Some("dd"));
    }
}

#[test]
fn what_is_refused() {
    use ChunkedError as E;
    let crc = E::Checksum(ChecksumAlgorithm::Crc32);
    let table: &[(Mode, u64, &str, E)] = &[
        (UNSIGNED, 5, "", E::Incomplete),
        (UNSIGNED, 5, "5\r\nhel", E::Incomplete),
        (UNSIGNED, 5, "5\r\nhello\r\n", E::Incomplete),
        (UNSIGNED, 5, "5\r\nhello\r\n0\r\n", E::Incomplete),
        (UNSIGNED, 5, "5\r\nhello\r\n0\r\n\r\n", E::Trailer),
        (
            UNSIGNED,
            5,
            "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:?\r\n\r\n",
            crc,
        ),
        (
            UNSIGNED,
            5,
            "5\r\nhello\r\n0\r\nx-amz-checksum-sha1:x\r\n\r\n",
            E::Trailer,
        ),
        (
            UNSIGNED,
            5,
            "5\r\nhello\r\n0\r\nnothing\r\n\r\n",
            E::Trailer,
        ),
        (
            UNSIGNED,
            5,
            "5\r\nhello\r\n0\r\nx-amz-trailer-signature:x\r\n\r\n",
            E::Trailer,
        ),
        (UNSIGNED, 4, "5\r\nhello\r\n", E::Length),
        (UNSIGNED, 6, "5\r\nhello\r\n0\r\n", E::Length),
        (UNSIGNED, 0, "ffffffffffffffff\r\n", E::Length),
        (
            UNSIGNED,
            5,
            "5\r\nhello0\r\n",
            malformed("data end with CR LF"),
        ),
        (
            UNSIGNED,
            5,
            "5\nhello\r\n",
            malformed("a line ends with CR LF"),
        ),
        (
            UNSIGNED,
            5,
            "\r\n",
            malformed("a chunk begins with its size"),
        ),
        (
            UNSIGNED,
            5,
            "+5\r\n",
            malformed("a chunk begins with its size"),
        ),
        (
            UNSIGNED,
            5,
            "00000000000000005\r\n",
            malformed("a chunk begins with its size"),
        ),
        (
            UNSIGNED,
            5,
            "5;x=y\r\n",
            malformed("the extension is chunk-signature"),
        ),
        (
            UNSIGNED,
            5,
            "5;chunk-signature=a\r\n",
            malformed("an unsigned chunk has no signature"),
        ),
        (
            SIGNED,
            5,
            "5\r\n",
            malformed("a signed chunk has its signature"),
        ),
        (SIGNED, 0, "0;chunk-signature=a\r\nx", E::Incomplete),
        (
            SIGNED,
            0,
            "0;chunk-signature=a\r\nx\r\n",
            malformed("the body ends with CR LF"),
        ),
        (
            SIGNED,
            0,
            "0;chunk-signature=a\r\n\r\nx",
            malformed("nothing follows the end"),
        ),
        (
            SIGNED,
            0,
            "0;chunk-signature=a\r\n\r\n\r\n\r\n",
            malformed("nothing follows the end"),
        ),
        (
            SIGNED,
            6,
            "5;chunk-signature=a\r\nhello\r\n1;chunk-signature=b\r\n",
            E::ChunkSize { chunk: 1, len: 5 },
        ),
    ];
    for (mode, len, body, error) in table {
        assert_eq!(
            decode(*mode, *len, &[body.as_bytes()]),
            Err(error.clone()),
            "{body:?}"
        );
    }
}

#[test]
fn lines_and_trailers_are_bounded() {
    let long = "1".repeat(1 << 20);
    let got = decode(UNSIGNED, 5, &[long.as_bytes()]);
    assert_eq!(got, Err(malformed("a line is short")));
    let pieces: Vec<&[u8]> = long.as_bytes().chunks(7).collect();
    assert_eq!(
        decode(UNSIGNED, 5, &pieces),
        Err(malformed("a line is short"))
    );
    let trailer = format!("0\r\n{}", "x-amz-checksum-crc32:NhCmhg==\r\n".repeat(1000));
    assert_eq!(
        decode(UNSIGNED, 0, &[trailer.as_bytes()]),
        Err(ChunkedError::Trailer)
    );
}

/// The plainest decoder of an unsigned body with a CRC-32 trailer: `None` for anything odd.
fn naive(body: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    let mut rest = body;
    loop {
        let at = rest.windows(2).position(|w| w == b"\r\n")?;
        let len = usize::from_str_radix(std::str::from_utf8(&rest[..at]).ok()?, 16).ok()?;
        rest = &rest[at + 2..];
        if len == 0 {
            return Some(data);
        }
        data.extend_from_slice(rest.get(..len)?);
        rest = rest.get(len..)?.strip_prefix(b"\r\n")?;
    }
}

proptest! {
    #[test]
    fn any_split_of_the_input_says_the_same(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        damage in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut body: Vec<u8> = Vec::new();
        for chunk in &chunks {
            body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n");
        if let Some((at, byte)) = damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let len: usize = chunks.iter().map(Vec::len).sum();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &body[w[0]..w[1]]).collect();
        let whole = decode(UNSIGNED, len as u64, &[&body]);
        prop_assert_eq!(&decode(UNSIGNED, len as u64, &pieces), &whole);
        if let Ok(events) = whole {
            let data: Vec<u8> = events.iter().flat_map(|event| match event {
                Event::Data(bytes) => bytes.to_vec(),
                _ => Vec::new(),
            }).collect();
            prop_assert_eq!(Some(data), naive(&body));
        } else {
            prop_assert!(damage.is_some());
        }
    }

    #[test]
    fn never_panics(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        signed: bool, trailer: bool, len in 0u64..64,
    ) {
        let checksum = trailer.then_some(ChecksumAlgorithm::Crc32);
        let _ = decode(Mode { signed, trailer, checksum }, len, &[&body]);
    }
}
