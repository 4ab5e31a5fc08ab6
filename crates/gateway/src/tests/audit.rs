//! What is audited of each decision.

use super::*;
use crate::{
    audit::{Log, Record, meaning},
    origin::tests::from_vpc,
};
use std::sync::mpsc::Receiver;

/// A node with the bucket `bkt`, and where its decisions come out.
fn audited() -> (Node, Receiver<Box<Record>>) {
    let (log, records) = Log::new(16);
    let node = Node::with_events(Events::audited(&log));
    node.put("/bkt", "").expect(200);
    node.put("/bkt/key", "data").expect(200);
    assert_eq!(records.try_iter().count(), 2);
    (node, records)
}

/// The one decision that there was since the last one.
fn only(records: &Receiver<Box<Record>>) -> Record {
    let mut found: Vec<_> = records.try_iter().collect();
    assert_eq!(found.len(), 1, "{found:?}");
    if let Some(check) = found[0].refused_by {
        let check = check.to_string();
        assert!(
            meaning(&check).is_some(),
            "nobody can say what {check} means"
        );
    }
    *found.remove(0)
}

#[test]
fn what_was_allowed() {
    let (node, records) = audited();
    let put = node.put("/bkt/key", "12345").expect(200);
    let told = only(&records);
    assert_eq!(told.request.to_string(), put.header("x-amz-request-id"));
    assert_eq!((told.action, told.bytes), (Some("s3:PutObject"), 5));
    assert_eq!((told.refused_by, told.code), (None, None));
    assert_eq!(told.bucket.unwrap().as_str(), "bkt");
    assert_eq!(told.key.unwrap().as_str(), "key");
    assert_eq!(told.key_id.as_deref(), Some("AKID"));
    let account = AccountId::parse(OWNER).unwrap();
    assert_eq!(told.principal, Some(Principal::Root { account }));
    assert_eq!(told.time, TestClock.now());
    assert_eq!(told.source.to_string(), "127.0.0.1:5");
    node.get("/bkt/key").expect(200);
    let told = only(&records);
    assert_eq!((told.action, told.bytes), (Some("s3:GetObject"), 5));
    node.call("HEAD", "/bkt/key", &[], "").expect(200);
    assert_eq!(only(&records).bytes, 0);
}

/// Who asks, how, for what, with which headers; the check that says no, and its code.
type Row<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a str,
    &'a str,
);

#[test]
fn which_check_said_no() {
    let (node, records) = audited();
    let owner = format!("Fake {OWNER}");
    let stranger = format!("Fake {STRANGER}");
    let form = ("content-type", "multipart/form-data; boundary=b");
    let sha = (
        "x-amz-content-sha256",
        "0000000000000000000000000000000000000000000000000000000000000000",
    );
    let table: &[Row<'_>] = &[
        (
            "",
            "GET",
            "/bkt/key",
            &[],
            "permit:anonymous",
            "AccessDenied",
        ),
        ("", "GET", "/bkt?max-keys=x", &[], "parse", "AccessDenied"),
        (
            "Bad",
            "GET",
            "/bkt/key",
            &[],
            "verify:signature",
            "SignatureDoesNotMatch",
        ),
        (
            "Down",
            "GET",
            "/bkt/key",
            &[],
            "verify:unreachable",
            "SlowDown",
        ),
        (
            &owner,
            "GET",
            "/bkt?max-keys=x",
            &[],
            "parse",
            "InvalidArgument",
        ),
        (
            &owner,
            "GET",
            "/none/key",
            &[],
            "permit:no-such-bucket",
            "NoSuchBucket",
        ),
        (
            &stranger,
            "GET",
            "/bkt/key",
            &[],
            "permit:not-allowed-by-bucket",
            "AccessDenied",
        ),
        (
            &owner,
            "GET",
            "/bkt/key",
            &[("x-amz-expected-bucket-owner", STRANGER)],
            "permit:another-owner-expected",
            "AccessDenied",
        ),
        (
            "",
            "GET",
            "/bkt/key?response-expires=0",
            &[],
            "permit:override-without-signature",
            "InvalidRequest",
        ),
        (&owner, "GET", "/bkt/none", &[], "state", "NoSuchKey"),
        (
            &owner,
            "GET",
            "/bkt/key",
            &[("if-match", "\"x\"")],
            "condition",
            "PreconditionFailed",
        ),
        (
            &owner,
            "PUT",
            "/bkt/key",
            &[sha],
            "body",
            "XAmzContentSHA256Mismatch",
        ),
        (
            &owner,
            "PUT",
            "/bkt?versioning",
            &[],
            "body",
            "MalformedXML",
        ),
        (
            &owner,
            "POST",
            "/bkt",
            &[form],
            "form",
            "MalformedPOSTRequest",
        ),
        (
            "",
            "OPTIONS",
            "/bkt/key",
            &[("origin", "https://a")],
            "preflight",
            "BadRequest",
        ),
    ];
    for (authorization, method, path, headers, check, code) in table {
        node.call_as(authorization, method, path, headers, "<x/>");
        let told = only(&records);
        let shown = told.refused_by.map(|check| check.to_string());
        assert_eq!(shown.as_deref(), Some(*check), "{method} {path}");
        assert_eq!((told.code, told.bytes), (Some(*code), 0), "{method} {path}");
    }
}

/// A body that never comes.
struct Never;

impl Body for Never {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _task: &mut TaskContext<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Pending
    }
}

#[test]
fn the_way_it_came() {
    let (node, records) = audited();
    let line = || {
        node.get("/bkt/key").expect(200);
        let mut line = Vec::new();
        only(&records).write(&mut line, 0);
        serde_json::from_slice::<serde_json::Value>(&line).unwrap()
    };
    assert_eq!(line().get("vpc"), None);
    *node.client.borrow_mut() = from_vpc("10.0.1.7:5");
    let told = line();
    assert_eq!(
        (&told["vpc"], &told["vpce"]),
        (&"vpc-1".into(), &"vpce-1".into())
    );
    assert_eq!(
        (&told["source"], &told["subnet"]),
        (&"10.0.1.7:5".into(), &"subnet-1".into())
    );
    *node.client.borrow_mut() = from_vpc("10.0.9.7:5");
    assert_eq!(line()["subnet"], serde_json::Value::Null);
}

#[test]
fn who_breaks_off_is_told_of_as_well() {
    let (node, records) = audited();
    let request = Request::builder()
        .method("PUT")
        .uri("/bkt/key")
        .header("authorization", format!("Fake {OWNER}"))
        .header("content-length", "5");
    let request = request.body(Never).unwrap();
    let origin = here();
    {
        let mut serving = pin!(stages::serve_request(
            &node.context,
            &origin,
            Line::default(),
            request
        ));
        let mut task = TaskContext::from_waker(std::task::Waker::noop());
        assert!(serving.as_mut().poll(&mut task).is_pending());
        assert_eq!(records.try_iter().count(), 0);
    }
    let told = only(&records);
    assert_eq!(
        told.refused_by.map(|check| check.to_string()).as_deref(),
        Some("gone")
    );
    assert_eq!((told.code, told.bytes), (None, 0));
    assert_eq!(
        (told.action, told.principal.is_some()),
        (Some("s3:PutObject"), true)
    );
}

#[test]
fn who_is_named_as_far_as_it_was_proven() {
    let (node, records) = audited();
    let named = |authorization: &str| {
        node.call_as(authorization, "GET", "/bkt/none", &[], "");
        let told = only(&records);
        (
            told.key_id.as_deref().map(str::to_owned),
            told.principal.is_some(),
        )
    };
    assert_eq!(named(""), (None, false));
    assert_eq!(named("Down"), (None, false));
    assert_eq!(named("Bad"), (Some("AKID".to_owned()), false));
    assert_eq!(
        named(&format!("Fake {STRANGER}")),
        (Some("AKID".to_owned()), true)
    );
}
