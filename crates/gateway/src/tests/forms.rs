//! Browsers' form uploads: the fields before the file, the file, and what stops either.

use super::*;

/// A form in the making.
struct Form {
    fields: Vec<(String, String)>,
    conditions: Vec<String>,
    file: Option<(String, Vec<u8>)>,
    after: &'static str,
}

impl Form {
    /// A form of the owner for `key` with a file of these bytes.
    fn new(key: &str, file: impl AsRef<[u8]>) -> Self {
        let form = Self {
            fields: Vec::new(),
            conditions: vec![r#"{"bucket": "bkt"}"#.to_owned()],
            file: Some(("f.txt".to_owned(), file.as_ref().to_vec())),
            after: "\r\n--b--\r\n",
        };
        form.with("key", key)
            .with("x-amz-credential", &format!("Fake {OWNER}"))
    }

    /// One more field, and a condition that it has some value.
    fn with(self, name: &str, value: &str) -> Self {
        let condition = format!(r#"["starts-with", "${name}", ""]"#);
        self.on(&condition).without_condition(name, value)
    }

    fn without_condition(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn on(mut self, condition: &str) -> Self {
        self.conditions.push(condition.to_owned());
        self
    }

    /// The same, signed by someone else.
    fn signed(mut self, credential: &str) -> Self {
        self.fields[1].1 = credential.to_owned();
        self
    }

    fn body(&self) -> Vec<u8> {
        let policy = format!(
            r#"{{"expiration": "2030-01-01T00:00:00Z", "conditions": [{}]}}"#,
            self.conditions.join(",")
        );
        let policy = ("policy".to_owned(), base64(policy.as_bytes()));
        let mut body = Vec::new();
        for (name, value) in self.fields.iter().chain([&policy]) {
            let part = format!(
                "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        let Some((name, content)) = &self.file else {
            body.extend_from_slice(b"--b--\r\n");
            return body;
        };
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(self.after.as_bytes());
        body
    }

    fn post(&self, node: &Node) -> Got {
        post(node, self.body())
    }
}

const FORM: &str = "multipart/form-data; boundary=b";

fn post(node: &Node, body: Vec<u8>) -> Got {
    node.call_as("", "POST", "/bkt", &[("content-type", FORM)], body)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, i| {
            word << 8 | u32::from(*chunk.get(i).unwrap_or(&0))
        });
        for digit in 0..4 {
            let shown = DIGITS[(word >> (18 - 6 * digit) & 63) as usize] as char;
            text.push(if digit > chunk.len() { '=' } else { shown });
        }
    }
    text
}

/// The error, and the certainty that nothing was stored.
#[track_caller]
fn refused(node: &Node, form: &Form, status: u16, code: &str) -> Got {
    let got = form.post(node).refused(status, code);
    node.get("/bkt/key").refused(404, "NoSuchKey");
    got
}

#[test]
fn a_form_stores_its_file() {
    let node = Node::with_bucket();
    let content = b"one\r\n--b\r-\r\n--two".repeat(1000);
    // The delimiter must not stand in it.
    let content: Vec<u8> = content.into_iter().filter(|byte| *byte != b'b').collect();
    let got = Form::new("dir/${filename}", &content)
        .with("Content-Type", "text/plain")
        .with("x-amz-meta-a", "b")
        .post(&node)
        .expect(204);
    assert_eq!(
        got.header("location"),
        "http://127.0.0.1:9000/bkt/dir%2Ff.txt"
    );
    assert_eq!(got.header("x-amz-checksum-type"), "FULL_OBJECT");
    assert!(got.body.is_empty());
    let stored = node.get("/bkt/dir/f.txt").expect(200);
    assert_eq!(stored.body, content);
    assert_eq!(stored.header("content-type"), "text/plain");
    assert_eq!(stored.header("x-amz-meta-a"), "b");
    assert_eq!(stored.header("etag"), got.header("etag"));
}

#[test]
fn success_is_told_as_wished() {
    let node = Node::with_bucket();
    let status = |status: &str| Form::new("a b/ä", "x").with("success_action_status", status);
    assert!(status("200").post(&node).expect(200).body.is_empty());
    status("404").post(&node).expect(204);
    let got = status("201").post(&node).expect(201);
    let location = "http://127.0.0.1:9000/bkt/a%20b%2F%C3%A4";
    assert_eq!(got.element("Location"), location);
    assert_eq!(got.header("location"), location);
    assert_eq!(
        (got.element("Bucket"), got.element("Key")),
        ("bkt", "a b/ä")
    );
    assert_eq!(
        got.element("ETag").replace("&quot;", "\""),
        got.header("etag")
    );
    assert_eq!(got.header("content-type"), "application/xml");
    let url = "https://page.test/done?a=b#c";
    let got = Form::new("a b/ä", "x")
        .with("success_action_redirect", url)
        .post(&node)
        .expect(303);
    let etag = got.header("etag").trim_matches('"').to_owned();
    let expected =
        format!("https://page.test/done?a=b&bucket=bkt&key=a%20b%2F%C3%A4&etag=%22{etag}%22#c");
    assert_eq!(got.header("location"), expected);
}

#[test]
fn who_did_not_sign_is_denied_whatever_the_form() {
    let node = Node::with_bucket();
    let form = Form::new("key", "x");
    for form in [form.signed(""), Form::new("key", "x").signed("").on("[]")] {
        refused(&node, &form, 403, "AccessDenied");
    }
    let anonymous = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nkey\r\n\
                     --b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n";
    let got = post(&node, anonymous.into()).refused(403, "AccessDenied");
    assert_eq!(got.element("Message"), "Access Denied");
    // A signature in the head is none of the form.
    let headers = [("content-type", FORM)];
    node.call("POST", "/bkt", &headers, anonymous)
        .refused(403, "AccessDenied");
    refused(
        &node,
        &Form::new("key", "x").signed("Down"),
        503,
        "SlowDown",
    );
    let got = refused(
        &node,
        &Form::new("key", "x").signed("Bad"),
        403,
        "SignatureDoesNotMatch",
    );
    assert_eq!(got.element("StringToSign"), "sts");
}

#[test]
fn the_bucket_is_judged_as_for_any_write() {
    let node = Node::with_bucket();
    let stranger = format!("Fake {STRANGER}");
    refused(
        &node,
        &Form::new("key", "x").signed(&stranger),
        403,
        "AccessDenied",
    );
    let mut form = Form::new("key", "x");
    form.conditions[0] = r#"{"bucket": "none"}"#.to_owned();
    refused(&node, &form, 403, "AccessDenied");
    let none =
        |form: &Form| node.call_as("", "POST", "/none", &[("content-type", FORM)], form.body());
    none(&form).refused(404, "NoSuchBucket");
    none(&Form::new("key", "x")).refused(403, "AccessDenied");
}

#[test]
fn the_policy_is_obeyed() {
    let node = Node::with_bucket();
    let said = |form: Form, status, code| {
        let got = refused(&node, &form, status, code);
        got.element("Message").replace("&quot;", "\"")
    };
    let form = || Form::new("key", "x");
    let prefix = "Invalid according to Policy: ";
    let failed = said(
        form().on(r#"["starts-with", "$key", "user/"]"#),
        403,
        "AccessDenied",
    );
    assert_eq!(
        failed,
        format!(r#"{prefix}Policy Condition failed: ["starts-with", "$key", "user/"]"#)
    );
    let extra = said(
        form().without_condition("x-amz-meta-a", "b"),
        403,
        "AccessDenied",
    );
    assert_eq!(extra, format!("{prefix}Extra input fields: x-amz-meta-a"));
    said(form().on("7"), 400, "InvalidPolicyDocument");
    let mut without_file = form();
    without_file.file = None;
    assert!(said(without_file, 400, "InvalidArgument").starts_with("POST requires exactly one"));
    said(
        form().with("acl", "public-read"),
        400,
        "AccessControlListNotSupported",
    );
}

#[test]
fn the_length_is_judged_while_it_flows() {
    let node = Node::with_bucket();
    let sized =
        |len: usize| Form::new("key", vec![b'x'; len]).on(r#"["content-length-range", 5, 10]"#);
    let got = refused(&node, &sized(12), 400, "EntityTooLarge");
    assert_eq!(
        (got.element("ProposedSize"), got.element("MaxSizeAllowed")),
        ("12", "10")
    );
    let got = refused(&node, &sized(1), 400, "EntityTooSmall");
    assert_eq!(
        (got.element("ProposedSize"), got.element("MinSizeAllowed")),
        ("1", "5")
    );
    sized(5).post(&node).expect(204);
    sized(10).post(&node).expect(204);
}

#[test]
fn checksums_are_judged_while_it_flows() {
    let node = Node::with_bucket();
    let hello = |name: &str, value: &str| Form::new("key", "hello").with(name, value);
    refused(
        &node,
        &hello("x-amz-checksum-crc32", "AAAAAA=="),
        400,
        "BadDigest",
    );
    refused(
        &node,
        &hello("content-md5", "XUFAKrxLKna5cZ2REBfFkA=="),
        400,
        "BadDigest",
    );
    let got = hello("x-amz-checksum-crc32", "NhCmhg==")
        .post(&node)
        .expect(204);
    assert_eq!(got.header("x-amz-checksum-crc32"), "NhCmhg==");
    let got = hello("x-amz-checksum-algorithm", "SHA1")
        .post(&node)
        .expect(204);
    assert_eq!(
        got.header("x-amz-checksum-sha1"),
        "qvTGHdzF6KLavt4PO0gs2a6pQ00="
    );
}

#[test]
fn a_form_that_breaks_off_stores_nothing() {
    let node = Node::with_bucket();
    let whole = Form::new("key", "content").body();
    let file = whole.len() - "content\r\n--b--\r\n".len();
    for len in [0, 1, 100, file, file + 3, whole.len() - 4] {
        let got = post(&node, whole[..len].to_vec());
        got.refused(400, "MalformedPOSTRequest");
        let pieces = [Bytes::copy_from_slice(&whole[..len])];
        let body = Feed {
            pieces: pieces
                .into_iter()
                .filter(|piece| !piece.is_empty())
                .collect(),
            declared: false,
            broken: true,
        };
        let headers = [("content-type", FORM), ("transfer-encoding", "chunked")];
        node.send("POST", "/bkt", &headers, body)
            .refused(400, "IncompleteBody");
        node.get("/bkt/key").refused(404, "NoSuchKey");
    }
    post(&node, whole).expect(204);
}

#[test]
fn what_follows_the_file_counts_for_nothing() {
    let node = Node::with_bucket();
    let mut form = Form::new("key", "content");
    form.after = "\r\n--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nother\r\n--b--";
    form.post(&node).expect(204);
    assert_eq!(node.get("/bkt/key").expect(200).body, b"content");
    node.get("/bkt/other").refused(404, "NoSuchKey");
}

#[test]
fn a_form_in_any_pieces() {
    let node = Node::with_bucket();
    let whole = Form::new("key", "one\r\ntwo\r\n-").body();
    for piece_bytes in 1..9 {
        let body = Feed {
            pieces: whole
                .chunks(piece_bytes)
                .map(Bytes::copy_from_slice)
                .collect(),
            declared: false,
            broken: false,
        };
        let headers = [("content-type", FORM), ("transfer-encoding", "chunked")];
        node.send("POST", "/bkt", &headers, body).expect(204);
        assert_eq!(node.get("/bkt/key").expect(200).body, b"one\r\ntwo\r\n-");
    }
}

#[test]
fn forms_are_bounded_and_are_forms() {
    let node = Node::with_bucket();
    let long = Form::new("key", "x").with("x-ignore-a", &"x".repeat(20 << 10));
    let got = refused(&node, &long, 400, "MaxPostPreDataLengthExceeded");
    assert_eq!(got.element("MaxPostPreDataLengthBytes"), "20480");
    let twice = Form::new("key", "x").with("KEY", "y");
    assert_eq!(
        refused(&node, &twice, 400, "InvalidArgument").element("ArgumentName"),
        "KEY"
    );
    let post_as = |kind: &str| node.call("POST", "/bkt", &[("content-type", kind)], "x");
    let got = post_as("text/html").refused(412, "PreconditionFailed");
    assert_eq!(
        got.element("Condition"),
        "Bucket POST must be of the enclosure-type multipart/form-data"
    );
    post_as("multipart/form-data").refused(400, "MalformedPOSTRequest");
    node.call_as("", "POST", "/bkt", &[("content-type", "text/html")], "x")
        .refused(403, "AccessDenied");
}
