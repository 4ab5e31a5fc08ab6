//! What a change of the state may be, what it makes, and what requests find in it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

use blockhouse_policy::address_list::Entry;
use blockhouse_state::{
    CHANGE_RESOURCES_MAX, Change, Fault, Kind, Name, Prepared, Resource, Snapshot, Stamp, State,
};
use blockhouse_types::{AccountId, Entropy, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

struct Counting(u8);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        bytes.fill(self.0);
    }
}

fn account() -> AccountId {
    AccountId::parse("111122223333").unwrap()
}

fn policy(effect: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": { "Effect": effect, "Action": "s3:GetObject", "Resource": "*" }
    })
}

fn trust() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": { "AWS": "111122223333" },
            "Action": "sts:AssumeRole"
        }
    })
}

/// Prepares the change at that second; the version is not the state's to judge.
fn change(state: &State, secs: u64, change: Value) -> Result<Prepared, String> {
    let mut document = change;
    document["expected"] = json!(0);
    let change = Change::read(document.to_string().as_bytes()).map_err(|e| e.to_string())?;
    let mut entropy = Counting(secs as u8);
    let mut stamp = Stamp {
        now: Timestamp::from_secs(secs),
        entropy: &mut entropy,
    };
    state.prepare(change, &mut stamp).map_err(|e| e.to_string())
}

fn put(name: &str, resource: Value) -> Value {
    json!({ "name": format!("{name}"), "resource": resource })
}

/// A user in a group, with policies of every kind.
fn small_company() -> State {
    let puts = json!({ "put": [
        put("user/111122223333/alice", json!({
            "path": "/staff/",
            "tags": { "team": "blue" },
            "groups": ["readers"],
            "policies": { "own": policy("Allow") },
            "attached": ["managed"],
            "boundary": "limit",
        })),
        put("group/111122223333/readers", json!({
            "policies": { "of-group": policy("Allow") }, "attached": ["managed"],
        })),
        put("policy/111122223333/managed", json!({ "document": policy("Allow") })),
        put("policy/111122223333/limit", json!({ "document": policy("Allow").to_string() })),
        put("role/111122223333/reader", json!({
            "trust": trust(), "policies": { "own": policy("Allow") }, "max_session_secs": 7200,
        })),
        put("account/111122223333", json!({ "name": "First" })),
        put("guardrail", json!({ "document": policy("Allow") })),
    ]});
    change(&State::default(), 10, puts).unwrap().state
}

fn alice() -> Name {
    Name::of(Kind::User, account(), "alice").unwrap()
}

#[test]
fn rows_read_back_as_the_state_that_made_them() {
    let state = small_company();
    let rows: Vec<_> = state
        .resources()
        .map(|(name, resource)| (name.to_string(), resource.write().unwrap()))
        .collect();
    let again = State::read(rows.iter().map(|(name, row)| (&**name, &**row)));
    assert_eq!(again, state);
    assert!(again.unreadable().is_empty());
}

#[test]
fn a_snapshot_gathers_what_an_identity_has() {
    let snapshot = Snapshot::new(7, small_company());
    assert_eq!(snapshot.version(), 7);
    let alice = snapshot.user(account(), "alice").unwrap();
    let ids: Vec<_> = alice.policies.iter().map(|policy| policy.id()).collect();
    let managed = "arn:aws:iam::111122223333:policy/managed";
    assert_eq!(ids, ["alice/own", managed, "readers/of-group", managed]);
    assert!(alice.boundary.is_some() && &*alice.path == "/staff/");
    assert!(alice.id.as_ref().unwrap().as_str().starts_with("AIDA"));
    let reader = snapshot.role(account(), "reader").unwrap();
    assert!(reader.id.as_ref().unwrap().as_str().starts_with("AROA"));
    assert!(snapshot.guardrail().is_some());
    assert!(snapshot.user(account(), "reader").is_none());
    assert!(snapshot.role(account(), "alice").is_none());
    assert!(
        snapshot
            .user(AccountId::from_number(1).unwrap(), "alice")
            .is_none()
    );
}

#[test]
fn an_identity_keeps_its_id_while_it_lives_and_no_longer() {
    let state = small_company();
    let id = |state: &State| match state.get(&alice()) {
        Some(Resource::User(user)) => (user.id.clone().unwrap(), user.created.unwrap()),
        other => panic!("{other:?}"),
    };
    let first = id(&state);
    let changed = json!({ "put": [put("user/111122223333/alice", json!({}))] });
    let later = change(&state, 20, changed.clone()).unwrap().state;
    assert_eq!(id(&later), first);
    let gone = json!({ "delete": ["user/111122223333/alice"] });
    let gone = change(&later, 30, gone).unwrap().state;
    let another = id(&change(&gone, 40, changed).unwrap().state);
    assert!(another.0 != first.0 && another.1 != first.1);
    let stolen =
        json!({ "put": [put("user/111122223333/bob", json!({ "id": first.0.as_str() }))] });
    let refused = change(&state, 50, stolen).unwrap_err();
    assert!(
        refused.starts_with("user/111122223333/bob: id is the node's to give"),
        "{refused}"
    );
}

#[test]
fn what_contradicts_is_refused_and_named() {
    let state = small_company();
    let user = "user/111122223333/bob";
    let long = "x".repeat(2100);
    let long_policy = |n: usize| {
        let mut policy = policy("Allow");
        policy["Statement"]["Resource"] = json!(format!("arn:aws:s3:::{}", &long[..n]));
        policy
    };
    let malformed = json!({ "Statement": [{ "Effect": "Perhaps" }] });
    let with_principal = json!({ "policies": { "p": trust() } });
    let cases = [
        (
            put("user/111122223333/b b", json!({})),
            "no resource can have this name",
        ),
        (
            put("user/1/bob", json!({})),
            "no resource can have this name",
        ),
        (
            put("guardrail/111122223333", json!({})),
            "no resource can have this name",
        ),
        (
            put("planet/111122223333/x", json!({})),
            "no resource can have this name",
        ),
        (put(user, json!({ "age": 7 })), "unknown field"),
        (put(user, json!({ "path": "x" })), "a path begins"),
        (
            put(user, json!({ "tags": { "aws:x": "" } })),
            "a tag's name",
        ),
        (
            put(user, json!({ "tags": { "a": "", "A": "" } })),
            "a tag's name",
        ),
        (
            put(user, json!({ "groups": ["nobody"] })),
            "there is no group/111122223333/nobody",
        ),
        (
            put(user, json!({ "groups": ["a", "a"] })),
            "a stands there twice",
        ),
        (
            put(user, json!({ "attached": ["none"] })),
            "there is no policy/111122223333/none",
        ),
        (
            put(user, json!({ "boundary": "none" })),
            "there is no policy/111122223333/none",
        ),
        (
            put(user, json!({ "boundary": "a/b" })),
            "boundary: \"a/b\" is no name",
        ),
        (
            put(user, json!({ "policies": { "p": malformed } })),
            "policy p: ",
        ),
        (
            put(user, json!({ "policies": { "p": "not json" } })),
            "policy p: ",
        ),
        (
            put(user, json!({ "policies": { "p": 7 } })),
            "a policy is an object",
        ),
        (put(user, with_principal), "policy p: "),
        (
            put(
                user,
                json!({ "policies": { "p": long_policy(1500), "q": long_policy(1500) } }),
            ),
            "more than 2048 characters together",
        ),
        (
            put("role/111122223333/r", json!({})),
            "missing field `trust`",
        ),
        (
            put(
                "role/111122223333/r",
                json!({ "trust": trust(), "max_session_secs": 60 }),
            ),
            "max_session_secs: 3600 to 43200",
        ),
        (
            put("user/111122223333/ALICE", json!({})),
            "differ in case alone",
        ),
        (
            put("guardrail", json!({ "document": malformed })),
            "policy document: ",
        ),
        (
            put("account/111122223333", json!({ "name": "" })),
            "is no name",
        ),
    ];
    for (resource, why) in cases {
        let name = resource["name"].as_str().unwrap().to_owned();
        let refused = change(&state, 20, json!({ "put": [resource] })).unwrap_err();
        assert!(refused.contains(why), "{refused} lacks {why}");
        assert!(
            refused.contains(&name),
            "{refused} names another than {name}"
        );
    }
    for (gone, why) in [
        (
            "group/111122223333/readers",
            "user/111122223333/alice: there is no group",
        ),
        (
            "policy/111122223333/limit",
            "user/111122223333/alice: there is no policy",
        ),
        ("user/111122223333/bob", "it is not there"),
        ("planet", "it is not there"),
    ] {
        let refused = change(&state, 20, json!({ "delete": [gone] })).unwrap_err();
        assert!(refused.contains(why), "{refused} lacks {why}");
    }
}

#[test]
fn a_change_is_all_or_nothing_and_names_each_resource_once() {
    let state = small_company();
    let bob = || put("user/111122223333/bob", json!({}));
    for twice in [
        json!({ "put": [bob(), bob()] }),
        json!({ "put": [put("user/111122223333/alice", json!({}))],
                "delete": ["user/111122223333/alice"] }),
        json!({ "delete": ["user/111122223333/alice", "user/111122223333/alice"] }),
    ] {
        let refused = change(&state, 20, twice).unwrap_err();
        assert!(refused.ends_with("it is in the change twice"), "{refused}");
    }
    // What depends on each other may come and go together, in any order.
    let all: Vec<String> = state
        .resources()
        .map(|(name, _)| name.to_string())
        .collect();
    let prepared = change(&state, 20, json!({ "delete": all })).unwrap();
    assert_eq!(
        (prepared.state, prepared.rows.len()),
        (State::default(), all.len())
    );
    let many: Vec<_> = (0..=CHANGE_RESOURCES_MAX)
        .map(|n| format!("user/{n}"))
        .collect();
    let refused = change(&state, 20, json!({ "delete": many })).unwrap_err();
    assert!(refused.contains("at most 512"), "{refused}");
}

/// A row that cannot be read denies whoever depends on it, and can be removed or replaced.
#[test]
fn what_cannot_be_read_denies() {
    let rows = |broken: &'static str| {
        let state = small_company();
        let rows: Vec<_> = state
            .resources()
            .map(|(name, resource)| (name.to_string(), resource.write().unwrap()))
            .map(|(name, row)| match name == broken {
                true => (name, b"{}x".to_vec()),
                false => (name, row),
            })
            .collect();
        State::read(rows.iter().map(|(name, row)| (&**name, &**row)))
    };
    let lost = |policy: &blockhouse_policy::Policy| policy.sid(0) == Some("Unreadable");
    let no_user = Snapshot::new(1, rows("user/111122223333/alice"));
    assert!(no_user.user(account(), "alice").is_none());
    for (broken, at) in [
        ("group/111122223333/readers", 2),
        ("policy/111122223333/managed", 1),
    ] {
        let snapshot = Snapshot::new(1, rows(broken));
        let alice = snapshot.user(account(), "alice").unwrap();
        assert!(lost(&alice.policies[at]), "{broken}");
    }
    let snapshot = Snapshot::new(1, rows("policy/111122223333/limit"));
    assert!(lost(
        snapshot
            .user(account(), "alice")
            .unwrap()
            .boundary
            .as_ref()
            .unwrap()
    ));
    assert!(lost(
        Snapshot::new(1, rows("guardrail")).guardrail().unwrap()
    ));
    let unknown = State::read([("planet/earth", &b"{}"[..])]);
    assert!(lost(Snapshot::new(1, unknown.clone()).guardrail().unwrap()));
    let mended = change(&unknown, 20, json!({ "delete": ["planet/earth"] })).unwrap();
    assert!(Snapshot::new(1, mended.state).guardrail().is_none());
    let state = rows("group/111122223333/readers");
    let again = json!({ "put": [put("group/111122223333/readers", json!({}))] });
    let mended = change(&state, 20, again).unwrap().state;
    assert!(mended.unreadable().is_empty());
}

#[test]
fn a_policys_own_text_is_kept() {
    let json = br#"{"document": {"Statement" : [ ] ,"Version":"2012-10-17"}}"#;
    let Resource::Policy(managed) = Resource::read(Kind::Policy, json).unwrap() else {
        panic!("another kind");
    };
    assert_eq!(
        managed.document.text(),
        r#"{"Statement" : [ ] ,"Version":"2012-10-17"}"#
    );
    // Names that stand there twice are seen by whoever judges the policy.
    let twice = br#"{"document": {"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}}"#;
    let resource = Resource::read(Kind::Policy, twice).unwrap();
    let document = String::from_utf8(resource.write().unwrap()).unwrap();
    assert_eq!(document.matches("Version").count(), 2);
}

proptest! {
    /// A name reads back as itself, and nothing else reads as it.
    #[test]
    fn names_have_one_spelling(text in "(user|role|group|policy|guardrail|account|x)(/[0-9]{11,13}(/[a-zA-Z/ +=,.@_-]{0,6})?)?") {
        if let Some(name) = Name::parse(&text) {
            prop_assert_eq!(name.to_string(), text);
        }
    }

    /// Whatever bytes come, reading them ends, and what was read is written and read alike.
    #[test]
    fn any_bytes(bytes: Vec<u8>, which in 0..6usize) {
        let _ = Change::read(&bytes);
        let kind = Kind::ALL[which];
        if let Ok(resource) = Resource::read(kind, &bytes) {
            prop_assert_eq!(Resource::read(kind, &resource.write().unwrap()), Ok(resource));
        }
    }
}

#[test]
fn a_change_that_is_none() {
    for (text, why) in [
        ("", "EOF"),
        ("[]", "invalid length"),
        (r#"{"expected": -1}"#, "invalid value"),
        (r#"{"expected": 1, "puts": []}"#, "unknown field"),
        (r#"{"expected": 1, "expected": 1}"#, "duplicate field"),
        (r#"{"put": []}"#, "missing field `expected`"),
    ] {
        let refused = Change::read(text.as_bytes()).unwrap_err();
        assert!(
            matches!(&refused.fault, Fault::Json(fault) if fault.contains(why)),
            "{refused}"
        );
    }
}

#[test]
fn addresses_of_an_account_are_groups_and_own_ranges() {
    let prepared = change(
        &State::default(),
        1,
        json!({ "put": [
            put("address-group/111122223333/partners", json!({ "entries": ["203.0.113.0/24", "vpc-a/10.0.0.0/8", "own"] })),
            put("public-ranges/111122223333", json!({ "ranges": ["198.51.100.0/24", "2001:db8::/32"] })),
        ] }),
    );
    let state = prepared.unwrap().state;
    let snapshot = Snapshot::new(1, state.clone());
    let networks = snapshot.networks(account()).unwrap();
    let texts = |entries: &[Entry]| entries.iter().map(Entry::to_string).collect::<Vec<_>>();
    assert_eq!(texts(&networks.own), ["198.51.100.0/24", "2001:db8::/32"]);
    let partners = &networks.groups["partners"];
    assert_eq!(
        texts(partners),
        ["203.0.113.0/24", "vpc-a/10.0.0.0/8", "own"]
    );
    assert!(
        snapshot
            .networks(AccountId::from_number(7).unwrap())
            .is_none()
    );
    for (name, resource) in [
        (
            "address-group/111122223333/a",
            json!({ "entries": ["group:partners"] }),
        ),
        (
            "address-group/111122223333/a",
            json!({ "entries": ["10.0.0.0/33"] }),
        ),
        ("address-group/111122223333/A", json!({ "entries": [] })),
        ("public-ranges/111122223333", json!({ "ranges": ["own"] })),
        ("public-ranges/111122223333", json!({ "ranges": ["vpc-a"] })),
        ("public-ranges/111122223333/a", json!({ "ranges": [] })),
    ] {
        let refused = change(&state, 2, json!({ "put": [put(name, resource.clone())] }));
        assert!(refused.is_err(), "{name} {resource}");
    }
}
