//! A signed call on the administrator's listener: who makes it, what it asks for, how it is answered.
//!
//! Each is signed in its header by a key of the account that it is about, as an S3 request is, and judged
//! by the same verifier. Answers are JSON; a refusal is `{"code", "message", "request_id"}` with the
//! codes of S3. Every call is audited.

use super::{Text, links, links::Made, state};
use crate::{
    Context, Inbound,
    access_point::check_service,
    audit::{self, Check, Trail},
    body::{self, RequestBody},
    verify::{self, Caller},
};
use blockhouse_s3::parse::Style;
use blockhouse_s3::{
    error::{ErrorKind, S3Error},
    parse::BodyPromise,
};
use blockhouse_store::ObjectStore;
use blockhouse_types::{AccountId, RequestId, Timestamp};
use blockhouse_verifier_wire::{AuthType, LINK_ORDER_PATH, LinkSigner, Principal, Verified};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::{fmt, net::SocketAddr, rc::Rc};

/// Where revocations are.
const REVOCATIONS_PATH: &str = "/links/revocations";

/// Where the desired state is.
const STATE_PATH: &str = "/state";

/// Where the network's status is.
const NETWORK_PATH: &str = "/net";

/// What the calls are answered by.
pub struct Desk<S: ObjectStore, V: LinkSigner> {
    /// Store, verifier and clock, as an I/O thread has them.
    pub context: Rc<Context<S, V>>,
    /// The links that were made here.
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
pub(super) struct Call<'a, S: ObjectStore, V: LinkSigner> {
    pub(super) desk: &'a Desk<S, V>,
    pub(super) id: RequestId,
    pub(super) now: Timestamp,
    pub(super) head: &'a Parts,
    pub(super) body: Inbound<Incoming>,
    pub(super) trail: &'a Trail,
}

/// A call that was refused, and at which check.
pub(super) struct Refused(pub(super) Check, pub(super) S3Error);

/// The root of an account, who signed.
pub(super) struct Root<'a, V: LinkSigner> {
    pub(super) account: AccountId,
    pub(super) caller: Caller<'a, V>,
}

/// Whether the path is one of these.
pub(super) fn is_for_us(path: &str) -> bool {
    [LINK_ORDER_PATH, REVOCATIONS_PATH, STATE_PATH, NETWORK_PATH].contains(&path)
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
    let shown = |document: Value| format!("{document:#}");
    let (action, outcome) = match (&head.method, head.uri.path()) {
        (&Method::POST, LINK_ORDER_PATH) => {
            ("bh:CreateLink", links::make(&mut call).await.map(shown))
        }
        (&Method::GET, LINK_ORDER_PATH) => {
            ("bh:ListLinks", links::list(&mut call).await.map(shown))
        }
        (&Method::POST, REVOCATIONS_PATH) => {
            ("bh:RevokeLink", links::revoke(&mut call).await.map(shown))
        }
        (&Method::GET, STATE_PATH) => ("bh:GetState", state::show(&mut call).await),
        (&Method::POST, STATE_PATH) => ("bh:ChangeState", state::change(&mut call).await),
        (&Method::GET, NETWORK_PATH) => {
            ("bh:GetNetworkStatus", state::show_network(&mut call).await)
        }
        (_, path) => {
            let error = ErrorKind::MethodNotAllowed.into();
            let action = match path {
                STATE_PATH => "bh:GetState",
                NETWORK_PATH => "bh:GetNetworkStatus",
                _ => "bh:ListLinks",
            };
            (action, Err(Refused(Check::Parse, error)))
        }
    };
    let refused = outcome.as_ref().err();
    let refused = refused.map(|Refused(check, error)| (*check, error.code()));
    record(context, (id, now, peer), Some(action), refused, &trail);
    let (status, document) = match outcome {
        Ok(document) => (StatusCode::OK, document),
        Err(Refused(_, error)) => (error.status(), shown(told(id, &error))),
    };
    let mut response = Response::new(Text(Bytes::from(document + "\n")));
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

/// Records for the audit how a call ended: with which check and code, if it was refused.
pub(super) fn record<S: ObjectStore, V: LinkSigner>(
    context: &Context<S, V>,
    (id, now, peer): (RequestId, Timestamp, SocketAddr),
    action: Option<&'static str>,
    refused: Option<(Check, &'static str)>,
    trail: &Trail,
) {
    let Some(log) = context.events.audit() else {
        return;
    };
    let mut record = audit::Record {
        time: now,
        request: id,
        link: None,
        key_id: None,
        principal: None,
        source: peer,
        through: None,
        bucket: None,
        key: None,
        action,
        refused_by: refused.map(|(check, _)| check),
        statement: None,
        decided: None,
        code: refused.map(|(_, code)| code),
        bytes: 0,
    };
    trail.tell(&mut record);
    log.leave(Box::new(record));
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
    pub(super) async fn root(&self) -> Result<Root<'a, V>, Refused> {
        let (verifier, now) = (&self.desk.context.verifier, self.now);
        let caller = verify::ask(verifier, self.head, None, (false, now)).await;
        let caller = caller.map_err(|refused| self.disbelieved(refused))?;
        caller.note(self.trail);
        let denied = |check| Refused(Check::Permit(check), ErrorKind::AccessDenied.into());
        if let Some(signed) = caller.signed() {
            let checked = check_service(signed, Style::Path);
            checked.map_err(|error| Refused(Check::Verify("another-service"), error))?;
        }
        match caller.signed() {
            None => Err(denied("anonymous")),
            Some(Verified { auth_type, .. }) if *auth_type != AuthType::Header => {
                Err(denied("by-link"))
            }
            Some(Verified {
                principal: Principal::Root { account },
                ..
            }) => Ok(Root {
                account: *account,
                caller,
            }),
            Some(_) => Err(denied("not-the-root")),
        }
    }

    pub(super) fn disbelieved(&self, refused: verify::Disbelieved) -> Refused {
        refused.note(self.trail);
        Refused(Check::Verify(refused.reason), refused.error)
    }

    /// The document in the body, once all of it is what the caller signed.
    pub(super) async fn document(
        &mut self,
        caller: &Caller<'_, V>,
        bytes_max: usize,
    ) -> Result<Bytes, Refused> {
        let hashing = &self.desk.context.hashing;
        let promise = BodyPromise::default();
        let document = match RequestBody::open(&mut self.body, caller, hashing, promise, None) {
            Ok(body) => body::collect(body, bytes_max).await,
            Err(error) => Err(error),
        };
        document.map_err(|error| Refused(Check::Body, error))
    }
}
