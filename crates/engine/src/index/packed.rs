//! Rows packed one after the other in the order of their keys.
//!
//! ```text
//!   prefix   the bytes with which every key begins, held once
//!   rows     [suffix length u16][value length u16][suffix][value] … in key order, no gaps
//!   offsets  where each row begins (u16)
//!   heads    the first four bytes of each suffix as a number (u32)
//! ```
//!
//! A search looks at heads, which lie in a few cache lines, and then at the one or two rows whose
//! head is the key's.
//!
//! Inserting moves the rows behind the new one: a few KiB of memmove cost less than the cache
//! misses of any structure that would avoid it. The prefix follows from the bounds of the range
//! this block stands for and not from its rows, so a key that belongs here always begins with it,
//! and no insert ever has to unfold the others.
//!
//! The caller keeps a block below 64 KiB (`u16` offsets): see the limits in [`super::tree`].

use std::{cmp::Ordering, ops::Range};

/// The two lengths before each row.
const HEADER_BYTES: usize = 4;

/// Memory is taken in these steps, so that a growing block wastes little.
const GROWTH_BYTES: usize = 512;
const GROWTH_ROWS: usize = 16;

/// How many bytes `a` and `b` have in common at their beginning.
pub(super) fn common_prefix_len(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// A sorted block of rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Packed {
    prefix: Box<[u8]>,
    rows: Vec<u8>,
    offsets: Vec<u16>,
    heads: Vec<u32>,
}

impl Packed {
    /// A block without rows, for keys that begin with `prefix`.
    pub(super) fn new(prefix: &[u8]) -> Self {
        Self {
            prefix: prefix.into(),
            ..Self::default()
        }
    }

    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// The bytes of its rows, without the prefix.
    pub(super) fn rows_bytes(&self) -> usize {
        self.rows.len()
    }

    /// The bytes its rows would have under a prefix of `prefix_len` bytes.
    pub(super) fn rows_bytes_under(&self, prefix_len: usize) -> usize {
        self.rows.len() + self.len() * self.prefix.len() - self.len() * prefix_len
    }

    /// The memory it holds.
    pub(super) fn resident_bytes(&self) -> usize {
        size_of::<Self>()
            + self.prefix.len()
            + self.rows.capacity()
            + self.offsets.capacity() * size_of::<u16>()
            + self.heads.capacity() * size_of::<u32>()
    }

    /// The bytes all its keys begin with.
    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The key of row `slot` without the prefix.
    pub(super) fn suffix(&self, slot: usize) -> &[u8] {
        let (start, suffix_len, _) = self.header(slot);
        &self.rows[start..start + suffix_len]
    }

    /// The value of row `slot`.
    pub(super) fn value(&self, slot: usize) -> &[u8] {
        let (start, suffix_len, value_len) = self.header(slot);
        &self.rows[start + suffix_len..start + suffix_len + value_len]
    }

    /// The key of row `slot`, put together.
    pub(super) fn key(&self, slot: usize) -> Vec<u8> {
        [&self.prefix, self.suffix(slot)].concat()
    }

    /// The row that has `key`, or the slot where it would be put.
    pub(super) fn search(&self, key: &[u8]) -> Result<usize, usize> {
        debug_assert!(
            key.starts_with(&self.prefix),
            "the key belongs to another block"
        );
        let wanted = key.get(self.prefix.len()..).unwrap_or_default();
        let head = head_of(wanted);
        let mut low = self.heads.partition_point(|&other| other < head);
        let mut high = low + self.heads[low..].partition_point(|&other| other == head);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.suffix(middle).cmp(wanted) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Puts a row before row `slot`.
    pub(super) fn insert_at(&mut self, slot: usize, key: &[u8], value: &[u8]) {
        let suffix = key.get(self.prefix.len()..).unwrap_or_default();
        let start = self.start(slot);
        let row_bytes = HEADER_BYTES + suffix.len() + value.len();
        self.open_gap(start, row_bytes);
        let (head, body) = self.rows[start..start + row_bytes].split_at_mut(HEADER_BYTES);
        head.copy_from_slice(&lengths(suffix.len(), value.len()));
        body[..suffix.len()].copy_from_slice(suffix);
        body[suffix.len()..].copy_from_slice(value);
        if self.offsets.len() == self.offsets.capacity() {
            self.offsets.reserve_exact(GROWTH_ROWS);
            self.heads.reserve_exact(GROWTH_ROWS);
        }
        self.offsets.insert(slot, offset(start));
        self.heads.insert(slot, head_of(suffix));
        self.shift_offsets(slot + 1, row_bytes as isize);
    }

    /// Replaces the value of row `slot`.
    pub(super) fn set_value(&mut self, slot: usize, value: &[u8]) {
        let (start, suffix_len, old_len) = self.header(slot);
        let at = start + suffix_len;
        if value.len() > old_len {
            self.open_gap(at + old_len, value.len() - old_len);
        } else {
            self.rows.drain(at + value.len()..at + old_len);
        }
        self.rows[at..at + value.len()].copy_from_slice(value);
        self.rows[start - HEADER_BYTES..start].copy_from_slice(&lengths(suffix_len, value.len()));
        self.shift_offsets(slot + 1, value.len() as isize - old_len as isize);
    }

    /// Takes row `slot` out.
    pub(super) fn remove_at(&mut self, slot: usize) {
        let (start, end) = (self.start(slot), self.start(slot + 1));
        self.rows.drain(start..end);
        self.offsets.remove(slot);
        self.heads.remove(slot);
        self.shift_offsets(slot, -((end - start) as isize));
    }

    /// The rows of `slots` as a block of their own whose keys begin with `prefix`, which may be
    /// shorter or longer than this one's.
    pub(super) fn repacked(&self, slots: Range<usize>, prefix: &[u8]) -> Self {
        let mut block = Self::new(prefix);
        block.append(self, slots);
        block
    }

    /// Puts the rows of `slots` of `other` behind this block's own.
    pub(super) fn append(&mut self, other: &Self, slots: Range<usize>) {
        let rows_bytes = other.start(slots.end) - other.start(slots.start)
            + slots.len() * other.prefix.len()
            - slots.len() * self.prefix.len();
        self.rows.reserve_exact(rows_bytes);
        self.offsets.reserve_exact(slots.len());
        self.heads.reserve_exact(slots.len());
        for slot in slots {
            self.push(&other.prefix, other.suffix(slot), other.value(slot));
        }
    }

    /// Puts a row at the end; its key is `head` and `tail` together.
    fn push(&mut self, head: &[u8], tail: &[u8], value: &[u8]) {
        let cut = self.prefix.len();
        let head_rest = head.get(cut..).unwrap_or_default();
        let tail_rest = tail
            .get(cut.saturating_sub(head.len())..)
            .unwrap_or_default();
        let start = self.rows.len();
        self.offsets.push(offset(start));
        self.rows
            .extend_from_slice(&lengths(head_rest.len() + tail_rest.len(), value.len()));
        self.rows.extend_from_slice(head_rest);
        self.rows.extend_from_slice(tail_rest);
        self.heads.push(head_of(&self.rows[start + HEADER_BYTES..]));
        self.rows.extend_from_slice(value);
    }

    /// The row that byte `at` of the rows belongs to.
    pub(super) fn slot_at_byte(&self, at: usize) -> usize {
        self.offsets
            .partition_point(|&start| usize::from(start) <= at)
            .saturating_sub(1)
    }

    /// Where row `slot` begins; the end of the rows for the slot behind the last.
    fn start(&self, slot: usize) -> usize {
        self.offsets
            .get(slot)
            .map_or(self.rows.len(), |&start| usize::from(start))
    }

    /// Where the suffix of row `slot` begins, its length and the value's.
    fn header(&self, slot: usize) -> (usize, usize, usize) {
        let start = usize::from(self.offsets[slot]);
        let head = &self.rows[start..start + HEADER_BYTES];
        let length = |low: u8, high: u8| usize::from(u16::from_le_bytes([low, high]));
        (
            start + HEADER_BYTES,
            length(head[0], head[1]),
            length(head[2], head[3]),
        )
    }

    /// Makes room for `gap_bytes` at `at`.
    fn open_gap(&mut self, at: usize, gap_bytes: usize) {
        let end = self.rows.len();
        if self.rows.capacity() - end < gap_bytes {
            self.rows.reserve_exact(gap_bytes.max(GROWTH_BYTES));
        }
        self.rows.resize(end + gap_bytes, 0);
        self.rows.copy_within(at..end, at + gap_bytes);
    }

    fn shift_offsets(&mut self, from: usize, by: isize) {
        for start in &mut self.offsets[from..] {
            *start = start.wrapping_add_signed(by as i16);
        }
    }
}

fn lengths(suffix: usize, value: usize) -> [u8; HEADER_BYTES] {
    debug_assert!(suffix <= usize::from(u16::MAX) && value <= usize::from(u16::MAX));
    let ([a, b], [c, d]) = ((suffix as u16).to_le_bytes(), (value as u16).to_le_bytes());
    [a, b, c, d]
}

fn offset(start: usize) -> u16 {
    debug_assert!(
        start <= usize::from(u16::MAX),
        "a block outgrew its offsets"
    );
    start as u16
}

/// The first four bytes as a number that sorts as they do; a shorter suffix is filled with zeros, so
/// equal heads say nothing and unequal ones everything.
fn head_of(suffix: &[u8]) -> u32 {
    match *suffix {
        [a, b, c, d, ..] => u32::from_be_bytes([a, b, c, d]),
        [a, b, c] => u32::from_be_bytes([a, b, c, 0]),
        [a, b] => u32::from_be_bytes([a, b, 0, 0]),
        [a] => u32::from_be_bytes([a, 0, 0, 0]),
        [] => 0,
    }
}
