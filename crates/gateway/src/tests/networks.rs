//! The way a connection came, as policies, address lists and the audit see it.

use super::*;
use crate::{DesiredState, NetworkError, NetworkFilter, NetworkOrder, origin::tests::from_vpc};
use blockhouse_state::{Change, Stamp};
use blockhouse_store::ObjectStore as _;
use blockhouse_types::Clock as _;

/// The bucket, and a client of `vpc-1` that asks for the key by `vpce-1`.
fn with_client_in_vpc(node: Node, peer: &str) -> Node {
    node.put("/bkt/key", "data").expect(200);
    *node.client.borrow_mut() = from_vpc(peer);
    node
}

fn policy(condition: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Deny", "Principal": "*",
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bkt/*", "Condition": {{{condition}}}}}]}}"#
    )
}

#[test]
fn a_vpc_is_known_by_its_keys_and_has_no_public_address() {
    for (denied_if, denies) in [
        (r#""StringEquals": {"aws:SourceVpc": "vpc-1"}"#, true),
        (r#""StringEquals": {"aws:SourceVpc": "vpc-2"}"#, false),
        (r#""StringNotEquals": {"aws:SourceVpce": "vpce-1"}"#, false),
        (r#""StringNotEquals": {"aws:SourceVpce": "vpce-2"}"#, true),
        (r#""IpAddress": {"aws:VpcSourceIp": "10.0.1.0/24"}"#, true),
        (r#""IpAddress": {"aws:VpcSourceIp": "10.0.2.0/24"}"#, false),
        (
            r#""ArnEquals": {"aws:SourceVpcArn": "arn:aws:ec2:local-1:000000000007:vpc/vpc-1"}"#,
            true,
        ),
        // Absent on this path: what is not there is in no range, and outside of every range.
        (r#""IpAddress": {"aws:SourceIp": "0.0.0.0/0"}"#, false),
        (
            r#""NotIpAddressIfExists": {"aws:SourceIp": "10.0.1.0/24"}"#,
            true,
        ),
        (r#""Null": {"aws:SourceIp": "true"}"#, true),
    ] {
        let node = Node::with_bucket();
        node.put("/bkt?policy", policy(denied_if)).expect(204);
        let node = with_client_in_vpc(node, "10.0.1.7:5");
        let got = node.get("/bkt/key");
        assert_eq!(got.status, if denies { 403 } else { 200 }, "{denied_if}");
    }
}

#[test]
fn no_header_changes_where_a_request_comes_from() {
    let node = Node::with_bucket();
    let only_vpc_2 = r#""StringNotEquals": {"aws:SourceVpc": "vpc-2"}"#;
    node.put("/bkt?policy", policy(only_vpc_2)).expect(204);
    let node = with_client_in_vpc(node, "10.0.1.7:5");
    for forged in [
        ("x-forwarded-for", "10.0.2.1"),
        ("x-real-ip", "10.0.2.1"),
        ("forwarded", "for=10.0.2.1"),
        ("x-amz-source-vpc", "vpc-2"),
        ("aws-sourcevpc", "vpc-2"),
    ] {
        let got = node.call("GET", "/bkt/key", &[forged], "");
        got.refused(403, "AccessDenied");
    }
}

#[test]
fn an_address_list_means_the_path_that_it_names() {
    let list = |entry: &str| {
        format!("<AddressListConfiguration><Entry>{entry}</Entry></AddressListConfiguration>")
    };
    for (entry, admits) in [
        ("vpc-1", true),
        ("vpc-1/10.0.1.0/24", true),
        ("vpce-1", true),
        ("vpc-1/10.0.2.0/24", false),
        ("vpc-2", false),
        ("vpc-2/10.0.1.0/24", false),
        ("vpce-2", false),
        ("10.0.1.0/24", false),
    ] {
        let node = with_client_in_vpc(Node::with_bucket(), "10.0.1.7:5");
        node.put("/bkt?bh-addresses", list(entry)).expect(200);
        let got = node.get("/bkt/key");
        assert_eq!(got.status, if admits { 200 } else { 403 }, "{entry}");
        *node.client.borrow_mut() = here();
        node.get("/bkt/key").refused(403, "AccessDenied");
    }
}

/// A change of the network, and what a network filter that answers so is asked for meanwhile.
fn change_network(
    filtered: bool,
    prepared: Result<(), NetworkError>,
) -> (Result<u64, String>, u64, Vec<&'static str>) {
    let node = Node::new();
    let (filter, mut orders) = NetworkFilter::new();
    let desired = match filtered {
        true => DesiredState::with_network(filter),
        false => DesiredState::default(),
    };
    let change =
        r#"{"expected": 0, "put": [{"name": "security-group/sg-a", "resource": {"id": "sg-a"}}]}"#;
    let change = Change::read(change.as_bytes()).unwrap();
    let mut entropy = Counting(0);
    let mut stamp = Stamp {
        now: TestClock.now(),
        entropy: &mut entropy,
    };
    let asked = node.run(async {
        let parts = (&node.context.store, &*node.context.site);
        let changing = async {
            let changed = desired.change(parts, change, &mut stamp).await;
            changed
                .map(|snapshot| snapshot.version())
                .map_err(|error| error.to_string())
        };
        let mut asked = Vec::new();
        let mut changing = pin!(changing);
        loop {
            tokio::select! {
                biased;
                order = orders.recv(), if filtered => match order.unwrap() {
                    NetworkOrder::Prepare { model, told, .. } => {
                        asked.push("prepare");
                        assert_eq!(model.security_groups.len(), 1);
                        told.send(prepared.clone()).unwrap();
                    }
                    NetworkOrder::Activate { version, told } => {
                        asked.push("activate");
                        assert_eq!(version, 1);
                        told.send(Ok(())).unwrap();
                    }
                    NetworkOrder::Status { .. } => asked.push("status"),
                },
                changed = &mut changing => return (changed, asked),
            }
        }
    });
    (asked.0, node.context.store.desired().version, asked.1)
}

#[test]
fn a_network_is_prepared_before_it_is_stored_and_activated_after() {
    let all = vec!["prepare", "activate"];
    assert_eq!(change_network(true, Ok(())), (Ok(1), 1, all));
    for why in [
        NetworkError::Refused("vpc-a: no".to_owned()),
        NetworkError::Unreachable,
    ] {
        let refused = change_network(true, Err(why.clone()));
        assert_eq!(refused, (Err(why.to_string()), 0, vec!["prepare"]));
    }
    let none = change_network(false, Ok(()));
    assert_eq!(none, (Err(NetworkError::None.to_string()), 0, vec![]));
}
