use super::*;
use crate::{
    Cause,
    socket::{Refusal, Seq},
    wire::{Message, Messages},
};
use proptest::prelude::*;
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

fn set(name: &str) -> SetName {
    SetName {
        table: "t".parse().unwrap(),
        set: name.parse().unwrap(),
    }
}

fn v4(first: u32, last: u32) -> KeyRange {
    let of = |bits| IpAddr::V4(Ipv4Addr::from_bits(bits));
    KeyRange::new(of(first), of(last)).unwrap()
}

fn update(add: &[KeyRange]) -> SetUpdate {
    SetUpdate {
        set: set("s"),
        key: Key::V4,
        flush: false,
        delete: Vec::new(),
        add: add.to_vec(),
    }
}

fn write(updates: &[SetUpdate]) -> Result<Option<update::Batch>, InvalidUpdate> {
    let mut seq = 100;
    update::write(updates, || {
        seq += 1;
        Seq(seq)
    })
}

fn messages(bytes: &[u8]) -> Vec<Message<'_>> {
    Messages::of(bytes).map(Result::unwrap).collect()
}

#[test]
fn what_overlaps_does_not_fit_or_is_too_much_is_not_sent() {
    let (one, other) = (v4(1, 5), v4(5, 9));
    for add in [[one, other], [other, one], [one, one]] {
        let refused = write(&[update(&add)]).unwrap_err();
        assert!(
            matches!(refused, InvalidUpdate::Overlap { .. }),
            "{refused}"
        );
    }
    assert!(write(&[update(&[v4(1, 4), other])]).unwrap().is_some());
    let six = KeyRange::from("fd00::/8".parse::<ipnet::IpNet>().unwrap());
    let refused = write(&[update(&[six])]).unwrap_err();
    assert_eq!(
        refused,
        InvalidUpdate::WrongKey {
            set: set("s"),
            range: six
        }
    );
    let mut many = update(&[]);
    many.delete = vec![one; RANGES_MAX + 1];
    assert_eq!(
        write(&[many]).unwrap_err(),
        InvalidUpdate::TooMany(set("s"))
    );
    let full: Vec<_> = (0..RANGES_MAX as u32).map(|n| v4(2 * n, 2 * n)).collect();
    let full = update(&full);
    let refused = write(&[full.clone(), full.clone(), full]).unwrap_err();
    assert_eq!(refused, InvalidUpdate::TooLong);
    assert!(write(&[]).unwrap().is_none());
    assert!(write(&[update(&[])]).unwrap().is_none());
}

#[test]
fn a_range_ends_where_it_begins_or_later() {
    let of = |text: &str| text.parse::<IpAddr>().unwrap();
    for (first, last) in [
        ("10.0.0.2", "10.0.0.1"),
        ("10.0.0.1", "::2"),
        ("::2", "::1"),
    ] {
        assert!(KeyRange::new(of(first), of(last)).is_err());
    }
    let one = KeyRange::new(of("::1"), of("::1")).unwrap();
    assert_eq!((one.key(), one.to_string().as_str()), (Key::V6, "::1-::1"));
}

#[test]
fn a_refusal_is_explained_by_its_message() {
    let mut flushed = update(&[]);
    flushed.flush = true;
    flushed.set = set("flushed");
    let ranges: Vec<_> = (0..1700).map(|n| v4(4 * n, 4 * n + 1)).collect();
    let updates = [flushed, update(&ranges)];
    let batch = write(&updates).unwrap().unwrap();
    let messages = messages(&batch.bytes);
    // Begin, one flush, three additions, end.
    assert_eq!(messages.len(), 6);
    let acks: Vec<_> = messages
        .iter()
        .filter(|message| i32::from(message.flags) & libc::NLM_F_ACK != 0)
        .map(|message| message.seq)
        .collect();
    assert_eq!(acks, [batch.last.0]);
    let explain = |message| {
        let cause = Cause::NotFound;
        batch
            .explain(Refusal { message, cause }, &updates)
            .to_string()
    };
    assert_eq!(explain(Some(Seq(102))), "flushing the set t/flushed");
    assert_eq!(explain(Some(Seq(105))), "adding intervals to the set t/s");
    assert_eq!(explain(Some(batch.first)), "updating sets");
    assert_eq!(explain(None), "updating sets");
}

#[test]
fn elements_that_make_no_intervals_are_refused() {
    let at = |bits, edge| Element {
        address: Ipv4Addr::from_bits(bits).into(),
        edge,
    };
    let (begin, end) = (|bits| at(bits, Edge::Begin), |bits| at(bits, Edge::End));
    let ranges = ranges_of(vec![end(8), begin(5), end(0), begin(8), end(9)]);
    assert_eq!(ranges.unwrap(), [v4(5, 7), v4(8, 8)]);
    assert_eq!(ranges_of(vec![begin(5)]).unwrap(), [v4(5, u32::MAX)]);
    assert_eq!(ranges_of(vec![begin(0)]).unwrap(), [v4(0, u32::MAX)]);
    for odd in [
        vec![begin(1), begin(2)],
        vec![end(1)],
        vec![begin(1), end(2), end(3)],
    ] {
        assert!(ranges_of(odd).is_err());
    }
    let mixed = vec![
        begin(1),
        Element {
            address: Ipv6Addr::LOCALHOST.into(),
            edge: Edge::End,
        },
    ];
    assert!(ranges_of(mixed).is_err());
}

/// Ranges that do not overlap, in order, of either kind. Some touch, some reach the ends.
fn ranges() -> impl Strategy<Value = Vec<KeyRange>> {
    let edges = |max: u128| {
        let near = prop_oneof![0..200_u128, Just(max), max - 200..max, 0..=max];
        prop::collection::btree_set(near, 0..80)
    };
    let pairs = |edges: BTreeSet<u128>| -> Vec<(u128, u128)> {
        let edges: Vec<_> = edges.into_iter().collect();
        edges
            .chunks_exact(2)
            .map(|pair| (pair[0], pair[1]))
            .collect()
    };
    let v4 = edges(u32::MAX.into()).prop_map(move |edges| {
        let of = |bits: u128| IpAddr::V4(Ipv4Addr::from_bits(bits as u32));
        let ranges = pairs(edges).into_iter();
        ranges
            .map(|(a, b)| KeyRange::new(of(a), of(b)).unwrap())
            .collect()
    });
    let v6 = edges(u128::MAX).prop_map(move |edges| {
        let of = |bits: u128| IpAddr::V6(Ipv6Addr::from_bits(bits));
        let ranges = pairs(edges).into_iter();
        ranges
            .map(|(a, b)| KeyRange::new(of(a), of(b)).unwrap())
            .collect()
    });
    prop_oneof![v4, v6]
}

proptest! {
    #[test]
    fn any_body_is_refused_or_read(bytes: Vec<u8>) {
        let mut elements = Vec::new();
        let _ = (Counter::read(&bytes), read_elements(&bytes, &mut elements));
        let _ = ranges_of(elements);
    }

    /// What goes to the kernel is what comes back from it: the messages are alike.
    #[test]
    fn ranges_are_read_as_they_are_written(ranges in ranges(), shift in 0..80_usize) {
        let mut shuffled = ranges.clone();
        shuffled.rotate_left(shift.min(ranges.len()));
        let key = ranges.first().map_or(Key::V4, KeyRange::key);
        let update = SetUpdate { key, ..update(&shuffled) };
        let Some(batch) = write(&[update]).unwrap() else {
            prop_assert!(ranges.is_empty());
            return Ok(());
        };
        let mut elements = Vec::new();
        for message in messages(&batch.bytes) {
            if message.kind == kind(libc::NFT_MSG_NEWSETELEM) {
                read_elements(message.body, &mut elements).unwrap();
            }
        }
        elements.reverse();
        prop_assert_eq!(ranges_of(elements).unwrap(), ranges);
    }
}
