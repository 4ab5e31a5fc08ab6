//! The desired state: what was configured, as rows that a store keeps and does not understand.
//!
//! All of it has one version. A change names the version that it was made for, and is applied whole, in
//! one commit, as the next one, or not at all: whoever reads meanwhile sees either version, never a
//! mixture. What rows mean, and whether they agree with each other, is judged before they come here.

use crate::StoreError;
use blockhouse_types::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The longest name of a row, in bytes.
pub const DESIRED_NAME_BYTES_MAX: usize = 512;
/// The longest row, in bytes.
pub const DESIRED_ROW_BYTES_MAX: usize = 512 << 10;
/// The most rows that one change touches.
pub const DESIRED_CHANGE_ROWS_MAX: usize = 1024;
/// The most bytes of names and rows of one change.
pub const DESIRED_CHANGE_BYTES_MAX: usize = 2 << 20;
/// The most rows of all.
pub const DESIRED_ROWS_MAX: usize = 100_000;
/// The most bytes of names and rows of all.
pub const DESIRED_BYTES_MAX: usize = 64 << 20;

/// Rows by their names, in order.
pub type DesiredRows = BTreeMap<Box<str>, Arc<[u8]>>;

/// A row of a change: its name, and what it becomes; without that, it goes.
pub type DesiredRowChange = (Box<str>, Option<Arc<[u8]>>);

/// One version of the desired state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// Which: 0 before the first change, then one more with each.
    pub version: u64,
    /// When it became so, by the store's clock.
    pub changed: Timestamp,
    /// Its rows.
    pub rows: Arc<DesiredRows>,
    /// The bytes of their names and contents.
    pub bytes: usize,
}

/// A change of the desired state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredChange {
    /// The version that it was made for.
    pub expected: u64,
    /// The rows that it touches, each once: what each becomes, or that it goes. One that is not there
    /// may go, too.
    pub rows: Vec<DesiredRowChange>,
    /// The caller's clock.
    pub now: Timestamp,
}

/// Why a change was not applied: nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Somebody else was quicker.
    #[error("the desired state is of version {version} by now")]
    Conflict {
        /// The version that it has.
        version: u64,
    },
    /// A name is empty, longer than [`DESIRED_NAME_BYTES_MAX`], no visible ASCII, or named twice.
    #[error("a row of the desired state cannot have the name {name:?}")]
    Name {
        /// The name, shortened.
        name: Box<str>,
    },
    /// A row is longer than [`DESIRED_ROW_BYTES_MAX`].
    #[error("{name} is longer than {DESIRED_ROW_BYTES_MAX} bytes")]
    RowTooLong {
        /// Which.
        name: Box<str>,
    },
    /// The change touches more than [`DESIRED_CHANGE_ROWS_MAX`] rows.
    #[error("one change touches at most {DESIRED_CHANGE_ROWS_MAX} rows")]
    TooManyChanges,
    /// The change has more than [`DESIRED_CHANGE_BYTES_MAX`].
    #[error("one change has at most {DESIRED_CHANGE_BYTES_MAX} bytes")]
    ChangeTooLarge,
    /// It would leave more than [`DESIRED_ROWS_MAX`] rows.
    #[error("the desired state has at most {DESIRED_ROWS_MAX} rows")]
    TooManyRows,
    /// It would leave more than [`DESIRED_BYTES_MAX`].
    #[error("the desired state has at most {DESIRED_BYTES_MAX} bytes")]
    TooLarge,
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Desired {
    /// The row of that name.
    pub fn row(&self, name: &str) -> Option<&Arc<[u8]>> {
        self.rows.get(name)
    }

    /// Whether the change may be applied to this version.
    pub fn check(&self, change: &DesiredChange) -> Result<(), ApplyError> {
        if change.expected != self.version {
            return Err(ApplyError::Conflict {
                version: self.version,
            });
        }
        if change.rows.len() > DESIRED_CHANGE_ROWS_MAX {
            return Err(ApplyError::TooManyChanges);
        }
        let (mut rows, mut bytes, mut changed_bytes) = (self.rows.len(), self.bytes, 0);
        let mut seen = BTreeSet::new();
        for (name, row) in &change.rows {
            if !is_name(name) || !seen.insert(name) {
                let name = name.chars().take(64).collect::<String>().into();
                return Err(ApplyError::Name { name });
            }
            if let Some(old) = self.row(name) {
                rows -= 1;
                bytes -= name.len() + old.len();
            }
            changed_bytes += name.len();
            if let Some(row) = row {
                if row.len() > DESIRED_ROW_BYTES_MAX {
                    return Err(ApplyError::RowTooLong { name: name.clone() });
                }
                rows += 1;
                bytes += name.len() + row.len();
                changed_bytes += row.len();
            }
        }
        if changed_bytes > DESIRED_CHANGE_BYTES_MAX {
            return Err(ApplyError::ChangeTooLarge);
        }
        // What is too much already, because a bound was lowered, may become less.
        if rows > DESIRED_ROWS_MAX && rows > self.rows.len() {
            return Err(ApplyError::TooManyRows);
        }
        if bytes > DESIRED_BYTES_MAX && bytes > self.bytes {
            return Err(ApplyError::TooLarge);
        }
        Ok(())
    }

    /// Sets a row, or removes it. Who holds the rows already keeps them as they were.
    pub fn set(&mut self, name: &str, row: Option<Arc<[u8]>>) {
        let rows = Arc::make_mut(&mut self.rows);
        let old = match row {
            Some(row) => {
                self.bytes += name.len() + row.len();
                rows.insert(name.into(), row)
            }
            None => rows.remove(name),
        };
        if let Some(old) = old {
            self.bytes -= name.len() + old.len();
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=DESIRED_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]
    use super::*;

    fn row(len: usize) -> Option<Arc<[u8]>> {
        Some(vec![0; len].into())
    }

    fn change(rows: Vec<(&str, Option<Arc<[u8]>>)>) -> DesiredChange {
        let rows = rows.into_iter();
        DesiredChange {
            expected: 0,
            rows: rows.map(|(name, row)| (name.into(), row)).collect(),
            now: Timestamp::from_secs(1),
        }
    }

    fn refusal(rows: Vec<(&str, Option<Arc<[u8]>>)>) -> ApplyError {
        Desired::default().check(&change(rows)).unwrap_err()
    }

    #[test]
    fn each_bound_is_an_error_of_its_own() {
        let long = "n".repeat(DESIRED_NAME_BYTES_MAX + 1);
        for name in ["", "a b", "ä", "a\n", &long] {
            assert!(matches!(
                refusal(vec![(name, None)]),
                ApplyError::Name { .. }
            ));
        }
        let twice = vec![("a", row(1)), ("a", None)];
        assert!(matches!(refusal(twice), ApplyError::Name { .. }));
        let too_long = vec![("a", row(DESIRED_ROW_BYTES_MAX + 1))];
        assert_eq!(
            refusal(too_long),
            ApplyError::RowTooLong { name: "a".into() }
        );
        let names: Vec<_> = (0..=DESIRED_CHANGE_ROWS_MAX)
            .map(|n| n.to_string())
            .collect();
        let many = names.iter().map(|name| (&**name, row(0))).collect();
        assert_eq!(refusal(many), ApplyError::TooManyChanges);
        let large = ["a", "b", "c", "d"].map(|name| (name, row(DESIRED_ROW_BYTES_MAX)));
        assert_eq!(refusal(large.into()), ApplyError::ChangeTooLarge);
        let stale = DesiredChange {
            expected: 1,
            ..change(vec![])
        };
        let conflict = ApplyError::Conflict { version: 0 };
        assert_eq!(Desired::default().check(&stale), Err(conflict));
    }

    #[test]
    fn what_is_full_takes_no_more_and_may_become_less() {
        let mut full = Desired::default();
        for n in 0..DESIRED_ROWS_MAX {
            full.set(&format!("r{n}"), row(0));
        }
        assert_eq!(
            full.check(&change(vec![("a", row(0))])),
            Err(ApplyError::TooManyRows)
        );
        assert_eq!(full.check(&change(vec![("r1", row(9))])), Ok(()));
        let mut large = Desired::default();
        for n in 0..DESIRED_BYTES_MAX / DESIRED_ROW_BYTES_MAX {
            large.set(&format!("r{n}"), row(DESIRED_ROW_BYTES_MAX - 3));
        }
        let more = change(vec![("a", row(3 * 128))]);
        assert_eq!(large.check(&more), Err(ApplyError::TooLarge));
        assert_eq!(
            large.check(&change(vec![("r1", row(3)), ("a", row(384))])),
            Ok(())
        );
    }

    #[test]
    fn bytes_are_those_of_the_rows() {
        let mut desired = Desired::default();
        desired.set("a", row(3));
        desired.set("a", row(5));
        desired.set("bc", row(1));
        let before = Arc::clone(&desired.rows);
        desired.set("a", None);
        desired.set("none", None);
        assert_eq!((desired.bytes, desired.rows.len(), before.len()), (3, 1, 2));
    }
}
