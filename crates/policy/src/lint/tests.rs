use super::*;
use crate::kind::Kind;

fn warnings(kind: Kind, statement: &str) -> Vec<WarningKind> {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    let policy = Policy::parse(kind, "p", &text).unwrap();
    let mut kinds: Vec<_> = lint(&policy, None).into_iter().map(|w| w.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

fn identity(statement: &str) -> Vec<WarningKind> {
    warnings(Kind::Managed, statement)
}

fn with_condition(effect: &str, condition: &str) -> Vec<WarningKind> {
    identity(&format!(
        r#"{{"Effect":"{effect}","Action":"s3:GetObject","Resource":"*","Condition":{condition}}}"#
    ))
}

#[test]
fn nothing_is_said_of_plain_policies() {
    for good in [
        r#"{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bkt/*"}"#,
        r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::bkt","Condition":{"StringLike":{"s3:prefix":"${aws:username}/*"}}}"#,
        r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#,
        r#"{"Effect":"Allow","Action":"s3-outposts:*","Resource":"arn:aws:s3-outposts:*:111122223333:outpost/*/bucket/bkt/object/*"}"#,
        r#"{"Effect":"Allow","Action":"iam:CreateUser","Resource":"arn:aws:iam::111122223333:user/*"}"#,
        r#"{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::bkt","arn:aws:s3:*:111122223333:accesspoint/*"]}"#,
        r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"BoolIfExists":{"aws:SecureTransport":"false"}}}"#,
    ] {
        assert_eq!(identity(good), [], "{good}");
    }
}

#[test]
fn the_deny_that_also_blocks_vpc_endpoints() {
    use WarningKind::DenyBlocksVpcEndpoints as Blocks;
    let range = r#""NotIpAddressIfExists":{"aws:SourceIp":"192.0.2.0/24"}"#;
    assert_eq!(with_condition("Deny", &format!("{{{range}}}")), [Blocks]);
    let plain = r#"{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#;
    assert_eq!(with_condition("Deny", plain), [Blocks]);
    let admitted = format!(r#"{{{range},"StringNotEqualsIfExists":{{"aws:SourceVpc":"vpc-1"}}}}"#);
    assert_eq!(with_condition("Deny", &admitted), []);
    let public_only = format!(r#"{{{range},"Null":{{"aws:SourceIp":"false"}}}}"#);
    assert_eq!(with_condition("Deny", &public_only), []);
    let text = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*",
"Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}}"#;
    let policy = Policy::parse(Kind::Managed, "p", text).unwrap();
    let warning = &lint(&policy, None)[0];
    assert_eq!((warning.place.line, warning.place.column), (2, 30));
    assert!(warning.to_string().contains("aws:SourceVpc"));
}

#[test]
fn statements_that_can_never_match() {
    use WarningKind::{AllowsTheRest, NeverMatches as Never, UnknownAction, UnknownKey};
    for (statement, expected) in [
        (
            r#"{"Effect":"Deny","NotAction":"*","Resource":"*"}"#,
            vec![Never],
        ),
        (
            r#"{"Effect":"Deny","Action":"*","NotResource":"*"}"#,
            vec![Never],
        ),
        (
            r#"{"Effect":"Allow","Action":"*","NotResource":"*"}"#,
            vec![Never, AllowsTheRest],
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt"}"#,
            vec![Never],
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::bkt/k"}"#,
            vec![Never],
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3-outposts:r:111122223333:outpost/op/bucket/b"}"#,
            vec![Never],
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:GetObjects","Resource":"*"}"#,
            vec![UnknownAction],
        ),
    ] {
        assert_eq!(identity(statement), expected, "{statement}");
    }
    for (condition, expected) in [
        (
            r#"{"StringEquals":{"s3:prefix":"a"},"Null":{"s3:prefix":"true"}}"#,
            vec![Never],
        ),
        (
            r#"{"StringEquals":{"s3-outposts:prefix":"a"}}"#,
            vec![Never],
        ),
        (
            r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#,
            vec![Never],
        ),
        (
            r#"{"StringEquals":{"aws:SourceVcp":"vpc-1"}}"#,
            vec![Never, UnknownKey],
        ),
        (
            r#"{"StringNotEquals":{"aws:SourceVcp":"vpc-1"}}"#,
            vec![UnknownKey],
        ),
    ] {
        assert_eq!(with_condition("Allow", condition), expected, "{condition}");
    }
}

#[test]
fn operators_and_their_keys() {
    use WarningKind::{AllowedWhenAbsent, OperatorDoesNotFit, ValuesDoNotFit, WildcardIsText};
    for (condition, expected) in [
        (
            r#"{"StringEquals":{"aws:SourceIp":"192.0.2.1"}}"#,
            vec![OperatorDoesNotFit],
        ),
        (
            r#"{"IpAddress":{"aws:UserAgent":"192.0.2.1"}}"#,
            vec![OperatorDoesNotFit],
        ),
        (r#"{"NumericEquals":{"aws:EpochTime":"1"}}"#, vec![]),
        (
            r#"{"StringEquals":{"s3:prefix":"a*"}}"#,
            vec![WildcardIsText],
        ),
        (r#"{"StringEquals":{"s3:prefix":"a${*}"}}"#, vec![]),
        (
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":"a"}}"#,
            vec![AllowedWhenAbsent],
        ),
        (
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":"a"},"Null":{"aws:TagKeys":"false"}}"#,
            vec![],
        ),
        (
            r#"{"StringEquals":{"aws:TagKeys":"a"}}"#,
            vec![ValuesDoNotFit],
        ),
        (
            r#"{"ForAnyValue:StringEquals":{"s3:prefix":"a"}}"#,
            vec![ValuesDoNotFit],
        ),
    ] {
        assert_eq!(with_condition("Allow", condition), expected, "{condition}");
    }
}

#[test]
fn variables_of_2008_and_names_that_stand_twice() {
    let text = r#"{"Version":"2008-10-17","Statement":[
{"Sid":"S","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"arn:aws:s3:::${aws:username}/*"},
{"Sid":"S","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"*"}]}"#;
    let policy = Policy::parse(Kind::Bucket, "p", text).unwrap();
    let found: Vec<_> = lint(&policy, None)
        .into_iter()
        .map(|w| (w.kind, w.place.line, w.place.path))
        .collect();
    let expected = [
        (WarningKind::VariableIsText, 2, "Statement[0]".to_owned()),
        (WarningKind::SidTwice, 3, "Statement[1]".to_owned()),
    ];
    assert_eq!(found, expected);
}

#[test]
fn principals() {
    use WarningKind::{NeverMatches, NoSuchPrincipal, NotPrincipalWithoutAccount, Public};
    let bucket = |effect: &str, principal: &str| {
        warnings(
            Kind::Bucket,
            &format!(r#"{{"Effect":"{effect}",{principal},"Action":"*","Resource":"*"}}"#),
        )
    };
    assert_eq!(bucket("Allow", r#""Principal":"*""#), [Public]);
    assert_eq!(bucket("Deny", r#""Principal":"*""#), []);
    let endpoint = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#;
    assert_eq!(warnings(Kind::Endpoint, endpoint), []);
    assert_eq!(bucket("Deny", r#""NotPrincipal":"*""#), [NeverMatches]);
    let user = r#""NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user/a"}"#;
    assert_eq!(bucket("Deny", user), [NotPrincipalWithoutAccount]);
    let both = r#""NotPrincipal":{"AWS":["arn:aws:iam::111122223333:user/a","111122223333"]}"#;
    assert_eq!(bucket("Deny", both), []);
    let deleted = r#""Principal":{"AWS":"AIDACKCEVSQ6C2EXAMPLE"}"#;
    assert_eq!(bucket("Allow", deleted), [NeverMatches]);
    let text = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:user/gone"]},"Action":"*","Resource":"*"}}"#;
    let policy = Policy::parse(Kind::Bucket, "p", text).unwrap();
    let exists = |name: &str| name == "111122223333";
    let found = lint(&policy, Some(&exists));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, NoSuchPrincipal);
    assert!(found[0].message.contains("user/gone"));
}
