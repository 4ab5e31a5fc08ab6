//! The ordered index of all objects, in memory.
//!
//! A listing, a HEAD and a precondition are answered from here and never touch a device. Rows are
//! packed: a leaf of about 8 KiB holds its rows one after the other, without the prefix they all
//! share, so a row costs its bytes and ten more and not an allocation.
//!
//! ```text
//!   Tree ── root: lower bound ─► Branch (Arc) ── separators ─► leaf (Arc): prefix, rows, slots
//!                                up to 256 leaves              about 8 KiB
//! ```
//!
//! # How it moves
//! One writer inserts and removes. A [`Snapshot`] clones the root only; from then on the writer
//! copies each branch and leaf that the snapshot still holds before it touches it
//! ([`std::sync::Arc::make_mut`]), so the snapshot stays what it was at that instant while the
//! index moves on. The keys changed since the last checkpoint are remembered, in a tree of their
//! own; a [`Delta`] is that tree together with a snapshot, and gives the rows a checkpoint has to write. After a restart a
//! [`Loader`] packs the base's rows in their order and puts the runs' rows on top.
//!
//! # What it never does
//! It knows nothing of what keys and values mean, reads no device and takes no lock: the engine
//! keeps it behind one.
//!
//! # Bounds
//! Keys of [`KEY_BYTES_MAX`] and values of [`VALUE_BYTES_MAX`] bytes; larger ones are refused. The
//! changed keys grow with the writes since the last checkpoint, and it is the engine that starts a
//! checkpoint by [`Index::changed_bytes`].

mod cursor;
mod delta;
mod load;
mod packed;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use cursor::Cursor;
pub(crate) use delta::Delta;
pub(crate) use load::Loader;

use delta::Changed;
use tree::Tree;

/// The longest key the index takes: an encoded object key (escaped, at most twice 1024 bytes) with
/// its bucket before it and its version behind it. Longer ones are refused.
pub(crate) const KEY_BYTES_MAX: usize = 2304;

/// The longest value the index takes; what does not fit belongs into the record, not the index.
pub(crate) const VALUE_BYTES_MAX: usize = 4096;

/// A row that is over the index's bounds; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an index row of {key_bytes} bytes of key and {value_bytes} of value is too large")]
pub(crate) struct EntryTooLarge {
    /// The key's length; at most [`KEY_BYTES_MAX`].
    pub(crate) key_bytes: usize,
    /// The value's length; at most [`VALUE_BYTES_MAX`].
    pub(crate) value_bytes: usize,
}

impl EntryTooLarge {
    fn check(key: &[u8], value: &[u8]) -> Result<(), Self> {
        if key.len() <= KEY_BYTES_MAX && value.len() <= VALUE_BYTES_MAX {
            return Ok(());
        }
        Err(Self {
            key_bytes: key.len(),
            value_bytes: value.len(),
        })
    }
}

/// The index: an ordered map of byte strings, and the keys changed since the last checkpoint.
#[derive(Debug, Default)]
pub(crate) struct Index {
    tree: Tree,
    changed: Changed,
}

impl Index {
    /// An empty index.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.tree.get(key)
    }

    /// Puts a row; gives the value that it replaced.
    pub(crate) fn insert(
        &mut self,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Box<[u8]>>, EntryTooLarge> {
        EntryTooLarge::check(key, value)?;
        self.changed.mark(key);
        Ok(self.tree.insert(key, value))
    }

    /// Removes a row; gives its value. A key that is not there changes nothing.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Box<[u8]>> {
        let removed = self.tree.remove(key)?;
        self.changed.mark(key);
        Some(removed)
    }

    /// The rows from the first key that is `from` or behind it, in order.
    pub(crate) fn cursor(&self, from: &[u8]) -> Cursor<'_> {
        Cursor::new(&self.tree, from)
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether there is no row.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory held by rows and by the set of changed keys, in bytes. Leaves that only a
    /// snapshot still holds are not counted.
    pub(crate) fn resident_bytes(&self) -> usize {
        self.tree.resident_bytes() + self.changed.resident_bytes()
    }

    /// How many keys the next delta has.
    #[cfg(test)]
    pub(crate) fn changed_len(&self) -> usize {
        self.changed.len()
    }

    /// The bytes of the keys that the next delta has.
    pub(crate) fn changed_bytes(&self) -> usize {
        self.changed.key_bytes()
    }

    /// The index as it is now, for reading at leisure. Costs a clone of the root.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.tree.clone())
    }

    /// The keys changed since the last call, with the index as it is now. Looking up happens when
    /// the delta's rows are asked for, not here, where the writer waits.
    pub(crate) fn take_delta(&mut self) -> Delta {
        Delta::new(std::mem::take(&mut self.changed), self.snapshot())
    }

    /// Takes back a delta that did not reach the device: its keys are changed keys again.
    pub(crate) fn restore_delta(&mut self, delta: &Delta) {
        self.changed.merge(delta.changed());
    }
}

/// The index as it was at one instant.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot(Tree);

impl Snapshot {
    /// The value that `key` had.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.0.get(key)
    }

    /// The rows from the first key that is `from` or behind it, in order.
    pub(crate) fn cursor(&self, from: &[u8]) -> Cursor<'_> {
        Cursor::new(&self.0, from)
    }

    /// How many rows there were.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
