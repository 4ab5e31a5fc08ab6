//! Hexadecimal digits.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// What each digit stands for, in either case; 16 and more for all other bytes. Looked up, as every
/// digest and escape of a request is read by it.
const NIBBLES: [u8; 256] = {
    let mut table = [u8::MAX; 256];
    let mut nibble = 0;
    while nibble < 16 {
        let digit = DIGITS[nibble];
        table[digit as usize] = nibble as u8;
        table[digit.to_ascii_uppercase() as usize] = nibble as u8;
        nibble += 1;
    }
    table
};

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

/// The byte of two digits, either case; `None` if they are not digits.
#[inline]
pub const fn unhex_byte(high: u8, low: u8) -> Option<u8> {
    let (high, low) = (NIBBLES[high as usize], NIBBLES[low as usize]);
    if high | low < 16 {
        Some(high << 4 | low)
    } else {
        None
    }
}

/// Reads exactly `N` bytes of hexadecimal, either case; `None` for anything else.
pub fn unhex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(text.as_chunks().0) {
        *byte = unhex_byte(*high, *low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_bytes() {
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
        for high in 0..=u8::MAX {
            for low in 0..=u8::MAX {
                let byte = digit(high)
                    .zip(digit(low))
                    .map(|(high, low)| high << 4 | low);
                assert_eq!(unhex_byte(high, low), byte, "{high:#x} {low:#x}");
                assert_eq!(unhex(&[high, low]), byte.map(|byte| [byte]));
            }
            assert_eq!(unhex(hex(&[high]).as_bytes()), Some([high]));
        }
        assert_eq!(unhex::<2>(b"abc"), None);
        assert_eq!(unhex::<0>(b""), Some([]));
    }
}
