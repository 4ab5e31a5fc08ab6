//! The network as resources: one row for each object, judged together.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails says so by panicking"
)]

use blockhouse_netfilter::Model;
use blockhouse_policy::address_list::Entry;
use blockhouse_state::{
    Change, Kind, Name, Prepared, Snapshot, Stamp, State, is_of_network, resources_of,
};
use blockhouse_types::{AccountId, Entropy, Timestamp};
use serde_json::{Value, json};

struct Zeros;

impl Entropy for Zeros {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn vpc(id: &str, range: &str) -> Value {
    json!({
        "id": format!("vpc-{id}"), "account": "111122223333", "cidrs": ["10.0.0.0/16"],
        "subnets": [{ "id": format!("subnet-{id}"), "cidrs": [range],
                      "attach": { "interface": format!("port-{id}") } }],
        "endpoint": { "id": format!("vpce-{id}"), "subnet": format!("subnet-{id}"),
                      "addresses": ["10.0.1.10"], "ports": { "http": 80 }, "security_groups": ["sg-a"] },
    })
}

fn group() -> Value {
    json!({ "id": "sg-a", "ingress": [{ "sources": ["10.0.0.0/16"] }] })
}

fn change(state: &State, puts: Value, deletes: Value) -> Result<State, String> {
    prepare(state, puts, deletes).map(|prepared| prepared.state)
}

fn prepare(state: &State, puts: Value, deletes: Value) -> Result<Prepared, String> {
    let document = json!({ "expected": 0, "put": puts, "delete": deletes });
    let change = Change::read(document.to_string().as_bytes()).map_err(|e| e.to_string())?;
    let mut stamp = Stamp {
        now: Timestamp::from_secs(1),
        entropy: &mut Zeros,
    };
    state.prepare(change, &mut stamp).map_err(|e| e.to_string())
}

fn two_vpcs() -> State {
    let puts = json!([
        { "name": "vpc/vpc-a", "resource": vpc("a", "10.0.1.0/24") },
        { "name": "vpc/vpc-b", "resource": vpc("b", "10.0.1.0/24") },
        { "name": "security-group/sg-a", "resource": group() },
        { "name": "network-limits", "resource": { "new_connections_per_second": 5, "burst": 7 } },
    ]);
    change(&State::default(), puts, json!([])).unwrap()
}

#[test]
fn the_objects_make_one_model_and_back() {
    let state = two_vpcs();
    let model = state.network();
    assert_eq!((model.vpcs.len(), model.security_groups.len()), (2, 1));
    assert_eq!(model.limits.burst, 7);
    let again: Vec<_> = resources_of(model.clone())
        .map(|(name, _)| name.to_string())
        .collect();
    let there: Vec<_> = state
        .resources()
        .map(|(name, _)| name.to_string())
        .collect();
    assert_eq!(again.len(), there.len());
    assert!(there.iter().all(|name| again.contains(name)));
    assert_eq!(
        State::of_resources(resources_of(model)).network(),
        state.network()
    );
}

#[test]
fn objects_that_do_not_go_together_are_refused() {
    let state = two_vpcs();
    let no_group = change(&state, json!([]), json!(["security-group/sg-a"])).unwrap_err();
    assert!(
        no_group.contains("sg-a") && no_group.contains("vpce-a"),
        "{no_group}"
    );
    let outside = json!([{ "name": "vpc/vpc-a", "resource": vpc("a", "10.1.1.0/24") }]);
    assert!(change(&state, outside, json!([])).is_err());
    let other_name = json!([{ "name": "vpc/vpc-c", "resource": vpc("a", "10.0.1.0/24") }]);
    let refused = change(&state, other_name, json!([])).unwrap_err();
    assert!(refused.contains("otherwise than vpc-a"), "{refused}");
    for name in [
        "vpc/111122223333/vpc-a",
        "vpc/other",
        "vpc",
        "network-limits/x",
        "vpc/vpc-a/b",
    ] {
        assert_eq!(Name::parse(name), None, "{name}");
    }
}

#[test]
fn only_what_differs_is_changed() {
    let state = two_vpcs();
    let mut model = state.network();
    model.vpcs.retain(|vpc| vpc.id.as_str() == "vpc-a");
    model.limits.burst = 9;
    let change = state.change_to_network(3, model);
    let puts: Vec<_> = change.puts.iter().map(|put| put.name.to_string()).collect();
    assert_eq!(
        (change.expected, puts),
        (3, vec!["network-limits".to_owned()])
    );
    assert_eq!(change.deletes, ["vpc/vpc-b".into()]);
    let same = state.change_to_network(3, state.network());
    assert!(same.puts.is_empty() && same.deletes.is_empty());
    let nothing = state.change_to_network(3, Model::default());
    assert_eq!(nothing.deletes.len(), 4);
}

#[test]
fn an_accounts_own_networks_are_its_vpcs() {
    let snapshot = Snapshot::new(1, two_vpcs());
    let own = snapshot
        .networks(AccountId::parse("111122223333").unwrap())
        .unwrap();
    let vpcs = ["vpc-a", "vpc-b"].map(|id| Entry::Vpc(id.into(), None));
    assert_eq!(own.own, vpcs);
    assert!(
        snapshot
            .networks(AccountId::from_number(5).unwrap())
            .is_none()
    );
}

#[test]
fn what_is_said_of_an_endpoint_goes_with_it() {
    let state = two_vpcs();
    let everything = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    let of = |endpoint: &str, document: &str| {
        let name = format!("vpc-endpoint-policy/{endpoint}");
        json!([{ "name": name, "resource": { "document": document } }])
    };
    let none = change(&state, of("vpce-zz", everything), json!([])).unwrap_err();
    assert!(none.contains("no vpce-zz"), "{none}");
    for bad in ["{}", &everything.replace("Allow", "Permit")] {
        assert!(change(&state, of("vpce-a", bad), json!([])).is_err());
    }
    let state = change(&state, of("vpce-a", everything), json!([])).unwrap();
    let snapshot = Snapshot::new(1, state.clone());
    assert!(snapshot.endpoint_policy("vpce-a").is_some());
    assert!(snapshot.endpoint_policy("vpce-b").is_none());
    // The network is none of its business, nor the reverse.
    let model = state.network();
    assert!(state.change_to_network(1, model).deletes.is_empty());

    let without = change(&state, json!([]), json!(["vpc/vpc-a"])).unwrap_err();
    assert!(without.contains("no vpce-a"), "{without}");
    let mut model = state.network();
    model.vpcs.remove(0);
    let mut deletes = state.change_to_network(1, model).deletes;
    deletes.sort();
    assert_eq!(
        deletes,
        ["vpc-endpoint-policy/vpce-a".into(), "vpc/vpc-a".into()]
    );
}

#[test]
fn an_endpoint_whose_policy_cannot_be_read_lets_nothing_through() {
    let state = State::read([("vpc-endpoint-policy/vpce-a", &b"{}"[..])]);
    let snapshot = Snapshot::new(1, state.clone());
    let policy = snapshot.endpoint_policy("vpce-a").unwrap();
    assert_eq!(policy.sid(0), Some("Unreadable"));
    assert!(snapshot.endpoint_policy("vpce-b").is_none());
    let mended = change(&state, json!([]), json!(["vpc-endpoint-policy/vpce-a"])).unwrap();
    assert!(Snapshot::new(2, mended).endpoint_policy("vpce-a").is_none());
}

#[test]
fn a_network_that_cannot_be_read_is_known_to_be_unreadable() {
    let read = |rows: &[(&'static str, &'static str)]| {
        State::read(rows.iter().map(|(name, row)| (*name, row.as_bytes())))
    };
    assert!(read(&[("vpc/vpc-a", "{}")]).network_is_unreadable());
    assert!(read(&[("what/is-this", "{}")]).network_is_unreadable());
    assert!(!read(&[("user/111122223333/a", "1")]).network_is_unreadable());
    let lost = read(&[
        ("vpc/vpc-a", "{}"),
        ("security-group/sg-a", r#"{"id": "sg-a"}"#),
    ]);
    let beside = json!([{ "name": "network-limits", "resource": { "burst": 1 } }]);
    let refused = change(&lost, beside, json!([])).unwrap_err();
    assert!(refused.contains("cannot be read"), "{refused}");
    let mended = prepare(&lost, json!([]), json!(["vpc/vpc-a"])).unwrap();
    assert_eq!(mended.network.unwrap().security_groups.len(), 1);
    let same = json!([{ "name": "security-group/sg-a", "resource": { "id": "sg-a" } }]);
    assert_eq!(
        prepare(&mended.state, same, json!([])).unwrap().network,
        None
    );
    assert!(is_of_network(Kind::Vpc) && !is_of_network(Kind::User));
}
