//! Large bodies are hashed by the digest workers, and nothing that a client sees differs.

use super::*;
use blockhouse_digest::{Bounds, Workers};
use blockhouse_s3::checksum::{BodyDigests, Digests, Wants, to_base64};
use blockhouse_types::{ChecksumAlgorithm, hex};

/// Handed over, as it is long.
const LARGE_BYTES: usize = 300_000;

fn node() -> Node {
    let workers = Workers::start(&[], Bounds::default()).unwrap();
    let node = Node::hashing(Hashing::by(Arc::new(workers)));
    node.put("/bkt", "").expect(200);
    node
}

fn body(seed: u8) -> Bytes {
    (0..LARGE_BYTES).map(|at| (at / 7) as u8 ^ seed).collect()
}

/// The digests as they are computed without workers.
fn digests(body: &[u8]) -> Digests {
    let mut digests = BodyDigests::new(Wants {
        md5: true,
        sha256: true,
        checksum: Some(ChecksumAlgorithm::Sha256),
    });
    digests.update(body);
    digests.finish()
}

#[test]
fn promises_are_judged_by_what_the_workers_found() {
    let node = node();
    let (body, other) = (body(1), digests(b"another"));
    let digests = digests(&body);
    let sha256 = hex(&digests.sha256.unwrap());
    let checksum = to_base64(digests.checksum.as_ref().unwrap());
    let put = |headers: &[(&str, &str)]| node.call("PUT", "/bkt/key", headers, body.clone());
    let zeros = "0".repeat(64);
    put(&[("x-amz-content-sha256", &zeros)]).refused(400, "XAmzContentSHA256Mismatch");
    put(&[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")]).refused(400, "BadDigest");
    put(&[(
        "x-amz-checksum-sha256",
        &to_base64(other.checksum.as_ref().unwrap()),
    )])
    .refused(400, "BadDigest");
    node.get("/bkt/key").refused(404, "NoSuchKey");
    let answer = put(&[
        ("x-amz-content-sha256", &sha256),
        ("x-amz-checksum-sha256", &checksum),
    ])
    .expect(200);
    assert_eq!(
        answer.header("etag"),
        format!("\"{}\"", hex(&digests.md5.unwrap()))
    );
    assert_eq!(answer.header("x-amz-checksum-sha256"), checksum);
    assert_eq!(node.get("/bkt/key").expect(200).body, body);
}

#[test]
fn copies_and_bodies_of_unknown_length_are_hashed_alike() {
    let node = node();
    let tag = format!("\"{}\"", hex(&digests(&body(2)).md5.unwrap()));
    let feed = Feed {
        pieces: [body(2)].into(),
        declared: false,
        broken: false,
    };
    let owner = format!("Fake {OWNER}");
    let headers = [
        ("authorization", owner.as_str()),
        ("transfer-encoding", "chunked"),
    ];
    let answer = node.send("PUT", "/bkt/key", &headers, feed).expect(200);
    assert_eq!(answer.header("etag"), tag);
    let from = [("x-amz-copy-source", "/bkt/key")];
    let answer = node.call("PUT", "/bkt/copy", &from, "").expect(200);
    assert_eq!(answer.element("ETag").replace("&quot;", "\""), tag);
}

#[test]
fn a_client_that_breaks_off_leaves_the_workers_to_others() {
    let node = node();
    let feed = Feed {
        pieces: [body(3)].into(),
        declared: true,
        broken: true,
    };
    let owner = format!("Fake {OWNER}");
    let len = (2 * LARGE_BYTES).to_string();
    let headers = [
        ("authorization", owner.as_str()),
        ("content-length", len.as_str()),
    ];
    node.send("PUT", "/bkt/key", &headers, feed)
        .refused(400, "IncompleteBody");
    node.put("/bkt/key", body(4)).expect(200);
    assert_eq!(node.get("/bkt/key").expect(200).body, body(4));
}

/// Panics in whoever gives the last count of it back. That is the worker: it begins when the trunk,
/// which is done with the bytes, waits for the values.
struct Bomb(Vec<u8>);

impl AsRef<[u8]> for Bomb {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("as the test wants it");
    }
}

#[test]
fn a_body_that_the_workers_lost_is_refused() {
    let node = node();
    let feed = Feed {
        pieces: [Bytes::from_owner(Bomb(vec![5; 70_000]))].into(),
        declared: true,
        broken: false,
    };
    let owner = format!("Fake {OWNER}");
    let headers = [
        ("authorization", owner.as_str()),
        ("content-length", "70000"),
    ];
    node.send("PUT", "/bkt/key", &headers, feed)
        .refused(500, "InternalError");
    node.get("/bkt/key").refused(404, "NoSuchKey");
    node.put("/bkt/key", body(6)).expect(200);
}
