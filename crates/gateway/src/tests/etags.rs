//! Buckets whose entity tags say nothing of their objects.

use super::*;

const OPAQUE: &str = "<EtagConfiguration><Mode>Opaque</Mode></EtagConfiguration>";
const MD5: &str = "<EtagConfiguration><Mode>MD5</Mode></EtagConfiguration>";

fn opaque() -> Node {
    let node = Node::with_bucket();
    node.put("/bkt?bh-etag", OPAQUE).expect(200);
    node
}

fn tag(got: &Got) -> String {
    got.header("etag").to_owned()
}

#[test]
fn a_tag_is_of_one_write_and_of_no_bytes() {
    let node = opaque();
    let (one, two) = (node.put("/bkt/key", "body"), node.put("/bkt/key", "body"));
    assert_ne!(tag(&one), tag(&two));
    // No client takes it for an MD5.
    assert!(tag(&one).ends_with("-1\""), "{}", tag(&one));
    let got = node.call("GET", "/bkt/key", &[("if-match", &tag(&two))], "");
    assert_eq!(tag(&got.expect(200)), tag(&two));
    node.call("GET", "/bkt/key", &[("if-match", &tag(&one))], "")
        .expect(412);
    node.call("PUT", "/bkt/key", &[("if-match", &tag(&two))], "next")
        .expect(200);
}

#[test]
fn what_was_promised_is_still_held() {
    let node = opaque();
    let md5 = |value| [("content-md5", value)];
    node.call("PUT", "/bkt/key", &md5("AAAAAAAAAAAAAAAAAAAAAA=="), "body")
        .refused(400, "BadDigest");
    let right = "hBotaJrYa9FhFEdFPCLG/A==";
    node.call("PUT", "/bkt/key", &md5(right), "body")
        .expect(200);
    let stored = node.call(
        "HEAD",
        "/bkt/key",
        &[("x-amz-checksum-mode", "ENABLED")],
        "",
    );
    assert!(stored.headers.contains_key("x-amz-checksum-crc64nvme"));
    let crc = [("x-amz-checksum-crc32", "AAAAAA==")];
    node.call("PUT", "/bkt/key", &crc, "body")
        .refused(400, "BadDigest");
}

#[test]
fn copies_and_parts_have_such_tags_too() {
    let node = opaque();
    node.put("/bkt/key", "body").expect(200);
    let copied = node.call("PUT", "/bkt/copy", &[("x-amz-copy-source", "/bkt/key")], "");
    copied.expect(200);
    let head = node.call("HEAD", "/bkt/copy", &[], "");
    assert!(tag(&head).ends_with("-1\""), "{}", tag(&head));
}

#[test]
fn the_mode_is_told_and_taken_back() {
    let node = opaque();
    assert!(
        node.get("/bkt?bh-etag")
            .text()
            .contains("<Mode>Opaque</Mode>")
    );
    node.put("/bkt?bh-etag", "<nonsense/>").expect(400);
    assert!(
        node.get("/bkt?bh-etag")
            .text()
            .contains("<Mode>Opaque</Mode>")
    );
    node.put("/bkt?bh-etag", MD5).expect(200);
    assert!(node.get("/bkt?bh-etag").text().contains("<Mode>MD5</Mode>"));
    let plain = node.put("/bkt/key", "body");
    assert_eq!(tag(&plain), "\"841a2d689ad86bd1611447453c22c6fc\"");
}
