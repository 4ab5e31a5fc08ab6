//! The keys of index rows: made, taken apart, and the bounds that scans begin and end with.

use crate::codec::Decoder;
use crate::{DecodeError, Lsn};
use blockhouse_types::{BucketId, ObjectKey, UploadId, VersionId};

const OBJECTS: u8 = 1;
const UPLOADS: u8 = 2;
const PARTS: u8 = 3;
const EXTENTS: u8 = 4;
const STRUCTURE: &str = "index key";

/// What an index key names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IndexKey {
    /// A version or delete marker.
    Object {
        /// Its bucket.
        bucket: BucketId,
        /// Its key.
        key: ObjectKey,
        /// Its sequence.
        sequence: Lsn,
    },
    /// An upload in progress.
    Upload {
        /// Its bucket.
        bucket: BucketId,
        /// Its key.
        key: ObjectKey,
        /// Its sequence.
        sequence: Lsn,
        /// Its id.
        upload: UploadId,
    },
    /// A part of an upload in progress.
    Part {
        /// The upload.
        upload: UploadId,
        /// The part's number.
        number: u16,
    },
    /// Some of the extents of an object or part.
    Extents {
        /// The sequence of the object or part.
        sequence: Lsn,
        /// Which of its rows, from 0.
        row: u16,
    },
}

/// The key of a version.
pub fn object_key(bucket: BucketId, key: &ObjectKey, sequence: Lsn) -> Vec<u8> {
    let mut row = versions_of(bucket, key);
    row.extend_from_slice(&(!sequence.0).to_be_bytes());
    row
}

/// What the keys of all versions of one object begin with; nothing else does.
pub fn versions_of(bucket: BucketId, key: &ObjectKey) -> Vec<u8> {
    terminated(OBJECTS, bucket, key)
}

/// What the keys of all objects begin with whose key begins with `prefix`.
pub fn object_prefix(bucket: BucketId, prefix: &[u8]) -> Vec<u8> {
    prefixed(OBJECTS, bucket, prefix)
}

/// The least key behind all versions of the object `key`, which need not be a legal key.
pub fn object_after(bucket: BucketId, key: &[u8]) -> Vec<u8> {
    after(OBJECTS, bucket, key)
}

/// The key of an upload.
pub fn upload_key(bucket: BucketId, key: &ObjectKey, sequence: Lsn, upload: UploadId) -> Vec<u8> {
    let mut row = uploads_of(bucket, key);
    row.extend_from_slice(&sequence.0.to_be_bytes());
    row.extend_from_slice(&upload.0);
    row
}

/// What the keys of all uploads of one object begin with.
pub fn uploads_of(bucket: BucketId, key: &ObjectKey) -> Vec<u8> {
    terminated(UPLOADS, bucket, key)
}

/// What the keys of all uploads begin with whose key begins with `prefix`.
pub fn upload_prefix(bucket: BucketId, prefix: &[u8]) -> Vec<u8> {
    prefixed(UPLOADS, bucket, prefix)
}

/// The least key behind all uploads of the object `key`, which need not be a legal key.
pub fn upload_after(bucket: BucketId, key: &[u8]) -> Vec<u8> {
    after(UPLOADS, bucket, key)
}

/// The key of a part.
pub fn part_key(upload: UploadId, number: u16) -> Vec<u8> {
    let mut row = parts_of(upload);
    row.extend_from_slice(&number.to_be_bytes());
    row
}

/// What the keys of all parts of one upload begin with.
pub fn parts_of(upload: UploadId) -> Vec<u8> {
    let mut row = Vec::with_capacity(1 + 16 + 2);
    row.push(PARTS);
    row.extend_from_slice(&upload.0);
    row
}

/// The key of a row of extents.
pub fn extents_key(sequence: Lsn, row: u16) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + 8 + 2);
    key.push(EXTENTS);
    key.extend_from_slice(&sequence.0.to_be_bytes());
    key.extend_from_slice(&row.to_be_bytes());
    key
}

/// The least key that is greater than every key beginning with `prefix`; `None` if there is none.
pub fn prefix_end(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            return Some(prefix);
        }
    }
    None
}

/// The sequence that a version id names; `None` for `null`.
pub fn sequence_of(version: &VersionId) -> Option<Lsn> {
    let (inverted, _) = version.bytes()?.split_first_chunk::<8>()?;
    Some(Lsn(!u64::from_be_bytes(*inverted)))
}

/// Reads any index key.
pub fn parse_key(row: &[u8]) -> Result<IndexKey, DecodeError> {
    let mut from = Decoder::new(STRUCTURE, row);
    let key = match from.u8("key space")? {
        OBJECTS => {
            let (bucket, key) = named(&mut from)?;
            IndexKey::Object {
                bucket,
                key,
                sequence: Lsn(!big_endian(&mut from, "sequence")?),
            }
        }
        UPLOADS => {
            let (bucket, key) = named(&mut from)?;
            let sequence = Lsn(big_endian(&mut from, "sequence")?);
            let upload = UploadId(from.array("upload")?);
            IndexKey::Upload {
                bucket,
                key,
                sequence,
                upload,
            }
        }
        PARTS => {
            let upload = UploadId(from.array("upload")?);
            IndexKey::Part {
                upload,
                number: u16::from_be_bytes(from.array("part number")?),
            }
        }
        EXTENTS => {
            let sequence = Lsn(big_endian(&mut from, "sequence")?);
            IndexKey::Extents {
                sequence,
                row: u16::from_be_bytes(from.array("row")?),
            }
        }
        _ => return Err(from.field("key space")),
    };
    from.end()?;
    Ok(key)
}

fn prefixed(space: u8, bucket: BucketId, prefix: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(1 + 8 + prefix.len() + 2 + 8 + 16);
    row.push(space);
    row.extend_from_slice(&bucket.0.to_be_bytes());
    for byte in prefix {
        row.push(*byte);
        if *byte == 0 {
            row.push(0xff);
        }
    }
    row
}

fn terminated(space: u8, bucket: BucketId, key: &ObjectKey) -> Vec<u8> {
    let mut row = prefixed(space, bucket, key.as_bytes());
    row.extend_from_slice(&[0, 0]);
    row
}

/// 00 01 stands between the terminator 00 00 and an escaped zero 00 FF.
fn after(space: u8, bucket: BucketId, key: &[u8]) -> Vec<u8> {
    let mut row = prefixed(space, bucket, key);
    row.extend_from_slice(&[0, 1]);
    row
}

fn big_endian(from: &mut Decoder<'_>, field: &'static str) -> Result<u64, DecodeError> {
    Ok(u64::from_be_bytes(from.array(field)?))
}

fn named(from: &mut Decoder<'_>) -> Result<(BucketId, ObjectKey), DecodeError> {
    let bucket = BucketId(big_endian(from, "bucket")?);
    let mut key = Vec::new();
    loop {
        match from.u8("key")? {
            0 => match from.u8("key")? {
                0 => break,
                0xff => key.push(0),
                _ => return Err(from.field("key")),
            },
            byte => key.push(byte),
        }
    }
    let key = from.parsed(ObjectKey::from_bytes(&key), "key")?;
    Ok((bucket, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Keys that are short and made of few characters, so that they share prefixes and hold zeros.
    fn any_key() -> impl Strategy<Value = ObjectKey> {
        "[\0\u{1}a-c/\u{ff}\u{10ffff}]{1,8}".prop_map(|text| ObjectKey::parse(&text).unwrap())
    }

    proptest! {
        #[test]
        fn keys_read_back(bucket: u64, key in any_key(), n: u64, id: [u8; 16], number: u16) {
            let (bucket, sequence, upload) = (BucketId(bucket), Lsn(n), UploadId(id));
            let object = IndexKey::Object { bucket, key: key.clone(), sequence };
            prop_assert_eq!(parse_key(&object_key(bucket, &key, sequence)), Ok(object));
            let row = upload_key(bucket, &key, sequence, upload);
            prop_assert_eq!(parse_key(&row), Ok(IndexKey::Upload { bucket, key, sequence, upload }));
            let part = IndexKey::Part { upload, number };
            prop_assert_eq!(parse_key(&part_key(upload, number)), Ok(part));
            let extents = IndexKey::Extents { sequence, row: number };
            prop_assert_eq!(parse_key(&extents_key(sequence, number)), Ok(extents));
        }

        #[test]
        fn rows_sort_by_bucket_key_and_age(
            a in (0u64..3, any_key(), 0u64..4),
            b in (0u64..3, any_key(), 0u64..4),
        ) {
            let row = |(bucket, key, n): &(u64, ObjectKey, u64)| {
                object_key(BucketId(*bucket), key, Lsn(*n))
            };
            let order = |(bucket, key, n): &(u64, ObjectKey, u64)| {
                (*bucket, key.clone(), std::cmp::Reverse(*n))
            };
            prop_assert_eq!(row(&a).cmp(&row(&b)), order(&a).cmp(&order(&b)));
        }

        #[test]
        fn after_lies_between(key in any_key(), other in any_key(), n: u64) {
            let bucket = BucketId(7);
            let bound = object_after(bucket, key.as_bytes());
            prop_assert_eq!(object_key(bucket, &other, Lsn(n)) > bound, other > key);
            let end = prefix_end(object_prefix(bucket, key.as_bytes())).unwrap();
            let begins = other.as_bytes().starts_with(key.as_bytes());
            prop_assert_eq!(object_key(bucket, &other, Lsn(n)) >= end, other > key && !begins);
        }

        #[test]
        fn any_bytes_are_judged(row in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(IndexKey::Object { bucket, key, sequence }) = parse_key(&row) {
                prop_assert_eq!(object_key(bucket, &key, sequence), row);
            }
        }
    }

    #[test]
    fn version_ids_lead_to_their_rows() {
        let id = VersionId::from_bytes([
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xd5, 1, 2, 3, 4, 5, 6, 7, 8,
        ]);
        assert_eq!(sequence_of(&id), Some(Lsn(42)));
        assert_eq!(sequence_of(&VersionId::NULL), None);
    }
}
