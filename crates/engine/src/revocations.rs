//! Revocations, as requests and the log writer look at them.
//!
//! Their rows lie in the order of their keys: those of one account together, of these the prefixes of
//! one bucket, and these in their order. So a link is looked for under the two accounts that have a
//! say in it, by a handful of steps for each however many there are.
//! They end by the time floor.

use crate::expiring::{Expiring, ExpiringRows};
use blockhouse_format::{
    DecodeError,
    control::{RevocationRow, TABLE_REVOCATIONS},
    record::Control,
};
use blockhouse_store::{LinkFacts, Revocation};
use blockhouse_types::{AccountId, RevokedLinks, Timestamp};
use std::ops::Bound;

/// Rows that a tick removes at most, and one more revocation.
pub(crate) const PURGED_REVOCATIONS_MAX: usize = 2;

/// What one of these rows, or its removal, may take in a frame, in bytes: a bucket's name and a
/// prefix are the longest.
pub(crate) const REVOCATION_RECORD_BYTES: usize = 1400;

type Key = Vec<u8>;

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Revocations(ExpiringRows<Key, Revocation>);

impl Expiring for Revocation {
    fn owner(&self) -> AccountId {
        self.owner
    }

    fn ends(&self) -> Timestamp {
        self.until
    }
}

/// The key of a revocation's row.
pub(crate) fn key_of(revocation: &Revocation) -> Key {
    RevocationRow::key(revocation.owner, &revocation.links)
}

/// The change that makes a revocation's row what it is here.
pub(crate) fn set(revocation: &Revocation) -> Control {
    let Revocation {
        owner,
        links,
        signed_until,
        until,
    } = revocation.clone();
    let key = key_of(revocation);
    let row = RevocationRow {
        owner,
        links,
        signed_until,
        until,
    };
    Control {
        table: TABLE_REVOCATIONS,
        key,
        value: Some(row.encode()),
    }
}

/// The change that removes a row.
pub(crate) fn remove(key: Key) -> Control {
    Control {
        table: TABLE_REVOCATIONS,
        key,
        value: None,
    }
}

impl Revocations {
    pub(crate) fn len(&self) -> usize {
        self.0.all().len()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Revocation> {
        self.0.all().values()
    }

    /// Those that stand at that moment.
    pub(crate) fn standing(&self, at: Timestamp) -> impl Iterator<Item = &Revocation> {
        self.0.unended(at)
    }

    /// The one of this key, if it stands at that moment.
    pub(crate) fn find(&self, key: &[u8], at: Timestamp) -> Option<&Revocation> {
        self.0.find(key, at)
    }

    /// Whether one that stands at that moment means the link.
    pub(crate) fn cover(&self, facts: &LinkFacts, at: Timestamp) -> bool {
        if self.len() == 0 {
            return false;
        }
        let with_a_say = [Some(facts.signer), facts.bucket_owner];
        with_a_say
            .into_iter()
            .flatten()
            .any(|owner| self.name(owner, facts, at) || self.begin(owner, facts, at))
    }

    /// Whether one of the account's names the link, its token or its key.
    fn name(&self, owner: AccountId, facts: &LinkFacts, at: Timestamp) -> bool {
        let named = [
            Some(RevokedLinks::Link(facts.link)),
            facts.once.map(RevokedLinks::Once),
            Some(RevokedLinks::Key(facts.key_id.to_string())),
        ];
        named.into_iter().flatten().any(|links| {
            let found = self.find(&RevocationRow::key(owner, &links), at);
            found.is_some_and(|found| found.covers(facts))
        })
    }

    /// Whether one of the account's is a prefix of what the link is for. The greatest row that is not
    /// beyond the link's own key either is a prefix of it, or shows how much both have in common: no
    /// longer prefix is there.
    fn begin(&self, owner: AccountId, facts: &LinkFacts, at: Timestamp) -> bool {
        let Some(bucket) = facts.bucket.clone() else {
            return false;
        };
        let prefix = String::new();
        let first = RevocationRow::key(owner, &RevokedLinks::Prefix { bucket, prefix });
        let mut sought = first.clone();
        sought.extend(facts.key.iter().flat_map(|key| key.as_bytes()));
        loop {
            let not_beyond = (Bound::Included(&first), Bound::Included(&sought));
            let Some((row, found)) = self.0.all().range::<Key, _>(not_beyond).next_back() else {
                return false;
            };
            let common = row.iter().zip(&sought).take_while(|(a, b)| a == b).count();
            if common == row.len() {
                if found.until > at && found.covers(facts) {
                    return true;
                }
                if common == first.len() {
                    return false;
                }
                sought.truncate(common - 1);
            } else {
                sought.truncate(common);
            }
        }
    }

    /// The rows whose time is over, the oldest first.
    pub(crate) fn over(&self, at: Timestamp) -> impl Iterator<Item = &Key> {
        self.0.ended(at)
    }

    /// Whether the account has so many that stand.
    pub(crate) fn has(&self, owner: AccountId, count: usize, at: Timestamp) -> bool {
        self.0.has(owner, count, at)
    }

    /// Takes a change of a row.
    pub(crate) fn apply(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), DecodeError> {
        let row = value.map(|value| RevocationRow::decode(key, value));
        let row = row.transpose()?.map(|row| Revocation {
            owner: row.owner,
            links: row.links,
            signed_until: row.signed_until,
            until: row.until,
        });
        self.0.apply(key.to_vec(), row);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_types::{BucketName, LinkId, ObjectKey, OnceHash};
    use proptest::prelude::*;

    fn account(number: u64) -> AccountId {
        AccountId::from_number(number).unwrap()
    }

    fn links() -> impl Strategy<Value = RevokedLinks> {
        prop_oneof![
            (0u8..3).prop_map(|n| RevokedLinks::Link(LinkId([n; 16]))),
            (0u8..3).prop_map(|n| RevokedLinks::Once(OnceHash([n; 32]))),
            "A[AB]?".prop_map(RevokedLinks::Key),
            ("bucket[ab]?", "[ab]{0,4}").prop_map(|(bucket, prefix)| {
                let bucket = BucketName::parse(&bucket).unwrap();
                RevokedLinks::Prefix { bucket, prefix }
            }),
        ]
    }

    fn revocation() -> impl Strategy<Value = Revocation> {
        (0u64..3, links(), 0u64..4, 0u64..6).prop_map(|(owner, links, signed, until)| Revocation {
            owner: account(owner),
            links,
            signed_until: Timestamp::from_secs(signed),
            until: Timestamp::from_secs(until),
        })
    }

    fn facts() -> impl Strategy<Value = LinkFacts> {
        let times_and_owners = (0u64..4, 0u64..3, proptest::option::of(0u64..3));
        let ids = (0u8..3, proptest::option::of(0u8..3), "A[AB]?");
        let place = ("bucket[ab]?", proptest::option::of("[ab]{1,5}"));
        (times_and_owners, ids, place).prop_map(
            |((signed, signer, owner), (link, once, key_id), (bucket, key))| LinkFacts {
                link: LinkId([link; 16]),
                once: once.map(|n| OnceHash([n; 32])),
                key_id: key_id.into(),
                signer: account(signer),
                signed_at: Timestamp::from_secs(signed),
                bucket: Some(BucketName::parse(&bucket).unwrap()),
                bucket_owner: owner.map(account),
                key: key.map(|key| ObjectKey::parse(&key).unwrap()),
            },
        )
    }

    proptest! {
        /// The search finds what looking at every row finds.
        #[test]
        fn looks_at_few_and_finds_all(
            all in proptest::collection::vec(revocation(), 0..40),
            facts in proptest::collection::vec(facts(), 1..20),
            at in 0u64..6,
        ) {
            let at = Timestamp::from_secs(at);
            let mut rows = Revocations::default();
            for one in &all {
                let Control { key, value, .. } = set(one);
                rows.apply(&key, value.as_deref()).unwrap();
            }
            for facts in facts {
                let any = rows.standing(at).any(|one| one.covers(&facts));
                prop_assert_eq!(rows.cover(&facts, at), any, "{:?}", facts);
            }
            let over: Vec<_> = rows.over(at).cloned().collect();
            prop_assert_eq!(rows.len(), over.len() + rows.standing(at).count());
            for owner in (0..3).map(account) {
                let standing = rows.standing(at).filter(|one| one.owner == owner).count();
                prop_assert!(rows.has(owner, standing, at) && !rows.has(owner, standing + 1, at));
            }
            for key in rows.0.all().keys().cloned().collect::<Vec<_>>() {
                rows.apply(&key, None).unwrap();
            }
            prop_assert!(rows.0.is_bare());
        }
    }
}
