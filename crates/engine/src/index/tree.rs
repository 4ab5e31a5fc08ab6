//! The tree under an index: root, branches, leaves.
//!
//! Three levels and never more. The root is a plain list, one entry per branch, cloned by every
//! snapshot; a branch has up to 256 leaves; a leaf is a [`Packed`] block. At 100 million rows that
//! is some ten thousand entries in the root.
//!
//! Every leaf stands for a range of keys `lower <= key < upper`. The separators between ranges are
//! the shortest that separate, and the first of all is empty, so that each possible key has exactly
//! one leaf.
//!
//! # Bounds
//! A leaf is cut in two above [`LEAF_BYTES`]: with rows of at most 6.4 KB no leaf passes 20 KB. A
//! branch is cut above [`BRANCH_LEAVES`] leaves or [`SEPARATOR_BYTES`], so it stays below 36 KB.
//! A leaf below a quarter is merged with a neighbour of the same branch, and a branch likewise. A
//! merge that would pass three quarters of the limit, because a long common prefix unfolds, is left
//! undone: an almost empty leaf costs memory and nothing else.

use super::packed::{Packed, common_prefix_len};
use std::sync::Arc;

/// Above this many bytes of rows a leaf is cut in two.
pub(super) const LEAF_BYTES: usize = 8192;
/// Above this many leaves a branch is cut in two.
pub(super) const BRANCH_LEAVES: usize = 256;
/// Above this many bytes of separators a branch is cut in two.
pub(super) const SEPARATOR_BYTES: usize = 32 * 1024;

/// An ordered map of byte strings; clones share what neither side has changed since.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    branches: Vec<Child>,
    rows: usize,
    leaves_bytes: usize,
}

/// A branch and the lower bound of its keys.
#[derive(Debug, Clone)]
pub(super) struct Child {
    pub(super) lower: Arc<[u8]>,
    pub(super) branch: Arc<Branch>,
}

/// Leaves side by side; `separators` has the lower bound of each.
#[derive(Debug, Clone, Default)]
pub(super) struct Branch {
    pub(super) separators: Packed,
    pub(super) leaves: Vec<Arc<Packed>>,
}

impl Default for Tree {
    fn default() -> Self {
        let mut first = Branch::default();
        first.push(&[], Packed::default());
        Self::from_children(vec![Child {
            lower: Arc::from([]),
            branch: Arc::new(first),
        }])
    }
}

impl Branch {
    /// Puts a leaf behind the others.
    pub(super) fn push(&mut self, lower: &[u8], leaf: Packed) {
        self.separators.insert_at(self.leaves.len(), lower, &[]);
        self.leaves.push(Arc::new(leaf));
    }

    /// The leaf whose range has `key`.
    fn find(&self, key: &[u8]) -> usize {
        match self.separators.search(key) {
            Ok(leaf) => leaf,
            Err(behind) => behind.saturating_sub(1),
        }
    }

    /// The leaves of `range` as a branch of their own, whose keys begin with `prefix`.
    fn part(&self, range: std::ops::Range<usize>, prefix: &[u8]) -> Self {
        Self {
            separators: self.separators.repacked(range.clone(), prefix),
            leaves: self.leaves[range].to_vec(),
        }
    }

    fn is_over(&self) -> bool {
        self.leaves.len() > 1
            && (self.leaves.len() > BRANCH_LEAVES || self.separators.rows_bytes() > SEPARATOR_BYTES)
    }
}

impl Tree {
    /// A tree of finished branches, the first of which has the empty lower bound.
    pub(super) fn from_children(branches: Vec<Child>) -> Self {
        let leaves = || branches.iter().flat_map(|child| &child.branch.leaves);
        let rows = leaves().map(|leaf| leaf.len()).sum();
        let leaves_bytes = leaves().map(|leaf| leaf.resident_bytes()).sum();
        Self {
            branches,
            rows,
            leaves_bytes,
        }
    }

    /// The same tree with its counters counted anew.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Self {
        Self::from_children(self.branches.clone())
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Leaves, their separators and the root; an estimate for the two latter.
    pub(super) fn resident_bytes(&self) -> usize {
        const PER_BRANCH: usize = 256 * (64 + size_of::<Arc<Packed>>());
        self.leaves_bytes + self.branches.len() * PER_BRANCH
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let branch = &self.branches[self.find(key)].branch;
        let leaf = &branch.leaves[branch.find(key)];
        leaf.search(key).ok().map(|slot| leaf.value(slot))
    }

    /// The leaf at a position; `None` behind the branch's last leaf or the last branch.
    pub(super) fn leaf(&self, branch: usize, leaf: usize) -> Option<&Packed> {
        self.branches
            .get(branch)?
            .branch
            .leaves
            .get(leaf)
            .map(|leaf| &**leaf)
    }

    /// Whether there is a branch at this position.
    pub(super) fn has_branch(&self, branch: usize) -> bool {
        branch < self.branches.len()
    }

    /// Branch, leaf and slot of the first row that is `key` or, in the same leaf, behind it.
    pub(super) fn position(&self, key: &[u8]) -> (usize, usize, usize) {
        let at = self.find(key);
        let branch = &self.branches[at].branch;
        let leaf = branch.find(key);
        let (Ok(slot) | Err(slot)) = branch.leaves[leaf].search(key);
        (at, leaf, slot)
    }

    /// Puts a row; gives the value that it replaced.
    pub(super) fn insert(&mut self, key: &[u8], value: &[u8]) -> Option<Box<[u8]>> {
        let at = self.find(key);
        let branch = Arc::make_mut(&mut self.branches[at].branch);
        let leaf_at = branch.find(key);
        self.leaves_bytes -= branch.leaves[leaf_at].resident_bytes();
        let leaf = Arc::make_mut(&mut branch.leaves[leaf_at]);
        let (slot, old) = match leaf.search(key) {
            Ok(slot) => {
                let old = leaf.value(slot).into();
                leaf.set_value(slot, value);
                (slot, Some(old))
            }
            Err(slot) => {
                leaf.insert_at(slot, key, value);
                self.rows += 1;
                (slot, None)
            }
        };
        self.leaves_bytes += leaf.resident_bytes();
        if leaf.rows_bytes() > LEAF_BYTES && leaf.len() > 1 {
            self.split_leaf(at, leaf_at, slot);
        }
        old
    }

    /// Removes a row; gives its value.
    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Box<[u8]>> {
        let at = self.find(key);
        let leaf_at = self.branches[at].branch.find(key);
        // Looked up before anything is copied: removing what is not there leaves snapshots shared.
        let slot = self.branches[at].branch.leaves[leaf_at].search(key).ok()?;
        let branch = Arc::make_mut(&mut self.branches[at].branch);
        self.leaves_bytes -= branch.leaves[leaf_at].resident_bytes();
        let leaf = Arc::make_mut(&mut branch.leaves[leaf_at]);
        let old = leaf.value(slot).into();
        leaf.remove_at(slot);
        self.leaves_bytes += leaf.resident_bytes();
        self.rows -= 1;
        if leaf.rows_bytes() < LEAF_BYTES / 4 {
            self.merge_leaf(at, leaf_at);
        }
        Some(old)
    }

    /// The branch whose range has `key`.
    fn find(&self, key: &[u8]) -> usize {
        self.branches
            .partition_point(|child| *child.lower <= *key)
            .saturating_sub(1)
    }

    /// The lower bound of a leaf.
    fn lower(&self, at: usize, leaf_at: usize) -> Vec<u8> {
        self.branches[at].branch.separators.key(leaf_at)
    }

    /// The bound above a leaf: the lower one of the next; none above the last of all.
    fn upper(&self, at: usize, leaf_at: usize) -> Option<Vec<u8>> {
        let separators = &self.branches[at].branch.separators;
        if leaf_at + 1 < separators.len() {
            return Some(separators.key(leaf_at + 1));
        }
        self.branches.get(at + 1).map(|next| next.lower.to_vec())
    }

    /// Cuts a leaf that became too large by an insert at `slot`.
    fn split_leaf(&mut self, at: usize, leaf_at: usize, slot: usize) {
        let (lower, upper) = (self.lower(at, leaf_at), self.upper(at, leaf_at));
        let branch = Arc::make_mut(&mut self.branches[at].branch);
        let old = &branch.leaves[leaf_at];
        let cut = cut_slot(old, slot);
        let separator = separator(&old.key(cut - 1), &old.key(cut));
        let left = old.repacked(0..cut, shared_prefix(&lower, Some(&separator)));
        let right = old.repacked(cut..old.len(), shared_prefix(&separator, upper.as_deref()));
        self.leaves_bytes -= old.resident_bytes();
        self.leaves_bytes += left.resident_bytes() + right.resident_bytes();
        branch.leaves[leaf_at] = Arc::new(left);
        branch.leaves.insert(leaf_at + 1, Arc::new(right));
        branch.separators.insert_at(leaf_at + 1, &separator, &[]);
        if branch.is_over() {
            self.split_branch(at);
        }
    }

    fn split_branch(&mut self, at: usize) {
        let (lower, upper) = self.branch_bounds(at, at);
        let old = &self.branches[at].branch;
        let cut = old.leaves.len() / 2;
        let separator = old.separators.key(cut);
        let left = old.part(0..cut, shared_prefix(&lower, Some(&separator)));
        let right = old.part(
            cut..old.leaves.len(),
            shared_prefix(&separator, upper.as_deref()),
        );
        self.branches[at].branch = Arc::new(left);
        let child = Child {
            lower: separator.into(),
            branch: Arc::new(right),
        };
        self.branches.insert(at + 1, child);
    }

    /// Merges a small leaf with the neighbour behind it, else with the one before it.
    fn merge_leaf(&mut self, at: usize, leaf_at: usize) {
        let leaves = self.branches[at].branch.leaves.len();
        let merged = (leaf_at + 1 < leaves && self.merge_leaves(at, leaf_at))
            || (leaf_at > 0 && self.merge_leaves(at, leaf_at - 1));
        if merged && leaves - 1 < BRANCH_LEAVES / 4 {
            let _ = (at + 1 < self.branches.len() && self.merge_branches(at))
                || (at > 0 && self.merge_branches(at - 1));
        }
    }

    /// Makes one leaf of `first` and the next, if what comes out is small enough.
    fn merge_leaves(&mut self, at: usize, first: usize) -> bool {
        let (lower, upper) = (self.lower(at, first), self.upper(at, first + 1));
        let prefix = shared_prefix(&lower, upper.as_deref());
        let leaves = &self.branches[at].branch.leaves;
        let (left, right) = (&leaves[first], &leaves[first + 1]);
        let bytes = left.rows_bytes_under(prefix.len()) + right.rows_bytes_under(prefix.len());
        if bytes > LEAF_BYTES / 4 * 3 {
            return false;
        }
        let mut merged = left.repacked(0..left.len(), prefix);
        merged.append(right, 0..right.len());
        self.leaves_bytes -= left.resident_bytes() + right.resident_bytes();
        self.leaves_bytes += merged.resident_bytes();
        let branch = Arc::make_mut(&mut self.branches[at].branch);
        branch.leaves[first] = Arc::new(merged);
        branch.leaves.remove(first + 1);
        branch.separators.remove_at(first + 1);
        true
    }

    /// Makes one branch of `first` and the next, if what comes out is small enough.
    fn merge_branches(&mut self, first: usize) -> bool {
        let (lower, upper) = self.branch_bounds(first, first + 1);
        let prefix = shared_prefix(&lower, upper.as_deref());
        let (left, right) = (
            &self.branches[first].branch,
            &self.branches[first + 1].branch,
        );
        let bytes = left.separators.rows_bytes_under(prefix.len())
            + right.separators.rows_bytes_under(prefix.len());
        let leaves = left.leaves.len() + right.leaves.len();
        if bytes > SEPARATOR_BYTES / 4 * 3 || leaves > BRANCH_LEAVES / 4 * 3 {
            return false;
        }
        let mut merged = left.part(0..left.leaves.len(), prefix);
        merged
            .separators
            .append(&right.separators, 0..right.leaves.len());
        merged.leaves.extend_from_slice(&right.leaves);
        self.branches[first].branch = Arc::new(merged);
        self.branches.remove(first + 1);
        true
    }

    /// The bounds of the branches `first..=last` together.
    fn branch_bounds(&self, first: usize, last: usize) -> (Arc<[u8]>, Option<Arc<[u8]>>) {
        let upper = self
            .branches
            .get(last + 1)
            .map(|next| Arc::clone(&next.lower));
        (Arc::clone(&self.branches[first].lower), upper)
    }
}

/// Where to cut a leaf: in the middle of its bytes, but before a row that was just put at the end.
/// Keys that arrive in order then leave full leaves behind.
fn cut_slot(leaf: &Packed, inserted: usize) -> usize {
    let last = leaf.len() - 1;
    if inserted == last {
        return last;
    }
    leaf.slot_at_byte(leaf.rows_bytes() / 2).clamp(1, last)
}

/// The shortest key that is above `below` and not above `above`.
pub(super) fn separator(below: &[u8], above: &[u8]) -> Vec<u8> {
    let len = common_prefix_len(below, above) + 1;
    above.iter().copied().take(len).collect()
}

/// What every key of `lower <= key < upper` begins with.
pub(super) fn shared_prefix<'a>(lower: &'a [u8], upper: Option<&[u8]>) -> &'a [u8] {
    upper.map_or(&[], |upper| &lower[..common_prefix_len(lower, upper)])
}
