//! The query, decoded.

use super::address::decode;
use crate::error::{ErrorKind, S3Error};
use blockhouse_types::Specials;
use std::borrow::Cow;

/// Parameters of one query at most; more is `InvalidURI`. A presigned upload with two kilobytes of
/// metadata in its query stays far below.
/// The verifier's own bound is the same.
const PARAMETERS_MAX: usize = 128;

/// Room for what most links have.
const PARAMETERS_USUAL: usize = 8;

/// The parameter that makes a request a link.
pub(super) const SIGNATURE: &str = "X-Amz-Signature";

/// Parameters in order of arrival, decoded; `k` and `k=` are alike.
#[derive(Debug, Default)]
pub(crate) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Reads a query. A name that comes twice is 400 InvalidArgument: a signature covers the sorted
    /// query, so whoever holds a link could otherwise choose by the order which of two values counts.
    pub(crate) fn parse(raw: &'a str) -> Result<Self, S3Error> {
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = match raw {
            "" => Vec::new(),
            _ => Vec::with_capacity(PARAMETERS_USUAL),
        };
        for pair in Pairs::new(raw) {
            if pairs.len() == PARAMETERS_MAX {
                return Err(ErrorKind::InvalidUri.into());
            }
            let (name, value) = (pair.name.decoded()?, pair.value.decoded()?);
            if pairs.iter().any(|(known, _)| *known == name) {
                let message = "A query parameter may be given once only";
                return Err(S3Error::invalid_argument("query", name, message));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// The value of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| &**value)
    }

    /// The value of that name, unless it is empty.
    pub(crate) fn some(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The value, or the empty string.
    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether the query itself is signed.
    pub(crate) fn is_presigned(&self) -> bool {
        self.get(SIGNATURE).is_some()
    }
}

/// A name or a value as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Raw<'a> {
    pub(super) text: &'a str,
    /// Whether a `%` or a `+` is in it.
    pub(super) coded: bool,
}

impl<'a> Raw<'a> {
    /// `+` is a space, then `%XX`; UTF-8 only.
    fn decoded(self) -> Result<Cow<'a, str>, S3Error> {
        if !self.coded {
            return Ok(Cow::Borrowed(self.text));
        }
        let bytes = match self.text.contains('+') {
            true => decode(&self.text.replace('+', " "))?.into_owned(),
            false => decode(self.text)?.into_owned(),
        };
        let text = String::from_utf8(bytes);
        text.map(Cow::Owned)
            .map_err(|_| ErrorKind::InvalidUri.into())
    }
}

/// A parameter as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    pub(super) name: Raw<'a>,
    value: Raw<'a>,
}

/// The parameters of a query in order, those that are empty left out. One look at each byte tells all
/// there is to know of it.
pub(super) struct Pairs<'a> {
    raw: &'a str,
    /// The places of `&`, `=`, `%` and `+`, among others, that were not come to yet.
    specials: Specials<'a>,
    /// Where the next one begins.
    at: usize,
}

impl<'a> Pairs<'a> {
    pub(super) fn new(raw: &'a str) -> Self {
        Self {
            raw,
            specials: Specials::new(raw.as_bytes()),
            at: 0,
        }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        while self.at < self.raw.len() {
            let (begin, mut end, mut equals, mut coded) =
                (self.at, self.raw.len(), None, [false; 2]);
            for at in self.specials.by_ref() {
                match self.raw.as_bytes()[at] {
                    b'&' => {
                        end = at;
                        break;
                    }
                    b'=' if equals.is_none() => equals = Some(at),
                    b'%' | b'+' => coded[usize::from(equals.is_some())] = true,
                    _ => {}
                }
            }
            self.at = end + 1;
            if begin == end {
                continue;
            }
            let (name, value) = match equals {
                Some(at) => (&self.raw[begin..at], &self.raw[at + 1..end]),
                None => (&self.raw[begin..end], ""),
            };
            let raw = |text, coded| Raw { text, coded };
            return Some(Pair {
                name: raw(name, coded[0]),
                value: raw(value, coded[1]),
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decodes() {
        let query = Query::parse("a=1&b&&c=%2B+%20x=y&%61b=;").unwrap();
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.get("b"), Some(""));
        assert_eq!(query.get("c"), Some("+  x=y"));
        assert_eq!(query.get("ab"), Some(";"));
        assert_eq!(query.get("d"), None);
        for bad in ["a=%", "a=%ff", "%gg", "versionId=1&version%49d=2"] {
            assert!(Query::parse(bad).is_err(), "{bad}");
        }
        let many = |count: usize| (0..count).map(|n| format!("a{n}&")).collect::<String>();
        assert!(Query::parse(&many(PARAMETERS_MAX)).is_ok());
        assert!(Query::parse(&many(PARAMETERS_MAX + 1)).is_err());
    }

    proptest! {
        /// One pass takes apart what the plain way does.
        #[test]
        fn pairs_are_what_stands_between_ampersands(text in "([&=%+aé]|%2B){0,12}") {
            let shown = |text: &str| (text.to_owned(), text.contains(['%', '+']));
            let plainly = text.split('&').filter(|pair| !pair.is_empty());
            let plainly = plainly.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            let plainly: Vec<_> = plainly.map(|(name, value)| (shown(name), shown(value))).collect();
            let raw = |raw: Raw<'_>| (raw.text.to_owned(), raw.coded);
            let pairs: Vec<_> = Pairs::new(&text).map(|pair| (raw(pair.name), raw(pair.value))).collect();
            prop_assert_eq!(pairs, plainly);
        }
    }
}
