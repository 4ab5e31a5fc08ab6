//! Ranges of addresses, sorted and merged.
//!
//! ```text
//!   directory   by the first bits of an address: where its ranges begin     v4, of many ranges
//!   starts      first addresses, in order
//!   ends        last addresses, of the same
//! ```
//!
//! The range that may hold an address is the last one that starts no later. With the directory the
//! search for it spans a handful of ranges instead of all, which saves the steps that miss the
//! cache; IPv6 addresses in use share their first bits, so a directory of those would save nothing,
//! and the search goes by the upper halves, which are all that most ranges differ in.

use ipnet::IpNet;
use std::net::IpAddr;

/// As many ranges are searched without a directory.
const UNINDEXED_MAX: usize = 64;

/// A set of addresses.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranges {
    v4: V4,
    v6: V6,
}

#[derive(Debug, Clone, Default)]
struct V4 {
    starts: Box<[u32]>,
    ends: Box<[u32]>,
    /// For each value of the first bits, how many ranges start before it; and the total.
    directory: Box<[u32]>,
    /// By how much an address is shifted to become an index of the directory.
    shift: u32,
}

#[derive(Debug, Clone, Default)]
struct V6 {
    /// The upper halves of the first addresses: what is searched.
    uppers: Box<[u64]>,
    ranges: Box<[(u128, u128)]>,
}

impl Ranges {
    pub(super) fn new(nets: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for net in nets {
            match crate::scalar::Prefix::of(*net) {
                crate::scalar::Prefix::V4 { bits, mask } => v4.push((bits, bits | !mask)),
                crate::scalar::Prefix::V6 { bits, mask } => v6.push((bits, bits | !mask)),
            }
        }
        Self {
            v4: V4::new(merge(v4, |end| end.checked_add(1))),
            v6: V6::new(merge(v6, |end| end.checked_add(1))),
        }
    }

    /// Whether the set holds the address, already folded.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => {
                self.v4.contains(v4.to_bits()) || self.v6.contains(v4.to_ipv6_mapped().to_bits())
            }
            IpAddr::V6(v6) => self.v6.contains(v6.to_bits()),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.v4.starts.len() + self.v6.ranges.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.v4.starts)
            + size_of_val(&*self.v4.ends)
            + size_of_val(&*self.v4.directory)
            + size_of_val(&*self.v6.uppers)
            + size_of_val(&*self.v6.ranges)
    }
}

/// Ranges in order, none touching the next.
fn merge<T: Copy + Ord>(mut ranges: Vec<(T, T)>, next: impl Fn(T) -> Option<T>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match merged.last_mut() {
            // The last one reaches the end of all addresses, or up to this one.
            Some((_, last)) if next(*last).is_none_or(|behind| start <= behind) => {
                *last = end.max(*last);
            }
            _ => merged.push((start, end)),
        }
    }
    merged
}

impl V4 {
    fn new(ranges: Vec<(u32, u32)>) -> Self {
        let starts: Box<[u32]> = ranges.iter().map(|(start, _)| *start).collect();
        let ends = ranges.iter().map(|(_, end)| *end).collect();
        let (mut directory, mut shift) = (Vec::new(), 32);
        if starts.len() > UNINDEXED_MAX {
            // About as many entries as there are ranges.
            let bits = starts.len().ilog2();
            shift = 32 - bits;
            let count = 1u64 << bits;
            let before = |value: u64| starts.partition_point(|s| u64::from(*s) < value << shift);
            let counted = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            directory = (0..=count).map(|value| counted(before(value))).collect();
        }
        Self {
            starts,
            ends,
            directory: directory.into(),
            shift,
        }
    }

    fn contains(&self, address: u32) -> bool {
        let (mut from, mut to) = (0, self.starts.len());
        if self.shift < 32 {
            let at = (address >> self.shift) as usize;
            let bounds = (self.directory.get(at), self.directory.get(at + 1));
            if let (Some(first), Some(behind)) = bounds {
                (from, to) = (*first as usize, *behind as usize);
            }
        }
        let near = self.starts.get(from..to).unwrap_or_default();
        let behind = from + near.partition_point(|start| *start <= address);
        let last = behind.checked_sub(1).and_then(|at| self.ends.get(at));
        last.is_some_and(|end| address <= *end)
    }
}

impl V6 {
    fn new(ranges: Vec<(u128, u128)>) -> Self {
        Self {
            uppers: ranges
                .iter()
                .map(|(start, _)| (start >> 64) as u64)
                .collect(),
            ranges: ranges.into(),
        }
    }

    fn contains(&self, address: u128) -> bool {
        let upper = (address >> 64) as u64;
        let behind = self.uppers.partition_point(|u| *u <= upper);
        let Some(last) = behind.checked_sub(1) else {
            return false;
        };
        // Of several that share the upper half, the last that starts no later.
        let first = match self.uppers.get(last) {
            Some(shared) if *shared == upper => self.uppers.partition_point(|u| *u < upper),
            _ => last,
        };
        let near = self.ranges.get(first..behind).unwrap_or_default();
        let at = near.partition_point(|(start, _)| *start <= address);
        let before = first.checked_sub(1).and_then(|at| self.ranges.get(at));
        let candidate = at.checked_sub(1).and_then(|at| near.get(at)).or(before);
        candidate.is_some_and(|(start, end)| (*start..=*end).contains(&address))
    }
}
