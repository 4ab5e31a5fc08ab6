//! What a load balancer says of a connection before it passes it on: PROXY protocol, version 2.
//!
//! ```text
//!    0  12  signature
//!   12   1  version 2 | command: LOCAL, PROXY
//!   13   1  address family | transport
//!   14   2  length of what follows, big-endian
//!   16   …  source, destination, their ports; nothing, where the family is UNSPEC
//!    …   …  TLVs: type u8, length u16, value
//! ```
//!
//! [`parse`] is asked again with every byte that came, and says that it needs more, or what the header is
//! and where it ends. It refuses at the first byte that cannot belong to a header that it takes, whatever
//! follows, so that a browser, a TLS client or version 1 of the protocol is refused by its first byte.
//!
//! # What is read
//! The addresses, the CRC if there is one, and the VPC endpoint that AWS's load balancers tell
//! (`PP2_TYPE_AWS`). Other TLVs must be whole and are skipped: nothing here trusts a certificate's name
//! or a host name that somebody else has checked.
//!
//! # What it never does
//! * It does not guess whether there is a header. "Implementers should be very careful about not trying to
//!   automatically detect whether they have to decode the header or not, but rather they must only rely on
//!   a configuration parameter" (section 5): the listener says so, and then there is one or no connection.
//! * It does not say who may send one. Anybody can write these bytes; that none but the load balancer gets
//!   through to the listener is the network filter's work.
//! * It does not judge the addresses. They are what was sent, IPv4 in IPv6's clothes included.
//!
//! The CRC finds damage and no forger: who can write the header can write its CRC. Nor does it find all
//! damage: a header whose CRC lost its type, or its place at the end, is a header without one.
//!
//! # Why not a crate
//! `ppp` (2.3) and `proxy-header` (0.1) read the same format. Neither compares the CRC, which a receiver
//! that knows it must; neither bounds the header, nor refuses a TLV that says twice from where a
//! connection comes; and both read version 1, which here is one more parser for strangers. What is left
//! is two hundred lines.
//!
//! Source: haproxy, `doc/proxy-protocol.txt`, sections 2.2 to 2.2.8; AWS, "Target groups for your Network
//! Load Balancers", section "Proxy protocol".
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "encode"))]
mod encode;
#[cfg(test)]
mod tests;
mod tlv;

#[cfg(any(test, feature = "encode"))]
pub use encode::{Checksum, EncodeError, encode};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of TLVs at most. AWS sends some thirty, haproxy with a certificate's name some hundred. A
/// header with more is refused.
pub const TLV_BYTES_MAX: usize = 4096;

/// Bytes of a header at most, so that who keeps this much never waits for more in vain.
pub const HEADER_BYTES_MAX: usize = FIXED_BYTES + Family::Tcp6.address_bytes() + TLV_BYTES_MAX;

/// Characters of a VPC endpoint's id at most; AWS's have 22. A longer one is refused.
pub const VPCE_BYTES_MAX: usize = 64;

// "The binary header format starts with a constant 12 bytes block containing the protocol signature".
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// What every header begins with, in bytes; the last two say how many follow.
pub const FIXED_BYTES: usize = 16;

/// What a load balancer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Header {
    /// The connection is the load balancer's own, to see whether we are well. It comes from where it
    /// comes from.
    Local,
    /// The connection is somebody else's.
    Proxied {
        /// Who connected to the load balancer.
        source: SocketAddr,
        /// Where; of the source's family.
        destination: SocketAddr,
        /// The id of the VPC endpoint that it came through, as AWS's load balancers tell it: letters,
        /// digits and `-`, at most [`VPCE_BYTES_MAX`] of them.
        vpce: Option<Box<str>>,
    },
}

/// Why bytes are no header that is taken. The connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ProxyError {
    /// They do not begin as one.
    #[error("the connection does not begin with a header of PROXY protocol, version 2")]
    Foreign,
    /// Another version, or a command that is none.
    #[error("the header is of another version than 2, or its command is unknown")]
    VersionOrCommand,
    /// The connection is not TCP over IPv4 or IPv6.
    #[error("the header speaks of another connection than one of TCP over IPv4 or IPv6")]
    Family,
    /// There is no room for the addresses.
    #[error("the header is too short for its addresses")]
    TooShort,
    /// More than [`TLV_BYTES_MAX`] bytes of TLVs.
    #[error("the header has more than {TLV_BYTES_MAX} bytes of TLVs")]
    TooLong,
    /// A TLV that the header cuts off.
    #[error("the header ends within a TLV")]
    TlvCut,
    /// A CRC that is not four bytes long.
    #[error("the header's CRC is not four bytes long")]
    BadCrcLength,
    /// The CRC is another.
    #[error("the header's CRC does not match")]
    CrcMismatch,
    /// AWS's TLV is empty, or what it says is no id of a VPC endpoint.
    #[error("the header's id of a VPC endpoint is none")]
    BadVpce,
    /// What is said once at most is said twice.
    #[error("the header has two CRCs or two ids of a VPC endpoint")]
    Twice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Local,
    Proxy,
}

/// Address family and transport of a header that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Unspec,
    Tcp4,
    Tcp6,
    Udp4,
    Udp6,
}

/// What a header says ahead of its addresses.
struct Fixed {
    command: Command,
    family: Family,
    /// Of the whole header.
    length: usize,
}

/// Reads the header that a connection begins with; gives it and its length, or `None` where more bytes
/// are needed. What follows the header is not looked at.
pub fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, ProxyError> {
    let Some(fixed) = Fixed::parse(bytes)? else {
        return Ok(None);
    };
    // "The receiver must not start to parse an address before the whole address block is received."
    let Some(whole) = bytes.get(..fixed.length) else {
        return Ok(None);
    };
    let (addresses, tlvs) = whole
        .get(FIXED_BYTES..)
        .and_then(|block| block.split_at_checked(fixed.family.address_bytes()))
        .ok_or(ProxyError::TooShort)?;
    let told = tlv::read(whole, tlvs)?;
    // "The receiver must accept this connection as valid and must use the real connection endpoints and
    // discard the protocol block including the family which is ignored."
    let header = match fixed.command {
        Command::Local => Header::Local,
        Command::Proxy => {
            let (source, destination) = read_addresses(addresses).ok_or(ProxyError::TooShort)?;
            Header::Proxied {
                source,
                destination,
                vpce: told.vpce,
            }
        }
    };
    Ok(Some((header, fixed.length)))
}

impl Fixed {
    /// Judges each byte as soon as it is there.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, ProxyError> {
        if bytes.iter().zip(SIGNATURE).any(|(got, due)| *got != due) {
            return Err(ProxyError::Foreign);
        }
        let mut rest = bytes.iter().skip(SIGNATURE.len()).copied();
        let Some(command) = rest.next().map(Command::parse).transpose()? else {
            return Ok(None);
        };
        let Some(family) = rest
            .next()
            .map(|byte| Family::parse(byte, command))
            .transpose()?
        else {
            return Ok(None);
        };
        let Some(high) = rest.next() else {
            return Ok(None);
        };
        // The rest of the length only makes it longer.
        let at_least = usize::from(u16::from_be_bytes([high, 0]));
        if at_least > family.block_bytes_max() {
            return Err(ProxyError::TooLong);
        }
        let Some(low) = rest.next() else {
            return Ok(None);
        };
        // "Thus the length of the protocol header in bytes is always exactly 16 + this value. … Receivers
        // MUST always consider this field to skip the appropriate number of bytes and must not assume
        // zero is presented for LOCAL connections."
        let block = usize::from(u16::from_be_bytes([high, low]));
        if block > family.block_bytes_max() {
            return Err(ProxyError::TooLong);
        }
        if block < family.address_bytes() {
            return Err(ProxyError::TooShort);
        }
        Ok(Some(Self {
            command,
            family,
            length: FIXED_BYTES + block,
        }))
    }
}

impl Command {
    /// "The highest four bits contains the version. As of this specification, it must always be sent as
    /// \x2 and the receiver must only accept this value."
    ///
    /// "Receivers must drop connections presenting unexpected values here", of the lowest four.
    fn parse(byte: u8) -> Result<Self, ProxyError> {
        match byte {
            0x20 => Ok(Self::Local),
            0x21 => Ok(Self::Proxy),
            _ => Err(ProxyError::VersionOrCommand),
        }
    }
}

impl Family {
    /// Of PROXY's families, TCP's two. UNSPEC's addresses would be those of the load balancer: "The
    /// receiver is free to accept the connection anyway and use the real endpoint addresses or to reject
    /// it"; here it is rejected, since whoever comes through a load balancer is not the load balancer.
    ///
    /// Of LOCAL's, whose block says nothing, those of a network: where the addresses end, the TLVs begin,
    /// and the CRC among them shall be looked at. Values without a meaning "must be rejected as invalid
    /// by receivers". None of the five is another with one bit changed.
    fn parse(byte: u8, command: Command) -> Result<Self, ProxyError> {
        match (byte, command) {
            (0x11, _) => Ok(Self::Tcp4),
            (0x21, _) => Ok(Self::Tcp6),
            (0x00, Command::Local) => Ok(Self::Unspec),
            (0x12, Command::Local) => Ok(Self::Udp4),
            (0x22, Command::Local) => Ok(Self::Udp6),
            _ => Err(ProxyError::Family),
        }
    }

    /// "Address length is 2*4 + 2*2 = 12 bytes", or "2*16 + 2*2 = 36 bytes".
    const fn address_bytes(self) -> usize {
        match self {
            Self::Unspec => 0,
            Self::Tcp4 | Self::Udp4 => 12,
            Self::Tcp6 | Self::Udp6 => 36,
        }
    }

    const fn block_bytes_max(self) -> usize {
        self.address_bytes() + TLV_BYTES_MAX
    }
}

/// "The address order is always the same: source layer 3 address in network byte order; destination layer
/// 3 address in network byte order; source layer 4 address if any, in network byte order (port);
/// destination layer 4 address if any, in network byte order (port)".
fn read_addresses(block: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let (ips, ports) = block.split_at_checked(block.len().checked_sub(4)?)?;
    let (source, destination) = ips.split_at_checked(ips.len() / 2)?;
    let port = |at: usize| Some(u16::from_be_bytes(ports.get(at..at + 2)?.try_into().ok()?));
    Some((
        SocketAddr::new(read_ip(source)?, port(0)?),
        SocketAddr::new(read_ip(destination)?, port(2)?),
    ))
}

fn read_ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(v4).into());
    }
    let v6 = <[u8; 16]>::try_from(bytes).ok()?;
    Some(Ipv6Addr::from(v6).into())
}
