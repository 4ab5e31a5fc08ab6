//! The query as a signature sees it: each parameter decoded and encoded again, sorted by name and
//! then by value. `k` and `k=` are one, `;` is data, a raw `+` is a space.
//!
//! Whoever reads the same query for its meaning must decode it by the same rules, or a link could
//! be bent after signing without touching its signature.

use crate::encoding::{Plus, decode, is_canonical_escape, recode};
use crate::sink::Sink;
use blockhouse_types::Specials;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

/// How many parameters a query may have; one more is refused.
pub const QUERY_PARAMETERS_MAX: usize = 128;

/// The parameters of a usual presigned GET, with room for two more: one allocation.
const USUAL: usize = 8;

/// The parameter that carries the signature and so cannot be signed itself.
const SIGNATURE: &[u8] = b"X-Amz-Signature";

/// The same as [`beginning`] sees it.
const SIGNATURE_BEGIN: u64 = u64::from_be_bytes(*b"X-Amz-Si");

/// How the names of the parameters begin that a signature in the query brings with it.
const PREFIX: &[u8] = b"X-Amz-";

/// The same as [`beginning`] sees it, without the two bytes behind it.
const PREFIX_BEGIN: u64 = u64::from_be_bytes(*b"\0\0X-Amz-");

/// A query's parameters in canonical form and order.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    raw: &'a str,
    /// The pairs that are not canonical as received, respelled, one behind the other.
    respelled: Vec<u8>,
    /// All but the signature, which signers send last and which would be sorted before others.
    parameters: Vec<Parameter>,
    /// Where those named `X-Amz-…` stand: side by side, as they are sorted.
    prefixed: Range<usize>,
    /// The first of the signatures.
    signature: Option<Parameter>,
    signatures: usize,
}

/// A parameter in canonical form, `name=value`, by its places in the text that it stands in.
#[derive(Debug, Clone, Copy)]
struct Parameter {
    /// How the name begins: tells most names apart, and their order, without a look at the rest.
    begin: u64,
    at: usize,
    equals: usize,
    end: usize,
    /// Whether it stands in the query as received.
    as_sent: bool,
    /// Whether anything in it is escaped.
    escaped: bool,
}

/// What is known of a pair before its end is found.
#[derive(Clone, Copy)]
struct Pending {
    at: usize,
    equals: Option<usize>,
    is_canonical: bool,
    escaped: bool,
}

impl Pending {
    fn new(at: usize) -> Self {
        Self {
            at,
            equals: None,
            is_canonical: true,
            escaped: false,
        }
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

/// The texts that parameters stand in.
#[derive(Clone, Copy)]
struct Texts<'t> {
    raw: &'t [u8],
    respelled: &'t [u8],
}

impl<'t> Texts<'t> {
    fn of(self, parameter: &Parameter) -> &'t [u8] {
        match parameter.as_sent {
            true => self.raw,
            false => self.respelled,
        }
    }

    fn name(self, parameter: &Parameter) -> &'t [u8] {
        &self.of(parameter)[parameter.at..parameter.equals]
    }

    fn value(self, parameter: &Parameter) -> &'t [u8] {
        &self.of(parameter)[parameter.equals + 1..parameter.end]
    }

    /// By name, then by value: `-` sorts before `=`, so that the pair as a whole would not do.
    #[inline]
    fn order(self, one: &Parameter, other: &Parameter) -> Ordering {
        let all = |p| (self.name(p), self.value(p));
        one.begin
            .cmp(&other.begin)
            .then_with(|| all(one).cmp(&all(other)))
    }
}

impl<'a> Query<'a> {
    /// Reads a query without its `?`.
    pub fn parse(raw: &'a str) -> Result<Self, TooManyParameters> {
        let bytes = raw.as_bytes();
        let mut query = Self {
            raw,
            respelled: Vec::new(),
            parameters: Vec::with_capacity(if raw.is_empty() { 0 } else { USUAL }),
            prefixed: 0..0,
            signature: None,
            signatures: 0,
        };
        let mut pair = Pending::new(0);
        // The digits of an escape are unreserved.
        let mut specials = Specials::new(bytes);
        loop {
            let special = specials.next();
            // The end of the text ends a pair as `&` does.
            let at = special.unwrap_or(bytes.len());
            match bytes.get(at) {
                Some(b'%') if is_canonical_escape(&bytes[at..]) => pair.escaped = true,
                Some(b'=') if pair.equals.is_none() => pair.equals = Some(at),
                Some(b'&') | None => {
                    query.add(pair, at)?;
                    pair = Pending::new(at + 1);
                }
                Some(_) => pair.is_canonical = false,
            }
            if special.is_none() {
                break;
            }
        }
        query.sort();
        Ok(query)
    }

    /// Adds a pair that ends at `end`, if there is anything of it.
    #[inline]
    fn add(&mut self, pair: Pending, end: usize) -> Result<(), TooManyParameters> {
        if pair.at == end {
            return Ok(());
        }
        if self.parameters.len() + self.signatures == QUERY_PARAMETERS_MAX {
            return Err(TooManyParameters);
        }
        let parameter = match pair.equals {
            Some(equals) if pair.is_canonical => Parameter {
                begin: beginning(&self.raw.as_bytes()[pair.at..equals]),
                at: pair.at,
                equals,
                end,
                as_sent: true,
                escaped: pair.escaped,
            },
            equals => self.respell(pair.at, equals.unwrap_or(end), end),
        };
        let is_signature =
            parameter.begin == SIGNATURE_BEGIN && self.texts().name(&parameter) == SIGNATURE;
        if is_signature {
            self.signature.get_or_insert(parameter);
            self.signatures += 1;
        } else {
            self.parameters.push(parameter);
        }
        Ok(())
    }

    /// A pair that is not canonical as sent.
    #[cold]
    fn respell(&mut self, at: usize, equals: usize, end: usize) -> Parameter {
        let sent = self.raw.as_bytes();
        let at_respelled = self.respelled.len();
        let name = recode(&sent[at..equals], Plus::Space);
        self.respelled.extend_from_slice(&name);
        let equals_respelled = self.respelled.len();
        self.respelled.push(b'=');
        let value = sent.get(equals + 1..end).unwrap_or_default();
        self.respelled
            .extend_from_slice(&recode(value, Plus::Space));
        Parameter {
            begin: beginning(&name),
            at: at_respelled,
            equals: equals_respelled,
            end: self.respelled.len(),
            as_sent: false,
            escaped: true,
        }
    }

    /// Brings the parameters in order, if they are not.
    fn sort(&mut self) {
        let texts = Texts {
            raw: self.raw.as_bytes(),
            respelled: &self.respelled,
        };
        if !self
            .parameters
            .is_sorted_by(|a, b| texts.order(a, b).is_le())
        {
            self.parameters.sort_unstable_by(|a, b| texts.order(a, b));
        }
        let prefix = |p: &&Parameter| p.begin >> 16;
        let before = self.parameters.iter();
        let begin = before.take_while(|p| prefix(p) < PREFIX_BEGIN).count();
        let names = self.parameters[begin..].iter();
        let count = names.take_while(|p| prefix(p) == PREFIX_BEGIN).count();
        self.prefixed = begin..begin + count;
    }

    fn texts(&self) -> Texts<'_> {
        Texts {
            raw: self.raw.as_bytes(),
            respelled: &self.respelled,
        }
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
        prefixed
            .chain(self.signatures())
            .map(|p| (&self.texts().name(p)[PREFIX.len()..], self.decoded(p)))
    }

    /// The first signature, as often as there are any.
    fn signatures(&self) -> impl Iterator<Item = &Parameter> {
        let signature = self.signature.iter();
        signature.flat_map(|first| std::iter::repeat_n(first, self.signatures))
    }

    fn decoded(&self, parameter: &Parameter) -> Option<Cow<'_, str>> {
        if parameter.as_sent && !parameter.escaped {
            let value = self.raw.get(parameter.equals + 1..parameter.end);
            return value.map(Cow::Borrowed);
        }
        match decode(self.texts().value(parameter), Plus::Literal) {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        }
    }

    /// All parameters but the signature, decoded, in canonical order; `None` when one is not UTF-8.
    pub fn all(&self) -> Option<impl Iterator<Item = (String, String)>> {
        let text = |bytes: &[u8]| String::from_utf8(decode(bytes, Plus::Literal).into_owned()).ok();
        let texts = self.texts();
        let pairs = self.parameters.iter();
        let pairs: Option<Vec<_>> = pairs
            .map(|pair| Some((text(texts.name(pair))?, text(texts.value(pair))?)))
            .collect();
        pairs.map(Vec::into_iter)
    }

    /// The parameters of this name.
    fn named(&self, name: &str) -> impl Iterator<Item = &Parameter> {
        let name = name.as_bytes();
        let begin = beginning(name);
        let texts = self.texts();
        let named = move |p: &&Parameter| p.begin == begin && texts.name(p) == name;
        let within = match name.starts_with(PREFIX) {
            true => &self.parameters[self.prefixed.clone()],
            false => &self.parameters[..],
        };
        within.iter().chain(self.signatures()).filter(named)
    }

    /// Writes `a=1&b=2`, leaving the signature out. What stands in the raw query like that, most often
    /// all of it, is written as one piece.
    pub(crate) fn put(&self, sink: &mut impl Sink) {
        let texts = self.texts();
        let mut separator: &[u8] = b"";
        let mut parameters = self.parameters.iter().peekable();
        while let Some(parameter) = parameters.next() {
            sink.put(separator);
            separator = b"&";
            let mut end = parameter.end;
            if parameter.as_sent {
                while let Some(next) = parameters.next_if(|next| next.as_sent && next.at == end + 1)
                {
                    end = next.end;
                }
            }
            sink.put(&texts.of(parameter)[parameter.at..end]);
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
        assert_eq!(canonical("a=1&X-Amz-Signature=1&b=2"), "a=1&b=2");
    }

    #[test]
    fn a_parameter_given_twice_is_not_single() {
        let query = Query::parse("a=1&b=2&a=1&c=%ff&d=x%20y").unwrap();
        assert_eq!(query.single("a"), None);
        assert_eq!(query.single("b").as_deref(), Some("2"));
        assert_eq!(query.single("c"), None);
        assert_eq!(query.single("d").as_deref(), Some("x y"));
        assert!(query.contains("a") && !query.contains("e"));
        let query = Query::parse("X-Amz-Signature=1&X-Amz-Signature=2").unwrap();
        assert!(query.contains("X-Amz-Signature"));
        assert_eq!(query.single("X-Amz-Signature"), None);
        assert_eq!(query.of_signature().count(), 2);
        let query = Query::parse("X-Amz-Si=1&X-Amz-Signatur%65=2").unwrap();
        assert_eq!(query.single("X-Amz-Signature").as_deref(), Some("2"));
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
        let most = "X-Amz-Signature=1&".repeat(QUERY_PARAMETERS_MAX);
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
