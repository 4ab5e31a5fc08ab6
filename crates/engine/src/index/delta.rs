//! What a checkpoint has to write: the keys changed since the one before.
//!
//! The writer pays for remembering a key and nothing else. Taking the delta hands out the keys and a
//! snapshot of the same instant; whoever writes the checkpoint looks values up in its own time, and
//! the rows are those of the instant of the taking, whatever is written meanwhile.

use super::{Cursor, Snapshot, tree::Tree};

/// The changed keys, in order: a tree without values, which packs them as it packs rows.
#[derive(Debug, Default)]
pub(super) struct Changed {
    keys: Tree,
    key_bytes: usize,
}

impl Changed {
    pub(super) fn mark(&mut self, key: &[u8]) {
        if self.keys.insert(key, &[]).is_none() {
            self.key_bytes += key.len();
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let mut keys = Cursor::new(&other.keys, &[]);
        while let Some((key, _)) = keys.next() {
            self.mark(key);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn key_bytes(&self) -> usize {
        self.key_bytes
    }

    pub(super) fn resident_bytes(&self) -> usize {
        self.keys.resident_bytes()
    }
}

/// The keys changed since the last delta, and the index at the instant this one was taken.
#[derive(Debug)]
pub(crate) struct Delta {
    changed: Changed,
    at: Snapshot,
}

impl Delta {
    pub(super) fn new(changed: Changed, at: Snapshot) -> Self {
        Self { changed, at }
    }

    pub(super) fn changed(&self) -> &Changed {
        &self.changed
    }

    /// How many keys changed.
    pub(crate) fn len(&self) -> usize {
        self.changed.len()
    }

    /// The whole index at the instant of this delta.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.at
    }

    /// The changed keys in order, each with what became of it.
    pub(crate) fn rows(&self) -> DeltaRows<'_> {
        DeltaRows {
            keys: Cursor::new(&self.changed.keys, &[]),
            at: &self.at,
        }
    }
}

/// The rows of a delta; like [`Cursor`], it reuses the key's buffer.
#[derive(Debug)]
pub(crate) struct DeltaRows<'a> {
    keys: Cursor<'a>,
    at: &'a Snapshot,
}

impl<'a> DeltaRows<'a> {
    /// The next changed key with its value at the instant of the delta; `None` as the value says
    /// that the key was not there any more.
    pub(crate) fn next(&mut self) -> Option<(&[u8], Option<&'a [u8]>)> {
        let (key, _) = self.keys.next()?;
        Some((key, self.at.get(key)))
    }
}
