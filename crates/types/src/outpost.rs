use std::{fmt, str::FromStr};

/// Hexadecimal digits of an id.
const DIGITS: usize = 17;

/// The id of an Outpost: `op-` and seventeen hexadecimal digits in lower case. Source: Outposts API
/// reference, "OutpostId".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OutpostId(Box<str>);

/// The text is no id of an Outpost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an Outpost's id is op- and {DIGITS} hexadecimal digits, in lower case")]
pub struct InvalidOutpostId;

impl OutpostId {
    /// The id of these bits, of which the lowest 68 count.
    pub fn from_bits(bits: u128) -> Self {
        let bits = bits & ((1 << (4 * DIGITS)) - 1);
        Self(format!("op-{bits:0width$x}", width = DIGITS).into())
    }

    /// With `op-`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without `op-`.
    pub fn digits(&self) -> &str {
        self.0.strip_prefix("op-").unwrap_or(&self.0)
    }
}

impl FromStr for OutpostId {
    type Err = InvalidOutpostId;

    fn from_str(text: &str) -> Result<Self, InvalidOutpostId> {
        let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        match text.strip_prefix("op-") {
            Some(digits) if digits.len() == DIGITS && digits.bytes().all(digit) => {
                Ok(Self(text.into()))
            }
            _ => Err(InvalidOutpostId),
        }
    }
}

impl fmt::Display for OutpostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let id: OutpostId = "op-01ac5d28a6a232904".parse().unwrap();
        assert_eq!(
            (id.as_str(), id.digits()),
            ("op-01ac5d28a6a232904", "01ac5d28a6a232904")
        );
        assert_eq!(
            OutpostId::from_bits(u128::MAX).as_str(),
            "op-fffffffffffffffff"
        );
        assert_eq!(
            OutpostId::from_bits(7).to_string().parse(),
            Ok(OutpostId::from_bits(7))
        );
        for bad in [
            "",
            "op-",
            "op-01ac5d28a6a23290",
            "op-01AC5D28A6A232904",
            "op-01ac5d28a6a23290g",
        ] {
            assert_eq!(bad.parse::<OutpostId>(), Err(InvalidOutpostId), "{bad}");
        }
    }
}
