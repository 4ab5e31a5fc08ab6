//! SHA-256's compression of one block after the other, for as many streams as a [`Sha256Word`]
//! has lanes.

use super::{Block, word::Sha256Word};

/// What a stream begins with. Source: FIPS 180-4, section 5.3.3.
pub const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The first 32 bits of the fractions of the cube roots of the first primes. Source: FIPS 180-4,
/// section 4.2.2.
#[rustfmt::skip]
pub(super) const ROOTS: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5,
    0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3,
    0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc,
    0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
    0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13,
    0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3,
    0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5,
    0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208,
    0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// Sixteen steps. They turn the eight words twice around, so that each has its name again.
macro_rules! sixteen {
    ($state:ident, $w:ident, $first:expr) => {{
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = $state;
        eight!($w, $first, 0, a, b, c, d, e, f, g, h);
        eight!($w, $first, 8, a, b, c, d, e, f, g, h);
        $state = [a, b, c, d, e, f, g, h];
    }};
}

macro_rules! eight {
    ($w:ident, $first:expr, $at:literal,
     $a:ident, $b:ident, $c:ident, $d:ident, $e:ident, $f:ident, $g:ident, $h:ident) => {
        step!($w[$at], $first + $at, $a, $b, $c, $d, $e, $f, $g, $h);
        step!(
            $w[$at + 1],
            $first + $at + 1,
            $h,
            $a,
            $b,
            $c,
            $d,
            $e,
            $f,
            $g
        );
        step!(
            $w[$at + 2],
            $first + $at + 2,
            $g,
            $h,
            $a,
            $b,
            $c,
            $d,
            $e,
            $f
        );
        step!(
            $w[$at + 3],
            $first + $at + 3,
            $f,
            $g,
            $h,
            $a,
            $b,
            $c,
            $d,
            $e
        );
        step!(
            $w[$at + 4],
            $first + $at + 4,
            $e,
            $f,
            $g,
            $h,
            $a,
            $b,
            $c,
            $d
        );
        step!(
            $w[$at + 5],
            $first + $at + 5,
            $d,
            $e,
            $f,
            $g,
            $h,
            $a,
            $b,
            $c
        );
        step!(
            $w[$at + 6],
            $first + $at + 6,
            $c,
            $d,
            $e,
            $f,
            $g,
            $h,
            $a,
            $b
        );
        step!(
            $w[$at + 7],
            $first + $at + 7,
            $b,
            $c,
            $d,
            $e,
            $f,
            $g,
            $h,
            $a
        );
    };
}

macro_rules! step {
    ($w:expr, $k:expr,
     $a:ident, $b:ident, $c:ident, $d:ident, $e:ident, $f:ident, $g:ident, $h:ident) => {
        let sum = $h
            .add($w)
            .add(W::splat(ROOTS[$k]))
            .add($e.choose($f, $g))
            .add(turned::<W, 26, 21, 7>($e));
        $d = $d.add(sum);
        $h = sum
            .add($a.majority($b, $c))
            .add(turned::<W, 30, 19, 10>($a));
    };
}

/// The message schedule's next word in the place of the one that is no longer needed.
macro_rules! schedule {
    ($w:ident, $($at:literal)*) => {$(
        $w[$at] = $w[$at]
            .add(mixed::<W, 25, 14, 3>($w[($at + 1) % 16]))
            .add($w[($at + 9) % 16])
            .add(mixed::<W, 15, 13, 10>($w[($at + 14) % 16]));
    )*};
}

/// The big sigmas, their turns to the right written as turns to the left.
#[inline(always)]
fn turned<W: Sha256Word, const A: i32, const B: i32, const C: i32>(word: W) -> W {
    let (a, b, c) = (
        word.rotate_left::<A>(),
        word.rotate_left::<B>(),
        word.rotate_left::<C>(),
    );
    a.xor3(b, c)
}

/// The small sigmas.
#[inline(always)]
fn mixed<W: Sha256Word, const A: i32, const B: i32, const SHIFT: u32>(word: W) -> W {
    let (a, b) = (word.rotate_left::<A>(), word.rotate_left::<B>());
    a.xor3(b, word.shift_right::<SHIFT>())
}

/// Takes the blocks of every lane into its state. All lanes have as many blocks as the first.
#[inline(always)]
pub(super) fn compress<W: Sha256Word>(states: &mut [[u32; 8]], lanes: &[&[Block]]) {
    let mut sum = W::gather(states);
    for at in 0..lanes[0].len() {
        let mut w = W::load(lanes, at).map(W::swap_bytes);
        let mut s = sum;
        sixteen!(s, w, 0);
        for round in 1..4 {
            schedule!(w, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
            sixteen!(s, w, 16 * round);
        }
        sum = std::array::from_fn(|at| sum[at].add(s[at]));
    }
    W::scatter(sum, states);
}
