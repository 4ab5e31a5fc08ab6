//! A body of signed chunks. Each signature covers the one before it, and the first covers that of
//! the head, so that a chunk can be neither left out nor moved.
//!
//! ```text
//! ALGORITHM-PAYLOAD \n date \n scope \n previous \n hex(sha256("")) \n hex(sha256(chunk))
//! ALGORITHM-TRAILER \n date \n scope \n previous \n hex(sha256(trailer lines))
//! ```
//!
//! ECDSA signatures vary in length and arrive padded with `*` to a fixed width; the padding is no
//! part of the signature that the next link covers.

use crate::claim::Algorithm;
use crate::ecdsa::PublicKey;
use crate::key::SigningKey;
use crate::sign::{hex_digits, same_hex};
use crate::sink::{HashSink, Sink};

/// SHA-256 of nothing: the chunk's own headers, of which there are none.
const EMPTY_SHA256: &[u8] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What fills an ECDSA signature up to its fixed width.
const PADDING: char = '*';

/// What judges the links of a chain.
#[derive(Debug, Clone)]
pub enum ChainKey {
    /// The signing key of the head's scope.
    Hmac(SigningKey),
    /// The signer's public key.
    Ecdsa(PublicKey),
}

/// The chain of one body, at the link accepted last.
#[derive(Debug, Clone)]
pub struct Chain {
    key: ChainKey,
    date: Box<str>,
    scope: Box<str>,
    previous: String,
}

impl Chain {
    /// Starts behind a head whose signature `seed` was accepted, with its date (basic form) and
    /// scope.
    pub fn new(key: ChainKey, date: &str, scope: &str, seed: &str) -> Self {
        Self {
            key,
            date: date.into(),
            scope: scope.into(),
            previous: seed.to_owned(),
        }
    }

    /// Judges the next chunk by the SHA-256 of its bytes. A refused chunk leaves the chain where it
    /// was; there is nothing to go on with.
    #[must_use]
    pub fn verify_chunk(&mut self, digest: &[u8; 32], signature: &str) -> bool {
        self.verify("-PAYLOAD\n", Some(EMPTY_SHA256), digest, signature)
    }

    /// Judges the trailer by the SHA-256 of its lines `name:value\n`.
    #[must_use]
    pub fn verify_trailer(&mut self, digest: &[u8; 32], signature: &str) -> bool {
        self.verify("-TRAILER\n", None, digest, signature)
    }

    fn verify(
        &mut self,
        kind: &str,
        headers: Option<&[u8]>,
        digest: &[u8; 32],
        signature: &str,
    ) -> bool {
        let algorithm = match &self.key {
            ChainKey::Hmac(_) => Algorithm::Hmac,
            ChainKey::Ecdsa(_) => Algorithm::Ecdsa,
        };
        let link = Link {
            chain: self,
            algorithm,
            kind,
            headers,
            digest,
        };
        let signature = match &self.key {
            ChainKey::Hmac(key) => {
                let mac = key.sign(|sink| link.put(sink));
                Some(signature).filter(|signature| same_hex(&mac, signature))
            }
            ChainKey::Ecdsa(key) => {
                let signature = signature.trim_end_matches(PADDING);
                let mut sink = HashSink::new();
                link.put(&mut sink);
                Some(signature).filter(|signature| key.verify(&sink.finish(), signature))
            }
        };
        let Some(signature) = signature else {
            return false;
        };
        signature.clone_into(&mut self.previous);
        true
    }
}

/// What one link's signature is made over.
struct Link<'a> {
    chain: &'a Chain,
    algorithm: Algorithm,
    kind: &'a str,
    headers: Option<&'a [u8]>,
    digest: &'a [u8; 32],
}

impl Link<'_> {
    fn put(&self, sink: &mut impl Sink) {
        sink.put(self.algorithm.as_str().as_bytes());
        sink.put(self.kind.as_bytes());
        for line in [&self.chain.date, &self.chain.scope, &*self.chain.previous] {
            sink.put(line.as_bytes());
            sink.put(b"\n");
        }
        if let Some(headers) = self.headers {
            sink.put(headers);
            sink.put(b"\n");
        }
        sink.put(&hex_digits(self.digest));
    }
}

#[cfg(test)]
mod tests;
