//! Rows of the index: keys whose byte order is the order of listings, and small values that answer
//! listings, preconditions and the accounting of space without touching a device.
//!
//! ```text
//!   objects  01 | bucket u64 BE | key escaped | 00 00 | not(sequence) u64 BE
//!   uploads  02 | bucket u64 BE | key escaped | 00 00 | sequence u64 BE | upload 16
//!   parts    03 | upload 16 | number u16 BE
//!   extents  04 | sequence u64 BE | row u16 BE
//! ```
//! * In the escaped key every byte 00 becomes 00 FF. With 00 00 behind it, no key is a prefix of
//!   another, and keys compare as their UTF-8 does: `a` before `a\0` before `a\x01` before `aa`.
//! * The sequence of a version is inverted, so that the newest comes first and the current object
//!   of a key is the first row at or behind [`versions_of`]. A version id begins with the same eight
//!   bytes ([`sequence_of`]), so a version is found without a search; `null` ones are looked for.
//! * Uploads of one key come in the order in which they began.
//! * An object or part of more than [`EXTENTS_MAX`] extents keeps them in extents rows of its own
//!   sequence.

mod key;
mod value;

pub use key::{
    IndexKey, extents_key, object_after, object_key, object_prefix, parse_key, part_key, parts_of,
    prefix_end, sequence_of, upload_after, upload_key, upload_prefix, uploads_of, versions_of,
};
pub use value::{
    DataPlace, EXTENTS_MAX, Entry, MarkerEntry, ObjectEntry, PartEntry, Reference, UploadEntry,
};
