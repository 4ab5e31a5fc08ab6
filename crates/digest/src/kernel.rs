//! The compression functions, over as many streams at a time as the processor can.
//!
//! ```text
//!   states of n streams ─┐
//!   blocks of n streams ─┴─► kernel: filled up to 8, 16 or 32 lanes ─► states
//! ```
//! MD5 and SHA-256 are written once, over [`word::Word`]; what a word is differs: eight or sixteen
//! streams' in a vector register, two such groups in turn, or one stream's. Which, is asked of the
//! processor once. Nothing here buffers, pads or knows how long a stream is.

mod md5;
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "for wide vectors alone")
)]
mod sha256;
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "for wide vectors alone")
)]
mod word;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "vector instructions; see its header")]
mod x86;

#[cfg(feature = "bodies")]
pub(crate) use md5::START as MD5_START;
pub use sha256::START as SHA256_START;

use std::fmt;

/// What both algorithms take at a time, in bytes.
pub const BLOCK_BYTES: usize = 64;

/// One block of one stream.
pub type Block = [u8; BLOCK_BYTES];

/// Lanes of the widest kernel.
pub(crate) const LANES_MAX: usize = 32;

/// How streams are compressed side by side.
#[derive(Debug, Clone, Copy)]
pub struct Kernel(Kind);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(x86::Avx512),
}

impl Kernel {
    /// The best that this processor can.
    pub fn detect() -> Self {
        Self::all()[0]
    }

    /// All that this processor can, the best first.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(x86::Avx512::detect().map(Kind::Avx512));
            all.extend(x86::Avx2::detect().map(Kind::Avx2));
        }
        all.push(Kind::Scalar);
        all.into_iter().map(Self).collect()
    }

    /// How many streams it takes side by side.
    pub(crate) fn lanes(self) -> usize {
        match self.0 {
            Kind::Scalar => 2,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => x86::Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => x86::Avx512::LANES,
        }
    }

    /// Whether so many streams of SHA-256 cost less side by side than one after the other.
    pub fn gains_sha256(self, streams: usize) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => streams >= SHA256_LANES_MIN,
            _ => false,
        }
    }

    /// Takes the blocks of each lane into the MD5 state of that lane. All lanes have as many blocks
    /// as the first.
    pub(crate) fn md5(self, states: &mut [[u32; 4]], lanes: &[&[Block]]) {
        for (states, lanes) in groups(states, lanes, self.lanes()) {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512(cpu) if lanes.len() >= MD5_LANES_MIN => {
                    let width = if lanes.len() > 16 { 32 } else { 16 };
                    filled_up(states, lanes, width, |states, lanes| cpu.md5(states, lanes));
                }
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2(cpu) if lanes.len() >= MD5_LANES_MIN => {
                    let width = if lanes.len() > 8 { 16 } else { 8 };
                    filled_up(states, lanes, width, |states, lanes| cpu.md5(states, lanes));
                }
                _ => md5_by_twos(states, lanes),
            }
        }
    }

    /// As [`Kernel::md5`], for SHA-256; fewer streams than [`Kernel::gains_sha256`] may differ in length.
    pub(crate) fn sha256(self, states: &mut [[u32; 8]], lanes: &[&[Block]]) {
        for (states, lanes) in groups(states, lanes, SHA256_LANES) {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512(cpu) if lanes.len() >= SHA256_LANES_MIN => {
                    filled_up(states, lanes, 16, |states, lanes| cpu.sha256(states, lanes));
                }
                _ => {
                    for (state, blocks) in states.iter_mut().zip(lanes) {
                        sha2::block_api::compress256(state, blocks);
                    }
                }
            }
        }
    }
}

/// Takes whole streams, of whatever lengths, into their SHA-256 states, side by side where that costs
/// less. How long it takes depends on their lengths alone.
pub fn sha256_of_streams(kernel: Kernel, states: &mut [[u32; 8]], streams: &[&[Block]]) {
    for (states, streams) in groups(states, streams, SHA256_LANES) {
        let mut done = 0;
        loop {
            // Those that go on, by their places; what they have in common is a step.
            let (mut places, mut lanes) = ([0; SHA256_LANES], [&[][..]; SHA256_LANES]);
            let mut going = 0;
            for (place, stream) in streams.iter().enumerate() {
                if let Some(rest @ [_, ..]) = stream.get(done..) {
                    (places[going], lanes[going]) = (place, rest);
                    going += 1;
                }
            }
            let (places, lanes) = (&places[..going], &mut lanes[..going]);
            let Some(shortest) = lanes.iter().map(|lane| lane.len()).min() else {
                break;
            };
            // Too few for lanes: each alone, and to its end.
            let step = match kernel.gains_sha256(going) {
                true => shortest,
                false => usize::MAX,
            };
            let mut stepped = [[0; 8]; SHA256_LANES];
            for ((state, lane), place) in stepped.iter_mut().zip(&mut *lanes).zip(places) {
                *state = states[*place];
                *lane = &lane[..step.min(lane.len())];
            }
            kernel.sha256(&mut stepped[..going], lanes);
            for (state, place) in stepped.iter().zip(places) {
                states[*place] = *state;
            }
            done = done.saturating_add(step);
        }
    }
}

/// Lanes of the one kernel that has them for SHA-256.
const SHA256_LANES: usize = 16;

/// From so many streams on a vector of them costs less than one or two at a time.
#[cfg(target_arch = "x86_64")]
const MD5_LANES_MIN: usize = 3;

/// From so many streams on sixteen lanes cost less than the processor's own SHA instructions.
const SHA256_LANES_MIN: usize = 7;

/// The streams by at most `width`.
fn groups<'s, 'l, 'b, const N: usize>(
    states: &'s mut [[u32; N]],
    lanes: &'l [&'b [Block]],
    width: usize,
) -> impl Iterator<Item = (&'s mut [[u32; N]], &'l [&'b [Block]])> {
    states.chunks_mut(width).zip(lanes.chunks(width))
}

/// Two streams cost as much as one.
fn md5_by_twos(states: &mut [[u32; 4]], lanes: &[&[Block]]) {
    for (states, lanes) in groups(states, lanes, 2) {
        match lanes.len() {
            2 => md5::compress::<word::Pair<u32>>(states, lanes),
            _ => md5::compress::<u32>(states, lanes),
        }
    }
}

/// Runs `kernel` over `width` lanes, of which those that nobody uses repeat the first.
#[cfg(target_arch = "x86_64")]
fn filled_up<const N: usize>(
    states: &mut [[u32; N]],
    lanes: &[&[Block]],
    width: usize,
    kernel: impl FnOnce(&mut [[u32; N]], &[&[Block]]),
) {
    let (mut all_states, mut all_lanes) = ([[0; N]; LANES_MAX], [lanes[0]; LANES_MAX]);
    all_states[..states.len()].copy_from_slice(states);
    all_lanes[..lanes.len()].copy_from_slice(lanes);
    kernel(&mut all_states[..width], &all_lanes[..width]);
    states.copy_from_slice(&all_states[..states.len()]);
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "avx512",
        })
    }
}
