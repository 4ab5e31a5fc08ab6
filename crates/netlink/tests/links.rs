//! Links, addresses, routes and rules, in a kernel: what was asked for is there, and carries packets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use blockhouse_netlink::{
    Cause, Idempotent as _,
    route::{
        Address, Learning, Link, LinkDetail, LinkIndex, Peer, Route, Rule, Scope, State, TableId,
        Vxlan,
    },
};
use common::{Net, link_name, may_run};
use ipnet::IpNet;
use std::os::fd::AsFd as _;

fn route(to: &str, link: LinkIndex, table: u32) -> Route {
    Route {
        table: TableId(table),
        to: to.parse().unwrap(),
        gateway: None,
        link: Some(link),
        source: None,
        scope: if to.contains(':') {
            Scope::Universe
        } else {
            Scope::Link
        },
    }
}

#[test]
fn a_veth_carries_connections() {
    if !may_run() {
        return;
    }
    let (client, server) = (Net::new("client"), Net::new("server"));
    client.join("c0", &server, "s0");
    client.set_up("c0", &["10.0.0.1/24", "fd00::1/64"]);
    server.set_up("s0", &["10.0.0.2/24", "fd00::2/64"]);
    for at in ["10.0.0.2", "fd00::2"] {
        let greeter = server.greet(at, "hello");
        assert_eq!(client.hear(at), "hello");
        greeter.join().unwrap();
    }
    let link = client.route().link(&link_name("c0")).unwrap();
    assert_eq!(link.kind.as_deref(), Some("veth"));
    assert!(link.is_up && link.peer_namespace.is_some() && link.hardware.is_some());
    let other = server.route().link(&link_name("s0")).unwrap();
    assert_eq!(link.parent, Some(other.index));
}

#[test]
fn a_link_is_changed_moved_and_deleted_and_what_is_not_there_is_told() {
    if !may_run() {
        return;
    }
    let (one, other) = (Net::new("one"), Net::new("other"));
    let (mut here, mut there) = (one.route(), other.route());
    let (a, b) = (link_name("a"), link_name("b"));
    here.add_veth(&a, &b, None).unwrap();
    let again = here.add_veth(&a, &link_name("c"), None);
    assert_eq!(again.as_ref().unwrap_err().cause, Cause::Exists);
    assert_eq!(again.as_ref().unwrap_err().to_string(), "adding the link a");
    again.or_exists().unwrap();
    let index = here.link(&a).unwrap().index;

    here.set_mtu(index, 1400).unwrap();
    here.set_state(index, State::Up).unwrap();
    let link = here.link(&a).unwrap();
    assert_eq!((link.mtu, link.is_up), (1400, true));
    here.set_state(index, State::Down).unwrap();
    let renamed = link_name("vpc-a.12");
    here.rename(index, &renamed).unwrap();
    let link = here.link(&renamed).unwrap();
    assert_eq!((link.index, link.is_up), (index, false));
    let too_long = here.set_mtu(index, 1 << 20).unwrap_err();
    assert!(
        matches!(too_long.cause, Cause::Refused { .. }),
        "{too_long:?}"
    );

    // Under a name that is taken where it goes, it stays.
    there.add_veth(&renamed, &b, None).unwrap();
    let taken = here.move_to(index, &*other);
    assert_eq!(taken.unwrap_err().cause, Cause::Exists);
    let moved = link_name("moved");
    here.rename(index, &moved).unwrap();
    here.move_to(index, other.as_fd()).unwrap();
    assert_eq!(here.link(&moved).unwrap_err().cause, Cause::NotFound);
    let there_index = there.link(&moved).unwrap().index;
    assert_eq!(
        names(&there.links().unwrap()),
        ["b", "lo", "moved", "vpc-a.12"]
    );

    there.delete_link(there_index).unwrap();
    let gone = there.delete_link(there_index);
    assert_eq!(gone.as_ref().unwrap_err().cause, Cause::NotFound);
    gone.or_absent().unwrap();
    // The other end went with it.
    assert_eq!(here.link(&b).unwrap_err().cause, Cause::NotFound);
}

fn names(links: &[Link]) -> Vec<&str> {
    let mut names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn addresses_come_and_go() {
    if !may_run() {
        return;
    }
    let net = Net::new("net");
    let (mut socket, link) = (net.route(), net.index("lo"));
    for text in [
        "10.1.2.3/16",
        "10.1.2.4/32",
        "fd00:1::7/64",
        "2001:db8::1/128",
    ] {
        let net: IpNet = text.parse().unwrap();
        let address = Address { link, net };
        socket.add_address(address).unwrap();
        assert!(socket.addresses().unwrap().contains(&address), "{text}");
        let again = socket.add_address(address).unwrap_err();
        assert_eq!(again.cause, Cause::Exists);
        assert_eq!(again.to_string(), format!("adding the address {address}"));
        socket.delete_address(address).unwrap();
        assert!(!socket.addresses().unwrap().contains(&address), "{text}");
        let gone = socket.delete_address(address).unwrap_err();
        assert_eq!(gone.cause, Cause::NotFound);
    }
    let link = LinkIndex(999);
    let net = "10.0.0.1/8".parse().unwrap();
    let nowhere = socket.add_address(Address { link, net }).unwrap_err();
    assert_eq!(nowhere.cause, Cause::NotFound);
}

#[test]
fn vxlans_carry_vpcs_with_the_same_addresses() {
    if !may_run() {
        return;
    }
    let nodes = [Net::new("left"), Net::new("right")];
    let [left, right] = &nodes;
    left.join("up", right, "up");
    left.set_up("up", &["192.0.2.1/24"]);
    right.set_up("up", &["192.0.2.2/24"]);
    // Two VPCs, each at home on both nodes, with the same two addresses.
    let vpcs = [101, 102].map(|id| [vpc(id, left, 1), vpc(id, right, 2)]);
    for ([client, server], words) in vpcs.iter().zip(["the one", "the other"]) {
        let greeter = server.greet("10.0.0.2", words);
        assert_eq!(client.hear("10.0.0.2"), words);
        greeter.join().unwrap();
    }
}

/// A VPC's namespace on a node, with a VXLAN to the other node.
fn vpc(id: u32, node: &Net, number: u8) -> Net {
    let (vpc, mut under) = (Net::new("vpc"), node.route());
    let name = link_name(&format!("vx{id}"));
    let vxlan = Vxlan {
        id,
        local: format!("192.0.2.{number}").parse().unwrap(),
        port: 4789,
        mtu: 1450,
        learning: Learning::Off,
    };
    under.add_vxlan(&name, &vxlan).unwrap();
    assert_eq!(
        under.add_vxlan(&name, &vxlan).unwrap_err().cause,
        Cause::Exists
    );
    let index = under.link(&name).unwrap().index;
    under.move_to(index, &*vpc).unwrap();
    let index = vpc.index(name.as_str());
    vpc.route().rename(index, &link_name("net0")).unwrap();
    let index = vpc.set_up("net0", &[&format!("10.0.0.{number}/24")]);
    let mut inside = vpc.route();
    let other = 3 - number;
    let address = format!("192.0.2.{other}").parse().unwrap();
    let peer = Peer {
        link: index,
        address,
    };
    inside.add_peer(peer).unwrap();
    inside.add_peer(peer).or_exists().unwrap();
    assert_eq!(inside.peers().unwrap(), [peer]);
    let absent = Peer {
        address: "192.0.2.77".parse().unwrap(),
        ..peer
    };
    inside.add_peer(absent).unwrap();
    assert_eq!(inside.peers().unwrap().len(), 2);
    inside.delete_peer(absent).unwrap();
    inside.delete_peer(absent).or_absent().unwrap();
    assert_eq!(inside.peers().unwrap(), [peer]);
    inside.delete_peer(peer).unwrap();
    let gone = inside.delete_peer(peer).unwrap_err();
    assert_eq!(gone.cause, Cause::NotFound);
    inside.add_peer(peer).unwrap();

    let link = inside.link(&link_name("net0")).unwrap();
    let detail = LinkDetail::Vxlan {
        id,
        local: Some(vxlan.local),
        port: 4789,
    };
    assert_eq!((link.detail, link.mtu, link.is_up), (detail, 1450, true));
    assert_eq!(link.kind.as_deref(), Some("vxlan"));
    assert!(
        link.peer_namespace.is_some(),
        "its socket is where it was made"
    );
    vpc
}

#[test]
fn replies_go_by_where_they_come_from() {
    if !may_run() {
        return;
    }
    // Two subnets, and in each a client of the same address.
    let server = Net::new("server");
    let clients = [("e1", 1), ("e2", 2)].map(|(link, number)| {
        let client = Net::new("client");
        server.join(link, &client, "c0");
        let index = client.set_up("c0", &["10.9.0.5/32", "fd09::5/128"]);
        let mut socket = client.route();
        for to in [format!("10.{number}.0.1/32"), format!("fd0{number}::1/128")] {
            socket.add_route(&route(&to, index, 254)).unwrap();
        }
        let addresses = [format!("10.{number}.0.1/24"), format!("fd0{number}::1/64")];
        let index = server.set_up(link, &addresses.each_ref().map(String::as_str));
        server
            .set_sysctl(&format!("ipv4/conf/{link}/rp_filter"), "0")
            .unwrap();
        reply_by(&server, index, number);
        client
    });
    for (client, number) in clients.iter().zip([1, 2]) {
        for at in [format!("10.{number}.0.1"), format!("fd0{number}::1")] {
            let greeter = server.greet(&at, "found");
            assert_eq!(client.hear(&at), "found", "{at}");
            greeter.join().unwrap();
        }
    }
}

/// What is sent from this subnet's address goes out by this link.
fn reply_by(server: &Net, link: LinkIndex, number: u32) {
    let mut socket = server.route();
    let ways = [
        ("10.9.0.5/32", format!("10.{number}.0.1/32")),
        ("fd09::5/128", format!("fd0{number}::1/128")),
    ];
    for (to, from) in ways {
        let reply = route(to, link, 1000 + number);
        socket.add_route(&reply).unwrap();
        assert_eq!(socket.add_route(&reply).unwrap_err().cause, Cause::Exists);
        assert!(socket.routes().unwrap().contains(&reply), "{reply}");
        let rule = Rule {
            from: from.parse().unwrap(),
            table: TableId(1000 + number),
            priority: 100 + number,
        };
        socket.add_rule(&rule).unwrap();
        assert_eq!(socket.add_rule(&rule).unwrap_err().cause, Cause::Exists);
        assert!(socket.rules().unwrap().contains(&rule), "{rule}");
    }
}

#[test]
fn routes_and_rules_come_and_go() {
    if !may_run() {
        return;
    }
    let (net, other) = (Net::new("net"), Net::new("other"));
    net.join("n0", &other, "o0");
    let link = net.set_up("n0", &["10.0.0.1/24", "fd00::1/64"]);
    other.set_up("o0", &[]);
    let mut socket = net.route();
    let way = |to: &str, gateway: &str, source: &str| Route {
        table: TableId(70_000),
        to: to.parse().unwrap(),
        gateway: Some(gateway.parse().unwrap()),
        link: Some(link),
        source: Some(source.parse().unwrap()),
        scope: Scope::Universe,
    };
    let defaults = [
        way("0.0.0.0/0", "10.0.0.254", "10.0.0.1"),
        way("172.16.0.0/12", "10.0.0.253", "10.0.0.1"),
        way("::/0", "fd00::fe", "fd00::1"),
    ];
    for route in defaults {
        socket.add_route(&route).unwrap();
        let again = socket.add_route(&route);
        assert_eq!(again.unwrap_err().cause, Cause::Exists, "{route}");
        assert!(socket.routes().unwrap().contains(&route), "{route}");
        socket.delete_route(&route).unwrap();
        let gone = socket.delete_route(&route).unwrap_err();
        assert_eq!(gone.cause, Cause::NotFound);
        assert_eq!(gone.to_string(), format!("deleting the route {route}"));
        assert!(!socket.routes().unwrap().contains(&route), "{route}");
    }
    for from in [
        "10.0.0.1/32",
        "10.0.0.0/24",
        "0.0.0.0/0",
        "fd00::1/128",
        "::/0",
    ] {
        let rule = Rule {
            from: from.parse().unwrap(),
            table: TableId(70_000),
            priority: 77,
        };
        socket.add_rule(&rule).unwrap();
        assert_eq!(socket.add_rule(&rule).unwrap_err().cause, Cause::Exists);
        assert!(socket.rules().unwrap().contains(&rule), "{rule}");
        socket.delete_rule(&rule).unwrap();
        let gone = socket.delete_rule(&rule).unwrap_err();
        assert_eq!(gone.cause, Cause::NotFound, "{gone:?}");
        assert!(!socket.rules().unwrap().contains(&rule), "{rule}");
    }
    // The kernel's own, of both kinds of addresses.
    let own = socket.rules().unwrap();
    assert!(
        own.iter()
            .filter(|rule| rule.table == TableId::MAIN)
            .count()
            == 2,
        "{own:?}"
    );
}

#[test]
fn kinds_that_a_kernel_lacks_are_told() {
    if !may_run() {
        return;
    }
    let (net, other) = (Net::new("net"), Net::new("other"));
    net.join("n0", &other, "o0");
    let link = net.set_up("n0", &[]);
    let mut socket = net.route();
    match socket.add_vlan(&link_name("n0.12"), link, 12) {
        Ok(()) => {
            let vlan = socket.link(&link_name("n0.12")).unwrap();
            assert_eq!(
                (vlan.detail, vlan.parent),
                (LinkDetail::Vlan(12), Some(link))
            );
        }
        Err(failed) => {
            assert!(
                matches!(failed.cause, Cause::Unsupported { .. }),
                "{failed:?}"
            );
            println!("NET-SKIP vlan: kernel without 8021q");
        }
    }
    match socket.add_dummy(&link_name("d0")) {
        Ok(()) => {
            let dummy = socket.link(&link_name("d0")).unwrap();
            assert_eq!(dummy.kind.as_deref(), Some("dummy"));
        }
        Err(failed) => {
            assert!(
                matches!(failed.cause, Cause::Unsupported { .. }),
                "{failed:?}"
            );
        }
    }
}
