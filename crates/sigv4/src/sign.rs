//! The string to sign, and the judgement of a signature on it.
//!
//! ```text
//! ALGORITHM \n date \n scope \n hex(sha256(canonical request))
//! ```

use crate::claim::Algorithm;
use crate::ecdsa::PublicKey;
use crate::key::SigningKey;
use crate::sink::{HashSink, Sink};
use subtle::ConstantTimeEq as _;
use wide::u8x16;

/// What the signature of a head is made over.
#[derive(Debug, Clone, Copy)]
pub struct StringToSign<'a> {
    /// The algorithm; its name is the first line.
    pub algorithm: Algorithm,
    /// The date in basic form.
    pub date: &'a str,
    /// The scope: the credential without its access key id.
    pub scope: &'a str,
    /// SHA-256 of the canonical request.
    pub digest: [u8; 32],
}

impl StringToSign<'_> {
    /// Whether `signature` (lower-case hexadecimal) is the HMAC under `key`; in constant time.
    pub fn is_signed_by(&self, key: &SigningKey, signature: &str) -> bool {
        same_hex(&self.sign(key), signature)
    }

    /// Whether `signature` (hexadecimal DER) is an ECDSA signature of `key`'s owner.
    pub fn is_signed_by_owner(&self, key: &PublicKey, signature: &str) -> bool {
        let mut sink = HashSink::new();
        self.put(&mut sink);
        key.verify(&sink.finish(), signature)
    }

    /// The HMAC under `key`.
    pub fn sign(&self, key: &SigningKey) -> [u8; 32] {
        key.sign(|sink| self.put(sink))
    }

    /// The string, for people to compare.
    pub fn text(&self) -> String {
        let mut bytes = Vec::new();
        self.put(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn put(&self, sink: &mut impl Sink) {
        let digest = hex_digits(&self.digest);
        let lines = [
            self.algorithm.as_str().as_bytes(),
            self.date.as_bytes(),
            self.scope.as_bytes(),
        ];
        for line in lines {
            sink.put(line);
            sink.put(b"\n");
        }
        sink.put(&digest);
    }
}

/// Whether `text` is `mac` in lower-case hexadecimal; in constant time.
pub fn same_hex(mac: &[u8; 32], text: &str) -> bool {
    let Ok(given) = <&[u8; 64]>::try_from(text.as_bytes()) else {
        return false;
    };
    words(&hex_digits(mac)).ct_eq(&words(given)).into()
}

/// Eight bytes at a time: `subtle` takes as long for a word as for a byte.
fn words(text: &[u8; 64]) -> [u64; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(text.as_chunks().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words
}

/// 32 bytes as 64 lower-case digits, without an allocation, and without a look into a table at a place
/// that a secret chose.
pub(crate) fn hex_digits(bytes: &[u8; 32]) -> [u8; 64] {
    /// From the digit 9 to the digit a, less one.
    const GAP: u8 = b'a' - b'9' - 1;
    let digits = |nibbles: u8x16| {
        let is_letter = nibbles.simd_gt(u8x16::splat(9));
        (nibbles + u8x16::splat(b'0') + (is_letter & u8x16::splat(GAP))).to_array()
    };
    let mut text = [0; 64];
    let halves = text.as_chunks_mut::<32>().0.iter_mut();
    for (text, bytes) in halves.zip(bytes.as_chunks().0) {
        let bytes = u8x16::new(*bytes);
        let (high, low) = (bytes >> 4, bytes & u8x16::splat(15));
        text[..16].copy_from_slice(&digits(u8x16::unpack_low(high, low)));
        text[16..].copy_from_slice(&digits(u8x16::unpack_high(high, low)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_types::hex;

    #[test]
    fn digits() {
        let bytes: [u8; 32] = std::array::from_fn(|i| (i * 9) as u8);
        assert_eq!(hex_digits(&bytes).as_slice(), hex(&bytes).as_bytes());
        assert!(same_hex(&bytes, &hex(&bytes)));
        assert!(!same_hex(&bytes, &hex(&bytes).to_uppercase()));
        assert!(!same_hex(&bytes, &hex(&bytes)[..62]));
        assert!(!same_hex(&bytes, ""));
    }
}
