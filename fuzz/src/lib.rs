//! What the targets share.
//!
//! A checksum keeps a fuzzer out of everything behind it. Each disk target therefore gives the
//! decoder two inputs: the bytes as they are, and the bytes with their checksum made right.
#![forbid(unsafe_code)]

use blockhouse_format::crc32c;

/// The bytes with the CRC of what stands behind offset 12 put at offset 8: right for blocks,
/// sections and roots.
pub fn with_crc_at_8(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = bytes.to_vec();
    if let Some((head, rest)) = sealed.split_at_mut_checked(12) {
        head[8..].copy_from_slice(&crc32c(rest).to_le_bytes());
    }
    sealed
}

/// The bytes made as long as the next multiple of the block size.
pub fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(
        bytes.len().next_multiple_of(blockhouse_format::BLOCK_BYTES),
        0,
    );
    padded
}

/// Splits off a line, for targets whose input is several texts.
pub fn line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}
