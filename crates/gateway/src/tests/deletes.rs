//! DeleteObject and DeleteObjects.

use super::*;

const MD5_NEEDED: &str = "InvalidRequest";

/// `POST ?delete` with the checksum that it needs.
fn delete_many(node: &Node, body: &str) -> Got {
    let mut digest =
        blockhouse_s3::checksum::Digest::new(blockhouse_types::ChecksumAlgorithm::Crc32);
    digest.update(body.as_bytes());
    let checksum = blockhouse_s3::checksum::to_base64(&digest.finish());
    let headers = [("x-amz-checksum-crc32", checksum.as_str())];
    node.call("POST", "/bkt?delete", &headers, body.to_owned())
}

fn objects(keys: &[&str], quiet: bool) -> String {
    let keys: String = keys
        .iter()
        .map(|k| format!("<Object><Key>{k}</Key></Object>"))
        .collect();
    format!("<Delete><Quiet>{quiet}</Quiet>{keys}</Delete>")
}

#[test]
fn what_is_not_there_is_deleted_too() {
    let node = Node::with_bucket();
    node.call("DELETE", "/bkt/none", &[], "").expect(204);
}

#[test]
fn many_at_once() {
    let node = Node::with_bucket();
    for key in ["a", "b", "c"] {
        node.put(&format!("/bkt/{key}"), "data").expect(200);
    }
    let plain = node.call("POST", "/bkt?delete", &[], objects(&["a"], false));
    plain.refused(400, MD5_NEEDED);
    let deleted = delete_many(&node, &objects(&["a", "none", "b"], false)).expect(200);
    assert_eq!(deleted.elements("Key"), ["a", "none", "b"]);
    assert_eq!(node.get("/bkt").elements("Key"), ["c"]);
    let quiet = delete_many(&node, &objects(&["c"], true)).expect(200);
    assert_eq!(quiet.elements("Key"), Vec::<&str>::new());
    assert_eq!(node.get("/bkt").elements("Key"), Vec::<&str>::new());
}

#[test]
fn one_bad_entry_fails_alone() {
    let node = Node::with_bucket();
    node.put("/bkt/a", "data").expect(200);
    let long = "k".repeat(1025);
    let answer = delete_many(&node, &objects(&[&long, "a"], false)).expect(200);
    assert_eq!(answer.element("Code"), "KeyTooLongError");
    node.get("/bkt/a").refused(404, "NoSuchKey");
}

#[test]
fn bad_documents_delete_nothing() {
    let node = Node::with_bucket();
    node.put("/bkt/a", "data").expect(200);
    let many = vec!["a"; 1001];
    for body in [
        objects(&[], false),
        objects(&many, false),
        "<Delete><Object>".to_owned(),
    ] {
        delete_many(&node, &body).refused(400, "MalformedXML");
    }
    node.get("/bkt/a").expect(200);
}

#[test]
fn only_if_it_matches() {
    let node = Node::with_bucket();
    let put = node.put("/bkt/a", "data").expect(200);
    let wrong = [("if-match", "\"00000000000000000000000000000000\"")];
    node.call("DELETE", "/bkt/a", &wrong, "")
        .refused(412, "PreconditionFailed");
    node.call("DELETE", "/bkt/a", &[("if-match", put.header("etag"))], "")
        .expect(204);
}
