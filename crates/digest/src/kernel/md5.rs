//! MD5's compression of one block after the other, for as many streams as a [`Word`] has lanes.

use super::{Block, word::Word};

/// What a stream begins with. Source: RFC 1321, section 3.3.
pub(crate) const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// The integer part of `2^32 * abs(sin(i + 1))`. Source: RFC 1321, section 3.4.
#[rustfmt::skip]
const SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee,
    0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be,
    0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa,
    0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed,
    0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c,
    0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05,
    0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039,
    0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1,
    0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

/// Four steps: a function of three words, the message words it takes, and how far it turns. What
/// does not wait for the step before is added first: the chain of waiting is all that MD5 costs.
macro_rules! steps {
    ($function:expr, $state:ident, $message:ident, $first:literal,
     [$m0:literal $m1:literal $m2:literal $m3:literal],
     [$s0:literal $s1:literal $s2:literal $s3:literal]) => {{
        let [mut a, mut b, mut c, mut d] = $state;
        step!($function, a, b, c, d, $message[$m0], SINES[$first], $s0);
        step!($function, d, a, b, c, $message[$m1], SINES[$first + 1], $s1);
        step!($function, c, d, a, b, $message[$m2], SINES[$first + 2], $s2);
        step!($function, b, c, d, a, $message[$m3], SINES[$first + 3], $s3);
        $state = [a, b, c, d];
    }};
}

macro_rules! step {
    ($function:expr, $a:ident, $b:ident, $c:ident, $d:ident, $m:expr, $k:expr, $turn:literal) => {
        $a = $a
            .add($m.add(W::splat($k)))
            .add($function($b, $c, $d))
            .rotate_left::<$turn>()
            .add($b);
    };
}

/// Takes the blocks of every lane into its state. All lanes have as many blocks as the first.
#[inline(always)]
#[rustfmt::skip]
pub(super) fn compress<W: Word>(states: &mut [[u32; 4]], lanes: &[&[Block]]) {
    let mut sum = W::gather(states);
    for at in 0..lanes[0].len() {
        let m = W::load(lanes, at);
        let mut s = sum;
        let f = |b: W, c: W, d: W| b.choose(c, d);
        steps!(f, s, m,  0, [ 0  1  2  3], [7 12 17 22]);
        steps!(f, s, m,  4, [ 4  5  6  7], [7 12 17 22]);
        steps!(f, s, m,  8, [ 8  9 10 11], [7 12 17 22]);
        steps!(f, s, m, 12, [12 13 14 15], [7 12 17 22]);
        let g = |b: W, c: W, d: W| d.choose(b, c);
        steps!(g, s, m, 16, [ 1  6 11  0], [5 9 14 20]);
        steps!(g, s, m, 20, [ 5 10 15  4], [5 9 14 20]);
        steps!(g, s, m, 24, [ 9 14  3  8], [5 9 14 20]);
        steps!(g, s, m, 28, [13  2  7 12], [5 9 14 20]);
        let h = |b: W, c: W, d: W| b.xor3(c, d);
        steps!(h, s, m, 32, [ 5  8 11 14], [4 11 16 23]);
        steps!(h, s, m, 36, [ 1  4  7 10], [4 11 16 23]);
        steps!(h, s, m, 40, [13  0  3  6], [4 11 16 23]);
        steps!(h, s, m, 44, [ 9 12 15  2], [4 11 16 23]);
        let i = |b: W, c: W, d: W| W::md5_i(b, c, d);
        steps!(i, s, m, 48, [ 0  7 14  5], [6 10 15 21]);
        steps!(i, s, m, 52, [12  3 10  1], [6 10 15 21]);
        steps!(i, s, m, 56, [ 8 15  6 13], [6 10 15 21]);
        steps!(i, s, m, 60, [ 4 11  2  9], [6 10 15 21]);
        sum = std::array::from_fn(|at| sum[at].add(s[at]));
    }
    W::scatter(sum, states);
}
