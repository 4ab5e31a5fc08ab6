//! Packs an index from a checkpoint: the base's rows in their order, then the runs' rows on top.
//!
//! Base rows are packed once into leaves that are almost full, which takes a sixth of the time and
//! less memory than inserting them. A leaf's prefix is known only with the first key behind it, so
//! rows wait in a block without prefix until that key comes.

use super::{
    Changed, EntryTooLarge, Index,
    packed::{Packed, common_prefix_len},
    tree::{
        BRANCH_LEAVES, Branch, Child, LEAF_BYTES, SEPARATOR_BYTES, Tree, separator, shared_prefix,
    },
};
use std::sync::Arc;

/// A loaded leaf is closed here, so that the first inserts after a start do not cut every leaf.
const LEAF_LOAD_BYTES: usize = LEAF_BYTES / 16 * 15;
/// Waiting rows are closed here also when their common prefix would make a small leaf of them.
const WAITING_BYTES_MAX: usize = 48 * 1024;

/// Why a checkpoint's rows are no index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LoadError {
    /// Base rows come in strictly ascending order of their keys, and this one did not.
    #[error("base row {row} is not behind the one before it")]
    NotAscending {
        /// Which row, counted from 0.
        row: usize,
    },
    /// A base row came after a run's row.
    #[error("a base row came after the rows of a run")]
    BaseAfterRun,
    /// A row is over the index's bounds.
    #[error(transparent)]
    TooLarge(#[from] EntryTooLarge),
}

/// Builds an index from rows; what it builds has an empty delta.
#[derive(Debug)]
pub(crate) struct Loader {
    base: Base,
    tree: Option<Tree>,
}

impl Default for Loader {
    fn default() -> Self {
        Self {
            base: Base::new(),
            tree: None,
        }
    }
}

impl Loader {
    /// A loader without rows.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The next row of the base.
    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), LoadError> {
        EntryTooLarge::check(key, value)?;
        if self.tree.is_some() {
            return Err(LoadError::BaseAfterRun);
        }
        self.base.push(key, value)
    }

    /// A row of a run, from the oldest run to the newest; `None` removes the key.
    pub(crate) fn amend(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), LoadError> {
        EntryTooLarge::check(key, value.unwrap_or_default())?;
        let tree = self.tree.get_or_insert_with(|| self.base.finish());
        match value {
            Some(value) => tree.insert(key, value),
            None => tree.remove(key),
        };
        Ok(())
    }

    /// The index of all rows given.
    pub(crate) fn finish(mut self) -> Index {
        let tree = self.tree.take().unwrap_or_else(|| self.base.finish());
        Index {
            tree,
            changed: Changed::default(),
        }
    }
}

/// The base being packed: closed branches, the open branch, and the rows of the open leaf.
#[derive(Debug)]
struct Base {
    closed: Vec<Child>,
    branch: Branch,
    branch_lower: Vec<u8>,
    waiting: Packed,
    leaf_lower: Vec<u8>,
    last: Vec<u8>,
    rows: usize,
}

impl Base {
    fn new() -> Self {
        Self {
            closed: Vec::new(),
            branch: Branch::default(),
            branch_lower: Vec::new(),
            waiting: Packed::default(),
            leaf_lower: Vec::new(),
            last: Vec::new(),
            rows: 0,
        }
    }

    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), LoadError> {
        if self.rows > 0 && *key <= *self.last {
            return Err(LoadError::NotAscending { row: self.rows });
        }
        if self.leaf_is_full(key, value) {
            let bound = separator(&self.last, key);
            self.close_leaf(Some(&bound));
        }
        self.waiting.insert_at(self.waiting.len(), key, value);
        self.last.clear();
        self.last.extend_from_slice(key);
        self.rows += 1;
        Ok(())
    }

    fn leaf_is_full(&self, key: &[u8], value: &[u8]) -> bool {
        let rows = self.waiting.len();
        let waiting_bytes = self.waiting.rows_bytes();
        let saved_bytes = rows * common_prefix_len(&self.leaf_lower, key);
        let packed_bytes = waiting_bytes.saturating_sub(saved_bytes) + key.len() + value.len();
        rows > 0 && (packed_bytes > LEAF_LOAD_BYTES || waiting_bytes > WAITING_BYTES_MAX)
    }

    /// Makes a leaf of the waiting rows; `upper` is the lower bound of what follows.
    fn close_leaf(&mut self, upper: Option<&[u8]>) {
        let waiting = std::mem::take(&mut self.waiting);
        let leaf = waiting.repacked(0..waiting.len(), shared_prefix(&self.leaf_lower, upper));
        self.branch.push(&self.leaf_lower, leaf);
        self.leaf_lower = upper.unwrap_or_default().to_vec();
        let separators_bytes = self.branch.separators.rows_bytes();
        if upper.is_none()
            || self.branch.leaves.len() >= BRANCH_LEAVES / 4 * 3
            || separators_bytes > SEPARATOR_BYTES / 4 * 3
        {
            self.close_branch(upper);
        }
    }

    fn close_branch(&mut self, upper: Option<&[u8]>) {
        let Branch { separators, leaves } = std::mem::take(&mut self.branch);
        let prefix = shared_prefix(&self.branch_lower, upper);
        let separators = separators.repacked(0..separators.len(), prefix);
        self.closed.push(Child {
            lower: Arc::from(&*self.branch_lower),
            branch: Arc::new(Branch { separators, leaves }),
        });
        self.branch_lower = upper.unwrap_or_default().to_vec();
    }

    fn finish(&mut self) -> Tree {
        self.close_leaf(None);
        Tree::from_children(std::mem::take(&mut self.closed))
    }
}
