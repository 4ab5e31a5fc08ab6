//! Rows that belong to an account and end at a time: used links, revocations.
//!
//! A row whose end is past is as if it were not there, whether it was removed yet or not. So when it is
//! removed does not matter to anybody, and how many an account has is told without looking at all.

use blockhouse_types::{AccountId, Timestamp};
use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
};

/// A row that belongs to an account and ends.
pub(crate) trait Expiring {
    /// Whose it is.
    fn owner(&self) -> AccountId;
    /// From when on it is as if it were not there.
    fn ends(&self) -> Timestamp;
}

/// Rows by key, also in the order in which they end.
#[derive(Debug, Clone)]
pub(crate) struct ExpiringRows<K, R> {
    rows: BTreeMap<K, R>,
    by_end: BTreeSet<(Timestamp, K)>,
    /// How many rows each account has, those that have ended included.
    owned: BTreeMap<AccountId, usize>,
}

impl<K, R> Default for ExpiringRows<K, R> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            by_end: BTreeSet::new(),
            owned: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone, R: Expiring> ExpiringRows<K, R> {
    /// All rows in order of their keys, those that have ended included.
    pub(crate) fn all(&self) -> &BTreeMap<K, R> {
        &self.rows
    }

    /// All rows, to be changed in all but owner and end.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut R> {
        self.rows.values_mut()
    }

    /// The row, if it has not ended at that moment.
    pub(crate) fn find<Q: Ord + ?Sized>(&self, key: &Q, at: Timestamp) -> Option<&R>
    where
        K: Borrow<Q>,
    {
        self.rows.get(key).filter(|row| row.ends() > at)
    }

    /// Those that have not ended at that moment, in order of their keys.
    pub(crate) fn unended(&self, at: Timestamp) -> impl Iterator<Item = &R> {
        self.rows.values().filter(move |row| row.ends() > at)
    }

    /// The keys of those that have ended at that moment, the oldest first.
    pub(crate) fn ended(&self, at: Timestamp) -> impl Iterator<Item = &K> {
        let ended = self.by_end.iter().take_while(move |(end, _)| *end <= at);
        ended.map(|(_, key)| key)
    }

    /// Whether the account has so many that have not ended.
    pub(crate) fn has(&self, owner: AccountId, count: usize, at: Timestamp) -> bool {
        let rows = self.owned.get(&owner).copied().unwrap_or(0);
        if rows < count {
            return false;
        }
        let of_owner = |key: &&K| self.rows.get(*key).is_some_and(|row| row.owner() == owner);
        rows - self.ended(at).filter(of_owner).count() >= count
    }

    /// Puts a row in the place of the one with its key, or removes that.
    pub(crate) fn apply(&mut self, key: K, row: Option<R>) {
        if let Some(old) = self.rows.remove(&key) {
            self.by_end.remove(&(old.ends(), key.clone()));
            if let Some(count) = self.owned.get_mut(&old.owner()) {
                *count -= 1;
                if *count == 0 {
                    self.owned.remove(&old.owner());
                }
            }
        }
        if let Some(row) = row {
            self.by_end.insert((row.ends(), key.clone()));
            *self.owned.entry(row.owner()).or_default() += 1;
            self.rows.insert(key, row);
        }
    }

    /// Whether nothing is left, of the rows and of what is known about them.
    #[cfg(test)]
    pub(crate) fn is_bare(&self) -> bool {
        self.rows.is_empty() && self.by_end.is_empty() && self.owned.is_empty()
    }
}
