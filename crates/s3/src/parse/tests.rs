use super::{route::Subresource, *};
use crate::{
    condition::{ETagSet, WriteCondition},
    error::ErrorKind,
    operation::Directive,
};
use blockhouse_types::{ByteRange, ChecksumAlgorithm, ChecksumType, VersionId};
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

const UPLOAD: &str = "00112233445566778899aabbccddeeff";

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// Parses `METHOD /path?query`, with `Content-Length: 0`.
fn ask(request: &str, lines: &[(&str, &str)]) -> Result<Parsed, S3Error> {
    let (method, target) = request.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = headers(lines);
    headers.insert("content-length", HeaderValue::from_static("0"));
    let head = Head {
        method: &Method::from_bytes(method.as_bytes()).unwrap(),
        host: Some("s3.example:9000"),
        path,
        query,
        headers: &headers,
        tls: false,
    };
    parse(&head, &Domains::new(["s3.example".to_owned()]))
}

fn operation(request: &str, lines: &[(&str, &str)]) -> Operation {
    ask(request, lines)
        .unwrap_or_else(|error| panic!("{request}: {error}"))
        .operation
}

fn refused(request: &str, lines: &[(&str, &str)]) -> ErrorKind {
    match ask(request, lines) {
        Ok(parsed) => panic!("{request} {lines:?}: {}", parsed.operation.name()),
        Err(error) => error.kind(),
    }
}

#[test]
fn every_operation_has_its_request() {
    let upload = |rest: &str| format!("{rest}uploadId={UPLOAD}");
    let table: &[(&str, &str)] = &[
        ("GET /", "ListBuckets"),
        ("GET /?max-buckets=3&prefix=a", "ListBuckets"),
        ("PUT /bkt", "CreateBucket"),
        ("PUT /bkt/", "CreateBucket"),
        ("DELETE /bkt", "DeleteBucket"),
        ("HEAD /bkt", "HeadBucket"),
        ("GET /bkt?location", "GetBucketLocation"),
        ("GET /bkt?versioning=", "GetBucketVersioning"),
        ("PUT /bkt?versioning", "PutBucketVersioning"),
        ("GET /bkt?tagging", "GetBucketTagging"),
        ("PUT /bkt?tagging", "PutBucketTagging"),
        ("DELETE /bkt?tagging", "DeleteBucketTagging"),
        ("GET /bkt?lifecycle", "GetBucketLifecycleConfiguration"),
        ("PUT /bkt?lifecycle", "PutBucketLifecycleConfiguration"),
        ("DELETE /bkt?lifecycle", "DeleteBucketLifecycle"),
        ("GET /bkt?cors", "GetBucketCors"),
        ("PUT /bkt?cors", "PutBucketCors"),
        ("DELETE /bkt?cors", "DeleteBucketCors"),
        ("GET /bkt?acl", "GetBucketAcl"),
        ("GET /bkt?policy", "GetBucketPolicy"),
        ("PUT /bkt?policy", "PutBucketPolicy"),
        ("GET /bkt?policyStatus", "GetBucketPolicyStatus"),
        ("GET /bkt?bh-addresses", "GetBucketAddressList"),
        ("DELETE /bkt?policy", "DeleteBucketPolicy"),
        ("GET /bkt", "ListObjects"),
        ("GET /bkt?list-type=2&x-id=ListObjectsV2", "ListObjectsV2"),
        ("GET /bkt?versions", "ListObjectVersions"),
        ("GET /bkt?uploads", "ListMultipartUploads"),
        ("POST /bkt?delete", "DeleteObjects"),
        ("GET /bkt/key", "GetObject"),
        ("GET /bkt/key?x-id=GetObject&x-own=1", "GetObject"),
        ("HEAD /bkt/key?partNumber=1", "HeadObject"),
        ("PUT /bkt/key", "PutObject"),
        ("DELETE /bkt/key?versionId=null", "DeleteObject"),
        ("GET /bkt/key?acl", "GetObjectAcl"),
        ("GET /bkt/key?tagging", "GetObjectTagging"),
        ("PUT /bkt/key?tagging&versionId=null", "PutObjectTagging"),
        ("DELETE /bkt/key?tagging", "DeleteObjectTagging"),
        ("POST /bkt/key?uploads", "CreateMultipartUpload"),
        (&upload("PUT /bkt/key?partNumber=1&"), "UploadPart"),
        (&upload("GET /bkt/key?"), "ListParts"),
        (&upload("POST /bkt/key?"), "CompleteMultipartUpload"),
        (&upload("DELETE /bkt/key?"), "AbortMultipartUpload"),
    ];
    for (request, name) in table {
        let operation = operation(request, &[]);
        assert_eq!(operation.name(), *name, "{request}");
        let path = request.split([' ', '?']).nth(1).unwrap();
        assert_eq!(
            operation.bucket().is_some(),
            path.starts_with("/bkt"),
            "{request}"
        );
        assert_eq!(operation.key().is_some(), path == "/bkt/key", "{request}");
    }
    let source = [("x-amz-copy-source", "src/key")];
    assert_eq!(operation("PUT /bkt/key", &source).name(), "CopyObject");
    let part = upload("PUT /bkt/key?partNumber=10000&");
    assert_eq!(operation(&part, &source).name(), "UploadPartCopy");
    let form = [("content-type", "multipart/form-data; boundary=b")];
    assert_eq!(operation("POST /bkt", &form).name(), "PostObject");
    let attributes = [("x-amz-object-attributes", "ETag, ObjectSize")];
    assert_eq!(
        operation("GET /bkt/key?attributes", &attributes).name(),
        "GetObjectAttributes"
    );
    let page = [
        ("origin", "https://a"),
        ("access-control-request-method", "PUT"),
    ];
    assert_eq!(
        operation("OPTIONS /bkt/key?uploads", &page).name(),
        "OptionsObject"
    );
}

#[test]
fn what_is_refused() {
    use ErrorKind as E;
    let table = [
        ("POST /", E::MethodNotAllowed),
        ("GET /?acl", E::NotImplemented),
        ("PATCH /bkt", E::MethodNotAllowed),
        ("PATCH /bkt/key", E::MethodNotAllowed),
        ("POST /bkt/key", E::MethodNotAllowed),
        ("POST /bkt", E::PreconditionFailed),
        ("GET /Bkt", E::InvalidBucketName),
        ("GET /b", E::InvalidBucketName),
        ("GET //key", E::InvalidBucketName),
        ("GET /bkt?unknown", E::NotImplemented),
        ("GET /bkt/key?unknown=", E::NotImplemented),
        ("GET /bkt?acl&policy", E::InvalidArgument),
        ("GET /bkt/key?torrent", E::NotImplemented),
        ("POST /bkt/key?restore", E::NotImplemented),
        ("POST /bkt/key?select&select-type=2", E::NotImplemented),
        ("HEAD /bkt?versions", E::NotImplemented),
        ("PUT /bkt?encryption", E::NotImplemented),
        ("PUT /bkt?publicAccessBlock", E::NotImplemented),
        ("DELETE /bkt?publicAccessBlock", E::NotImplemented),
        ("PUT /bkt?object-lock", E::NotImplemented),
        ("PUT /bkt?acl", E::AccessControlListNotSupported),
        ("PUT /bkt/key?acl", E::AccessControlListNotSupported),
        ("PUT /bkt/key?retention", E::InvalidRequest),
        ("GET /bkt/key?legal-hold", E::InvalidRequest),
        ("GET /bkt?list-type=3", E::InvalidArgument),
        ("GET /bkt?max-keys=x", E::InvalidArgument),
        ("GET /bkt?max-keys=-1", E::InvalidArgument),
        ("GET /bkt?max-keys=2147483648", E::InvalidArgument),
        ("GET /bkt?encoding-type=html", E::InvalidArgument),
        (
            "GET /bkt?list-type=2&continuation-token=x",
            E::InvalidArgument,
        ),
        (
            "GET /bkt?versions&version-id-marker=null",
            E::InvalidArgument,
        ),
        (
            "GET /bkt?versions&key-marker=a&version-id-marker=x",
            E::InvalidArgument,
        ),
        ("GET /bkt/key?versionId=", E::InvalidArgument),
        ("GET /bkt/key?versionId=x", E::InvalidArgument),
        ("PUT /bkt/key?versionId=null", E::InvalidArgument),
        ("GET /bkt/key?partNumber=0", E::InvalidArgument),
        ("GET /bkt/key?partNumber=10001", E::InvalidArgument),
        ("GET /bkt/key?partNumber=", E::InvalidArgument),
        ("PUT /bkt/key?uploadId=x&partNumber=1", E::NoSuchUpload),
        (
            "PUT /bkt/key?uploadId=00112233445566778899aabbccddeeff",
            E::InvalidArgument,
        ),
        ("PUT /bkt/key?partNumber=1", E::InvalidArgument),
        ("GET /bkt/key?attributes", E::InvalidRequest),
        (
            "GET /bkt/key?response-content-type=a%0Ab",
            E::InvalidArgument,
        ),
        ("OPTIONS /bkt/key", E::BadRequest),
    ];
    for (request, kind) in table {
        assert_eq!(refused(request, &[]), kind, "{request}");
    }
}

/// Every subresource that S3 has is decided on purpose, for every method: none lists or gets.
#[test]
fn no_subresource_falls_through() {
    for name in Subresource::NAMES {
        for method in ["GET", "PUT", "POST", "DELETE", "HEAD"] {
            for path in ["/bkt", "/bkt/key"] {
                let request = format!("{method} {path}?{name}");
                if let Ok(parsed) = ask(&request, &[]) {
                    let plain = [
                        "ListObjects",
                        "GetObject",
                        "HeadObject",
                        "PutObject",
                        "HeadBucket",
                        "CreateBucket",
                        "DeleteBucket",
                        "DeleteObject",
                    ];
                    assert!(!plain.contains(&parsed.operation.name()), "{request}");
                }
            }
        }
    }
}

#[test]
fn fixed_settings_answer_what_holds() {
    for (name, code) in [
        (
            "encryption",
            "ServerSideEncryptionConfigurationNotFoundError",
        ),
        ("website", "NoSuchWebsiteConfiguration"),
        ("replication", "ReplicationConfigurationNotFoundError"),
        ("object-lock", "ObjectLockConfigurationNotFoundError"),
        ("metrics&id=x", "NoSuchConfiguration"),
        ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
        ("ownershipControls", ""),
        ("requestPayment", ""),
        ("logging", ""),
        ("notification", ""),
        ("accelerate", ""),
        ("inventory", ""),
    ] {
        let Operation::GetFixedConfiguration(get) = operation(&format!("GET /bkt?{name}"), &[])
        else {
            panic!("{name}")
        };
        let got = get.which.document().map_err(|error| error.kind().code());
        assert_eq!(got.err().unwrap_or_default(), code, "{name}");
    }
}

#[test]
fn headers_that_are_refused() {
    use ErrorKind as E;
    let long = "m".repeat(2048);
    let tags = (0..11)
        .map(|n| format!("k{n}=v"))
        .collect::<Vec<_>>()
        .join("&");
    let table: &[(&[(&str, &str)], E)] = &[
        (
            &[("x-amz-acl", "public-read")],
            E::AccessControlListNotSupported,
        ),
        (
            &[("x-amz-grant-read", "id=x")],
            E::AccessControlListNotSupported,
        ),
        (
            &[("x-amz-storage-class", "GLACIER")],
            E::InvalidStorageClass,
        ),
        (
            &[("x-amz-server-side-encryption", "AES256")],
            E::NotImplemented,
        ),
        (
            &[("x-amz-server-side-encryption-aws-kms-key-id", "x")],
            E::NotImplemented,
        ),
        (
            &[("x-amz-server-side-encryption-customer-algorithm", "AES256")],
            E::InvalidRequest,
        ),
        (
            &[("x-amz-object-lock-mode", "GOVERNANCE")],
            E::InvalidRequest,
        ),
        (&[("x-amz-write-offset-bytes", "0")], E::NotImplemented),
        (
            &[("x-amz-website-redirect-location", "ftp://x")],
            E::InvalidRedirectLocation,
        ),
        (&[("x-amz-tagging", &tags)], E::BadRequest),
        (&[("x-amz-tagging", "a=1&a=2")], E::InvalidArgument),
        (&[("x-amz-tagging", "aws:x=1")], E::InvalidTag),
        (&[("x-amz-tagging", "a=%ff")], E::InvalidArgument),
        (&[("x-amz-meta-a", &long)], E::MetadataTooLarge),
        (&[("if-none-match", "\"x\"")], E::NotImplemented),
        (
            &[("if-none-match", "*"), ("if-match", "*")],
            E::NotImplemented,
        ),
        (&[("content-md5", "x")], E::InvalidDigest),
        (&[("content-md5", "NhCmhg==")], E::InvalidDigest),
        (&[("x-amz-checksum-crc32", "x")], E::InvalidRequest),
        (
            &[
                ("x-amz-checksum-crc32", "NhCmhg=="),
                ("x-amz-checksum-crc32c", "mnG7TA=="),
            ],
            E::InvalidRequest,
        ),
        (
            &[("x-amz-sdk-checksum-algorithm", "CRC32")],
            E::InvalidRequest,
        ),
        (
            &[("x-amz-trailer", "x-amz-checksum-crc32")],
            E::InvalidRequest,
        ),
        (
            &[("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")],
            E::MissingContentLength,
        ),
        (
            &[("x-amz-decoded-content-length", "-1")],
            E::InvalidArgument,
        ),
        (
            &[("x-amz-expected-bucket-owner", "me")],
            E::InvalidBucketOwnerAwsAccountId,
        ),
        (&[("x-amz-copy-source", "bucket")], E::InvalidArgument),
        (&[("x-amz-copy-source", "bucket/")], E::InvalidArgument),
        (&[("x-amz-copy-source", "bucket/a%")], E::InvalidArgument),
        (&[("x-amz-copy-source", "B/a")], E::InvalidBucketName),
        (
            &[("x-amz-copy-source", "src/a?versionId=x")],
            E::InvalidArgument,
        ),
        (
            &[("x-amz-copy-source", "arn%3Aaws%3As3:::src/a")],
            E::NotImplemented,
        ),
        (&[("x-amz-copy-source", "/bkt/key")], E::InvalidRequest),
        (
            &[
                ("x-amz-copy-source", "src/a"),
                ("x-amz-metadata-directive", "MOVE"),
            ],
            E::InvalidArgument,
        ),
        (
            &[
                ("x-amz-copy-source", "src/a"),
                ("x-amz-checksum-algorithm", "X"),
            ],
            E::InvalidRequest,
        ),
    ];
    for (lines, kind) in table {
        assert_eq!(refused("PUT /bkt/key", lines), *kind, "{lines:?}");
    }
    let range = format!("PUT /bkt/key?partNumber=1&uploadId={UPLOAD}");
    for bad in ["bytes=0-", "bytes=-5", "0-5", "bytes=5-0", "bytes=a-b"] {
        let lines = [
            ("x-amz-copy-source", "src/a"),
            ("x-amz-copy-source-range", bad),
        ];
        assert_eq!(refused(&range, &lines), E::InvalidArgument, "{bad}");
    }
    let both = [("range", "bytes=0-1")];
    assert_eq!(
        refused("GET /bkt/key?partNumber=1", &both),
        E::InvalidRequest
    );
    assert_eq!(
        refused("DELETE /bkt/key", &[("x-amz-if-match-size", "1")]),
        E::NotImplemented
    );
    let composite = [
        ("x-amz-checksum-algorithm", "CRC64NVME"),
        ("x-amz-checksum-type", "COMPOSITE"),
    ];
    assert_eq!(
        refused("POST /bkt/key?uploads", &composite),
        E::InvalidRequest
    );
    let lock = [("x-amz-bucket-object-lock-enabled", "true")];
    assert_eq!(refused("PUT /bkt", &lock), E::NotImplemented);
}

#[test]
fn a_put_with_everything() {
    let parsed = ask(
        "PUT /bkt/a%20b",
        &[
            ("content-type", "text/plain"),
            ("content-encoding", "gzip, aws-chunked"),
            ("x-amz-meta-name", "Zoë"),
            ("x-amz-meta-name", "=?UTF-8?B?Wm/Dqw==?="),
            ("x-amz-tagging", "k=a+b%2B&l"),
            ("x-amz-acl", "private"),
            ("x-amz-storage-class", "STANDARD"),
            ("if-none-match", "*"),
            ("content-md5", "XUFAKrxLKna5cZ2REBfFkg=="),
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "5"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("x-amz-sdk-checksum-algorithm", "CRC32"),
            ("x-amz-expected-bucket-owner", "123456789012"),
        ],
    )
    .unwrap();
    let Operation::PutObject(put) = parsed.operation else {
        panic!()
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(put.key.as_str(), "a b");
    assert_eq!(
        put.attributes.headers,
        [
            pair("content-type", "text/plain"),
            pair("content-encoding", "gzip"),
            pair("x-amz-meta-name", "Zoë,=?UTF-8?B?Wm/Dqw==?="),
        ]
    );
    assert_eq!(put.attributes.tags, [pair("k", "a b+"), pair("l", "")]);
    assert_eq!(put.condition, WriteCondition::Absent);
    let promise = parsed.promise;
    assert!(promise.content_md5.is_some() && promise.aws_chunked && promise.trailer);
    assert_eq!(promise.decoded_len, Some(5));
    assert_eq!(promise.checksum_algorithm(), Some(ChecksumAlgorithm::Crc32));
    assert_eq!(parsed.expected_owner.unwrap().to_string(), "123456789012");
}

#[test]
fn a_get_with_everything() {
    let operation = operation(
        "GET /bkt/key?versionId=null&response-content-type=text%2Fplain&response-expires=0",
        &[
            ("range", "bytes=1-"),
            ("if-match", "*"),
            ("if-modified-since", "Sat, 21 Nov 2026 23:09:43 GMT"),
            ("if-unmodified-since", "yesterday"),
            ("x-amz-checksum-mode", "enabled"),
        ],
    );
    let Operation::GetObject(get) = operation else {
        panic!()
    };
    assert_eq!(get.version, Some(VersionId::NULL));
    assert_eq!(
        get.range,
        Some(ByteRange::From {
            first: 1,
            last: None
        })
    );
    assert_eq!(get.conditions.if_match, Some(ETagSet::Any));
    let since = get.conditions.if_modified_since.unwrap();
    assert_eq!(since.to_basic(), "20261121T230943Z");
    assert_eq!(get.conditions.if_unmodified_since, None);
    assert_eq!(get.overrides.0.len(), 2);
    assert!(get.checksum_mode);
}

#[test]
fn a_presigned_link_keeps_headers_in_its_query() {
    let query = "x-amz-checksum-crc32=NhCmhg%3D%3D&X-Amz-Sdk-Checksum-Algorithm=CRC32&\
        X-Amz-Meta-A=1&x-amz-acl=private&X-Amz-Date=x&X-Amz-Signature=y";
    let parsed = ask(&format!("PUT /bkt/key?{query}"), &[]).unwrap();
    // What a link says of a body that was not there yet counts for nothing.
    assert_eq!(parsed.promise.checksum_algorithm(), None);
    let Operation::PutObject(put) = parsed.operation else {
        panic!()
    };
    assert_eq!(
        put.attributes.headers,
        [("x-amz-meta-a".to_owned(), "1".to_owned())]
    );
    let query = "X-Amz-Content-Sha256=STREAMING-UNSIGNED-PAYLOAD-TRAILER&X-Amz-Signature=y";
    let length = [("x-amz-decoded-content-length", "5")];
    let parsed = ask(&format!("PUT /bkt/key?{query}"), &length).unwrap();
    assert!(parsed.promise.aws_chunked && parsed.promise.trailer);
    // Without a signature in the query they are not headers.
    let Operation::PutObject(put) = operation("PUT /bkt/key?x-amz-meta-a=1", &[]) else {
        panic!()
    };
    assert_eq!(put.attributes.headers, []);
    for bad in ["x-amz-meta-a=%0A", "x-amz-meta-a%20b=1", "x-amz-meta-=1"] {
        let request = format!("PUT /bkt/key?{bad}&X-Amz-Signature=y");
        assert_eq!(refused(&request, &[]), ErrorKind::InvalidArgument, "{bad}");
    }
}

#[test]
fn copies() {
    let lines = [
        ("x-amz-copy-source", "/src/a%2Fb%20+%3F?versionId=null"),
        ("x-amz-copy-source-if-none-match", "*"),
        ("x-amz-metadata-directive", "REPLACE"),
        ("content-type", "a/b"),
        ("x-amz-website-redirect-location", "/x"),
    ];
    let Operation::CopyObject(copy) = operation("PUT /bkt/key", &lines) else {
        panic!()
    };
    assert_eq!(copy.source.bucket.as_str(), "src");
    assert_eq!(copy.source.key.as_str(), "a/b +?");
    assert_eq!(copy.source.version, Some(VersionId::NULL));
    assert_eq!(copy.source_conditions.if_none_match, Some(ETagSet::Any));
    assert_eq!(copy.tags, Directive::Copy);
    let kept = copy.headers(&[("x-amz-meta-old".into(), "1".into())]);
    let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-type", "x-amz-website-redirect-location"]);
    // Onto itself, but with something changed.
    let itself = [
        ("x-amz-copy-source", "bkt/key"),
        ("x-amz-metadata-directive", "REPLACE"),
    ];
    assert_eq!(operation("PUT /bkt/key", &itself).name(), "CopyObject");
    let part = format!("PUT /bkt/key?partNumber=7&uploadId={UPLOAD}");
    let lines = [
        ("x-amz-copy-source", "src/a"),
        ("x-amz-copy-source-range", "bytes=0-9"),
    ];
    let Operation::UploadPartCopy(copy) = operation(&part, &lines) else {
        panic!()
    };
    assert_eq!((copy.part, copy.range), (7, Some(0..=9)));
}

#[test]
fn uploads_and_their_checksums() {
    let create = |lines: &[(&str, &str)]| match operation("POST /bkt/key?uploads", lines) {
        Operation::CreateMultipartUpload(create) => create.checksum,
        _ => panic!(),
    };
    let crc32 = ("x-amz-checksum-algorithm", "CRC32");
    assert_eq!(create(&[]), None);
    assert_eq!(
        create(&[crc32]),
        Some((ChecksumAlgorithm::Crc32, ChecksumType::Composite))
    );
    let full = ("x-amz-checksum-type", "FULL_OBJECT");
    assert_eq!(
        create(&[crc32, full]),
        Some((ChecksumAlgorithm::Crc32, ChecksumType::FullObject))
    );
    // On completion the header speaks of the object, not of the body.
    let lines = [
        ("x-amz-checksum-crc32", "NhCmhg==-2"),
        ("x-amz-mp-object-size", "7"),
    ];
    let parsed = ask(&format!("POST /bkt/key?uploadId={UPLOAD}"), &lines).unwrap();
    assert_eq!(parsed.promise.checksum, None);
    let Operation::CompleteMultipartUpload(complete) = parsed.operation else {
        panic!()
    };
    assert_eq!(
        (complete.checksum.unwrap().parts(), complete.size),
        (2, Some(7))
    );
}

#[test]
fn tokens_go_on_where_they_say() {
    // An empty one is no token: so S3 has it.
    let empty = operation("GET /bkt?list-type=2&continuation-token=", &[]);
    assert!(matches!(empty, Operation::ListObjectsV2(list) if list.after.is_empty()));
    for name in ["a", "k/é \u{1}", &"x".repeat(1024)] {
        let request = format!("GET /bkt?list-type=2&continuation-token={}", token_of(name));
        let Operation::ListObjectsV2(list) = operation(&request, &[]) else {
            panic!()
        };
        assert_eq!(list.after, name);
    }
}

#[test]
fn virtual_hosts() {
    let headers = HeaderMap::new();
    let head = Head {
        method: &Method::GET,
        host: Some("bkt.s3.example"),
        path: "/key",
        query: "",
        headers: &headers,
        tls: true,
    };
    let parsed = parse(&head, &Domains::new(["s3.example".to_owned()])).unwrap();
    assert_eq!(parsed.style, Style::VirtualHost);
    assert_eq!(parsed.operation.name(), "GetObject");
    assert_eq!(parsed.operation.bucket().unwrap().as_str(), "bkt");
}

#[test]
fn an_upload_without_any_length_is_411() {
    let headers = HeaderMap::new();
    let head = Head {
        method: &Method::PUT,
        host: None,
        path: "/bkt/key",
        query: "",
        headers: &headers,
        tls: false,
    };
    let error = parse(&head, &Domains::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingContentLength);
}

proptest! {
    #[test]
    fn never_panics(
        method in "(GET|PUT|POST|DELETE|HEAD|OPTIONS|PATCH)",
        host in proptest::option::of("[a-zé.:\\[\\]0-9]{0,20}"),
        path in "[/a-z%.é0-9A-F]{0,40}",
        query in "((acl|uploads|uploadId|partNumber|versionId|max-keys|list-type|tagging|x-amz-tagging|X-Amz-Signature|continuation-token)(=[a-z%0-9é+;]{0,8})?&){0,5}",
        values in proptest::collection::vec((0usize..16, proptest::collection::vec(any::<u8>(), 0..24)), 0..6),
        tls: bool,
    ) {
        const NAMES: [&str; 16] = ["range", "x-amz-copy-source", "x-amz-copy-source-range",
            "x-amz-tagging", "content-md5", "x-amz-checksum-crc32", "x-amz-meta-a", "if-match",
            "if-none-match", "if-modified-since", "if-range", "content-length",
            "x-amz-decoded-content-length", "x-amz-content-sha256", "x-amz-trailer", "origin"];
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(NAMES[name], value);
            }
        }
        let head = Head {
            method: &Method::from_bytes(method.as_bytes()).unwrap(),
            host: host.as_deref(),
            path: &path,
            query: &query,
            headers: &headers,
            tls,
        };
        let _ = parse(&head, &Domains::new(["s3.example".to_owned(), "é.a".to_owned()]));
    }
}

#[test]
fn a_link_is_known_by_its_signature_however_it_is_spelled() {
    for link in [
        "X-Amz-Signature=0",
        "a=b&X%2DAmz-Signature",
        "%58-Amz-Signature=&&",
    ] {
        assert!(is_presigned(link), "{link}");
    }
    for other in [
        "",
        "x-amz-signature=0",
        "a=X-Amz-Signature",
        "X-Amz-Signature2=0",
        "%=1",
    ] {
        assert!(!is_presigned(other), "{other}");
    }
}
