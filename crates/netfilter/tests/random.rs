//! Random models and flows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use blockhouse_netfilter::{
    AclAction, Cidr, Endpoint, Flow, Load, Model, Packet, Payload, Plan, Verdict, Vpc, classify,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ranges that often hold, split and miss the addresses of [`source`].
fn cidr() -> impl Strategy<Value = String> {
    let v4 = (0u8..3, 0u8..4, any::<u8>(), 8u8..=32);
    let v6 = (0u16..3, 0u16..4, any::<u8>(), 32u8..=128);
    prop_oneof![
        3 => v4.prop_map(|(a, b, c, len)| format!("10.{a}.{b}.{c}/{len}")),
        2 => v6.prop_map(|(a, b, c, len)| format!("fd00:{a}:0:{b}::{c:x}/{len}")),
        1 => Just("0.0.0.0/0".to_owned()),
        1 => Just("::/0".to_owned()),
    ]
}

fn source() -> impl Strategy<Value = IpAddr> {
    let v4 = (0u8..3, 0u8..4, any::<u8>());
    let v6 = (0u16..3, 0u16..4, any::<u8>());
    prop_oneof![
        4 => v4.prop_map(|(a, b, c)| Ipv4Addr::new(10, a, b, c).into()),
        3 => v6.prop_map(|(a, b, c)| Ipv6Addr::new(0xfd00, a, 0, b, 0, 0, 0, c.into()).into()),
        1 => any::<Ipv4Addr>().prop_map(IpAddr::V4),
    ]
}

fn ports() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(80)),
        Just(json!([443, "8000-8999"])),
        Just(json!("1-442")),
    ]
}

fn rule(mut fields: Value, ports: Value) -> Value {
    if !ports.is_null() {
        fields["ports"] = ports;
    }
    fields
}

fn acl() -> impl Strategy<Value = Value> {
    let one = (any::<bool>(), cidr(), ports());
    prop::collection::btree_map(1u16..=32766, one, 0..6).prop_map(|rules| {
        let rules = rules
            .into_iter()
            .rev()
            .map(|(number, (allows, source, ports))| {
                let action = if allows { "allow" } else { "deny" };
                rule(
                    json!({"rule": number, "action": action, "source": source}),
                    ports,
                )
            });
        json!({"id": "acl-a", "ingress": rules.collect::<Vec<_>>()})
    })
}

fn group() -> impl Strategy<Value = Value> {
    let one = (prop::collection::vec(cidr(), 1..4), ports());
    prop::collection::vec(one, 0..4).prop_map(|rules| {
        let rules = rules
            .into_iter()
            .map(|(s, p)| rule(json!({"sources": s}), p));
        json!({"id": "sg-a", "ingress": rules.collect::<Vec<_>>()})
    })
}

prop_compose! {
    /// A model whose VPC `vpc-0` is random; another one beside it has the same addresses.
    fn model()(
        acl in prop::option::of(acl()),
        group in group(),
        cloak in prop::option::weighted(0.3, prop::collection::vec(cidr(), 0..4)),
        gateways in prop::collection::vec(any::<bool>(), 2),
        has_v6 in any::<bool>(),
        most in prop::option::of(1u32..9),
        wide in 0u8..4,
    ) -> Value {
        let v6 = |text: &str| has_v6.then(|| text.to_owned());
        let list = |v4: &str, v6: Option<String>| json!(std::iter::once(v4.to_owned()).chain(v6).collect::<Vec<_>>());
        let gateway: Vec<_> = ["10.0.1.1", "fd00:0:0:1::1"].iter().zip(&gateways)
            .filter(|(address, has)| **has && (has_v6 || !address.contains(':')))
            .map(|(address, _)| *address).collect();
        let vpc = |at: u32| {
            let mut home = json!({"id": format!("subnet-{at}"), "cidrs": list("10.0.1.0/24", v6("fd00:0:0:1::/64")),
                "attach": {"uplink": "eth0", "vlan": 10 + at}, "gateway": gateway.clone()});
            if acl.is_some() && at == 0 {
                home["network_acl"] = json!("acl-a");
            }
            let mut endpoint = json!({"id": format!("vpce-{at}"), "subnet": format!("subnet-{at}"),
                "addresses": list("10.0.1.10", v6("fd00:0:0:1::10")), "ports": {"http": 80, "https": 443},
                "security_groups": ["sg-a"], "limits": {"connections_max": most}});
            if let Some(cloak) = &cloak {
                endpoint["cloak"] = json!(cloak);
            }
            let other = json!({"id": format!("subnet-{at}-far"), "cidrs": ["10.0.2.0/24"], "address": ["10.0.2.4"],
                "attach": {"interface": format!("far{at}")}});
            json!({"id": format!("vpc-{at}"), "account": "000000000042", "subnets": [home, other],
                "cidrs": list(&format!("10.0.0.0/{}", 14 + wide % 3), v6("fd00::/48")), "endpoint": endpoint})
        };
        json!({"vpcs": [vpc(0), vpc(1)], "network_acls": Vec::from_iter(acl.clone()), "security_groups": [group]})
    }
}

fn read(model: &Value) -> Model {
    serde_json::from_value(model.clone()).unwrap()
}

fn plans(model: &Value) -> Vec<Plan> {
    let checked = read(model).check();
    checked
        .unwrap_or_else(|faults| unreachable!("{faults:?}"))
        .compile()
}

/// What the objects say in plain words: may this source open a connection to that port?
fn may_connect(model: &Model, vpc: &Vpc, endpoint: &Endpoint, source: IpAddr, port: u16) -> bool {
    let any = |cidrs: &[Cidr]| cidrs.iter().any(|cidr| cidr.contains(source));
    let home = vpc
        .subnets
        .iter()
        .find(|s| s.id == endpoint.subnet)
        .unwrap();
    let is_routed = home.gateway.iter().any(|g| g.is_ipv4() == source.is_ipv4());
    let comes_from_here = any(&home.cidrs) || (is_routed && any(&vpc.cidrs));
    let is_no_host = vpc.subnets.iter().flat_map(|s| &s.cidrs).any(|cidr| {
        let ends = [cidr.net().network(), cidr.net().broadcast()];
        cidr.is_v4() && ends.contains(&source)
    });
    let is_ours = endpoint.addresses.contains(&source)
        || vpc
            .subnets
            .iter()
            .any(|subnet| subnet.address.contains(&source));
    let acl = home.network_acl.as_ref().map(|id| {
        let acl = model.network_acls.iter().find(|acl| acl.id == *id).unwrap();
        let matching = acl.ingress.iter().filter(|rule| {
            let at_port = rule.ports.as_ref().is_none_or(|ports| ports.contains(port));
            rule.source.contains(source) && at_port
        });
        let first = matching.min_by_key(|rule| rule.rule);
        first.is_some_and(|rule| rule.action == AclAction::Allow)
    });
    let groups = model
        .security_groups
        .iter()
        .filter(|g| endpoint.security_groups.contains(&g.id));
    let mut rules = groups.flat_map(|group| &group.ingress);
    let allowed = rules.any(|rule| {
        any(&rule.sources) && rule.ports.as_ref().is_none_or(|ports| ports.contains(port))
    });
    let seen = endpoint.cloak.as_ref().is_none_or(|cloak| any(cloak));
    comes_from_here && !is_no_host && !is_ours && acl != Some(false) && allowed && seen
}

proptest! {
    /// L3 lets exactly those in whom the network's objects let in: whatever a bucket's policy would
    /// refuse besides gets through, and hears 403.
    #[test]
    fn the_objects_decide_and_nothing_else(
        model in model(),
        sources in prop::collection::vec((source(), prop::sample::select(vec![80u16, 443]), any::<bool>()), 40),
    ) {
        let plan = &plans(&model)[0];
        let model = read(&model);
        let vpc = &model.vpcs[0];
        let endpoint = vpc.endpoint.as_ref().unwrap();
        for (source, port, is_opening) in sources {
            let to = endpoint.addresses.iter().find(|to| to.is_ipv4() == source.is_ipv4());
            let Some(destination) = to.copied() else { continue };
            let payload = Payload::Tcp { port, is_opening };
            let packet = Packet::Ip { source, destination, is_fragment: false, payload };
            let flow = Flow { link: "vl10".to_owned(), packet, load: Load::default() };
            let verdict = classify(plan, &flow);
            let expected = may_connect(&model, vpc, endpoint, source, port);
            let accepted = matches!(verdict, Verdict::Accept { endpoint: Some(_) });
            prop_assert_eq!(accepted, expected, "{} to {}: {:?}", source, port, verdict);
        }
    }

    /// Whatever comes is decided, and nothing that is not for an endpoint or the link gets through.
    #[test]
    fn everything_is_decided(
        model in model(), source in source(), destination in source(), kind in any::<u8>(),
        port in any::<u16>(), protocol in 0..4, link in prop::sample::select(vec!["vl10", "far0", "lo"]),
    ) {
        let payload = match protocol {
            0 => Payload::Tcp { port, is_opening: true },
            1 => Payload::Udp { port },
            2 => Payload::Icmp { kind, hop_limit: kind, target: None },
            _ => Payload::Other,
        };
        let packet = Packet::Ip { source, destination, is_fragment: false, payload };
        let flow = Flow { link: link.to_owned(), packet, load: Load::default() };
        let plan = &plans(&model)[0];
        let ours: Vec<IpAddr> = plan.links.iter().flat_map(|link| &link.addresses).map(|a| a.addr()).collect();
        if matches!(classify(plan, &flow), Verdict::Accept { .. }) {
            let neighbours = matches!(payload, Payload::Icmp { kind: 130 | 135, .. });
            prop_assert!(link != "lo");
            prop_assert!(ours.contains(&destination) || neighbours, "{:?}", flow);
        }
    }

    #[test]
    fn the_order_of_lists_does_not_matter_and_nothing_leaks(model in model()) {
        let mut turned = model.clone();
        for list in ["/vpcs", "/vpcs/0/subnets", "/network_acls", "/security_groups/0/ingress"] {
            turned.pointer_mut(list).unwrap().as_array_mut().unwrap().reverse();
        }
        if let Some(rules) = turned.pointer_mut("/network_acls/0/ingress") {
            rules.as_array_mut().unwrap().reverse();
        }
        let (one, other) = (plans(&model), plans(&turned));
        prop_assert_eq!(&one, &other);
        for (plan, mine, foreign) in [(&one[0], "0", "1"), (&one[1], "1", "0")] {
            let skeleton = plan.skeleton(|_| false).to_string();
            let rules = plan.rules(usize::MAX).to_string();
            prop_assert_eq!(&rules, &plan.rules(usize::MAX).to_string());
            let names = [("vl1", "\""), ("vpce-", ""), ("far", "")];
            for (before, after) in names {
                let mine = format!("{before}{mine}{after}");
                let foreign = format!("{before}{foreign}{after}");
                prop_assert!(rules.contains(&mine));
                prop_assert!(!rules.contains(&foreign) && !skeleton.contains(&foreign), "{}", foreign);
            }
        }
    }

    /// What is given out for netlink is what the batch says.
    #[test]
    fn large_sets_are_left_to_others(model in model(), ranges_max in 0usize..4) {
        let plan = &plans(&model)[0];
        let rules = plan.rules(ranges_max);
        let commands = rules["nftables"].as_array().unwrap();
        for set in plan.sets() {
            let touched = commands.iter().any(|c| {
                c["flush"]["set"]["name"] == set.name && c["flush"]["set"]["family"] == set.table.family()
            });
            prop_assert_eq!(touched, set.ranges.len() <= ranges_max);
            for pair in set.ranges.windows(2) {
                prop_assert!(pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0);
            }
        }
    }

    #[test]
    fn models_are_written_as_they_are_read(model in model()) {
        let model = read(&model);
        let json = serde_json::to_string(&model).unwrap();
        prop_assert_eq!(&Model::from_json(json.as_bytes()).unwrap(), &model);
        // JSON is YAML.
        prop_assert_eq!(&Model::from_yaml(&json).unwrap(), &model);
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Model::from_json(&bytes);
        let _ = Model::from_yaml(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn what_is_misspelt_or_repeated_is_refused() {
    for bad in [
        "cloak: []",
        "vpcs: [{id: vpc-a, account: '111122223333', cidrs: [10.0.0.0/16], cidr: 1}]",
        "limits: {burst: 1}\nlimits: {burst: 2}",
        "vpcs: &all []\nnetwork_acls: *all",
        "limits: {burst: 1}\n---\nlimits: {burst: 2}",
        "limits: {burst: -1}",
    ] {
        assert!(Model::from_yaml(bad).is_err(), "{bad}");
    }
    // Twelve digits need no quotes, and keep their zeros.
    let yaml = "vpcs: [{id: vpc-a, account: 000000000042, cidrs: [10.0.0.0/16]}]";
    let model = Model::from_yaml(yaml).unwrap();
    assert_eq!(model.vpcs[0].account.to_string(), "000000000042");
}

/// A model at its bound of ranges is read, whichever way they are written.
#[test]
fn a_full_model_is_read() {
    let rule = |at: usize| format!("  - {{sources: [10.{}.{}.0/24]}}\n", at / 250, at % 250);
    let rules: String = (0..1000).map(rule).collect();
    let groups: String = (0..100)
        .map(|at| format!("- id: sg-{at}\n  ingress:\n{rules}"))
        .collect();
    let model = Model::from_yaml(&format!("security_groups:\n{groups}")).unwrap();
    assert!(model.check().is_ok());
}
