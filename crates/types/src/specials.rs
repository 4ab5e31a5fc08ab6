//! Finds what parts an encoded text, and what is escaped in it, many bytes at a time.

/// Bytes that are looked at in one step.
const STEP_BYTES: usize = 32;

/// What fills up a text that ends before its last step does: an unreserved byte.
const FILLING: u8 = b'0';

/// The places of the bytes of a text that are not unreserved (`A-Z a-z 0-9 - _ . ~`; RFC 3986, section
/// 2.3), in order. Most bytes of paths and queries are, so that many are looked at
/// in one step.
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
            let mut filled;
            let (step, passed) = match (rest.first_chunk(), self.bytes.last_chunk()) {
                (Some(step), _) => (step, 0),
                // The last bytes of the text, of which those before the step were looked at already.
                (None, Some(last)) => (last, STEP_BYTES - rest.len()),
                (None, None) => {
                    filled = [FILLING; STEP_BYTES];
                    filled[..rest.len()].copy_from_slice(rest);
                    (&filled, 0)
                }
            };
            self.marks = marks(step) >> passed;
            self.next += STEP_BYTES;
        }
        let at = self.next - STEP_BYTES + self.marks.trailing_zeros() as usize;
        self.marks &= self.marks - 1;
        Some(at)
    }
}

/// A bit for each byte that is not unreserved, the first byte's the lowest. Without a branch or a table,
/// so that the compiler makes vectors of it.
#[inline]
fn marks(bytes: &[u8; STEP_BYTES]) -> u32 {
    /// Brings the lowest bits of eight bytes together in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut flags = [0; STEP_BYTES];
    for (flag, byte) in flags.iter_mut().zip(bytes) {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        // `-`, `.`, `/` and the digits stand side by side, and `/` is not unreserved.
        let digit = (byte.wrapping_sub(b'-') < 13) & (*byte != b'/');
        let mark = (*byte == b'_') | (*byte == b'~');
        *flag = u8::from(!(letter | digit | mark));
    }
    let eights = flags.as_chunks().0.iter().rev();
    eights.fold(0, |marks, eight| {
        marks << 8 | (u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56) as u32
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
