//! What the parts of a multipart upload say of the whole.

use super::digest::{Digest, full};
use blockhouse_types::{Checksum, ChecksumAlgorithm, ChecksumType, ETag};
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};

/// Whether S3 allows this type for multipart objects of this algorithm: CRC-64/NVME is full-object
/// only; a hash that cannot be combined is composite only; CRC-32 and CRC-32C are both.
pub fn allowed(algorithm: ChecksumAlgorithm, kind: ChecksumType) -> bool {
    match (crc(algorithm), kind) {
        (Some(_), ChecksumType::FullObject) => true,
        (Some(_), ChecksumType::Composite) => algorithm != ChecksumAlgorithm::Crc64Nvme,
        (None, ChecksumType::Composite) => true,
        (None, ChecksumType::FullObject) => false,
    }
}

/// The type when an upload names an algorithm alone.
pub fn default_type(algorithm: ChecksumAlgorithm) -> ChecksumType {
    if algorithm == ChecksumAlgorithm::Crc64Nvme {
        ChecksumType::FullObject
    } else {
        ChecksumType::Composite
    }
}

/// The checksum of the whole from its parts' values and lengths in bytes; `None` when a part has
/// none of this algorithm, or the type is not allowed.
pub fn of_parts<'a>(
    algorithm: ChecksumAlgorithm,
    kind: ChecksumType,
    parts: impl IntoIterator<Item = (Option<&'a Checksum>, u64)>,
) -> Option<Checksum> {
    match kind {
        _ if !allowed(algorithm, kind) => None,
        ChecksumType::Composite => composite(algorithm, parts.into_iter().map(|(part, _)| part)),
        ChecksumType::FullObject => full_object(algorithm, parts),
    }
}

/// The checksum over the parts' values, in order.
pub fn composite<'a>(
    algorithm: ChecksumAlgorithm,
    parts: impl IntoIterator<Item = Option<&'a Checksum>>,
) -> Option<Checksum> {
    let mut digest = Digest::new(algorithm);
    let mut count = 0;
    for part in parts {
        digest.update(part.filter(|part| part.algorithm() == algorithm)?.value());
        count += 1;
    }
    Checksum::composite(algorithm, digest.finish().value().to_vec(), count).ok()
}

/// The checksum of the parts' bytes in order, for the algorithms that combine.
pub fn full_object<'a>(
    algorithm: ChecksumAlgorithm,
    parts: impl IntoIterator<Item = (Option<&'a Checksum>, u64)>,
) -> Option<Checksum> {
    let crc = crc(algorithm)?;
    let mut whole = None;
    for (part, len) in parts {
        let part = part.filter(|part| part.algorithm() == algorithm)?;
        let value = part
            .value()
            .iter()
            .fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
        whole = Some(match whole {
            None => value,
            Some(before) => crc_fast::checksum_combine(crc, before, value, len),
        });
    }
    let bytes = whole?.to_be_bytes();
    Some(full(algorithm, bytes[8 - algorithm.len_bytes()..].to_vec()))
}

/// The entity tag of a multipart object: the MD5 of the parts' MD5s, and their count.
pub fn etag_of_parts(parts: impl IntoIterator<Item = ETag>) -> ETag {
    let mut md5 = Md5::new();
    let mut count = 0;
    for part in parts {
        md5.update(part.md5());
        count += 1;
    }
    ETag::of_parts(md5.finalize().into(), count)
}

fn crc(algorithm: ChecksumAlgorithm) -> Option<CrcAlgorithm> {
    match algorithm {
        ChecksumAlgorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
        ChecksumAlgorithm::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
        ChecksumAlgorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Checksum {
        let mut digest = Digest::new(algorithm);
        digest.update(bytes);
        digest.finish()
    }

    #[test]
    fn crcs_combine() {
        let whole: Vec<u8> = (0..70_000u32).flat_map(u32::to_le_bytes).collect();
        for algorithm in [
            ChecksumAlgorithm::Crc32,
            ChecksumAlgorithm::Crc32c,
            ChecksumAlgorithm::Crc64Nvme,
        ] {
            for cuts in [
                vec![],
                vec![1],
                vec![100_000, 200_001],
                vec![0, 7, 7, 279_999],
            ] {
                let mut parts = Vec::new();
                let mut from = 0;
                for to in cuts.iter().copied().chain([whole.len()]) {
                    parts.push((of(algorithm, &whole[from..to]), (to - from) as u64));
                    from = to;
                }
                let parts = parts.iter().map(|(checksum, len)| (Some(checksum), *len));
                let combined = of_parts(algorithm, ChecksumType::FullObject, parts);
                assert_eq!(
                    combined,
                    Some(of(algorithm, &whole)),
                    "{algorithm:?} {cuts:?}"
                );
            }
        }
    }

    #[test]
    fn composites_hash_the_values() {
        let (a, b) = (
            of(ChecksumAlgorithm::Sha256, b"a"),
            of(ChecksumAlgorithm::Sha256, b"b"),
        );
        let parts = [(Some(&a), 1), (Some(&b), 1)];
        let got = of_parts(ChecksumAlgorithm::Sha256, ChecksumType::Composite, parts).unwrap();
        let both = [a.value(), b.value()].concat();
        assert_eq!(got.value(), of(ChecksumAlgorithm::Sha256, &both).value());
        assert_eq!(got.parts(), 2);
        let missing = [(Some(&a), 1), (None, 1)];
        assert_eq!(
            of_parts(ChecksumAlgorithm::Sha256, ChecksumType::Composite, missing),
            None
        );
        assert_eq!(
            of_parts(ChecksumAlgorithm::Sha256, ChecksumType::FullObject, parts),
            None
        );
    }

    #[test]
    fn entity_tag_of_two_parts() {
        // MD5 of "a" and of "b"; the value is what AWS gives for these two parts.
        let tag = |hex: &str| ETag::parse(hex).unwrap();
        let parts = [
            tag("0cc175b9c0f1b6a831c399e269772661"),
            tag("92eb5ffee6ae2fec3ad71c777531578f"),
        ];
        let whole = etag_of_parts(parts);
        assert_eq!(whole.parts(), 2);
        let joined = parts.map(|part| *part.md5()).concat();
        assert_eq!(whole.md5()[..], Md5::digest(joined)[..]);
    }
}
