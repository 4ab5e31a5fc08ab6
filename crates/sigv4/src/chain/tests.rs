//! The chain of the S3 API Reference's example ("Signature calculations for the Authorization
//! header: transferring payload in multiple chunks"), and ECDSA chains of our own making.

use super::*;
use crate::ecdsa::derive_pair;
use crate::key::SecretKey;
use blockhouse_types::{hex, unhex};
use p256::ecdsa::DerSignature;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use sha2::{Digest as _, Sha256};

const SEED: &str = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
const LINKS: [(usize, &str); 3] = [
    (
        65_536,
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    ),
    (
        1_024,
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    ),
    (
        0,
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ),
];

fn documented() -> Chain {
    let secret = SecretKey::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned());
    let key = secret.signing_key("20130524", "us-east-1", "s3");
    Chain::new(
        ChainKey::Hmac(key),
        "20130524T000000Z",
        "20130524/us-east-1/s3/aws4_request",
        SEED,
    )
}

fn letters(len: usize) -> [u8; 32] {
    Sha256::digest(vec![b'a'; len]).into()
}

#[test]
fn the_documented_chain() {
    let mut chain = documented();
    for (len, signature) in LINKS {
        assert!(chain.verify_chunk(&letters(len), signature));
    }
}

#[test]
fn a_link_cannot_be_moved_left_out_or_changed() {
    for ((len, signature), (next_len, next)) in [(LINKS[1], LINKS[2]), (LINKS[2], LINKS[1])] {
        let mut chain = documented();
        assert!(!chain.verify_chunk(&letters(len), signature));
        assert!(!chain.verify_chunk(&letters(next_len), next));
    }
    let mut chain = documented();
    assert!(!chain.verify_chunk(&letters(65_535), LINKS[0].1));
    assert!(!chain.verify_trailer(&letters(65_536), LINKS[0].1));
    assert!(chain.verify_chunk(&letters(65_536), LINKS[0].1));
    assert!(!chain.verify_chunk(&letters(65_536), LINKS[0].1));
}

#[test]
fn ecdsa_links_arrive_padded() {
    let pair = derive_pair("secret", "AKID");
    let key = SecretKey::new("secret".to_owned())
        .public_key("AKID")
        .unwrap();
    let (date, scope) = ("20261121T000000Z", "20261121/s3/aws4_request");
    let sign = |text: String| -> String {
        let signature: DerSignature = pair.sign_prehash(&Sha256::digest(text)).unwrap();
        hex(signature.as_bytes())
    };
    let head = format!("AWS4-ECDSA-P256-SHA256-PAYLOAD\n{date}\n{scope}\nseed\n");
    let empty = std::str::from_utf8(EMPTY_SHA256).unwrap();
    let first = sign(format!("{head}{empty}\n{}", hex(&letters(9))));
    let trailer: [u8; 32] = unhex("0a".repeat(32).as_bytes()).unwrap();
    let tail = format!(
        "AWS4-ECDSA-P256-SHA256-TRAILER\n{date}\n{scope}\n{first}\n{}",
        hex(&trailer)
    );

    let mut chain = Chain::new(ChainKey::Ecdsa(key), date, scope, "seed");
    assert!(!chain.verify_chunk(&letters(8), &format!("{first:*<144}")));
    assert!(chain.verify_chunk(&letters(9), &format!("{first:*<144}")));
    assert!(chain.verify_trailer(&trailer, &sign(tail)));
}
