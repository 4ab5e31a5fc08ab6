//! Addresses of links.

use super::{LinkIndex, RouteSocket, family};
use crate::{
    Failed,
    socket::Question,
    wire::{Attributes, Malformed},
};
use ipnet::IpNet;
use std::fmt;

/// An address of a link, and how long the prefix is that it shares with its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The link.
    pub link: LinkIndex,
    /// The address.
    pub net: IpNet,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.net, self.link)
    }
}

impl RouteSocket {
    /// All addresses, those that the kernel gave itself as well.
    pub fn addresses(&mut self) -> Result<Vec<Address>, Failed> {
        let question = Question::bare(libc::RTM_GETADDR, &[0; 8]);
        self.list("addresses", &question, libc::RTM_NEWADDR, Address::read)
    }

    /// Gives a link an address. An IPv6 one serves at once: whether somebody else has it is not asked,
    /// because who gives the address knows.
    pub fn add_address(&mut self, address: Address) -> Result<(), Failed> {
        let question = Question {
            kind: libc::RTM_NEWADDR,
            flags: libc::NLM_F_CREATE | libc::NLM_F_EXCL,
            fixed: &address.fixed(),
            attributes: &|w| {
                w.address(libc::IFA_LOCAL, address.net.addr());
                w.address(libc::IFA_ADDRESS, address.net.addr());
                if address.net.addr().is_ipv6() {
                    w.u32(libc::IFA_FLAGS, libc::IFA_F_NODAD);
                }
            },
        };
        self.ask("adding the address", address, &question)
    }

    /// Takes an address from its link.
    pub fn delete_address(&mut self, address: Address) -> Result<(), Failed> {
        let question = Question {
            kind: libc::RTM_DELADDR,
            flags: 0,
            fixed: &address.fixed(),
            attributes: &|w| {
                w.address(libc::IFA_LOCAL, address.net.addr());
                w.address(libc::IFA_ADDRESS, address.net.addr());
            },
        };
        self.ask("deleting the address", address, &question)
    }
}

impl Address {
    /// `ifaddrmsg`: family u8, length of the prefix u8, flags u8, scope u8, link u32.
    fn fixed(&self) -> [u8; 8] {
        let [a, b, c, d] = self.link.0.to_ne_bytes();
        let family = family(self.net.addr());
        [family, self.net.prefix_len(), 0, 0, a, b, c, d]
    }

    /// Reads the body of an `RTM_NEWADDR`; one of another protocol is none.
    pub fn read(body: &[u8]) -> Result<Option<Self>, Malformed> {
        let (fixed, attributes) = Attributes::behind::<8>(body, "an address")?;
        let [family, prefix_len, _, _, link @ ..] = *fixed;
        if !matches!(i32::from(family), libc::AF_INET | libc::AF_INET6) {
            return Ok(None);
        }
        let (mut local, mut address) = (None, None);
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind {
                libc::IFA_LOCAL => local = Some(attribute.address("an address")?),
                libc::IFA_ADDRESS => address = Some(attribute.address("an address")?),
                _ => {}
            }
        }
        // Where both are there and differ, the other one is the far end's.
        let own = local.or(address).ok_or(Malformed::Missing("an address"))?;
        let net = IpNet::new(own, prefix_len).map_err(|_| Malformed::Value("an address"))?;
        let link = LinkIndex(u32::from_ne_bytes(link));
        Ok(Some(Self { link, net }))
    }
}
