use crate::Entropy;
use std::fmt;

/// The id that one request keeps from accept to device, shown as `x-amz-request-id`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// A fresh id.
    pub fn new(entropy: &mut (impl Entropy + ?Sized)) -> Self {
        Self(entropy.next_u64())
    }

    /// The id with this number.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Reads an id as it is shown; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
        let is_id = text.len() == 16 && text.bytes().all(legal);
        is_id.then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }
}

/// Sixteen upper-case hexadecimal digits, as S3 shows them.
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_shown() {
        for number in [0, 1, 0xDEAD_BEEF, u64::MAX] {
            let id = RequestId::from_number(number);
            assert_eq!(RequestId::parse(&id.to_string()), Some(id));
        }
        for odd in [
            "",
            "1",
            "00000000000000fF",
            "+0000000000000FF",
            "00000000000000FF0",
        ] {
            assert_eq!(RequestId::parse(odd), None, "{odd}");
        }
    }
}
