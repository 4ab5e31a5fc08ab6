//! Secrets and what is derived from them. A [`SecretKey`] is zeroed when dropped and never printed;
//! a [`SigningKey`] is good for one day, region and service, and costs four HMACs, so that a
//! [`SigningKeyCache`] keeps the last few of each key.

use crate::ecdsa::{DerivationFailed, PublicKey, derive_public_key};
use crate::sink::{HashSink, copy_short, to_bytes};
use blockhouse_digest::{BLOCK_BYTES, SHA256_START};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Sha256, block_api::compress256};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// How many signing keys a cache keeps: the nine days that a link may be dated, for two services,
/// and a few to spare. The oldest gives way.
pub const SIGNING_KEYS_MAX: usize = 24;

/// A secret access key.
pub struct SecretKey(Zeroizing<String>);

impl SecretKey {
    /// Takes the secret over; the caller's own copies are the caller's to clear.
    pub fn new(secret: String) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// The same, of a secret that is guarded already.
    pub fn from_zeroizing(secret: Zeroizing<String>) -> Self {
        Self(secret)
    }

    /// The HMAC key for one day (eight digits), region and service.
    pub fn signing_key(&self, day: &str, region: &str, service: &str) -> SigningKey {
        SigningKey::from_bytes(&self.signing_key_bytes(day, region, service))
    }

    /// Its bytes, for who hands it to a node that shall not have the secret.
    pub fn signing_key_bytes(&self, day: &str, region: &str, service: &str) -> Zeroizing<[u8; 32]> {
        let seed = Zeroizing::new(format!("AWS4{}", *self.0));
        let day = mac(seed.as_bytes(), day);
        let region = mac(&*day, region);
        let service = mac(&*region, service);
        mac(&*service, "aws4_request")
    }

    /// The public key that judges this secret's SigV4A signatures. It depends on the id and the
    /// secret alone; deriving it costs about as much as one verification.
    pub fn public_key(&self, access_key_id: &str) -> Result<PublicKey, DerivationFailed> {
        derive_public_key(&self.0, access_key_id)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

fn mac(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = keyed(key);
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// HMAC takes a key of any length: the error of the constructor cannot happen.
pub(crate) fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"))
}

/// The HMAC key of one day, region and service, the first block of each of its two hashes done.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SigningKey {
    pub(crate) inner: [u32; 8],
    pub(crate) outer: [u32; 8],
}

/// What the key is mixed with before the text, and before the text's hash. Source: RFC 2104.
const INNER: u8 = 0x36;
const OUTER: u8 = 0x5c;

impl SigningKey {
    /// A key that was derived elsewhere: the last HMAC of the derivation.
    pub fn from_bytes(key: &[u8; 32]) -> Self {
        let begun = |mixed_with: u8| {
            let mut block = Zeroizing::new([[mixed_with; BLOCK_BYTES]]);
            for (mixed, byte) in block[0].iter_mut().zip(key) {
                *mixed ^= byte;
            }
            let mut state = SHA256_START;
            compress256(&mut state, &*block);
            state
        };
        Self {
            inner: begun(INNER),
            outer: begun(OUTER),
        }
    }

    /// Signs what `write` writes.
    pub(crate) fn sign(&self, write: impl FnOnce(&mut HashSink)) -> [u8; 32] {
        let mut inner = HashSink::resumed(self.inner, BLOCK_BYTES as u64);
        write(&mut inner);
        // The outer text is one block always: a digest, the bit behind it, and the length in bits of
        // that and the key's block.
        let mut block = [[0; BLOCK_BYTES]];
        block[0][..32].copy_from_slice(&inner.finish());
        block[0][32] = 0x80;
        block[0][BLOCK_BYTES - 8..].copy_from_slice(&((BLOCK_BYTES as u64 + 32) * 8).to_be_bytes());
        let mut state = Zeroizing::new(self.outer);
        compress256(&mut state, &block);
        to_bytes(&state)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// The signing keys that one secret lately needed; at most [`SIGNING_KEYS_MAX`].
#[derive(Debug, Default)]
pub struct SigningKeyCache {
    kept: Vec<Kept>,
    next: usize,
}

/// In lines of the processor's cache of its own, so that finding a key takes the same time in every
/// cache: how long a refusal takes must not tell whose it was.
#[derive(Debug)]
#[repr(align(64))]
struct Kept {
    place: Place,
    key: SigningKey,
}

/// Bytes of the longest place that is kept.
const PLACE_BYTES: usize = 64;

/// Day, region and service, each behind its length.
type Place = [u8; PLACE_BYTES];

/// `None` for a place too long to be kept: its key is derived each time.
fn place(day: &str, region: &str, service: &str) -> Option<Place> {
    let mut place = [0; PLACE_BYTES];
    let mut at = 0;
    for part in [day, region, service] {
        let room = place.get_mut(at..=at + part.len())?;
        room[0] = u8::try_from(part.len()).ok()?;
        copy_short(&mut room[1..], part.as_bytes());
        at += 1 + part.len();
    }
    Some(place)
}

impl SigningKeyCache {
    /// The signing key, derived from `secret` when it is not kept yet.
    pub fn get(
        &mut self,
        secret: &SecretKey,
        day: &str,
        region: &str,
        service: &str,
    ) -> SigningKey {
        let derive = || secret.signing_key(day, region, service);
        let Some(place) = place(day, region, service) else {
            return derive();
        };
        if let Some(kept) = self.kept.iter().find(|kept| kept.place == place) {
            return kept.key.clone();
        }
        let key = derive();
        let kept = Kept {
            place,
            key: key.clone(),
        };
        if self.kept.len() < SIGNING_KEYS_MAX {
            self.kept.push(kept);
        } else {
            self.kept[self.next] = kept;
            self.next = (self.next + 1) % SIGNING_KEYS_MAX;
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Sink as _;
    use blockhouse_types::hex;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn signing_is_hmac(key: [u8; 32], text in prop::collection::vec(any::<u8>(), 0..900)) {
            let mut whole = keyed(&key);
            whole.update(&text);
            let ours = SigningKey::from_bytes(&key).sign(|sink| sink.put(&text));
            prop_assert_eq!(ours, <[u8; 32]>::from(whole.finalize().into_bytes()));
        }
    }

    fn signature(key: &SigningKey) -> String {
        hex(&key.sign(|sink| sink.put(b"")))
    }

    #[test]
    fn the_documented_derivation() {
        // AWS General Reference, "Examples of how to derive a signing key": the key itself is
        // c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9.
        let secret = SecretKey::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned());
        let day = mac(b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830");
        let last = mac(&*mac(&*mac(&*day, "us-east-1"), "iam"), "aws4_request");
        assert_eq!(
            hex(&*last),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
        let key = secret.signing_key("20150830", "us-east-1", "iam");
        assert_eq!(signature(&key), hex(&*mac(&*last, "")));
    }

    #[test]
    fn the_cache_is_bounded_and_right() {
        let secret = SecretKey::new("secret".to_owned());
        let mut cache = SigningKeyCache::default();
        for round in 0..3 {
            for day in 0..SIGNING_KEYS_MAX + 5 {
                let day = format!("{:08}", day * (round + 1));
                let fresh = signature(&secret.signing_key(&day, "r", "s3"));
                assert_eq!(signature(&cache.get(&secret, &day, "r", "s3")), fresh);
                assert_eq!(signature(&cache.get(&secret, &day, "r", "s3")), fresh);
            }
        }
        assert_eq!(cache.kept.len(), SIGNING_KEYS_MAX);
        assert_ne!(
            signature(&cache.get(&secret, "1", "r", "s3")),
            signature(&secret.signing_key("1", "r", "s3-outposts"))
        );
    }

    #[test]
    fn places_are_told_apart() {
        assert_ne!(place("1", "ab", "c"), place("1", "a", "bc"));
        assert!(place("20261121", &"r".repeat(42), "s3-outposts").is_some());
        assert!(place("20261121", &"r".repeat(43), "s3-outposts").is_none());
        let (secret, region) = (SecretKey::new("secret".to_owned()), "r".repeat(300));
        let fresh = signature(&secret.signing_key("1", &region, "s3"));
        let mut cache = SigningKeyCache::default();
        assert_eq!(signature(&cache.get(&secret, "1", &region, "s3")), fresh);
    }

    #[test]
    fn secrets_are_not_printed() {
        let secret = SecretKey::new("hush".to_owned());
        let key = secret.signing_key("20150830", "r", "s3");
        assert_eq!(format!("{secret:?} {key:?}"), "SecretKey SigningKey");
    }
}
