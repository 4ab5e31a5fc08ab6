//! Every error that a client can see, in one table: code, status, message.
//!
//! A kind says what went wrong in S3's words; [`S3Error`] adds what this request adds to it: other
//! words, elements of the XML body, headers. [`S3Error::response`] renders it; an answer to HEAD
//! has the same head and no body.
//!
//! Messages are AWS's wire strings where AWS has one: clients and tests compare them.

mod signature;
mod table;

pub use table::ErrorKind;

use crate::{response::Response, xml::Writer};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::borrow::Cow;

/// An error as the client will see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Error {
    kind: ErrorKind,
    message: Option<Cow<'static, str>>,
    elements: Vec<(&'static str, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl From<ErrorKind> for S3Error {
    fn from(kind: ErrorKind) -> Self {
        Self {
            kind,
            message: None,
            elements: Vec::new(),
            headers: Vec::new(),
        }
    }
}

impl std::fmt::Display for S3Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.code(), self.text())
    }
}

impl std::error::Error for S3Error {}

/// What an error's body says about the request it answers.
#[derive(Debug, Clone, Copy)]
pub struct ErrorContext<'a> {
    /// The path as received; shown as `Resource`.
    pub resource: &'a str,
    /// `x-amz-request-id`.
    pub request_id: &'a str,
    /// `x-amz-id-2`.
    pub host_id: &'a str,
    /// Whether the request was HEAD: no body then.
    pub head: bool,
}

impl S3Error {
    /// The error's kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The code that clients branch on.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The HTTP status.
    pub fn status(&self) -> http::StatusCode {
        self.kind.status()
    }

    /// The message: the kind's, or what was said instead.
    pub fn text(&self) -> &str {
        self.message.as_deref().unwrap_or(self.kind.message())
    }

    /// Says it in other words.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Adds an element to the body, `<Name>value</Name>`.
    #[must_use]
    pub fn element(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.elements.push((name, value.into()));
        self
    }

    /// Adds a header; one whose value cannot stand in a header is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers
            .extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    /// 400 InvalidArgument about one argument.
    pub fn invalid_argument(
        name: &'static str,
        value: impl Into<String>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::from(ErrorKind::InvalidArgument)
            .message(message)
            .element("ArgumentName", name)
            .element("ArgumentValue", value)
    }

    /// 400 InvalidRequest in these words.
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::from(ErrorKind::InvalidRequest).message(message)
    }

    /// 501 NotImplemented, naming the header that asks for it.
    pub fn not_implemented_header(header: impl Into<String>) -> Self {
        Self::from(ErrorKind::NotImplemented)
            .message("A header you provided implies functionality that is not implemented")
            .element("Header", header)
    }

    /// 416 InvalidRange of an object of `size` bytes.
    pub fn invalid_range(requested: &str, size: u64) -> Self {
        Self::from(ErrorKind::InvalidRange)
            .element("RangeRequested", requested)
            .element("ActualObjectSize", size.to_string())
            .header(header::CONTENT_RANGE, &format!("bytes */{size}"))
    }

    /// 412 PreconditionFailed, naming the header that does not hold.
    pub fn precondition_failed(condition: &'static str) -> Self {
        Self::from(ErrorKind::PreconditionFailed).element("Condition", condition)
    }

    /// The answer. `304 Not Modified` has no body either.
    pub fn response(&self, context: &ErrorContext<'_>) -> Response {
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 2);
        headers.extend(
            self.headers
                .iter()
                .map(|(n, v)| (Some(n.clone()), v.clone())),
        );
        let status = self.kind.status();
        if status == http::StatusCode::NOT_MODIFIED {
            return Response {
                status,
                headers,
                body: bytes::Bytes::new(),
            };
        }
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/xml"),
        );
        let body = if context.head {
            bytes::Bytes::new()
        } else {
            self.body(context)
        };
        Response {
            status,
            headers,
            body,
        }
    }

    fn body(&self, context: &ErrorContext<'_>) -> bytes::Bytes {
        let mut xml = Writer::strict(512);
        xml.open("Error");
        xml.text("Code", self.kind.code());
        xml.text("Message", self.text());
        for (name, value) in &self.elements {
            xml.text(name, value);
        }
        xml.text("Resource", context.resource);
        xml.text("RequestId", context.request_id);
        xml.text("HostId", context.host_id);
        xml.close("Error");
        xml.finish()
    }
}
