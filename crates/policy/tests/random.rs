//! Random policies and requests: the compiled evaluator against the naive one, and laws that hold for
//! all of them.
//!
//! The vocabulary is small on purpose: with a handful of names everything meets everything. A pair
//! that disagrees is printed as the JSON that `common::Question` reads, ready to become a case.
//! `BLOCKHOUSE_POLICY_PAIRS` says how many pairs are tried, `BLOCKHOUSE_POLICY_SEED` where to begin.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;
mod naive;
#[path = "common/operators.rs"]
mod operators;

use blockhouse_policy::{Because, Decision, Effect, Fault, Layer, StatementExplained};
use common::{Dice, Question};
use operators::{ARN_OPERATORS, DATE_OPERATORS, IP_OPERATORS, NUMBER_OPERATORS, TEXT_OPERATORS};
use serde_json::{Map, Value as Json, json};

const A: &str = "111122223333";
const B: &str = "444455556666";

/// The pairs of an ordinary run.
const PAIRS_USUAL: u64 = 20_000;

fn from_env(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(usual)
}

const PRINCIPALS: [&str; 9] = [
    "anonymous",
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::444455556666:root",
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::111122223333:user/bob",
    "arn:aws:iam::444455556666:user/alice",
    "arn:aws:sts::111122223333:assumed-role/reader/s1",
    "arn:aws:sts::444455556666:assumed-role/reader/s1",
    "arn:aws:sts::111122223333:federated-user/fred",
];

const NAMED: [&str; 12] = [
    "*",
    A,
    B,
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::444455556666:user/alice",
    "arn:aws:iam::111122223333:role/reader",
    "arn:aws:iam::444455556666:role/reader",
    "arn:aws:sts::111122223333:assumed-role/reader/s1",
    "arn:aws:sts::444455556666:assumed-role/reader/s1",
    "arn:aws:sts::111122223333:federated-user/fred",
    "AIDACKCEVSQ6C2EXAMPLE",
];

const ACTIONS: [&str; 8] = [
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListBucket",
    "s3:PutBucketPolicy",
    "s3-outposts:GetObject",
    "s3-outposts:PutObject",
    "iam:CreateUser",
    "sts:AssumeRole",
];

const ACTION_PATTERNS: [&str; 12] = [
    "*",
    "s3:*",
    "s3:Get*",
    "S3:getobject",
    "s3:?utObject",
    "s3:*Bucket*",
    "s3-outposts:*",
    "*:*Object",
    "iam:*",
    "s3:PutObject",
    "s3-outposts:GetObject",
    "sts:AssumeRole",
];

const RESOURCES: [&str; 8] = [
    "*",
    "arn:aws:s3:::bkt",
    "arn:aws:s3:::bkt/alice/x",
    "arn:aws:s3:::bkt/a:b",
    "arn:aws:s3:::bkt2/alice/x",
    "arn:aws:s3-outposts:r:111122223333:outpost/op-1/bucket/bkt",
    "arn:aws:s3-outposts:r:111122223333:outpost/op-1/bucket/bkt/object/alice/x",
    "arn:aws:s3:::bkt/a*b/x",
];

const RESOURCE_PATTERNS: [&str; 18] = [
    "*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::bkt",
    "arn:aws:s3:::bkt/*",
    "arn:aws:s3:::bkt*",
    "arn:aws:s3:::bkt/a?b",
    "arn:aws:s3:::bkt/alice/x",
    "arn:aws:s3:::*/x",
    "arn:*:s3:::bkt/${aws:username}/*",
    "arn:AWS:S3:::bkt/*",
    "arn:aws:s3:::${s3:prefix, 'bkt'}/*",
    "arn:aws:s3:::bkt/${aws:PrincipalTag/team}/x",
    "arn:aws:s3:*:*:bkt/*",
    "arn:aws:s3-outposts:*:${aws:PrincipalAccount}:outpost/op-1/bucket/bkt/object/*",
    "arn:aws:s3-outposts:r:111122223333:outpost/op-1/accesspoint/ap/object/*",
    "arn:aws:s3-outposts:r:111122223333:outpost/*",
    "arn:aws:s3:::bkt/a${*}b/*",
    "arn:aws:s3:r:111122223333:accesspoint/ap/*",
];

const TEXTS: [&str; 14] = [
    "a",
    "A",
    "b",
    "alice",
    "red",
    "a*",
    "*",
    "?",
    "${aws:username}",
    "${aws:PrincipalTag/team}",
    "${s3:prefix, 'red'}",
    "x${*}",
    "",
    "arn:aws:iam::*:user/alice",
];
const PLAIN_TEXTS: [&str; 8] = [
    "a",
    "A",
    "b",
    "alice",
    "red",
    "x*",
    "",
    "arn:aws:iam::111122223333:user/alice",
];
const NUMBERS: [&str; 5] = ["1", "2", "10", "1.5", "-1"];
const DATES: [&str; 5] = [
    "2026-01-01T00:00:00Z",
    "2026-01-02",
    "1767225600",
    "2027",
    "2025-06-30T12:00Z",
];
const RANGES: [&str; 7] = [
    "192.0.2.0/24",
    "192.0.2.1",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "2001:db8::1",
    "::ffff:192.0.2.0/120",
];
const ADDRESSES: [&str; 5] = [
    "192.0.2.1",
    "198.51.100.1",
    "::ffff:192.0.2.1",
    "2001:db8::1",
    "2001:db9::1",
];
const ARNS: [&str; 6] = [
    "*",
    "arn:aws:iam::111122223333:user/*",
    "arn:aws:iam::*:role/reader",
    "arn:aws:s3:::bkt",
    "arn:aws:s3:::b*",
    "arn:aws:s3:::${s3:prefix}",
];

const TEXT_KEYS: [&str; 10] = [
    "s3:prefix",
    "S3:Prefix",
    "s3-outposts:prefix",
    "aws:username",
    "aws:userid",
    "aws:PrincipalTag/team",
    "aws:PrincipalType",
    "aws:PrincipalArn",
    "aws:TagKeys",
    "example:x",
];

fn one_or_list(mut values: Vec<Json>, dice: &mut Dice) -> Json {
    match values.len() {
        1 if dice.one_in(2) => values.remove(0),
        _ => values.into(),
    }
}

fn texts(dice: &mut Dice, of: &[&str], most: usize) -> Json {
    let values = dice.some(of, most);
    one_or_list(values.into_iter().map(Json::from).collect(), dice)
}

fn condition(dice: &mut Dice) -> (String, String, Json) {
    let (operator, key, values) = match dice.roll(8) {
        0..=2 => (
            *dice.pick(&TEXT_OPERATORS),
            *dice.pick(&TEXT_KEYS),
            texts(dice, &TEXTS, 3),
        ),
        3 => (
            *dice.pick(&NUMBER_OPERATORS),
            "s3:max-keys",
            texts(dice, &NUMBERS, 2),
        ),
        4 => {
            let key = *dice.pick(&["aws:CurrentTime", "aws:TokenIssueTime"]);
            (*dice.pick(&DATE_OPERATORS), key, texts(dice, &DATES, 2))
        }
        5 => (
            *dice.pick(&IP_OPERATORS),
            *dice.pick(&["aws:SourceIp", "aws:sourceip", "aws:VpcSourceIp"]),
            texts(dice, &RANGES, 3),
        ),
        6 => (
            *dice.pick(&ARN_OPERATORS),
            *dice.pick(&["aws:PrincipalArn", "aws:SourceArn", "example:x"]),
            texts(dice, &ARNS, 2),
        ),
        _ => {
            let key = *dice.pick(&["aws:SecureTransport", "aws:ViaAWSService"]);
            ("Bool", key, texts(dice, &["true", "false", "True"], 2))
        }
    };
    if dice.one_in(10) {
        return (
            "Null".into(),
            key.into(),
            texts(dice, &["true", "false"], 1),
        );
    }
    let prefix = match dice.roll(6) {
        0 => "ForAllValues:",
        1 => "ForAnyValue:",
        _ => "",
    };
    let suffix = if dice.one_in(3) { "IfExists" } else { "" };
    (format!("{prefix}{operator}{suffix}"), key.into(), values)
}

fn conditions(dice: &mut Dice) -> Json {
    let mut block: Map<String, Json> = Map::new();
    for _ in 0..=dice.roll(3) {
        let (operator, key, values) = condition(dice);
        let keys = block.entry(operator).or_insert_with(|| json!({}));
        let twice = keys
            .as_object()
            .unwrap()
            .keys()
            .any(|k| k.eq_ignore_ascii_case(&key));
        if !twice {
            keys[key] = values;
        }
    }
    block.into()
}

fn statement(dice: &mut Dice, with_principal: bool, with_resource: bool) -> Json {
    let effect = if dice.one_in(4) { "Deny" } else { "Allow" };
    let mut s = json!({ "Effect": effect });
    let action = if dice.one_in(6) {
        "NotAction"
    } else {
        "Action"
    };
    s[action] = match dice.one_in(2) {
        true => "*".into(),
        false => texts(dice, &ACTION_PATTERNS, 3),
    };
    if with_resource {
        let resource = if dice.one_in(6) {
            "NotResource"
        } else {
            "Resource"
        };
        s[resource] = texts(dice, &RESOURCE_PATTERNS, 3);
    }
    if with_principal {
        let negated = effect == "Deny" && dice.one_in(3);
        let name = if negated { "NotPrincipal" } else { "Principal" };
        s[name] = match dice.one_in(4) {
            true => "*".into(),
            false => json!({ "AWS": texts(dice, &NAMED, if negated { 6 } else { 3 }) }),
        };
    }
    if dice.one_in(2) {
        s["Condition"] = conditions(dice);
    }
    s
}

fn policy(dice: &mut Dice, with_principal: bool, with_resource: bool) -> Json {
    // Now and then enough statements to be indexed.
    let count = if dice.one_in(12) {
        12
    } else {
        1 + dice.roll(3)
    };
    let statements: Vec<Json> = (0..count)
        .map(|_| statement(dice, with_principal, with_resource))
        .collect();
    let mut policy = json!({ "Statement": one_or_list(statements, dice) });
    match dice.roll(5) {
        0 => {}
        1 => policy["Version"] = "2008-10-17".into(),
        _ => policy["Version"] = "2012-10-17".into(),
    }
    policy
}

fn context(dice: &mut Dice) -> Json {
    let mut context = Map::new();
    let mut put = |dice: &mut Dice, name: &str, value: Json| {
        if !dice.one_in(3) {
            context.insert(name.into(), value);
        }
    };
    for key in [
        "s3:prefix",
        "s3-outposts:prefix",
        "aws:PrincipalTag/team",
        "example:x",
    ] {
        let value = (*dice.pick(&PLAIN_TEXTS)).into();
        put(dice, key, value);
    }
    let tags = if dice.one_in(4) {
        json!([])
    } else {
        json!(dice.some(&PLAIN_TEXTS, 3))
    };
    put(dice, "aws:TagKeys", tags);
    let number = (*dice.pick(&NUMBERS)).into();
    put(dice, "s3:max-keys", number);
    let time = if dice.one_in(4) {
        json!(1_767_225_600)
    } else {
        "2026-01-02T00:00:00Z".into()
    };
    put(dice, "aws:CurrentTime", time);
    let time = (*dice.pick(&["2026-01-01T00:00:00Z", "2025-06-30T12:00:00Z"])).into();
    put(dice, "aws:TokenIssueTime", time);
    let address = if dice.one_in(12) {
        "junk"
    } else {
        *dice.pick(&ADDRESSES)
    };
    put(dice, "aws:SourceIp", address.into());
    if dice.one_in(6) {
        put(dice, "aws:username", "a*b".into());
    }
    let flag = dice.one_in(2).into();
    put(dice, "aws:SecureTransport", flag);
    let arn = (*dice.pick(&["arn:aws:s3:::bkt", "arn:aws:sns:r:1:t", "none"])).into();
    put(dice, "aws:SourceArn", arn);
    context.into()
}

/// A case whose policies are not too long for their kinds.
fn case(dice: &mut Dice) -> Json {
    loop {
        let case = any_case(dice);
        match Question::new(&case) {
            Ok(_) => return case,
            Err(e) => assert!(matches!(e.fault, Fault::TooLong { .. }), "{e}\n{case:#}"),
        }
    }
}

fn any_case(dice: &mut Dice) -> Json {
    let action = *dice.pick(&ACTIONS);
    let mut case = json!({
        "principal": dice.pick(&PRINCIPALS),
        "action": action,
        "resource": dice.pick(&RESOURCES),
        "context": context(dice),
        "policies": {},
    });
    if case["principal"].as_str().unwrap().contains("federated") && dice.one_in(2) {
        case["issuer"] = "arn:aws:iam::111122223333:user/alice".into();
    }
    if case["resource"] != "*" && !dice.one_in(5) {
        case["owner"] = (*dice.pick(&[A, A, B])).into();
        if dice.one_in(4) {
            let name = match dice.one_in(2) {
                true => "arn:aws:s3:r:111122223333:accesspoint/ap/object/alice/x",
                false => {
                    "arn:aws:s3-outposts:r:111122223333:outpost/op-1/accesspoint/ap/object/alice/x"
                }
            };
            case["access_point"] = json!({ "name": name, "account": dice.pick(&[A, B]) });
        }
    }
    let identity: Vec<Json> = (0..dice.roll(3))
        .map(|_| policy(dice, false, true))
        .collect();
    case["policies"]["identity"] = identity.into();
    let trust = action.starts_with("sts:");
    for (layer, one_in, principal) in [
        ("boundary", 5, false),
        ("guardrail", 8, false),
        ("endpoint", 8, true),
        ("resource", 2, true),
        ("access_point", 3, true),
    ] {
        if dice.one_in(one_in) {
            let with_resource = !(trust && layer == "resource");
            case["policies"][layer] = policy(dice, principal, with_resource);
        }
    }
    if dice.one_in(5) {
        let session: Vec<Json> = (0..dice.roll(3))
            .map(|_| policy(dice, false, true))
            .collect();
        case["policies"]["session"] = session.into();
    }
    case
}

fn decide(case: &Json) -> &'static str {
    let question = Question::new(case).unwrap_or_else(|e| panic!("{e}\n{case:#}"));
    question.decide().as_str()
}

#[test]
fn the_naive_evaluator_agrees() {
    let pairs = from_env("BLOCKHOUSE_POLICY_PAIRS", PAIRS_USUAL);
    let seed = from_env("BLOCKHOUSE_POLICY_SEED", 1);
    let mut counts = [0u64; 3];
    for pair in 0..pairs {
        let case = case(&mut Dice(seed.wrapping_add(pair)));
        let (ours, theirs) = (decide(&case), naive::decide(&case));
        assert_eq!(ours, theirs, "seed {}\n{case:#}", seed.wrapping_add(pair));
        let words = ["allowed", "explicitDeny", "implicitDeny"];
        counts[words.iter().position(|w| *w == ours).unwrap()] += 1;
    }
    println!("{pairs} pairs: {counts:?} allowed, explicitly, implicitly denied");
    let least = counts.iter().min().unwrap();
    assert!(
        *least > pairs / 50,
        "one answer is hardly ever given: {counts:?}"
    );
}

#[test]
fn the_explanation_tells_the_same_decision() {
    for seed in 0..4_000 {
        let case = case(&mut Dice(900_000 + seed));
        let question = Question::new(&case).unwrap();
        let (decision, explanation) = (question.decide(), question.explain());
        assert_eq!(explanation.verdict, decision);
        let told = || {
            explanation
                .policies
                .iter()
                .flat_map(|p| p.statements.iter().map(move |s| (p, s)))
        };
        let denies =
            told().any(|(p, s)| s.matched && !p.denies_ignored && s.effect == Effect::Deny);
        let explicit = matches!(decision, Decision::Deny(Because::Explicit(_)));
        assert_eq!(denies, explicit, "{case:#}\n{explanation}");
        for (_, statement) in told().filter(|(_, s)| s.decided) {
            assert!(statement.matched, "{case:#}\n{explanation}");
        }
        if let Decision::Deny(Because::Implicit(layer)) = decision {
            let named = |s: &StatementExplained| s.matched && s.effect == Effect::Allow;
            let limits = [Layer::Resource, Layer::AccessPoint];
            let lacking = told().any(|(p, s)| p.layer == layer && named(s));
            assert!(
                !lacking || limits.contains(&layer),
                "{case:#}\n{explanation}"
            );
        }
        assert!(explanation.to_string().starts_with(&explanation.summary));
        assert!(serde_json::to_string(&explanation).is_ok());
    }
}

/// Every policy of a case, wherever it stands.
fn each_policy(case: &mut Json, mut f: impl FnMut(&mut Json)) {
    for policies in case["policies"].as_object_mut().unwrap().values_mut() {
        match policies {
            Json::Array(list) => list.iter_mut().for_each(&mut f),
            one => f(one),
        }
    }
}

#[test]
fn adding_a_deny_never_allows() {
    let mut tried = 0;
    for seed in 0..4_000 {
        let dice = &mut Dice(2_000_000 + seed);
        let case = case(dice);
        let before = decide(&case);
        let mut more = case.clone();
        each_policy(&mut more, |policy| {
            let principal = !policy["Statement"].to_string().contains("Principal\"");
            let resource = policy["Statement"].to_string().contains("Resource\"");
            let mut deny = statement(dice, !principal, resource);
            deny["Effect"] = "Deny".into();
            let statements = &mut policy["Statement"];
            let mut list = statements
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![statements.clone()]);
            list.insert(dice.roll(list.len() + 1), deny);
            *statements = list.into();
        });
        if Question::new(&more).is_err() {
            // Too long now.
            continue;
        }
        tried += 1;
        let after = decide(&more);
        assert!(before == "allowed" || after != "allowed", "{more:#}");
        assert!(
            before != "explicitDeny" || after == "explicitDeny",
            "{more:#}"
        );
    }
    assert!(tried > 3_000, "{tried}");
}

/// Turns every list and object round.
fn reversed(json: &Json) -> Json {
    match json {
        Json::Array(items) => items.iter().rev().map(reversed).collect::<Vec<_>>().into(),
        Json::Object(members) => {
            let turned = members.iter().rev().map(|(k, v)| (k.clone(), reversed(v)));
            Json::Object(turned.collect())
        }
        other => other.clone(),
    }
}

#[test]
fn order_never_matters() {
    for seed in 0..4_000 {
        let case = case(&mut Dice(3_000_000 + seed));
        let mut turned = case.clone();
        turned["policies"] = reversed(&case["policies"]);
        turned["context"] = reversed(&case["context"]);
        assert_eq!(decide(&case), decide(&turned), "{case:#}");
    }
}

/// The laws of IfExists: with the key present the suffix changes nothing; with it absent the
/// condition holds.
#[test]
fn the_laws_of_if_exists() {
    let holds = |operator: &str, key: &str, values: &Json, context: &Json| {
        let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": { operator: { key: values } } } });
        let case = json!({ "principal": PRINCIPALS[3], "action": "s3:GetObject", "resource": "*",
            "context": context, "policies": { "identity": [policy] } });
        decide(&case) == "allowed"
    };
    for seed in 0..8_000 {
        let dice = &mut Dice(4_000_000 + seed);
        let (operator, key, values) = condition(dice);
        if operator == "Null" {
            continue;
        }
        let plain = operator.trim_end_matches("IfExists");
        let suffixed = format!("{plain}IfExists");
        let context = context(dice);
        let absent = holds("Null", &key, &"true".into(), &context);
        let (without, with) = (
            holds(plain, &key, &values, &context),
            holds(&suffixed, &key, &values, &context),
        );
        match absent {
            true => assert!(with, "{suffixed} {key} {values} {context}"),
            false => assert_eq!(without, with, "{suffixed} {key} {values} {context}"),
        }
    }
}
