//! The hashes of one body in progress.
//!
//! A stream takes blocks. What is left over of a piece waits in `tail` until the next one fills it
//! up, so that everything else of a piece is hashed where it lies. Padding is laid on here.

use crate::{
    Hashes,
    kernel::{BLOCK_BYTES, Block, Kernel, MD5_START, SHA256_START, sha256_of_streams},
};

/// Where a block that holds padding ends and the length begins.
const LENGTH_AT: usize = BLOCK_BYTES - 8;

/// One body's hashes as far as its bytes have come.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) md5: [u32; 4],
    /// `None` when nobody wants it.
    pub(crate) sha256: Option<[u32; 8]>,
    tail: Block,
    tail_bytes: usize,
    len_bytes: u64,
}

impl Stream {
    pub(crate) fn new(sha256: bool) -> Self {
        Self {
            md5: MD5_START,
            sha256: sha256.then_some(SHA256_START),
            tail: [0; BLOCK_BYTES],
            tail_bytes: 0,
            len_bytes: 0,
        }
    }

    /// Whether the next byte begins a block.
    pub(crate) fn is_at_block(&self) -> bool {
        self.tail_bytes == 0
    }

    /// Notes that blocks were taken into the states by whoever runs the lanes.
    pub(crate) fn advance(&mut self, blocks: usize) {
        self.len_bytes += (blocks * BLOCK_BYTES) as u64;
    }

    /// Fills the tail up from the front of `bytes`; says how many it took.
    pub(crate) fn fill_tail(&mut self, kernel: Kernel, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(BLOCK_BYTES - self.tail_bytes);
        self.tail[self.tail_bytes..][..taken].copy_from_slice(&bytes[..taken]);
        self.tail_bytes += taken;
        self.len_bytes += taken as u64;
        if self.tail_bytes == BLOCK_BYTES {
            let tail = self.tail;
            self.compress(kernel, &[tail]);
            self.tail_bytes = 0;
        }
        taken
    }

    /// Takes all of `bytes`, with no other stream beside.
    pub(crate) fn update(&mut self, kernel: Kernel, bytes: &[u8]) {
        let mut rest = bytes;
        if !self.is_at_block() {
            rest = &rest[self.fill_tail(kernel, rest)..];
        }
        let (blocks, rest) = rest.as_chunks();
        self.compress(kernel, blocks);
        self.advance(blocks.len());
        self.fill_tail(kernel, rest);
    }

    /// The values.
    pub(crate) fn finish(mut self, kernel: Kernel) -> Hashes {
        let bits = self.len_bytes.wrapping_mul(8);
        // A one, zeros up to a block's length field; in a block of its own when the tail is long.
        self.fill_tail(kernel, &[0x80]);
        if self.tail_bytes > LENGTH_AT {
            self.fill_tail(kernel, &[0; BLOCK_BYTES]);
        }
        let zeros = LENGTH_AT - self.tail_bytes;
        self.fill_tail(kernel, &[0; BLOCK_BYTES][..zeros]);
        let (mut low_first, mut high_first) = (self.tail, self.tail);
        low_first[LENGTH_AT..].copy_from_slice(&bits.to_le_bytes());
        high_first[LENGTH_AT..].copy_from_slice(&bits.to_be_bytes());
        kernel.md5(std::slice::from_mut(&mut self.md5), &[&[low_first]]);
        if let Some(state) = &mut self.sha256 {
            sha256_of_streams(kernel, std::slice::from_mut(state), &[&[high_first]]);
        }
        Hashes {
            md5: bytes_of(self.md5.map(u32::to_le_bytes)),
            sha256: self
                .sha256
                .map(|state| bytes_of(state.map(u32::to_be_bytes))),
        }
    }

    fn compress(&mut self, kernel: Kernel, blocks: &[Block]) {
        kernel.md5(std::slice::from_mut(&mut self.md5), &[blocks]);
        if let Some(state) = &mut self.sha256 {
            sha256_of_streams(kernel, std::slice::from_mut(state), &[blocks]);
        }
    }
}

/// Words as bytes.
fn bytes_of<const WORDS: usize, const BYTES: usize>(words: [[u8; 4]; WORDS]) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes.copy_from_slice(words.as_flattened());
    bytes
}
