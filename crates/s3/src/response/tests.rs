use super::*;
use crate::{
    error::{ErrorContext, ErrorKind, S3Error},
    operation::{
        GetObject, GetObjectAttributes, ListObjectVersions, ListObjects, ListObjectsV2,
        ObjectAttribute, ResponseOverrides,
    },
    output::{
        AttributesPart, CompleteMultipartUploadOutput, DeleteObjectOutput, DeleteObjectsOutput,
        DeleteOutcome, GetBucketLocationOutput, GetObjectAttributesOutput,
        ListObjectVersionsOutput, ListObjectsOutput, ListedVersion, ObjectOutput, PutObjectOutput,
    },
    parse::token_of,
    xml::parse_document,
};
use blockhouse_types::{AccountId, BucketName, ByteRange, ChecksumAlgorithm, ObjectKey};

fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

fn bucket() -> BucketName {
    BucketName::parse("bkt").unwrap()
}

fn key(key: &str) -> ObjectKey {
    ObjectKey::parse(key).unwrap()
}

fn owner() -> AccountId {
    AccountId::parse("123456789012").unwrap()
}

fn crc32() -> Checksum {
    checksum::from_base64(ChecksumAlgorithm::Crc32, "NhCmhg==").unwrap()
}

const HELLO: [u8; 16] = [0x5d; 16];
const WHEN: Timestamp = Timestamp::from_millis(1_369_353_600_042);

fn get() -> GetObject {
    GetObject {
        bucket: bucket(),
        key: key("k"),
        version: None,
        range: None,
        part: None,
        conditions: Default::default(),
        if_range: None,
        overrides: ResponseOverrides::default(),
        checksum_mode: true,
    }
}

fn object<'a>(question: &'a GetObject, checksum: &'a Checksum) -> ObjectOutput<'a> {
    ObjectOutput {
        question,
        size: 10,
        range: None,
        etag: ETag::of_body(HELLO),
        modified: WHEN,
        version: None,
        headers: &[],
        tag_count: 0,
        checksum: Some(checksum),
        parts_count: None,
        expiration: None,
    }
}

fn listed(name: &str, delete_marker: bool) -> ListedVersion {
    ListedVersion {
        key: key(name),
        version: VersionId::NULL,
        latest: true,
        delete_marker,
        modified: WHEN,
        etag: ETag::of_parts(HELLO, 2),
        size: 5,
        checksum: None,
    }
}

#[test]
fn a_whole_object() {
    let (question, checksum) = (get(), crc32());
    let kept = [
        ("content-type".to_owned(), "text/plain".to_owned()),
        ("x-amz-meta-name".to_owned(), "Zoë".to_owned()),
    ];
    let expiration = Expiration {
        date: Timestamp::from_secs(1_369_353_600),
        rule_id: "a b".into(),
    };
    let output = ObjectOutput {
        version: Some(VersionId::NULL),
        headers: &kept,
        tag_count: 2,
        expiration: Some(&expiration),
        ..object(&question, &checksum)
    };
    let Response {
        status, headers, ..
    } = output.response();
    assert_eq!(status, StatusCode::OK);
    for (name, want) in [
        ("content-length", "10"),
        ("content-type", "text/plain"),
        ("x-amz-meta-name", "Zoë"),
        ("etag", "\"5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d\""),
        ("last-modified", "Fri, 24 May 2013 00:00:00 GMT"),
        ("accept-ranges", "bytes"),
        ("x-amz-version-id", "null"),
        ("x-amz-tagging-count", "2"),
        ("x-amz-checksum-crc32", "NhCmhg=="),
        ("x-amz-checksum-type", "FULL_OBJECT"),
        (
            "x-amz-expiration",
            "expiry-date=\"Fri, 24 May 2013 00:00:00 GMT\", rule-id=\"a%20b\"",
        ),
    ] {
        assert_eq!(headers[name].as_bytes(), want.as_bytes(), "{name}");
    }
    let unchanged = output.not_modified();
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    assert!(unchanged.headers.contains_key("etag"));
}

#[test]
fn a_piece_of_an_object() {
    let mut question = get();
    question.range = Some(ByteRange::Suffix { count: 3 });
    let name = header::CONTENT_TYPE;
    question.overrides = ResponseOverrides(vec![(name, HeaderValue::from_static("a/b"))]);
    let checksum = crc32();
    let output = ObjectOutput {
        range: Some(7..10),
        ..object(&question, &checksum)
    };
    let Response {
        status, headers, ..
    } = output.response();
    assert_eq!(status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(headers["content-range"], "bytes 7-9/10");
    assert_eq!(headers["content-length"], "3");
    assert_eq!(headers["content-type"], "a/b");
    assert!(!headers.contains_key("x-amz-checksum-crc32"));
    assert!(!headers.contains_key("x-amz-version-id"));
}

#[test]
fn a_part_of_an_object_shows_its_checksum() {
    let mut question = get();
    question.part = Some(1);
    let checksum = crc32();
    let parts_count = Some(2);
    let output = ObjectOutput {
        range: Some(0..5),
        parts_count,
        ..object(&question, &checksum)
    };
    let headers = output.response().headers;
    assert_eq!(headers["x-amz-mp-parts-count"], "2");
    assert_eq!(headers["x-amz-checksum-crc32"], "NhCmhg==");
}

#[test]
fn writes() {
    let checksum = crc32();
    let put = PutObjectOutput {
        etag: ETag::of_body(HELLO),
        version: Some(VersionId::NULL),
        checksum: Some(&checksum),
        size: Some(5),
        expiration: None,
    };
    let headers = put.response().headers;
    assert_eq!(headers["etag"], "\"5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d\"");
    assert_eq!(headers["x-amz-checksum-crc32"], "NhCmhg==");
    assert_eq!(headers["x-amz-object-size"], "5");
    let deleted = DeleteObjectOutput {
        version: None,
        marker: Some(VersionId::NULL),
    }
    .response();
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(deleted.headers["x-amz-delete-marker"], "true");
    assert_eq!(deleted.headers["x-amz-version-id"], "null");
    let composite = Checksum::composite(ChecksumAlgorithm::Crc32, vec![0; 4], 3).unwrap();
    let complete = CompleteMultipartUploadOutput {
        location: "http://h/bkt/k".into(),
        bucket: bucket(),
        key: key("k&\u{1}"),
        etag: ETag::of_parts(HELLO, 3),
        version: None,
        checksum: Some(&composite),
        expiration: None,
    };
    let response = complete.response();
    assert!(text(&response).contains("<Key>k&amp;&#x1;</Key>"));
    assert!(text(&response).contains("<ChecksumCRC32>AAAAAA==-3</ChecksumCRC32>"));
    assert!(text(&response).contains("5d-3&quot;</ETag>"));
}

#[test]
fn listings() {
    let question = ListObjects {
        bucket: bucket(),
        prefix: "a/".into(),
        delimiter: "/".into(),
        marker: String::new(),
        max_keys: 2,
        encoding_url: true,
    };
    let objects = [listed("a/b c+\u{1}", false)];
    let prefixes = ["a/é/".to_owned()];
    let response = ListObjectsOutput {
        question: &question,
        owner: owner(),
        objects: &objects,
        common_prefixes: &prefixes,
        next: Some("a/é/"),
    }
    .response();
    let shown = text(&response);
    assert!(parse_document(&response.body, "ListBucketResult").is_ok());
    for part in [
        "<Key>a/b%20c%2B%01</Key><LastModified>2013-05-24T00:00:00.042Z</LastModified>\
         <ETag>&quot;5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d-2&quot;</ETag><Size>5</Size>\
         <StorageClass>STANDARD</StorageClass><Owner><ID>",
        "<CommonPrefixes><Prefix>a/%C3%A9/</Prefix></CommonPrefixes>",
        "<NextMarker>a/%C3%A9/</NextMarker><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter>\
         <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let question = ListObjectsV2 {
        bucket: bucket(),
        prefix: String::new(),
        delimiter: String::new(),
        start_after: "s".into(),
        token: None,
        after: "s".into(),
        max_keys: 1000,
        fetch_owner: false,
        encoding_url: false,
    };
    let response = ListObjectsOutput {
        question: &question,
        owner: owner(),
        objects: &objects,
        common_prefixes: &[],
        next: Some("z"),
    }
    .response();
    let shown = text(&response);
    assert!(!shown.contains("<Owner>") && shown.contains("<KeyCount>1</KeyCount>"));
    let token = format!(
        "<NextContinuationToken>{}</NextContinuationToken>",
        token_of("z")
    );
    assert!(shown.contains(&token));
}

#[test]
fn versions() {
    let question = ListObjectVersions {
        bucket: bucket(),
        prefix: String::new(),
        delimiter: String::new(),
        key_marker: String::new(),
        version_marker: None,
        max_keys: 1000,
        encoding_url: false,
    };
    let versions = [listed("a", false), listed("b", true)];
    let response = ListObjectVersionsOutput {
        question: &question,
        owner: owner(),
        versions: &versions,
        common_prefixes: &[],
        next: Some(("b", Some(VersionId::NULL))),
    }
    .response();
    let shown = text(&response);
    for part in [
        "<Version><Key>a</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>",
        "<DeleteMarker><Key>b</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>\
         <LastModified>2013-05-24T00:00:00.042Z</LastModified><Owner>",
        "<NextKeyMarker>b</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker>",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
}

#[test]
fn deletions() {
    let deleted = DeleteOutcome::Deleted {
        key: key("a"),
        version: None,
        marker: Some(VersionId::NULL),
    };
    let error = S3Error::from(ErrorKind::PreconditionFailed);
    let failed = DeleteOutcome::Failed {
        key: "b".into(),
        version: Some("v".into()),
        error,
    };
    let results = vec![deleted, failed];
    let loud = DeleteObjectsOutput {
        quiet: false,
        results: results.clone(),
    }
    .response();
    assert!(text(&loud).contains(
        "<Deleted><Key>a</Key><DeleteMarker>true</DeleteMarker>\
         <DeleteMarkerVersionId>null</DeleteMarkerVersionId></Deleted>"
    ));
    let quiet = DeleteObjectsOutput {
        quiet: true,
        results,
    }
    .response();
    assert!(!text(&quiet).contains("<Deleted>"));
    assert!(text(&quiet).contains("<VersionId>v</VersionId><Code>PreconditionFailed</Code>"));
}

#[test]
fn attributes_page_parts() {
    let question = GetObjectAttributes {
        bucket: bucket(),
        key: key("k"),
        version: None,
        attributes: vec![ObjectAttribute::ObjectParts, ObjectAttribute::ETag],
        max_parts: 1,
        part_marker: 1,
    };
    let parts: Vec<_> = (1..=3)
        .map(|number| AttributesPart {
            number,
            size: 5,
            checksum: None,
        })
        .collect();
    let response = GetObjectAttributesOutput {
        question: &question,
        etag: ETag::of_parts(HELLO, 3),
        size: 15,
        modified: WHEN,
        version: None,
        checksum: None,
        parts: &parts,
    }
    .response();
    assert!(text(&response).contains(
        "<ETag>5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d-3</ETag><ObjectParts><PartsCount>3</PartsCount>\
         <PartNumberMarker>1</PartNumberMarker><NextPartNumberMarker>2</NextPartNumberMarker>\
         <MaxParts>1</MaxParts><IsTruncated>true</IsTruncated>\
         <Part><PartNumber>2</PartNumber><Size>5</Size></Part></ObjectParts>"
    ));
    assert!(!text(&response).contains("ObjectSize"));
}

#[test]
fn errors() {
    let context = ErrorContext {
        resource: "/bkt/\u{1}<",
        request_id: "0123456789ABCDEF",
        host_id: "host",
        head: false,
    };
    let error = S3Error::invalid_range("bytes=10-", 10);
    let response = error.response(&context);
    assert_eq!(response.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(response.headers["content-range"], "bytes */10");
    assert_eq!(
        text(&response),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InvalidRange</Code>\
         <Message>The requested range is not satisfiable</Message>\
         <RangeRequested>bytes=10-</RangeRequested><ActualObjectSize>10</ActualObjectSize>\
         <Resource>/bkt/\u{fffd}&lt;</Resource><RequestId>0123456789ABCDEF</RequestId>\
         <HostId>host</HostId></Error>"
    );
    let head = error.response(&ErrorContext {
        head: true,
        ..context
    });
    assert!(head.body.is_empty() && head.status == response.status);
    let marker = S3Error::version_is_delete_marker(VersionId::NULL, WHEN).response(&context);
    assert_eq!(marker.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(marker.headers["x-amz-delete-marker"], "true");
    assert_eq!(marker.headers["allow"], "DELETE");
    let bad = S3Error::signature_does_not_match("AK", "a\nb", "s", "c").response(&context);
    assert!(text(&bad).contains("<StringToSignBytes>61 0a 62</StringToSignBytes>"));
    let location = GetBucketLocationOutput {
        region: "us-east-1".into(),
    }
    .response();
    assert!(text(&location).ends_with("2006-03-01/\"></LocationConstraint>"));
}
