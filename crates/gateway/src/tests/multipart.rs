//! Multipart uploads.

use super::*;

const MIB: usize = 1 << 20;

fn begin(node: &Node, headers: &[(&str, &str)]) -> String {
    let begun = node
        .call("POST", "/bkt/key?uploads", headers, "")
        .expect(200);
    begun.element("UploadId").to_owned()
}

fn part(node: &Node, upload: &str, number: u16, data: Vec<u8>) -> Got {
    node.put(
        &format!("/bkt/key?partNumber={number}&uploadId={upload}"),
        data,
    )
}

fn complete(node: &Node, upload: &str, parts: &[(u16, &str)], headers: &[(&str, &str)]) -> Got {
    let one = |(number, etag): &(u16, &str)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    };
    let parts: String = parts.iter().map(one).collect();
    let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    node.call(
        "POST",
        &format!("/bkt/key?uploadId={upload}"),
        headers,
        body,
    )
}

#[test]
fn a_whole_of_parts() {
    let node = Node::with_bucket();
    let upload = begin(
        &node,
        &[("x-amz-meta-a", "1"), ("content-type", "text/odd")],
    );
    let first = part(&node, &upload, 1, vec![1; 5 * MIB]).expect(200);
    let second = part(&node, &upload, 3, vec![2; 10]).expect(200);
    node.get("/bkt/key").refused(404, "NoSuchKey");
    let listed = node.get(&format!("/bkt/key?uploadId={upload}")).expect(200);
    assert_eq!(listed.elements("PartNumber"), ["1", "3"]);
    assert_eq!(
        node.get("/bkt?uploads").expect(200).element("UploadId"),
        upload
    );
    let parts = [(1, first.header("etag")), (3, second.header("etag"))];
    let done = complete(
        &node,
        &upload,
        &parts,
        &[("x-amz-mp-object-size", "5242890")],
    )
    .expect(200);
    assert!(done.element("ETag").contains("-2"), "{}", done.text());
    assert_eq!(done.element("Location"), "http://127.0.0.1:9000/bkt/key");
    let got = node.get("/bkt/key").expect(200);
    assert_eq!(
        (got.body.len(), got.header("x-amz-meta-a")),
        (5 * MIB + 10, "1")
    );
    assert_eq!(&got.body[5 * MIB..], [2; 10]);
    let only = node.get("/bkt/key?partNumber=3").expect(206);
    assert_eq!(
        (only.body.len(), only.header("x-amz-mp-parts-count")),
        (10, "2")
    );
    node.get("/bkt/key?partNumber=2")
        .refused(416, "InvalidPartNumber");
    node.get(&format!("/bkt/key?uploadId={upload}"))
        .refused(404, "NoSuchUpload");
}

#[test]
fn wrong_parts() {
    let node = Node::with_bucket();
    let upload = begin(&node, &[]);
    let first = part(&node, &upload, 1, vec![1; 10]).expect(200);
    let second = part(&node, &upload, 2, vec![2; 10]).expect(200);
    let (first, second) = (first.header("etag"), second.header("etag"));
    let refused = |parts: &[(u16, &str)], code| {
        complete(&node, &upload, parts, &[]).refused(400, code);
    };
    refused(&[], "MalformedXML");
    refused(&[(2, second), (1, first)], "InvalidPartOrder");
    refused(&[(1, second)], "InvalidPart");
    refused(&[(3, first)], "InvalidPart");
    refused(&[(1, first), (2, second)], "EntityTooSmall");
    let size = [("x-amz-mp-object-size", "11")];
    complete(&node, &upload, &[(1, first)], &size).refused(400, "InvalidRequest");
    complete(&node, &upload, &[(1, first)], &[]).expect(200);
    assert_eq!(node.get("/bkt/key").body.len(), 10);
}

#[test]
fn no_such_upload() {
    let node = Node::with_bucket();
    let upload = begin(&node, &[]);
    let path = format!("/bkt/key?uploadId={upload}");
    node.call("DELETE", &path, &[], "").expect(204);
    node.call("DELETE", &path, &[], "")
        .refused(404, "NoSuchUpload");
    part(&node, &upload, 1, vec![0; 10]).refused(404, "NoSuchUpload");
    let etag = "\"00000000000000000000000000000000\"";
    complete(&node, &upload, &[(1, etag)], &[]).refused(404, "NoSuchUpload");
}

#[test]
fn checksums_of_parts_and_whole() {
    let node = Node::with_bucket();
    for (kind, shown) in [("FULL_OBJECT", ""), ("COMPOSITE", "-2")] {
        let headers = [
            ("x-amz-checksum-algorithm", "CRC32"),
            ("x-amz-checksum-type", kind),
        ];
        let upload = begin(&node, &headers);
        let first = part(&node, &upload, 1, vec![1; 5 * MIB]).expect(200);
        assert_ne!(first.header("x-amz-checksum-crc32"), "");
        let path = format!("/bkt/key?partNumber=2&uploadId={upload}");
        let other = [("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=")];
        node.call("PUT", &path, &other, "hello")
            .refused(400, "InvalidRequest");
        let second = node.call(
            "PUT",
            &path,
            &[("x-amz-checksum-crc32", "NhCmhg==")],
            "hello",
        );
        let second = second.expect(200);
        let parts = [(1, first.header("etag")), (2, second.header("etag"))];
        let wrong = [
            ("x-amz-checksum-crc32", "AAAAAA=="),
            ("x-amz-checksum-type", kind),
        ];
        if kind == "FULL_OBJECT" {
            complete(&node, &upload, &parts, &wrong).refused(400, "BadDigest");
        }
        let done = complete(&node, &upload, &parts, &[]).expect(200);
        let checksum = done.element("ChecksumCRC32");
        assert!(checksum.ends_with(&format!("={shown}")), "{checksum}");
        let mode = [("x-amz-checksum-mode", "ENABLED")];
        let head = node.call("HEAD", "/bkt/key", &mode, "").expect(200);
        assert_eq!(head.header("x-amz-checksum-crc32"), checksum);
        assert_eq!(head.header("x-amz-checksum-type"), kind);
    }
}

#[test]
fn a_condition_on_the_whole() {
    let node = Node::with_bucket();
    node.put("/bkt/key", "there").expect(200);
    let upload = begin(&node, &[]);
    let first = part(&node, &upload, 1, vec![1; 10]).expect(200);
    let parts = [(1, first.header("etag"))];
    let absent = [("if-none-match", "*")];
    complete(&node, &upload, &parts, &absent).refused(412, "PreconditionFailed");
    assert_eq!(node.get("/bkt/key").body, b"there");
    complete(&node, &upload, &parts, &[]).expect(200);
}

#[test]
fn completing_twice_succeeds_while_the_object_is_that_one() {
    let node = Node::with_bucket();
    let upload = begin(&node, &[]);
    let first = part(&node, &upload, 1, vec![1; 10]).expect(200);
    let parts = [(1, first.header("etag"))];
    let once = complete(&node, &upload, &parts, &[]).expect(200);
    let twice = complete(&node, &upload, &parts, &[]).expect(200);
    assert_eq!(once.element("ETag"), twice.element("ETag"));
    node.put("/bkt/key", "other").expect(200);
    complete(&node, &upload, &parts, &[]).refused(404, "NoSuchUpload");
    assert_eq!(node.get("/bkt/key").body, b"other");
}

#[test]
fn uploads_do_not_hold_a_bucket() {
    let node = Node::with_bucket();
    let upload = begin(&node, &[]);
    part(&node, &upload, 1, vec![1; 10]).expect(200);
    node.put("/bkt/other", "data").expect(200);
    node.call("DELETE", "/bkt", &[], "")
        .refused(409, "BucketNotEmpty");
    assert_eq!(
        node.get("/bkt?uploads").expect(200).element("UploadId"),
        upload
    );
    node.call("DELETE", "/bkt/other", &[], "").expect(204);
    node.call("DELETE", "/bkt", &[], "").expect(204);
    node.get("/bkt").refused(404, "NoSuchBucket");
}
