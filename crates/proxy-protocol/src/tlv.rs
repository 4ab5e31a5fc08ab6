//! What stands behind the addresses: a CRC, the id of a VPC endpoint, and what is skipped.

use crate::{ProxyError, VPCE_BYTES_MAX};
use crc_fast::{CrcAlgorithm, Digest};

/// "#define PP2_TYPE_CRC32C 0x03".
pub(crate) const CRC32C: u8 = 0x03;

/// AWS: "Type: PP2_TYPE_AWS (0xEA)".
pub(crate) const AWS: u8 = 0xEA;

/// AWS: "Value: PP2_SUBTYPE_AWS_VPCE_ID (0x01)", and behind it "the ID of the endpoint".
pub(crate) const AWS_VPCE_ID: u8 = 0x01;

/// What TLVs said that is listened to.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) vpce: Option<Box<str>>,
}

/// Reads the TLVs, with which the header ends. Each must be whole and lie within the header; those that
/// nobody asks for are skipped: "A receiver may choose to skip over and ignore the TLVs it is not
/// interested in or it does not understand."
pub(crate) fn read(header: &[u8], tlvs: &[u8]) -> Result<Told, ProxyError> {
    let mut told = Told::default();
    let mut crc = None;
    let mut rest = tlvs;
    while !rest.is_empty() {
        let (kind, value, later) = first(rest)?;
        match kind {
            CRC32C => {
                let sent: [u8; 4] = value.try_into().map_err(|_| ProxyError::BadCrcLength)?;
                let at = header.len() - later.len() - sent.len();
                once(crc.replace((at, u32::from_be_bytes(sent))))?;
            }
            AWS => {
                if let Some(id) = read_vpce(value)? {
                    once(told.vpce.replace(id))?;
                }
            }
            _ => {}
        }
        rest = later;
    }
    match crc {
        Some((at, sent)) if checksum(header, at) != sent => Err(ProxyError::CrcMismatch),
        _ => Ok(told),
    }
}

/// Type and value of the first TLV, and what stands behind it. "The first byte is the Type of the vector.
/// The second two bytes represent the length in bytes of the value (not included the Type and Length
/// bytes)".
fn first(tlvs: &[u8]) -> Result<(u8, &[u8], &[u8]), ProxyError> {
    let [kind, high, low, rest @ ..] = tlvs else {
        return Err(ProxyError::TlvCut);
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let (value, later) = rest.split_at_checked(length).ok_or(ProxyError::TlvCut)?;
    Ok((*kind, value, later))
}

/// Two of one kind: it is not known which of them to believe, and so neither is.
fn once<T>(before: Option<T>) -> Result<(), ProxyError> {
    match before {
        None => Ok(()),
        Some(_) => Err(ProxyError::Twice),
    }
}

/// The id of a VPC endpoint; `None` where AWS says something else.
fn read_vpce(value: &[u8]) -> Result<Option<Box<str>>, ProxyError> {
    let (subtype, id) = value.split_first().ok_or(ProxyError::BadVpce)?;
    if *subtype != AWS_VPCE_ID {
        return Ok(None);
    }
    match std::str::from_utf8(id) {
        Ok(id) if is_id(id) => Ok(Some(id.into())),
        _ => Err(ProxyError::BadVpce),
    }
}

pub(crate) fn is_id(id: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=VPCE_BYTES_MAX).contains(&id.len()) && id.bytes().all(legal)
}

/// The CRC of a header whose own four bytes of it begin at `at`: "replace the 32 bits of the checksum
/// field in the received PROXY header with all '0's and calculate a CRC32c checksum value of the whole
/// PROXY header."
pub(crate) fn checksum(header: &[u8], at: usize) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    let (before, rest) = header.split_at_checked(at).unwrap_or((header, &[]));
    digest.update(before);
    digest.update(&[0; 4]);
    digest.update(rest.get(4..).unwrap_or_default());
    digest.finalize() as u32
}
