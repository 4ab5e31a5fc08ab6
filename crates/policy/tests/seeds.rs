//! The policies that the documents behind this product print, word for word.
//!
//! The files are what a reader copies from the pages: with the line breaks that the pages put around a
//! placeholder, one without the asterisks that got lost, one without its closing brace. A text like
//! that is refused, with its place; mended, it means what AWS says.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use blockhouse_policy::{Fault, Kind, MalformedPolicy, Policy, WarningKind, lint};
use common::Question;
use serde_json::{Value as Json, json};

const SIGNATURE_AGE: &str = include_str!("seeds/001-signature-age.txt");
const NETWORK_PATH: &str = include_str!("seeds/001-network-path.txt");
const LOST_ASTERISKS: &str = include_str!("seeds/002-network-path.txt");
const READ_ONLY: &str = include_str!("seeds/004-read-only.txt");

/// The text without the page's line breaks.
fn joined(text: &str) -> String {
    text.replace('\n', "")
}

/// A lone statement as a policy.
fn policy_of(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

fn refuse(kind: Kind, text: &str) -> MalformedPolicy {
    match Policy::parse(kind, "seed", text) {
        Ok(_) => panic!("taken: {text}"),
        Err(error) => error,
    }
}

/// What the signature-age policy says of a presigned request this old.
fn aged(kind: &str, principal: &str, auth_type: &str, age_ms: Json) -> &'static str {
    let mut seed: Json = serde_json::from_str(&joined(SIGNATURE_AGE)).unwrap();
    let bucket = "arn:aws:s3-outposts:us-east-1:111122223333:outpost/op-01ac5d28a6a232904/bucket/example-outpost-bucket/object/k";
    let access_point = "arn:aws:s3-outposts:us-east-1:111122223333:outpost/op-01ac5d28a6a232904/accesspoint/ap/object/k";
    if kind == "access_point" {
        seed["Statement"][0]["Resource"] = access_point.replace("/k", "/*").into();
    }
    let mut context = json!({ "s3-outposts:authType": auth_type });
    if !age_ms.is_null() {
        context["s3-outposts:signatureAge"] = age_ms;
    }
    let case = json!({
        "principal": principal, "action": "s3-outposts:GetObject", "resource": bucket, "owner": "444455556666",
        "access_point": { "name": access_point, "account": "444455556666" },
        "context": context,
        "policies": { kind: seed,
            "identity": [{ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } }] },
    });
    Question::new(&case).unwrap().decide().as_str()
}

#[test]
fn seed_001_as_printed_has_line_breaks_within_strings() {
    let error = refuse(Kind::Bucket, SIGNATURE_AGE);
    assert_eq!(error.fault, Fault::NotJson);
    assert_eq!(error.place.line, 1);
}

#[test]
fn seed_001_signature_age_denies_old_links() {
    let policy = Policy::parse(Kind::Bucket, "seed", &joined(SIGNATURE_AGE)).unwrap();
    let sid = "Deny a presigned URL request if the signature is more than 10 minutes old";
    assert_eq!(policy.sid(0), Some(sid), "a Sid with spaces");
    assert!(Policy::parse(Kind::AccessPoint, "seed", &joined(SIGNATURE_AGE)).is_ok());
    let user = "arn:aws:iam::444455556666:user/alice";
    for kind in ["resource", "access_point"] {
        let link = |age: i64| aged(kind, user, "REST-QUERY-STRING", age.into());
        assert_eq!(link(600_000), "allowed", "just as old");
        assert_eq!(link(600_001), "explicitDeny", "a millisecond older");
        assert_eq!(link(0), "allowed");
        // Header authentication has no age, and another type.
        assert_eq!(aged(kind, user, "REST-HEADER", Json::Null), "allowed");
        assert_eq!(aged(kind, user, "REST-HEADER", 700_000.into()), "allowed");
        // The bare account number hits whoever is of the account.
        let root = "arn:aws:iam::444455556666:root";
        let session = "arn:aws:sts::444455556666:assumed-role/r/s";
        for principal in [root, session] {
            assert_eq!(
                aged(kind, principal, "REST-QUERY-STRING", 600_001.into()),
                "explicitDeny"
            );
        }
    }
}

/// What the network statement, with a range filled in, says of a request on this path.
fn on_path(statement: &Json, context: Json) -> &'static str {
    let case = json!({
        "principal": "arn:aws:iam::111122223333:user/alice",
        "action": "s3:GetObject", "resource": "arn:aws:s3:::bkt/k", "owner": "111122223333",
        "context": context,
        "policies": { "identity": [{ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "*", "Resource": "*" }, statement] }] },
    });
    Question::new(&case).unwrap().decide().as_str()
}

fn network_statement() -> Json {
    let text = joined(NETWORK_PATH).replace("IP-address-range", "192.0.2.0/24");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn seed_001_network_path_wants_its_placeholder_filled_in() {
    let error = refuse(Kind::Managed, &policy_of(&joined(NETWORK_PATH)));
    assert!(matches!(error.fault, Fault::Value { .. }), "{error}");
    let path = "Statement[0].Condition.NotIpAddressIfExists.aws:SourceIp";
    assert_eq!(error.place.path, path);
    assert_eq!(
        refuse(Kind::Managed, &policy_of(NETWORK_PATH)).fault,
        Fault::NotJson
    );
}

#[test]
fn seed_001_network_path_denies_whatever_is_not_in_the_range() {
    let seed = network_statement();
    let on = |context: Json| on_path(&seed, context);
    let direct = |ip: &str| json!({ "aws:SourceIp": ip, "aws:ViaAWSService": false });
    assert_eq!(on(direct("192.0.2.7")), "allowed");
    assert_eq!(on(direct("::ffff:192.0.2.7")), "allowed", "the same peer");
    assert_eq!(on(direct("198.51.100.1")), "explicitDeny");
    assert_eq!(on(direct("2001:db8::1")), "explicitDeny");
    // A presigned link is no exception.
    let mut link = direct("198.51.100.1");
    link["s3:authType"] = "REST-QUERY-STRING".into();
    assert_eq!(on(link), "explicitDeny");
    // The trap: through a VPC endpoint there is no SourceIp.
    let endpoint = json!({ "aws:SourceVpc": "vpc-1", "aws:SourceVpce": "vpce-1",
        "aws:VpcSourceIp": "10.0.0.1", "aws:ViaAWSService": false });
    assert_eq!(on(endpoint), "explicitDeny");
    let service = json!({ "aws:SourceIp": "198.51.100.1", "aws:ViaAWSService": true });
    assert_eq!(on(service), "allowed");
    // Neither key: both tests are true.
    assert_eq!(on(json!({})), "explicitDeny");
}

/// What the linter says of a lone statement.
fn warnings(statement: &Json) -> Vec<WarningKind> {
    let policy = Policy::parse(Kind::Managed, "seed", &policy_of(&statement.to_string())).unwrap();
    lint(&policy, None)
        .into_iter()
        .map(|warning| warning.kind)
        .collect()
}

#[test]
fn seed_001_network_path_with_one_vpc_admitted() {
    let mut seed = network_statement();
    assert_eq!(warnings(&seed), [WarningKind::DenyBlocksVpcEndpoints]);
    seed["Condition"]["StringNotEqualsIfExists"] = json!({ "aws:SourceVpc": "vpc-1" });
    let on = |context: Json| on_path(&seed, context);
    assert_eq!(
        on(json!({ "aws:SourceIp": "198.51.100.1" })),
        "explicitDeny"
    );
    assert_eq!(on(json!({ "aws:SourceVpc": "vpc-1" })), "allowed");
    assert_eq!(on(json!({ "aws:SourceVpc": "vpc-2" })), "explicitDeny");
    assert_eq!(on(json!({ "aws:SourceIp": "192.0.2.7" })), "allowed");
}

#[test]
fn seed_002_lost_its_asterisks() {
    let text = policy_of(&joined(LOST_ASTERISKS));
    let error = refuse(Kind::Managed, &text);
    assert_eq!(error.fault, Fault::EmptyAction);
    assert_eq!(error.place.path, "Statement[0].Action");
    let half = text.replace(r#""Action": """#, r#""Action": "*""#);
    let error = refuse(Kind::Managed, &half);
    assert_eq!(error.fault, Fault::EmptyResource);
    assert_eq!(error.place.path, "Statement[0].Resource");
    let whole = half
        .replace(r#""Resource": """#, r#""Resource": "*""#)
        .replace("IP-address", "192.0.2.1");
    assert!(Policy::parse(Kind::Managed, "seed", &whole).is_ok());
}

#[test]
fn seed_004_reads_and_nothing_else() {
    assert_eq!(
        refuse(Kind::Managed, &policy_of(&joined(READ_ONLY))).fault,
        Fault::NotJson
    );
    let closed = joined(READ_ONLY) + "}";
    let statement: Json = serde_json::from_str(&closed).unwrap();
    let asked = |action: &str, resource: &str| {
        let case = json!({
            "principal": "arn:aws:iam::111122223333:user/signer", "action": action, "resource": resource,
            "owner": "111122223333",
            "policies": { "identity": [{ "Version": "2012-10-17", "Statement": [statement] }] },
        });
        Question::new(&case).unwrap().decide().as_str()
    };
    let object = "arn:aws:s3:::twtech-s3bucket/Why-how-when-to-drink-water.pdf";
    assert_eq!(asked("s3:GetObject", object), "allowed");
    assert_eq!(asked("s3:PutObject", object), "implicitDeny");
    assert_eq!(
        asked("s3:ListBucket", "arn:aws:s3:::twtech-s3bucket"),
        "implicitDeny"
    );
    assert_eq!(
        asked("s3:GetObject", "arn:aws:s3:::other/x"),
        "implicitDeny"
    );
}
