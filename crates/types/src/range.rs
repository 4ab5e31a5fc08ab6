use std::ops::Range;

/// One byte range as a client asks for it. Source: RFC 9110, section 14.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// `bytes=first-` or `bytes=first-last`; `last` is inclusive.
    From {
        /// First byte.
        first: u64,
        /// Last byte, inclusive; `None` to the end.
        last: Option<u64>,
    },
    /// `bytes=-count`: the last `count` bytes.
    Suffix {
        /// How many.
        count: u64,
    },
}

impl ByteRange {
    /// Parses a `Range` header. `None` for what a server ignores: another unit, several ranges,
    /// bad syntax, last before first. S3 then sends the whole object with 200.
    pub fn parse(header: &str) -> Option<Self> {
        let number = |text: &str| -> Option<u64> {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let (first, last) = header
            .trim()
            .strip_prefix("bytes=")?
            .trim()
            .split_once('-')?;
        match (first, last) {
            ("", count) => Some(Self::Suffix {
                count: number(count)?,
            }),
            (first, "") => Some(Self::From {
                first: number(first)?,
                last: None,
            }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From {
                    first,
                    last: Some(last),
                })
            }
        }
    }

    /// The half-open range within an object of `size` bytes; `None` when nothing of it exists,
    /// which is 416 InvalidRange.
    pub fn resolve(self, size: u64) -> Option<Range<u64>> {
        match self {
            Self::From { first, .. } if first >= size => None,
            Self::From { first, last } => {
                Some(first..last.map_or(size, |l| l.saturating_add(1).min(size)))
            }
            Self::Suffix { count } if count == 0 || size == 0 => None,
            Self::Suffix { count } => Some(size.saturating_sub(count)..size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_resolves() {
        let r = |h: &str, size| ByteRange::parse(h).map(|r| r.resolve(size));
        assert_eq!(r("bytes=0-4", 10), Some(Some(0..5)));
        assert_eq!(r("bytes=4-", 10), Some(Some(4..10)));
        assert_eq!(r("bytes=4-400", 10), Some(Some(4..10)));
        assert_eq!(r("bytes=-3", 10), Some(Some(7..10)));
        assert_eq!(r("bytes=-30", 10), Some(Some(0..10)));
        assert_eq!(r("bytes=10-", 10), Some(None));
        assert_eq!(r("bytes=-0", 10), Some(None));
        assert_eq!(r("bytes=0-18446744073709551615", 10), Some(Some(0..10)));
        for ignored in [
            "",
            "bytes=",
            "bytes=-",
            "bytes=5-4",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes=+1-2",
        ] {
            assert_eq!(ByteRange::parse(ignored), None, "{ignored}");
        }
    }
}
