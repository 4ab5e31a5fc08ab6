//! What the targets share.
//!
//! A checksum keeps a fuzzer out of everything behind it. Each disk target therefore gives the
//! decoder two inputs: the bytes as they are, and the bytes with their checksum made right.
#![forbid(unsafe_code)]

use blockhouse_format::crc32c;
use blockhouse_types::AccountId;
use blockhouse_verifier::{KeyStore, Keyring, TokenKeys};
use blockhouse_verifier_wire::{
    Principal,
    provision::{Material, NewKey},
};
use zeroize::Zeroizing;

/// The bytes with the CRC of what stands behind offset 12 put at offset 8: right for blocks,
/// sections and roots.
pub fn with_crc_at_8(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = bytes.to_vec();
    if let Some((head, rest)) = sealed.split_at_mut_checked(12) {
        head[8..].copy_from_slice(&crc32c(rest).to_le_bytes());
    }
    sealed
}

/// The bytes made as long as the next multiple of the block size.
pub fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(
        bytes.len().next_multiple_of(blockhouse_format::BLOCK_BYTES),
        0,
    );
    padded
}

/// Splits off a line, for targets whose input is several texts.
pub fn line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// What a verifier may know: the key `AK` with the secret `hush`, and a token key.
pub fn keyring() -> Keyring {
    let account = AccountId::from_number(42).expect("a number of twelve digits");
    let key = NewKey {
        id: "AK".to_owned(),
        principal: Principal::Root { account },
        enabled: true,
        material: Material::Secret(Zeroizing::new("hush".to_owned())),
    };
    let mut tokens = TokenKeys::default();
    tokens.put(1, &[7; 32]);
    let keys = KeyStore::new([key]).expect("a secret is no point of a curve");
    Keyring { keys, tokens }
}
