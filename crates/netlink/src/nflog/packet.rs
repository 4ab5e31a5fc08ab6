//! One line of the log: what the kernel says of a packet, and the packet's first bytes.
//!
//! What is cut off or odd in a packet is absent and no error: whoever sent it wants it to be odd.
//! Only what the kernel wrote must make sense.

use crate::{
    route::LinkIndex,
    wire::{Attributes, Malformed},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

// `NFULA_…`
const HEADER: u16 = libc::NFULA_PACKET_HDR as u16;
const IN_LINK: u16 = libc::NFULA_IFINDEX_INDEV as u16;
const PAYLOAD: u16 = libc::NFULA_PAYLOAD as u16;
const PREFIX: u16 = libc::NFULA_PREFIX as u16;

/// Bytes of a prefix at most, as the kernel has it.
const PREFIX_LEN_MAX: usize = 128;
/// Headers between IPv6's own and the protocol's that are passed over.
const EXTENSIONS_MAX: usize = 8;

// `ETH_P_…`
const OF_IPV4: u16 = 0x0800;
const OF_ARP: u16 = 0x0806;
const OF_IPV6: u16 = 0x86dd;

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;

/// What a packet speaks above its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// ARP, which has no such thing.
    Arp,
    /// IP's number of it.
    Ip(u8),
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PacketLog {
    /// What the rule says: its reason.
    pub prefix: String,
    /// The link that the packet came in by.
    pub link: Option<LinkIndex>,
    /// Whom it says it is from. In ARP, the sender's address.
    pub source: Option<IpAddr>,
    /// To whom it goes. In ARP, who is asked for.
    pub destination: Option<IpAddr>,
    /// What it speaks.
    pub protocol: Option<Protocol>,
    /// The port it goes to, of TCP, UDP and SCTP.
    pub port: Option<u16>,
}

impl PacketLog {
    /// Reads the body of an `NFULNL_MSG_PACKET`.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let (_, attributes) = Attributes::behind::<4>(body, "a packet's log")?;
        let mut log = Self::default();
        let (mut of, mut payload) = (0, [].as_slice());
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind {
                // `nfulnl_msg_packet_hdr`: protocol u16 in the network's order, hook u8, nothing.
                HEADER => {
                    let [a, b, _, _] = attribute.array("a packet's header")?;
                    of = u16::from_be_bytes([a, b]);
                }
                IN_LINK => log.link = Some(LinkIndex(attribute.be32("a packet's link")?)),
                PREFIX => {
                    log.prefix = attribute.text();
                    cut(&mut log.prefix);
                }
                PAYLOAD => payload = attribute.value,
                _ => {}
            }
        }
        match of {
            OF_IPV4 => log.add_ipv4(payload),
            OF_IPV6 => log.add_ipv6(payload),
            OF_ARP => log.add_arp(payload),
            _ => None,
        };
        Ok(log)
    }

    fn add_ipv4(&mut self, packet: &[u8]) -> Option<()> {
        let header = packet.first_chunk::<20>()?;
        let [first, _, _, _, _, _, part_a, part_b, _, protocol, ..] = *header;
        self.source = ipv4(packet, 12);
        self.destination = ipv4(packet, 16);
        self.protocol = Some(Protocol::Ip(protocol));
        // Only the first part of a packet that was cut up has its ports.
        let is_first = u16::from_be_bytes([part_a, part_b]) & 0x1fff == 0;
        let len = usize::from(first & 0x0f) * 4;
        if is_first && len >= header.len() {
            self.port = port(protocol, packet.get(len..)?);
        }
        Some(())
    }

    fn add_ipv6(&mut self, packet: &[u8]) -> Option<()> {
        let (header, mut rest) = packet.split_first_chunk::<40>()?;
        self.source = ipv6(header, 8);
        self.destination = ipv6(header, 24);
        let [_, _, _, _, _, _, mut next, ..] = *header;
        for _ in 0..EXTENSIONS_MAX {
            self.protocol = Some(Protocol::Ip(next));
            let [after, len, a, b, ..] = *rest.first_chunk::<8>()?;
            let skip = match next {
                // Options hop by hop, routing, options at the end: in 8 bytes beyond the first 8.
                0 | 43 | 60 => (usize::from(len) + 1) * 8,
                // Authentication: in 4 bytes beyond the first 8.
                51 => (usize::from(len) + 2) * 4,
                // A part, of which only the first has its ports.
                44 if u16::from_be_bytes([a, b]) >> 3 == 0 => 8,
                44 => {
                    self.protocol = Some(Protocol::Ip(after));
                    return None;
                }
                protocol => {
                    self.port = port(protocol, rest);
                    return Some(());
                }
            };
            next = after;
            rest = rest.get(skip..)?;
        }
        None
    }

    /// Of ARP for IPv4 over Ethernet: 8 bytes, then hardware and address of the sender, then of the
    /// one asked for.
    fn add_arp(&mut self, packet: &[u8]) -> Option<()> {
        self.protocol = Some(Protocol::Arp);
        self.source = ipv4(packet, 14);
        self.destination = ipv4(packet, 24);
        Some(())
    }
}

/// Cuts a prefix to its length, between characters.
fn cut(prefix: &mut String) {
    prefix.truncate(prefix.floor_char_boundary(PREFIX_LEN_MAX));
}

fn ipv4(packet: &[u8], at: usize) -> Option<IpAddr> {
    let octets = packet.get(at..)?.first_chunk::<4>()?;
    Some(Ipv4Addr::from(*octets).into())
}

fn ipv6(packet: &[u8], at: usize) -> Option<IpAddr> {
    let octets = packet.get(at..)?.first_chunk::<16>()?;
    Some(Ipv6Addr::from(*octets).into())
}

/// The port that a packet goes to.
fn port(protocol: u8, packet: &[u8]) -> Option<u16> {
    let [_, _, a, b] = *packet.first_chunk::<4>()?;
    matches!(protocol, TCP | UDP | SCTP).then(|| u16::from_be_bytes([a, b]))
}

#[cfg(test)]
mod tests;
