//! The form in which a list is kept: as few bytes as say it, because a hundred thousand ranges are
//! rewritten with every change of their bucket.
//!
//! ```text
//!   0  1  version, 1
//!   1     entries, in the order in which they were given: kind u8, then
//!           0  own
//!           1  IPv4 range: net         net:  u8 length of the prefix in bits,
//!           2  IPv6 range: net               the bytes of the address that the prefix reaches into
//!           3  VPC: id                 id, name:  u8 length, bytes
//!           4  VPC, IPv4 range: id, net
//!           5  VPC, IPv6 range: id, net
//!           6  VPC endpoint: id
//!           7  group: name
//! ```

use super::{Entry, is_name};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

const VERSION: u8 = 1;

const OWN: u8 = 0;
const V4: u8 = 1;
const V6: u8 = 2;
const VPC: u8 = 3;
const VPC_V4: u8 = 4;
const VPC_V6: u8 = 5;
const ENDPOINT: u8 = 6;
const GROUP: u8 = 7;

/// What is kept is no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {0} of what is kept of an address list cannot be read")]
pub struct Damaged(pub usize);

/// The bytes to keep of these entries.
pub fn write(entries: &[Entry]) -> Vec<u8> {
    let mut to = vec![VERSION];
    for entry in entries {
        match entry {
            Entry::Own => to.push(OWN),
            Entry::Public(net) => {
                to.push(if net.addr().is_ipv4() { V4 } else { V6 });
                write_net(&mut to, net);
            }
            Entry::Vpc(id, None) => write_name(&mut to, VPC, id),
            Entry::Vpc(id, Some(net)) => {
                let kind = if net.addr().is_ipv4() { VPC_V4 } else { VPC_V6 };
                write_name(&mut to, kind, id);
                write_net(&mut to, net);
            }
            Entry::Endpoint(id) => write_name(&mut to, ENDPOINT, id),
            Entry::Group(name) => write_name(&mut to, GROUP, name),
        }
    }
    to
}

fn write_net(to: &mut Vec<u8>, net: &IpNet) {
    let reached = usize::from(net.prefix_len()).div_ceil(8);
    to.push(net.prefix_len());
    match net {
        IpNet::V4(net) => to.extend(net.network().octets().iter().take(reached)),
        IpNet::V6(net) => to.extend(net.network().octets().iter().take(reached)),
    }
}

/// Names of entries are at most 69 bytes long; see [`Entry`]'s reader.
fn write_name(to: &mut Vec<u8>, kind: u8, name: &str) {
    to.push(kind);
    to.push(name.len() as u8);
    to.extend(name.as_bytes());
}

/// The entries that are kept there.
pub fn read(bytes: &[u8]) -> Result<Vec<Entry>, Damaged> {
    let mut from = Reader { bytes, at: 0 };
    if from.byte()? != VERSION {
        return Err(Damaged(0));
    }
    let mut entries = Vec::new();
    while from.at < bytes.len() {
        let at = from.at;
        let entry = match from.byte()? {
            OWN => Entry::Own,
            V4 => Entry::Public(from.v4()?),
            V6 => Entry::Public(from.v6()?),
            VPC => Entry::Vpc(from.name("vpc-")?, None),
            VPC_V4 => Entry::Vpc(from.name("vpc-")?, Some(from.v4()?)),
            VPC_V6 => Entry::Vpc(from.name("vpc-")?, Some(from.v6()?)),
            ENDPOINT => Entry::Endpoint(from.name("vpce-")?),
            GROUP => Entry::Group(from.name("")?),
            _ => return Err(Damaged(at)),
        };
        entries.push(entry);
    }
    Ok(entries)
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn take(&mut self, len: usize) -> Result<&'b [u8], Damaged> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..len));
        let taken = taken.ok_or(Damaged(self.at))?;
        self.at += len;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Damaged> {
        Ok(self.take(1)?[0])
    }

    fn name(&mut self, prefix: &str) -> Result<Box<str>, Damaged> {
        let at = self.at;
        let len = self.byte()?;
        let name = std::str::from_utf8(self.take(usize::from(len))?).ok();
        name.filter(|name| name.strip_prefix(prefix).is_some_and(is_name))
            .map(Box::from)
            .ok_or(Damaged(at))
    }

    fn v4(&mut self) -> Result<IpNet, Damaged> {
        let (at, (prefix, octets)) = (self.at, self.net::<4>()?);
        let net = Ipv4Net::new(Ipv4Addr::from(octets), prefix).map_err(|_| Damaged(at))?;
        (net == net.trunc())
            .then_some(net.into())
            .ok_or(Damaged(at))
    }

    fn v6(&mut self) -> Result<IpNet, Damaged> {
        let (at, (prefix, octets)) = (self.at, self.net::<16>()?);
        let net = Ipv6Net::new(Ipv6Addr::from(octets), prefix).map_err(|_| Damaged(at))?;
        (net == net.trunc())
            .then_some(net.into())
            .ok_or(Damaged(at))
    }

    /// The length of a prefix, and the address that it begins, zeros behind it.
    fn net<const N: usize>(&mut self) -> Result<(u8, [u8; N]), Damaged> {
        let at = self.at;
        let prefix = self.byte()?;
        let mut octets = [0; N];
        let reached = octets.get_mut(..usize::from(prefix).div_ceil(8));
        let reached = reached.ok_or(Damaged(at))?;
        reached.copy_from_slice(self.take(reached.len())?);
        Ok((prefix, octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = Entry> {
        let name = || "[a-z0-9-]{1,64}";
        let net = || {
            prop_oneof![
                (any::<u32>(), 0u8..=32)
                    .prop_map(|(a, n)| Ipv4Net::new(a.into(), n).unwrap().trunc().into()),
                (any::<u128>(), 0u8..=128)
                    .prop_map(|(a, n)| Ipv6Net::new(a.into(), n).unwrap().trunc().into()),
            ]
        };
        prop_oneof![
            Just(Entry::Own),
            net().prop_map(Entry::Public),
            (name(), proptest::option::of(net()))
                .prop_map(|(name, net)| Entry::Vpc(format!("vpc-{name}").into(), net)),
            name().prop_map(|name| Entry::Endpoint(format!("vpce-{name}").into())),
            name().prop_map(|name| Entry::Group(name.into())),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(entries in proptest::collection::vec(entry(), 0..40)) {
            let bytes = write(&entries);
            prop_assert_eq!(read(&bytes), Ok(entries));
        }

        /// Nothing has two forms, and nothing is read that could not be written as text.
        #[test]
        fn any_bytes_are_a_list_or_none(mut bytes in proptest::collection::vec(0u8..9, 0..64)) {
            bytes.insert(0, VERSION);
            if let Ok(entries) = read(&bytes) {
                prop_assert_eq!(write(&entries), bytes);
                for entry in entries {
                    prop_assert_eq!(entry.to_string().parse(), Ok(entry));
                }
            }
        }
    }

    #[test]
    fn a_range_takes_no_more_than_its_prefix() {
        let bytes = |text: &str| write(&[text.parse().unwrap()]).len() - 1;
        assert_eq!(bytes("10.0.0.0/8"), 3);
        assert_eq!(bytes("203.0.113.9"), 6);
        assert_eq!(bytes("2001:db8::/32"), 6);
        assert_eq!(bytes("2001:db8::1"), 18);
        assert_eq!((read(&[]), read(&[2])), (Err(Damaged(0)), Err(Damaged(0))));
        assert_eq!(read(&[VERSION, V4, 33, 1, 2, 3, 4, 5]), Err(Damaged(2)));
        assert_eq!(read(&[VERSION, V4, 9, 10, 1]), Err(Damaged(2)));
    }
}
