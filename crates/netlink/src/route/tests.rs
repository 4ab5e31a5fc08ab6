use super::*;
use crate::wire::{Messages, Writer};
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The body of a message with this fixed header and these attributes.
fn body(fixed: &[u8], attributes: &dyn Fn(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    let message = writer.message(1, 0, 1, fixed);
    attributes(&mut writer);
    writer.end_message(message);
    let bytes = writer.finish().unwrap();
    let message = Messages::of(&bytes).next().unwrap().unwrap();
    message.body.to_vec()
}

#[test]
fn names_of_links_are_those_that_mean_one_link() {
    for good in ["lo", "eth0", "bh-vpc.100", "a23456789012345", "net0@up"] {
        assert_eq!(good.parse::<LinkName>().unwrap().as_str(), good);
    }
    let bad = [
        "",
        ".",
        "..",
        "a/b",
        "a b",
        "a:1",
        "veth%d",
        "a234567890123456",
        "ä",
        "a\n",
        "a\0",
    ];
    for bad in bad {
        assert_eq!(bad.parse::<LinkName>(), Err(BadName(bad.to_owned())));
    }
}

#[test]
fn a_link_without_a_name_is_none() {
    assert_eq!(Link::read(&[0; 15]), Err(Malformed::Length("a link")));
    assert_eq!(
        Link::read(&[0; 16]),
        Err(Malformed::Missing("a link's name"))
    );
    let odd = body(&[0; 16], &|w| {
        w.text(libc::IFLA_IFNAME, "a");
        w.attribute(libc::IFLA_MTU, &[1]);
    });
    assert_eq!(Link::read(&odd), Err(Malformed::Length("a link's MTU")));
}

#[test]
fn what_is_of_another_protocol_is_passed_over() {
    assert_eq!(Address::read(&[7, 0, 0, 0, 0, 0, 0, 0]), Ok(None));
    assert_eq!(Route::read(&[0; 12]), Ok(None));
    assert_eq!(Rule::read(&[0; 12]), Ok(None));
    assert_eq!(Peer::read(&[0; 12]), Ok(None));
    // An IPv4 address with an IPv6 one's length.
    let odd = [libc::AF_INET as u8, 64, 0, 0, 1, 0, 0, 0];
    let odd = body(&odd, &|w| w.attribute(libc::IFA_LOCAL, &[10, 0, 0, 1]));
    assert_eq!(Address::read(&odd), Err(Malformed::Value("an address")));
}

fn net() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<u32>(), 0..=32_u8)
        .prop_map(|(bits, len)| IpNet::new(Ipv4Addr::from_bits(bits).into(), len).unwrap());
    let v6 = (any::<u128>(), 0..=128_u8)
        .prop_map(|(bits, len)| IpNet::new(Ipv6Addr::from_bits(bits).into(), len).unwrap());
    prop_oneof![v4, v6]
}

fn route() -> impl Strategy<Value = Route> {
    let scope = prop::sample::select(vec![Scope::Universe, Scope::Link, Scope::Host]);
    let ends = prop::option::of(Just(()));
    (net(), any::<u32>(), any::<u32>(), scope, ends).prop_map(|(to, table, link, scope, ends)| {
        let end = ends.map(|()| to.addr());
        Route {
            table: TableId(table),
            to: to.trunc(),
            gateway: end,
            link: end.is_none().then_some(LinkIndex(link)),
            source: end,
            scope,
        }
    })
}

proptest! {
    #[test]
    fn any_body_is_refused_or_read(bytes: Vec<u8>) {
        for body in [bytes.clone(), [&[2; 12][..], &bytes].concat(), [&[7; 16][..], &bytes].concat()] {
            let _ = (Link::read(&body), Address::read(&body), Route::read(&body));
            let _ = (Rule::read(&body), Peer::read(&body));
        }
    }

    #[test]
    fn a_route_is_read_as_it_is_written(route in route()) {
        let fixed = route.fixed(libc::RTPROT_STATIC, libc::RTN_UNICAST);
        let body = body(&fixed, &|w| route.write(w));
        prop_assert_eq!(Route::read(&body), Ok(Some(route)));
    }

    #[test]
    fn a_rule_is_read_as_it_is_written(from in net(), table: u32, priority: u32) {
        let rule = Rule { from: from.trunc(), table: TableId(table), priority };
        let body = body(&rule.fixed(), &|w| rule.write(w));
        prop_assert_eq!(Rule::read(&body), Ok(Some(rule)));
    }
}
