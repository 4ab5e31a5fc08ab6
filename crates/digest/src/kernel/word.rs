//! A vector of 32-bit words, one of each lane: all that the hashes ask of a machine.

use super::Block;

/// One word of each lane, as MD5 needs it. The sums wrap.
pub(super) trait Word: Copy {
    /// How many streams go side by side.
    const LANES: usize;

    fn splat(word: u32) -> Self;
    /// The words of the lanes' states, of as many lanes as there are.
    fn gather<const N: usize>(states: &[[u32; N]]) -> [Self; N];
    /// The reverse of [`Word::gather`].
    fn scatter<const N: usize>(words: [Self; N], states: &mut [[u32; N]]);
    /// The 16 words of block `at` of each lane, the first byte lowest.
    fn load(lanes: &[&[Block]], at: usize) -> [Self; 16];

    fn add(self, other: Self) -> Self;
    fn rotate_left<const BITS: i32>(self) -> Self;

    /// Bit by bit: `yes` where `self` is set, else `no`.
    fn choose(self, yes: Self, no: Self) -> Self;
    fn xor3(self, b: Self, c: Self) -> Self;
    /// `c ^ (b | !d)`, of MD5's fourth round.
    fn md5_i(b: Self, c: Self, d: Self) -> Self;
}

/// What SHA-256 needs besides. There is no one-stream version: the processor's own instructions are
/// better at that.
pub(super) trait Sha256Word: Word {
    fn shift_right<const BITS: u32>(self) -> Self;
    /// The first byte highest instead of lowest, in each word.
    fn swap_bytes(self) -> Self;
    /// Bit by bit: what at least two say.
    fn majority(self, b: Self, c: Self) -> Self;
}

/// One stream: plain words.
impl Word for u32 {
    const LANES: usize = 1;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        word
    }

    #[inline(always)]
    fn gather<const N: usize>(states: &[[u32; N]]) -> [Self; N] {
        states[0]
    }

    #[inline(always)]
    fn scatter<const N: usize>(words: [Self; N], states: &mut [[u32; N]]) {
        states[0] = words;
    }

    #[inline(always)]
    fn load(lanes: &[&[Block]], at: usize) -> [Self; 16] {
        let (words, _) = lanes[0][at].as_chunks::<4>();
        std::array::from_fn(|n| u32::from_le_bytes(words[n]))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn rotate_left<const BITS: i32>(self) -> Self {
        u32::rotate_left(self, BITS.unsigned_abs())
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        (self & yes) | (!self & no)
    }

    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        self ^ b ^ c
    }

    #[inline(always)]
    fn md5_i(b: Self, c: Self, d: Self) -> Self {
        c ^ (b | !d)
    }
}

/// Two groups of lanes, step by step in turn. A step of MD5 waits for the one before; the other
/// group's fills that time.
#[derive(Clone, Copy)]
pub(super) struct Pair<W>(W, W);

impl<W: Word> Word for Pair<W> {
    const LANES: usize = 2 * W::LANES;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self(W::splat(word), W::splat(word))
    }

    #[inline(always)]
    fn gather<const N: usize>(states: &[[u32; N]]) -> [Self; N] {
        let (left, right) = states.split_at(W::LANES);
        let (left, right) = (W::gather(left), W::gather(right));
        std::array::from_fn(|at| Self(left[at], right[at]))
    }

    #[inline(always)]
    fn scatter<const N: usize>(words: [Self; N], states: &mut [[u32; N]]) {
        let (left, right) = states.split_at_mut(W::LANES);
        W::scatter(words.map(|word| word.0), left);
        W::scatter(words.map(|word| word.1), right);
    }

    #[inline(always)]
    fn load(lanes: &[&[Block]], at: usize) -> [Self; 16] {
        let (left, right) = lanes.split_at(W::LANES);
        let (left, right) = (W::load(left, at), W::load(right, at));
        std::array::from_fn(|n| Self(left[n], right[n]))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0), self.1.add(other.1))
    }

    #[inline(always)]
    fn rotate_left<const BITS: i32>(self) -> Self {
        Self(self.0.rotate_left::<BITS>(), self.1.rotate_left::<BITS>())
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        Self(self.0.choose(yes.0, no.0), self.1.choose(yes.1, no.1))
    }

    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        Self(self.0.xor3(b.0, c.0), self.1.xor3(b.1, c.1))
    }

    #[inline(always)]
    fn md5_i(b: Self, c: Self, d: Self) -> Self {
        Self(W::md5_i(b.0, c.0, d.0), W::md5_i(b.1, c.1, d.1))
    }
}
