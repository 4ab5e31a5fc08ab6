//! Changes of sets, as one batch.
//!
//! ```text
//!   begin
//!   for each set: flush? ─ delete, ≤ 800 intervals a message ─ add, ≤ 800 intervals a message
//!   end
//! ```
//!
//! An attribute's length is of 16 bits, and a message's elements are one attribute: 800 intervals of
//! IPv6 take 51 KB of its 64.
//!
//! Intervals that overlap would be refused by the kernel with the whole batch, and without a word
//! which ones; they are found here first.

use super::{
    Key, KeyRange, SetName,
    elements::{
        DATA_VALUE, ELEMENT_FLAGS, ELEMENT_KEY, FLAG_END, LIST_ELEMENT, LIST_ELEMENTS, LIST_SET,
        LIST_TABLE,
    },
    fixed, kind,
};
use crate::{
    Failed,
    socket::{Refusal, Seq},
    wire::Writer,
};
use std::{borrow::Cow, net::IpAddr};

/// Intervals of one message at most.
const RANGES_PER_MESSAGE: usize = 800;
/// Intervals of one update at most, of those to add and those to delete together.
pub const RANGES_MAX: usize = 1_000_000;
/// The longest batch, in bytes.
pub const BATCH_LEN_MAX: usize = 128 << 20;
/// Bytes that an interval takes at most.
const RANGE_LEN_MAX: usize = 64;
/// Bytes of a message without its elements, with room for two names.
const MESSAGE_LEN: usize = 300;

/// A change of one set: emptied or not, then intervals deleted, then intervals added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUpdate {
    /// The set.
    pub set: SetName,
    /// What its elements are.
    pub key: Key,
    /// Whether it is emptied first.
    pub flush: bool,
    /// Intervals that go, exactly as they were added.
    pub delete: Vec<KeyRange>,
    /// Intervals that come.
    pub add: Vec<KeyRange>,
}

/// Why an update is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpdate {
    /// An interval of the other kind of addresses.
    #[error("{range} does not fit the key of {set}")]
    WrongKey {
        /// The set.
        set: SetName,
        /// The interval.
        range: KeyRange,
    },
    /// Two intervals that have addresses in common.
    #[error("{one} and {other} of {set} overlap")]
    Overlap {
        /// The set.
        set: SetName,
        /// The one.
        one: KeyRange,
        /// The other.
        other: KeyRange,
    },
    /// More intervals than [`RANGES_MAX`].
    #[error("an update of {0} has more than {RANGES_MAX} intervals")]
    TooMany(SetName),
    /// A batch that is longer than [`BATCH_LEN_MAX`].
    #[error("the updates take more than {BATCH_LEN_MAX} bytes")]
    TooLong,
}

/// Why sets are as they were.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// It was not sent.
    #[error("updating sets")]
    Invalid(#[from] InvalidUpdate),
    /// It was refused.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// A batch, and what its messages are.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) first: Seq,
    pub(super) last: Seq,
    /// The messages between begin and end.
    steps: Vec<Step>,
}

/// A message of a batch.
#[derive(Debug, Clone, Copy)]
struct Step {
    seq: Seq,
    /// The number of the update that it is of.
    update: usize,
    change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Flush,
    Delete,
    Add,
}

impl Change {
    fn kind(self) -> u16 {
        kind(match self {
            Self::Flush | Self::Delete => libc::NFT_MSG_DELSETELEM,
            Self::Add => libc::NFT_MSG_NEWSETELEM,
        })
    }

    fn flags(self) -> i32 {
        match self {
            Self::Flush | Self::Delete => libc::NLM_F_REQUEST,
            // Without EXCL the kernel takes an interval that is there for this one, and says nothing.
            Self::Add => libc::NLM_F_REQUEST | libc::NLM_F_CREATE | libc::NLM_F_EXCL,
        }
    }

    fn operation(self) -> &'static str {
        match self {
            Self::Flush => "flushing the set",
            Self::Delete => "deleting intervals of the set",
            Self::Add => "adding intervals to the set",
        }
    }
}

/// Writes the batch of these updates, if they change anything.
pub(super) fn write(
    updates: &[SetUpdate],
    mut next_seq: impl FnMut() -> Seq,
) -> Result<Option<Batch>, InvalidUpdate> {
    let mut len = 0;
    let mut plan = Vec::new();
    for (at, update) in updates.iter().enumerate() {
        let sorted = update.check()?;
        len += (sorted.delete.len() + sorted.add.len()) * RANGE_LEN_MAX;
        if len > BATCH_LEN_MAX {
            return Err(InvalidUpdate::TooLong);
        }
        plan.push((at, sorted));
    }
    let messages: Vec<_> = plan
        .iter()
        .flat_map(|(at, sorted)| sorted.messages(*at))
        .collect();
    let Some(count) = messages.len().checked_sub(1) else {
        return Ok(None);
    };
    let mut writer = Writer::with_capacity(len + messages.len() * MESSAGE_LEN);
    let first = next_seq();
    frame(&mut writer, libc::NFNL_MSG_BATCH_BEGIN, first);
    let mut steps = Vec::with_capacity(messages.len());
    let mut last = first;
    for (number, (at, change, ranges)) in messages.into_iter().enumerate() {
        last = next_seq();
        let ack = if number == count { libc::NLM_F_ACK } else { 0 };
        if let Some(update) = updates.get(at) {
            write_message(&mut writer, &update.set, change, ack, last, ranges);
        }
        steps.push(Step {
            seq: last,
            update: at,
            change,
        });
    }
    frame(&mut writer, libc::NFNL_MSG_BATCH_END, next_seq());
    let bytes = writer.finish().map_err(|_| InvalidUpdate::TooLong)?;
    Ok(Some(Batch {
        bytes,
        first,
        last,
        steps,
    }))
}

/// The begin or the end of a batch. Its resource is the subsystem.
fn frame(writer: &mut Writer, kind: i32, seq: Seq) {
    // Both are small numbers.
    let (kind, subsystem) = (kind as u16, libc::NFNL_SUBSYS_NFTABLES as u16);
    let [a, b] = subsystem.to_be_bytes();
    let fixed = [libc::AF_UNSPEC as u8, 0, a, b];
    let message = writer.message(kind, libc::NLM_F_REQUEST, seq.0, &fixed);
    writer.end_message(message);
}

/// A message that changes a set: without intervals, all of them.
fn write_message(
    writer: &mut Writer,
    set: &SetName,
    change: Change,
    ack: i32,
    seq: Seq,
    ranges: &[KeyRange],
) {
    let message = writer.message(change.kind(), change.flags() | ack, seq.0, &fixed(0));
    writer.text(LIST_TABLE, set.table.as_str());
    writer.text(LIST_SET, set.set.as_str());
    if change != Change::Flush {
        let elements = writer.nest(LIST_ELEMENTS);
        for range in ranges {
            write_element(writer, range.first(), 0);
            if let Some(behind) = range.behind() {
                write_element(writer, behind, FLAG_END);
            }
        }
        writer.end(elements);
    }
    writer.end_message(message);
}

fn write_element(writer: &mut Writer, address: IpAddr, flags: u32) {
    let element = writer.nest(LIST_ELEMENT);
    let key = writer.nest(ELEMENT_KEY);
    writer.address(DATA_VALUE, address);
    writer.end(key);
    if flags != 0 {
        writer.be32(ELEMENT_FLAGS, flags);
    }
    writer.end(element);
}

/// The intervals of an update in order, in which the kernel takes them fastest.
struct Sorted<'a> {
    flush: bool,
    delete: Cow<'a, [KeyRange]>,
    add: Cow<'a, [KeyRange]>,
}

impl SetUpdate {
    fn check(&self) -> Result<Sorted<'_>, InvalidUpdate> {
        if self.delete.len().saturating_add(self.add.len()) > RANGES_MAX {
            return Err(InvalidUpdate::TooMany(self.set.clone()));
        }
        Ok(Sorted {
            flush: self.flush,
            delete: self.check_ranges(&self.delete)?,
            add: self.check_ranges(&self.add)?,
        })
    }

    fn check_ranges<'a>(
        &self,
        ranges: &'a [KeyRange],
    ) -> Result<Cow<'a, [KeyRange]>, InvalidUpdate> {
        let set = || self.set.clone();
        if let Some(range) = ranges.iter().find(|range| range.key() != self.key) {
            let range = *range;
            return Err(InvalidUpdate::WrongKey { set: set(), range });
        }
        // Who compiled them has them in order already.
        let mut ranges = Cow::Borrowed(ranges);
        if !ranges.is_sorted() {
            ranges.to_mut().sort_unstable();
        }
        let overlapping = ranges
            .array_windows()
            .find(|[one, other]| one.last() >= other.first());
        match overlapping {
            Some([one, other]) => Err(InvalidUpdate::Overlap {
                set: set(),
                one: *one,
                other: *other,
            }),
            None => Ok(ranges),
        }
    }
}

impl Sorted<'_> {
    /// The messages of the update with this number.
    fn messages(&self, at: usize) -> impl Iterator<Item = (usize, Change, &[KeyRange])> {
        let all: &[KeyRange] = &[];
        let flush = self.flush.then_some((at, Change::Flush, all));
        let delete = self.delete.chunks(RANGES_PER_MESSAGE);
        let add = self.add.chunks(RANGES_PER_MESSAGE);
        flush
            .into_iter()
            .chain(delete.map(move |ranges| (at, Change::Delete, ranges)))
            .chain(add.map(move |ranges| (at, Change::Add, ranges)))
    }
}

impl Batch {
    /// The error of a refused batch, by the message that the kernel names.
    pub(super) fn explain(&self, refusal: Refusal, updates: &[SetUpdate]) -> UpdateError {
        let step = self
            .steps
            .iter()
            .find(|step| Some(step.seq) == refusal.message);
        let set = step.and_then(|step| Some((step.change, updates.get(step.update)?)));
        let failed = match set {
            Some((change, update)) => Failed::of(change.operation(), &update.set)(refusal.cause),
            // Not about one message, but about all.
            None => Failed::of("updating", "sets")(refusal.cause),
        };
        failed.into()
    }
}
