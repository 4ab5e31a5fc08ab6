//! The load balancer's side, for tests.

use crate::{FIXED_BYTES, Header, SIGNATURE, TLV_BYTES_MAX, tlv};
use std::net::SocketAddr;

/// Whether a header has a CRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// It has one.
    Crc32c,
    /// It has none.
    None,
}

/// Why a header cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Source and destination are of two families.
    #[error("source and destination are of two families")]
    TwoFamilies,
    /// That is no id of a VPC endpoint.
    #[error("that is no id of a VPC endpoint")]
    Vpce,
    /// More than [`TLV_BYTES_MAX`] bytes of TLVs.
    #[error("there are more than {TLV_BYTES_MAX} bytes of TLVs")]
    TooLong,
}

/// A header as bytes, with these TLVs behind its own.
pub fn encode(
    header: &Header,
    others: &[(u8, &[u8])],
    checksum: Checksum,
) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = SIGNATURE.to_vec();
    let mut vpce = None;
    match header {
        // "The sender should use this family when sending LOCAL commands".
        Header::Local => bytes.extend([0x20, 0x00, 0, 0]),
        Header::Proxied {
            source,
            destination,
            vpce: id,
        } => {
            vpce = id.as_deref();
            bytes.push(0x21);
            push_addresses(&mut bytes, *source, *destination)?;
        }
    }
    let addresses_end = bytes.len();
    if let Some(id) = vpce {
        if !tlv::is_id(id) {
            return Err(EncodeError::Vpce);
        }
        let value = [&[tlv::AWS_VPCE_ID], id.as_bytes()].concat();
        push_tlv(&mut bytes, tlv::AWS, &value)?;
    }
    for (kind, value) in others {
        push_tlv(&mut bytes, *kind, value)?;
    }
    if checksum == Checksum::Crc32c {
        push_tlv(&mut bytes, tlv::CRC32C, &[0; 4])?;
    }
    if bytes.len() - addresses_end > TLV_BYTES_MAX {
        return Err(EncodeError::TooLong);
    }
    let block = u16::try_from(bytes.len() - FIXED_BYTES).map_err(|_| EncodeError::TooLong)?;
    bytes[14..16].copy_from_slice(&block.to_be_bytes());
    if checksum == Checksum::Crc32c {
        let at = bytes.len() - 4;
        let crc = tlv::checksum(&bytes, at);
        bytes[at..].copy_from_slice(&crc.to_be_bytes());
    }
    Ok(bytes)
}

/// The family, room for the length, and the addresses.
fn push_addresses(
    bytes: &mut Vec<u8>,
    source: SocketAddr,
    destination: SocketAddr,
) -> Result<(), EncodeError> {
    match (source, destination) {
        (SocketAddr::V4(source), SocketAddr::V4(destination)) => {
            bytes.extend([0x11, 0, 0]);
            bytes.extend(source.ip().octets());
            bytes.extend(destination.ip().octets());
        }
        (SocketAddr::V6(source), SocketAddr::V6(destination)) => {
            bytes.extend([0x21, 0, 0]);
            bytes.extend(source.ip().octets());
            bytes.extend(destination.ip().octets());
        }
        _ => return Err(EncodeError::TwoFamilies),
    }
    bytes.extend(source.port().to_be_bytes());
    bytes.extend(destination.port().to_be_bytes());
    Ok(())
}

fn push_tlv(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) -> Result<(), EncodeError> {
    let length = u16::try_from(value.len()).map_err(|_| EncodeError::TooLong)?;
    bytes.push(kind);
    bytes.extend(length.to_be_bytes());
    bytes.extend(value);
    Ok(())
}
