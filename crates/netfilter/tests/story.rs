//! What becomes of packets in the network of `golden/network.yaml`, as an operator would ask.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use blockhouse_netfilter::{
    Checked, Flow, Load, Model, Packet, Payload, Reason, Subnets, Verdict, classify,
};
use std::net::IpAddr;

fn network() -> Checked {
    let model = Model::from_yaml(include_str!("golden/network.yaml")).unwrap();
    model.check().unwrap()
}

fn verdict(namespace: &str, flow: &Flow) -> String {
    let plans = network().compile();
    let plan = plans
        .iter()
        .find(|plan| plan.namespace.to_string() == namespace)
        .unwrap();
    match classify(plan, flow) {
        Verdict::Accept {
            endpoint: Some(endpoint),
        } => endpoint.to_string(),
        Verdict::Accept { endpoint: None } => "accept".to_owned(),
        Verdict::Drop(reason) => reason.to_string(),
    }
}

fn ip(link: &str, from: &str, to: &str, payload: Payload) -> Flow {
    Flow {
        link: link.to_owned(),
        packet: Packet::Ip {
            source: from.parse().unwrap(),
            destination: to.parse().unwrap(),
            is_fragment: false,
            payload,
        },
        load: Load::default(),
    }
}

fn tcp(port: u16) -> Payload {
    let is_opening = true;
    Payload::Tcp { port, is_opening }
}

fn icmp(kind: u8) -> Payload {
    let hop_limit = 64;
    let target = None;
    Payload::Icmp {
        kind,
        hop_limit,
        target,
    }
}

#[test]
fn packets_in_a_vpc() {
    let (v4, v6) = ("10.0.1.10", "fd00:a:0:1::10");
    let a = |link, from, to, payload| verdict("vpc-a", &ip(link, from, to, payload));
    // Its own subnet, another one over the gateway, one that is not attached, both families.
    assert_eq!(a("vl101", "10.0.1.50", v4, tcp(80)), "vpce-a");
    assert_eq!(a("vl101", "10.0.2.50", v4, tcp(443)), "vpce-a");
    assert_eq!(a("vl101", "10.0.3.50", v4, tcp(80)), "vpce-a");
    assert_eq!(a("vl101", "fd00:a:0:2::7", v6, tcp(443)), "vpce-a");
    // The network ACL: one address, one subnet at one port, what no rule names.
    assert_eq!(a("vl101", "10.0.1.66", v4, tcp(443)), "network_acl");
    assert_eq!(a("vl101", "10.0.2.50", v4, tcp(80)), "network_acl");
    // Who may reach any port may ask for the name and ping; the group has no say in it.
    assert_eq!(
        a("vl101", "10.0.2.50", v4, Payload::Udp { port: 53 }),
        "vpce-a"
    );
    assert_eq!(
        a("vl101", "10.0.1.66", v4, Payload::Udp { port: 53 }),
        "network_acl"
    );
    assert_eq!(a("vl101", "10.0.1.66", v4, tcp(53)), "network_acl");
    assert_eq!(a("vl101", "10.0.2.50", v4, icmp(8)), "vpce-a");
    assert_eq!(a("vl101", "fd00:a::2:1", v6, icmp(128)), "vpce-a");
    assert_eq!(
        a("vl101", "10.0.1.66", v4, icmp(3)),
        "vpce-a",
        "packets may be too big"
    );
    assert_eq!(
        a("vl101", "10.0.1.50", v4, icmp(5)),
        "not_endpoint",
        "no redirects"
    );
    // Forged sources.
    assert_eq!(a("vl101", "10.1.0.1", v4, tcp(80)), "spoof");
    assert_eq!(a("vl101", "198.51.100.1", v4, tcp(80)), "spoof");
    assert_eq!(
        a("vl101", "10.0.2.255", v4, tcp(80)),
        "spoof",
        "a broadcast is nobody's"
    );
    assert_eq!(a("vl101", v4, v4, tcp(80)), "own_address");
    assert_eq!(a("vl101", "10.0.2.4", v4, tcp(80)), "own_address");
    assert_eq!(a("vx4001", "10.0.1.50", v4, tcp(80)), "spoof");
    assert_eq!(a("vl101", "fe80::1", v6, tcp(443)), "spoof");
    // The right source, but the wrong place.
    assert_eq!(a("vx4001", "10.0.2.50", v4, tcp(80)), "wrong_interface");
    assert_eq!(a("eth0", "10.0.1.50", v4, tcp(80)), "wrong_interface");
    assert_eq!(a("vl101", "10.0.1.50", v4, tcp(22)), "not_endpoint");
    assert_eq!(a("vl101", "10.0.1.50", v4, Payload::Other), "not_endpoint");
    assert_eq!(a("vl101", "10.0.1.50", "10.0.1.11", tcp(80)), "forward");
    assert_eq!(
        a(
            "vl101",
            "10.0.1.50",
            "224.0.0.251",
            Payload::Udp { port: 5353 }
        ),
        "group"
    );
    assert_eq!(
        a(
            "vl101",
            "0.0.0.0",
            "255.255.255.255",
            Payload::Udp { port: 67 }
        ),
        "group"
    );
    // The node's own address in the other subnet answers pings.
    assert_eq!(a("vx4001", "10.0.2.50", "10.0.2.4", icmp(8)), "accept");
    assert_eq!(
        a("vx4001", "10.0.2.50", "10.0.2.4", tcp(80)),
        "not_endpoint"
    );
}

#[test]
fn the_same_addresses_in_another_vpc_and_a_cloak() {
    let b = |from| verdict("vpc-b", &ip("eth1", from, "10.0.1.10", tcp(80)));
    assert_eq!(b("10.0.1.50"), "vpce-b");
    assert_eq!(b("10.0.1.66"), "cloak", "vpc-a's ACL is not vpc-b's");
    assert_eq!(
        b("10.0.2.50"),
        "spoof",
        "without a gateway there is one subnet"
    );
    let outside = ip("eth1", "10.0.1.66", "10.0.1.10", icmp(8));
    assert_eq!(
        verdict("vpc-b", &outside),
        "cloak",
        "who hides answers no ping"
    );
}

#[test]
fn public_packets() {
    let to = "203.0.113.10";
    let p = |from, to, payload| verdict("uplinks", &ip("eth2", from, to, payload));
    assert_eq!(p("203.0.113.33", to, tcp(443)), "public-1");
    assert_eq!(p("203.0.113.1", to, tcp(443)), "not_load_balancer");
    assert_eq!(p("198.51.100.1", to, tcp(443)), "not_load_balancer");
    assert_eq!(
        p("198.51.100.1", to, Payload::Udp { port: 53 }),
        "not_endpoint"
    );
    assert_eq!(p("127.0.0.1", to, tcp(443)), "spoof");
    assert_eq!(p("169.254.1.1", to, tcp(443)), "spoof");
    // There is no gateway for IPv6.
    assert_eq!(p("2001:db8:1::1", "2001:db8::10", tcp(443)), "spoof");
    assert_eq!(
        p("2001:db8::1", "2001:db8::10", tcp(443)),
        "not_load_balancer"
    );
}

#[test]
fn neighbours_parts_and_limits() {
    let neighbor = |from, kind, hop_limit, target: &str| {
        let target = Some(target.parse().unwrap());
        let what = Payload::Icmp {
            kind,
            hop_limit,
            target,
        };
        verdict("vpc-a", &ip("vl101", from, "ff02::1:ff00:10", what))
    };
    let (host, near) = ("fd00:a:0:1::50", "fe80::1");
    let (endpoint, elsewhere) = ("fd00:a:0:1::10", "fd00:a:0:2::50");
    assert_eq!(neighbor(near, 134, 255, near), "group", "a router's word");
    assert_eq!(neighbor(near, 130, 1, near), "accept");
    for from in [near, host, "::"] {
        assert_eq!(neighbor(from, 135, 255, endpoint), "accept");
        assert_eq!(neighbor(from, 136, 255, host), "accept");
        assert_eq!(neighbor(from, 136, 255, near), "accept");
        for claimed in [endpoint, elsewhere, "2001:db8::1", "ff02::1"] {
            assert_eq!(neighbor(from, 136, 255, claimed), "foreign_neighbor");
        }
        // A router passed it on.
        assert_eq!(neighbor(from, 135, 254, endpoint), "foreign_neighbor");
    }
    for from in [elsewhere, "2001:db8::1"] {
        assert_eq!(neighbor(from, 135, 255, endpoint), "foreign_neighbor");
        assert_eq!(neighbor(from, 136, 255, host), "foreign_neighbor");
    }
    assert_eq!(neighbor(endpoint, 136, 255, endpoint), "own_address");

    let arp = |link: &str, sender: &str| {
        let (link, sender) = (link.to_owned(), sender.parse().unwrap());
        let (packet, load) = (Packet::Arp { sender }, Load::default());
        verdict("vpc-a", &Flow { link, packet, load })
    };
    assert_eq!(arp("vl101", "10.0.1.50"), "accept");
    assert_eq!(arp("vl101", "10.0.1.1"), "accept");
    assert_eq!(arp("vl101", "0.0.0.0"), "accept");
    assert_eq!(arp("vl101", "10.0.1.10"), "foreign_arp");
    assert_eq!(arp("vl101", "10.0.2.50"), "foreign_arp");
    assert_eq!(arp("eth0", "10.0.1.50"), "foreign_arp");

    let mut flow = ip("vl101", "10.0.1.50", "10.0.1.10", tcp(80));
    flow.load.has_too_many = true;
    assert_eq!(verdict("vpc-a", &flow), "connections");
    flow.load.opened_too_many = true;
    assert_eq!(verdict("vpc-a", &flow), "rate");
    if let Packet::Ip { is_fragment, .. } = &mut flow.packet {
        *is_fragment = true;
    }
    assert_eq!(verdict("vpc-a", &flow), "fragment");
}

#[test]
fn an_address_has_a_subnet() {
    let network = network();
    let subnets = Subnets::of(&network.model().vpcs[0]);
    let of = |address: &str| {
        let address: IpAddr = address.parse().unwrap();
        let id = subnets.subnet_of(address).map(|id| id.as_str().to_owned());
        (id, subnets.is_in_vpc(address))
    };
    assert_eq!(of("10.0.1.0"), (Some("subnet-a1".to_owned()), true));
    assert_eq!(of("10.0.3.255"), (Some("subnet-a3".to_owned()), true));
    assert_eq!(of("fd00:a:0:2::1"), (Some("subnet-a2".to_owned()), true));
    assert_eq!(of("10.0.4.0"), (None, true));
    assert_eq!(of("10.1.1.1"), (None, false));
    assert_eq!(of("fd00:b::"), (None, false));
}

#[test]
fn reasons_have_names_that_are_read_back() {
    assert_eq!("spoof".parse(), Ok(Reason::Spoof));
}
