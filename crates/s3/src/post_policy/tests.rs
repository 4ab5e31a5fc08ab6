use super::*;
use crate::form::{Boundary, FieldsDecoder};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;

const ENDS: &str = "2026-11-26T00:00:00Z";

fn policy(json: &str) -> Result<Policy, S3Error> {
    Policy::parse(&STANDARD.encode(json))
}

/// Fields as a form brings them.
fn fields(of: &[(&str, &str)]) -> Fields {
    let mut form = String::new();
    for (name, value) in of {
        form.push_str(&format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    let boundary = Boundary::of_content_type("multipart/form-data; boundary=b");
    let mut decoder = FieldsDecoder::new(&boundary.unwrap().unwrap());
    let before = decoder.push(format!("{form}--b--").as_bytes());
    before.unwrap().unwrap().fields
}

/// What a policy of these conditions, beside one on the bucket, says of a form.
fn judge(conditions: &str, form: &[(&str, &str)]) -> Result<LengthRange, String> {
    let json =
        format!(r#"{{"expiration": "{ENDS}", "conditions": [{{"bucket": "bkt"}}, {conditions}]}}"#);
    let fields = fields(form);
    let submission = Submission {
        bucket: &BucketName::parse("bkt").unwrap(),
        key: fields.get("key"),
        fields: &fields,
    };
    let now = Timestamp::parse_basic("20261125T235959Z").unwrap();
    let allowed = policy(&json).unwrap().allows(&submission, now);
    allowed.map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
        let text = error.text().strip_prefix("Invalid according to Policy: ");
        text.unwrap().to_owned()
    })
}

#[test]
fn conditions_hold_or_are_named() {
    let any = Ok(LengthRange::ANY);
    let failed = |condition: &str| Err(format!("Policy Condition failed: {condition}"));
    let key = [("key", "user/a")];
    assert_eq!(judge(r#"{"key": "user/a"}"#, &key), any);
    assert_eq!(judge(r#"["eq", "$key", "user/a"]"#, &key), any);
    assert_eq!(judge(r#"["StArTs-WiTh", "$KeY", "user/"]"#, &key), any);
    assert_eq!(judge(r#"["starts-with", "$key", ""]"#, &key), any);
    assert_eq!(
        judge(r#"{"key": "user/b"}"#, &key),
        failed(r#"["eq", "$key", "user/b"]"#)
    );
    assert_eq!(
        judge(r#"{"Key":"User/a"}"#, &key),
        failed(r#"["eq", "$Key", "User/a"]"#)
    );
    let text = r#"["starts-with", "$key", "a\"b"]"#;
    assert_eq!(judge(text, &key), failed(text));
    let text = r#"["eq", "key", "user/a"]"#;
    assert_eq!(judge(text, &key), failed(text));
    let absent = r#"["starts-with", "$acl", ""]"#;
    assert_eq!(judge(absent, &key), failed(absent));
    assert_eq!(judge(absent, &[("ACL", "")]), any);
}

#[test]
fn content_types_may_be_a_list() {
    let judged = |kind: &str, value: &str| {
        judge(
            &format!(r#"["starts-with", "${kind}", "image/"]"#),
            &[(kind, value)],
        )
        .is_ok()
    };
    assert!(judged("Content-Type", "image/jpg, image/png,image/gif"));
    assert!(!judged("Content-Type", "image/jpg,text/plain"));
    assert!(judged("x-amz-meta-list", "image/jpg,text/plain"));
}

#[test]
fn every_field_is_named_by_a_condition() {
    let extra = |names: &str| Err(format!("Extra input fields: {names}"));
    let key = r#"["starts-with", "$key", ""]"#;
    let form = [
        ("key", "k"),
        ("Policy", "p"),
        ("x-amz-Signature", "s"),
        ("X-Ignore-Me", ""),
    ];
    assert!(judge(key, &form).is_ok());
    assert_eq!(
        judge(r#"["content-length-range", 0, 9]"#, &[("Key", "k")]),
        extra("Key")
    );
    assert_eq!(
        judge(key, &[("key", ""), ("acl", ""), ("é", "")]),
        extra("acl, é")
    );
}

#[test]
fn the_bucket_counts_as_a_field() {
    let submitted = |json: &str, form: &[(&str, &str)]| {
        let fields = fields(form);
        let submission = Submission {
            bucket: &BucketName::parse("bkt").unwrap(),
            key: None,
            fields: &fields,
        };
        let json = format!(r#"{{"expiration": "{ENDS}", "conditions": [{json}]}}"#);
        let allowed = policy(&json)
            .unwrap()
            .allows(&submission, Timestamp::default());
        allowed.map_err(|error| error.text().to_owned())
    };
    let prefix = "Invalid according to Policy: ";
    assert_eq!(
        submitted("", &[]),
        Err(format!("{prefix}Extra input fields: bucket"))
    );
    let other = submitted(r#"{"bucket": "other"}"#, &[("bucket", "other")]);
    assert_eq!(
        other,
        Err(format!(
            r#"{prefix}Policy Condition failed: ["eq", "$bucket", "other"]"#
        ))
    );
    let named = submitted(r#"{"bucket": "bkt"}"#, &[("bucket", "other")]);
    assert_eq!(
        named,
        Err(format!(
            r#"{prefix}Policy Condition failed: ["eq", "$bucket", "bkt"]"#
        ))
    );
    assert!(submitted(r#"{"bucket": "bkt"}"#, &[("bucket", "bkt")]).is_ok());
}

#[test]
fn lengths() {
    let range = |min, max| Ok(LengthRange { min, max });
    assert_eq!(
        judge(r#"["content-length-range", 5, 10]"#, &[]),
        range(5, 10)
    );
    assert_eq!(
        judge(r#"["content-length-range", "5", "10"]"#, &[]),
        range(5, 10)
    );
    let both = r#"["content-length-range", 5, 10], ["content-length-range", 1, 7]"#;
    assert_eq!(judge(both, &[]), range(5, 7));
    let odd = r#"["content-length-range", "test", "10"]"#;
    assert_eq!(
        judge(odd, &[]),
        Err(format!("Policy Condition failed: {odd}"))
    );
}

#[test]
fn it_ends_at_its_moment() {
    let at = |text: &str| Timestamp::parse_basic(text).unwrap();
    let fields = fields(&[]);
    let submission = Submission {
        bucket: &BucketName::parse("bkt").unwrap(),
        key: None,
        fields: &fields,
    };
    let allows = |expiration: &str, now| {
        let json =
            format!(r#"{{"expiration": "{expiration}", "conditions": [{{"bucket": "bkt"}}]}}"#);
        policy(&json).unwrap().allows(&submission, now).is_ok()
    };
    assert!(allows(ENDS, at("20261125T235959Z")));
    assert!(!allows(ENDS, at("20261126T000000Z")));
    assert!(allows("2026-11-26T00:00:00.5Z", at("20261126T000000Z")));
    assert!(!allows("2026-11-26T00:00:00.000Z", at("20261126T000000Z")));
}

#[test]
fn documents_that_are_none_are_named() {
    let refused = |json: &str| {
        let error = policy(json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPolicyDocument);
        error
            .text()
            .strip_prefix("Invalid Policy: ")
            .unwrap()
            .to_owned()
    };
    let with = |conditions: &str| {
        refused(&format!(
            r#"{{"expiration": "{ENDS}", "conditions": {conditions}}}"#
        ))
    };
    let error = Policy::parse("e30").unwrap_err();
    assert_eq!(error.text(), "Invalid Policy: invalid Base64 encoding.");
    for json in ["", "[]", "{", "{} x", "\u{fffd}", &"[".repeat(9_999)] {
        assert_eq!(refused(json), "Invalid JSON.", "{json}");
    }
    assert_eq!(refused("{}"), "Policy missing expiration.");
    assert_eq!(refused(r#"{"EXPIRATION": 1}"#), "Unexpected: 'expiration'");
    assert_eq!(
        refused(&format!(r#"{{"expiration": "{ENDS}"}}"#)),
        "Policy missing conditions."
    );
    for odd in [
        "2026-11-26 00:00:00Z",
        "2026-11-26T00:00:00",
        "2026-11-26T00:00:00+02:00",
        "2026-11-26T00:00:00.Z",
        "2026-02-30T00:00:00Z",
        "2026-11-26T00:00:00.0000000000Z",
        "20261126T000000Z",
        "é026-11-26T00:00:0Z",
    ] {
        let said = refused(&format!(r#"{{"expiration": "{odd}", "conditions": []}}"#));
        assert_eq!(said, format!("Invalid 'expiration' value: '{odd}'"));
    }
    let number = refused(r#"{"expiration": 7, "conditions": []}"#);
    assert_eq!(number, "Invalid 'expiration' value: '7'");
    assert_eq!(with("{}"), "Invalid 'conditions' value: must be a List.");
    assert_eq!(
        with("[7]"),
        "Invalid condition test: must be a List or Object."
    );
    let one =
        "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.";
    assert_eq!(with("[{}]"), one);
    assert_eq!(with(r#"[{"a": "b", "c": "d"}]"#), one);
    assert_eq!(
        with(r#"[{"a": 1}]"#),
        "Invalid Simple-Condition: value must be a string."
    );
    assert_eq!(
        with("[[]]"),
        "Invalid Condition: missing operation identifier."
    );
    assert_eq!(
        with(r#"[["ne", "$key", ""]]"#),
        "Invalid Condition: unknown operation 'ne'."
    );
    for operator in ["eq", "starts-with", "content-length-range"] {
        let said = format!("Invalid {operator}: wrong number of arguments.");
        assert_eq!(with(&format!(r#"[["{operator}", "1"]]"#)), said);
        assert_eq!(with(&format!(r#"[["{operator}", "1", "2", "3"]]"#)), said);
    }
    for odd in [
        r#"{"a": null}"#,
        r#"["eq", 1, "2"]"#,
        r#"["eq", "$key", null]"#,
        r#"["content-length-range", -1, 0]"#,
        r#"["content-length-range", 0, 512.0]"#,
        r#"["content-length-range", 0, null]"#,
        r#"["content-length-range", 0, 18446744073709551616]"#,
    ] {
        assert_eq!(with(&format!("[{odd}]")), "Invalid JSON.", "{odd}");
    }
}

proptest! {
    #[test]
    fn never_panics(json in r#"[\[\]{}",:$a-z0-9\\ -]{0,80}"#, base64 in ".*") {
        let _ = policy(&json);
        let _ = Policy::parse(&base64);
    }
}
