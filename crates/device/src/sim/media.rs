//! What a simulated device holds: durable blocks, and the unflushed writes above them.

use crate::BLOCK_BYTES;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::{collections::BTreeMap, sync::Arc};

/// What a power cut cannot divide, in bytes.
pub const SECTOR_BYTES: usize = 512;

type Block = [u8; BLOCK_BYTES];

/// The durable bytes of a device. Copies share their blocks until one of them changes.
#[derive(Clone)]
pub struct Media {
    /// `None`: a block of zeros.
    blocks: Vec<Option<Arc<Block>>>,
}

impl Media {
    /// `len_bytes` zeros, rounded down to whole blocks.
    pub fn zeroed(len_bytes: u64) -> Self {
        Self {
            blocks: vec![None; len_bytes as usize / BLOCK_BYTES],
        }
    }

    /// Length in bytes.
    pub fn len_bytes(&self) -> u64 {
        (self.blocks.len() * BLOCK_BYTES) as u64
    }

    /// Fills `bytes` from `offset`.
    ///
    /// # Panics
    /// Past the end.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) {
        for (block, within, piece) in pieces(offset, bytes.len()) {
            let piece = &mut bytes[piece];
            match &self.blocks[block] {
                Some(data) => piece.copy_from_slice(&data[within..within + piece.len()]),
                None => piece.fill(0),
            }
        }
    }

    /// Whether the block of that number holds zeros only; also past the end.
    pub fn is_zero(&self, block: u64) -> bool {
        let block = self.blocks.get(block as usize).and_then(Option::as_ref);
        block.is_none_or(|bytes| bytes.iter().all(|&byte| byte == 0))
    }

    /// Writes `bytes` at `offset`.
    ///
    /// # Panics
    /// Past the end.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        for (block, within, piece) in pieces(offset, bytes.len()) {
            let piece = &bytes[piece];
            let data = self.blocks[block].get_or_insert_with(|| Arc::new([0; BLOCK_BYTES]));
            Arc::make_mut(data)[within..within + piece.len()].copy_from_slice(piece);
        }
    }
}

/// Splits `len` bytes at `offset` at the ends of blocks: block, offset within it, piece of the bytes.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
    let offset = offset as usize;
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done;
        let within = at % BLOCK_BYTES;
        let piece = done..(done + BLOCK_BYTES - within).min(len);
        (done < len).then(|| {
            done = piece.end;
            (at / BLOCK_BYTES, within, piece)
        })
    })
}

/// Which unflushed sectors a power cut keeps. The fault model allows any choice; these are the
/// shapes that tests go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keep {
    /// Nothing that is not durable.
    Durable,
    /// Everything that was written or under way.
    Newest,
    /// For each sector, any of its versions.
    Sectors(u64),
    /// Each write wholly or not at all, independently: writes reorder.
    Writes(u64),
    /// Writes in the order of their beginning up to some point, the last one torn at some sector.
    Prefix(u64),
}

/// The durable media and the writes that are not durable.
pub(super) struct Cache {
    media: Media,
    /// In the order in which they began.
    unflushed: BTreeMap<u64, Unflushed>,
    ticket_next: u64,
}

#[derive(Clone)]
struct Unflushed {
    offset: u64,
    bytes: Arc<[u8]>,
    ended: bool,
    /// A flush of it failed: no later one will write it.
    forgotten: bool,
}

impl Unflushed {
    /// Its sectors: where each lies, and its bytes.
    fn sectors(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let offsets = (self.offset..).step_by(SECTOR_BYTES);
        offsets.zip(self.bytes.chunks(SECTOR_BYTES))
    }
}

impl Cache {
    pub(super) fn new(media: Media) -> Self {
        Self {
            media,
            unflushed: BTreeMap::new(),
            ticket_next: 0,
        }
    }

    pub(super) fn begin_write(&mut self, offset: u64, bytes: &[u8]) -> u64 {
        let ticket = self.ticket_next;
        self.ticket_next += 1;
        let unflushed = Unflushed {
            offset,
            bytes: bytes.into(),
            ended: false,
            forgotten: false,
        };
        self.unflushed.insert(ticket, unflushed);
        ticket
    }

    pub(super) fn end_write(&mut self, ticket: u64) {
        if let Some(unflushed) = self.unflushed.get_mut(&ticket) {
            unflushed.ended = true;
        }
    }

    /// A write that fails half-way: some of its sectors are written, for each the rng decides.
    pub(super) fn tear_write(&mut self, offset: u64, bytes: &[u8], rng: &mut ChaCha8Rng) {
        let offsets = (offset..).step_by(SECTOR_BYTES);
        for (offset, sector) in offsets.zip(bytes.chunks(SECTOR_BYTES)) {
            if coin(rng) {
                let ticket = self.begin_write(offset, sector);
                self.end_write(ticket);
            }
        }
    }

    /// The writes that a flush which begins now covers.
    pub(super) fn ended_writes(&self) -> Vec<u64> {
        let ended = self
            .unflushed
            .iter()
            .filter(|(_, u)| u.ended && !u.forgotten);
        ended.map(|(ticket, _)| *ticket).collect()
    }

    pub(super) fn unflushed_writes(&self) -> usize {
        self.unflushed.len()
    }

    pub(super) fn persist(&mut self, tickets: &[u64]) {
        for ticket in tickets {
            // A flush that ran beside this one may have done it already, or failed to.
            if self.unflushed.get(ticket).is_some_and(|u| !u.forgotten)
                && let Some(unflushed) = self.unflushed.remove(ticket)
            {
                self.media.write(unflushed.offset, &unflushed.bytes);
            }
        }
    }

    pub(super) fn forget(&mut self, tickets: &[u64]) {
        for ticket in tickets {
            if let Some(unflushed) = self.unflushed.get_mut(ticket) {
                unflushed.forgotten = true;
            }
        }
    }

    pub(super) fn rot(&mut self, offset: u64, bit: u8) {
        let mut byte = [0];
        self.media.read(offset, &mut byte);
        self.media.write(offset, &[byte[0] ^ (1 << (bit % 8))]);
    }

    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) {
        self.media.read(offset, bytes);
        let end = offset + bytes.len() as u64;
        for unflushed in self.unflushed.values() {
            let from = unflushed.offset.max(offset);
            let to = (unflushed.offset + unflushed.bytes.len() as u64).min(end);
            if from < to {
                let source = (from - unflushed.offset) as usize..(to - unflushed.offset) as usize;
                let target = (from - offset) as usize..(to - offset) as usize;
                bytes[target].copy_from_slice(&unflushed.bytes[source]);
            }
        }
    }

    pub(super) fn after_power_cut(&self, keep: Keep) -> Media {
        let mut media = self.media.clone();
        match keep {
            Keep::Durable => {}
            Keep::Newest => self.keep_writes(&mut media, |_| true),
            Keep::Writes(seed) => {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                self.keep_writes(&mut media, |_| coin(&mut rng));
            }
            Keep::Prefix(seed) => self.keep_prefix(&mut media, seed),
            Keep::Sectors(seed) => self.keep_sectors(&mut media, seed),
        }
        media
    }

    fn keep_writes(&self, media: &mut Media, mut kept: impl FnMut(usize) -> bool) {
        for (n, unflushed) in self.unflushed.values().enumerate() {
            if kept(n) {
                media.write(unflushed.offset, &unflushed.bytes);
            }
        }
    }

    fn keep_prefix(&self, media: &mut Media, seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let whole = (rng.next_u64() % (self.unflushed.len() as u64 + 1)) as usize;
        self.keep_writes(media, |n| n < whole);
        if let Some(torn) = self.unflushed.values().nth(whole) {
            let sectors = torn.bytes.len() / SECTOR_BYTES;
            let kept = rng.next_u64() as usize % (sectors + 1);
            media.write(torn.offset, &torn.bytes[..kept * SECTOR_BYTES]);
        }
    }

    fn keep_sectors(&self, media: &mut Media, seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut versions: BTreeMap<u64, Vec<&[u8]>> = BTreeMap::new();
        for (offset, sector) in self.unflushed.values().flat_map(Unflushed::sectors) {
            versions.entry(offset).or_default().push(sector);
        }
        for (offset, versions) in versions {
            let choice = rng.next_u64() as usize % (versions.len() + 1);
            if let Some(sector) = versions.get(choice) {
                media.write(offset, sector);
            }
        }
    }
}

fn coin(rng: &mut ChaCha8Rng) -> bool {
    rng.next_u64() & 1 == 1
}
