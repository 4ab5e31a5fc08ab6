//! Who is told what, and in which order.

use super::*;

#[test]
fn nothing_about_buckets_before_the_signature() {
    let node = Node::with_bucket();
    for path in [
        "/bkt",
        "/bkt/key",
        "/none",
        "/none/key",
        "/bkt?acl&list-type=x",
        "/B_D",
    ] {
        for method in ["GET", "PUT", "DELETE", "POST"] {
            node.call_as("", method, path, &[], "")
                .refused(403, "AccessDenied");
            node.call_as("Bad", method, path, &[], "")
                .refused(403, "SignatureDoesNotMatch");
            node.call_as("Down", method, path, &[], "")
                .refused(503, "SlowDown");
        }
        let head = node.call_as("", "HEAD", path, &[], "").expect(403);
        assert!(head.body.is_empty());
    }
    node.call_as("", "GET", "/", &[], "")
        .refused(403, "AccessDenied");
}

#[test]
fn another_account_is_denied_and_learns_no_key() {
    let node = Node::with_bucket();
    node.put("/bkt/key", "data").expect(200);
    let stranger = format!("Fake {STRANGER}");
    for path in ["/bkt", "/bkt/key", "/bkt/none", "/bkt?location", "/bkt?acl"] {
        node.call_as(&stranger, "GET", path, &[], "")
            .refused(403, "AccessDenied");
    }
    node.call_as(&stranger, "PUT", "/bkt/key", &[], "mine")
        .refused(403, "AccessDenied");
    node.call_as(&stranger, "DELETE", "/bkt", &[], "")
        .refused(403, "AccessDenied");
    node.call_as(&stranger, "GET", "/none", &[], "")
        .refused(404, "NoSuchBucket");
    let listed = node.call_as(&stranger, "GET", "/", &[], "").expect(200);
    assert_eq!(listed.elements("Name"), Vec::<&str>::new());
    assert_eq!(node.get("/bkt/key").expect(200).body, b"data");
}

#[test]
fn both_sides_of_a_copy_are_judged() {
    let node = Node::with_bucket();
    node.put("/bkt/key", "data").expect(200);
    let stranger = format!("Fake {STRANGER}");
    node.call_as(&stranger, "PUT", "/theirs", &[], "")
        .expect(200);
    let from = |source| [("x-amz-copy-source", source)];
    let copy = node.call_as(&stranger, "PUT", "/theirs/key", &from("/bkt/key"), "");
    copy.refused(403, "AccessDenied");
    node.call("PUT", "/theirs/key", &from("/bkt/key"), "")
        .refused(403, "AccessDenied");
    node.call("PUT", "/bkt/copy", &from("/theirs/key"), "")
        .refused(403, "AccessDenied");
    node.call("PUT", "/bkt/copy", &from("/none/key"), "")
        .refused(404, "NoSuchBucket");
}

#[test]
fn a_request_that_makes_no_sense_is_told_so_only_to_who_signed() {
    let node = Node::with_bucket();
    node.call_as("", "GET", "/bkt?list-type=2&max-keys=x", &[], "")
        .refused(403, "AccessDenied");
    node.get("/bkt?list-type=2&max-keys=x")
        .refused(400, "InvalidArgument");
}

#[test]
fn response_overrides_need_a_signature() {
    let node = Node::with_bucket();
    node.put("/bkt/key", "data").expect(200);
    let path = "/bkt/key?response-content-type=text/x";
    node.call_as("", "GET", path, &[], "")
        .refused(400, "InvalidRequest");
    assert_eq!(node.get(path).expect(200).header("content-type"), "text/x");
}

#[test]
fn the_expected_owner_is_held_against_the_owner() {
    let node = Node::with_bucket();
    node.call("GET", "/bkt", &[("x-amz-expected-bucket-owner", OWNER)], "")
        .expect(200);
    let wrong = [("x-amz-expected-bucket-owner", STRANGER)];
    node.call("GET", "/bkt", &wrong, "")
        .refused(403, "AccessDenied");
}

#[test]
fn every_answer_has_its_ids() {
    let node = Node::with_bucket();
    let (first, second) = (node.get("/bkt"), node.get("/none"));
    assert_eq!(first.header("x-amz-request-id").len(), 16);
    assert_ne!(
        first.header("x-amz-request-id"),
        second.header("x-amz-request-id")
    );
    assert_eq!(
        second.element("RequestId"),
        second.header("x-amz-request-id")
    );
    assert_eq!(second.element("HostId"), second.header("x-amz-id-2"));
}

#[test]
fn a_preflight_is_answered_from_the_rules_alone() {
    let node = Node::with_bucket();
    let asks = [
        ("origin", "https://page.test"),
        ("access-control-request-method", "PUT"),
    ];
    let ask = |path| node.call_as("", "OPTIONS", path, &asks, "");
    ask("/bkt/key").refused(403, "AccessForbidden");
    ask("/none/key").refused(403, "AccessForbidden");
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>https://page.test</AllowedOrigin>\
                 <AllowedMethod>PUT</AllowedMethod><ExposeHeader>ETag</ExposeHeader></CORSRule>\
                 </CORSConfiguration>";
    node.put("/bkt?cors", rules).expect(200);
    node.put("/bkt/key", "data").expect(200);
    for path in ["/bkt/key", "/bkt/other"] {
        let answer = ask(path).expect(200);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "https://page.test"
        );
    }
    // Answers have the headers too, refusals included.
    let origin = [("origin", "https://page.test")];
    let put = node.call("PUT", "/bkt/key", &origin, "data").expect(200);
    assert_eq!(
        put.header("access-control-allow-origin"),
        "https://page.test"
    );
    assert_eq!(put.header("access-control-expose-headers"), "ETag");
    let refused = node
        .call_as("Bad", "PUT", "/bkt/key", &origin, "data")
        .expect(403);
    assert_eq!(
        refused.header("access-control-allow-origin"),
        "https://page.test"
    );
    let other = [("origin", "https://else.test")];
    let put = node.call("PUT", "/bkt/key", &other, "data").expect(200);
    assert_eq!(put.header("access-control-allow-origin"), "");
}
