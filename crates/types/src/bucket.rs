use std::{fmt, net::Ipv4Addr, sync::Arc};

/// The name of a bucket: DNS style, 3 to 63 characters.
/// Source: Amazon S3 user guide, "General purpose bucket naming rules".
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketName(Arc<str>);

/// Which rule a bucket name breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBucketName {
    /// Not 3 to 63 characters.
    #[error("a bucket name has 3 to 63 characters")]
    Length,
    /// A character outside `a-z 0-9 . -`.
    #[error("a bucket name has lower-case letters, digits, dots and hyphens only")]
    Character,
    /// Begins or ends with something else than a letter or digit, or has an empty label.
    #[error("a bucket name begins and ends with a letter or digit and has no adjacent dots")]
    Shape,
    /// Looks like an IPv4 address.
    #[error("a bucket name is not formatted as an IP address")]
    Address,
    /// A prefix or suffix that S3 keeps for itself.
    #[error("a bucket name does not use a reserved prefix or suffix")]
    Reserved,
}

const RESERVED_PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
const RESERVED_SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", "--x-s3", "--table-s3", "--op-s3"];

impl BucketName {
    /// Parses a name by S3's rules.
    pub fn parse(name: &str) -> Result<Self, InvalidBucketName> {
        if !(3..=63).contains(&name.len()) {
            return Err(InvalidBucketName::Length);
        }
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
        if !name.bytes().all(legal) {
            return Err(InvalidBucketName::Character);
        }
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if !name.starts_with(edge) || !name.ends_with(edge) || name.contains("..") {
            return Err(InvalidBucketName::Shape);
        }
        if name.parse::<Ipv4Addr>().is_ok() {
            return Err(InvalidBucketName::Address);
        }
        if RESERVED_PREFIXES.iter().any(|p| name.starts_with(p))
            || RESERVED_SUFFIXES.iter().any(|s| name.ends_with(s))
        {
            return Err(InvalidBucketName::Reserved);
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// The number that a bucket gets at its creation and that is never given again: a bucket that is
/// deleted and made anew under the same name never sees the old one's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        for good in ["abc", "a-b.c", "123", "a--b", &"a".repeat(63)] {
            assert!(BucketName::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("ab", InvalidBucketName::Length),
            (&*"a".repeat(64), InvalidBucketName::Length),
            ("Abc", InvalidBucketName::Character),
            ("a_bc", InvalidBucketName::Character),
            ("-abc", InvalidBucketName::Shape),
            ("abc-", InvalidBucketName::Shape),
            ("a..b", InvalidBucketName::Shape),
            ("192.168.5.4", InvalidBucketName::Address),
            ("xn--abc", InvalidBucketName::Reserved),
            ("abc--op-s3", InvalidBucketName::Reserved),
        ] {
            assert_eq!(BucketName::parse(bad), Err(why), "{bad}");
        }
    }
}
