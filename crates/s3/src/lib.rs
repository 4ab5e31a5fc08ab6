//! Turns HTTP heads and bodies into typed operations and results, and results and errors into S3's
//! XML; no sockets.
//!
//! ```text
//!   head ──► parse ──► Operation + BodyPromise ──┐
//!   form ──► form ──► post_policy, parse_form ────┤  the gateway, the store
//!   aws-chunked ──► chunked ──► checksum ────────┤
//!   documents ──► xml, lifecycle, cors ──────────┤
//!   status, headers, body ◄── response ◄── output┘
//!                          ◄── error
//! ```
//!
//! Everything is a pure function of bytes: no I/O, no clock, no store. What a head asks for is
//! checked here once; who asks and whether they may is judged elsewhere, on the head as it was
//! received. So an error of [`parse::parse`] is told to nobody before the signature was judged.
//!
//! For fuzzing, what meets the network enters through [`parse::parse`], [`chunked::Decoder`],
//! [`form::FieldsDecoder`], [`form::FileDecoder`] and the `parse` functions of [`xml`], [`lifecycle`],
//! [`cors`] and [`post_policy`].
#![forbid(unsafe_code)]

pub mod checksum;
pub mod chunked;
pub mod condition;
pub mod cors;
pub mod error;
pub mod form;
pub mod lifecycle;
pub mod link;
pub mod operation;
pub mod output;
pub mod parse;
pub mod post_policy;
pub mod response;
pub mod xml;

pub use error::{ErrorContext, ErrorKind, S3Error};
pub use operation::{BodyUse, Operation};
pub use parse::{BodyPromise, Parsed, parse};
pub use response::Response;
