//! SigV4A: one P-256 key pair per access key, derived from its id and secret alone, whatever the
//! day, region or service. The verifier needs the public half only.
//!
//! Derivation is NIST SP 800-108 in counter mode over HMAC-SHA256, repeated with the next counter
//! while the result is not below the curve's order less one.

use crate::key::keyed;
use aws_lc_rs::{
    agreement::{ECDH_P256, PrivateKey},
    digest::{Digest, SHA256},
    signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey},
};
use hmac::Mac as _;
use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

/// The order of P-256 less two, big-endian: the largest value that derivation takes.
const ORDER_LESS_TWO: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
];

/// The counters that derivation tries. One in 2^32 fails, so that the second is never seen.
const COUNTERS: std::ops::RangeInclusive<u8> = 1..=254;

/// The longest hexadecimal text of a DER signature of two 32-byte numbers.
const SIGNATURE_DIGITS_MAX: usize = 144;

/// What an uncompressed point begins with. Source: SEC 1, 2.3.3.
const UNCOMPRESSED: u8 = 4;

/// The public half of an access key's SigV4A pair.
#[derive(Clone)]
pub struct PublicKey(Arc<ParsedPublicKey>);

/// No counter gave a key. With a real secret this does not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no key pair can be derived from this secret")]
pub struct DerivationFailed;

impl PublicKey {
    /// The key of these coordinates, big-endian, one behind the other; `None` for no point of the
    /// curve.
    pub fn from_coordinates(coordinates: &[u8; 64]) -> Option<Self> {
        let mut point = [UNCOMPRESSED; 65];
        point[1..].copy_from_slice(coordinates);
        Self::from_point(&point)
    }

    fn from_point(point: &[u8]) -> Option<Self> {
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).ok()?;
        Some(Self(Arc::new(key)))
    }

    /// Whether `signature` (hexadecimal DER) on `digest` was made with the private half.
    pub(crate) fn verify(&self, digest: &[u8; 32], signature: &str) -> bool {
        let Some(der) = decode_hex(signature) else {
            return false;
        };
        let digest = Digest::import_less_safe(digest, &SHA256);
        digest.is_ok_and(|digest| self.0.verify_digest_sig(&digest, &der).is_ok())
    }

    /// The point's coordinates, big-endian.
    pub fn coordinates(&self) -> ([u8; 32], [u8; 32]) {
        let point: &[u8] = (*self.0).as_ref();
        let half = |from: usize| {
            let mut half = [0; 32];
            half.copy_from_slice(&point[from..from + 32]);
            half
        };
        (half(1), half(33))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey")
    }
}

pub(crate) fn derive_public_key(
    secret: &str,
    access_key_id: &str,
) -> Result<PublicKey, DerivationFailed> {
    let scalar = derive_scalar(secret, access_key_id)?;
    // The library makes a public point of a private number for key agreement only; it is the same
    // point.
    let point = PrivateKey::from_private_key(&ECDH_P256, &*scalar)
        .and_then(|private| Ok(private.compute_public_key()?));
    let point = point.map_err(|_| DerivationFailed)?;
    PublicKey::from_point(point.as_ref()).ok_or(DerivationFailed)
}

/// `K = HMAC("AWS4A" + secret, 1 || algorithm || 0 || id || counter || 256)`; the private number is
/// `K + 1` for the first `K` that is not too large.
fn derive_scalar(
    secret: &str,
    access_key_id: &str,
) -> Result<Zeroizing<[u8; 32]>, DerivationFailed> {
    let seed = Zeroizing::new(format!("AWS4A{secret}"));
    for counter in COUNTERS {
        let mut mac = keyed(seed.as_bytes());
        mac.update(&1u32.to_be_bytes());
        mac.update(b"AWS4-ECDSA-P256-SHA256\0");
        mac.update(access_key_id.as_bytes());
        mac.update(&[counter]);
        mac.update(&256u32.to_be_bytes());
        let mut number = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
        // What the comparison's time could tell is true of all numbers but one in 2^32.
        if *number <= ORDER_LESS_TWO {
            add_one(&mut number);
            return Ok(number);
        }
    }
    Err(DerivationFailed)
}

/// Adds one to a big-endian number that is not the greatest.
fn add_one(number: &mut [u8; 32]) {
    for byte in number.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

/// The pair in a library of another make: what signs in tests, and whose points must be ours.
#[cfg(test)]
pub(crate) fn derive_pair(secret: &str, access_key_id: &str) -> p256::ecdsa::SigningKey {
    let scalar = derive_scalar(secret, access_key_id).unwrap();
    p256::ecdsa::SigningKey::from_slice(&*scalar).unwrap()
}

/// Digits in lower case only: one signature has one spelling, as with an HMAC.
fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let is_upper = |b: u8| b.is_ascii_uppercase();
    if text.len() > SIGNATURE_DIGITS_MAX
        || !text.len().is_multiple_of(2)
        || text.bytes().any(is_upper)
    {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| blockhouse_types::unhex(pair).map(|[b]| b))
        .collect()
}

/// Whether a region set (`*`, `us-*`, `a,b`) contains `region`.
pub fn region_set_contains(set: &str, region: &str) -> bool {
    set.split(',')
        .map(str::trim)
        .any(|pattern| matches(pattern, region))
}

/// Whether `text` matches `pattern`, in which each `*` stands for any run of characters. The text
/// between two stars is taken where it first occurs, so that the cost is linear.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return text.ends_with(piece);
        }
        let Some((_, after)) = text.split_once(piece) else {
            return false;
        };
        text = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_types::hex;
    use p256::ecdsa::DerSignature;
    use p256::ecdsa::signature::hazmat::PrehashSigner as _;
    use proptest::prelude::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    #[test]
    fn the_published_pairs() {
        // awslabs/aws-c-auth, tests/aws-signing-test-suite/v4a and tests/test_chunked_signing.c.
        for (id, secret, published_x, published_y) in [
            (
                "AKIDEXAMPLE",
                SECRET,
                "b6618f6a65740a99e650b33b6b4b5bd0d43b176d721a3edfea7e7d2d56d936b1",
                "865ed22a7eadc9c5cb9d2cbaca1b3699139fedc5043dc6661864218330c8e518",
            ),
            (
                "AKIAIOSFODNN7EXAMPLE",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "18b7d04643359f6ec270dcbab8dce6d169d66ddc9778c75cfb08dfdb701637ab",
                "fa36b35e4fe67e3112261d2e17a956ef85b06e44712d2850bcd3c2161e9993f2",
            ),
        ] {
            let key = derive_public_key(secret, id).unwrap();
            let (x, y) = key.coordinates();
            assert_eq!((&*hex(&x), &*hex(&y)), (published_x, published_y));
            let both: [u8; 64] = [x, y].concat().try_into().unwrap();
            let again = PublicKey::from_coordinates(&both).unwrap();
            assert_eq!(again.coordinates(), (x, y));
            let elsewhere = derive_pair(secret, id).verifying_key().to_sec1_point(false);
            assert_eq!(elsewhere.as_bytes()[1..], both);
        }
    }

    #[test]
    fn only_the_owner_signs() {
        let pair = derive_pair(SECRET, "AKIDEXAMPLE");
        let signature: DerSignature = pair.sign_prehash(&[7; 32]).unwrap();
        let signature = hex(signature.as_bytes());
        let key = derive_public_key(SECRET, "AKIDEXAMPLE").unwrap();
        assert!(key.verify(&[7; 32], &signature));
        assert!(!key.verify(&[8; 32], &signature));
        assert!(
            !derive_public_key(SECRET, "AKIDEXAMPL")
                .unwrap()
                .verify(&[7; 32], &signature)
        );
        for odd in [
            "",
            "0",
            "zz",
            &signature[2..],
            &format!("{signature}00"),
            &"30".repeat(80),
        ] {
            assert!(!key.verify(&[7; 32], odd), "{odd}");
        }
    }

    #[test]
    fn one_is_added_over_all_bytes() {
        let mut number = [0; 32];
        number[30..].fill(0xff);
        add_one(&mut number);
        assert_eq!(number[29..], [1, 0, 0]);
    }

    #[test]
    fn region_sets() {
        for (set, region, inside) in [
            ("*", "local-1", true),
            ("local-1", "local-1", true),
            ("us-east-1, local-1", "local-1", true),
            ("local-*", "local-1", true),
            ("*-1", "local-1", true),
            ("l*l-*", "local-1", true),
            ("*a*a*", "aba", true),
            ("a*a", "a", false),
            ("us-*", "local-1", false),
            ("", "local-1", false),
            ("local-1", "local-10", false),
            ("*local-1*x", "local-1", false),
        ] {
            assert_eq!(region_set_contains(set, region), inside, "{set} {region}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(signature in ".{0,200}", set in ".{0,40}", region in ".{0,20}") {
            let _ = decode_hex(&signature);
            let _ = region_set_contains(&set, &region);
        }
    }
}
