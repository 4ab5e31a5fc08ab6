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
mod hex;
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
pub use hex::{hex, unhex, unhex_byte};
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
