//! Many bodies' pieces through the lanes of one kernel.
//!
//! ```text
//!   job 0  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓          every job with a piece of some blocks is in a lane; a step is
//!   job 1  ▓▓▓▓▓▓▓▓▓                 as long as the shortest piece, then that job goes on with its
//!   job 2  ▓▓▓▓▓▓▓▓▓▓▓▓▓             next one, or leaves its lane to another job
//!          └─ step ┘
//! ```
//! The rest (the ends of pieces, tiny pieces, padding) is hashed alone.

use crate::{
    Hashes,
    kernel::{BLOCK_BYTES, Block, Kernel, LANES_MAX, sha256_of_streams},
    stream::Stream,
};
use bytes::{Buf as _, Bytes};
use std::{collections::VecDeque, ops::Range};

/// A piece, or what is left of it, is worth a lane from so many bytes on.
const LANE_BYTES_MIN: usize = 512;

/// Both hashes take so many blocks of each lane in turn: the second finds them in the cache.
const TURN_BLOCKS: usize = 32;

/// The longest step, in blocks: how long a body that arrives waits to be seen.
const STEP_BLOCKS_MAX: usize = 256;

/// One body's bytes, in order, and its hashes so far.
#[derive(Debug)]
pub(crate) struct Job {
    stream: Stream,
    pieces: VecDeque<Bytes>,
    /// Hashed since somebody asked.
    hashed_bytes: usize,
}

impl Job {
    pub(crate) fn new(sha256: bool) -> Self {
        Self {
            stream: Stream::new(sha256),
            pieces: VecDeque::new(),
            hashed_bytes: 0,
        }
    }

    /// One that has all its pieces.
    pub(crate) fn of(pieces: Vec<Bytes>, sha256: bool) -> Self {
        let mut job = Self::new(sha256);
        job.pieces = pieces.into();
        job
    }

    /// Bytes that follow those that it has, never none.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        self.pieces.push_back(bytes);
    }

    /// Whether all it has is hashed.
    pub(crate) fn is_dry(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes that it has and that are not hashed.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// How many bytes were hashed since this was last asked.
    pub(crate) fn take_hashed(&mut self) -> usize {
        std::mem::take(&mut self.hashed_bytes)
    }

    /// The values of all that came.
    pub(crate) fn finish(mut self, kernel: Kernel) -> Hashes {
        for piece in &self.pieces {
            self.stream.update(kernel, piece);
        }
        self.stream.finish(kernel)
    }

    /// Hashes what is not worth a lane, up to the next piece that is, or the end.
    fn settle(&mut self, kernel: Kernel) {
        while let Some(piece) = self.pieces.front_mut() {
            let taken = match (self.stream.is_at_block(), piece.len() >= LANE_BYTES_MIN) {
                (true, true) => return,
                (false, _) => self.stream.fill_tail(kernel, piece),
                (true, false) => {
                    self.stream.update(kernel, piece);
                    piece.len()
                }
            };
            self.pass(taken);
        }
    }

    /// The whole blocks of the piece at hand.
    fn blocks(&self) -> &[Block] {
        self.pieces.front().map_or(&[], |piece| piece.as_chunks().0)
    }

    /// Leaves bytes behind that are hashed.
    fn pass(&mut self, bytes: usize) {
        self.hashed_bytes += bytes;
        if let Some(piece) = self.pieces.front_mut() {
            piece.advance(bytes);
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}

/// Brings each job nearer to its end; some will be dry then. At most [`Kernel::lanes`] jobs.
pub(crate) fn step<'a>(kernel: Kernel, jobs: impl Iterator<Item = &'a mut Job>) {
    let mut running: Vec<&mut Job> = Vec::with_capacity(LANES_MAX);
    for job in jobs {
        job.settle(kernel);
        if !job.is_dry() {
            running.push(job);
        }
    }
    let Some(shortest) = running.iter().map(|job| job.blocks().len()).min() else {
        return;
    };
    let blocks = shortest.min(STEP_BLOCKS_MAX);
    // Who wants both hashes comes first, so that the lanes of SHA-256 are the first of MD5's.
    running.sort_by_key(|job| job.stream.sha256.is_none());
    for first in (0..blocks).step_by(TURN_BLOCKS) {
        compress(kernel, &mut running, first..blocks.min(first + TURN_BLOCKS));
    }
    for job in running {
        job.stream.advance(blocks);
        job.pass(blocks * BLOCK_BYTES);
        job.settle(kernel);
    }
}

/// Takes these blocks of each job's piece into its hashes.
fn compress(kernel: Kernel, running: &mut [&mut Job], blocks: Range<usize>) {
    let mut lanes: [&[Block]; LANES_MAX] = [&[]; LANES_MAX];
    let (mut md5, mut sha256) = ([[0; 4]; LANES_MAX], [[0; 8]; LANES_MAX]);
    let mut sha256_lanes = 0;
    for (lane, job) in running.iter().enumerate() {
        lanes[lane] = &job.blocks()[blocks.clone()];
        md5[lane] = job.stream.md5;
        if let Some(state) = job.stream.sha256 {
            sha256[lane] = state;
            sha256_lanes = lane + 1;
        }
    }
    kernel.md5(&mut md5[..running.len()], &lanes[..running.len()]);
    sha256_of_streams(kernel, &mut sha256[..sha256_lanes], &lanes[..sha256_lanes]);
    for (lane, job) in running.iter_mut().enumerate() {
        job.stream.md5 = md5[lane];
        if let Some(state) = &mut job.stream.sha256 {
            *state = sha256[lane];
        }
    }
}
