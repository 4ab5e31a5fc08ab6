//! The words everyone uses, parsed once.
//!
//! A name enters this crate when a second crate needs it. Everything here is a value: no I/O, no
//! clock, no global. A newtype exists where an unchecked string would otherwise travel: inside the
//! product an empty string can never mean "missing", and a key that reached the engine was a legal
//! key when it left the wire.
#![forbid(unsafe_code)]

mod account;
mod bucket;
mod checksum;
mod etag;
mod key;
mod link;
mod outpost;
mod range;
mod ranges;
mod request_id;
mod revocation;
mod rng;
mod specials;
mod time;
mod version;

pub use account::{AccountId, InvalidAccountId};
pub use bucket::{BucketId, BucketName, InvalidBucketName};
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumType, InvalidChecksum};
pub use etag::{ETag, InvalidETag};
pub use key::{InvalidObjectKey, KEY_BYTES_MAX, ObjectKey};
pub use link::{InvalidLinkId, LinkId};
pub use outpost::{InvalidOutpostId, OutpostId};
pub use range::ByteRange;
pub use ranges::merge_ranges;
pub use request_id::RequestId;
pub use revocation::{OnceHash, RevokedLinks};
pub use rng::Entropy;
pub use specials::{Specials, is_unreserved};
pub use time::{Clock, InvalidTimestamp, ShiftedClock, SystemClock, Timestamp};
pub use version::{InvalidVersionId, UploadId, VersionId};

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

/// Reads exactly `N` bytes of hexadecimal, either case; `None` for anything else.
pub fn unhex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != N * 2 {
        return None;
    }
    let digit = |c: u8| char::from(c).to_digit(16).map(|d| d as u8);
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
