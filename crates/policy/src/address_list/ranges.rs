//! Ranges of addresses, sorted and merged.
//!
//! ```text
//!   directory   by an address's distance from the first range: where the ranges near it begin
//!   ranges      first and last address of each, in order
//! ```
//!
//! The range that may hold an address is the last one that starts no later. With the directory the
//! search for it spans a handful of ranges instead of all, and a dozen steps that each wait for
//! memory become one. Where the ranges crowd together the search is a binary one among those.
//!
//! IPv6 ranges of /64 and wider, which are most, are kept by their upper halves alone: they fit the
//! cache twice as well.

use crate::scalar::Prefix;
use blockhouse_types::merge_ranges;
use ipnet::IpNet;
use std::net::IpAddr;

/// A set of addresses.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranges {
    v4: Sorted<u32>,
    /// Of IPv6, those of /64 and wider, by their upper halves.
    v6_wide: Sorted<u64>,
    /// Of IPv6, the others.
    v6_narrow: Sorted<u128>,
}

/// Ranges in order, none touching the next.
#[derive(Debug, Clone, Default)]
struct Sorted<T> {
    ranges: Box<[(T, T)]>,
    /// For each distance, shifted, how many ranges start nearer; and the total.
    directory: Box<[u32]>,
    shift: u32,
}

impl Ranges {
    pub(super) fn new(nets: &[IpNet]) -> Self {
        let (mut v4, mut wide, mut narrow) = (Vec::new(), Vec::new(), Vec::new());
        for net in nets {
            match Prefix::of(*net) {
                Prefix::V4 { bits, mask } => v4.push((bits, bits | !mask)),
                Prefix::V6 { bits, mask } if mask as u64 == 0 => {
                    wide.push((upper_half(bits), upper_half(bits | !mask)));
                }
                Prefix::V6 { bits, mask } => narrow.push((bits, bits | !mask)),
            }
        }
        Self {
            v4: Sorted::new(merge_ranges(v4, |end| end.checked_add(1))),
            v6_wide: Sorted::new(merge_ranges(wide, |end| end.checked_add(1))),
            v6_narrow: Sorted::new(merge_ranges(narrow, |end| end.checked_add(1))),
        }
    }

    /// Whether the set holds the address, already folded.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let in_v6 =
            |bits: u128| self.v6_wide.contains(upper_half(bits)) || self.v6_narrow.contains(bits);
        match address {
            // `::/0` and the few others that are wider than the mapped range hold its addresses.
            IpAddr::V4(v4) => {
                self.v4.contains(v4.to_bits()) || in_v6(v4.to_ipv6_mapped().to_bits())
            }
            IpAddr::V6(v6) => in_v6(v6.to_bits()),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.v4.ranges.len() + self.v6_wide.ranges.len() + self.v6_narrow.ranges.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.v4.heap_bytes() + self.v6_wide.heap_bytes() + self.v6_narrow.heap_bytes()
    }
}

fn upper_half(address: u128) -> u64 {
    (address >> 64) as u64
}

impl<T: Copy + Ord + Into<u128>> Sorted<T> {
    fn new(ranges: Vec<(T, T)>) -> Self {
        let (Some((first, _)), Some((last, _))) = (ranges.first(), ranges.last()) else {
            return Self {
                ranges: Box::default(),
                directory: Box::default(),
                shift: 0,
            };
        };
        let (first, last): (u128, u128) = ((*first).into(), (*last).into());
        // About a quarter as many entries as ranges: a handful of ranges lie in a line or two of the
        // cache anyway, and a smaller directory stays in it.
        let entry_bits = ranges.len().next_power_of_two().ilog2().saturating_sub(2);
        let span_bits = 128 - (last - first).leading_zeros();
        // A few ranges at both ends of IPv6 span all of its bits, and no number is shifted by all of them.
        let shift = span_bits.saturating_sub(entry_bits).min(u128::BITS - 1);
        let entries = ((last - first) >> shift) + 1;
        let nearer = |entry: u128| {
            let count =
                ranges.partition_point(|(start, _)| ((*start).into() - first) >> shift < entry);
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        Self {
            directory: (0..=entries).map(nearer).collect(),
            ranges: ranges.into(),
            shift,
        }
    }

    fn contains(&self, value: T) -> bool {
        let Some((first, _)) = self.ranges.first() else {
            return false;
        };
        let (first, wanted): (u128, u128) = ((*first).into(), value.into());
        let Some(distance) = wanted.checked_sub(first) else {
            return false;
        };
        // Behind the last entry only the last range may still reach.
        let entry = usize::try_from(distance >> self.shift).unwrap_or(usize::MAX);
        let from = self.directory.get(entry).map(|at| *at as usize);
        let to = self
            .directory
            .get(entry.saturating_add(1))
            .map(|at| *at as usize);
        let (from, to) = match (from, to) {
            (Some(from), Some(to)) => (from, to),
            _ => (self.ranges.len(), self.ranges.len()),
        };
        let near = self.ranges.get(from..to).unwrap_or_default();
        let behind = from + near.partition_point(|(start, _)| *start <= value);
        let last = behind.checked_sub(1).and_then(|at| self.ranges.get(at));
        last.is_some_and(|(_, end)| value <= *end)
    }

    fn heap_bytes(&self) -> usize {
        size_of_val(&*self.ranges) + size_of_val(&*self.directory)
    }
}
