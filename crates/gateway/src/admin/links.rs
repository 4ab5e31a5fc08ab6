//! Links on the administrator's listener: made, listed, revoked. Each call is signed in its header by a
//! key of the account that it is about, as an S3 request is, and judged by the same verifier.
//!
//! | call | what it does |
//! |---|---|
//! | `POST /links?bucket=…&key=…&…` | makes a link; the order is the query, because that is what is signed |
//! | `GET /links` | the account's links: made here, seen in use, revoked |
//! | `POST /links/revocations` | revokes links; which, says the JSON document in the body |
//!
//! Answers are JSON; a refusal is `{"code", "message", "request_id"}` with the codes of S3. Whoever may
//! sign may make links, as he could without us. Lists and revocations are the account root's, until
//! policies say who else's.

mod made;
mod revoke;
mod show;

pub use made::Made;

use super::Text;
use crate::{
    Context, Inbound,
    audit::{self, Check, Trail},
    verify::{self, Caller},
};
use blockhouse_s3::error::{ErrorKind, S3Error};
use blockhouse_store::ObjectStore;
use blockhouse_types::{RequestId, Timestamp};
use blockhouse_verifier_wire::{AuthType, LINK_ORDER_PATH, LinkSigner, Principal, Verified};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::{fmt, net::SocketAddr, rc::Rc};

/// Where revocations are.
const REVOCATIONS_PATH: &str = "/links/revocations";

/// What the calls are answered by.
pub struct Desk<S: ObjectStore, V: LinkSigner> {
    /// Store, verifier and clock, as an I/O thread has them.
    pub context: Rc<Context<S, V>>,
    /// What was made here.
    pub made: Made,
}

impl<S: ObjectStore, V: LinkSigner> fmt::Debug for Desk<S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("made", &self.made)
            .finish_non_exhaustive()
    }
}

/// One call.
struct Call<'a, S: ObjectStore, V: LinkSigner> {
    desk: &'a Desk<S, V>,
    id: RequestId,
    now: Timestamp,
    head: &'a Parts,
    body: Inbound<Incoming>,
    trail: &'a Trail,
}

/// A call that was refused, and at which check.
struct Refused(Check, S3Error);

/// Whether the path is one of these.
pub(super) fn is_for_us(path: &str) -> bool {
    path == LINK_ORDER_PATH || path == REVOCATIONS_PATH
}

/// Answers a call.
pub(super) async fn answer<S: ObjectStore, V: LinkSigner>(
    desk: &Desk<S, V>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Text> {
    let context = &desk.context;
    let (head, body) = request.into_parts();
    let (id, now, trail) = (context.next_request_id(), context.now(), Trail::default());
    let mut call = Call {
        desk,
        id,
        now,
        head: &head,
        body: Inbound::new(body),
        trail: &trail,
    };
    let (action, outcome) = match (&head.method, head.uri.path()) {
        (&Method::POST, LINK_ORDER_PATH) => ("bh:CreateLink", made::make(&mut call).await),
        (&Method::GET, LINK_ORDER_PATH) => ("bh:ListLinks", show::list(&mut call).await),
        (&Method::POST, REVOCATIONS_PATH) => ("bh:RevokeLink", revoke::revoke(&mut call).await),
        _ => {
            let error = ErrorKind::MethodNotAllowed.into();
            ("bh:ListLinks", Err(Refused(Check::Parse, error)))
        }
    };
    let refused = outcome.as_ref().err();
    if let Some(log) = context.events.audit() {
        let mut record = audit::Record {
            time: now,
            request: id,
            link: None,
            key_id: None,
            principal: None,
            source: peer,
            bucket: None,
            key: None,
            action: Some(action),
            refused_by: refused.map(|Refused(check, _)| *check),
            statement: None,
            code: refused.map(|Refused(_, error)| error.code()),
            bytes: 0,
        };
        trail.tell(&mut record);
        log.leave(Box::new(record));
    }
    let (status, document) = match outcome {
        Ok(document) => (StatusCode::OK, document),
        Err(Refused(_, error)) => (error.status(), told(id, &error)),
    };
    let mut response = Response::new(Text(Bytes::from(format!("{document:#}\n"))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, kind);
    // A link in an answer is as good as a key.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // What was not read of the body could be anything.
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn told(id: RequestId, error: &S3Error) -> Value {
    json!({
        "code": error.code(),
        "message": error.text(),
        "request_id": id.to_string(),
    })
}

impl<'a, S: ObjectStore, V: LinkSigner> Call<'a, S, V> {
    /// Who calls: an account's root, by a signature in the header.
    async fn root(&self) -> Result<Caller<'a, V>, Refused> {
        let (verifier, now) = (&self.desk.context.verifier, self.now);
        let caller = verify::ask(verifier, self.head, None, (false, now)).await;
        let caller = caller.map_err(|refused| self.disbelieved(refused))?;
        caller.note(self.trail);
        let denied = |check| Refused(Check::Permit(check), ErrorKind::AccessDenied.into());
        match caller.signed() {
            None => Err(denied("anonymous")),
            Some(Verified { auth_type, .. }) if *auth_type != AuthType::Header => {
                Err(denied("by-link"))
            }
            Some(Verified {
                principal: Principal::Root { .. },
                ..
            }) => Ok(caller),
            Some(_) => Err(denied("not-the-root")),
        }
    }

    fn disbelieved(&self, refused: verify::Disbelieved) -> Refused {
        refused.note(self.trail);
        Refused(Check::Verify(refused.reason), refused.error)
    }
}
