//! Where canonical text goes: into a `Vec` when someone will read it, straight into SHA-256 when
//! only its digest is wanted.

use blockhouse_digest::{BLOCK_BYTES, SHA256_START};
use sha2::block_api::compress256;
use zeroize::Zeroize as _;

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

/// Canonical text comes in pieces of a few bytes; a copy into this is cheaper than a call to the hash
/// for each. Most requests fit into it whole, padding and all: one call.
const GATHERED_BLOCKS: usize = 8;
const GATHERED_BYTES: usize = GATHERED_BLOCKS * BLOCK_BYTES;

/// What behind the text marks its end: a bit, and its length in bits.
pub(crate) const LENGTH_BYTES: usize = 8;

/// A SHA-256 that gathers small pieces before it hashes them.
///
/// It calls the compression function itself, which is chosen at run time for what the processor has:
/// the gathering is then all the buffer there is, and a keyed hash begins from a state of 32 bytes.
pub(crate) struct HashSink {
    state: [u32; 8],
    /// Bytes that are in `state` already: whole blocks.
    hashed_bytes: u64,
    /// Zeros behind what was gathered: they are what stands behind the text's end.
    gathered: [[u8; BLOCK_BYTES]; GATHERED_BLOCKS],
    len_bytes: usize,
}

impl HashSink {
    pub(crate) fn new() -> Self {
        Self::resumed(SHA256_START, 0)
    }

    /// Goes on from the state behind `hashed_bytes`, whole blocks of them.
    pub(crate) fn resumed(state: [u32; 8], hashed_bytes: u64) -> Self {
        Self {
            state,
            hashed_bytes,
            gathered: [[0; BLOCK_BYTES]; GATHERED_BLOCKS],
            len_bytes: 0,
        }
    }

    /// The digest of all that was put; the end of the sink, which stays where it is: it is large.
    pub(crate) fn finish(&mut self) -> [u8; 32] {
        let bits = (self.hashed_bytes + self.len_bytes as u64) * 8;
        // A bit behind the text, zeros, and the length in the last bytes of a block.
        if self.len_bytes + 1 + LENGTH_BYTES > GATHERED_BYTES {
            self.compress();
        }
        let blocks = (self.len_bytes + 1 + LENGTH_BYTES).div_ceil(BLOCK_BYTES);
        let end = blocks * BLOCK_BYTES;
        let bytes = self.gathered.as_flattened_mut();
        bytes[self.len_bytes] = 0x80;
        bytes[end - LENGTH_BYTES..end].copy_from_slice(&bits.to_be_bytes());
        compress256(&mut self.state, &self.gathered[..blocks]);
        to_bytes(&self.state)
    }

    /// Hashes the whole blocks that were gathered and keeps the rest of them.
    fn compress(&mut self) {
        let blocks = self.len_bytes / BLOCK_BYTES;
        compress256(&mut self.state, &self.gathered[..blocks]);
        let whole = blocks * BLOCK_BYTES;
        let bytes = self.gathered.as_flattened_mut();
        bytes.copy_within(whole..self.len_bytes, 0);
        bytes[self.len_bytes - whole..].fill(0);
        self.hashed_bytes += whole as u64;
        self.len_bytes -= whole;
    }

    /// Takes what does not fit into the room that is left.
    #[cold]
    fn put_long(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = GATHERED_BYTES - self.len_bytes;
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.gathered.as_flattened_mut()[self.len_bytes..][..now.len()].copy_from_slice(now);
            self.len_bytes += now.len();
            bytes = rest;
            if self.len_bytes == GATHERED_BYTES {
                self.compress();
            }
        }
    }
}

impl Sink for HashSink {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let room = self.gathered.as_flattened_mut().get_mut(self.len_bytes..);
        match room.and_then(|room| room.get_mut(..bytes.len())) {
            Some(room) => {
                copy_short(room, bytes);
                self.len_bytes += bytes.len();
            }
            None => self.put_long(bytes),
        }
    }
}

impl Drop for HashSink {
    /// A state that began with a key tells as much as the key.
    fn drop(&mut self) {
        self.state.zeroize();
    }
}

/// Copies as `copy_from_slice` does, a few bytes without a call: most pieces are short.
#[inline]
pub(crate) fn copy_short(to: &mut [u8], from: &[u8]) {
    match from.len() {
        1 => copy_ends::<1>(to, from),
        2..=4 => copy_ends::<2>(to, from),
        5..=8 => copy_ends::<4>(to, from),
        9..=16 => copy_ends::<8>(to, from),
        17..=32 => copy_ends::<16>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first and the last `N` bytes: all, where there are no more than both.
#[inline]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk()) {
        *to = *from;
    }
}

/// A state as the digest that it is.
pub(crate) fn to_bytes(state: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (four, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *four = word.to_be_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    proptest! {
        #[test]
        fn gathering_changes_no_digest(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..12)) {
            let mut sink = HashSink::new();
            pieces.iter().for_each(|piece| sink.put(piece));
            prop_assert_eq!(sink.finish(), <[u8; 32]>::from(Sha256::digest(pieces.concat())));
        }
    }

    #[test]
    fn short_copies_are_whole() {
        let from: [u8; 70] = std::array::from_fn(|n| n as u8 + 1);
        for len in 0..from.len() {
            let mut to = [0; 70];
            copy_short(&mut to[..len], &from[..len]);
            assert_eq!(to[..len], from[..len]);
            assert!(to[len..].iter().all(|byte| *byte == 0), "{len}");
        }
    }

    #[test]
    fn every_length_around_the_edges() {
        let text = [0x5a; 3 * GATHERED_BYTES];
        for len in 0..text.len() {
            let mut sink = HashSink::new();
            sink.put(&text[..len]);
            let whole = <[u8; 32]>::from(Sha256::digest(&text[..len]));
            assert_eq!(sink.finish(), whole, "{len}");
        }
    }
}
