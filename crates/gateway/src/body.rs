//! Bodies on their way into the store.
//!
//! ```text
//!  connection ──► Inbound ──► RequestBody ──► store::put            plain, aws-chunked or in a form
//!                    │             └ digests, links of the chunk chain, promises of the head
//!                    └ counts; what nobody wanted is read away or the connection closed
//!  store ──► ObjectReader ──► SourceBody ──► store::put             copies
//! ```
//!
//! # Judged while it flows
//! The store commits on the clean end of a body and on nothing else; this module gives that end only
//! when everything promised about the bytes came true: length, payload hash, Content-MD5, checksum,
//! trailer, and every link of a chain of signed chunks. So bytes may flow on before the chunk they
//! belong to was judged, however large it is: at most one frame is held here, and what an unjudged
//! chunk brought is never more than an unfinished write, which a refusal throws away.
//!
//! Why a body was refused stays with it ([`RequestBody::refusal`]): the store knows only that.

mod document;
mod form;
mod hashing;
mod inbound;
mod request;
mod source;

pub(crate) use document::collect;
pub(crate) use form::read_fields;
pub use hashing::Hashing;
pub(crate) use inbound::BrokenOff;
pub use inbound::{Inbound, Stream};
pub(crate) use request::{BODY_BYTES_MAX, RequestBody};
pub(crate) use source::SourceBody;
