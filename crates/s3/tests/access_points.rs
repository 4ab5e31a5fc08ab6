//! What requests to hosts of access points come to.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

use blockhouse_s3::{
    error::{ErrorKind, S3Error},
    operation::Operation,
    parse::{AccessPoint, AccessPoints, Domains, Head, Outpost, Parsed, Style, parse_among},
};
use blockhouse_types::{AccountId, BucketName};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;

const OUTPOST: &str = "op-01ac5d28a6a232904";
const READERS: &str = "readers-111122223333.op-01ac5d28a6a232904.s3.example";
const ARN: &str =
    "arn%3Aaws%3As3-outposts%3Alocal-1%3A111122223333%3Aoutpost/op-01ac5d28a6a232904/accesspoint";

/// Names and values of headers.
type Lines<'a> = &'a [(&'a str, &'a str)];

/// One access point, `readers` of 111122223333, before the bucket `notes`.
#[derive(Debug)]
struct Readers;

fn account() -> AccountId {
    AccountId::parse("111122223333").unwrap()
}

fn readers() -> AccessPoint {
    AccessPoint {
        account: account(),
        name: "readers".into(),
        bucket: BucketName::parse("notes").unwrap(),
    }
}

impl AccessPoints for Readers {
    fn by_label(&self, label: &str) -> Option<AccessPoint> {
        (label == "readers-111122223333").then(readers)
    }

    fn by_name(&self, of: AccountId, name: &str) -> Option<AccessPoint> {
        (of == account() && name == "readers").then(readers)
    }
}

fn domains() -> Domains {
    Domains::new(["s3.example".to_owned(), "example".to_owned()]).with_outpost(Outpost {
        region: "local-1".into(),
        id: OUTPOST.parse().unwrap(),
    })
}

/// Parses `METHOD /path?query` at a host, with `Content-Length: 0`.
fn ask(host: &str, request: &str, lines: Lines<'_>) -> Result<Parsed, S3Error> {
    let (method, target) = request.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    for (name, value) in [("content-length", "0")].iter().chain(lines) {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let head = Head {
        method: &Method::from_bytes(method.as_bytes()).unwrap(),
        host: Some(host),
        path,
        query,
        headers: &headers,
        tls: true,
    };
    parse_among(&head, &domains(), &Readers)
}

fn refused(host: &str, request: &str, lines: Lines<'_>) -> ErrorKind {
    match ask(host, request, lines) {
        Ok(parsed) => panic!("{host} {request} {lines:?}: {}", parsed.operation.name()),
        Err(error) => error.kind(),
    }
}

#[test]
fn the_twenty_operations_are_about_the_bucket_behind() {
    let source = format!("{ARN}/readers/object/a");
    let copy: Lines<'_> = &[("x-amz-copy-source", &source)];
    let id = "00112233445566778899aabbccddeeff";
    let table: [(&str, Lines<'_>, &str); 20] = [
        ("GET /k/e/y", &[], "GetObject"),
        ("HEAD /k/e/y", &[], "HeadObject"),
        ("PUT /k/e/y", &[], "PutObject"),
        ("PUT /k/e/y", copy, "CopyObject"),
        ("DELETE /k/e/y", &[], "DeleteObject"),
        ("POST /?delete", &[], "DeleteObjects"),
        ("GET /k/e/y?tagging", &[], "GetObjectTagging"),
        ("PUT /k/e/y?tagging", &[], "PutObjectTagging"),
        ("DELETE /k/e/y?tagging", &[], "DeleteObjectTagging"),
        ("GET /", &[], "ListObjects"),
        ("GET /?list-type=2", &[], "ListObjectsV2"),
        ("GET /?versions", &[], "ListObjectVersions"),
        ("HEAD /", &[], "HeadBucket"),
        ("POST /k/e/y?uploads", &[], "CreateMultipartUpload"),
        ("PUT /k/e/y?partNumber=1&uploadId=ID", &[], "UploadPart"),
        (
            "PUT /k/e/y?partNumber=1&uploadId=ID",
            copy,
            "UploadPartCopy",
        ),
        ("GET /k/e/y?uploadId=ID", &[], "ListParts"),
        ("POST /k/e/y?uploadId=ID", &[], "CompleteMultipartUpload"),
        ("DELETE /k/e/y?uploadId=ID", &[], "AbortMultipartUpload"),
        ("GET /?uploads", &[], "ListMultipartUploads"),
    ];
    for (request, lines, name) in table {
        let request = request.replace("=ID", &format!("={id}"));
        let parsed = ask(READERS, &request, lines);
        let parsed = parsed.unwrap_or_else(|error| panic!("{request}: {error}"));
        assert_eq!(parsed.operation.name(), name, "{request}");
        let bucket = parsed.operation.bucket().map(BucketName::as_str);
        assert_eq!(bucket, Some("notes"), "{request}");
        let key = parsed.operation.key().map(|key| key.as_str());
        assert_eq!(key, request.contains("/k/e/y").then_some("k/e/y"));
        assert_eq!(parsed.through, Some(readers()), "{request}");
    }
}

#[test]
fn nothing_else_is_offered() {
    for request in [
        "PUT /",
        "DELETE /",
        "GET /?acl",
        "GET /k?acl",
        "GET /?cors",
        "PUT /?cors",
        "DELETE /?cors",
        "GET /?policy",
        "PUT /?policy",
        "GET /?location",
        "GET /?versioning",
        "PUT /?versioning",
        "GET /?tagging",
    ] {
        let kind = refused(READERS, request, &[]);
        assert_eq!(kind, ErrorKind::MethodNotAllowed, "{request}");
    }
    // What is refused everywhere says so here, too.
    let kind = refused(READERS, "PUT /?acl", &[]);
    assert_eq!(kind, ErrorKind::AccessControlListNotSupported);
    let attributes = [("x-amz-object-attributes", "ETag")];
    let kind = refused(READERS, "GET /k?attributes", &attributes);
    assert_eq!(kind, ErrorKind::MethodNotAllowed);
    let form = [("content-type", "multipart/form-data; boundary=b")];
    let kind = refused(READERS, "POST /", &form);
    assert_eq!(kind, ErrorKind::MethodNotAllowed);
}

#[test]
fn a_preflight_does_not_tell_which_access_points_there_are() {
    let asks = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "GET"),
    ];
    for label in ["readers-111122223333", "writers-111122223333", "x", ""] {
        let host = format!("{label}.{OUTPOST}.s3.example");
        let kind = refused(host.trim_start_matches('.'), "OPTIONS /k", &asks);
        assert_eq!(kind, ErrorKind::MethodNotAllowed, "{host}");
    }
}

#[test]
fn hosts_of_no_access_point() {
    for label in [
        "writers-111122223333.",
        "readers-444455556666.",
        "readers.",
        "a.readers-111122223333.",
        "",
    ] {
        let kind = refused(&format!("{label}{OUTPOST}.s3.example"), "GET /k", &[]);
        assert_eq!(kind, ErrorKind::NoSuchAccessPoint, "{label}");
    }
    // Another node's Outpost is a bucket's name like any other.
    let other = "readers-111122223333.op-01ac5d28a6a232905.s3.example";
    let parsed = ask(other, "GET /k", &[]).unwrap();
    assert_eq!((parsed.style, parsed.through), (Style::VirtualHost, None));
}

#[test]
fn copies_read_through_access_points_alone() {
    let of = |host: &str, source: &str| {
        let lines = [("x-amz-copy-source", source)];
        ask(host, "PUT /new", &lines).map(|parsed| match parsed.operation {
            Operation::CopyObject(copy) => copy.source,
            other => panic!("{}", other.name()),
        })
    };
    let source = of(READERS, &format!("{ARN}/readers/object/a%20b/c%3Ad")).unwrap();
    assert_eq!(source.through, Some(readers()));
    assert_eq!(
        (source.bucket.as_str(), source.key.as_str()),
        ("notes", "a b/c:d")
    );
    let fails = |source: &str| of(READERS, source).unwrap_err().kind();
    assert_eq!(
        fails(&format!("{ARN}/writers/object/a")),
        ErrorKind::NoSuchAccessPoint
    );
    for bad in [
        "notes/a",
        "/notes/a",
        "arn%3Aaws%3As3%3A%3A%3Anotes/a",
        "arn%3Aaws%3As3-outposts%3Alocal-1%3A111122223333%3Aoutpost/op-01ac5d28a6a232904/bucket/notes/object/a",
        &format!("{ARN}/readers/object/"),
        &format!("{ARN}/readers"),
    ] {
        assert_eq!(fails(bad), ErrorKind::InvalidArgument, "{bad}");
    }
    let plain = of("notes.s3.example", &format!("{ARN}/readers/object/a"));
    assert_eq!(plain.unwrap_err().kind(), ErrorKind::NotImplemented);
}

proptest! {
    #[test]
    fn hosts_know_no_case_and_paths_are_keys(
        port in proptest::option::of(any::<u16>()),
        domain in prop_oneof![Just("s3.example"), Just("example")],
        upper in any::<u64>(),
        key in "[a-z/]{1,20}",
    ) {
        let host = format!("readers-111122223333.{OUTPOST}.{domain}");
        let shouted: String = host
            .chars()
            .enumerate()
            .map(|(at, c)| if upper >> (at % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        let host = match port {
            Some(port) => format!("{shouted}:{port}"),
            None => shouted,
        };
        let parsed = ask(&host, &format!("GET /{key}"), &[]).unwrap();
        prop_assert_eq!(parsed.style, Style::AccessPoint);
        prop_assert_eq!(parsed.through, Some(readers()));
        prop_assert_eq!(parsed.operation.key().map(|key| key.as_str()), Some(&*key));
    }

    #[test]
    fn only_its_own_host_is_an_access_point(label in "[a-z0-9.-]{0,40}", path in "/[a-z/]{0,20}") {
        prop_assume!(label != "readers-111122223333");
        let host = format!("{label}.{OUTPOST}.s3.example");
        let kind = refused(&host, &format!("GET {path}"), &[]);
        prop_assert_eq!(kind, ErrorKind::NoSuchAccessPoint);
    }
}
