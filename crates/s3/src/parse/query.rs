//! The query, decoded.

use super::address::decode;
use crate::error::{ErrorKind, S3Error};
use std::borrow::Cow;

/// Parameters of one query at most; more is `InvalidURI`. A presigned upload with two kilobytes of
/// metadata in its query stays far below.
/// The verifier's own bound is the same.
const PARAMETERS_MAX: usize = 128;

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
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == PARAMETERS_MAX {
                return Err(ErrorKind::InvalidUri.into());
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (text(name)?, text(value)?);
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
}
