use super::*;
use proptest::prelude::*;

fn list(entries: &[&str]) -> AddressList {
    let entries: Vec<Entry> = entries.iter().map(|e| e.parse().unwrap()).collect();
    let own = ["vpc-own", "198.51.100.0/24", "2001:db8:1::/48"].map(|e| e.parse().unwrap());
    let mut networks = Networks {
        own: own.into(),
        ..Networks::default()
    };
    let site = [
        "192.0.2.0/25",
        "192.0.2.128/25",
        "2001:db8:2::/48",
        "vpc-site/10.0.0.0/16",
    ];
    networks
        .groups
        .insert("site".into(), site.map(|e| e.parse().unwrap()).into());
    networks
        .groups
        .insert("nested".into(), vec!["group:site".parse().unwrap()]);
    networks.groups.insert("ours".into(), vec![Entry::Own]);
    AddressList::compile(&entries, &networks).unwrap()
}

fn public(list: &AddressList, address: &str) -> bool {
    let peer = Peer::Public(address.parse().unwrap());
    Admission::judge(Some(list), peer).is_admitted()
}

fn vpc(list: &AddressList, vpc: &str, endpoint: &str, address: &str) -> Admission {
    let address = address.parse().unwrap();
    let peer = Peer::Vpc {
        vpc,
        endpoint,
        address,
    };
    Admission::judge(Some(list), peer)
}

#[test]
fn no_list_admits_all_and_an_empty_one_nobody() {
    let peer = Peer::Public("203.0.113.1".parse().unwrap());
    assert_eq!(Admission::judge(None, peer), Admission::NoList);
    assert!(Admission::NoList.is_admitted());
    let empty = AddressList::compile(&[], &Networks::default()).unwrap();
    assert!(empty.is_empty());
    assert_eq!(
        Admission::judge(Some(&empty), peer),
        Admission::PublicNotListed
    );
    assert_eq!(
        vpc(&empty, "vpc-1", "vpce-1", "10.0.0.1"),
        Admission::VpcNotListed
    );
}

#[test]
fn strictly_private_is_the_owners_networks() {
    let own = list(&["own"]);
    assert!(public(&own, "198.51.100.0") && public(&own, "198.51.100.255"));
    assert!(public(&own, "::ffff:198.51.100.7"), "a mapped peer");
    assert!(!public(&own, "203.0.113.1"));
    assert_eq!(vpc(&own, "vpc-own", "vpce-1", "10.9.9.9"), Admission::Vpc);
    assert_eq!(
        vpc(&own, "vpc-other", "vpce-1", "10.9.9.9"),
        Admission::VpcNotListed
    );
    assert!(public(&list(&["group:ours"]), "198.51.100.1"));
}

#[test]
fn ranges_groups_and_their_kinds() {
    let open = list(&[
        "own",
        "group:site",
        "203.0.113.9",
        "vpce-partner",
        "vpc-a/10.1.0.0/16",
    ]);
    assert!(public(&open, "192.0.2.200") && public(&open, "203.0.113.9"));
    assert!(!public(&open, "203.0.113.10") && !public(&open, "10.0.0.1"));
    assert!(public(&open, "2001:db8:2:ffff::1") && !public(&open, "2001:db8:3::1"));
    // An address of one VPC is not that address of another, nor a public one.
    assert_eq!(vpc(&open, "vpc-site", "vpce-x", "10.0.3.4"), Admission::Vpc);
    assert_eq!(
        vpc(&open, "vpc-other", "vpce-x", "10.0.3.4"),
        Admission::VpcNotListed
    );
    assert_eq!(
        vpc(&open, "vpc-other", "vpce-x", "192.0.2.200"),
        Admission::VpcNotListed
    );
    assert_eq!(
        vpc(&open, "vpc-a", "vpce-x", "10.2.0.1"),
        Admission::VpcNotListed
    );
    assert_eq!(
        vpc(&open, "vpc-z", "vpce-partner", "10.2.0.1"),
        Admission::Endpoint
    );
    // The two halves of a range became one, and so did two neighbours of IPv6.
    assert_eq!(open.range_count(), 6);
}

#[test]
fn a_whole_vpc_swallows_its_ranges() {
    for entries in [["vpc-a", "vpc-a/10.0.0.0/8"], ["vpc-a/10.0.0.0/8", "vpc-a"]] {
        assert_eq!(
            vpc(&list(&entries), "vpc-a", "vpce-x", "172.16.0.1"),
            Admission::Vpc
        );
    }
}

#[test]
fn what_cannot_be_compiled_is_refused() {
    let compile = |entries: Vec<Entry>| AddressList::compile(&entries, &Networks::default());
    let missing = compile(vec![Entry::Group("x".into())]);
    assert_eq!(missing.unwrap_err(), InvalidList::NoSuchGroup("x".into()));
    let one: Entry = "192.0.2.0/24".parse().unwrap();
    assert!(compile(vec![one.clone(); RANGES_MAX]).is_ok());
    assert_eq!(
        compile(vec![one; RANGES_MAX + 1]).unwrap_err(),
        InvalidList::TooLong
    );
    let mut networks = Networks::default();
    networks
        .groups
        .insert("a".into(), vec![Entry::Group("a".into())]);
    let nested = AddressList::compile(&[Entry::Group("a".into())], &networks);
    assert_eq!(nested.unwrap_err(), InvalidList::NestedGroup("a".into()));
}

#[test]
fn entries_read_back() {
    for text in [
        "own",
        "192.0.2.0/24",
        "2001:db8::/32",
        "vpc-1a",
        "vpc-1a/10.0.0.0/8",
        "vpce-1a",
        "group:site-1",
    ] {
        assert_eq!(text.parse::<Entry>().unwrap().to_string(), text);
    }
    assert_eq!(
        "192.0.2.7/24".parse::<Entry>().unwrap().to_string(),
        "192.0.2.0/24"
    );
    assert_eq!(
        "192.0.2.7".parse::<Entry>().unwrap().to_string(),
        "192.0.2.7/32"
    );
    for bad in [
        "",
        "Own",
        "192.0.2.0/33",
        "vpc-",
        "vpc-A",
        "vpce-",
        "group:",
        "group:a b",
        "vpc-a/x",
        "10.0.0",
        "::/129",
    ] {
        assert!(bad.parse::<Entry>().is_err(), "{bad}");
    }
}

#[test]
fn the_ends_of_all_addresses() {
    let all = list(&["0.0.0.0/0", "::/0"]);
    for address in [
        "0.0.0.0",
        "255.255.255.255",
        "::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ] {
        assert!(public(&all, address), "{address}");
    }
    assert!(
        public(&list(&["::/0"]), "192.0.2.1"),
        "every IPv6 range holds the mapped ones"
    );
    assert!(!public(&list(&["0.0.0.0/0"]), "2001:db8::1"));
}

/// Small address spaces, so that ranges meet.
fn nets() -> impl Strategy<Value = Vec<IpNet>> {
    let v4 = (0u32..4096, 20u8..=32).prop_map(|(a, len)| (IpAddr::V4((a << 8).into()), len));
    let v6 = (0u128..4096, 0u128..8, 100u8..=128)
        .prop_map(|(lower, upper, len)| (IpAddr::V6((upper << 64 | lower << 20).into()), len));
    let net = prop_oneof![v4, v6].prop_map(|(a, len)| IpNet::new(a, len).unwrap().trunc());
    prop::collection::vec(net, 0..300)
}

proptest! {
    #[test]
    fn agrees_with_looking_at_every_range(nets in nets(), probes in prop::collection::vec((0u32..1_100_000, 0u128..9), 50)) {
        let ranges = Ranges::new(&nets);
        let edges = nets.iter().flat_map(|n| [n.network(), n.broadcast()]);
        let random = probes.into_iter().flat_map(|(low, upper)| {
            [IpAddr::V4(low.into()), IpAddr::V6((upper << 64 | u128::from(low) << 12).into())]
        });
        for address in edges.chain(random) {
            let address = fold(address);
            let expected = nets.iter().any(|n| crate::scalar::Prefix::of(*n).contains(address));
            prop_assert_eq!(ranges.contains(address), expected, "{}", address);
        }
    }
}

/// Found by the fuzzer: two single addresses that span all bits of IPv6.
#[test]
fn a_few_ranges_may_span_all_addresses() {
    let list = list(&["::1", "fbff::1"]);
    assert!(public(&list, "::1") && public(&list, "fbff::1"));
    assert!(!public(&list, "::2") && !public(&list, "8000::") && !public(&list, "fbff::"));
}
