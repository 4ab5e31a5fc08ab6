//! CopyObject and UploadPartCopy.

use super::*;

#[test]
fn bytes_headers_and_tags() {
    let node = Node::with_bucket();
    let headers = [
        ("content-type", "text/odd"),
        ("x-amz-meta-a", "1"),
        ("x-amz-tagging", "t=1"),
    ];
    let put = node
        .call("PUT", "/bkt/source", &headers, "hello")
        .expect(200);
    let from = ("x-amz-copy-source", "/bkt/source");
    let copied = node.call("PUT", "/bkt/copy", &[from], "").expect(200);
    assert!(
        copied
            .element("ETag")
            .contains("5d41402abc4b2a76b9719d911017c592")
    );
    let got = node.get("/bkt/copy").expect(200);
    assert_eq!(
        (got.text(), got.header("etag")),
        ("hello", put.header("etag"))
    );
    assert_eq!(
        (got.header("content-type"), got.header("x-amz-meta-a")),
        ("text/odd", "1")
    );
    assert_eq!(got.header("x-amz-tagging-count"), "1");

    let replace = [
        from,
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-meta-b", "2"),
        ("x-amz-tagging-directive", "REPLACE"),
    ];
    node.call("PUT", "/bkt/copy", &replace, "").expect(200);
    let got = node.get("/bkt/copy").expect(200);
    assert_eq!(
        (got.header("x-amz-meta-a"), got.header("x-amz-meta-b")),
        ("", "2")
    );
    assert_eq!(got.header("x-amz-tagging-count"), "");
}

#[test]
fn to_itself_only_with_a_change() {
    let node = Node::with_bucket();
    node.put("/bkt/key", "hello").expect(200);
    let from = ("x-amz-copy-source", "/bkt/key");
    node.call("PUT", "/bkt/key", &[from], "")
        .refused(400, "InvalidRequest");
    let changed = [
        from,
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-meta-b", "2"),
    ];
    node.call("PUT", "/bkt/key", &changed, "").expect(200);
    assert_eq!(node.get("/bkt/key").expect(200).header("x-amz-meta-b"), "2");
}

#[test]
fn conditions_on_the_source() {
    let node = Node::with_bucket();
    let put = node.put("/bkt/key", "hello").expect(200);
    let from = ("x-amz-copy-source", "/bkt/key");
    let copy = |name, value| node.call("PUT", "/bkt/copy", &[from, (name, value)], "");
    let other = "\"00000000000000000000000000000000\"";
    copy("x-amz-copy-source-if-match", other).refused(412, "PreconditionFailed");
    copy("x-amz-copy-source-if-none-match", put.header("etag")).refused(412, "PreconditionFailed");
    node.get("/bkt/copy").refused(404, "NoSuchKey");
    copy("x-amz-copy-source-if-match", put.header("etag")).expect(200);
    let missing = [("x-amz-copy-source", "/bkt/none")];
    node.call("PUT", "/bkt/copy", &missing, "")
        .refused(404, "NoSuchKey");
}

#[test]
fn a_version_as_the_source() {
    let node = Node::with_bucket();
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    node.put("/bkt?versioning", enabled).expect(200);
    let first = node.put("/bkt/key", "first").expect(200);
    let first = first.header("x-amz-version-id");
    node.put("/bkt/key", "second").expect(200);
    let source = format!("/bkt/key?versionId={first}");
    let from = [("x-amz-copy-source", source.as_str())];
    let copied = node.call("PUT", "/bkt/copy", &from, "").expect(200);
    assert_eq!(copied.header("x-amz-copy-source-version-id"), first);
    assert_eq!(node.get("/bkt/copy").body, b"first");
    // A version of the object itself may become the current one.
    node.call("PUT", "/bkt/key", &from, "").expect(200);
    assert_eq!(node.get("/bkt/key").body, b"first");
    let deleted = node.call("DELETE", "/bkt/key", &[], "").expect(204);
    let marker = format!("/bkt/key?versionId={}", deleted.header("x-amz-version-id"));
    node.call("PUT", "/bkt/copy", &[("x-amz-copy-source", &marker)], "")
        .refused(400, "InvalidRequest");
}

#[test]
fn parts_from_ranges() {
    let node = Node::with_bucket();
    node.put("/bkt/source", "0123456789").expect(200);
    let begun = node.call("POST", "/bkt/key?uploads", &[], "").expect(200);
    let path = format!(
        "/bkt/key?partNumber=1&uploadId={}",
        begun.element("UploadId")
    );
    let copy = |range| {
        let headers = [
            ("x-amz-copy-source", "/bkt/source"),
            ("x-amz-copy-source-range", range),
        ];
        node.call("PUT", &path, &headers, "")
    };
    copy("bytes=5-10").refused(416, "InvalidRange");
    let part = copy("bytes=2-4").expect(200);
    let etag = part.element("ETag");
    let whole = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>\
         </CompleteMultipartUpload>"
    );
    let path = format!("/bkt/key?uploadId={}", begun.element("UploadId"));
    node.call("POST", &path, &[], whole).expect(200);
    assert_eq!(node.get("/bkt/key").expect(200).body, b"234");
}
