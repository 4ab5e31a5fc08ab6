//! The way back: one place where a reply or a refusal becomes the answer on the wire.
//!
//! Every answer carries `x-amz-request-id` and `x-amz-id-2` (the node's region), CORS headers where
//! the bucket's rules give them, what guards an answer to a link, and `Connection: close` when the request's body was left unread:
//! what follows it on the connection could be anything. An answer to HEAD has the head that GET
//! would have and no body. `Date` is hyper's.

mod answer_body;

pub use answer_body::{AnswerBody, AnswerBroken};
pub(crate) use answer_body::{Content, Pieces, ReaderOf};

use crate::{
    Context, Origin,
    audit::{self, Check, Trail},
    body::Inbound,
    cors,
    events::RequestRecord,
    link::{self, Transfer},
    permit,
};
use blockhouse_s3::{
    error::{ErrorContext, S3Error},
    operation::Operation,
    parse::{Parsed, is_presigned},
    response::Response,
};
use blockhouse_store::ObjectStore;
use blockhouse_types::{BucketName, ObjectKey, RequestId, Timestamp};
use blockhouse_verifier_wire::Verifier;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use std::{io::Write, sync::Arc, time::Instant};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");
const SERVER: HeaderValue = HeaderValue::from_static("Blockhouse");

/// The operation's name in the log when the head named none.
const UNKNOWN_OPERATION: &str = "Unknown";

/// What an operation came to.
pub(crate) struct Reply<S: ObjectStore> {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content<ReaderOf<S>>,
    /// The one use of a link that the content is sent for.
    pub(crate) transfer: Option<Transfer>,
}

impl<S: ObjectStore> From<Response> for Reply<S> {
    fn from(response: Response) -> Self {
        let Response {
            status,
            headers,
            body,
        } = response;
        Self {
            status,
            headers,
            content: Content::Whole(body),
            transfer: None,
        }
    }
}

/// What must still be known of a request when it is answered, whichever stage it ended at.
pub(crate) struct About {
    id: RequestId,
    now: Timestamp,
    operation: &'static str,
    action: Option<&'static str>,
    bucket: Option<BucketName>,
    key: Option<ObjectKey>,
    origin: Origin,
    /// Whether it came by a link, or would have it so.
    by_link: bool,
    /// Whether it goes through an access point: pages of other origins never do.
    through: bool,
}

impl About {
    /// Notes what the answer will need.
    pub(crate) fn new(
        (id, now): (RequestId, Timestamp),
        origin: &Origin,
        head: &Parts,
        asked: &Result<Box<Parsed>, S3Error>,
    ) -> Self {
        let operation = asked.as_ref().ok().map(|parsed| &parsed.operation);
        Self {
            id,
            now,
            operation: operation.map_or(UNKNOWN_OPERATION, Operation::name),
            action: operation.map(permit::action_of),
            bucket: operation.and_then(Operation::bucket).cloned(),
            key: operation.and_then(Operation::key).cloned(),
            origin: origin.clone(),
            by_link: match asked {
                Ok(asked) => asked.by_link,
                Err(_) => head.uri.query().is_some_and(is_presigned),
            },
            through: asked.as_ref().is_ok_and(|asked| asked.through.is_some()),
        }
    }

    /// What is audited of the request, but for the bytes that are yet to be handed over.
    fn audit(
        &self,
        trail: &Trail,
        refused_by: Option<Check>,
        code: Option<&'static str>,
    ) -> Box<audit::Record> {
        let mut record = audit::Record {
            time: self.now,
            request: self.id,
            link: None,
            key_id: None,
            principal: None,
            source: self.origin.peer(),
            through: self.origin.through(),
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            action: self.action,
            refused_by,
            statement: None,
            decided: None,
            code,
            bytes: 0,
        };
        trail.tell(&mut record);
        Box::new(record)
    }
}

/// A request that was not answered yet. One that never is, because its client went away, is audited
/// as that when this is dropped.
pub(crate) struct Unanswered<'a> {
    log: Option<&'a audit::Log>,
    about: &'a About,
    trail: &'a Trail,
}

impl<'a> Unanswered<'a> {
    pub(crate) fn new<S: ObjectStore, V: Verifier>(
        context: &'a Context<S, V>,
        about: &'a About,
        trail: &'a Trail,
    ) -> Self {
        let log = context.events.audit();
        Self { log, about, trail }
    }

    /// The answer is there.
    pub(crate) fn ends(mut self) {
        self.log = None;
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(log) = self.log {
            log.leave(self.about.audit(self.trail, Some(Check::Gone), None));
        }
    }
}

/// The answer.
pub(crate) fn answer<S: ObjectStore, V: Verifier, B>(
    context: &Context<S, V>,
    about: About,
    head: &Parts,
    outcome: Result<Reply<S>, (Check, S3Error)>,
    (inbound, trail): (&Inbound<B>, &Trail),
    begun: Instant,
) -> http::Response<AnswerBody<S>> {
    let refused = outcome.as_ref().err();
    let error = refused.map(|(_, error)| error.kind().code());
    let check = refused.map(|(check, _)| *check);
    let audit = context.events.audit();
    let audit = audit.map(|_| about.audit(trail, check, error));
    let Reply {
        status,
        mut headers,
        content,
        transfer,
    } = outcome.unwrap_or_else(|(_, error)| refusal(context, about.id, head, &error));
    if let Some(bucket) = about.bucket.as_ref().filter(|_| !about.through) {
        cors::annotate(&context.store, bucket, head, &mut headers);
    }
    if about.by_link {
        link::guard(&mut headers);
    }
    headers.insert(REQUEST_ID, shown(about.id));
    if let Ok(host) = HeaderValue::from_str(&context.site.region) {
        headers.insert(HOST_ID, host);
    }
    headers.insert(header::SERVER, SERVER);
    if !inbound.is_over() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let record = RequestRecord {
        id: about.id,
        operation: about.operation,
        status: status.as_u16(),
        error,
        bytes_in: inbound.bytes_received(),
        bytes_out: 0,
        micros: 0,
        peer: about.origin.peer(),
    };
    let body = body(head, &mut headers, content)
        .reporting(record, audit, begun, Arc::clone(&context.events))
        .telling(transfer);
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The body, or for HEAD its length alone.
fn body<S: ObjectStore>(
    head: &Parts,
    headers: &mut HeaderMap,
    content: Content<ReaderOf<S>>,
) -> AnswerBody<S> {
    let body = AnswerBody::new(content);
    if head.method != Method::HEAD {
        return body;
    }
    if body.len_left() > 0 {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len_left()));
    }
    body.silenced()
}

/// A refusal as the client sees it.
fn refusal<S: ObjectStore, V: Verifier>(
    context: &Context<S, V>,
    id: RequestId,
    head: &Parts,
    error: &S3Error,
) -> Reply<S> {
    let id = id.to_string();
    let shown = ErrorContext {
        resource: head.uri.path(),
        request_id: &id,
        host_id: &context.site.region,
        head: head.method == Method::HEAD,
    };
    error.response(&shown).into()
}

/// The id as a header value, without a detour through a string.
fn shown(id: RequestId) -> HeaderValue {
    let mut text = [0u8; 16];
    let written = write!(&mut text[..], "{id}");
    debug_assert!(written.is_ok(), "a request id has sixteen digits");
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("0"))
}
