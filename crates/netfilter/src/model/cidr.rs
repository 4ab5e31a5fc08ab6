//! Ranges of addresses and names of interfaces, as the model writes them.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr};

/// A range of addresses: `10.0.0.0/16`, or an address for that one alone. Bits behind the prefix are
/// cleared, as AWS does: it turns 100.68.0.18/18 into 100.68.0.0/18.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr(IpNet);

/// The text is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no range of addresses")]
pub struct InvalidCidr(pub String);

/// Characters of a range in text at most: an IPv6 address with an IPv4 tail, and its prefix.
const CIDR_LEN_MAX: usize = 49;

impl Cidr {
    /// As the library that counts in it knows it.
    pub fn net(self) -> IpNet {
        self.0
    }

    /// Whether it is of IPv4.
    pub fn is_v4(self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }

    /// Whether it holds the address.
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// Whether it holds all of the other.
    pub fn covers(self, other: Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether there is an address in both: of two prefixes one is then within the other.
    pub fn overlaps(self, other: Self) -> bool {
        self.covers(other) || other.covers(self)
    }
}

impl From<IpNet> for Cidr {
    fn from(net: IpNet) -> Self {
        Self(net.trunc())
    }
}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let bad = || InvalidCidr(text.chars().take(CIDR_LEN_MAX).collect());
        let net = match text.contains('/') {
            _ if text.len() > CIDR_LEN_MAX => return Err(bad()),
            true => text.parse::<IpNet>().map_err(|_| bad())?,
            false => IpNet::from(text.parse::<IpAddr>().map_err(|_| bad())?),
        };
        match net {
            // On the wire there is no such source; who writes it means the IPv4 range.
            IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some() => Err(bad()),
            _ => Ok(Self(net.trunc())),
        }
    }
}

impl TryFrom<String> for Cidr {
    type Error = InvalidCidr;

    fn try_from(text: String) -> Result<Self, InvalidCidr> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The name of a network interface. The kernel takes up to 15 bytes; of those only letters, digits
/// and `-_.` are let through here, so that a name needs no quotes anywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InterfaceName(Box<str>);

/// The text is no name of an interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no name of an interface: 1 to {INTERFACE_LEN_MAX} letters, digits, -, _ and .")]
pub struct InvalidInterfaceName(pub String);

/// Bytes of an interface's name at most (IFNAMSIZ, less the final zero).
const INTERFACE_LEN_MAX: usize = 15;

/// Names with a meaning of their own to the kernel.
const INTERFACES_RESERVED: [&str; 5] = [".", "..", "lo", "all", "default"];

impl InterfaceName {
    /// As the kernel knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InterfaceName {
    type Err = InvalidInterfaceName;

    fn from_str(text: &str) -> Result<Self, InvalidInterfaceName> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let fits = (1..=INTERFACE_LEN_MAX).contains(&text.len()) && text.bytes().all(legal);
        if fits && !INTERFACES_RESERVED.contains(&text) {
            return Ok(Self(text.into()));
        }
        let shown = text.chars().take(2 * INTERFACE_LEN_MAX).collect();
        Err(InvalidInterfaceName(shown))
    }
}

impl TryFrom<String> for InterfaceName {
    type Error = InvalidInterfaceName;

    fn try_from(text: String) -> Result<Self, InvalidInterfaceName> {
        text.parse()
    }
}

impl From<InterfaceName> for String {
    fn from(name: InterfaceName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_canonical() {
        let cidr = |text: &str| text.parse::<Cidr>().map(|c| c.to_string());
        assert_eq!(cidr("100.68.0.18/18").as_deref(), Ok("100.68.0.0/18"));
        assert_eq!(cidr("10.0.0.1").as_deref(), Ok("10.0.0.1/32"));
        assert_eq!(cidr("fd00:a::1/48").as_deref(), Ok("fd00:a::/48"));
        for bad in ["", "10.0.0.0/33", "::ffff:10.0.0.0/104", "10.0.0", "vpc-a"] {
            assert!(cidr(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn interface_names_need_no_quotes() {
        for good in ["eth0", "enp0s31f6.4094", "a"] {
            assert!(good.parse::<InterfaceName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "lo",
            "..",
            "sixteen-bytes-xx",
            "eth 0",
            "eth/0",
            "eth\"",
            "eth*",
        ] {
            assert!(bad.parse::<InterfaceName>().is_err(), "{bad}");
        }
    }
}
