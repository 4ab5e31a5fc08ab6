//! A request's head becomes an operation.
//!
//! ```text
//!   host, path ──► Address (bucket or access point, key, style)
//!   query ───────► Query   ──► which subresource ──┐
//!   headers ─────► Fields  (with those that a presigned link keeps in its query)
//!                                                  ▼
//!                               route ──► one function per operation ──► Operation
//!                                                  └──► BodyPromise, expected owners
//! ```
//!
//! Every name and number is checked here and nowhere else. What is not understood is refused, never
//! taken for something similar: a subresource that is unknown is 501 NotImplemented, not the
//! operation that the path alone would mean.
//!
//! Errors are values like operations: nobody is told them before the signature was judged.

mod access_point;
mod address;
mod attributes;
mod bucket;
mod conditions;
mod copy;
mod fields;
mod form;
mod list;
mod multipart;
mod object;
mod preflight;
mod promise;
mod query;
mod route;

pub use access_point::{AccessPoint, AccessPoints, Outpost};
pub use address::{Address, Domains, Style};
pub use form::parse_form;
pub use promise::{BodyPromise, PromisedChecksum};

pub(crate) use fields::begins;
pub(crate) use list::token_of;
pub(crate) use query::Query;

use crate::{error::S3Error, link::LinkTerms, operation::Operation};
use blockhouse_types::AccountId;
use fields::Fields;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use query::{Pair, Pairs, SIGNATURE};

/// A request's head as received.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// `Host`, with its port.
    pub host: Option<&'a str>,
    /// The path, percent-encoded.
    pub path: &'a str,
    /// The query without `?`, percent-encoded; empty for none.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// Whether it came over TLS.
    pub tls: bool,
}

/// What a head asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The operation.
    pub operation: Operation,
    /// How the bucket was named.
    pub style: Style,
    /// The access point that the host names.
    pub through: Option<AccessPoint>,
    /// Whether it came by a link, as [`is_presigned`] says.
    pub by_link: bool,
    /// What the head says of the body.
    pub promise: BodyPromise,
    /// What the signer of a link asked for; of any other request, nothing.
    pub terms: LinkTerms,
    /// `x-amz-expected-bucket-owner`: another owner is 403 AccessDenied.
    pub expected_owner: Option<AccountId>,
    /// `x-amz-source-expected-bucket-owner`, of a copy's source.
    pub expected_source_owner: Option<AccountId>,
}

/// Reads a head where there are no access points. Never panics, whatever it is given.
pub fn parse(head: &Head<'_>, domains: &Domains) -> Result<Parsed, S3Error> {
    parse_among(head, domains, &())
}

/// Reads a head where there are these access points. What an access point does not offer is
/// MethodNotAllowed there. Source: Amazon S3 on Outposts user guide, "API operations for Amazon S3 on
/// Outposts".
pub fn parse_among(
    head: &Head<'_>,
    domains: &Domains,
    access_points: &dyn AccessPoints,
) -> Result<Parsed, S3Error> {
    let address = Address::locate(head.host, head.path, domains);
    if address.style == Style::AccessPoint && *head.method == Method::OPTIONS {
        // Preflights are answered without a signature: no answer tells which access points there are.
        return Err(route::method_not_allowed(head.method, "ACCESSPOINT"));
    }
    let through = address.through(access_points)?;
    let query = Query::parse(head.query)?;
    let mut fields = Fields::new(head.headers, &query, head.tls);
    if through.is_some() {
        fields.sources = domains.outpost().map(|outpost| (outpost, access_points));
    }
    let named = match &through {
        Some(access_point) => Some(access_point.bucket.clone()),
        None => address.bucket()?,
    };
    let operation = route::route(head.method, (named, &address), &query, &fields)?;
    if through.is_some() && !operation.is_on_access_points() {
        return Err(route::method_not_allowed(head.method, "ACCESSPOINT"));
    }
    let terms = LinkTerms::read(&query, &operation)?;
    let promise = BodyPromise {
        max_bytes: terms.max_bytes,
        ..BodyPromise::read(&operation, &fields)?
    };
    Ok(Parsed {
        style: address.style,
        through,
        by_link: query.is_presigned(),
        promise,
        terms,
        expected_owner: fields.account("x-amz-expected-bucket-owner")?,
        expected_source_owner: fields.account("x-amz-source-expected-bucket-owner")?,
        operation,
    })
}

/// The values of these fields, in lower case, as operations see them: from a header, or of a link from its
/// query. One that is no text, or of which the query makes no sense, is as if it were not there.
pub fn field_values<const N: usize>(
    headers: &HeaderMap,
    query: &str,
    names: [&'static str; N],
) -> [Option<String>; N] {
    let query = Query::parse(query).unwrap_or_default();
    let fields = Fields::new(headers, &query, false);
    names.map(|name| Some(fields.get(name).ok()??.into_owned()))
}

/// Whether a query carries a signature, so that the request came by a link; also of a query that
/// [`parse`] refuses.
pub fn is_presigned(query: &str) -> bool {
    query_has(query, SIGNATURE)
}

/// Whether a query, read as loosely as that, has a parameter of this name.
pub(crate) fn query_has(query: &str, wanted: &str) -> bool {
    Pairs::new(query).any(|Pair { name, .. }| {
        name.text == wanted || (name.coded && percent_decode_str(name.text).eq(wanted.bytes()))
    })
}

#[cfg(test)]
mod tests;
