//! The query as a signature sees it: each parameter decoded and encoded again, sorted by name and
//! then by value. `k` and `k=` are one, `;` is data, a raw `+` is a space.
//!
//! Whoever reads the same query for its meaning must decode it by the same rules, or a link could
//! be bent after signing without touching its signature.

use crate::encoding::{Plus, Scan, decode, recode};
use crate::sink::Sink;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

/// How many parameters a query may have; one more is refused.
pub const QUERY_PARAMETERS_MAX: usize = 128;

/// The parameters of a usual presigned GET, with room for two more: one allocation.
const USUAL: usize = 8;

/// The parameter that carries the signature and so cannot be signed itself.
const SIGNATURE: &[u8] = b"X-Amz-Signature";

/// How the names of the parameters begin that a signature in the query brings with it.
const PREFIX: &[u8] = b"X-Amz-";

/// The same as [`beginning`] sees it, without the two bytes behind it.
const PREFIX_BEGIN: u64 = u64::from_be_bytes(*b"\0\0X-Amz-");

/// A query's parameters in canonical form and order.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    raw: &'a str,
    parameters: Vec<Parameter<'a>>,
    /// Where those named `X-Amz-…` stand: side by side, as they are sorted.
    prefixed: Range<usize>,
}

/// A parameter in canonical form.
#[derive(Debug, Clone)]
struct Parameter<'a> {
    /// How the name begins: tells most names apart, and their order, without a look at the rest.
    begin: u64,
    /// `name=value`.
    pair: Cow<'a, [u8]>,
    name_bytes: usize,
    /// Where a pair that is canonical as received begins in the raw query.
    at: usize,
    /// Whether anything in it is escaped.
    escaped: bool,
}

impl<'a> Parameter<'a> {
    /// Reads what stands from `at` up to the next `&`, in one pass where it is canonical already; gives
    /// where it ends.
    fn read(raw: &'a [u8], at: usize, scan: &mut Scan<'_>) -> (Self, usize) {
        let (mut equals, mut canonical) = (None, true);
        let end = loop {
            match scan.next_special() {
                None => break raw.len(),
                Some((b'&', place)) => break place,
                Some((b'=', place)) if equals.is_none() => equals = Some(place - at),
                Some(_) => canonical = false,
            }
        };
        let escaped = scan.saw_escape();
        let sent = &raw[at..end];
        let parameter = match (equals, canonical) {
            (Some(name_bytes), true) => Self {
                begin: beginning(&sent[..name_bytes]),
                pair: Cow::Borrowed(sent),
                name_bytes,
                at,
                escaped,
            },
            _ => Self::respelled(sent),
        };
        (parameter, end)
    }

    /// A pair that is not canonical as sent.
    fn respelled(sent: &[u8]) -> Self {
        let equals = sent.iter().position(|b| *b == b'=').unwrap_or(sent.len());
        let (name, value) = sent.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        let mut pair = recode(name, Plus::Space).into_owned();
        let name_bytes = pair.len();
        pair.push(b'=');
        pair.extend_from_slice(&recode(value, Plus::Space));
        Self {
            begin: beginning(&pair[..name_bytes]),
            pair: Cow::Owned(pair),
            name_bytes,
            at: usize::MAX,
            escaped: true,
        }
    }

    fn name(&self) -> &[u8] {
        &self.pair[..self.name_bytes]
    }

    fn value(&self) -> &[u8] {
        &self.pair[self.name_bytes + 1..]
    }

    /// By name, then by value: `-` sorts before `=`, so that the pair as a whole would not do.
    fn order(&self, other: &Self) -> Ordering {
        let by_all = || (self.name(), self.value()).cmp(&(other.name(), other.value()));
        self.begin.cmp(&other.begin).then_with(by_all)
    }

    /// Where it stands in the raw query, if it is canonical there.
    fn span(&self) -> Option<Range<usize>> {
        matches!(self.pair, Cow::Borrowed(_)).then(|| self.at..self.at + self.pair.len())
    }
}

/// The first eight bytes of a name as a number, so that numbers are in the order of names. No name in
/// canonical form has the zeros that fill up a short one.
fn beginning(name: &[u8]) -> u64 {
    match name.first_chunk() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let short = name.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
            // Of no byte there is nothing to shift.
            short.checked_shl(64 - 8 * name.len() as u32).unwrap_or(0)
        }
    }
}

/// The query has more than [`QUERY_PARAMETERS_MAX`] parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a query has at most {QUERY_PARAMETERS_MAX} parameters")]
pub struct TooManyParameters;

impl<'a> Query<'a> {
    /// Reads a query without its `?`.
    pub fn parse(raw: &'a str) -> Result<Self, TooManyParameters> {
        let bytes = raw.as_bytes();
        let mut parameters = Vec::with_capacity(if raw.is_empty() { 0 } else { USUAL });
        let mut sorted = true;
        let mut scan = Scan::new(bytes);
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at] == b'&' {
                // Nothing stands before it: it is what the scan comes to next.
                scan.next_special();
                at += 1;
                continue;
            }
            if parameters.len() == QUERY_PARAMETERS_MAX {
                return Err(TooManyParameters);
            }
            let (parameter, end) = Parameter::read(bytes, at, &mut scan);
            let last = parameters.last();
            sorted &= last.is_none_or(|last: &Parameter<'_>| last.order(&parameter).is_le());
            parameters.push(parameter);
            at = end + 1;
        }
        if !sorted {
            parameters.sort_unstable_by(Parameter::order);
        }
        let prefix = |p: &&Parameter<'_>| p.begin >> 16;
        let before = parameters.iter().take_while(|p| prefix(p) < PREFIX_BEGIN);
        let begin = before.count();
        let names = parameters[begin..]
            .iter()
            .take_while(|p| prefix(p) == PREFIX_BEGIN);
        let prefixed = begin..begin + names.count();
        Ok(Self {
            raw,
            parameters,
            prefixed,
        })
    }

    /// Whether a parameter of this name is there. The name holds unreserved characters only.
    pub fn contains(&self, name: &str) -> bool {
        self.named(name).next().is_some()
    }

    /// The decoded value of a parameter that stands exactly once and is UTF-8.
    pub fn single(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut named = self.named(name);
        let parameter = named.next()?;
        match named.next() {
            None => self.decoded(parameter),
            Some(_) => None,
        }
    }

    /// The parameters that a signature in the query brings with it: what follows `X-Amz-` in the name,
    /// and the decoded value if it is UTF-8.
    pub(crate) fn of_signature(&self) -> impl Iterator<Item = (&[u8], Option<Cow<'_, str>>)> {
        let prefixed = self.parameters[self.prefixed.clone()].iter();
        prefixed.map(|p| (&p.name()[PREFIX.len()..], self.decoded(p)))
    }

    fn decoded<'q>(&'q self, parameter: &'q Parameter<'a>) -> Option<Cow<'q, str>> {
        if !parameter.escaped
            && let Some(span) = parameter.span()
        {
            let value = span.start + parameter.name_bytes + 1..span.end;
            return self.raw.get(value).map(Cow::Borrowed);
        }
        match decode(parameter.value(), Plus::Literal) {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        }
    }

    /// All parameters decoded, in canonical order; `None` when one is not UTF-8.
    pub fn all(&self) -> Option<impl Iterator<Item = (String, String)>> {
        let text = |bytes: &[u8]| String::from_utf8(decode(bytes, Plus::Literal).into_owned()).ok();
        let pairs = self.parameters.iter();
        let pairs: Option<Vec<_>> = pairs
            .map(|pair| Some((text(pair.name())?, text(pair.value())?)))
            .collect();
        pairs.map(Vec::into_iter)
    }

    /// The parameters of this name.
    fn named(&self, name: &str) -> impl Iterator<Item = &Parameter<'a>> {
        let begin = beginning(name.as_bytes());
        let named = move |p: &&Parameter<'a>| p.begin == begin && p.name() == name.as_bytes();
        let within = match name.as_bytes().starts_with(PREFIX) {
            true => &self.parameters[self.prefixed.clone()],
            false => &self.parameters[..],
        };
        within.iter().filter(named)
    }

    /// Writes `a=1&b=2`, leaving the signature out. What stands in the raw query like that, most often
    /// all of it, is written as one piece.
    pub(crate) fn put(&self, sink: &mut impl Sink) {
        let mut separator: &[u8] = b"";
        let mut parameters = self
            .parameters
            .iter()
            .filter(|p| p.name() != SIGNATURE)
            .peekable();
        while let Some(parameter) = parameters.next() {
            sink.put(separator);
            separator = b"&";
            let Some(mut span) = parameter.span() else {
                sink.put(&parameter.pair);
                continue;
            };
            while let Some(next) =
                parameters.next_if(|next| next.at == span.end + 1 && next.span().is_some())
            {
                span.end += 1 + next.pair.len();
            }
            sink.put(&self.raw.as_bytes()[span]);
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

    /// The same without a thought of speed.
    fn plainly(raw: &str) -> String {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            [name, value].map(|part| {
                let recoded = recode(part.as_bytes(), Plus::Space).into_owned();
                String::from_utf8(recoded).unwrap()
            })
        };
        let mut pairs: Vec<_> = raw.split('&').filter(|p| !p.is_empty()).map(pair).collect();
        pairs.sort();
        pairs.retain(|[name, _]| name.as_bytes() != SIGNATURE);
        let pairs: Vec<_> = pairs.iter().map(|[n, v]| format!("{n}={v}")).collect();
        pairs.join("&")
    }

    proptest! {
        #[test]
        fn is_what_the_plain_way_gives(raw in "((a|b|X-Amz-Signature|X-Amz-A|%2[fF]|%7E|[+*;-]){0,3}[=&]{0,2}){0,9}") {
            prop_assert_eq!(canonical(&raw), plainly(&raw));
        }

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
