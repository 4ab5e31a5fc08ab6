//! The terms of a presigned link: what its signer asked for beyond what S3 knows.
//!
//! Any SDK can make such a link, because terms are query parameters that it signs with all others.
//! Everything in a presigned query is covered by the signature, so whoever holds the link can
//! neither add nor drop nor change a term.
//!
//! ```text
//!   x-bh-once=TOKEN        works once               x-bh-confirm=no      … without asking a browser
//!   x-bh-source=LIST       from these addresses     x-bh-not-before=TIME not earlier
//!   x-bh-max-bytes=N       an upload's length       x-bh-head=1          HEAD as well as GET
//! ```
//!
//! Terms are read strictly. A name that begins with `x-bh-` and is not one of these, a value that
//! is not exactly of its form, a term that its operation cannot keep, and any of them on a request
//! that is not signed in its query: each is 400 InvalidArgument. A term that was passed over would
//! be a promise broken in silence.
//!
//! Nothing is judged here: that needs to know who asks, from where, and what time it is.

mod source;

pub use source::{Cidr, SOURCES_MAX, Source};

use crate::{
    error::S3Error,
    operation::Operation,
    parse::{Query, begins, is_presigned, query_has},
};
use blockhouse_types::Timestamp;
use http::Method;
use std::{fmt, sync::Arc};

/// How every term's name begins; in any case of letters, so that none is passed over.
pub(crate) const PREFIX: &str = "x-bh-";

/// Letters of a `once` token at most.
pub const ONCE_TOKEN_LEN_MAX: usize = 64;

/// The terms of one link. Those of any other request are the default: none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkTerms {
    /// `x-bh-once`: the link may be used once.
    pub once: Option<OnceToken>,
    /// `x-bh-confirm`.
    pub confirm: Confirm,
    /// `x-bh-source`: it works from these only; `None`: from anywhere.
    pub sources: Option<Vec<Source>>,
    /// `x-bh-not-before`: it does not work earlier.
    pub not_before: Option<Timestamp>,
    /// `x-bh-max-bytes`: what it uploads is not longer, in bytes.
    pub max_bytes: Option<u64>,
    /// `x-bh-head`: HEAD is allowed where GET was signed.
    pub head: bool,
}

/// Tells apart one-time links that would otherwise be the same. Whoever has it has the link, so it
/// does not print.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OnceToken(Arc<str>);

/// Whether a browser asks its user before a one-time link is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirm {
    /// It asks.
    #[default]
    Ask,
    /// It does not: `x-bh-confirm=no`.
    Skip,
}

impl OnceToken {
    /// Reads 1 to [`ONCE_TOKEN_LEN_MAX`] of `A-Za-z0-9_-`.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let fits = (1..=ONCE_TOKEN_LEN_MAX).contains(&text.len());
        (fits && text.bytes().all(legal)).then(|| Self(text.into()))
    }

    /// The token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OnceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnceToken")
    }
}

impl LinkTerms {
    /// Reads the terms that a query holds. `operation` is what it asks for.
    pub(crate) fn read(query: &Query<'_>, operation: &Operation) -> Result<Self, S3Error> {
        let mut terms = Self::default();
        for (name, value) in query.iter() {
            let ours = begins(name, PREFIX);
            if !ours {
                continue;
            }
            if !query.is_presigned() {
                return Err(refused(
                    name,
                    value,
                    "x-bh- parameters belong to presigned links only",
                ));
            }
            terms.take(name, value)?;
        }
        terms.fit(operation)
    }

    /// Takes one parameter. None comes twice: a query with two of one name was refused as a whole.
    fn take(&mut self, name: &str, value: &str) -> Result<(), S3Error> {
        let bad = |form| move || refused(name, value, form);
        match name {
            "x-bh-once" => {
                let token = OnceToken::parse(value);
                self.once = Some(token.ok_or_else(bad("x-bh-once takes 1 to 64 of A-Za-z0-9_-"))?);
            }
            "x-bh-confirm" if value == "no" => self.confirm = Confirm::Skip,
            "x-bh-confirm" => return Err(bad("x-bh-confirm takes no")()),
            "x-bh-source" => self.sources = Some(source::parse(value).ok_or_else(bad(
                "x-bh-source takes a list of CIDR, vpc-ID/CIDR and vpce-ID, with commas between",
            ))?),
            "x-bh-not-before" => {
                let time = Timestamp::parse_basic(value).ok();
                self.not_before = Some(time.ok_or_else(bad(
                    "x-bh-not-before takes a time in the form yyyyMMdd'T'HHmmss'Z'",
                ))?);
            }
            "x-bh-max-bytes" => {
                let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                let bytes = digits.then(|| value.parse().ok()).flatten();
                self.max_bytes =
                    Some(bytes.ok_or_else(bad("x-bh-max-bytes takes a number of bytes"))?);
            }
            "x-bh-head" if value == "1" => self.head = true,
            "x-bh-head" => return Err(bad("x-bh-head takes 1")()),
            _ => return Err(bad("No x-bh- parameter has this name")()),
        }
        Ok(())
    }

    /// Refuses a term that the operation cannot keep.
    fn fit(self, operation: &Operation) -> Result<Self, S3Error> {
        use Operation as Op;
        let reads = matches!(operation, Op::GetObject(_) | Op::HeadObject(_));
        let puts = matches!(operation, Op::PutObject(_));
        let uploads = puts || matches!(operation, Op::UploadPart(_));
        if matches!(operation, Op::Preflight(_)) {
            // A browser's question about the link; it does nothing of what the terms are about.
            return Ok(self);
        }
        let told = |name, text| Err(refused(name, operation.name(), text));
        if self.once.is_some() && !reads && !puts {
            return told("x-bh-once", "x-bh-once is for GetObject and PutObject");
        }
        if self.max_bytes.is_some() && !uploads {
            return told(
                "x-bh-max-bytes",
                "x-bh-max-bytes is for PutObject and UploadPart",
            );
        }
        if self.head && !reads {
            return told("x-bh-head", "x-bh-head is for GetObject");
        }
        Ok(self)
    }
}

/// Whether a request is the GET of a one-time link, sent by the button that asks for it: a form can
/// send nothing else but POST, and nothing that only looks at links sends a form.
pub fn is_confirmation(method: &Method, query: &str) -> bool {
    method == Method::POST && is_presigned(query) && query_has(query, "x-bh-once")
}

/// 400 InvalidArgument. The names of S3's elements are static, a parameter's name is not.
fn refused(name: &str, value: &str, message: &'static str) -> S3Error {
    S3Error::from(crate::ErrorKind::InvalidArgument)
        .message(message)
        .element("ArgumentName", name)
        .element("ArgumentValue", value)
}

#[cfg(test)]
mod tests;
