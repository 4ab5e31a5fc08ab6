//! Where a body is hashed: in passing, or by the digest workers.
//!
//! A large body goes to the workers, which hash it beside others while the store writes it away; its
//! checksum is computed here all the same, as that costs less than handing it over. A small one is
//! hashed here: its task would wait for the workers longer than that takes.
//!
//! A body of which the workers lost track has no digests. It is refused, never stored unjudged.

use blockhouse_digest::{Hasher, Lost, Workers};
use blockhouse_s3::checksum::{BodyDigests, BodySum, Digests, Wants};
use blockhouse_types::ETag;
use bytes::Bytes;
use std::sync::Arc;

/// From this length on a body is handed to the workers, in bytes. docs/decisions/0006 has the
/// measurement.
const HANDED_BYTES_MIN: u64 = 16 << 10;

/// Who hashes bodies. By default each is hashed where it passes by.
#[derive(Debug, Clone, Default)]
pub struct Hashing {
    workers: Option<Arc<Workers>>,
    /// The tag of a body that needs no MD5 for it.
    opaque: Option<ETag>,
}

impl Hashing {
    /// Large bodies are hashed by `workers`.
    pub fn by(workers: Arc<Workers>) -> Self {
        Self {
            workers: Some(workers),
            opaque: None,
        }
    }

    /// The same for a body whose entity tag says nothing of its bytes: this one.
    pub(crate) fn tagging(&self, opaque: Option<ETag>) -> Self {
        Self {
            workers: self.workers.clone(),
            opaque,
        }
    }

    /// The tag of such a body.
    pub(super) fn opaque(&self) -> Option<ETag> {
        self.opaque
    }

    /// Begins a body; one of unknown length counts as large.
    pub(super) fn begin(&self, wants: Wants, declared_len: Option<u64>) -> BodyHashing {
        // What is left then costs less than handing it over.
        let heavy = wants.any_md5() || wants.any_sha256();
        match &self.workers {
            Some(workers) if heavy && declared_len.is_none_or(|len| len >= HANDED_BYTES_MIN) => {
                BodyHashing::Handed(workers.begin(wants.any_sha256()), BodySum::new(wants))
            }
            _ => BodyHashing::Here(Box::new(BodyDigests::new(wants))),
        }
    }
}

/// The digests of one body in progress.
pub(super) enum BodyHashing {
    Here(Box<BodyDigests>),
    Handed(Hasher, BodySum),
}

impl BodyHashing {
    /// Takes the next bytes; waits when the workers are behind.
    pub(super) async fn update(&mut self, bytes: &Bytes) -> Result<(), Lost> {
        match self {
            Self::Here(digests) => {
                digests.update(bytes);
                Ok(())
            }
            Self::Handed(hasher, sum) => {
                sum.update(bytes);
                hasher.push(bytes.clone()).await
            }
        }
    }

    /// The values.
    pub(super) async fn finish(self) -> Result<Digests, Lost> {
        match self {
            Self::Here(digests) => Ok(digests.finish()),
            Self::Handed(hasher, sum) => {
                let hashes = hasher.finish().await?;
                Ok(sum.finish(Some(hashes.md5), hashes.sha256))
            }
        }
    }
}
