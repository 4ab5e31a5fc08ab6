//! The table of decisions: what AWS says, case by case, as files.
//!
//! * `cases/conditions/*.json`: a condition, a context, whether it holds, and why. Each row is asked
//!   twice: as the condition of an Allow and of a Deny.
//! * `cases/keys/*.json`: a key, an operator, a value that it has and one that it has not. Each row is
//!   asked with the key present, different, absent, and spelt in another case.
//! * `cases/decisions/*.json`: whole questions, with what decides: the Sid, or the layer that lacks an
//!   Allow. A case has what its group's `base` has, but for what it says itself.
//!
//! Every case is explained as well, and the explanation must tell of the same decision.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;
mod naive;
#[path = "common/operators.rs"]
mod operators;

use blockhouse_policy::{Because, Decision, Dialect, Fact, Layer};
use common::Question;
use operators::{ARN_OPERATORS, DATE_OPERATORS, IP_OPERATORS, NUMBER_OPERATORS, TEXT_OPERATORS};
use serde_json::{Value as Json, json};
use std::{fs, path::PathBuf};

fn files(folder: &str) -> Vec<(String, Json)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(folder);
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    found.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let json =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (
            path.file_name().unwrap().to_string_lossy().into_owned(),
            json,
        )
    };
    found.into_iter().map(read).collect()
}

/// Decides, explains, asks the naive evaluator, and compares.
fn check(case: &Json, expect: &str, by: Option<&str>, name: &str) {
    let question = Question::new(case).unwrap_or_else(|e| panic!("{name}: {e}\n{case:#}"));
    let (decision, explanation) = (question.decide(), question.explain());
    assert_eq!(decision.as_str(), expect, "{name}\n{case:#}\n{explanation}");
    assert_eq!(naive::decide(case), expect, "naive: {name}\n{case:#}");
    assert_eq!(explanation.verdict, decision, "{name}");
    let decided: Vec<_> = explanation
        .policies
        .iter()
        .flat_map(|policy| policy.statements.iter().map(move |s| (policy, s)))
        .filter(|(_, s)| s.decided)
        .collect();
    assert!(
        decided.iter().all(|(_, s)| s.matched),
        "{name}\n{explanation}"
    );
    let Some(by) = by else { return };
    let found = match decision {
        Decision::Deny(Because::Implicit(layer)) => layer_name(layer),
        Decision::Deny(Because::AnonymousAccessPoint) => "anonymous".to_owned(),
        Decision::Allow(grounds) if decided.is_empty() && grounds.root => "root".to_owned(),
        _ => {
            let sids = decided
                .iter()
                .map(|(_, s)| s.sid.clone().unwrap_or_default());
            sids.collect::<Vec<_>>().join("+")
        }
    };
    assert_eq!(found, by, "{name}\n{case:#}\n{explanation}");
}

fn layer_name(layer: Layer) -> String {
    json!(layer).as_str().unwrap().to_owned()
}

/// The policies under which a condition is all that decides.
fn with_condition(effect: &str, condition: &Json) -> Json {
    let condition = json!({ "Sid": "It", "Effect": effect, "Action": "*", "Resource": "*", "Condition": condition });
    let allow = json!({ "Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*" });
    let statements = match effect {
        "Allow" => vec![condition],
        _ => vec![allow, condition],
    };
    json!({ "identity": [{ "Version": "2012-10-17", "Statement": statements }] })
}

fn base() -> Json {
    json!({
        "principal": "arn:aws:iam::111122223333:user/alice",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::bkt/a/b.txt",
        "owner": "111122223333",
    })
}

fn check_condition(base: &Json, condition: &Json, context: &Json, holds: bool, name: &str) {
    for effect in ["Allow", "Deny"] {
        let mut case = base.clone();
        case["context"] = context.clone();
        case["policies"] = with_condition(effect, condition);
        let (expect, by) = match (effect, holds) {
            ("Allow", true) => ("allowed", "It"),
            ("Allow", false) => ("implicitDeny", "identity"),
            (_, true) => ("explicitDeny", "It"),
            (_, false) => ("allowed", "All"),
        };
        check(&case, expect, Some(by), name);
    }
}

fn merge(into: &mut Json, from: &Json) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) => {
            for (name, value) in from {
                let deep = name == "policies" || name == "context";
                match into.get_mut(name) {
                    Some(old) if deep => merge(old, value),
                    _ => {
                        into.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (into, from) => *into = from.clone(),
    }
}

#[test]
fn conditions() {
    let mut count = 0;
    for (file, groups) in files("conditions") {
        for group in groups.as_array().unwrap() {
            assert!(group["rule"].is_string(), "{file}: a group says its rule");
            let mut base = base();
            merge(&mut base, group.get("base").unwrap_or(&json!({})));
            for row in group["rows"].as_array().unwrap() {
                let [condition, context, holds, why] = row.as_array().unwrap().as_slice() else {
                    panic!("{file}: {row}");
                };
                let name = format!("{file}: {}", why.as_str().unwrap());
                check_condition(&base, condition, context, holds.as_bool().unwrap(), &name);
                count += 1;
            }
        }
    }
    println!("{count} rows of conditions");
    assert!(count >= 590, "{count} rows");
}

#[test]
fn keys() {
    let mut count = 0;
    for (file, groups) in files("keys") {
        for group in groups.as_array().unwrap() {
            let mut base = base();
            merge(&mut base, group.get("base").unwrap_or(&json!({})));
            for row in group["rows"].as_array().unwrap() {
                let [key, operator, value, other] = row.as_array().unwrap().as_slice() else {
                    panic!("{file}: {row}");
                };
                let (key, operator) = (key.as_str().unwrap(), operator.as_str().unwrap());
                let name = format!("{file}: {key}");
                let condition = json!({ operator: { key: value } });
                let spelt = json!({ operator: { key.to_uppercase(): value } });
                let vacuous = operator.starts_with("ForAllValues");
                check_condition(&base, &condition, &json!({ key: value }), true, &name);
                check_condition(&base, &spelt, &json!({ key: value }), true, &name);
                check_condition(&base, &condition, &json!({ key: other }), false, &name);
                check_condition(&base, &condition, &json!({}), vacuous, &name);
                check_condition(
                    &base,
                    &json!({ "Null": { key: true } }),
                    &json!({}),
                    true,
                    &name,
                );
                count += 1;
            }
        }
    }
    println!("{count} keys");
    assert!(count >= 90, "{count} keys");
}

#[test]
fn decisions() {
    let mut count = 0;
    for (file, groups) in files("decisions") {
        for group in groups.as_array().unwrap() {
            assert!(group["rule"].is_string(), "{file}: a group says its rule");
            for row in group["cases"].as_array().unwrap() {
                let mut case = base();
                merge(&mut case, group.get("base").unwrap_or(&json!({})));
                merge(&mut case, row);
                let about = row["about"].as_str().expect("a case says what it is about");
                let expect = row["expect"].as_str().expect("a case says what it expects");
                check(
                    &case,
                    expect,
                    row["by"].as_str(),
                    &format!("{file}: {about}"),
                );
                count += 1;
            }
        }
    }
    println!("{count} decisions");
    assert!(count >= 150, "{count} decisions");
}

/// The table leaves nothing out: every operator in every form that it has, every key under every name,
/// every family of tags, every kind of variable and of principal.
#[test]
fn the_table_covers_the_language() {
    let folders = ["conditions", "keys", "decisions"];
    let tables = folders.into_iter().flat_map(files);
    let text = Json::from_iter(tables).to_string();
    let in_lower_case = text.to_lowercase();
    let mut wanted = vec!["\"Null\"".to_owned()];
    let kinds: [&[&str]; 6] = [
        &TEXT_OPERATORS,
        &NUMBER_OPERATORS,
        &DATE_OPERATORS,
        &IP_OPERATORS,
        &ARN_OPERATORS,
        &["Bool", "BinaryEquals"],
    ];
    // Null has no other form.
    for operator in kinds.concat() {
        for quantifier in ["", "ForAllValues:", "ForAnyValue:"] {
            wanted.push(format!("\"{quantifier}{operator}\""));
            wanted.push(format!("\"{quantifier}{operator}IfExists\""));
        }
    }
    wanted.extend(TAG_FAMILIES.map(|family| format!("\"{family}/")));
    wanted.extend(FORMS.map(str::to_owned));
    wanted.retain(|form| !text.contains(form));
    let names = |fact: &Fact| [Dialect::S3, Dialect::Outposts].map(|dialect| fact.name(dialect));
    let mut keys: Vec<String> = Fact::ALL.iter().flat_map(names).flatten().collect();
    // Names of keys ignore case.
    keys.retain(|key| !in_lower_case.contains(&format!("\"{}\"", key.to_lowercase())));
    assert!(
        wanted.is_empty() && keys.is_empty(),
        "not in the table: {wanted:#?} {keys:#?}"
    );
}

const TAG_FAMILIES: [&str; 9] = [
    "aws:PrincipalTag",
    "aws:ResourceTag",
    "aws:RequestTag",
    "s3:ExistingObjectTag",
    "s3-outposts:ExistingObjectTag",
    "s3:RequestObjectTag",
    "s3-outposts:RequestObjectTag",
    "s3:BucketTag",
    "s3:AccessPointTag",
];

/// How variables, principals and statements may be written, as their JSON without spaces has it.
const FORMS: [&str; 24] = [
    "${*}",
    "${?}",
    "${$}",
    "${aws:username}",
    "${aws:PrincipalTag/team}",
    "${aws:PrincipalTag/team, 'all'}",
    "\"Principal\":\"*\"",
    "\"Principal\":{\"AWS\":\"*\"}",
    "\"Principal\":{\"AWS\":\"111122223333\"}",
    "\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:root\"}",
    "\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:user/alice\"}",
    "\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:role/reader\"}",
    "\"Principal\":{\"AWS\":\"arn:aws:sts::111122223333:assumed-role/reader/s1\"}",
    "\"Principal\":{\"AWS\":\"arn:aws:sts::111122223333:federated-user/fred\"}",
    "\"Principal\":{\"AWS\":\"AIDACKCEVSQ6C2EXAMPLE\"}",
    "\"Principal\":{\"AWS\":[",
    "\"CanonicalUser\":",
    "\"Federated\":",
    "\"Service\":",
    "\"NotPrincipal\":",
    "\"NotAction\":",
    "\"NotResource\":",
    "\"principal\":\"anonymous\"",
    "arn:aws:iam::444455556666:user/",
];
