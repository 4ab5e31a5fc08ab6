//! Lifecycle rules of a bucket: typed, checked, and asked when an object will expire.
//!
//! What this node can do is expire: objects, noncurrent versions, delete markers without a version
//! below, uploads that were never finished. Transitions to other storage classes are refused.

mod document;
mod xml;

use blockhouse_types::Timestamp;
use bytes::Bytes;

/// Rules of one bucket at most.
pub const RULES_MAX: usize = 1000;

/// The rules of one bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lifecycle {
    /// In the order in which they were given; at least one.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id, distinct within the bucket.
    pub id: String,
    /// Whether it counts.
    pub enabled: bool,
    /// What it is about.
    pub filter: Filter,
    /// What becomes of current objects and of delete markers.
    pub expiration: Option<Expire>,
    /// What becomes of noncurrent versions.
    pub noncurrent: Option<ExpireNoncurrent>,
    /// Uploads that are older than this many days are aborted.
    pub abort_upload_days: Option<u32>,
}

/// Which objects a rule is about: those for which everything holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Whether it was written as `Prefix` of the rule itself, the old form, which is given back.
    pub old_form: bool,
    /// The key begins so.
    pub prefix: Option<String>,
    /// The object has all these tags.
    pub tags: Vec<(String, String)>,
    /// The object is larger, in bytes.
    pub size_greater: Option<u64>,
    /// The object is smaller, in bytes.
    pub size_less: Option<u64>,
}

/// When current objects expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expire {
    /// So many days after they were written, at the next midnight UTC.
    Days(u32),
    /// On this day.
    Date(Timestamp),
    /// A delete marker without a version below it is removed.
    LoneDeleteMarkers,
}

/// When noncurrent versions expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpireNoncurrent {
    /// So many days after they became noncurrent, at the next midnight UTC.
    pub days: u32,
    /// As many of the newest ones stay.
    pub keep: u32,
}

/// What an object looks like to a rule.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The key.
    pub key: &'a str,
    /// The tags.
    pub tags: &'a [(String, String)],
    /// Length in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Timestamp,
}

/// When an object will expire, and by which rule: `x-amz-expiration`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiration {
    /// A midnight in UTC.
    pub date: Timestamp,
    /// The rule's id.
    pub rule_id: String,
}

const DAY_SECS: u64 = 86_400;

/// The first midnight UTC that is at least `days` days after `since`.
pub fn midnight_after(since: Timestamp, days: u32) -> Timestamp {
    let due = since.plus_secs(u64::from(days) * DAY_SECS).millis();
    Timestamp::from_secs(due.div_ceil(DAY_SECS * 1000).saturating_mul(DAY_SECS))
}

impl Lifecycle {
    /// When a current object will expire: the earliest date of the rules that are about it.
    pub fn expiration(&self, subject: &Subject<'_>) -> Option<Expiration> {
        let about = |rule: &&Rule| rule.enabled && rule.filter.matches(subject);
        let dated = |rule: &Rule| {
            let date = match rule.expiration? {
                Expire::Days(days) => midnight_after(subject.modified, days),
                Expire::Date(date) => date,
                Expire::LoneDeleteMarkers => return None,
            };
            Some(Expiration {
                date,
                rule_id: rule.id.clone(),
            })
        };
        self.rules
            .iter()
            .filter(about)
            .filter_map(dated)
            .min_by_key(|found| found.date)
    }

    /// Reads the body of PutBucketLifecycleConfiguration, or what [`Self::to_xml`] wrote.
    pub fn parse(body: &[u8]) -> Result<Self, crate::error::S3Error> {
        let lifecycle = document::parse(body)?;
        crate::xml::check_kept(&lifecycle.to_xml())?;
        Ok(lifecycle)
    }

    /// The document that answers GetBucketLifecycleConfiguration, and that a store keeps.
    pub fn to_xml(&self) -> Bytes {
        xml::write(self)
    }
}

impl Filter {
    /// Whether everything holds.
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        self.prefix
            .as_deref()
            .is_none_or(|prefix| subject.key.starts_with(prefix))
            && self.tags.iter().all(|tag| subject.tags.contains(tag))
            && self.size_greater.is_none_or(|bound| subject.size > bound)
            && self.size_less.is_none_or(|bound| subject.size < bound)
    }
}

#[cfg(test)]
mod tests;
