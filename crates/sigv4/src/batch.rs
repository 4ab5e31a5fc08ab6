//! Signatures of many requests at once, their hashes side by side.
//!
//! ```text
//!   canonical requests ─► digests ─► strings to sign ─► inner hashes ─► outer hashes: the signatures
//! ```
//! Each arrow is one call of a kernel for all of them. What comes out is what
//! [`Canonical::digest`] and [`StringToSign::sign`] give, and how long it takes depends on the
//! lengths alone.

use crate::canonical::Canonical;
use crate::key::SigningKey;
use crate::sign::StringToSign;
use crate::sink::{LENGTH_BYTES, Sink, copy_short, to_bytes};
use blockhouse_digest::{BLOCK_BYTES, Block, Kernel, SHA256_START, sha256_of_streams};
use std::{fmt, ops::Range};
use zeroize::Zeroize as _;

/// Fewer requests cost no less together: what two at a time save of the hashes of six goes into
/// keeping all of them at hand meanwhile.
const TOGETHER_MIN: usize = 8;

/// Texts that are to be hashed side by side, and the memory for them: good for one batch after the
/// other.
pub struct Batch {
    kernel: Kernel,
    texts: Vec<u8>,
    /// Bytes of `texts` that are written: whole blocks between two texts.
    len_bytes: usize,
    /// The blocks of each text.
    streams: Vec<Range<usize>>,
    states: Vec<[u32; 8]>,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({})", self.kernel)
    }
}

impl Default for Batch {
    /// By the best kernel that this processor has.
    fn default() -> Self {
        Self::new(Kernel::detect())
    }
}

impl Batch {
    /// By this kernel.
    pub fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            texts: Vec::new(),
            len_bytes: 0,
            streams: Vec::new(),
            states: Vec::new(),
        }
    }

    /// Whether so many cost less together than one after the other.
    pub fn gains(&self, count: usize) -> bool {
        count >= TOGETHER_MIN && self.kernel.gains_sha256(count)
    }

    /// The digests of canonical requests.
    pub fn digests<'a>(
        &mut self,
        requests: impl IntoIterator<Item = Canonical<'a>>,
    ) -> Vec<[u8; 32]> {
        self.clear();
        for request in requests {
            self.add(SHA256_START, 0, |text| request.put(text));
        }
        self.hash()
    }

    /// The HMAC of each string under its key.
    pub fn sign(&mut self, strings: &[(&SigningKey, StringToSign<'_>)]) -> Vec<[u8; 32]> {
        let key_bytes = BLOCK_BYTES as u64;
        self.clear();
        for (key, string) in strings {
            self.add(key.inner, key_bytes, |text| string.put(text));
        }
        let inner = self.hash();
        self.clear();
        for ((key, _), inner) in strings.iter().zip(&inner) {
            self.add(key.outer, key_bytes, |text| text.put(inner));
        }
        let signatures = self.hash();
        // What began with a key tells as much as the key.
        self.states.zeroize();
        signatures
    }

    fn clear(&mut self) {
        self.states.clear();
        self.streams.clear();
        self.len_bytes = 0;
    }

    /// Adds a text that goes on from `state`, which `hashed_bytes` led to, and ends it as SHA-256 does.
    fn add(&mut self, state: [u32; 8], hashed_bytes: u64, write: impl FnOnce(&mut Self)) {
        let begin_bytes = self.len_bytes;
        write(self);
        let bits = (hashed_bytes + (self.len_bytes - begin_bytes) as u64) * 8;
        self.put(&[0x80]);
        let end_bytes = (self.len_bytes + LENGTH_BYTES).next_multiple_of(BLOCK_BYTES);
        self.put(&[0; BLOCK_BYTES][..end_bytes - LENGTH_BYTES - self.len_bytes]);
        self.put(&bits.to_be_bytes());
        let blocks = begin_bytes / BLOCK_BYTES..end_bytes / BLOCK_BYTES;
        self.streams.push(blocks);
        self.states.push(state);
    }

    /// The digests of all texts.
    fn hash(&mut self) -> Vec<[u8; 32]> {
        let blocks: &[Block] = self.texts.as_chunks().0;
        let streams: Vec<_> = self.streams.iter().map(|s| &blocks[s.clone()]).collect();
        sha256_of_streams(self.kernel, &mut self.states, &streams);
        self.states.iter().map(to_bytes).collect()
    }

    /// Makes room for what does not fit any more.
    #[cold]
    fn grow(&mut self, more_bytes: usize) {
        let needed = (self.len_bytes + more_bytes).next_multiple_of(BLOCK_BYTES);
        self.texts.resize(2 * needed, 0);
    }
}

impl Sink for Batch {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end_bytes = self.len_bytes + bytes.len();
        if end_bytes > self.texts.len() {
            self.grow(bytes.len());
        }
        copy_short(&mut self.texts[self.len_bytes..end_bytes], bytes);
        self.len_bytes = end_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{HostReading, PathForm, Request};
    use crate::claim::Algorithm;
    use crate::query::Query;
    use proptest::prelude::*;

    proptest! {
        /// By every kernel what each comes to alone; twice, as the memory is used again.
        #[test]
        fn side_by_side_is_as_alone(
            asked in prop::collection::vec(("[ -~]{0,300}", "[ -~]{0,40}", any::<[u8; 32]>()), 0..40),
        ) {
            let requests: Vec<_> = asked
                .iter()
                .map(|(path, _, _)| Request { method: "GET", path, query: "a=1", headers: &[], tls: false })
                .collect();
            let query = Query::parse("a=1").unwrap();
            let canonical = |request| Canonical {
                request,
                query: &query,
                signed_headers: "host",
                payload_hash: "UNSIGNED-PAYLOAD",
                path_form: PathForm::AsSent,
                host: HostReading::AsReceived,
            };
            let alone: Vec<_> = requests.iter().map(|r| canonical(r).digest()).collect();
            let keys: Vec<_> = asked.iter().map(|(_, _, key)| SigningKey::from_bytes(key)).collect();
            let strings: Vec<_> = asked
                .iter()
                .zip(&alone)
                .zip(&keys)
                .map(|(((_, scope, _), digest), key)| {
                    let (date, digest) = ("20261121T000000Z", *digest);
                    (key, StringToSign { algorithm: Algorithm::Hmac, date, scope, digest })
                })
                .collect();
            let signed: Vec<_> = strings.iter().map(|(key, string)| string.sign(key)).collect();
            for kernel in Kernel::all() {
                let mut batch = Batch::new(kernel);
                for _ in 0..2 {
                    prop_assert_eq!(batch.digests(requests.iter().map(canonical)), alone.clone());
                    prop_assert_eq!(batch.sign(&strings), signed.clone());
                }
            }
        }
    }
}
