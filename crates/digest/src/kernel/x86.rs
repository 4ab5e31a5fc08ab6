//! The vectors of x86-64, and all `unsafe` of this crate.
//!
//! [`Avx2`] and [`Avx512`] are proofs: a value of theirs exists only after the processor was asked.
//! Their methods enter functions that are compiled for those instructions, and nothing else makes or
//! uses the vectors [`Eight`] and [`Sixteen`], whose every method is inlined there.

use super::{
    Block, md5, sha256,
    word::{Pair, Sha256Word, Word},
};
use std::arch::x86_64 as cpu;

/// Says that an instruction may be used.
macro_rules! instruction {
    ($call:expr) => {{
        // SAFETY: vectors are used below the entries of this file only, each of which is entered by
        // the holder of a proof that the processor has the instructions.
        unsafe { $call }
    }};
}

/// The processor has AVX2.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

/// The processor has AVX-512, its instructions for bytes (BW) among it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

impl Avx2 {
    pub(super) const LANES: usize = 16;

    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// Takes the blocks of 8 or 16 lanes into their states.
    pub(super) fn md5(self, states: &mut [[u32; 4]], lanes: &[&[Block]]) {
        #[target_feature(enable = "avx2")]
        fn enter<W: Word>(states: &mut [[u32; 4]], lanes: &[&[Block]]) {
            md5::compress::<W>(states, lanes);
        }
        // SAFETY: `self` proves that the processor has AVX2.
        unsafe {
            match lanes.len() {
                8 => enter::<Eight>(states, lanes),
                _ => enter::<Pair<Eight>>(states, lanes),
            }
        }
    }
}

impl Avx512 {
    pub(super) const LANES: usize = 32;

    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        has.then_some(Self(()))
    }

    /// Takes the blocks of 16 or 32 lanes into their states.
    pub(super) fn md5(self, states: &mut [[u32; 4]], lanes: &[&[Block]]) {
        #[target_feature(enable = "avx512f,avx512bw")]
        fn enter<W: Word>(states: &mut [[u32; 4]], lanes: &[&[Block]]) {
            md5::compress::<W>(states, lanes);
        }
        // SAFETY: `self` proves that the processor has AVX-512F and BW.
        unsafe {
            match lanes.len() {
                16 => enter::<Sixteen>(states, lanes),
                _ => enter::<Pair<Sixteen>>(states, lanes),
            }
        }
    }

    /// Takes the blocks of 16 lanes into their states.
    pub(super) fn sha256(self, states: &mut [[u32; 8]], lanes: &[&[Block]]) {
        #[target_feature(enable = "avx512f,avx512bw")]
        fn enter(states: &mut [[u32; 8]], lanes: &[&[Block]]) {
            sha256::compress::<Sixteen>(states, lanes);
        }
        // SAFETY: `self` proves that the processor has AVX-512F and BW.
        unsafe { enter(states, lanes) }
    }
}

/// Eight lanes in a register of AVX2.
#[derive(Clone, Copy)]
struct Eight(cpu::__m256i);

impl Eight {
    #[inline(always)]
    fn from_words(words: [u32; 8]) -> Self {
        // SAFETY: reads the 32 bytes of `words`, wherever they lie.
        Self(unsafe { cpu::_mm256_loadu_si256(words.as_ptr().cast()) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(instruction!(cpu::_mm256_xor_si256(self.0, other.0)))
    }

    /// The words of eight rows of 32 bytes, by columns.
    #[inline(always)]
    fn transpose(r: [cpu::__m256i; 8]) -> [Self; 8] {
        instruction!({
            // Pairs of words, then fours, of rows 0-3 and 4-7, then the halves of both.
            let pair = |a, b| {
                (
                    cpu::_mm256_unpacklo_epi32(a, b),
                    cpu::_mm256_unpackhi_epi32(a, b),
                )
            };
            let four = |a, b| {
                (
                    cpu::_mm256_unpacklo_epi64(a, b),
                    cpu::_mm256_unpackhi_epi64(a, b),
                )
            };
            let ((a0, a1), (a2, a3)) = (pair(r[0], r[1]), pair(r[2], r[3]));
            let ((a4, a5), (a6, a7)) = (pair(r[4], r[5]), pair(r[6], r[7]));
            let ((b0, b1), (b2, b3)) = (four(a0, a2), four(a1, a3));
            let ((b4, b5), (b6, b7)) = (four(a4, a6), four(a5, a7));
            let low = |a, b| Self(cpu::_mm256_permute2x128_si256::<0x20>(a, b));
            let high = |a, b| Self(cpu::_mm256_permute2x128_si256::<0x31>(a, b));
            [
                low(b0, b4),
                low(b1, b5),
                low(b2, b6),
                low(b3, b7),
                high(b0, b4),
                high(b1, b5),
                high(b2, b6),
                high(b3, b7),
            ]
        })
    }
}

impl Word for Eight {
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self(instruction!(cpu::_mm256_set1_epi32(word.cast_signed())))
    }

    #[inline(always)]
    fn gather<const N: usize>(states: &[[u32; N]], at: usize) -> Self {
        Self::from_words(std::array::from_fn(|lane| states[lane][at]))
    }

    #[inline(always)]
    fn scatter<const N: usize>(self, states: &mut [[u32; N]], at: usize) {
        let mut words = [0u32; 8];
        // SAFETY: writes the 32 bytes of `words`, wherever they lie.
        unsafe { cpu::_mm256_storeu_si256(words.as_mut_ptr().cast(), self.0) };
        for (state, word) in states.iter_mut().zip(words) {
            state[at] = word;
        }
    }

    #[inline(always)]
    fn load(lanes: &[&[Block]], at: usize) -> [Self; 16] {
        let half = |from: usize| {
            Self::transpose(std::array::from_fn(|lane| {
                let block: &Block = &lanes[lane][at];
                let words: &[u8] = &block[from..from + 32];
                // SAFETY: reads the 32 bytes of `words`, wherever they lie.
                unsafe { cpu::_mm256_loadu_si256(words.as_ptr().cast()) }
            }))
        };
        let (low, high) = (half(0), half(32));
        std::array::from_fn(|n| if n < 8 { low[n] } else { high[n - 8] })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(instruction!(cpu::_mm256_add_epi32(self.0, other.0)))
    }

    #[inline(always)]
    fn rotate_left<const BITS: i32>(self) -> Self {
        // The counts are constants, so that both become shifts by a constant.
        Self(instruction!(cpu::_mm256_or_si256(
            cpu::_mm256_sll_epi32(self.0, cpu::_mm_cvtsi32_si128(BITS)),
            cpu::_mm256_srl_epi32(self.0, cpu::_mm_cvtsi32_si128(32 - BITS)),
        )))
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        // One waits for `self` no longer than for the xor of the two others.
        Self(instruction!(cpu::_mm256_xor_si256(
            no.0,
            cpu::_mm256_and_si256(self.0, cpu::_mm256_xor_si256(yes.0, no.0))
        )))
    }

    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        self.xor(b.xor(c))
    }

    #[inline(always)]
    fn md5_i(b: Self, c: Self, d: Self) -> Self {
        let not_d = d.xor(Self::splat(u32::MAX));
        c.xor(Self(instruction!(cpu::_mm256_or_si256(b.0, not_d.0))))
    }
}

/// Sixteen lanes in a register of AVX-512.
#[derive(Clone, Copy)]
struct Sixteen(cpu::__m512i);

impl Sixteen {
    #[inline(always)]
    fn from_words(words: [u32; 16]) -> Self {
        // SAFETY: reads the 64 bytes of `words`, wherever they lie.
        Self(unsafe { cpu::_mm512_loadu_si512(words.as_ptr().cast()) })
    }

    /// Any function of three bits: the result for `abc` is bit `abc` of the table.
    #[inline(always)]
    fn by_table<const TABLE: i32>(a: Self, b: Self, c: Self) -> Self {
        Self(instruction!(cpu::_mm512_ternarylogic_epi32::<TABLE>(
            a.0, b.0, c.0
        )))
    }

    /// Block `at` of a lane, in the order of its bytes.
    #[inline(always)]
    fn row(lanes: &[&[Block]], lane: usize, at: usize) -> cpu::__m512i {
        let block: &Block = &lanes[lane][at];
        // SAFETY: reads the 64 bytes of `block`, wherever they lie.
        unsafe { cpu::_mm512_loadu_si512(block.as_ptr().cast()) }
    }

    /// Four rows from `first` on, by columns within each quarter: vector n has word n of every
    /// quarter of the four.
    #[inline(always)]
    fn four(lanes: &[&[Block]], first: usize, at: usize) -> [cpu::__m512i; 4] {
        let (r0, r1) = (Self::row(lanes, first, at), Self::row(lanes, first + 1, at));
        let (r2, r3) = (
            Self::row(lanes, first + 2, at),
            Self::row(lanes, first + 3, at),
        );
        instruction!({
            let (a, b) = (
                cpu::_mm512_unpacklo_epi32(r0, r1),
                cpu::_mm512_unpackhi_epi32(r0, r1),
            );
            let (c, d) = (
                cpu::_mm512_unpacklo_epi32(r2, r3),
                cpu::_mm512_unpackhi_epi32(r2, r3),
            );
            [
                cpu::_mm512_unpacklo_epi64(a, c),
                cpu::_mm512_unpackhi_epi64(a, c),
                cpu::_mm512_unpacklo_epi64(b, d),
                cpu::_mm512_unpackhi_epi64(b, d),
            ]
        })
    }

    /// One such vector of each four rows: the four columns that have the same word of a quarter.
    #[inline(always)]
    fn columns(s: cpu::__m512i, t: cpu::__m512i, u: cpu::__m512i, v: cpu::__m512i) -> [Self; 4] {
        instruction!({
            let (even_low, even_high) = (
                cpu::_mm512_shuffle_i32x4::<0x88>(s, t),
                cpu::_mm512_shuffle_i32x4::<0x88>(u, v),
            );
            let (odd_low, odd_high) = (
                cpu::_mm512_shuffle_i32x4::<0xdd>(s, t),
                cpu::_mm512_shuffle_i32x4::<0xdd>(u, v),
            );
            [
                Self(cpu::_mm512_shuffle_i32x4::<0x88>(even_low, even_high)),
                Self(cpu::_mm512_shuffle_i32x4::<0x88>(odd_low, odd_high)),
                Self(cpu::_mm512_shuffle_i32x4::<0xdd>(even_low, even_high)),
                Self(cpu::_mm512_shuffle_i32x4::<0xdd>(odd_low, odd_high)),
            ]
        })
    }
}

impl Word for Sixteen {
    const LANES: usize = 16;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self(instruction!(cpu::_mm512_set1_epi32(word.cast_signed())))
    }

    #[inline(always)]
    fn gather<const N: usize>(states: &[[u32; N]], at: usize) -> Self {
        Self::from_words(std::array::from_fn(|lane| states[lane][at]))
    }

    #[inline(always)]
    fn scatter<const N: usize>(self, states: &mut [[u32; N]], at: usize) {
        let mut words = [0u32; 16];
        // SAFETY: writes the 64 bytes of `words`, wherever they lie.
        unsafe { cpu::_mm512_storeu_si512(words.as_mut_ptr().cast(), self.0) };
        for (state, word) in states.iter_mut().zip(words) {
            state[at] = word;
        }
    }

    #[inline(always)]
    fn load(lanes: &[&[Block]], at: usize) -> [Self; 16] {
        let [s0, s1, s2, s3] = Self::four(lanes, 0, at);
        let [t0, t1, t2, t3] = Self::four(lanes, 4, at);
        let [u0, u1, u2, u3] = Self::four(lanes, 8, at);
        let [v0, v1, v2, v3] = Self::four(lanes, 12, at);
        let [w0, w4, w8, w12] = Self::columns(s0, t0, u0, v0);
        let [w1, w5, w9, w13] = Self::columns(s1, t1, u1, v1);
        let [w2, w6, w10, w14] = Self::columns(s2, t2, u2, v2);
        let [w3, w7, w11, w15] = Self::columns(s3, t3, u3, v3);
        [
            w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15,
        ]
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(instruction!(cpu::_mm512_add_epi32(self.0, other.0)))
    }

    #[inline(always)]
    fn rotate_left<const BITS: i32>(self) -> Self {
        Self(instruction!(cpu::_mm512_rol_epi32::<BITS>(self.0)))
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        Self::by_table::<0xca>(self, yes, no)
    }

    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        Self::by_table::<0x96>(self, b, c)
    }

    #[inline(always)]
    fn md5_i(b: Self, c: Self, d: Self) -> Self {
        Self::by_table::<0x39>(b, c, d)
    }
}

impl Sha256Word for Sixteen {
    #[inline(always)]
    fn shift_right<const BITS: u32>(self) -> Self {
        Self(instruction!(cpu::_mm512_srli_epi32::<BITS>(self.0)))
    }

    #[inline(always)]
    fn swap_bytes(self) -> Self {
        let order = Self::from_words(std::array::from_fn(swapped));
        Self(instruction!(cpu::_mm512_shuffle_epi8(self.0, order.0)))
    }

    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        Self::by_table::<0xe8>(self, b, c)
    }
}

/// Word `n` of a byte shuffle that turns each word around; a shuffle counts within 16 bytes.
const fn swapped(n: usize) -> u32 {
    let first = 4 * (n as u32 % 4);
    u32::from_be_bytes([0, 1, 2, 3]) + first * 0x0101_0101
}
