use super::*;
use crate::link::LinkTerms;
use crate::{form::FieldsDecoder, operation::Attributes, parse::Style, post_policy::LengthRange};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use blockhouse_types::ChecksumAlgorithm;

fn boundary() -> Boundary {
    let boundary = Boundary::of_content_type("multipart/form-data; boundary=b");
    boundary.unwrap().unwrap()
}

fn head() -> Parsed {
    Parsed {
        terms: LinkTerms::default(),
        operation: Operation::PostForm(PostForm {
            bucket: BucketName::parse("bkt").unwrap(),
            boundary: boundary(),
        }),
        style: Style::Path,
        through: None,
        by_link: false,
        promise: BodyPromise::default(),
        expected_owner: None,
        expected_source_owner: None,
    }
}

/// Fields that all have a condition, and a file of that name.
fn ask(fields: &[(&str, &str)], filename: Option<&str>) -> Result<Parsed, S3Error> {
    let names = fields.iter().map(|(name, _)| *name);
    let conditions: Vec<String> = names
        .map(|name| format!(r#"["starts-with", "${name}", ""]"#))
        .chain([
            r#"{"bucket": "bkt"}"#.to_owned(),
            r#"["content-length-range", 1, 9]"#.to_owned(),
        ])
        .collect();
    let policy = format!(
        r#"{{"expiration": "2026-11-26T00:00:00Z", "conditions": [{}]}}"#,
        conditions.join(",")
    );
    let policy = STANDARD.encode(policy);
    let mut form = String::new();
    for (name, value) in fields.iter().chain([&("policy", policy.as_str())]) {
        form.push_str(&format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    form.push_str(&match filename {
        Some(name) => format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        ),
        None => "--b--\r\n".to_owned(),
    });
    let before = FieldsDecoder::new(&boundary()).push(form.as_bytes());
    let fields = before.unwrap().unwrap().fields;
    parse_form(head(), &fields, false, Timestamp::default())
}

fn posted(fields: &[(&str, &str)]) -> PostObject {
    match ask(fields, Some("f.txt")).unwrap().operation {
        Operation::PostObject(post) => post,
        other => panic!("{other:?}"),
    }
}

fn refused(fields: &[(&str, &str)]) -> ErrorKind {
    ask(fields, Some("f.txt")).unwrap_err().kind()
}

#[test]
fn the_fields_are_the_headers_of_a_put() {
    let post = posted(&[
        ("Key", "user/${filename}"),
        ("Content-Type", "text/plain"),
        ("x-amz-meta-Tag", "a b"),
        ("acl", "private"),
        (
            "tagging",
            "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>",
        ),
        ("x-amz-date", "20261121T000000Z"),
        ("x-ignore-this", "\u{1}"),
        ("submit", "Go"),
    ]);
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let expected = Attributes {
        headers: vec![
            pair("content-type", "text/plain"),
            pair("x-amz-meta-tag", "a b"),
        ],
        tags: vec![pair("k", "v")],
    };
    assert_eq!(post.put.attributes, expected);
    assert_eq!(post.put.key.as_str(), "user/f.txt");
    assert_eq!(post.put.bucket.as_str(), "bkt");
    assert_eq!(post.length, LengthRange { min: 1, max: 9 });
    assert_eq!(post.success, Success::NoContent);
}

#[test]
fn the_name_of_the_file_is_put_in_if_it_has_one() {
    let key = |form: &str| {
        let before = FieldsDecoder::new(&boundary()).push(form.as_bytes());
        key_text(&before.unwrap().unwrap().fields).unwrap()
    };
    let form = |file: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na/${{filename}}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"file\"{file}\r\n\r\n"
        )
    };
    assert_eq!(key(&form("; filename=\"C:\\x\\f.txt\"")), "a/f.txt");
    assert_eq!(key(&form("; filename=\"\"")), "a/");
    assert_eq!(key(&form("")), "a/${filename}");
}

#[test]
fn checksums_are_promises() {
    let sum = ("x-amz-checksum-crc32", "NhCmhg==");
    let parsed = ask(&[("key", "k"), sum], Some("")).unwrap();
    assert_eq!(
        parsed.promise.checksum_algorithm(),
        Some(ChecksumAlgorithm::Crc32)
    );
    let post = posted(&[("key", "k"), ("x-amz-checksum-algorithm", "SHA256")]);
    assert_eq!(post.checksum, Some(ChecksumAlgorithm::Sha256));
    for odd in [
        [("key", "k"), ("x-amz-checksum-crc32", "x")],
        [sum, ("x-amz-checksum-algorithm", "SHA256")],
        [sum, ("x-amz-checksum-crc32c", "NhCmhg==")],
    ] {
        let fields = [&[("key", "k")], &odd[usize::from(odd[0].0 == "key")..]].concat();
        assert_eq!(refused(&fields), ErrorKind::InvalidRequest, "{odd:?}");
    }
    assert_eq!(
        refused(&[("key", "k"), ("content-md5", "x")]),
        ErrorKind::InvalidDigest
    );
}

#[test]
fn what_a_put_may_not_say_a_form_may_not_either() {
    for (name, value, kind) in [
        (
            "acl",
            "public-read",
            ErrorKind::AccessControlListNotSupported,
        ),
        (
            "x-amz-server-side-encryption",
            "AES256",
            ErrorKind::NotImplemented,
        ),
        (
            "x-amz-storage-class",
            "GLACIER",
            ErrorKind::InvalidStorageClass,
        ),
        (
            "x-amz-website-redirect-location",
            "x",
            ErrorKind::InvalidRedirectLocation,
        ),
        ("x-amz-meta-a", "two\r\nlines", ErrorKind::InvalidArgument),
        ("x-amz-meta-a b", "", ErrorKind::InvalidArgument),
        ("tagging", "not xml", ErrorKind::MalformedXml),
        (
            "x-amz-object-lock-mode",
            "GOVERNANCE",
            ErrorKind::InvalidRequest,
        ),
    ] {
        assert_eq!(refused(&[("key", "k"), (name, value)]), kind, "{name}");
    }
    assert_eq!(
        refused(&[("key", &"k".repeat(1025))]),
        ErrorKind::KeyTooLongError
    );
    assert_eq!(refused(&[("key", "")]), ErrorKind::InvalidArgument);
}

#[test]
fn a_key_and_a_file_are_needed() {
    let error = ask(&[("acl", "private")], Some("f")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(
        error
            .text()
            .starts_with("Bucket POST must contain a field named 'key'.")
    );
    let error = ask(&[("key", "k")], None).unwrap_err();
    assert_eq!(
        error.text(),
        "POST requires exactly one file upload per request."
    );
}

#[test]
fn success_is_told_as_wished_where_that_makes_sense() {
    let status = |value: &str| posted(&[("key", "k"), ("success_action_status", value)]).success;
    assert_eq!(status("200"), Success::Empty);
    assert_eq!(status("201"), Success::Document);
    for other in ["204", "404", "", "0201"] {
        assert_eq!(status(other), Success::NoContent, "{other}");
    }
    let redirect = |url: &str| {
        let fields = [
            ("key", "k"),
            ("success_action_redirect", url),
            ("success_action_status", "201"),
        ];
        posted(&fields).success
    };
    let url = "https://page.test/done?a=b";
    assert_eq!(redirect(url), Success::Redirect(url.to_owned()));
    for odd in [
        "/relative",
        "ftp://a/",
        "https://",
        "https:///x",
        "https://a/ b",
        "javascript://a/%0a",
    ] {
        assert_eq!(redirect(odd), Success::Document, "{odd}");
    }
    let older = posted(&[("key", "k"), ("redirect", url)]).success;
    assert_eq!(older, Success::Redirect(url.to_owned()));
}

#[test]
fn without_a_policy_nothing_is_allowed() {
    let form = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n\
                --b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n";
    let before = FieldsDecoder::new(&boundary()).push(form.as_bytes());
    let fields = before.unwrap().unwrap().fields;
    let error = parse_form(head(), &fields, false, Timestamp::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
}
