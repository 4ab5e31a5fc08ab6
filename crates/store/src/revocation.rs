//! Revocations: links that work no more, though they have not expired.
//!
//! They are a set that only grows: one that is there is never changed into a weaker one, and goes
//! only when every link that it means has expired by the time floor. Two that mean the same links
//! unite ([`Revocation::united`]), whatever order they come in, so sets of several places do as well.
//!
//! A revocation is an account's, and means only links that this account has a say in: those that its
//! keys signed, and those into its buckets. So anybody may add one for any id without harm to others.

use crate::StoreError;
use blockhouse_types::{
    AccountId, BucketName, LinkId, ObjectKey, OnceHash, RevokedLinks, Timestamp,
};
use std::sync::Arc;

/// Links that work no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Whose revocation it is.
    pub owner: AccountId,
    /// Which links it means.
    pub links: RevokedLinks,
    /// Of these, the ones signed until then; later ones work.
    pub signed_until: Timestamp,
    /// When the last of them has expired: then it may be forgotten.
    pub until: Timestamp,
}

/// What a revocation is held against: a link that somebody uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFacts {
    /// The link.
    pub link: LinkId,
    /// Its `once` token, if it has one.
    pub once: Option<OnceHash>,
    /// The key that signed it.
    pub key_id: Arc<str>,
    /// The account of that key.
    pub signer: AccountId,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The bucket that it is for.
    pub bucket: Option<BucketName>,
    /// The owner of that bucket, if there is such a bucket.
    pub bucket_owner: Option<AccountId>,
    /// The key that it is for.
    pub key: Option<ObjectKey>,
}

/// The order to revoke links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoke {
    /// What is revoked.
    pub revocation: Revocation,
    /// The caller's clock.
    pub now: Timestamp,
    /// How many revocations an account may have; one more is [`RevokeError::TooMany`].
    pub revocations_max: usize,
}

/// Why links were not revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// So many revocations of the account are remembered already.
    #[error("the account has {max} revocations already")]
    TooMany {
        /// The bound.
        max: usize,
    },
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Revocation {
    /// Whether it means this link.
    pub fn covers(&self, facts: &LinkFacts) -> bool {
        let has_a_say = self.owner == facts.signer || Some(self.owner) == facts.bucket_owner;
        let means = match &self.links {
            RevokedLinks::Link(link) => *link == facts.link,
            RevokedLinks::Once(once) => Some(*once) == facts.once,
            RevokedLinks::Key(id) => **id == *facts.key_id,
            RevokedLinks::Prefix { bucket, prefix } => {
                let key = facts.key.as_ref().map_or(&[][..], ObjectKey::as_bytes);
                Some(bucket) == facts.bucket.as_ref() && key.starts_with(prefix.as_bytes())
            }
        };
        has_a_say && means && facts.signed_at <= self.signed_until
    }

    /// What both mean together, where both are the same account's and mean the same links.
    #[must_use]
    pub fn united(self, other: &Self) -> Self {
        Self {
            signed_until: self.signed_until.max(other.signed_until),
            until: self.until.max(other.until),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u64) -> AccountId {
        AccountId::from_number(number).unwrap()
    }

    fn facts() -> LinkFacts {
        LinkFacts {
            link: LinkId([1; 16]),
            once: Some(OnceHash([2; 32])),
            key_id: "AK".into(),
            signer: account(1),
            signed_at: Timestamp::from_secs(100),
            bucket: Some(BucketName::parse("notes").unwrap()),
            bucket_owner: Some(account(2)),
            key: Some(ObjectKey::parse("2026/first").unwrap()),
        }
    }

    fn revocation(owner: u64, links: RevokedLinks) -> Revocation {
        Revocation {
            owner: account(owner),
            links,
            signed_until: Timestamp::from_secs(100),
            until: Timestamp::from_secs(200),
        }
    }

    fn prefix(bucket: &str, prefix: &str) -> RevokedLinks {
        RevokedLinks::Prefix {
            bucket: BucketName::parse(bucket).unwrap(),
            prefix: prefix.to_owned(),
        }
    }

    #[test]
    fn it_means_what_it_names_and_nothing_else() {
        for (links, means) in [
            (RevokedLinks::Link(LinkId([1; 16])), true),
            (RevokedLinks::Link(LinkId([3; 16])), false),
            (RevokedLinks::Once(OnceHash([2; 32])), true),
            (RevokedLinks::Once(OnceHash([3; 32])), false),
            (RevokedLinks::Key("AK".into()), true),
            (RevokedLinks::Key("AKI".into()), false),
            (prefix("notes", ""), true),
            (prefix("notes", "2026/"), true),
            (prefix("notes", "2027/"), false),
            (prefix("noted", "2026/"), false),
        ] {
            // The signer's account and the bucket's owner have a say, others have none.
            for (owner, has_a_say) in [(1, true), (2, true), (3, false)] {
                let revocation = revocation(owner, links.clone());
                assert_eq!(
                    revocation.covers(&facts()),
                    means && has_a_say,
                    "{revocation:?}"
                );
            }
        }
    }

    #[test]
    fn later_links_work() {
        let revocation = revocation(1, RevokedLinks::Key("AK".into()));
        let at = |millis| LinkFacts {
            signed_at: Timestamp::from_millis(millis),
            ..facts()
        };
        assert!(revocation.covers(&at(100_000)));
        assert!(!revocation.covers(&at(100_001)));
    }

    #[test]
    fn no_union_is_weaker_than_either() {
        let one = revocation(1, RevokedLinks::Key("AK".into()));
        let other = Revocation {
            signed_until: Timestamp::from_secs(90),
            until: Timestamp::from_secs(900),
            ..one.clone()
        };
        let both = one.clone().united(&other);
        assert_eq!(both, other.clone().united(&one));
        assert_eq!(both, both.clone().united(&one).united(&other));
        let times = (both.signed_until, both.until);
        assert_eq!(times, (one.signed_until, other.until));
    }
}
