//! `x-bh-source`: from where a link works.
//!
//! ```text
//!   203.0.113.0/24        these addresses, over the public path
//!   203.0.113.9           this one
//!   vpc-ID/10.0.0.0/16    these addresses, out of that VPC
//!   vpce-ID               that VPC endpoint
//! ```

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Entries of one list at most.
pub const SOURCES_MAX: usize = 32;

/// Letters of a VPC's or endpoint's id at most, behind its prefix. AWS's own have 17.
const ID_LEN_MAX: usize = 32;

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Addresses on the public path.
    Public(Cidr),
    /// Addresses within a VPC.
    Vpc {
        /// `vpc-…`.
        id: String,
        /// Which of them.
        cidr: Cidr,
    },
    /// A VPC endpoint.
    VpcEndpoint {
        /// `vpce-…`.
        id: String,
    },
}

/// A block of addresses: every address in it, the first and the last as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    base: IpAddr,
    prefix_bits: u8,
}

/// Reads a list; `None` when an entry is none of the above.
pub(super) fn parse(list: &str) -> Option<Vec<Source>> {
    if list.split(',').count() > SOURCES_MAX {
        return None;
    }
    list.split(',').map(Source::parse).collect()
}

impl Source {
    fn parse(text: &str) -> Option<Self> {
        if is_id(text, "vpce-") {
            return Some(Self::VpcEndpoint {
                id: text.to_owned(),
            });
        }
        match text.split_once('/') {
            Some((id, cidr)) if is_id(id, "vpc-") => Some(Self::Vpc {
                id: id.to_owned(),
                cidr: Cidr::parse(cidr)?,
            }),
            _ => Cidr::parse(text).map(Self::Public),
        }
    }
}

fn is_id(text: &str, prefix: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.strip_prefix(prefix)
        .is_some_and(|id| (1..=ID_LEN_MAX).contains(&id.len()) && id.bytes().all(legal))
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix_bits)
    }
}

impl Cidr {
    /// Reads `ADDRESS/BITS`, or `ADDRESS` for that one alone. Bits of the address beyond the prefix
    /// do not matter, as in IAM.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().ok()?;
        let bits_max = match base {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        let prefix_bits = match bits {
            None => bits_max,
            // Not what `parse` takes for a number: "+8" and "08" are no prefix.
            Some(bits) if bits.starts_with('+') || (bits.len() > 1 && bits.starts_with('0')) => {
                return None;
            }
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= bits_max)?,
        };
        Some(Self { base, prefix_bits })
    }

    /// Whether the address lies in the block. An IPv4 address that a socket shows as an IPv6 one
    /// (`::ffff:192.0.2.1`) is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let bits = match self.base {
                    IpAddr::V4(_) => u32::from(self.prefix_bits),
                    // A block within ::ffff:0:0/96.
                    IpAddr::V6(_) => u32::from(self.prefix_bits.saturating_sub(96)),
                };
                v4_prefix(base, bits) == v4_prefix(address, bits)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let bits = u32::from(self.prefix_bits);
                v6_prefix(base, bits) == v6_prefix(address, bits)
            }
            _ => false,
        }
    }
}

fn v4_prefix(address: Ipv4Addr, bits: u32) -> u32 {
    address.to_bits() & u32::MAX.checked_shl(32 - bits).unwrap_or(0)
}

fn v6_prefix(address: Ipv6Addr, bits: u32) -> u128 {
    address.to_bits() & u128::MAX.checked_shl(128 - bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contains(cidr: &str, address: &str) -> bool {
        Cidr::parse(cidr)
            .unwrap()
            .contains(address.parse().unwrap())
    }

    #[test]
    fn a_block_is_every_address_in_it() {
        for (cidr, inside, outside) in [
            ("10.0.0.0/24", "10.0.0.0", "10.0.1.0"),
            ("10.0.0.0/24", "10.0.0.255", "9.255.255.255"),
            ("10.0.0.77/24", "10.0.0.1", "10.0.1.77"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.6"),
            ("10.0.0.0/24", "::ffff:10.0.0.9", "::10.0.0.9"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "127.0.0.1"),
            ("2001:db8::/32", "2001:db8:ffff::", "2001:db9::"),
            ("::1", "::1", "::2"),
            ("::ffff:10.0.0.0/120", "10.0.0.200", "10.0.1.0"),
        ] {
            assert!(contains(cidr, inside), "{inside} in {cidr}");
            assert!(!contains(cidr, outside), "{outside} not in {cidr}");
        }
    }

    #[test]
    fn a_list_names_paths_and_blocks() {
        let parsed = parse("203.0.113.0/24,vpc-0a1b/10.0.0.0/16,vpce-77,::1").unwrap();
        assert!(matches!(
            &parsed[..],
            [
                Source::Public(_),
                Source::Vpc { id: vpc, .. },
                Source::VpcEndpoint { id: vpce },
                Source::Public(_)
            ] if vpc == "vpc-0a1b" && vpce == "vpce-77"
        ));
        for bad in [
            "",
            ",",
            "10.0.0.0/24,",
            " 10.0.0.0/24",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/",
            "10.0.0/8",
            "::/129",
            "vpc-0a1b",
            "vpc-/10.0.0.0/8",
            "vpc-A/10.0.0.0/8",
            "vpce-",
            "vpce-1/10.0.0.0/8",
            "example.com",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        assert!(parse(&vec!["::1"; SOURCES_MAX].join(",")).is_some());
        assert!(parse(&vec!["::1"; SOURCES_MAX + 1].join(",")).is_none());
    }

    proptest! {
        #[test]
        fn a_block_holds_exactly_what_shares_its_prefix(base: u32, other: u32, bits in 0u8..=32) {
            let cidr = Cidr::parse(&format!("{}/{bits}", Ipv4Addr::from(base))).unwrap();
            let same = (0..u32::from(bits)).all(|n| (base ^ other) >> (31 - n) & 1 == 0);
            prop_assert_eq!(cidr.contains(Ipv4Addr::from(other).into()), same);
            prop_assert_eq!(cidr.contains(Ipv4Addr::from(other).to_ipv6_mapped().into()), same);
        }

        #[test]
        fn long_blocks_as_well(base: u128, other: u128, bits in 0u8..=128) {
            let base = base | 1 << 127;
            let cidr = Cidr::parse(&format!("{}/{bits}", Ipv6Addr::from(base))).unwrap();
            let other = Ipv6Addr::from(other | 1 << 127);
            let same = (0..u32::from(bits)).all(|n| (base ^ other.to_bits()) >> (127 - n) & 1 == 0);
            prop_assert_eq!(cidr.contains(other.into()), same);
        }

        #[test]
        fn never_panics(list in "([0-9a-f.:/,]|vpc-|vpce-){0,40}") {
            let _ = parse(&list);
        }
    }
}
