//! What is refused, with which words, and where.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use blockhouse_policy::{Fault, Kind, MalformedPolicy, PATTERN_PARTS_MAX, Policy};

/// A statement that every kind takes, with something put in.
fn bucket(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

fn refuse(kind: Kind, text: &str) -> MalformedPolicy {
    match Policy::parse(kind, "p", text) {
        Ok(_) => panic!("taken: {text}"),
        Err(error) => error,
    }
}

#[test]
fn each_fault_has_its_words_and_its_place() {
    let b = Kind::Bucket;
    let s = |inside: &str| bucket(&format!(r#"{{"Effect":"Allow",{inside}}}"#));
    let with_condition = |condition: &str| {
        s(&format!(
            r#""Principal":"*","Action":"*","Resource":"*","Condition":{condition}"#
        ))
    };
    let cases: Vec<(Kind, String, &str, &str)> = vec![
        (b, String::new(), "Policies must be valid JSON and the first byte must be '{'", ""),
        (b, "[]".into(), "Policies must be valid JSON", ""),
        (b, "{}".into(), "Missing required field Statement", ""),
        (b, r#"{"Statement":[]}"#.into(), "Missing required field cannot be empty: Statement", "Statement"),
        (b, r#"{"Statement":"x"}"#.into(), "Statement must be an object", "Statement"),
        (b, r#"{"statement":[]}"#.into(), "Unknown field statement", ""),
        (b, r#"{"Version":"2012-10-18","Statement":{}}"#.into(), "valid version string", "Version"),
        (b, r#"{"Version":20121017,"Statement":{}}"#.into(), "valid version string", "Version"),
        (b, r#"{"Version":"2012-10-17","Version":"2012-10-17"}"#.into(), "duplicate key 'Version'", ""),
        (b, r#"{"Id":7,"Statement":{}}"#.into(), "Id must be a string", "Id"),
        (b, bucket("{}"), "Missing required field Effect", "Statement[0]"),
        (b, bucket(r#"{"Effect":"allow"}"#), "Invalid effect: allow", "Statement[0].Effect"),
        (b, bucket(r#"{"Effect":["Allow"]}"#), "Effect must be a string", "Statement[0].Effect"),
        (b, bucket(r#"{"effect":"Allow"}"#), "Unknown field effect", "Statement[0]"),
        (b, s(r#""Action":"*","Resource":"*""#), "Missing required field Principal", "Statement[0]"),
        (b, s(r#""Principal":"*","Resource":"*""#), "Missing required field Action", "Statement[0]"),
        (b, s(r#""Principal":"*","Action":"*""#), "Missing required field Resource", "Statement[0]"),
        (b, s(r#""Principal":"*","Action":"","Resource":"*""#), "it is empty; for every action write \"*\"", "Statement[0].Action"),
        (b, s(r#""Principal":"*","Action":"*","Resource":"""#), "it is empty; for every resource write \"*\"", "Statement[0].Resource"),
        (b, s(r#""Principal":"*","Action":[],"Resource":"*""#), "cannot be empty: Action", "Statement[0].Action"),
        (b, s(r#""Principal":"*","Action":["s3:GetObject","Get"],"Resource":"*""#), "invalid action: 'Get'", "Statement[0].Action[1]"),
        (b, s(r#""Principal":"*","Action":7,"Resource":"*""#), "Action must be a string", "Statement[0].Action"),
        (b, s(r#""Principal":"*","Action":"*","NotAction":"*","Resource":"*""#), "Action and NotAction", "Statement[0]"),
        (b, s(r#""Principal":"*","NotPrincipal":"*","Action":"*","Resource":"*""#), "Principal and NotPrincipal", "Statement[0]"),
        (b, s(r#""Principal":"*","Action":"*","Resource":"*","NotResource":"*""#), "Resource and NotResource", "Statement[0]"),
        (b, s(r#""NotPrincipal":"*","Action":"*","Resource":"*""#), "NotPrincipal goes with Deny only", "Statement[0]"),
        (b, s(r#""Principal":"*","Action":"*","Resource":"bkt""#), "'bkt' must be in ARN format or \"*\"", "Statement[0].Resource"),
        (b, s(r#""Principal":"*","Action":"*","Resource":["*","arn:aws:s3::bkt"]"#), "must be in ARN format", "Statement[0].Resource[1]"),
        (b, s(r#""Principal":"*","Action":"*","Resource":"arn:aws:s3:::${aws:username""#), "invalid variable", "Statement[0].Resource"),
        (b, s(r#""Principal":"alice","Action":"*","Resource":"*""#), "Invalid principal in policy: alice", "Statement[0].Principal"),
        (b, s(r#""Principal":{"AWS":["111122223333","bob"]},"Action":"*","Resource":"*""#), "Invalid principal in policy: bob", "Statement[0].Principal.AWS[1]"),
        (b, s(r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/*"},"Action":"*","Resource":"*""#), "Invalid principal", "Statement[0].Principal.AWS"),
        (b, s(r#""Principal":{"aws":"*"},"Action":"*","Resource":"*""#), "Invalid principal in policy: aws", "Statement[0].Principal"),
        (b, s(r#""Principal":{},"Action":"*","Resource":"*""#), "cannot be empty: Principal", "Statement[0].Principal"),
        (b, s(r#""Principal":["*"],"Action":"*","Resource":"*""#), "Principal must be", "Statement[0].Principal"),
        (b, with_condition(r#"[]"#), "Condition must be an object", "Statement[0].Condition"),
        (b, with_condition(r#"{"StringMatches":{"s3:prefix":"a"}}"#), "Invalid Condition type : StringMatches", "Statement[0].Condition"),
        (b, with_condition(r#"{"stringequals":{"s3:prefix":"a"}}"#), "Invalid Condition type", "Statement[0].Condition"),
        (b, with_condition(r#"{"NullIfExists":{"s3:prefix":"true"}}"#), "Invalid Condition type", "Statement[0].Condition"),
        (b, with_condition(r#"{"StringEquals":{"prefix":"a"}}"#), "invalid condition key: 'prefix'", "Statement[0].Condition.StringEquals"),
        (b, with_condition(r#"{"StringEquals":{"s3:prefix":[]}}"#), "cannot be empty: Condition", "Statement[0].Condition.StringEquals.s3:prefix"),
        (b, with_condition(r#"{"StringEquals":{"s3:prefix":{"a":1}}}"#), "Condition must be a string", "Statement[0].Condition.StringEquals.s3:prefix"),
        (b, with_condition(r#"{"StringEquals":{"s3:prefix":null}}"#), "Condition must be a string", "Statement[0].Condition.StringEquals.s3:prefix"),
        (b, with_condition(r#"{"StringEquals":{"s3:prefix":"a","S3:PREFIX":"b"}}"#), "duplicate key 'S3:PREFIX'", "Statement[0].Condition.StringEquals"),
        (b, with_condition(r#"{"NumericEquals":{"s3:max-keys":"ten"}}"#), "'ten' is not a number", "Statement[0].Condition.NumericEquals.s3:max-keys"),
        (b, with_condition(r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","10.0.0.0/33"]}}"#), "'10.0.0.0/33' is not an IP address", "Statement[0].Condition.IpAddress.aws:SourceIp[1]"),
        (b, with_condition(r#"{"Bool":{"aws:SecureTransport":"yes"}}"#), "'yes' is not true or false", "Statement[0].Condition.Bool.aws:SecureTransport"),
        (b, with_condition(r#"{"Null":{"aws:SecureTransport":"maybe"}}"#), "is not true or false", "Statement[0].Condition.Null.aws:SecureTransport"),
        (b, with_condition(r#"{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}"#), "is not a date", "Statement[0].Condition.DateLessThan.aws:CurrentTime"),
        (b, with_condition(r#"{"BinaryEquals":{"example:x":"!"}}"#), "is not base64", "Statement[0].Condition.BinaryEquals.example:x"),
        (b, with_condition(r#"{"ArnLike":{"aws:SourceArn":"arn:aws"}}"#), "is not an ARN", "Statement[0].Condition.ArnLike.aws:SourceArn"),
        (b, with_condition(r#"{"StringEquals":{"s3:prefix":"${aws:username"}}"#), "invalid variable", "Statement[0].Condition.StringEquals.s3:prefix"),
        (b, with_condition(r#"{"NumericEquals":{"s3:max-keys":"${aws:username}"}}"#), "is not a number", "Statement[0].Condition.NumericEquals.s3:max-keys"),
        (Kind::Managed, s(r#""Principal":"*","Action":"*","Resource":"*""#), "Has prohibited field Principal", "Statement[0]"),
        (Kind::Boundary, s(r#""Principal":"*","Action":"*","Resource":"*""#), "Has prohibited field Principal", "Statement[0]"),
        (Kind::Session, s(r#""NotPrincipal":"*","Action":"*","Resource":"*""#), "Has prohibited field NotPrincipal", "Statement[0]"),
        (Kind::Guardrail, s(r#""Principal":"*","Action":"*","Resource":"*""#), "Has prohibited field Principal", "Statement[0]"),
        (Kind::Trust, s(r#""Principal":"*","Action":"*","Resource":"*""#), "Has prohibited field Resource", "Statement[0]"),
        (Kind::Managed, s(r#""Sid":"a b","Action":"*","Resource":"*""#), "must be alpha-numeric", "Statement[0].Sid"),
        (Kind::Managed, r#"{"Statement":[{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}]}"#.into(), "must be unique: A", "Statement[1]"),
        (b, "[".repeat(40), "nested too deep", ""),
    ];
    for (kind, text, words, path) in &cases {
        let error = refuse(*kind, text);
        assert!(error.fault.to_string().contains(words), "{text}: {error}");
        assert_eq!(error.place.path, *path, "{text}: {error}");
    }
}

#[test]
fn the_place_is_a_line_and_a_column() {
    let text = "{\n  \"Statement\": {\n    \"Effect\": \"Allow\",\n    \"Action\": \"\",\n    \"Resource\": \"*\"\n  }\n}";
    let error = refuse(Kind::Managed, text);
    assert_eq!(error.fault, Fault::EmptyAction);
    assert_eq!((error.place.line, error.place.column), (4, 15));
    assert_eq!(&text[error.place.offset as usize..][..2], "\"\"");
    assert!(
        error
            .to_string()
            .ends_with("(line 4, column 15, at Statement.Action)"),
        "{error}"
    );
}

#[test]
fn sizes_are_counted_as_each_kind_counts() {
    let policy = |filler: usize, space: usize| {
        let space = " ".repeat(space);
        let key = "k".repeat(filler);
        format!(
            r#"{{{space}"Statement":{{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::{key}"}}}}"#
        )
    };
    let len = policy(0, 0).len();
    // White space does not count in an identity's policy.
    assert!(Policy::parse(Kind::Managed, "p", &policy(6144 - len, 9_000)).is_ok());
    let error = refuse(Kind::Managed, &policy(6145 - len, 0));
    assert_eq!(error.fault, Fault::TooLong { max: 6144 });
    assert!(Policy::parse(Kind::UserInline, "p", &policy(2048 - len, 10)).is_ok());
    refuse(Kind::UserInline, &policy(2049 - len, 0));
    // In a bucket's it does.
    let bucket = |space: usize| {
        let space = " ".repeat(space);
        format!(
            r#"{{{space}"Statement":{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}}}"#
        )
    };
    let len = bucket(0).len();
    assert!(Policy::parse(Kind::Bucket, "p", &bucket(20_480 - len)).is_ok());
    refuse(Kind::Bucket, &bucket(20_481 - len));
}

#[test]
fn what_a_tenants_patterns_can_cost_is_bounded() {
    let of = |parts: usize| {
        let key = "?a".repeat(parts / 2);
        bucket(&format!(
            r#"{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:s3:::{key}"}}"#
        ))
    };
    assert!(Policy::parse(Kind::Bucket, "p", &of(PATTERN_PARTS_MAX)).is_ok());
    let error = refuse(Kind::Bucket, &of(PATTERN_PARTS_MAX + 2));
    assert!(matches!(error.fault, Fault::TooMany { .. }), "{error}");
    // As many resources with two wildcards as fit.
    let resources: Vec<String> = (100..500)
        .map(|n| format!(r#""arn:aws:s3:::bkt/{n}/*/x*""#))
        .collect();
    let list = resources.join(",");
    let usual = bucket(&format!(
        r#"{{"Effect":"Allow","Principal":"*","Action":"*","Resource":[{list}]}}"#
    ));
    assert!(Policy::parse(Kind::Bucket, "p", &usual).is_ok());
}

#[test]
fn what_aws_takes_is_taken() {
    let taken = |kind: Kind, text: &str| {
        Policy::parse(kind, "p", text).unwrap_or_else(|e| panic!("{text}: {e}"))
    };
    taken(
        Kind::Managed,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
    );
    taken(
        Kind::Managed,
        r#"{"Version":"2008-10-17","Id":"","Statement":[{"Sid":"","Effect":"Deny","NotAction":["*"],"NotResource":["*"],"Condition":{}}]}"#,
    );
    taken(
        Kind::Endpoint,
        r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    );
    taken(
        Kind::Trust,
        r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com"],"Federated":"arn:aws:iam::111122223333:saml-provider/x"},"Action":"sts:AssumeRole"}]}"#,
    );
    let twice = r#"{"Statement":[{"Sid":"a b","Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Sid":"a b","Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
    assert_eq!(taken(Kind::Bucket, twice).sid(1), Some("a b"));
}

#[test]
fn a_policy_that_cannot_be_read_denies() {
    let policy = Policy::unreadable(Kind::Bucket, "broken");
    assert_eq!((policy.id(), policy.statement_count()), ("broken", 1));
}
