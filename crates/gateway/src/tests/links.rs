//! Links: what their signers asked for beyond S3, and what every answer to one carries.

use super::*;

/// A link of the owner, with these parameters before its signature.
pub(super) fn link(path: &str, parameters: &str) -> String {
    format!("{path}?{parameters}&X-Amz-Signature={OWNER}")
}

impl Node {
    fn by_link(&self, method: &str, path: &str, parameters: &str, body: &'static str) -> Got {
        self.call_as("", method, &link(path, parameters), &[], body)
    }
}

fn with_object() -> Node {
    let node = Node::with_bucket();
    node.put("/bkt/key", "0123456789").expect(200);
    node
}

#[test]
fn every_answer_to_a_link_stays_out_of_caches() {
    let node = with_object();
    let cached = [
        ("cache-control", "max-age=60"),
        ("expires", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ];
    node.call("PUT", "/bkt/cached", &cached, "x").expect(200);
    let guarded = |got: Got| {
        assert_eq!(got.header("cache-control"), "private, no-store");
        assert_eq!(got.header("referrer-policy"), "no-referrer");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        assert_eq!(got.header("expires"), "");
    };
    guarded(
        node.by_link("GET", "/bkt/cached", "response-cache-control=public", "")
            .expect(200),
    );
    guarded(node.by_link("HEAD", "/bkt/cached", "", "").expect(200));
    guarded(node.by_link("PUT", "/bkt/new", "", "x").expect(200));
    guarded(
        node.by_link("GET", "/bkt/none", "", "")
            .refused(404, "NoSuchKey"),
    );
    guarded(
        node.by_link("GET", "/bkt/key", "x-bh-x=1", "")
            .refused(400, "InvalidArgument"),
    );
    guarded(
        node.call_as("", "GET", "/bkt/key?X-Amz-Signature=1", &[], "")
            .expect(403),
    );
    let not_modified = [("if-none-match", "*")];
    guarded(
        node.call_as("", "GET", &link("/bkt/key", ""), &not_modified, "")
            .expect(304),
    );
    // Nothing of it without a link.
    let plain = node.get("/bkt/cached").expect(200);
    assert_eq!(plain.header("cache-control"), "max-age=60");
    assert_eq!(plain.header("referrer-policy"), "");
}

#[test]
fn a_link_works_from_its_time_and_its_place_on() {
    let node = with_object();
    let get = |parameters: &str| node.by_link("GET", "/bkt/key", parameters, "");
    // The clock stands at 2023-11-14T22:13:20Z, the client is at 127.0.0.1.
    get("x-bh-not-before=20231114T221320Z").expect(200);
    get("x-bh-source=10.0.0.0/8,127.0.0.0/8").expect(200);
    for denied in [
        "x-bh-not-before=20231114T221321Z",
        "x-bh-source=10.0.0.0/8",
        "x-bh-source=vpc-1/127.0.0.0/8",
        "x-bh-source=vpce-1",
        "x-bh-source=127.0.0.1&x-bh-not-before=20991114T221320Z",
    ] {
        let got = get(denied).refused(403, "AccessDenied");
        // No hint which of them it was.
        let plain = node.call_as("", "GET", "/bkt/key", &[], "");
        assert_eq!(got.element("Message"), plain.element("Message"));
    }
    // Neither is told by what is there.
    node.by_link("GET", "/bkt/none", "x-bh-source=10.0.0.0/8", "")
        .refused(403, "AccessDenied");
    node.by_link("GET", "/none/key", "x-bh-source=10.0.0.0/8", "")
        .refused(403, "AccessDenied");
}

#[test]
fn terms_are_for_links_and_told_to_signers_only() {
    let node = with_object();
    node.get("/bkt/key?x-bh-once=1")
        .refused(400, "InvalidArgument");
    node.call_as("", "GET", "/bkt/key?x-bh-once=1", &[], "")
        .refused(403, "AccessDenied");
    let got = node.by_link("GET", "/bkt/key", "x-bh-ounce=1", "");
    let got = got.refused(400, "InvalidArgument");
    assert_eq!(got.element("ArgumentName"), "x-bh-ounce");
}

#[test]
fn an_upload_is_not_longer_than_its_link_allows() {
    let node = Node::with_bucket();
    node.by_link("PUT", "/bkt/key", "x-bh-max-bytes=10", "0123456789")
        .expect(200);
    let long = node.by_link("PUT", "/bkt/key", "x-bh-max-bytes=9", "0123456789");
    let long = long.refused(400, "EntityTooLarge");
    assert_eq!(
        (long.element("ProposedSize"), long.element("MaxSizeAllowed")),
        ("10", "9")
    );

    // A body of a length that nobody told is cut off on its way.
    let feed = Feed {
        pieces: ["01234", "56789"].map(Bytes::from).into(),
        declared: false,
        broken: false,
    };
    let chunked = [("transfer-encoding", "chunked")];
    let flowing = node.send(
        "PUT",
        &link("/bkt/other", "x-bh-max-bytes=9"),
        &chunked,
        feed,
    );
    let flowing = flowing.refused(400, "EntityTooLarge");
    assert_eq!(flowing.element("MaxSizeAllowed"), "9");
    node.get("/bkt/other").refused(404, "NoSuchKey");
    assert_eq!(node.get("/bkt/key").expect(200).body, b"0123456789");
}
