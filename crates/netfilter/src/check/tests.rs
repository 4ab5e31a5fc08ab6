use super::*;
use serde_json::{Value, json};

/// A model that is sound.
fn sound() -> Value {
    json!({
        "vpcs": [{
            "id": "vpc-a", "account": "111122223333", "cidrs": ["10.0.0.0/16", "fd00:a::/48"],
            "subnets": [
                {"id": "subnet-1", "cidrs": ["10.0.1.0/24", "fd00:a:0:1::/64"],
                 "attach": {"uplink": "eth0", "vlan": 1}, "gateway": ["10.0.1.1"],
                 "network_acl": "acl-a"},
                {"id": "subnet-2", "cidrs": ["10.0.2.0/24"], "attach": {"interface": "eth1"},
                 "address": ["10.0.2.2"]},
            ],
            "endpoint": {
                "id": "vpce-a", "subnet": "subnet-1",
                "addresses": ["10.0.1.10", "fd00:a:0:1::10"],
                "ports": {"http": 80, "https": 443}, "security_groups": ["sg-a"],
            },
        }],
        "network_acls": [{"id": "acl-a", "ingress": [
            {"rule": 1, "action": "allow", "source": "0.0.0.0/0"}]}],
        "security_groups": [{"id": "sg-a", "ingress": [{"sources": ["10.0.0.0/8"]}]}],
        "public_endpoints": [{
            "id": "public-1", "attach": {"interface": "eth2"}, "cidrs": ["192.0.2.0/24"],
            "addresses": ["192.0.2.10"], "gateway": ["192.0.2.1"], "ports": {"https": 443},
            "security_groups": ["sg-a"],
        }],
    })
}

fn faults(model: Value) -> Vec<String> {
    let model: Model = serde_json::from_value(model).unwrap();
    let faults = model.check().err().unwrap_or_default();
    faults.iter().map(ToString::to_string).collect()
}

/// The sound model with one value changed; `null` takes it away.
fn changed(path: &str, value: Value) -> Value {
    let mut model = sound();
    let (parent, field) = path.rsplit_once('/').unwrap();
    let place = model.pointer_mut(parent).unwrap();
    match (place, field.parse::<usize>()) {
        (Value::Array(list), Ok(at)) => list[at] = value,
        (Value::Array(list), Err(_)) => list.push(value),
        (Value::Object(fields), _) if value.is_null() => {
            fields.remove(field);
        }
        (Value::Object(fields), _) => {
            fields.insert(field.to_owned(), value);
        }
        _ => unreachable!(),
    }
    model
}

#[test]
fn a_sound_model_is_taken() {
    assert_eq!(faults(sound()), Vec::<String>::new());
    assert_eq!(faults(json!({})), Vec::<String>::new());
}

#[test]
fn each_contradiction_is_named_with_its_object() {
    let endpoint = "/vpcs/0/endpoint";
    let in_endpoint = |field: &str| format!("{endpoint}/{field}");
    let vpc = sound()["vpcs"][0].clone();
    let public = sound()["public_endpoints"][0].clone();
    for (path, value, wanted) in [
        ("/vpcs/+".to_owned(), vpc, "vpc-a: the id is used twice"),
        (
            "/vpcs/0/cidrs".into(),
            json!(["fd00:a::/48"]),
            "vpc-a: `cidrs` must be one range of IPv4",
        ),
        (
            "/vpcs/0/cidrs/+".into(),
            json!("10.0.5.0/24"),
            "vpc-a: 10.0.0.0/16 and 10.0.5.0/24 overlap",
        ),
        (
            "/vpcs/0/cidrs/+".into(),
            json!("224.0.0.0/16"),
            "vpc-a: 224.0.0.0/16 holds addresses of",
        ),
        (
            "/vpcs/0/cidrs/+".into(),
            json!("169.254.0.0/24"),
            "vpc-a: 169.254.0.0/24 holds",
        ),
        (
            "/vpcs/0/cidrs/+".into(),
            json!("fe80::/48"),
            "vpc-a: fe80::/48 holds",
        ),
        (
            "/vpcs/0/cidrs/+".into(),
            json!("11.0.0.0/7"),
            "vpc-a: the prefix of 10.0.0.0/7",
        ),
        (
            "/vpcs/0/subnets/1/cidrs".into(),
            json!(["10.1.2.0/24"]),
            "subnet-2: 10.1.2.0/24 is not within the VPC",
        ),
        (
            "/vpcs/0/subnets/1/cidrs".into(),
            json!(["10.0.1.128/25"]),
            "vpc-a: 10.0.1.0/24 and 10.0.1.128/25 overlap",
        ),
        (
            "/vpcs/0/subnets/1/cidrs".into(),
            json!([]),
            "subnet-2: `cidrs` must be one range",
        ),
        (
            "/vpcs/0/subnets/1/address".into(),
            json!(["10.0.2.255"]),
            "subnet-2: 10.0.2.255 is reserved",
        ),
        (
            "/vpcs/0/subnets/1/address".into(),
            json!(["10.0.1.2"]),
            "subnet-2: 10.0.1.2 is not within",
        ),
        (
            "/vpcs/0/subnets/1/attach".into(),
            Value::Null,
            "subnet-2: `address` in a subnet without",
        ),
        (
            "/vpcs/0/subnets/1/attach".into(),
            json!({"interface": "eth2"}),
            "public-1: eth2 is already attached to subnet-2",
        ),
        (
            "/vpcs/0/subnets/1/attach".into(),
            json!({"interface": "eth0"}),
            "subnet-2: the interface eth0 is the uplink",
        ),
        (
            "/vpcs/0/subnets/1/attach".into(),
            json!({"uplink": "eth9", "vlan": 1}),
            "subnet-2: vl1 is already attached",
        ),
        (
            "/vpcs/0/subnets/0/attach".into(),
            Value::Null,
            "vpce-a: the endpoint's subnet subnet-1 is not",
        ),
        (
            "/vpcs/0/subnets/0/network_acl".into(),
            json!("acl-b"),
            "subnet-1: there is no acl-b",
        ),
        (
            "/vpcs/0/subnets/0/address".into(),
            json!(["10.0.1.9"]),
            "subnet-1: `address` is for subnets",
        ),
        (
            "/vpcs/0/subnets/0/gateway".into(),
            json!(["10.0.1.1", "10.0.1.2"]),
            "subnet-1: `gateway` must be at most one",
        ),
        (
            "/vpcs/0/subnets/0/gateway".into(),
            json!(["10.0.1.10"]),
            "vpce-a: 10.0.1.10 is given twice",
        ),
        (
            in_endpoint("subnet"),
            json!("subnet-3"),
            "vpce-a: subnet-3 is no subnet",
        ),
        (
            in_endpoint("addresses"),
            json!(["10.0.1.3"]),
            "vpce-a: 10.0.1.3 is reserved",
        ),
        (
            in_endpoint("addresses"),
            json!(["10.0.1.255"]),
            "vpce-a: 10.0.1.255 is reserved",
        ),
        (
            in_endpoint("addresses"),
            json!(["10.0.1.10", "fd00:a:0:1::3"]),
            "vpce-a: fd00:a:0:1::3 is reserved",
        ),
        (
            in_endpoint("addresses"),
            json!(["10.0.2.10"]),
            "vpce-a: 10.0.2.10 is not within",
        ),
        (
            in_endpoint("addresses"),
            json!(["fd00:a:0:1::10"]),
            "vpce-a: `addresses` must be one of IPv4",
        ),
        (
            in_endpoint("ports"),
            json!({}),
            "vpce-a: `ports` must be one at least",
        ),
        (
            in_endpoint("ports"),
            json!({"http": 80, "https": 80}),
            "vpce-a: port 80 is given twice",
        ),
        (
            in_endpoint("ports"),
            json!({"http": 53}),
            "vpce-a: port 53 is the name service's",
        ),
        (
            in_endpoint("security_groups"),
            json!([]),
            "vpce-a: `security_groups` must be one at least",
        ),
        (
            in_endpoint("security_groups"),
            json!(["sg-b"]),
            "vpce-a: there is no sg-b",
        ),
        (
            in_endpoint("proxy"),
            json!({"trusted": []}),
            "vpce-a: `trusted` must be one range",
        ),
        (
            in_endpoint("proxy"),
            json!({"trusted": ["10.0.1.0/24"], "endpoints": {"vpce-0": "vpce-b"}}),
            "vpce-a: there is no vpce-b",
        ),
        (
            in_endpoint("limits"),
            json!({"burst": 0}),
            "vpce-a: rates and bursts",
        ),
        (
            in_endpoint("limits"),
            json!({"connections_max": 0}),
            "vpce-a: connections_max",
        ),
        (
            "/network_acls/0/ingress/0/rule".into(),
            json!(0),
            "acl-a: rule 0: numbers",
        ),
        (
            "/network_acls/0/ingress/0/rule".into(),
            json!(32767),
            "acl-a: rule 32767: numbers",
        ),
        (
            "/network_acls/0/ingress/+".into(),
            json!({"rule": 1, "action": "deny", "source": "10.0.0.0/8"}),
            "acl-a: rule 1 is given twice",
        ),
        (
            "/security_groups/0/ingress/0/sources".into(),
            json!([]),
            "sg-a: the sources of a rule",
        ),
        (
            "/public_endpoints/+".into(),
            public,
            "model: 192.0.2.0/24 and 192.0.2.0/24 overlap",
        ),
        (
            "/public_endpoints/0/gateway".into(),
            json!(["192.0.3.1"]),
            "public-1: 192.0.3.1 is not within",
        ),
        (
            "/limits".into(),
            json!({"new_connections_per_second": 1_000_001}),
            "model: rates and bursts",
        ),
    ] {
        let found = faults(changed(&path, value));
        assert!(
            found.iter().any(|fault| fault.starts_with(wanted)),
            "{wanted}: {found:?}"
        );
    }
}

#[test]
fn a_cloak_behind_a_load_balancer_is_refused() {
    let mut model = changed("/vpcs/0/endpoint/cloak", json!(["10.0.0.0/8"]));
    assert!(faults(model.clone()).is_empty());
    model["vpcs"][0]["endpoint"]["proxy"] = json!({"trusted": ["10.0.1.7"]});
    assert!(faults(model)[0].starts_with("vpce-a: `cloak` and `proxy` exclude"));
}

/// S3 on Outposts demands four free addresses: of /29, three are left beside the five reserved ones
/// before the endpoint has its own.
#[test]
fn the_endpoint_needs_room() {
    let with_prefix = |len: u8, gateway: Value| {
        let mut model = sound();
        let subnet = &mut model["vpcs"][0]["subnets"][0];
        subnet["cidrs"] = json!([format!("10.0.1.0/{len}")]);
        subnet["gateway"] = gateway;
        model["vpcs"][0]["endpoint"]["addresses"] = json!(["10.0.1.5"]);
        faults(model)
    };
    assert!(with_prefix(28, json!(["10.0.1.1"])).is_empty());
    assert_eq!(
        with_prefix(29, json!([])),
        ["vpce-a: 10.0.1.0/29 has fewer than 4 free addresses"]
    );
}

#[test]
fn two_vpcs_may_have_the_same_addresses() {
    let mut model = sound();
    let mut other = model["vpcs"][0].clone();
    other["id"] = json!("vpc-b");
    other["endpoint"]["id"] = json!("vpce-b");
    other["endpoint"]["subnet"] = json!("subnet-3");
    for (at, id) in ["subnet-3", "subnet-4"].into_iter().enumerate() {
        other["subnets"][at]["id"] = json!(id);
        other["subnets"][at]["attach"] = json!({"uplink": "eth0", "vlan": 100 + at});
    }
    model["vpcs"].as_array_mut().unwrap().push(other);
    assert!(faults(model.clone()).is_empty());
    // A load balancer in one VPC does not speak for the other; a public one may.
    let proxy = |at: &str| json!({"trusted": [at], "endpoints": {"vpce-0": "vpce-b"}});
    model["public_endpoints"][0]["proxy"] = proxy("192.0.2.7");
    assert!(faults(model.clone()).is_empty());
    model["vpcs"][0]["endpoint"]["proxy"] = proxy("10.0.1.7");
    assert!(faults(model)[0].contains("can stand for this endpoint alone, not for vpce-b"));
}

#[test]
fn bounds_are_held() {
    let rule = |number: usize| json!({"rule": number, "action": "deny", "source": "10.0.0.1"});
    let rules = |count: usize| json!((1..=count).map(rule).collect::<Vec<_>>());
    assert!(faults(changed("/network_acls/0/ingress", rules(ACL_RULES_MAX))).is_empty());
    let found = faults(changed("/network_acls/0/ingress", rules(ACL_RULES_MAX + 1)));
    assert_eq!(found, ["acl-a: 41 rules, at most 40 are allowed"]);
    let sources = |count: usize| json!(vec!["10.0.0.1"; count]);
    // The rest of the model has seven ranges.
    let path = "/security_groups/0/ingress/0/sources";
    assert!(faults(changed(path, sources(RANGES_MAX - 7))).is_empty());
    let found = faults(changed(path, sources(RANGES_MAX - 6)));
    assert_eq!(
        found,
        ["model: 100001 ranges of addresses, at most 100000 are allowed"]
    );
    // Of very many faults the first hundred are told.
    let many: Vec<_> = (0..1000).map(|_| json!("169.254.0.0/8")).collect();
    let found = faults(changed("/vpcs/0/subnets/0/cidrs", json!(many)));
    assert_eq!(found.len(), crate::bounds::FAULTS_MAX + 1);
    assert!(found.last().unwrap().contains("there are more faults"));
}
