//! Bodies are judged while they flow: a promise that breaks stores nothing.

use super::*;

const SHA256_OF_HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/// A signature that the fake verifier accepts, and one that it refuses.
fn signature(good: bool) -> String {
    format!("{}{}", if good { "900d" } else { "0bad" }, "0".repeat(60))
}

/// A signed aws-chunked body; the chunk `bad` has a wrong signature.
fn signed_chunks(chunks: &[&[u8]], bad: Option<usize>) -> Vec<u8> {
    let mut body = Vec::new();
    for (i, chunk) in chunks.iter().chain(&[&b""[..]]).enumerate() {
        let signature = signature(bad != Some(i));
        body.extend(format!("{:x};chunk-signature={signature}\r\n", chunk.len()).bytes());
        body.extend_from_slice(chunk);
        body.extend(b"\r\n");
    }
    body
}

/// The old object is still there, and nothing else.
#[track_caller]
fn untouched(node: &Node) {
    assert_eq!(node.get("/bkt/key").expect(200).body, b"old");
    assert_eq!(node.get("/bkt").elements("Key"), ["key"]);
}

fn node_with_old() -> Node {
    let node = Node::with_bucket();
    node.put("/bkt/key", "old").expect(200);
    node
}

#[test]
fn digests_of_the_head() {
    let node = node_with_old();
    let put = |headers: &[(&str, &str)]| node.call("PUT", "/bkt/key", headers, "hello");
    let zeros = "0".repeat(64);
    put(&[("x-amz-content-sha256", &zeros)]).refused(400, "XAmzContentSHA256Mismatch");
    put(&[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")]).refused(400, "BadDigest");
    put(&[("content-md5", "AAAA")]).refused(400, "InvalidDigest");
    put(&[("x-amz-checksum-crc32", "AAAAAA==")]).refused(400, "BadDigest");
    put(&[("x-amz-checksum-crc32", "AAAA")]).refused(400, "InvalidRequest");
    put(&[
        ("x-amz-checksum-crc32", "NhCmhg=="),
        ("x-amz-checksum-crc32c", "mnG7TA=="),
    ])
    .refused(400, "InvalidRequest");
    untouched(&node);
    let good = [
        ("x-amz-content-sha256", SHA256_OF_HELLO),
        ("content-md5", "XUFAKrxLKna5cZ2REBfFkg=="),
        ("x-amz-checksum-crc32", "NhCmhg=="),
    ];
    let answer = put(&good).expect(200);
    assert_eq!(
        answer.header("etag"),
        "\"5d41402abc4b2a76b9719d911017c592\""
    );
    assert_eq!(answer.header("x-amz-checksum-crc32"), "NhCmhg==");
}

#[test]
fn the_default_checksum_is_kept_and_shown_when_asked_for() {
    let node = Node::with_bucket();
    let put = node.put("/bkt/key", "hello").expect(200);
    assert_eq!(put.header("x-amz-checksum-crc64nvme"), "M3eFcAZSQlc=");
    let mode = [("x-amz-checksum-mode", "ENABLED")];
    let got = node.call("GET", "/bkt/key", &mode, "").expect(200);
    assert_eq!(got.header("x-amz-checksum-crc64nvme"), "M3eFcAZSQlc=");
    assert_eq!(node.get("/bkt/key").header("x-amz-checksum-crc64nvme"), "");
}

#[test]
fn lengths() {
    let node = node_with_old();
    let feed = |pieces: &[&'static str], declared, broken| Feed {
        pieces: pieces
            .iter()
            .map(|piece| Bytes::from_static(piece.as_bytes()))
            .collect(),
        declared,
        broken,
    };
    let signed = ("authorization", &*format!("Fake {OWNER}"));
    let length = ("content-length", "5");
    let none = node.send("PUT", "/bkt/key", &[signed], feed(&[], true, false));
    none.refused(411, "MissingContentLength");
    let broken = node.send(
        "PUT",
        "/bkt/key",
        &[signed, length],
        feed(&["he"], false, true),
    );
    broken.refused(400, "IncompleteBody");
    untouched(&node);
    let chunked = ("transfer-encoding", "chunked");
    let whole = feed(&["hel", "lo"], false, false);
    node.send("PUT", "/bkt/key", &[signed, chunked], whole)
        .expect(200);
    assert_eq!(node.get("/bkt/key").body, b"hello");
}

#[test]
fn chunks_with_a_trailer() {
    let node = node_with_old();
    let put = |decoded: &str, body: &'static str| {
        let headers = [
            ("x-amz-content-sha256", UNSIGNED_TRAILER),
            ("content-encoding", "aws-chunked"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("x-amz-decoded-content-length", decoded),
        ];
        node.call("PUT", "/bkt/key", &headers, body)
    };
    put("5", "5\r\nhello\r\n0\r\n\r\n").refused(400, "MalformedTrailerError");
    put(
        "5",
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
    )
    .refused(400, "BadDigest");
    put(
        "6",
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
    )
    .refused(400, "IncompleteBody");
    put(
        "5",
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\nmore",
    )
    .expect(400);
    put("5", "5\r\nhel").refused(400, "IncompleteBody");
    untouched(&node);
    let answer = put(
        "5",
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
    )
    .expect(200);
    assert_eq!(answer.header("x-amz-checksum-crc32"), "NhCmhg==");
    let got = node.get("/bkt/key").expect(200);
    assert_eq!(
        (got.body.as_slice(), got.header("content-encoding")),
        (&b"hello"[..], "")
    );
}

#[test]
fn every_link_of_a_chain_is_judged() {
    let node = node_with_old();
    let (first, last) = (vec![b'a'; 8192], vec![b'b'; 10]);
    let put = |bad| {
        let headers = [
            ("x-amz-content-sha256", SIGNED),
            ("x-amz-decoded-content-length", "8202"),
        ];
        let body = signed_chunks(&[&first, &last], bad);
        node.call("PUT", "/bkt/key", &headers, body)
    };
    for bad in 0..3 {
        put(Some(bad)).refused(403, "SignatureDoesNotMatch");
        assert_eq!(node.context.verifier.links.take().len(), bad + 1);
    }
    untouched(&node);
    put(None).expect(200);
    assert_eq!(node.context.verifier.links.take().len(), 3);
    assert_eq!(node.get("/bkt/key").body.len(), 8202);
    assert_eq!(
        node.context.verifier.chains_open.get(),
        0,
        "every chain was ended"
    );
}

#[test]
fn a_chain_ends_with_its_request_wherever_that_ends() {
    let node = Node::with_bucket();
    let headers = [
        ("x-amz-content-sha256", SIGNED),
        ("x-amz-decoded-content-length", "0"),
    ];
    node.call("PUT", "/none/key", &headers, "")
        .refused(404, "NoSuchBucket");
    node.call("PUT", "/bkt/key?what", &headers, "").expect(501);
    node.call("GET", "/bkt", &headers, "").expect(200);
    assert_eq!(node.context.verifier.chains_open.get(), 0);
}

#[test]
fn a_body_nobody_reads_closes_the_connection_unless_it_is_small() {
    let node = Node::with_bucket();
    let small = node
        .put("/none/key", vec![0; 1000])
        .refused(404, "NoSuchBucket");
    assert_eq!(small.header("connection"), "");
    let large = node
        .put("/none/key", vec![0; 1 << 20])
        .refused(404, "NoSuchBucket");
    assert_eq!(large.header("connection"), "close");
    let waiting = node.call("PUT", "/none/key", &[("expect", "100-continue")], "data");
    assert_eq!(waiting.header("connection"), "close");
}

#[test]
fn documents_are_bounded() {
    let node = Node::with_bucket();
    let long = format!("<Tagging>{}</Tagging>", " ".repeat(70_000));
    node.put("/bkt?tagging", long)
        .refused(400, "MaxMessageLengthExceeded");
    let deep = "<a>".repeat(20_000);
    node.put("/bkt?tagging", deep).refused(400, "MalformedXML");
    let md5 = [("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
    let tags = "<Tagging><TagSet/></Tagging>";
    node.call("PUT", "/bkt?tagging", &md5, tags)
        .refused(400, "BadDigest");
}

/// Wherever the connection cuts a framed body into frames, it is the same body.
#[test]
fn frames_of_the_connection_mean_nothing() {
    let node = Node::with_bucket();
    let unsigned: &[u8] = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    let signed = signed_chunks(&[b"hello"], None);
    let authorization = format!("Fake {OWNER}");
    let common = [
        ("authorization", authorization.as_str()),
        ("transfer-encoding", "chunked"),
        ("x-amz-decoded-content-length", "5"),
    ];
    let trailer = [
        ("x-amz-content-sha256", UNSIGNED_TRAILER),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    let chunks = [("x-amz-content-sha256", SIGNED)];
    for (body, own) in [(unsigned, &trailer[..]), (&signed[..], &chunks[..])] {
        let headers: Vec<_> = common.iter().chain(own).copied().collect();
        for cut in 1..body.len() {
            for cut_again in [cut + 1, body.len()] {
                let frames = [&body[..cut], &body[cut..cut_again], &body[cut_again..]];
                let frames = frames.into_iter().filter(|frame| !frame.is_empty());
                let pieces = frames.map(Bytes::copy_from_slice).collect();
                let feed = Feed {
                    pieces,
                    declared: false,
                    broken: false,
                };
                let put = node.send("PUT", "/bkt/key", &headers, feed).expect(200);
                assert_eq!(
                    put.header("etag"),
                    "\"5d41402abc4b2a76b9719d911017c592\"",
                    "{cut}"
                );
            }
            // Broken off at any byte it is refused.
            let pieces = [Bytes::copy_from_slice(&body[..cut])].into();
            let feed = Feed {
                pieces,
                declared: false,
                broken: true,
            };
            node.send("PUT", "/bkt/broken", &headers, feed)
                .refused(400, "IncompleteBody");
        }
    }
    assert_eq!(node.get("/bkt").elements("Key"), ["key"]);
    assert_eq!(node.context.verifier.chains_open.get(), 0);
}
