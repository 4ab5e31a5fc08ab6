//! The same packets at both renderings: sent at a kernel, and asked of the classification. All of a grid
//! of links, sources, destinations and payloads; those of one link and source are counted together.

use crate::{cannot_run, plans};
use blockhouse_netfilter::{Counter, Flow, Load, Packet, Payload, Plan, Verdict, classify};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Write,
    net::IpAddr,
    process::{Command, Stdio},
};

const LINKS: [&str; 3] = ["p1", "p2", "p9"];
const SOURCES: [&str; 17] = [
    "10.0.1.50",
    "10.0.1.66",
    "10.0.1.1",
    "10.0.1.10",
    "10.0.1.255",
    "10.0.2.4",
    "10.0.2.50",
    "10.0.3.50",
    "10.0.200.1",
    "10.1.0.1",
    "198.51.100.1",
    "fd00:a:0:1::50",
    "fd00:a:0:1::10",
    "fd00:a:0:2::50",
    "fd00:b::1",
    "fe80::50",
    "2001:db8::50",
];
const DESTINATIONS: [&str; 9] = [
    "10.0.1.10",
    "10.0.2.4",
    "10.0.1.11",
    "10.0.1.255",
    "224.0.0.251",
    "fd00:a:0:1::10",
    "fd00:a:0:1::11",
    "ff02::1",
    "2001:db8::1",
];

/// What neighbour discovery is about.
const TARGETS: [&str; 5] = [
    "fd00:a:0:1::10",
    "fd00:a:0:1::50",
    "fd00:a:0:2::50",
    "fe80::50",
    "2001:db8::1",
];

fn payloads() -> Vec<Payload> {
    let tcp = [22, 53, 80, 443]
        .into_iter()
        .flat_map(|port| [true, false].map(|is_opening| Payload::Tcp { port, is_opening }));
    let udp = [53, 80].map(|port| Payload::Udp { port });
    let icmp = [
        0, 3, 5, 8, 11, 1, 2, 128, 129, 130, 133, 134, 135, 136, 137, 143,
    ];
    let icmp = icmp
        .into_iter()
        .flat_map(|kind| [64, 255].map(|hop_limit| (kind, hop_limit)))
        .flat_map(|(kind, hop_limit)| {
            let of_discovery = matches!(kind, 135 | 136).then_some(TARGETS);
            let targets = of_discovery.into_iter().flatten();
            let targets = targets.map(|text| text.parse().ok());
            targets.chain([None]).map(move |target| Payload::Icmp {
                kind,
                hop_limit,
                target,
            })
        });
    tcp.chain(udp).chain(icmp).chain([Payload::Other]).collect()
}

/// As the sender wants it.
fn written(flow: &Flow) -> Value {
    let link = &flow.link;
    let Packet::Ip {
        source,
        destination,
        is_fragment,
        payload,
    } = flow.packet
    else {
        let Packet::Arp { sender } = flow.packet else {
            unreachable!()
        };
        return json!({"link": link, "kind": "arp", "source": sender});
    };
    let mut written = match payload {
        Payload::Tcp { port, is_opening } => {
            json!({"kind": "tcp", "port": port, "opening": is_opening})
        }
        Payload::Udp { port } => json!({"kind": "udp", "port": port}),
        Payload::Icmp { kind, target, .. } => {
            json!({"kind": "icmp", "type": kind, "target": target})
        }
        Payload::Other => json!({"kind": "other"}),
    };
    written["hops"] = match payload {
        Payload::Icmp { hop_limit, .. } => json!(hop_limit),
        _ => json!(64),
    };
    written["link"] = json!(link);
    written["source"] = json!(source);
    written["destination"] = json!(destination);
    written["fragment"] = json!(is_fragment);
    written
}

fn flows(link: &str, source: &str) -> Vec<Flow> {
    let flow = |packet| Flow {
        link: link.to_owned(),
        packet,
        load: Load::default(),
    };
    let source: IpAddr = source.parse().unwrap();
    let mut flows = Vec::new();
    for destination in DESTINATIONS.map(|text| text.parse::<IpAddr>().unwrap()) {
        if destination.is_ipv4() != source.is_ipv4() {
            continue;
        }
        for payload in payloads() {
            let packet = |is_fragment| Packet::Ip {
                source,
                destination,
                is_fragment,
                payload,
            };
            flows.push(flow(packet(false)));
            if matches!(
                payload,
                Payload::Tcp {
                    port: 80,
                    is_opening: true
                }
            ) {
                flows.push(flow(packet(true)));
            }
        }
    }
    if let IpAddr::V4(sender) = source {
        flows.push(flow(Packet::Arp { sender }));
    }
    flows
}

/// The counters that the classification moves. What is accepted for no endpoint is counted by none.
fn expected(plan: &Plan, flows: &[Flow]) -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    for flow in flows {
        let counter = match classify(plan, flow) {
            Verdict::Accept { endpoint: None } => continue,
            Verdict::Accept { endpoint } => Counter {
                reason: None,
                endpoint,
            },
            Verdict::Drop(reason) => Counter {
                reason: Some(reason),
                endpoint: None,
            },
        };
        *counters.entry(counter.to_string()).or_default() += 1;
    }
    counters
}

fn sent(input: &Value) -> Vec<BTreeMap<String, u64>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kernel/packets.py");
    let mut sender = Command::new("unshare")
        .args(["-n", "python3", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = sender.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = sender.wait_with_output().unwrap();
    assert!(output.status.success(), "packets.py failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_kernel_does_what_the_classification_says() {
    if let Some(reason) = cannot_run() {
        println!("NET-SKIP {reason}");
        return;
    }
    // Plain links, since a kernel may lack the others; and no tracking, which would put fragments
    // together before they are looked at.
    let yaml = include_str!("../golden/network.yaml")
        .replace("{uplink: eth0, vlan: 101}", "{interface: p1}")
        .replace(
            "{uplink: eth0, vxlan: 4001, local: 192.0.2.1, peers: [192.0.2.7]}",
            "{interface: p2}",
        )
        .replace(", connections_max: 20", "")
        .replace(
            "new_connections_per_second: 50, burst: 100",
            "burst: 100000",
        );
    let plan = &plans(&yaml)[1];
    let addresses = |name: &str| {
        let link = plan.links.iter().find(|link| link.name == name);
        link.map_or(Vec::new(), |link| link.addresses.clone())
    };
    let links: BTreeMap<_, _> = LINKS.iter().map(|name| (*name, addresses(name))).collect();
    let pairs: Vec<_> = LINKS
        .into_iter()
        .flat_map(|l| SOURCES.map(|s| (l, s)))
        .collect();
    let groups: Vec<_> = pairs
        .iter()
        .map(|(link, source)| flows(link, source))
        .collect();
    let input = json!({
        "batches": [plan.skeleton(|_| false), plan.rules(usize::MAX)],
        "links": links,
        "groups": groups.iter().map(|group| json!({
            "frames": group.iter().map(written).collect::<Vec<_>>(),
            "counted": expected(plan, group).values().sum::<u64>(),
        })).collect::<Vec<_>>(),
    });
    let moved = sent(&input);
    for ((pair, group), mut moved) in pairs.iter().zip(&groups).zip(moved) {
        // An endpoint's own counters of drops say the same once more.
        moved.retain(|name, _| !name.contains('.') || name.starts_with("c_accept."));
        assert_eq!(moved, expected(plan, group), "{pair:?}");
    }
}
