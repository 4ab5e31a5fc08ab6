//! Sets of addresses as sorted, disjoint, inclusive ranges: the form in which the kernel holds them,
//! user space searches them, and one can be taken from another.

use crate::model::Cidr;
use blockhouse_types::merge_ranges;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which kind of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// Of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// A set of addresses of both families.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Intervals {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Intervals {
    /// All the addresses of these ranges.
    pub(crate) fn of(cidrs: impl IntoIterator<Item = Cidr>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for cidr in cidrs {
            match cidr.net() {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        Self {
            v4: merge_ranges(v4, |end| end.checked_add(1)),
            v6: merge_ranges(v6, |end| end.checked_add(1)),
        }
    }

    /// These addresses alone.
    pub(crate) fn of_addresses(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self::of(addresses.into_iter().map(|a| Cidr::from(IpNet::from(a))))
    }

    /// What is in either.
    pub(crate) fn union(mut self, other: &Self) -> Self {
        self.v4.extend_from_slice(&other.v4);
        self.v6.extend_from_slice(&other.v6);
        Self {
            v4: merge_ranges(self.v4, |end| end.checked_add(1)),
            v6: merge_ranges(self.v6, |end| end.checked_add(1)),
        }
    }

    /// What is in this one and not in the other.
    pub(crate) fn without(&self, other: &Self) -> Self {
        Self {
            v4: subtract(
                &self.v4,
                &other.v4,
                |v| v.checked_sub(1),
                |v| v.checked_add(1),
            ),
            v6: subtract(
                &self.v6,
                &other.v6,
                |v| v.checked_sub(1),
                |v| v.checked_add(1),
            ),
        }
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => holds(&self.v4, v4.to_bits()),
            IpAddr::V6(v6) => holds(&self.v6, v6.to_bits()),
        }
    }

    /// The ranges of one family, by their first and last addresses.
    pub(crate) fn of_family(&self, family: Family) -> Vec<(IpAddr, IpAddr)> {
        let v4 = |bits: u32| IpAddr::V4(Ipv4Addr::from_bits(bits));
        let v6 = |bits: u128| IpAddr::V6(Ipv6Addr::from_bits(bits));
        match family {
            Family::V4 => self.v4.iter().map(|(a, b)| (v4(*a), v4(*b))).collect(),
            Family::V6 => self.v6.iter().map(|(a, b)| (v6(*a), v6(*b))).collect(),
        }
    }
}

fn holds<T: Copy + Ord>(ranges: &[(T, T)], value: T) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= value);
    let last = behind.checked_sub(1).and_then(|at| ranges.get(at));
    last.is_some_and(|(_, last)| value <= *last)
}

/// Both are sorted and disjoint, and so is what is left.
fn subtract<T: Copy + Ord>(
    from: &[(T, T)],
    holes: &[(T, T)],
    before: impl Fn(T) -> Option<T>,
    behind: impl Fn(T) -> Option<T>,
) -> Vec<(T, T)> {
    let (mut left, mut at) = (Vec::new(), 0);
    for &(first, last) in from {
        // What of this range is not judged yet begins here; nothing if it is used up.
        let mut rest = Some(first);
        while let Some(&(hole_first, hole_last)) = holes.get(at).filter(|hole| hole.0 <= last) {
            if let Some(start) = rest {
                if let Some(end) = before(hole_first).filter(|end| start <= *end) {
                    left.push((start, end));
                }
                if hole_last >= start {
                    rest = behind(hole_last).filter(|next| *next <= last);
                }
            }
            if hole_last > last {
                // It reaches into the next range as well.
                break;
            }
            at += 1;
        }
        if let Some(start) = rest {
            left.push((start, last));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges() -> impl Strategy<Value = Vec<(u8, u8)>> {
        let range = (any::<u8>(), any::<u8>()).prop_map(|(a, b)| (a.min(b), a.max(b)));
        prop::collection::vec(range, 0..6).prop_map(|r| merge_ranges(r, |v| v.checked_add(1)))
    }

    proptest! {
        /// Bytes stand for addresses: few enough to try all.
        #[test]
        fn subtraction_is_what_sets_do(from in ranges(), holes in ranges()) {
            let left = subtract(&from, &holes, |v| v.checked_sub(1), |v| v.checked_add(1));
            for value in 0..=u8::MAX {
                let expected = holds(&from, value) && !holds(&holes, value);
                prop_assert_eq!(holds(&left, value), expected, "{}", value);
            }
            let apart = |pair: &[(u8, u8)]| pair[0].1 < pair[1].0;
            prop_assert!(left.windows(2).all(apart), "{:?}", left);
        }
    }
}
