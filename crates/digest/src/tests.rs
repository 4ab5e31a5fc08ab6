//! Every kernel against implementations that know nothing of lanes.

use crate::{
    Block, Bounds, Figures, Hashes, Kernel, SHA256_START, Workers, hash_all, sha256_of_streams,
};
use bytes::Bytes;
use md5::{Digest as _, Md5};
use proptest::prelude::*;
use sha2::Sha256;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that differ from body to body and from place to place.
fn bytes(len: usize, seed: u64) -> Bytes {
    let mut word = seed.wrapping_mul(2).wrapping_add(1);
    let next = |_| {
        word = word
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (word >> 56) as u8
    };
    (0..len).map(next).collect()
}

/// Cuts a body at the places that `cuts` names, as shares of what is left of it.
fn cut(mut body: Bytes, cuts: &[u8]) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    for share in cuts {
        pieces.push(body.split_to(body.len() * usize::from(*share) / 256));
    }
    pieces.push(body);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn expected(body: &[u8], sha256: bool) -> Hashes {
    Hashes {
        md5: Md5::digest(body).into(),
        sha256: sha256.then(|| Sha256::digest(body).into()),
    }
}

/// Source: RFC 1321, appendix A.5.
#[test]
fn vectors_of_md5() {
    let vectors = [
        ("", "d41d8cd98f00b204e9800998ecf8427e"),
        ("a", "0cc175b9c0f1b6a831c399e269772661"),
        ("abc", "900150983cd24fb0d6963f7d28e17f72"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        (
            "abcdefghijklmnopqrstuvwxyz",
            "c3fcd3d76192e4007dfb496cca67e13b",
        ),
        (
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "d174ab98d277d9f5a5611c2c9f419d9f",
        ),
        (
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            "57edf4a22be3c955ac49da2e2107b67a",
        ),
    ];
    for kernel in Kernel::all() {
        let bodies = vectors
            .map(|(text, _)| cut(Bytes::from_static(text.as_bytes()), &[]))
            .to_vec();
        for (hashes, (text, md5)) in hash_all(kernel, bodies, false).iter().zip(vectors) {
            assert_eq!(hex(&hashes.md5), md5, "{kernel}: {text}");
            assert_eq!(hashes.sha256, None);
        }
    }
}

/// Source: FIPS 180-2, appendix B, and the million times `a` as one body among others.
#[test]
fn vectors_of_sha256() {
    let million = Bytes::from(vec![b'a'; 1_000_000]);
    for kernel in Kernel::all() {
        let mut bodies = vec![vec![Bytes::from_static(b"abc")]];
        bodies.resize(20, vec![million.clone()]);
        let hashes = hash_all(kernel, bodies, true);
        let sha256 = |at: usize| hex(&hashes[at].sha256.unwrap());
        assert_eq!(
            sha256(0),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        for at in 1..20 {
            assert_eq!(
                sha256(at),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
                "{kernel}, body {at}"
            );
        }
    }
}

/// Every length around the edges of blocks, and of the padding's own block.
#[test]
fn every_length_up_to_some_blocks() {
    for kernel in Kernel::all() {
        let bodies: Vec<_> = (0..300).map(|len| bytes(len, len as u64)).collect();
        let pieces = bodies.iter().map(|body| cut(body.clone(), &[])).collect();
        for (hashes, body) in hash_all(kernel, pieces, true).iter().zip(&bodies) {
            assert_eq!(
                *hashes,
                expected(body, true),
                "{kernel}: {} bytes",
                body.len()
            );
        }
    }
}

#[tokio::test]
async fn workers_count_what_they_hash() {
    let workers = Workers::start(&[], Bounds::default()).unwrap();
    assert_eq!(workers.figures(), Figures::default());
    let body = bytes(100_000, 1);
    let mut hasher = workers.begin(true);
    for piece in cut(body.clone(), &[40, 130]) {
        hasher.push(piece).await.unwrap();
    }
    assert_eq!(workers.figures().bodies, 1);
    assert_eq!(hasher.finish().await.unwrap(), expected(&body, true));
    let figures = workers.figures();
    assert_eq!((figures.hashed_bytes, figures.queued_bytes), (100_000, 0));
    assert_eq!((figures.bodies, figures.failures), (0, 0));
    // There was one body, alone in each step.
    assert!(figures.steps > 0 && figures.lanes == figures.steps);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any number of bodies side by side, of any lengths, in any pieces.
    #[test]
    fn kernels_agree_with_others_and_each_other(
        bodies in prop::collection::vec((0usize..20_000, prop::collection::vec(any::<u8>(), 0..6)), 1..40),
        sha256 in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let whole: Vec<Bytes> =
            bodies.iter().enumerate().map(|(at, (len, _))| bytes(*len, seed ^ at as u64)).collect();
        let wanted: Vec<_> = whole.iter().map(|body| expected(body, sha256)).collect();
        for kernel in Kernel::all() {
            let pieces = whole.iter().zip(&bodies).map(|(body, (_, cuts))| cut(body.clone(), cuts)).collect();
            prop_assert_eq!(&hash_all(kernel, pieces, sha256), &wanted, "{}", kernel);
        }
    }
}

/// By every kernel what the crate's own compression makes of each stream alone, whatever it begins
/// with.
fn check_streams(lengths: &[usize], seed: u64) {
    let texts: Vec<Bytes> = (seed..)
        .zip(lengths)
        .map(|(seed, len)| bytes((len + 1) * 64, seed))
        .collect();
    let (mut begun, mut streams) = (Vec::new(), Vec::new());
    for text in &texts {
        let blocks: &[Block] = text.as_chunks().0;
        let (first, stream) = blocks.split_at(1);
        let mut state = SHA256_START;
        sha2::block_api::compress256(&mut state, first);
        begun.push(state);
        streams.push(stream);
    }
    let mut wanted = begun.clone();
    for (state, stream) in wanted.iter_mut().zip(&streams) {
        sha2::block_api::compress256(state, stream);
    }
    for kernel in Kernel::all() {
        let mut states = begun.clone();
        sha256_of_streams(kernel, &mut states, &streams);
        assert_eq!(states, wanted, "{kernel}: {lengths:?}");
    }
}

/// Every way in which two and three streams may end before each other.
#[test]
fn few_streams_of_any_lengths() {
    for n in 0..5 * 5 * 5 {
        let lengths = [n % 5, n / 5 % 5, n / 25];
        check_streams(&lengths[..2], 1);
        check_streams(&lengths, 1);
    }
}

/// Every number of streams, as far as all lanes and a few more.
#[test]
fn streams_of_one_length() {
    for streams in 0..50 {
        for len in [1, 2, 7] {
            check_streams(&vec![len; streams], 1);
        }
    }
}

proptest! {
    #[test]
    fn streams_of_any_lengths(lengths in prop::collection::vec(0usize..9, 0..80), seed: u32) {
        check_streams(&lengths, seed.into());
    }
}

/// What is hashed side by side is worth it, but for the kernel that has nothing to do it with.
#[test]
fn gains_begin_at_two_streams() {
    let all = Kernel::all();
    assert!(all.iter().all(|kernel| !kernel.gains_sha256(1)));
    assert!(!all[all.len() - 1].gains_sha256(64));
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("sha") {
        assert!(all[0].gains_sha256(2));
    }
}
