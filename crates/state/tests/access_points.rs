//! Access points by their names and aliases.
#![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use blockhouse_state::{Change, Snapshot, Stamp, State};
use blockhouse_types::{AccountId, OutpostId, Timestamp};
use proptest::prelude::*;
use serde_json::json;

/// The state with these access points of 111122223333.
fn with(names: &[String], seed: u64) -> Snapshot {
    let put = |name: &String| {
        let name = format!("access-point/111122223333/{name}");
        json!({ "name": name, "resource": { "bucket": "notes" } })
    };
    let puts: Vec<_> = names.iter().map(put).collect();
    let document = json!({ "expected": 0, "put": puts }).to_string();
    let change = Change::read(document.as_bytes()).unwrap();
    let mut stamp = Stamp {
        now: Timestamp::from_secs(1),
        entropy: &mut Drawn(seed),
    };
    let prepared = State::default().prepare(change, &mut stamp).unwrap();
    Snapshot::new(1, prepared.state)
}

/// SplitMix64: bytes that differ from one access point to the next.
struct Drawn(u64);

impl blockhouse_types::Entropy for Drawn {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = (mixed >> 32) as u8;
        }
    }
}

fn names() -> impl Strategy<Value = Vec<String>> {
    let name = "[a-z0-9][a-z0-9-]{1,48}[a-z0-9]";
    proptest::collection::btree_set(name, 1..8).prop_map(|names| names.into_iter().collect())
}

proptest! {
    /// What the endpoint rules inside every SDK read in an alias, from its end. Source: botocore's
    /// endpoint rules for S3.
    #[test]
    fn clients_read_the_outpost_in_an_alias(names in names(), seed: u64, bits: u128) {
        let outpost = OutpostId::from_bits(bits);
        for access in with(&names, seed).access_points() {
            let alias = access.alias(&outpost);
            let len = alias.len();
            prop_assert!(len <= 63, "{alias}");
            prop_assert_eq!(&alias[len - 7..], "--op-s3");
            prop_assert_eq!(&alias[len - 12..len - 8], "beta");
            prop_assert_eq!(&alias[len - 49..len - 32], outpost.digits());
            prop_assert_eq!(&alias[len - 50..len - 49], "o");
            prop_assert!(access.label().len() <= 63);
        }
    }

    #[test]
    fn both_labels_find_it_and_it_alone(names in names(), seed: u64, bits: u128, other: u128) {
        let (outpost, other) = (OutpostId::from_bits(bits), OutpostId::from_bits(other));
        let snapshot = with(&names, seed);
        prop_assert_eq!(snapshot.access_points().count(), names.len());
        for access in snapshot.access_points() {
            for label in [access.label(), access.alias(&outpost)] {
                let found = snapshot.access_point_of(&label, &outpost).unwrap();
                prop_assert_eq!(&found.name, &access.name);
            }
            // Another node's alias, and one whose prefix was changed, are nobody's.
            if outpost != other {
                let foreign = access.alias(&other);
                prop_assert!(snapshot.access_point_of(&foreign, &outpost).is_none());
            }
            let renamed = format!("x{}", access.alias(&outpost));
            prop_assert!(snapshot.access_point_of(&renamed, &outpost).is_none());
        }
    }

    #[test]
    fn no_label_breaks_the_look_up(label in "\\PC{0,80}", tail in prop_oneof![
        Just(""), Just("--op-s3"), Just("beta0--op-s3"), Just("-111122223333")
    ]) {
        let outpost = OutpostId::from_bits(7);
        let snapshot = with(&["readers".to_owned()], 1);
        let label = format!("{label}{tail}");
        let found = snapshot.access_point_of(&label, &outpost);
        let own = AccountId::parse("111122223333").unwrap();
        prop_assert!(found.is_none_or(|found| found.account == own));
    }
}
