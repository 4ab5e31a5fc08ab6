//! The explanation as a person reads it and as the audit writes it, and the simulator.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use blockhouse_policy::{
    Because, ContextEntry, Decision, EntryType, Explanation, Kind, Layer, Policies, Policy,
    Principal, Simulation, SimulationFault, simulate,
};
use common::Question;
use serde_json::{Value as Json, json};
use std::sync::Arc;

fn question(policies: Json, context: Json) -> Question {
    let case = json!({
        "principal": "arn:aws:iam::111122223333:user/alice",
        "action": "s3:GetObject", "resource": "arn:aws:s3:::bkt/k", "owner": "111122223333",
        "context": context, "policies": policies,
    });
    Question::new(&case).unwrap()
}

/// The example of docs/policy.md.
#[test]
fn it_reads_like_the_page_says() {
    let question = question(
        json!({ "identity": [{ "Version": "2012-10-17", "Statement": [
            { "Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Sid": "NetworkRestriction", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {
                "NotIpAddressIfExists": { "aws:SourceIp": "192.0.2.0/24" },
                "BoolIfExists": { "aws:ViaAWSService": "false" } } }] }] }),
        json!({ "aws:ViaAWSService": false }),
    );
    let printed = question.explain().to_string();
    let page = include_str!("../../../docs/policy.md");
    let (_, example) = page.split_once("```text\nDenied by").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    // The page's reader thinks of the policy by its owner's name; operators stand in the page's order.
    let example = format!("Denied by{example}").replace("\"alice\"", "\"identity\"");
    let sorted = |text: &str| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    assert_eq!(sorted(&printed), sorted(&example), "{printed}");
}

#[test]
fn what_was_compared_and_what_was_missing() {
    let question = question(
        json!({
            "identity": [{ "Version": "2012-10-17", "Statement": [
                { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
                  "Condition": { "StringEquals": { "s3:ExistingObjectTag/team": "${aws:PrincipalTag/team}" } } },
                { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*" },
                { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*" }] }],
            "resource": { "Statement": [
                { "Effect": "Allow", "Principal": { "AWS": "444455556666" }, "Action": "*", "Resource": "arn:aws:s3:::bkt/*" }] },
        }),
        json!({ "s3:ExistingObjectTag/team": "red" }),
    );
    let explanation = question.explain();
    assert_eq!(explanation.decision, "implicitDeny");
    assert_eq!(
        explanation.verdict,
        Decision::Deny(Because::Implicit(Layer::Identity))
    );
    assert_eq!(explanation.missing, ["aws:PrincipalTag/team"]);
    let written: Json = serde_json::to_value(&explanation).unwrap();
    let statements = &written["policies"][1]["statements"];
    assert_eq!(written["policies"][1]["passed_over"], 1);
    let condition = &statements[0]["conditions"][0];
    assert_eq!(condition["operator"], "StringEquals");
    assert_eq!(condition["wanted"], json!(["${aws:PrincipalTag/team}"]));
    assert_eq!(condition["found"], json!(["red"]));
    assert_eq!(
        condition["variables"],
        json!([["aws:PrincipalTag/team", null]])
    );
    assert_eq!(condition["holds"], false);
    assert_eq!(statements[1]["resource"], false);
    // The bucket's statement is on the resource and names somebody else.
    let bucket = &written["policies"][0];
    assert_eq!(bucket["layer"], "resource");
    assert_eq!(bucket["statements"][0]["named_as"], Json::Null);
}

#[test]
fn only_so_many_statements_are_told() {
    let statement = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let many: Vec<Json> = std::iter::repeat_n(statement, 150).collect();
    let question = question(
        json!({ "guardrail": { "Statement": many }, "identity": [{ "Statement": [
            { "Sid": "Last", "Effect": "Allow", "Action": "*", "Resource": "*" }] }] }),
        json!({}),
    );
    let explanation = question.explain();
    assert_eq!(explanation.left_out, 50);
    let told: usize = explanation
        .policies
        .iter()
        .map(|p| p.statements.len())
        .sum();
    assert_eq!(told, 101, "the one that decided is always told");
}

fn entry<'a>(name: &'a str, of: EntryType, values: &[&'a str]) -> ContextEntry<'a> {
    ContextEntry {
        name,
        of,
        values: values.to_vec(),
    }
}

#[test]
fn the_simulator_knows_only_what_it_is_given() {
    let text = r#"{"Version":"2012-10-17","Statement":[
  {"Sid":"Home","Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::bkt/${aws:username}/*",
   "Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}},
  {"Sid":"No","Effect":"Deny","Action":"s3:DeleteObject","Resource":"*"}]}"#;
    let identity = [Arc::new(
        Policy::parse(Kind::Managed, "PolicyInputList.1", text).unwrap(),
    )];
    let alice = Principal::from_arn("arn:aws:iam::111122223333:user/alice").unwrap();
    let simulation = |context| Simulation {
        policies: Policies {
            identity: &identity,
            ..Policies::default()
        },
        principal: &alice,
        actions: &["s3:GetObject", "s3:DeleteObject"],
        resources: &["arn:aws:s3:::bkt/alice/x", "*"],
        owner: None,
        context,
    };
    let nothing = simulate(&simulation(&[])).unwrap();
    let decisions: Vec<_> = nothing.iter().map(|e| e.decision).collect();
    assert_eq!(
        decisions,
        [
            "implicitDeny",
            "implicitDeny",
            "explicitDeny",
            "explicitDeny"
        ]
    );
    assert_eq!(nothing[0].missing, ["aws:SourceIp", "aws:username"]);
    assert_eq!(nothing[2].matched[0].statement, 1);
    let context = [
        entry("aws:username", EntryType::Text, &["alice"]),
        entry("aws:sourceip", EntryType::Ip, &["192.0.2.9"]),
    ];
    let given = simulate(&simulation(&context)).unwrap();
    assert_eq!(given[0].decision, "allowed");
    assert!(given[0].missing.is_empty());
    let matched = &given[0].matched[0];
    assert_eq!(
        (matched.id.as_str(), matched.layer),
        ("PolicyInputList.1", Layer::Identity)
    );
    let span = matched.span.unwrap();
    assert_eq!((span.start, span.end.0), ((2, 3), 3));
}

#[test]
fn context_entries_of_every_type() {
    let of = |text: &str| EntryType::parse(text).unwrap();
    assert_eq!(of("numericList"), (EntryType::Number, true));
    assert_eq!(of("date"), (EntryType::Date, false));
    assert_eq!(EntryType::parse("List"), None);
    let nobody = Principal::anonymous();
    let asks = |entry: ContextEntry<'_>| {
        simulate(&Simulation {
            policies: Policies::default(),
            principal: &nobody,
            actions: &["s3:GetObject"],
            resources: &["*"],
            owner: None,
            context: &[entry],
        })
    };
    for (name, values) in [
        ("string", ["any", "thing"]),
        ("numeric", ["1", "-2.5"]),
        ("boolean", ["true", "False"]),
        ("ip", ["192.0.2.1", "2001:db8::1"]),
        ("binary", ["QUJD", ""]),
        ("date", ["2026-01-01", "1767225600"]),
    ] {
        let (of, _) = of(name);
        assert!(asks(entry("example:x", of, &values)).is_ok(), "{name}");
        if of != EntryType::Text {
            let refused = asks(entry("example:x", of, &["?!"])).unwrap_err();
            assert!(matches!(refused, SimulationFault::Value { .. }), "{name}");
        }
    }
    let refused = asks(entry("no key", EntryType::Text, &["x"])).unwrap_err();
    assert_eq!(refused, SimulationFault::Name("no key".into()));
}

#[test]
fn a_variable_without_value_in_a_resource_is_missing() {
    let question = question(
        json!({ "identity": [{ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::${aws:PrincipalTag/team}/*" } }] }),
        json!({}),
    );
    assert_eq!(question.explain().missing, ["aws:PrincipalTag/team"]);
}

/// What an audit record would keep is enough to say who decided.
#[test]
fn decisions_serialize() {
    let question = question(
        json!({ "identity": [{ "Statement": { "Effect": "Deny", "Action": "*", "Resource": "*" } }] }),
        json!({}),
    );
    let written = serde_json::to_value(question.decide()).unwrap();
    let expected =
        json!({ "deny": { "explicit": { "layer": "identity", "policy": 0, "statement": 0 } } });
    assert_eq!(written, expected);
}

/// What the audit keeps is short whatever the policies are, tells what decided, keeps no word that may
/// be a password, and is read back as it was written.
#[test]
fn what_is_kept_of_an_explanation() {
    let odd = "x".repeat(150);
    let wanted: Vec<_> = (0..10).map(|n| format!("{n}{odd}")).collect();
    let allow = |sid: String| {
        json!({ "Sid": sid, "Effect": "Allow", "Action": "*", "Resource": "*",
                "Condition": { "StringEquals": { "aws:PrincipalTag/team": wanted },
                               "StringLike": { "aws:Referer": "https://*?word=hush" },
                               "StringNotEquals": { "aws:UserAgent": "hush" } } })
    };
    let mut statements: Vec<_> = (0..2).map(|n| allow(format!("A{n}"))).collect();
    statements.push(
        json!({ "Sid": "Decides", "Effect": "Deny", "Action": "s3:*", "Resource": "*",
        "Condition": { "StringLike": { "aws:UserAgent": "hush*" } } }),
    );
    let identity = vec![json!({ "Version": "2012-10-17", "Statement": statements }); 50];
    let context = json!({ "aws:PrincipalTag/team": odd, "aws:UserAgent": "hush now",
                          "aws:Referer": "https://a/?X-Amz-Signature=hush" });
    let explanation = question(json!({ "identity": identity }), context).explain();
    let told = explanation
        .policies
        .iter()
        .map(|policy| policy.statements.len());
    let told = told.sum::<usize>() + explanation.left_out;
    let kept = explanation.for_record();
    let text = serde_json::to_string(&kept).unwrap();
    assert!(text.len() < 64 << 10, "{}", text.len());
    assert!(!text.contains("hush"), "{text}");
    let of_kept: Vec<_> = kept
        .policies
        .iter()
        .flat_map(|policy| &policy.statements)
        .collect();
    assert!(
        of_kept
            .iter()
            .any(|s| s.decided && s.sid.as_deref() == Some("Decides"))
    );
    assert_eq!(of_kept.len() + kept.left_out, told);
    assert_eq!(kept.policies.len() + kept.policies_left_out, 50);
    assert_eq!(kept.policies[0].fingerprint.len(), 16);
    assert_eq!(serde_json::from_str::<Explanation>(&text).unwrap(), kept);
    assert_eq!(kept.clone().for_record().to_string(), kept.to_string());
}
