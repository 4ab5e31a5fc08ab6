//! Buckets' policies: what they grant and deny to whom.

use super::*;

/// A statement for everything in `bkt` and `bkt` itself.
fn statement(effect: &str, principal: &str, actions: &str, more: &str) -> String {
    format!(
        r#"{{"Sid": "It", "Effect": "{effect}", "Principal": {principal}, "Action": {actions},
            "Resource": ["arn:aws:s3:::bkt", "arn:aws:s3:::bkt/*"]{more}}}"#
    )
}

fn policy(statements: &[String]) -> String {
    let statements = statements.join(",");
    format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#)
}

fn with_policy(statements: &[String]) -> Node {
    let node = Node::with_bucket();
    node.put("/bkt/key", "data").expect(200);
    node.put("/bkt?policy", policy(statements)).expect(204);
    node
}

impl Node {
    fn stranger(&self, method: &str, path: &str) -> Got {
        self.call_as(&format!("Fake {STRANGER}"), method, path, &[], "")
    }

    fn nobody(&self, method: &str, path: &str) -> Got {
        self.call_as("", method, path, &[], "")
    }
}

const EVERYBODY: &str = r#""*""#;

fn the_stranger() -> String {
    format!(r#"{{"AWS": "{STRANGER}"}}"#)
}

#[test]
fn a_policy_is_told_as_it_was_written_and_taken_back() {
    let node = Node::with_bucket();
    node.get("/bkt?policy").refused(404, "NoSuchBucketPolicy");
    let text = policy(&[statement("Allow", EVERYBODY, r#""s3:GetObject""#, "")]);
    node.put("/bkt?policy", text.clone()).expect(204);
    let told = node.get("/bkt?policy").expect(200);
    assert_eq!(told.body, text.as_bytes());
    assert_eq!(told.header("content-type"), "application/json");
    node.call("DELETE", "/bkt?policy", &[], "").expect(204);
    node.get("/bkt?policy").refused(404, "NoSuchBucketPolicy");
}

#[test]
fn what_cannot_be_judged_is_not_stored() {
    let node = Node::with_bucket();
    for bad in [
        "",
        "{}",
        "nonsense",
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}"#,
        &policy(&[statement("Allow", EVERYBODY, r#""""#, "")]),
        &policy(&[statement("Perhaps", EVERYBODY, r#""s3:GetObject""#, "")]),
    ] {
        node.put("/bkt?policy", bad.to_owned())
            .refused(400, "MalformedPolicy");
    }
    node.get("/bkt?policy").refused(404, "NoSuchBucketPolicy");
}

#[test]
fn everybody_may_read_what_a_policy_gives_to_everybody() {
    let node = with_policy(&[statement("Allow", EVERYBODY, r#""s3:GetObject""#, "")]);
    assert_eq!(node.nobody("GET", "/bkt/key").expect(200).body, b"data");
    node.nobody("HEAD", "/bkt/key").expect(200);
    for (method, path) in [
        ("PUT", "/bkt/key"),
        ("DELETE", "/bkt/key"),
        ("GET", "/bkt"),
        ("GET", "/bkt/key?tagging"),
        ("GET", "/bkt?policy"),
        ("GET", "/"),
        ("GET", "/none/key"),
    ] {
        node.nobody(method, path).refused(403, "AccessDenied");
    }
    assert_eq!(node.get("/bkt/key").expect(200).body, b"data");
}

#[test]
fn another_account_may_do_what_it_was_granted() {
    let granted = r#"["s3:GetObject", "s3:PutObject", "s3:ListBucket"]"#;
    let node = with_policy(&[statement("Allow", &the_stranger(), granted, "")]);
    node.stranger("GET", "/bkt/key").expect(200);
    node.stranger("PUT", "/bkt/key").expect(200);
    node.stranger("GET", "/bkt?list-type=2").expect(200);
    node.stranger("DELETE", "/bkt/key")
        .refused(403, "AccessDenied");
    node.nobody("GET", "/bkt/key").refused(403, "AccessDenied");
}

#[test]
fn a_policy_is_its_owners_affair() {
    let node = with_policy(&[statement("Allow", &the_stranger(), r#""s3:*""#, "")]);
    for method in ["GET", "PUT", "DELETE"] {
        node.stranger(method, "/bkt?policy")
            .refused(405, "MethodNotAllowed");
    }
}

#[test]
fn an_owner_denies_itself_and_can_take_it_back() {
    let node = with_policy(&[statement("Deny", EVERYBODY, r#""s3:*""#, "")]);
    node.get("/bkt/key").refused(403, "AccessDenied");
    node.put("/bkt/key", "more").refused(403, "AccessDenied");
    node.get("/bkt?policy").expect(200);
    node.call("DELETE", "/bkt?policy", &[], "").expect(204);
    node.get("/bkt/key").expect(200);
}

#[test]
fn who_may_not_list_learns_of_no_key() {
    let node = with_policy(&[statement("Allow", &the_stranger(), r#""s3:GetObject""#, "")]);
    node.stranger("GET", "/bkt/none")
        .refused(403, "AccessDenied");
    let head = node.stranger("HEAD", "/bkt/none").expect(403);
    assert!(head.body.is_empty());
    let both = r#"["s3:GetObject", "s3:ListBucket"]"#;
    let node = with_policy(&[statement("Allow", &the_stranger(), both, "")]);
    node.stranger("GET", "/bkt/none").refused(404, "NoSuchKey");
    node.get("/bkt/none").refused(404, "NoSuchKey");
}

#[test]
fn each_entry_of_a_list_is_judged() {
    let deny = r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::bkt/kept"}"#;
    let node = with_policy(&[deny.to_owned()]);
    node.put("/bkt/kept", "data").expect(200);
    let body = "<Delete><Object><Key>key</Key></Object><Object><Key>kept</Key></Object></Delete>";
    let md5 = [("content-md5", "PLeFTC21y41lXt+wdiKHGQ==")];
    let got = node.call("POST", "/bkt?delete", &md5, body).expect(200);
    assert_eq!(got.elements("Key"), ["key", "kept"]);
    assert!(
        got.text().contains("<Error><Key>kept</Key>"),
        "{}",
        got.text()
    );
    node.get("/bkt/kept").expect(200);
    node.get("/bkt/key").refused(404, "NoSuchKey");
}

#[test]
fn a_copy_needs_both_sides() {
    let node = with_policy(&[statement("Allow", &the_stranger(), r#""s3:GetObject""#, "")]);
    node.stranger("PUT", "/theirs").expect(200);
    let from = [("x-amz-copy-source", "/bkt/key")];
    let by = format!("Fake {STRANGER}");
    node.call_as(&by, "PUT", "/theirs/copy", &from, "")
        .expect(200);
    node.call_as(&by, "PUT", "/bkt/copy", &from, "")
        .refused(403, "AccessDenied");
    // Tags that may not be read are not taken along.
    let tagged = [("x-amz-tagging", "a=b")];
    node.call("PUT", "/bkt/key", &tagged, "data").expect(200);
    node.call_as(&by, "PUT", "/theirs/copy", &from, "")
        .refused(403, "AccessDenied");
}

#[test]
fn conditions_are_of_the_request() {
    let condition = |text: &str| format!(r#", "Condition": {{{text}}}"#);
    for (text, passes) in [
        (r#""IpAddress": {"aws:SourceIp": "127.0.0.0/8"}"#, true),
        (r#""IpAddress": {"aws:SourceIp": "10.0.0.0/8"}"#, false),
        (r#""Bool": {"aws:SecureTransport": "true"}"#, false),
        (r#""StringEquals": {"s3:authType": "REST-HEADER"}"#, true),
        (
            r#""StringEquals": {"s3:authType": "REST-QUERY-STRING"}"#,
            false,
        ),
        (r#""StringLike": {"aws:UserAgent": "test/*"}"#, true),
        (r#""StringEquals": {"aws:SourceVpc": "vpc-1"}"#, false),
        (
            r#""StringEquals": {"s3:ExistingObjectTag/open": "yes"}"#,
            true,
        ),
        (
            r#""StringEquals": {"s3:ExistingObjectTag/open": "no"}"#,
            false,
        ),
        (
            r#""DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}"#,
            true,
        ),
        (
            r#""DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}"#,
            false,
        ),
    ] {
        let node = Node::with_bucket();
        let tagged = [("x-amz-tagging", "open=yes")];
        node.call("PUT", "/bkt/key", &tagged, "data").expect(200);
        let allow = statement(
            "Allow",
            &the_stranger(),
            r#""s3:GetObject""#,
            &condition(text),
        );
        node.put("/bkt?policy", policy(&[allow])).expect(204);
        let headers = [("user-agent", "test/1")];
        let got = node.call_as(&format!("Fake {STRANGER}"), "GET", "/bkt/key", &headers, "");
        assert_eq!(got.status, if passes { 200 } else { 403 }, "{text}");
    }
}

/// An owner demands one-time links and nothing else: seen from inside a link.
#[test]
fn an_owner_demands_what_links_are_like() {
    let once = r#", "Condition": {"Bool": {"bh:LinkOnce": "false"}}"#;
    let node = with_policy(&[statement("Deny", EVERYBODY, r#""s3:GetObject""#, once)]);
    let by = |terms: &str| {
        let path = links::link("/bkt/key", terms);
        node.call_as("", "GET", &path, &[], "")
    };
    by("a=1").refused(403, "AccessDenied");
    by("x-bh-once=t").expect(200);
    // Whoever signs in the header has no link.
    node.get("/bkt/key").expect(200);
}

#[test]
fn listings_are_judged_by_their_prefix() {
    let own = r#", "Condition": {"StringLike": {"s3:prefix": ["home/*", ""]}, "NumericLessThanEquals": {"s3:max-keys": "10"}}"#;
    let node = with_policy(&[statement(
        "Allow",
        &the_stranger(),
        r#""s3:ListBucket""#,
        own,
    )]);
    node.stranger("GET", "/bkt?list-type=2&prefix=home/me&max-keys=5")
        .expect(200);
    node.stranger("GET", "/bkt?prefix=home/me&max-keys=10")
        .expect(200);
    for bad in [
        "prefix=etc/&max-keys=5",
        "prefix=home/me",
        "prefix=home/me&max-keys=11",
    ] {
        node.stranger("GET", &format!("/bkt?list-type=2&{bad}"))
            .refused(403, "AccessDenied");
    }
}

/// A link's `x-amz-` parameters are its headers, for policies as for operations.
#[test]
fn what_stands_in_the_query_of_a_link_counts() {
    let deny = r#", "Condition": {"StringEquals": {"s3:x-amz-storage-class": "STANDARD"}}"#;
    let node = with_policy(&[statement("Deny", EVERYBODY, r#""s3:PutObject""#, deny)]);
    let put = |terms: &str| node.call_as("", "PUT", &links::link("/bkt/other", terms), &[], "data");
    put("a=1").expect(200);
    put("x-amz-storage-class=STANDARD").refused(403, "AccessDenied");
    node.call(
        "PUT",
        "/bkt/other",
        &[("x-amz-storage-class", "STANDARD")],
        "data",
    )
    .refused(403, "AccessDenied");
}
