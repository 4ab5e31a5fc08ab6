use super::tree::Tree;

/// Walks rows in the order of their keys.
///
/// It is not an [`Iterator`]: the key lies in a buffer that the next step reuses, because keys are
/// not stored in one piece.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    tree: &'a Tree,
    branch: usize,
    leaf: usize,
    slot: usize,
    key: Vec<u8>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(tree: &'a Tree, from: &[u8]) -> Self {
        let mut cursor = Self {
            tree,
            branch: 0,
            leaf: 0,
            slot: 0,
            key: Vec::new(),
        };
        cursor.seek(from);
        cursor
    }

    /// Goes to the first key that is `to` or behind it, forward or backward: [`Self::next`] gives
    /// it. Listings leave a common prefix behind this way, however many keys have it.
    pub(crate) fn seek(&mut self, to: &[u8]) {
        (self.branch, self.leaf, self.slot) = self.tree.position(to);
    }

    /// The next row; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<(&[u8], &'a [u8])> {
        while self.tree.has_branch(self.branch) {
            match self.tree.leaf(self.branch, self.leaf) {
                Some(leaf) if self.slot < leaf.len() => {
                    self.key.clear();
                    self.key.extend_from_slice(leaf.prefix());
                    self.key.extend_from_slice(leaf.suffix(self.slot));
                    let value = leaf.value(self.slot);
                    self.slot += 1;
                    return Some((&self.key, value));
                }
                Some(_) => (self.leaf, self.slot) = (self.leaf + 1, 0),
                None => (self.branch, self.leaf, self.slot) = (self.branch + 1, 0, 0),
            }
        }
        None
    }
}
