//! Where canonical text goes: into a `Vec` when someone will read it, straight into SHA-256 when
//! only its digest is wanted.

use sha2::{Digest as _, Sha256};

/// Takes canonical text piece by piece.
pub(crate) trait Sink {
    /// Appends `bytes`.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Eight SHA-256 blocks: canonical text comes in pieces of a few bytes, and a copy into this is
/// cheaper than a call to the hash for each.
const GATHERED_BYTES: usize = 512;

/// A SHA-256 that gathers small pieces before it hashes.
pub(crate) struct HashSink {
    sha: Sha256,
    gathered: [u8; GATHERED_BYTES],
    len_bytes: usize,
}

impl HashSink {
    pub(crate) fn new() -> Self {
        Self {
            sha: Sha256::new(),
            gathered: [0; GATHERED_BYTES],
            len_bytes: 0,
        }
    }

    pub(crate) fn finish(mut self) -> [u8; 32] {
        self.flush();
        self.sha.finalize().into()
    }

    fn flush(&mut self) {
        self.sha.update(&self.gathered[..self.len_bytes]);
        self.len_bytes = 0;
    }
}

impl Sink for HashSink {
    fn put(&mut self, bytes: &[u8]) {
        if bytes.len() > GATHERED_BYTES - self.len_bytes {
            self.flush();
        }
        if bytes.len() > GATHERED_BYTES {
            self.sha.update(bytes);
            return;
        }
        self.gathered[self.len_bytes..][..bytes.len()].copy_from_slice(bytes);
        self.len_bytes += bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn gathering_changes_no_digest(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..12)) {
            let mut sink = HashSink::new();
            pieces.iter().for_each(|piece| sink.put(piece));
            prop_assert_eq!(sink.finish(), <[u8; 32]>::from(Sha256::digest(pieces.concat())));
        }
    }
}
