//! Unpredictable bytes from the kernel, and what is made of them: keys and seeds.

use anyhow::{Result, anyhow};
use blockhouse_settings::Secret;
use blockhouse_types::OutpostId;
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;
use zeroize::Zeroizing;

/// Letters of a new secret key; 40 of them hold 238 bits.
const SECRET_LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Letters of a new access key id, as in AWS's own.
const ID_LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Length of a secret key.
const SECRET_LEN: usize = 40;

/// Random letters after the `AKIA` of an access key id.
const ID_LEN: usize = 16;

/// A generator for ids, seeded by the kernel; it is not for keys.
pub(crate) fn generator() -> Result<ChaCha12Rng> {
    let mut seed = [0; 32];
    fill(&mut seed)?;
    Ok(ChaCha12Rng::from_seed(seed))
}

/// A new access key id.
pub(crate) fn access_key_id() -> Result<String> {
    Ok(format!("AKIA{}", letters(ID_LEN, ID_LETTERS)?))
}

/// A new secret access key.
pub(crate) fn secret_access_key() -> Result<Secret> {
    Ok(Secret::new(letters(SECRET_LEN, SECRET_LETTERS)?))
}

/// A new key that seals session tokens.
pub(crate) fn token_key() -> Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    fill(&mut *key)?;
    Ok(key)
}

/// A new token of a one-time link: 128 random bits.
pub(crate) fn once_token() -> Result<String> {
    let mut token = [0; 16];
    fill(&mut token)?;
    Ok(blockhouse_types::hex(&token))
}

/// An id for a node that is an Outpost. No secret, but nobody else's.
pub(crate) fn outpost_id() -> Result<OutpostId> {
    let mut bits = [0; 16];
    fill(&mut bits)?;
    Ok(OutpostId::from_bits(u128::from_le_bytes(bits)))
}

/// Letters of the alphabet, all equally likely: bytes that would favour the first ones are thrown
/// away.
fn letters(len: usize, alphabet: &[u8]) -> Result<String> {
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(len);
    while text.len() < len {
        let mut byte = [0];
        fill(&mut byte)?;
        let byte = usize::from(byte[0]);
        if byte < fair {
            text.push(char::from(alphabet[byte % alphabet.len()]));
        }
    }
    Ok(text)
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| anyhow!("the kernel gives no random bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_usual_form_and_differ() {
        let id = access_key_id().unwrap();
        assert!(id.len() == 20 && id.starts_with("AKIA"));
        let (a, b) = (secret_access_key().unwrap(), secret_access_key().unwrap());
        assert_eq!(a.expose().len(), 40);
        assert_ne!(a, b);
    }
}
