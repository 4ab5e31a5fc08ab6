//! Put, get, head: bytes, ranges, conditions, attributes, versions.

use super::*;

#[test]
fn what_was_put_is_got() {
    let node = Node::with_bucket();
    for len in [0, 1, 4096, 3 << 20] {
        let data: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let put = node.put("/bkt/key", data.clone()).expect(200);
        let got = node.get("/bkt/key").expect(200);
        assert_eq!(got.body, data);
        assert_eq!(got.header("etag"), put.header("etag"));
        assert_eq!(got.header("accept-ranges"), "bytes");
        let head = node.call("HEAD", "/bkt/key", &[], "").expect(200);
        assert_eq!(head.header("content-length"), len.to_string());
        assert_eq!(head.header("etag"), put.header("etag"));
        assert!(head.body.is_empty());
    }
    node.get("/bkt/none").refused(404, "NoSuchKey");
    let head = node.call("HEAD", "/bkt/none", &[], "").expect(404);
    assert!(head.body.is_empty());
}

#[test]
fn odd_keys() {
    let node = Node::with_bucket();
    for key in [
        "..",
        "a//b",
        "%2E%2e/x",
        "%F0%9F%A6%80",
        "a%20b%2Bc",
        "%01",
        "/lead",
        "a?x=y",
    ] {
        let path = format!("/bkt/{}", key.replace('?', "%3F"));
        node.put(&path, key.as_bytes().to_vec()).expect(200);
        assert_eq!(node.get(&path).expect(200).body, key.as_bytes());
    }
    node.put(&format!("/bkt/{}", "k".repeat(1024)), "")
        .expect(200);
    node.put(&format!("/bkt/{}", "k".repeat(1025)), "")
        .refused(400, "KeyTooLongError");
}

#[test]
fn attributes_come_back() {
    let node = Node::with_bucket();
    let headers = [
        ("content-type", "text/odd"),
        ("cache-control", "no-cache"),
        ("content-disposition", "inline"),
        ("content-language", "de"),
        ("content-encoding", "gzip, aws-chunked"),
        ("expires", "Thu, 01 Dec 1994 16:00:00 GMT"),
        ("x-amz-meta-name", "value"),
        ("x-amz-tagging", "a=b&c=d"),
    ];
    node.call("PUT", "/bkt/key", &headers, "data").expect(200);
    let got = node.get("/bkt/key").expect(200);
    for (name, value) in &headers[..4] {
        assert_eq!(got.header(name), *value, "{name}");
    }
    assert_eq!(got.header("content-encoding"), "gzip");
    assert_eq!(got.header("x-amz-meta-name"), "value");
    assert_eq!(got.header("x-amz-tagging-count"), "2");
    let other = node
        .get("/bkt/key?response-content-type=a/b&response-expires=never")
        .expect(200);
    assert_eq!(
        (other.header("content-type"), other.header("expires")),
        ("a/b", "never")
    );
    node.put("/bkt/plain", "data").expect(200);
    assert_eq!(
        node.get("/bkt/plain").header("content-type"),
        "binary/octet-stream"
    );
}

#[test]
fn ranges() {
    let node = Node::with_bucket();
    node.put("/bkt/key", "0123456789").expect(200);
    let get = |range: &str| node.call("GET", "/bkt/key", &[("range", range)], "");
    for (range, body, shown) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=4-", "456789", "bytes 4-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
    ] {
        let got = get(range).expect(206);
        assert_eq!((got.text(), got.header("content-range")), (body, shown));
    }
    for ignored in ["bytes=5-4", "lines=1-2", "bytes=0-1,3-4"] {
        assert_eq!(get(ignored).expect(200).text(), "0123456789");
    }
    let beyond = get("bytes=10-").refused(416, "InvalidRange");
    assert_eq!(beyond.element("ActualObjectSize"), "10");
    let head = node
        .call("HEAD", "/bkt/key", &[("range", "bytes=2-3")], "")
        .expect(206);
    assert_eq!(head.header("content-length"), "2");
    let mode = [("range", "bytes=0-3"), ("x-amz-checksum-mode", "ENABLED")];
    let got = node.call("GET", "/bkt/key", &mode, "").expect(206);
    assert_eq!(
        got.header("x-amz-checksum-crc64nvme"),
        "",
        "not the checksum of these bytes"
    );
}

#[test]
fn conditional_reads() {
    let node = Node::with_bucket();
    let put = node.put("/bkt/key", "data").expect(200);
    let etag = put.header("etag");
    let date = node.get("/bkt/key").header("last-modified").to_owned();
    let get = |name, value: &str| node.call("GET", "/bkt/key", &[(name, value)], "");
    get("if-match", etag).expect(200);
    get("if-match", "\"00000000000000000000000000000000\"").refused(412, "PreconditionFailed");
    let same = get("if-none-match", etag).expect(304);
    assert_eq!((same.header("etag"), same.body.len()), (etag, 0));
    get("if-modified-since", &date).expect(304);
    get("if-unmodified-since", &date).expect(200);
    get("if-unmodified-since", "Thu, 01 Dec 1994 16:00:00 GMT").expect(412);
    get("if-modified-since", "Thu, 01 Dec 1994 16:00:00 GMT").expect(200);
}

#[test]
fn conditional_writes() {
    let node = Node::with_bucket();
    let put = |name, value: &str, body: &'static str| {
        node.call("PUT", "/bkt/key", &[(name, value)], body)
    };
    put("if-match", "\"00000000000000000000000000000000\"", "x").refused(404, "NoSuchKey");
    let first = put("if-none-match", "*", "first").expect(200);
    put("if-none-match", "*", "second").refused(412, "PreconditionFailed");
    put("if-match", "\"00000000000000000000000000000000\"", "x").refused(412, "PreconditionFailed");
    assert_eq!(node.get("/bkt/key").body, b"first");
    put("if-match", first.header("etag"), "third").expect(200);
    assert_eq!(node.get("/bkt/key").body, b"third");
}

#[test]
fn versions() {
    let node = Node::with_bucket();
    let unversioned = node.put("/bkt/key", "null").expect(200);
    assert_eq!(unversioned.header("x-amz-version-id"), "");
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    node.put("/bkt?versioning", enabled).expect(200);
    let first = node.put("/bkt/key", "first").expect(200);
    let first = first.header("x-amz-version-id");
    let second = node.put("/bkt/key", "second").expect(200);
    let second = second.header("x-amz-version-id");
    assert_ne!(first, second);
    let of = |version: &str| format!("/bkt/key?versionId={version}");
    assert_eq!(
        node.get("/bkt/key").expect(200).header("x-amz-version-id"),
        second
    );
    assert_eq!(node.get(&of(first)).expect(200).body, b"first");
    assert_eq!(node.get(&of("null")).expect(200).body, b"null");

    let deleted = node.call("DELETE", "/bkt/key", &[], "").expect(204);
    assert_eq!(deleted.header("x-amz-delete-marker"), "true");
    let marker = deleted.header("x-amz-version-id");
    let gone = node.get("/bkt/key").refused(404, "NoSuchKey");
    assert_eq!(gone.header("x-amz-delete-marker"), "true");
    assert_eq!(gone.header("x-amz-version-id"), marker);
    node.get(&of(marker)).refused(405, "MethodNotAllowed");
    node.get(&of(&"0".repeat(32))).refused(404, "NoSuchVersion");

    let listed = node.get("/bkt?versions").expect(200);
    assert_eq!(
        listed.elements("VersionId"),
        [marker, second, first, "null"]
    );
    node.call("DELETE", &of(marker), &[], "").expect(204);
    assert_eq!(node.get("/bkt/key").expect(200).body, b"second");
    let removed = node.call("DELETE", &of(second), &[], "").expect(204);
    assert_eq!(removed.header("x-amz-version-id"), second);
    assert_eq!(node.get("/bkt/key").expect(200).body, b"first");
}

#[test]
fn tags_of_an_object() {
    let node = Node::with_bucket();
    node.put("/bkt/key", "data").expect(200);
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    node.put("/bkt/key?tagging", tags).expect(200);
    assert_eq!(
        node.get("/bkt/key?tagging").expect(200).element("Value"),
        "b"
    );
    node.call("DELETE", "/bkt/key?tagging", &[], "").expect(204);
    assert_eq!(
        node.get("/bkt/key?tagging").expect(200).element("Value"),
        ""
    );
    node.put("/bkt/none?tagging", tags)
        .refused(404, "NoSuchKey");
}

#[test]
fn attributes_of_an_object() {
    let node = Node::with_bucket();
    node.put("/bkt/key", "hello").expect(200);
    let which = [(
        "x-amz-object-attributes",
        "ETag,Checksum,ObjectSize,StorageClass",
    )];
    let got = node
        .call("GET", "/bkt/key?attributes", &which, "")
        .expect(200);
    assert_eq!(got.element("ETag"), "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(got.element("ObjectSize"), "5");
    assert_eq!(got.element("ChecksumCRC64NVME"), "M3eFcAZSQlc=");
}
