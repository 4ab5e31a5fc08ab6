//! The query, decoded.

use super::address::decode;
use crate::error::{ErrorKind, S3Error};
use std::borrow::Cow;

/// Parameters of one query at most; more is `InvalidURI`. A presigned upload with two kilobytes of
/// metadata in its query stays far below.
const PARAMETERS_MAX: usize = 256;

/// Parameters in order of arrival, decoded; `k` and `k=` are alike.
#[derive(Debug, Default)]
pub(crate) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    pub(crate) fn parse(raw: &'a str) -> Result<Self, S3Error> {
        let mut pairs = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == PARAMETERS_MAX {
                return Err(ErrorKind::InvalidUri.into());
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((text(name)?, text(value)?));
        }
        Ok(Self { pairs })
    }

    /// The first value of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| &**value)
    }

    /// The first value of that name, unless it is empty.
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
        self.get("X-Amz-Signature").is_some()
    }
}

/// `+` is a space, then `%XX`; UTF-8 only.
fn text(raw: &str) -> Result<Cow<'_, str>, S3Error> {
    if raw.contains('+') {
        let spaced = raw.replace('+', " ");
        let bytes = decode(&spaced)?.into_owned();
        return String::from_utf8(bytes)
            .map(Cow::Owned)
            .map_err(|_| ErrorKind::InvalidUri.into());
    }
    match decode(raw)? {
        Cow::Borrowed(_) => Ok(Cow::Borrowed(raw)),
        Cow::Owned(bytes) => String::from_utf8(bytes)
            .map(Cow::Owned)
            .map_err(|_| ErrorKind::InvalidUri.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        let query = Query::parse("a=1&b&&c=%2B+%20x=y&a=2&%61b=;").unwrap();
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.get("b"), Some(""));
        assert_eq!(query.get("c"), Some("+  x=y"));
        assert_eq!(query.get("ab"), Some(";"));
        assert_eq!(query.get("d"), None);
        for bad in ["a=%", "a=%ff", "%gg"] {
            assert!(Query::parse(bad).is_err(), "{bad}");
        }
        assert!(Query::parse(&"a&".repeat(PARAMETERS_MAX)).is_ok());
        assert!(Query::parse(&"a&".repeat(PARAMETERS_MAX + 1)).is_err());
    }
}
