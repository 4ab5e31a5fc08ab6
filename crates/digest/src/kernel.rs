//! The compression functions, over as many streams at a time as the processor can.
//!
//! ```text
//!   states of n streams ─┐
//!   blocks of n streams ─┴─► kernel: filled up to 8, 16 or 32 lanes ─► states
//! ```
//! MD5 and SHA-256 are written once, over [`word::Word`]; what a word is differs: eight or sixteen
//! streams' in a vector register, two such groups in turn, or one stream's. Which, is asked of the
//! processor once. Few streams of SHA-256 go two at a time, by the processor's instructions for it.
//! Nothing here buffers or pads.

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
pub struct Kernel {
    lanes: Lanes,
    /// For two streams of SHA-256 at a time, where lanes do not pay.
    #[cfg(target_arch = "x86_64")]
    sha: Option<x86::ShaNi>,
}

#[derive(Debug, Clone, Copy)]
enum Lanes {
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

    /// All that this processor can, the best first; the last needs nothing of it.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        for sha in x86::ShaNi::detect().map(Some).into_iter().chain([None]) {
            let wide = x86::Avx512::detect().map(Lanes::Avx512).into_iter();
            let wide = wide.chain(x86::Avx2::detect().map(Lanes::Avx2));
            let lanes = wide.chain([Lanes::Scalar]);
            all.extend(lanes.map(|lanes| Self { lanes, sha }));
        }
        #[cfg(not(target_arch = "x86_64"))]
        all.push(Self {
            lanes: Lanes::Scalar,
        });
        all
    }

    /// How many streams it takes side by side.
    pub(crate) fn lanes(self) -> usize {
        match self.lanes {
            Lanes::Scalar => 2,
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx2(_) => x86::Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx512(_) => x86::Avx512::LANES,
        }
    }

    /// Whether so many streams of SHA-256 cost less side by side than one after the other.
    pub fn gains_sha256(self, streams: usize) -> bool {
        #[cfg(target_arch = "x86_64")]
        let some = self.sha.is_some() || matches!(self.lanes, Lanes::Avx512(_));
        #[cfg(not(target_arch = "x86_64"))]
        let some = false;
        some && streams >= 2
    }

    /// From so many streams of SHA-256 on sixteen lanes cost less than anything else here.
    #[cfg(target_arch = "x86_64")]
    fn sha256_lanes_min(self) -> usize {
        match self.sha {
            Some(_) => SHA256_LANES_MIN,
            None => 2,
        }
    }

    /// Takes the blocks of each lane into the MD5 state of that lane. All lanes have as many blocks
    /// as the first.
    pub(crate) fn md5(self, states: &mut [[u32; 4]], lanes: &[&[Block]]) {
        for (states, lanes) in groups(states, lanes, self.lanes()) {
            match self.lanes {
                #[cfg(target_arch = "x86_64")]
                Lanes::Avx512(cpu) if lanes.len() >= MD5_LANES_MIN => {
                    let width = if lanes.len() > 16 { 32 } else { 16 };
                    filled_up(states, lanes, width, |states, lanes| cpu.md5(states, lanes));
                }
                #[cfg(target_arch = "x86_64")]
                Lanes::Avx2(cpu) if lanes.len() >= MD5_LANES_MIN => {
                    let width = if lanes.len() > 8 { 16 } else { 8 };
                    filled_up(states, lanes, width, |states, lanes| cpu.md5(states, lanes));
                }
                _ => md5_by_twos(states, lanes),
            }
        }
    }

    /// Takes streams into their states, two at a time as far as the shorter one goes; then another
    /// takes its place.
    fn sha256_by_twos<'s>(self, mut streams: impl Iterator<Item = Going<'s>>) {
        let Some((mut state, mut blocks)) = streams.next() else {
            return;
        };
        for (other_state, other) in streams {
            let both = blocks.len().min(other.len());
            let (left, left_rest) = blocks.split_at(both);
            let (right, right_rest) = other.split_at(both);
            if both > 0 {
                self.sha256_of_two([state, other_state], [left, right]);
            }
            if left_rest.is_empty() {
                (state, blocks) = (other_state, right_rest);
            } else {
                blocks = left_rest;
            }
        }
        sha2::block_api::compress256(state, blocks);
    }

    /// Takes as many blocks of each of two streams into their SHA-256 states.
    fn sha256_of_two(self, states: [&mut [u32; 8]; 2], streams: [&[Block]; 2]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(cpu) = self.sha {
            return cpu.sha256(states, streams);
        }
        for (state, blocks) in states.into_iter().zip(streams) {
            sha2::block_api::compress256(state, blocks);
        }
    }
}

/// A stream of SHA-256 on its way: its state, and the blocks that are left of it.
type Going<'s> = (&'s mut [u32; 8], &'s [Block]);

/// Takes whole streams, of whatever lengths, into their SHA-256 states, side by side where that costs
/// less. How long it takes depends on their lengths alone.
pub fn sha256_of_streams(kernel: Kernel, states: &mut [[u32; 8]], streams: &[&[Block]]) {
    let all = states.iter_mut().zip(streams.iter().copied());
    #[cfg(target_arch = "x86_64")]
    if let Lanes::Avx512(cpu) = kernel.lanes
        && all.len() >= kernel.sha256_lanes_min()
    {
        let left = sha256_in_lanes(cpu, kernel.sha256_lanes_min(), all);
        return kernel.sha256_by_twos(left);
    }
    kernel.sha256_by_twos(all);
}

/// Takes streams into their states in sixteen lanes, as long as `lanes_min` of them go on; when one
/// ends, another takes its lane. Gives back what is left.
#[cfg(target_arch = "x86_64")]
fn sha256_in_lanes<'s>(
    cpu: x86::Avx512,
    lanes_min: usize,
    mut streams: impl Iterator<Item = Going<'s>>,
) -> impl Iterator<Item = Going<'s>> {
    let mut owners: [Option<&mut [u32; 8]>; SHA256_LANES] = [const { None }; SHA256_LANES];
    let (mut states, mut rests) = ([[0; 8]; SHA256_LANES], [&[][..]; SHA256_LANES]);
    loop {
        let (mut going, mut step) = (0, usize::MAX);
        for ((owner, state), rest) in owners.iter_mut().zip(&mut states).zip(&mut rests) {
            if rest.is_empty() {
                let Some((next, blocks)) = streams.find(|(_, blocks)| !blocks.is_empty()) else {
                    continue;
                };
                (*state, *rest) = (*next, blocks);
                *owner = Some(next);
            }
            going += 1;
            step = step.min(rest.len());
        }
        if going < lanes_min {
            break;
        }
        // What goes through a lane that nobody uses, nobody reads.
        let some = rests.iter().find_map(|rest| rest.get(..step));
        let some = some.unwrap_or_default();
        let lanes = rests.map(|rest| rest.get(..step).unwrap_or(some));
        cpu.sha256(&mut states, &lanes);
        for ((owner, state), rest) in owners.iter_mut().zip(&states).zip(&mut rests) {
            if let (Some(_), Some(owner)) = (rest.split_off(..step), owner) {
                **owner = *state;
            }
        }
    }
    let left = owners.into_iter().zip(rests);
    let left = left.filter(|(_, rest)| !rest.is_empty());
    left.filter_map(|(owner, rest)| Some((owner?, rest)))
        .chain(streams)
}

/// Lanes of the one kernel that has them for SHA-256.
#[cfg(target_arch = "x86_64")]
const SHA256_LANES: usize = 16;

/// From so many streams on a vector of them costs less than one or two at a time.
#[cfg(target_arch = "x86_64")]
const MD5_LANES_MIN: usize = 3;

/// From so many streams on sixteen lanes cost less than two at a time: of one block from twelve on,
/// of eight from ten.
#[cfg(target_arch = "x86_64")]
const SHA256_LANES_MIN: usize = 11;

/// The streams by at most `width`.
fn groups<'s, 'l, 'b>(
    states: &'s mut [[u32; 4]],
    lanes: &'l [&'b [Block]],
    width: usize,
) -> impl Iterator<Item = (&'s mut [[u32; 4]], &'l [&'b [Block]])> {
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
fn filled_up(
    states: &mut [[u32; 4]],
    lanes: &[&[Block]],
    width: usize,
    kernel: impl FnOnce(&mut [[u32; 4]], &[&[Block]]),
) {
    let (mut all_states, mut all_lanes) = ([[0; 4]; LANES_MAX], [lanes[0]; LANES_MAX]);
    all_states[..states.len()].copy_from_slice(states);
    all_lanes[..lanes.len()].copy_from_slice(lanes);
    kernel(&mut all_states[..width], &all_lanes[..width]);
    states.copy_from_slice(&all_states[..states.len()]);
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.lanes {
            Lanes::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx512(_) => "avx512",
        })?;
        #[cfg(target_arch = "x86_64")]
        if self.sha.is_some() {
            f.write_str(", sha")?;
        }
        Ok(())
    }
}
