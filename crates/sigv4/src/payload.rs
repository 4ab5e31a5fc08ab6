//! `x-amz-content-sha256`: how a body is bound to its signature.

use crate::claim::Algorithm;

/// How a body is bound to the signature of its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadHash {
    /// By its SHA-256.
    Sha256([u8; 32]),
    /// `UNSIGNED-PAYLOAD`: not at all.
    Unsigned,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: by a checksum in a trailer.
    UnsignedTrailer,
    /// `STREAMING-AWS4-…-PAYLOAD[-TRAILER]`: by a signature on each chunk.
    SignedChunks {
        /// Whether a signed trailer follows.
        trailer: bool,
    },
}

/// The value is none that S3 knows, or names another algorithm than the signature's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-... or a valid sha256 value")]
pub struct BadPayloadHash;

impl PayloadHash {
    /// Reads the value that stands beside a signature by `algorithm`.
    pub fn parse(text: &str, algorithm: Algorithm) -> Result<Self, BadPayloadHash> {
        match (text, algorithm) {
            ("UNSIGNED-PAYLOAD", _) => Ok(Self::Unsigned),
            ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", _) => Ok(Self::UnsignedTrailer),
            ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Algorithm::Hmac)
            | ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", Algorithm::Ecdsa) => {
                Ok(Self::SignedChunks { trailer: false })
            }
            ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", Algorithm::Hmac)
            | ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", Algorithm::Ecdsa) => {
                Ok(Self::SignedChunks { trailer: true })
            }
            (text, _) => blockhouse_types::unhex(text.as_bytes())
                .map(Self::Sha256)
                .ok_or(BadPayloadHash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        use Algorithm::{Ecdsa, Hmac};
        let parse = PayloadHash::parse;
        assert_eq!(
            parse(&"0f".repeat(32), Hmac),
            Ok(PayloadHash::Sha256([15; 32]))
        );
        assert_eq!(parse("UNSIGNED-PAYLOAD", Ecdsa), Ok(PayloadHash::Unsigned));
        let chunks = |trailer| Ok(PayloadHash::SignedChunks { trailer });
        assert_eq!(
            parse("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Hmac),
            chunks(false)
        );
        assert_eq!(
            parse("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", Ecdsa),
            chunks(true)
        );
        assert_eq!(
            parse("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Ecdsa),
            Err(BadPayloadHash)
        );
        for odd in ["", "unsigned-payload", "0f", "STREAMING-UNSIGNED-PAYLOAD"] {
            assert_eq!(parse(odd, Hmac), Err(BadPayloadHash), "{odd}");
        }
    }
}
