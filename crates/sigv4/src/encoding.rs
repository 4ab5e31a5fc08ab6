//! Percent-encoding, the way signatures want it: unreserved characters bare, everything else as
//! `%XX` in upper case. A received text is decoded and encoded again, so that `%7e`, `%7E` and `~`
//! are one. A `%` that starts no escape stands for itself.

use crate::sink::Sink;
use blockhouse_types::{Specials, is_unreserved, unhex_byte};
use std::borrow::Cow;

/// What a `+` means where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// Itself: in a path.
    Literal,
    /// A space: in a query, as forms encode it.
    Space,
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Encodes every byte of `bytes` that is not unreserved.
pub(crate) fn put_encoded(sink: &mut impl Sink, bytes: &[u8]) {
    let mut plain = 0;
    for at in Specials::new(bytes) {
        sink.put(&bytes[plain..at]);
        put_escape(sink, bytes[at]);
        plain = at + 1;
    }
    sink.put(&bytes[plain..]);
}

fn put_escape(sink: &mut impl Sink, byte: u8) {
    let digit = |nibble: u8| DIGITS[usize::from(nibble & 15)];
    sink.put(&[b'%', digit(byte >> 4), digit(byte)]);
}

/// Whether the `%` in front begins an escape in upper case of a byte that must be escaped.
#[inline]
pub(crate) fn is_canonical_escape(bytes: &[u8]) -> bool {
    let [_, high, low, ..] = bytes else {
        return false;
    };
    let upper = |c: &u8| !c.is_ascii_lowercase();
    upper(high) && upper(low) && unhex_byte(*high, *low).is_some_and(|byte| !is_unreserved(byte))
}

/// The canonical form of an encoded text; borrowed when it is canonical as received.
pub(crate) fn recode(raw: &[u8], plus: Plus) -> Cow<'_, [u8]> {
    if is_canonical(raw) {
        return Cow::Borrowed(raw);
    }
    let mut encoded = Vec::with_capacity(raw.len() + 16);
    put_encoded(&mut encoded, &decode(raw, plus));
    Cow::Owned(encoded)
}

fn is_canonical(raw: &[u8]) -> bool {
    has_no_other_specials(raw, |_| false)
}

/// Whether a path is canonical as received.
pub(crate) fn is_canonical_path(raw: &[u8]) -> bool {
    has_no_other_specials(raw, |byte| byte == b'/')
}

/// Whether all bytes are unreserved, part of an escape in canonical form, or among those that part.
/// The digits of an escape are unreserved.
fn has_no_other_specials(raw: &[u8], parts: impl Fn(u8) -> bool) -> bool {
    Specials::new(raw).all(|at| match raw[at] {
        b'%' => is_canonical_escape(&raw[at..]),
        byte => parts(byte),
    })
}

/// Decodes `%XX`, and `+` where it is a space; borrowed when there is nothing to decode.
pub(crate) fn decode(raw: &[u8], plus: Plus) -> Cow<'_, [u8]> {
    let mut decoded = Vec::new();
    let mut plain = 0;
    for at in Specials::new(raw) {
        let (byte, sent_bytes) = match &raw[at..] {
            [b'%', high, low, ..] => match unhex_byte(*high, *low) {
                Some(byte) => (byte, ESCAPE_BYTES),
                None => continue,
            },
            [b'+', ..] if plus == Plus::Space => (b' ', 1),
            _ => continue,
        };
        if plain == 0 {
            decoded.reserve_exact(raw.len());
        }
        decoded.extend_from_slice(&raw[plain..at]);
        decoded.push(byte);
        plain = at + sent_bytes;
    }
    if plain == 0 {
        return Cow::Borrowed(raw);
    }
    decoded.extend_from_slice(&raw[plain..]);
    Cow::Owned(decoded)
}

/// Bytes of `%XX`.
const ESCAPE_BYTES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn recoded(raw: &str, plus: Plus) -> String {
        String::from_utf8(recode(raw.as_bytes(), plus).into_owned()).unwrap()
    }

    #[test]
    fn one_form_for_every_spelling() {
        assert_eq!(recoded("a-_.~Z9", Plus::Literal), "a-_.~Z9");
        assert_eq!(recoded("%7e%7E%61", Plus::Literal), "~~a");
        assert_eq!(recoded("a%2fb%2Fc", Plus::Literal), "a%2Fb%2Fc");
        assert_eq!(recoded("a+b", Plus::Literal), "a%2Bb");
        assert_eq!(recoded("a+b%2B", Plus::Space), "a%20b%2B");
        assert_eq!(recoded("100%", Plus::Literal), "100%25");
        assert_eq!(recoded("%g1%", Plus::Literal), "%25g1%25");
        assert_eq!(recoded("\u{1234}*;", Plus::Literal), "%E1%88%B4%2A%3B");
    }

    proptest! {
        #[test]
        fn any_bytes_survive_encoding(bytes: Vec<u8>) {
            let mut encoded = Vec::new();
            put_encoded(&mut encoded, &bytes);
            prop_assert!(is_canonical(&encoded));
            prop_assert_eq!(&*decode(&encoded, Plus::Space), &*bytes);
            prop_assert_eq!(&*recode(&encoded, Plus::Space), &*encoded);
        }

        #[test]
        fn recoding_twice_changes_nothing(raw: Vec<u8>) {
            let once = recode(&raw, Plus::Space).into_owned();
            prop_assert_eq!(&*recode(&once, Plus::Space), &*once);
        }
    }
}
