//! The vectors of x86-64, and all `unsafe` of this crate.
//!
//! [`Avx2`], [`Avx512`] and [`ShaNi`] are proofs: a value of theirs exists only after the processor
//! was asked. Their methods enter functions that are compiled for those instructions, and nothing else
//! makes or uses the vectors [`Eight`] and [`Sixteen`], whose every method is inlined there.

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

/// The sixteen values of an expression, written out: what a loop over an array would go through
/// memory for, and a closure that is not inlined is not compiled for the instructions.
macro_rules! sixteen {
    (|$n:ident| $value:expr) => {
        sixteen!($n, $value, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    ($n:ident, $value:expr, $($at:literal)*) => {
        [$({
            let $n: usize = $at;
            $value
        }),*]
    };
}

/// The processor has AVX2.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

/// The processor has AVX-512, its instructions for bytes (BW) among it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

/// The processor has the instructions for SHA-256, and those that bring words in order for them.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShaNi(());

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

impl ShaNi {
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse4.1")
            && is_x86_feature_detected!("ssse3");
        has.then_some(Self(()))
    }

    /// Takes the blocks of two streams, of each as many as of the shorter one, into their states.
    pub(super) fn sha256(self, states: [&mut [u32; 8]; 2], streams: [&[Block]; 2]) {
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe { two::compress(states, streams) }
    }
}

/// SHA-256 of two streams by the processor's instructions for it. A round waits for the one before;
/// the other stream's fills that time. A third would find the unit taken, and no registers.
mod two {
    use super::{super::sha256::ROOTS, Block, cpu};

    /// Half of the state of each stream.
    type Half = [cpu::__m128i; 2];

    #[target_feature(enable = "sha,sse4.1,ssse3")]
    pub(super) fn compress(states: [&mut [u32; 8]; 2], streams: [&[Block]; 2]) {
        let [left, right] = &states;
        let (mut abef, mut cdgh) = ([abef(left), abef(right)], [cdgh(left), cdgh(right)]);
        for (left, right) in streams[0].iter().zip(streams[1]) {
            let mut w = [words(left), words(right)];
            let begun = (abef, cdgh);
            // The first sixteen words are the block's own.
            rounds::<0>(&mut abef, &mut cdgh, &w);
            rounds::<1>(&mut abef, &mut cdgh, &w);
            rounds::<2>(&mut abef, &mut cdgh, &w);
            rounds::<3>(&mut abef, &mut cdgh, &w);
            further::<4>(&mut abef, &mut cdgh, &mut w);
            further::<5>(&mut abef, &mut cdgh, &mut w);
            further::<6>(&mut abef, &mut cdgh, &mut w);
            further::<7>(&mut abef, &mut cdgh, &mut w);
            further::<8>(&mut abef, &mut cdgh, &mut w);
            further::<9>(&mut abef, &mut cdgh, &mut w);
            further::<10>(&mut abef, &mut cdgh, &mut w);
            further::<11>(&mut abef, &mut cdgh, &mut w);
            further::<12>(&mut abef, &mut cdgh, &mut w);
            further::<13>(&mut abef, &mut cdgh, &mut w);
            further::<14>(&mut abef, &mut cdgh, &mut w);
            further::<15>(&mut abef, &mut cdgh, &mut w);
            (abef, cdgh) = (add(abef, begun.0), add(cdgh, begun.1));
        }
        for (n, state) in states.into_iter().enumerate() {
            let ([a, b, e, f], [c, d, g, h]) = (from_highest(abef[n]), from_highest(cdgh[n]));
            *state = [a, b, c, d, e, f, g, h];
        }
    }

    /// Four rounds of each stream, from `4 * AT` on.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn rounds<const AT: usize>(abef: &mut Half, cdgh: &mut Half, w: &[[cpu::__m128i; 4]; 2]) {
        let roots = const { ROOTS.as_chunks::<4>().0[AT] };
        let [k0, k1, k2, k3] = roots.map(u32::cast_signed);
        let roots = cpu::_mm_set_epi32(k3, k2, k1, k0);
        let low = add([w[0][AT % 4], w[1][AT % 4]], [roots; 2]);
        let high = low.map(|words| cpu::_mm_shuffle_epi32::<0x0e>(words));
        cdgh[0] = cpu::_mm_sha256rnds2_epu32(cdgh[0], abef[0], low[0]);
        cdgh[1] = cpu::_mm_sha256rnds2_epu32(cdgh[1], abef[1], low[1]);
        abef[0] = cpu::_mm_sha256rnds2_epu32(abef[0], cdgh[0], high[0]);
        abef[1] = cpu::_mm_sha256rnds2_epu32(abef[1], cdgh[1], high[1]);
    }

    /// As [`rounds`], with the message schedule's next words in the place of those that are no longer
    /// needed.
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3")]
    fn further<const AT: usize>(abef: &mut Half, cdgh: &mut Half, w: &mut [[cpu::__m128i; 4]; 2]) {
        for w in &mut *w {
            let [w0, w1, w2, w3] = std::array::from_fn(|n| w[(AT + n) % 4]);
            let sum = cpu::_mm_add_epi32(
                cpu::_mm_sha256msg1_epu32(w0, w1),
                cpu::_mm_alignr_epi8::<4>(w3, w2),
            );
            w[AT % 4] = cpu::_mm_sha256msg2_epu32(sum, w3);
        }
        rounds::<AT>(abef, cdgh, w);
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn add(a: Half, b: Half) -> Half {
        [
            cpu::_mm_add_epi32(a[0], b[0]),
            cpu::_mm_add_epi32(a[1], b[1]),
        ]
    }

    /// The words of a block, four in each vector.
    #[inline]
    #[target_feature(enable = "ssse3")]
    fn words(block: &Block) -> [cpu::__m128i; 4] {
        let (quarters, _) = block.as_chunks::<16>();
        // Each word turned around.
        let order = cpu::_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
        std::array::from_fn(|n| {
            let quarter: &[u8; 16] = &quarters[n];
            // SAFETY: reads the 16 bytes of `quarter`, wherever they lie.
            let words = unsafe { cpu::_mm_loadu_si128(quarter.as_ptr().cast()) };
            cpu::_mm_shuffle_epi8(words, order)
        })
    }

    /// The half of a state that the instructions call ABEF, its first word highest.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn abef(state: &[u32; 8]) -> cpu::__m128i {
        let [a, b, _, _, e, f, _, _] = state.map(u32::cast_signed);
        cpu::_mm_set_epi32(a, b, e, f)
    }

    /// The half that they call CDGH.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn cdgh(state: &[u32; 8]) -> cpu::__m128i {
        let [_, _, c, d, _, _, g, h] = state.map(u32::cast_signed);
        cpu::_mm_set_epi32(c, d, g, h)
    }

    /// The words of a vector, the highest first.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn from_highest(vector: cpu::__m128i) -> [u32; 4] {
        let mut words = [0u32; 4];
        // SAFETY: writes the 16 bytes of `words`, wherever they lie.
        unsafe { cpu::_mm_storeu_si128(words.as_mut_ptr().cast(), vector) };
        words.reverse();
        words
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
    fn gather<const N: usize>(states: &[[u32; N]]) -> [Self; N] {
        std::array::from_fn(|at| Self::from_words(std::array::from_fn(|lane| states[lane][at])))
    }

    #[inline(always)]
    fn scatter<const N: usize>(words: [Self; N], states: &mut [[u32; N]]) {
        for (at, vector) in words.into_iter().enumerate() {
            let mut words = [0u32; 8];
            // SAFETY: writes the 32 bytes of `words`, wherever they lie.
            unsafe { cpu::_mm256_storeu_si256(words.as_mut_ptr().cast(), vector.0) };
            for (state, word) in states.iter_mut().zip(words) {
                state[at] = word;
            }
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

    /// The words of a block, in the order of its bytes.
    #[inline(always)]
    fn from_block(block: &Block) -> Self {
        // SAFETY: reads the 64 bytes of `block`, wherever they lie.
        Self(unsafe { cpu::_mm512_loadu_si512(block.as_ptr().cast()) })
    }

    /// The words of a state of MD5 or SHA-256, and others behind them that nobody reads.
    #[inline(always)]
    fn from_state<const N: usize>(state: &[u32; N]) -> Self {
        const { assert!(N == 4 || N == 8) };
        let words = state.as_ptr();
        // A load that is wider than the store of these words was would wait for the cache.
        // SAFETY: reads the `N` words of `state`, wherever they lie.
        Self(unsafe {
            match N {
                4 => cpu::_mm512_castsi128_si512(cpu::_mm_loadu_si128(words.cast())),
                _ => cpu::_mm512_castsi256_si512(cpu::_mm256_loadu_si256(words.cast())),
            }
        })
    }

    /// The reverse of [`Sixteen::from_state`].
    #[inline(always)]
    fn to_state<const N: usize>(self, state: &mut [u32; N]) {
        const { assert!(N == 4 || N == 8) };
        let words = state.as_mut_ptr();
        // SAFETY: writes the `N` words of `state`, wherever they lie.
        unsafe {
            match N {
                4 => cpu::_mm_storeu_si128(words.cast(), cpu::_mm512_castsi512_si128(self.0)),
                _ => cpu::_mm256_storeu_si256(words.cast(), cpu::_mm512_castsi512_si256(self.0)),
            }
        }
    }

    /// Any function of three bits: the result for `abc` is bit `abc` of the table.
    #[inline(always)]
    fn by_table<const TABLE: i32>(a: Self, b: Self, c: Self) -> Self {
        Self(instruction!(cpu::_mm512_ternarylogic_epi32::<TABLE>(
            a.0, b.0, c.0
        )))
    }

    /// The words of sixteen rows, by columns.
    #[inline(always)]
    fn transpose(rows: [Self; 16]) -> [Self; 16] {
        let [s0, s1, s2, s3] = Self::four(&rows, 0);
        let [t0, t1, t2, t3] = Self::four(&rows, 4);
        let [u0, u1, u2, u3] = Self::four(&rows, 8);
        let [v0, v1, v2, v3] = Self::four(&rows, 12);
        let [w0, w4, w8, w12] = Self::columns(s0, t0, u0, v0);
        let [w1, w5, w9, w13] = Self::columns(s1, t1, u1, v1);
        let [w2, w6, w10, w14] = Self::columns(s2, t2, u2, v2);
        let [w3, w7, w11, w15] = Self::columns(s3, t3, u3, v3);
        [
            w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15,
        ]
    }

    /// Four rows from `first` on, by columns within each quarter: vector n has word n of every
    /// quarter of the four.
    #[inline(always)]
    fn four(rows: &[Self; 16], first: usize) -> [cpu::__m512i; 4] {
        let (r0, r1) = (rows[first].0, rows[first + 1].0);
        let (r2, r3) = (rows[first + 2].0, rows[first + 3].0);
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
    fn gather<const N: usize>(states: &[[u32; N]]) -> [Self; N] {
        let words = Self::transpose(sixteen!(|lane| Self::from_state(&states[lane])));
        std::array::from_fn(|at| words[at])
    }

    #[inline(always)]
    fn scatter<const N: usize>(words: [Self; N], states: &mut [[u32; N]]) {
        let zero = Self::splat(0);
        let rows = Self::transpose(sixteen!(|at| if at < N { words[at] } else { zero }));
        for (state, row) in states.iter_mut().zip(rows) {
            row.to_state(state);
        }
    }

    #[inline(always)]
    fn load(lanes: &[&[Block]], at: usize) -> [Self; 16] {
        Self::transpose(sixteen!(|lane| Self::from_block(&lanes[lane][at])))
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
