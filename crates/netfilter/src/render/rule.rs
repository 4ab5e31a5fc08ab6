//! One rule in nftables' JSON.

use crate::{
    filter::{ASKED_BURST, ASKED_PER_SECOND, Action, Holds, Match, Measure, Meter, Rule, SetKey},
    intervals::Family,
    reason::{Counter, Reason},
};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv6Addr};

/// Dropped packets of one reason that are logged, per second, and the burst above it.
const LOGGED_PER_SECOND: u32 = 5;
const LOGGED_BURST: u32 = 10;
/// The group of netlink's log that they are sent to.
const LOG_GROUP: u16 = 1;

/// TCP's flags: FIN, SYN, RST and ACK, of which SYN alone opens a connection.
const TCP_FLAGS: u8 = 0x17;
const TCP_SYN: u8 = 0x02;

/// More fragments, and the fragment's offset.
const V4_FRAGMENT_BITS: u16 = 0x3fff;

/// The chain that drops for that reason.
pub(super) fn drop_chain_name(reason: Reason) -> String {
    format!("d_{reason}")
}

/// It samples for the log, with the reason as prefix; counts; and drops.
pub(super) fn drop_chain(reason: Reason) -> [Vec<Value>; 2] {
    let endpoint = None;
    let counter = Counter {
        reason: Some(reason),
        endpoint,
    };
    let limit = json!({"rate": LOGGED_PER_SECOND, "burst": LOGGED_BURST, "per": "second"});
    let log = json!({"prefix": reason.name(), "group": LOG_GROUP});
    [
        vec![json!({ "limit": limit }), json!({ "log": log })],
        vec![
            json!({"counter": counter.to_string()}),
            json!({"drop": null}),
        ],
    ]
}

/// The expressions of a rule, in order.
pub(super) fn expressions(rule: &Rule) -> Vec<Value> {
    let mut all: Vec<_> = rule.matches.iter().map(matches).collect();
    if let Some(counter) = rule.counter() {
        all.push(json!({"counter": counter.to_string()}));
    }
    all.push(match &rule.action {
        Action::Accept => json!({"accept": null}),
        Action::Drop(reason) => json!({"goto": {"target": drop_chain_name(*reason)}}),
        Action::Ask(chain) => json!({"goto": {"target": chain}}),
        Action::Untrack => json!({"notrack": null}),
    });
    all
}

fn matches(what: &Match) -> Value {
    let test = |op: &str, left: Value, right: Value| json!({"match": {"op": op, "left": left, "right": right}});
    let is = |left, right| test("==", left, right);
    let meta = |key: &str| json!({"meta": {"key": key}});
    match what {
        Match::In(link) => is(meta("iifname"), json!(link)),
        Match::InByNone(links) => test("!=", meta("iifname"), json!({ "set": links })),
        Match::Out(link) => is(meta("oifname"), json!(link)),
        Match::Source(family, holds, set) => {
            let source = field(protocol(*family), "saddr");
            test(operator(*holds), source, named(set, *family))
        }
        Match::Destination(family, holds, set) => {
            let destination = field(protocol(*family), "daddr");
            test(operator(*holds), destination, named(set, *family))
        }
        Match::From(address) => is(field(protocol_of(*address), "saddr"), json!(address)),
        Match::To(address) => is(field(protocol_of(*address), "daddr"), json!(address)),
        Match::Tcp(port) => is(field("tcp", "dport"), json!(port)),
        Match::Udp(port) => is(field("udp", "dport"), json!(port)),
        Match::TcpFrom(port) => is(field("tcp", "sport"), json!(port)),
        Match::UdpFrom(port) => is(field("udp", "sport"), json!(port)),
        Match::Opening => is(tcp_flags(), json!(TCP_SYN)),
        Match::NotOpening => test("!=", tcp_flags(), json!(TCP_SYN)),
        Match::Icmp(family, types) => is(field(icmp(*family), "type"), json!({ "set": types })),
        Match::FromLink => is(field("ip6", "hoplimit"), json!(255)),
        Match::NeighborTarget(all) => {
            let ranges = all.ranges(Family::V6).into_iter();
            let ranges: Vec<_> = ranges.filter_map(target_range).collect();
            is(target_address(), json!({ "set": ranges }))
        }
        Match::Fragment(Family::V4) => test("!=", v4_fragment(), json!(0)),
        Match::Fragment(Family::V6) => is(v6_fragment(), json!(true)),
        Match::Whole(Family::V4) => is(v4_fragment(), json!(0)),
        Match::Whole(Family::V6) => is(v6_fragment(), json!(false)),
        Match::ArpSender(set) => is(field("arp", "saddr ip"), named(set, Family::V4)),
        Match::New => is(json!({"ct": {"key": "state"}}), json!("new")),
        Match::Over(meter) => over(meter),
    }
}

/// True if the source is above what the meter allows; and measures it.
pub(super) fn over(meter: &Meter) -> Value {
    let rate = |per_second: u32, burst: u32| {
        let limit = json!({"rate": per_second, "burst": burst, "per": "second", "inv": true});
        ("update", json!({ "limit": limit }))
    };
    let (op, statement) = match meter.measure {
        Measure::Opened { per_second, burst } => rate(per_second, burst),
        Measure::Asked => rate(ASKED_PER_SECOND, ASKED_BURST),
        Measure::Open { most } => ("add", json!({"ct count": {"val": most, "inv": true}})),
    };
    let source = field(protocol(meter.family), "saddr");
    let set = format!("@{}", meter.name());
    json!({"set": {"op": op, "elem": source, "set": set, "stmt": [statement]}})
}

fn operator(holds: Holds) -> &'static str {
    match holds {
        Holds::Yes => "==",
        Holds::No => "!=",
    }
}

fn named(set: &SetKey, family: Family) -> Value {
    json!(format!("@{}", set.name(family)))
}

fn field(protocol: &str, field: &str) -> Value {
    json!({"payload": {"protocol": protocol, "field": field}})
}

/// Where neighbour discovery has the address that it is about: nft 1.0.6 has no name for it. It takes
/// such bytes for an integer, which no set of addresses may be asked for.
fn target_address() -> Value {
    json!({"payload": {"base": "th", "offset": 64, "len": 128}})
}

fn target_range(range: (IpAddr, IpAddr)) -> Option<Value> {
    let (IpAddr::V6(first), IpAddr::V6(last)) = range else {
        return None;
    };
    let bits = |address: Ipv6Addr| format!("{:#034x}", address.to_bits());
    Some(match first == last {
        true => json!(bits(first)),
        false => json!({"range": [bits(first), bits(last)]}),
    })
}

fn v4_fragment() -> Value {
    json!({"&": [field("ip", "frag-off"), V4_FRAGMENT_BITS]})
}

fn v6_fragment() -> Value {
    json!({"exthdr": {"name": "frag"}})
}

fn tcp_flags() -> Value {
    json!({"&": [field("tcp", "flags"), TCP_FLAGS]})
}

fn protocol(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    }
}

fn protocol_of(address: IpAddr) -> &'static str {
    protocol(Family::of(address))
}

fn icmp(family: Family) -> &'static str {
    match family {
        Family::V4 => "icmp",
        Family::V6 => "icmpv6",
    }
}
