//! The query as a signature sees it: each parameter decoded and encoded again, sorted by name and
//! then by value. `k` and `k=` are one, `;` is data, a raw `+` is a space.
//!
//! Whoever reads the same query for its meaning must decode it by the same rules, or a link could
//! be bent after signing without touching its signature.

use crate::encoding::{Plus, decode, recode};
use crate::sink::Sink;
use std::borrow::Cow;
use std::ops::Range;

/// How many parameters a query may have; one more is refused.
pub const QUERY_PARAMETERS_MAX: usize = 128;

/// The parameters of a usual presigned GET, with room for two more: one allocation.
const USUAL: usize = 8;

/// The parameter that carries the signature and so cannot be signed itself.
const SIGNATURE: &[u8] = b"X-Amz-Signature";

/// How the names of the parameters begin that a signature in the query brings with it.
const PREFIX: &[u8] = b"X-Amz-";

/// A query's parameters in canonical form and order.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    parameters: Vec<Parameter<'a>>,
    /// Where those named `X-Amz-…` stand: side by side, as they are sorted.
    prefixed: Range<usize>,
}

type Parameter<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The query has more than [`QUERY_PARAMETERS_MAX`] parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a query has at most {QUERY_PARAMETERS_MAX} parameters")]
pub struct TooManyParameters;

impl<'a> Query<'a> {
    /// Reads a query without its `?`.
    pub fn parse(raw: &'a str) -> Result<Self, TooManyParameters> {
        let mut parameters = Vec::with_capacity(if raw.is_empty() { 0 } else { USUAL });
        for pair in raw
            .as_bytes()
            .split(|b| *b == b'&')
            .filter(|pair| !pair.is_empty())
        {
            if parameters.len() == QUERY_PARAMETERS_MAX {
                return Err(TooManyParameters);
            }
            let equals = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(equals);
            let value = value.get(1..).unwrap_or_default();
            parameters.push((recode(name, Plus::Space), recode(value, Plus::Space)));
        }
        parameters.sort_unstable();
        let begin = parameters.partition_point(|(name, _)| **name < *PREFIX);
        let names = parameters[begin..]
            .iter()
            .take_while(|(name, _)| name.starts_with(PREFIX));
        let prefixed = begin..begin + names.count();
        Ok(Self {
            parameters,
            prefixed,
        })
    }

    /// Whether a parameter of this name is there. The name holds unreserved characters only.
    pub fn contains(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// The decoded value of a parameter that stands exactly once and is UTF-8.
    pub fn single(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values = self.values(name);
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        match decode(value, Plus::Literal) {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        }
    }

    /// All parameters decoded, in canonical order; `None` when one is not UTF-8.
    pub fn decoded(&self) -> Option<impl Iterator<Item = (String, String)>> {
        let text = |bytes: &[u8]| String::from_utf8(decode(bytes, Plus::Literal).into_owned()).ok();
        let pairs = self.parameters.iter();
        let pairs: Option<Vec<_>> = pairs.map(|(n, v)| Some((text(n)?, text(v)?))).collect();
        pairs.map(Vec::into_iter)
    }

    /// The encoded values of a parameter.
    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = move |p: &&Parameter<'a>| *p.0 == *name.as_bytes();
        let within = match name.as_bytes().starts_with(PREFIX) {
            true => &self.parameters[self.prefixed.clone()],
            false => &self.parameters[..],
        };
        within.iter().filter(named).map(|(_, value)| &**value)
    }

    /// Writes `a=1&b=2`, leaving the signature out.
    pub(crate) fn put(&self, sink: &mut impl Sink) {
        let mut separator: &[u8] = b"";
        for (name, value) in self.parameters.iter().filter(|p| *p.0 != *SIGNATURE) {
            sink.put(separator);
            sink.put(name);
            sink.put(b"=");
            sink.put(value);
            separator = b"&";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(raw: &str) -> String {
        let mut text = Vec::new();
        Query::parse(raw).unwrap().put(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn sorts_by_name_then_value() {
        assert_eq!(canonical(""), "");
        assert_eq!(canonical("b=2&a=1"), "a=1&b=2");
        assert_eq!(canonical("a=2&a=1&a"), "a=&a=1&a=2");
        // `-` sorts before `=`: the name decides before the value may.
        assert_eq!(canonical("a-b=1&a=2"), "a=2&a-b=1");
        assert_eq!(canonical("uploads"), "uploads=");
        assert_eq!(canonical("&&x=1=2&"), "x=1%3D2");
        assert_eq!(canonical("a;b=c;d&p=a+b"), "a%3Bb=c%3Bd&p=a%20b");
        assert_eq!(
            canonical("X-Amz-Signature=1&x-amz-signature=2"),
            "x-amz-signature=2"
        );
    }

    #[test]
    fn a_parameter_given_twice_is_not_single() {
        let query = Query::parse("a=1&b=2&a=1&c=%ff&d=x%20y").unwrap();
        assert_eq!(query.single("a"), None);
        assert_eq!(query.single("b").as_deref(), Some("2"));
        assert_eq!(query.single("c"), None);
        assert_eq!(query.single("d").as_deref(), Some("x y"));
        assert!(query.contains("a") && !query.contains("e"));
        let query = Query::parse("z=1&X-Amz-B=2&X-Amz=3&X-Amz-A=4&X-Amz-=5&Y=6").unwrap();
        for name in ["z", "X-Amz-B", "X-Amz", "X-Amz-A", "X-Amz-", "Y"] {
            assert!(query.single(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_bound_holds() {
        let most = "a&".repeat(QUERY_PARAMETERS_MAX);
        assert!(Query::parse(&most).is_ok());
        assert!(Query::parse(&format!("{most}a")).is_err());
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw: String) {
            if let Ok(query) = Query::parse(&raw) {
                let mut once = Vec::new();
                query.put(&mut once);
                let once = String::from_utf8(once).unwrap();
                prop_assert_eq!(canonical(&once), once);
            }
        }
    }
}
