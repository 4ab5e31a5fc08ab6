use std::fmt;

/// A 12-digit AWS account number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u64);

/// The text is not twelve decimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an account id is twelve decimal digits")]
pub struct InvalidAccountId;

impl AccountId {
    /// The account that nobody has.
    pub const ZERO: Self = Self(0);

    /// Parses exactly twelve decimal digits.
    pub fn parse(text: &str) -> Result<Self, InvalidAccountId> {
        if text.len() != 12 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidAccountId);
        }
        text.parse().map(Self).map_err(|_| InvalidAccountId)
    }

    /// The number, below 10^12.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The account with this number; `None` from 10^12 on.
    pub fn from_number(number: u64) -> Option<Self> {
        (number < 1_000_000_000_000).then_some(Self(number))
    }

    /// The canonical user id that S3 shows as an owner: 64 hexadecimal digits, made from the
    /// account number alone so that it never changes.
    pub fn canonical_user(self) -> String {
        format!("{:064x}", u128::from(self.0) | 0xb10c_0000 << 64)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_twelve_digits() {
        assert_eq!(
            AccountId::parse("000000000042").unwrap().to_string(),
            "000000000042"
        );
        for bad in [
            "",
            "1",
            "12345678901",
            "1234567890123",
            "12345678901x",
            "+12345678901",
        ] {
            assert!(AccountId::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            AccountId::from_number(1).unwrap().canonical_user().len(),
            64
        );
    }
}
