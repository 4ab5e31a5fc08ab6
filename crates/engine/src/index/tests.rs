//! The index against a plain map: random operations, with keys that share long prefixes.

use super::{
    EntryTooLarge, Index, KEY_BYTES_MAX, Loader, Snapshot, VALUE_BYTES_MAX, load::LoadError,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Debug, Clone)]
enum Step {
    Insert(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    /// Removes every key from the first on, as draining a bucket does.
    RemoveFrom(Vec<u8>, usize),
    Snapshot,
    TakeDelta,
    RestoreDelta,
}

/// Few distinct bytes, and prefixes that are much longer than a leaf's other content.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let tail = prop::collection::vec(prop_oneof![0u8..3, 253u8..=255], 0..6);
    let head = prop_oneof![
        4 => Just(0usize), 4 => Just(40), 1 => Just(500), 1 => Just(KEY_BYTES_MAX - 6)
    ];
    (head, 0u8..3, tail).prop_map(|(len, byte, tail)| [vec![byte; len], tail].concat())
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![8 => 0usize..200, 1 => 3000..=VALUE_BYTES_MAX];
    (len, any::<u8>()).prop_map(|(len, byte)| vec![byte; len])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        60 => (key(), value()).prop_map(|(key, value)| Step::Insert(key, value)),
        20 => key().prop_map(Step::Remove),
        2 => (key(), 1usize..120).prop_map(|(from, count)| Step::RemoveFrom(from, count)),
        3 => Just(Step::Snapshot),
        3 => Just(Step::TakeDelta),
        1 => Just(Step::RestoreDelta),
    ]
}

fn rows_of(snapshot: &Snapshot) -> Rows {
    let (mut rows, mut cursor) = (Rows::new(), snapshot.cursor(b""));
    let mut last: Option<Vec<u8>> = None;
    while let Some((key, value)) = cursor.next() {
        assert!(last.as_deref().is_none_or(|last| last < key), "keys ascend");
        last = Some(key.to_vec());
        rows.insert(key.to_vec(), value.to_vec());
    }
    rows
}

/// The index under test with what it must be.
#[derive(Default)]
struct Pair {
    index: Index,
    rows: Rows,
    changed: BTreeSet<Vec<u8>>,
    snapshots: Vec<(Snapshot, Rows)>,
}

impl Pair {
    fn insert(&mut self, key: &[u8], value: &[u8]) {
        let old = self.index.insert(key, value).unwrap();
        assert_eq!(
            old.map(Vec::from),
            self.rows.insert(key.to_vec(), value.to_vec())
        );
        self.changed.insert(key.to_vec());
    }

    fn remove(&mut self, key: &[u8]) {
        let old = self.index.remove(key).map(Vec::from);
        assert_eq!(old, self.rows.remove(key));
        if old.is_some() {
            self.changed.insert(key.to_vec());
        }
    }

    fn delta_is_exact(&mut self, restore: bool) {
        let delta = self.index.take_delta();
        assert_eq!(delta.len(), self.changed.len());
        let (mut got, mut delta_rows) = (Vec::new(), delta.rows());
        while let Some((key, value)) = delta_rows.next() {
            got.push((key.to_vec(), value.map(<[u8]>::to_vec)));
        }
        let expected: Vec<_> = self
            .changed
            .iter()
            .map(|key| (key.clone(), self.rows.get(key).cloned()))
            .collect();
        assert_eq!(got, expected);
        assert_eq!(self.index.changed_len(), 0);
        if restore {
            self.index.restore_delta(&delta);
        } else {
            self.changed.clear();
        }
        assert_eq!(
            self.index.changed_bytes(),
            self.changed.iter().map(Vec::len).sum()
        );
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Insert(key, value) => self.insert(&key, &value),
            Step::Remove(key) => self.remove(&key),
            Step::RemoveFrom(from, count) => {
                let keys: Vec<_> = self
                    .rows
                    .range(from..)
                    .take(count)
                    .map(|(key, _)| key.clone())
                    .collect();
                keys.iter().for_each(|key| self.remove(key));
            }
            Step::Snapshot => self
                .snapshots
                .push((self.index.snapshot(), self.rows.clone())),
            Step::TakeDelta => self.delta_is_exact(false),
            Step::RestoreDelta => self.delta_is_exact(true),
        }
    }

    fn check(&self) {
        assert_eq!(self.index.len(), self.rows.len());
        assert_eq!(self.index.is_empty(), self.rows.is_empty());
        assert_eq!(rows_of(&self.index.snapshot()), self.rows);
        for (key, value) in &self.rows {
            assert_eq!(self.index.get(key), Some(&value[..]));
        }
        assert_eq!(
            self.index.tree.resident_bytes(),
            self.index.tree.recount().resident_bytes()
        );
        for (snapshot, rows) in &self.snapshots {
            assert_eq!(snapshot.len(), rows.len());
            assert_eq!(rows_of(snapshot), *rows);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_a_sorted_map(steps in prop::collection::vec(step(), 1..700)) {
        let mut pair = Pair::default();
        for step in steps {
            pair.run(step);
        }
        pair.check();
        pair.delta_is_exact(false);
    }

    #[test]
    fn cursors_seek_anywhere(
        rows in prop::collection::btree_map(key(), value(), 0..300),
        targets in prop::collection::vec(key(), 1..50),
    ) {
        let mut pair = Pair::default();
        rows.iter().for_each(|(key, value)| pair.insert(key, value));
        let mut cursor = pair.index.cursor(b"");
        for target in targets {
            cursor.seek(&target);
            for (key, value) in rows.range(target..).take(3) {
                prop_assert_eq!(cursor.next(), Some((&key[..], &value[..])));
            }
        }
    }

    #[test]
    fn loads_what_was_written(
        base in prop::collection::btree_map(key(), value(), 0..400),
        run in prop::collection::vec((key(), prop::option::of(value())), 0..100),
    ) {
        let (mut loader, mut rows) = (Loader::new(), base.clone());
        base.iter().for_each(|(key, value)| loader.push(key, value).unwrap());
        for (key, value) in run {
            loader.amend(&key, value.as_deref()).unwrap();
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        let index = loader.finish();
        prop_assert_eq!(index.changed_len(), 0);
        let mut pair = Pair { index, rows, ..Pair::default() };
        pair.check();
        pair.insert(b"after", b"the load");
        pair.check();
    }
}

#[test]
fn many_rows_pass_through_every_level_and_leave_nothing() {
    let mut pair = Pair::default();
    let keys: Vec<_> = (0..60_000u64)
        .map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_be_bytes())
        .collect();
    keys.iter()
        .for_each(|key| pair.insert(&[&b"bucket/"[..], key].concat(), &[7; 64]));
    pair.check();
    let full_bytes = pair.index.resident_bytes();
    keys.iter()
        .for_each(|key| pair.remove(&[&b"bucket/"[..], key].concat()));
    drop(pair.index.take_delta());
    pair.check();
    assert!(
        pair.index.resident_bytes() < full_bytes / 20,
        "empty leaves are given back"
    );
}

#[test]
fn keys_in_order_leave_full_leaves() {
    let mut index = Index::new();
    for n in 0..50_000u64 {
        index
            .insert(format!("photos/2026/{n:012}").as_bytes(), &[1; 64])
            .unwrap();
    }
    drop(index.take_delta());
    assert!(
        index.resident_bytes() / index.len() < 110,
        "{} B a row",
        index.resident_bytes() / index.len()
    );
}

#[test]
fn a_queue_gives_back_what_it_has_left_behind() {
    let mut index = Index::new();
    let key = |n: u64| n.to_be_bytes();
    for n in 0..200_000u64 {
        index.insert(&key(n), &[1; 40]).unwrap();
        if n >= 1000 {
            index.remove(&key(n - 1000)).unwrap();
        }
    }
    drop(index.take_delta());
    assert_eq!(index.len(), 1000);
    assert!(
        index.resident_bytes() < 1 << 20,
        "{} B",
        index.resident_bytes()
    );
}

#[test]
fn refuses_what_is_too_large_or_out_of_order() {
    let mut index = Index::new();
    let long = vec![0; KEY_BYTES_MAX + 1];
    let refused = EntryTooLarge {
        key_bytes: long.len(),
        value_bytes: 0,
    };
    assert_eq!(index.insert(&long, b""), Err(refused));
    assert_eq!(index.changed_len(), 0);

    let mut loader = Loader::new();
    loader.push(b"b", b"").unwrap();
    assert_eq!(
        loader.push(b"b", b""),
        Err(LoadError::NotAscending { row: 1 })
    );
    assert_eq!(loader.push(&long, b""), Err(LoadError::TooLarge(refused)));
    loader.amend(b"a", Some(b"1")).unwrap();
    assert_eq!(loader.push(b"c", b""), Err(LoadError::BaseAfterRun));
    assert_eq!(loader.finish().get(b"a"), Some(&b"1"[..]));
}
