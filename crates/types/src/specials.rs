//! Finds what parts an encoded text, and what is escaped in it, many bytes at a time.

use wide::u8x16;

/// Bytes that are looked at in one step.
const STEP_BYTES: usize = 32;

/// Looked up, as every byte of short texts is asked for.
const UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        byte += 1;
    }
    table
};

/// `A-Z a-z 0-9 - _ . ~`: RFC 3986, section 2.3.
pub const fn is_unreserved(byte: u8) -> bool {
    UNRESERVED[byte as usize]
}

/// The places of the bytes of a text that are not [unreserved](is_unreserved), in order. Most bytes of
/// paths and queries are, so that many are looked at in one step.
pub struct Specials<'a> {
    bytes: &'a [u8],
    /// Where the step begins that follows the one at hand.
    next: usize,
    /// The places of the step at hand that were not told yet, a bit each.
    marks: u32,
}

impl<'a> Specials<'a> {
    /// Of this text.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            next: 0,
            marks: 0,
        }
    }
}

impl Iterator for Specials<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.marks == 0 {
            let rest = self.bytes.get(self.next..).filter(|r| !r.is_empty())?;
            self.marks = match (rest.first_chunk(), self.bytes.last_chunk()) {
                (Some(step), _) => marks(step),
                // The last bytes of the text, of which those before the step were looked at already.
                (None, Some(last)) => marks(last) >> (STEP_BYTES - rest.len()),
                (None, None) => marks_of_few(rest),
            };
            self.next += STEP_BYTES;
        }
        let at = self.next - STEP_BYTES + self.marks.trailing_zeros() as usize;
        self.marks &= self.marks - 1;
        Some(at)
    }
}

/// A bit for each byte that is not unreserved, the first byte's the lowest.
#[inline]
fn marks(bytes: &[u8; STEP_BYTES]) -> u32 {
    let halves = bytes.as_chunks().0.iter().rev();
    halves.fold(0, |marks, half| marks << 16 | marks_of_half(*half))
}

#[inline]
fn marks_of_half(bytes: [u8; STEP_BYTES / 2]) -> u32 {
    let bytes = u8x16::new(bytes);
    let is = |byte| bytes.simd_eq(u8x16::splat(byte));
    let among = |bytes: u8x16, first, count: u8| {
        let nth = bytes - u8x16::splat(first);
        nth.min(u8x16::splat(count - 1)).simd_eq(nth)
    };
    let letter = among(bytes | u8x16::splat(0x20), b'a', 26);
    // `-`, `.`, `/` and the digits stand side by side, and `/` is not unreserved.
    let digit = among(bytes, b'-', 13) & !is(b'/');
    (!(letter | digit | is(b'_') | is(b'~'))).to_bitmask()
}

/// The same of fewer bytes than a step has.
fn marks_of_few(bytes: &[u8]) -> u32 {
    let marks = bytes.iter().rev();
    marks.fold(0, |marks, byte| {
        marks << 1 | u32::from(!is_unreserved(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specials_are_all_that_is_not_unreserved() {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        for byte in 0..=u8::MAX {
            for len in [1, 31, 32, 33, 64, 70] {
                for at in [0, len / 2, len - 1] {
                    let mut text = vec![b'a'; len];
                    text[at] = byte;
                    let places: Vec<_> = Specials::new(&text).collect();
                    let expected: &[usize] = if unreserved(byte) { &[] } else { &[at] };
                    assert_eq!(places, expected, "{byte:#x} at {at} of {len}");
                }
            }
        }
        assert_eq!(Specials::new(&[b'/'; 77]).count(), 77);
        assert_eq!(Specials::new(b"").count(), 0);
    }
}
