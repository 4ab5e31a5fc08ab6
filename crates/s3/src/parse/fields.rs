//! Header fields, with those that a presigned link carries in its query.
//!
//! Some SDKs move `x-amz-*` headers into the query that they sign; S3 takes them for headers. The
//! parameters of the signature itself are not among them, nor are checksums: the JavaScript SDK puts
//! that of an empty body into every link for PUT, and S3 passes over it. A header outranks its twin in
//! the query.

use super::{
    access_point::{AccessPoints, Outpost},
    query::Query,
};
use crate::error::{ErrorKind, S3Error};
use blockhouse_types::AccountId;
use http::{HeaderMap, HeaderValue};
use std::borrow::Cow;

/// Parameters that belong to the signature. `X-Amz-Content-Sha256` is not among them: it says how
/// the body is framed, wherever it stands.
const OF_SIGNATURE: [&str; 8] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-security-token",
    "x-amz-region-set",
];

/// Whether a query parameter of this lower-case name stands for a header.
fn is_hoisted(name: &str) -> bool {
    let of_a_body = match name.strip_prefix("x-amz-checksum-") {
        Some(rest) => !["algorithm", "mode", "type"].contains(&rest),
        None => name == "x-amz-sdk-checksum-algorithm",
    };
    name.starts_with("x-amz-") && !of_a_body && !OF_SIGNATURE.contains(&name)
}

/// All fields of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    headers: &'a HeaderMap,
    /// Only of a presigned link.
    query: Option<&'a Query<'a>>,
    /// Which names may be there: dozens are asked for, few of them come.
    present: Present,
    pub(crate) tls: bool,
    /// At an access point, what a copy reads from: objects behind access points, and nothing else.
    pub(super) sources: Option<(&'a Outpost, &'a dyn AccessPoints)>,
}

/// Bloom filters of header names: of whole ones, and of how those go on that begin with `x-amz-`.
#[derive(Debug, Clone, Copy, Default)]
struct Present {
    names: u128,
    beginnings: u64,
}

/// What all fields of S3's own begin with.
const PREFIX: &str = "x-amz-";

/// Whether a name begins so, in any case; `prefix` is in lower case.
pub(crate) fn begins(name: &str, prefix: &str) -> bool {
    let start = name.as_bytes().get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

impl Present {
    /// The bit of a name in any case: it falls to its length and three of its letters.
    fn bit(name: &str) -> u128 {
        let name = name.as_bytes();
        let at = |i: usize| name.get(i).map_or(0, |b| u32::from(b.to_ascii_lowercase()));
        let (len, last) = (name.len(), name.len().wrapping_sub(1));
        let hash = at(last) ^ at(len / 2) << 2 ^ at(len * 3 / 4) << 4 ^ (len as u32) << 1;
        1 << (hash.wrapping_mul(0x9e37_79b1) >> 25)
    }

    /// The bit of the three letters behind [`PREFIX`].
    fn beginning(name: &str) -> u64 {
        let letters = name.as_bytes().iter().skip(PREFIX.len()).take(3);
        let factors = [7u8, 3, 11];
        let hash = letters.zip(factors).fold(0, |hash, (letter, factor)| {
            hash ^ letter.to_ascii_lowercase().wrapping_mul(factor)
        });
        1 << (hash % 64)
    }

    fn with(mut self, name: &str) -> Self {
        self.names |= Self::bit(name);
        if begins(name, PREFIX) {
            self.beginnings |= Self::beginning(name);
        }
        self
    }

    fn may_have(self, name: &str) -> bool {
        self.names & Self::bit(name) != 0
    }

    /// Of a prefix that goes on for three letters or more behind [`PREFIX`], whether any name may begin so.
    fn may_begin(self, prefix: &str) -> bool {
        debug_assert!(prefix.starts_with(PREFIX) && prefix.len() >= PREFIX.len() + 3);
        self.beginnings & Self::beginning(prefix) != 0
    }
}

impl<'a> Fields<'a> {
    pub(crate) fn new(headers: &'a HeaderMap, query: &'a Query<'a>, tls: bool) -> Self {
        let query = query.is_presigned().then_some(query);
        let in_headers = headers.keys().map(|name| name.as_str());
        let in_query = query
            .into_iter()
            .flat_map(|query| query.iter().map(|(name, _)| name));
        let present = in_headers
            .chain(in_query)
            .fold(Present::default(), Present::with);
        Self {
            headers,
            query,
            present,
            tls,
            sources: None,
        }
    }

    /// The field of that lower-case name; several of one name are joined by commas.
    pub(crate) fn get(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, S3Error> {
        if !self.present.may_have(name) {
            return Ok(None);
        }
        let mut values = self.headers.get_all(name).iter();
        let Some(first) = values.next() else {
            return Ok(self.hoisted(name).map(Cow::Borrowed));
        };
        let mut joined = Cow::Borrowed(text_of(name, first)?);
        for value in values {
            let joined = joined.to_mut();
            joined.push(',');
            joined.push_str(text_of(name, value)?);
        }
        Ok(Some(joined))
    }

    /// Whether the field is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.present.may_have(name)
            && (self.headers.contains_key(name) || self.hoisted(name).is_some())
    }

    /// The field's text, unless it is empty.
    pub(crate) fn some(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, S3Error> {
        Ok(self.get(name)?.filter(|value| !value.trim().is_empty()))
    }

    /// An account's number.
    pub(crate) fn account(&self, name: &'static str) -> Result<Option<AccountId>, S3Error> {
        let parse = |text: Cow<'_, str>| {
            AccountId::parse(text.trim())
                .map_err(|_| ErrorKind::InvalidBucketOwnerAwsAccountId.into())
        };
        self.get(name)?.map(parse).transpose()
    }

    /// A number of bytes.
    pub(crate) fn length(&self, name: &'static str) -> Result<Option<u64>, S3Error> {
        let parse = |text: Cow<'_, str>| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten().ok_or_else(|| {
                S3Error::invalid_argument(name, text, format!("{name} must be a number of bytes"))
            })
        };
        self.get(name)?.map(parse).transpose()
    }

    /// Fields of which the lower-case name begins so, without that beginning, in order of arrival;
    /// several of one name are joined by commas.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Result<Vec<(String, String)>, S3Error> {
        let mut found: Vec<(String, String)> = Vec::new();
        for (name, value) in self.headers {
            if let Some(rest) = name.as_str().strip_prefix(prefix) {
                let value = text_of(name.as_str(), value)?;
                match found.iter_mut().find(|(known, _)| known == rest) {
                    Some((_, joined)) => {
                        joined.push(',');
                        joined.push_str(value);
                    }
                    None => found.push((rest.to_owned(), value.to_owned())),
                }
            }
        }
        for (name, value) in self.query.iter().flat_map(|query| query.iter()) {
            let name = name.to_ascii_lowercase();
            if is_hoisted(&name)
                && let Some(rest) = name.strip_prefix(prefix)
                && !found.iter().any(|(known, _)| known == rest)
            {
                found.push((rest.to_owned(), value.to_owned()));
            }
        }
        Ok(found)
    }

    /// A field whose name begins so, in lower case; `prefix` goes on behind `x-amz-`, for three letters or more.
    pub(crate) fn has_prefix(&self, prefix: &str) -> Option<String> {
        if !self.present.may_begin(prefix) {
            return None;
        }
        let mut in_headers = self.headers.keys().map(|name| name.as_str());
        if let Some(name) = in_headers.find(|name| name.starts_with(prefix)) {
            return Some(name.to_owned());
        }
        let mut names = self.query?.iter().filter(|(name, _)| begins(name, prefix));
        names.find_map(|(name, _)| Some(name.to_ascii_lowercase()).filter(|name| is_hoisted(name)))
    }

    fn hoisted(&self, name: &str) -> Option<&'a str> {
        if !is_hoisted(name) {
            return None;
        }
        let query = self.query?;
        query
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// A value's text. Bytes that are not UTF-8 could not be given back as they came.
fn text_of<'a>(name: &str, value: &'a HeaderValue) -> Result<&'a str, S3Error> {
    std::str::from_utf8(value.as_bytes()).map_err(|_| {
        S3Error::from(ErrorKind::InvalidArgument)
            .message("Header values must be UTF-8")
            .element("ArgumentName", name)
    })
}
