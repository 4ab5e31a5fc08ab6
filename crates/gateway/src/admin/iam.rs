//! IAM on the administrator's listener: `POST /` with a form, as IAM's own clients send it.
//!
//! | operation | permission on | answers from |
//! |---|---|---|
//! | SimulateCustomPolicy, GetContextKeysForCustomPolicy | `*` | the call alone |
//! | SimulatePrincipalPolicy, GetContextKeysForPrincipalPolicy | the identity | its policies too |
//!
//! The body is read before anybody knows who sent it, because the signature is over it and no header
//! says its hash: it is short, and connections are few. An account's root may; a user or a role, where
//! its policies say so; of identities, those of its own account alone.

use super::{
    Text,
    call::{Desk, record},
};
use crate::{
    Context, Inbound,
    audit::{Check, Trail},
    permit::{self, Refused},
    verify::{self, Caller, Disbelieved},
};
use blockhouse_iam::{BODY_BYTES_MAX, Call, CallKind, Code, Error, Params, Run};
use blockhouse_s3::{
    checksum::{BodyDigests, Wants},
    error::ErrorKind,
};
use blockhouse_store::ObjectStore;
use blockhouse_types::{AccountId, RequestId, Timestamp};
use blockhouse_verifier_wire::LinkSigner;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use std::net::SocketAddr;
use tokio::task::yield_now;

/// The form's media type.
const FORM: &str = "application/x-www-form-urlencoded";

/// Where calls go.
const PATH: &str = "/";

/// The refusal of a call, and the check that made it.
struct Refusal(Check, Error);

/// Whether it is a call.
pub(super) fn is_for_us(method: &Method, path: &str) -> bool {
    method == Method::POST && path == PATH
}

/// Answers a call.
pub(super) async fn answer<S: ObjectStore, V: LinkSigner>(
    desk: &Desk<S, V>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Text> {
    let context = &*desk.context;
    let (head, body) = request.into_parts();
    let (id, now, trail) = (context.next_request_id(), context.now(), Trail::default());
    let mut asked = Asked {
        context,
        id,
        now,
        peer,
        head: &head,
        trail: &trail,
        kind: None,
    };
    let outcome = asked.answer(Inbound::new(body)).await;
    let refused = outcome.as_ref().err();
    let refused = refused.map(|Refusal(check, error)| (*check, error.code.as_str()));
    let action = asked.kind.map(CallKind::permission);
    record(context, (id, now, peer), action, refused, &trail);
    let (status, document) = match outcome {
        Ok(document) => (StatusCode::OK, document),
        Err(Refusal(_, error)) => {
            let status = StatusCode::from_u16(error.code.status());
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, blockhouse_iam::error(&error, &id.to_string()))
        }
    };
    let mut response = Response::new(Text(document));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    if refused.is_some() {
        // What was not read of the body could be anything.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A call, as far as it is known.
struct Asked<'a, S: ObjectStore, V: LinkSigner> {
    context: &'a Context<S, V>,
    id: RequestId,
    now: Timestamp,
    peer: SocketAddr,
    head: &'a Parts,
    trail: &'a Trail,
    kind: Option<CallKind>,
}

impl<'a, S: ObjectStore, V: LinkSigner> Asked<'a, S, V> {
    async fn answer(&mut self, body: Inbound<Incoming>) -> Result<Bytes, Refusal> {
        let body = collect(body).await.map_err(at(Check::Body))?;
        let caller = self.caller(&body).await?;
        if !self.is_form() {
            let message = format!("The content type of a call is {FORM}");
            return Err(at(Check::Parse)(Error::new(Code::ValidationError, message)));
        }
        let mut params = Params::read(&body).map_err(at(Check::Parse))?;
        let kind = CallKind::read(&mut params).map_err(at(Check::Parse))?;
        self.kind = Some(kind);
        let call = Call::read(kind, params).map_err(at(Check::Parse))?;
        let account = self.permit(&caller, kind, &call)?;
        self.perform(kind, call, account)
            .await
            .map_err(at(Check::State))
    }

    /// Who signed exactly this.
    async fn caller(&self, body: &[u8]) -> Result<Caller<'a, V>, Refusal> {
        let wants = Wants {
            md5: false,
            sha256: true,
            checksum: None,
        };
        let mut digests = BodyDigests::new(wants);
        digests.update(body);
        let sha256 = digests.finish().sha256;
        let sha256 = sha256.ok_or_else(|| internal("the body's hash was not made"))?;
        let verifier = &self.context.verifier;
        let asked = verify::ask_of_call(verifier, self.head, sha256, (false, self.now)).await;
        let caller = asked.map_err(|disbelieved| {
            disbelieved.note(self.trail);
            Refusal(Check::Verify(disbelieved.reason), told(&disbelieved))
        })?;
        caller.note(self.trail);
        // Who did not sign learns nothing of what was wrong with the rest.
        match caller.signed() {
            Some(_) => Ok(caller),
            None => Err(nobody()),
        }
    }

    fn is_form(&self) -> bool {
        let kind = self.head.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(FORM)
    }

    /// The account that calls, if it may.
    fn permit(
        &self,
        caller: &Caller<'_, V>,
        kind: CallKind,
        call: &Call,
    ) -> Result<AccountId, Refusal> {
        let denied = |reason| {
            let message = format!("User is not authorized to perform: {}", kind.permission());
            Refusal(
                Check::Permit(reason),
                Error::new(Code::AccessDenied, message),
            )
        };
        let signed = caller.signed().ok_or_else(nobody)?;
        let resource = call.source().map_or("*", |source| source.arn());
        let asking = permit::CallAsked {
            signed,
            peer: self.peer,
            now: self.now,
            action: permit::Action(kind.permission()),
            resource,
        };
        let may = permit::may_call(self.context, &asking);
        may.map_err(|refused: Refused| {
            self.trail.refused_by(refused.grounds());
            denied(refused.reason())
        })?;
        let account = signed.principal.account();
        match call.source() {
            Some(source) if source.account() != account => Err(denied("not-the-owner")),
            _ => Ok(account),
        }
    }

    async fn perform(
        &self,
        kind: CallKind,
        call: Call,
        account: AccountId,
    ) -> Result<Bytes, Error> {
        let state = self.context.desired.load();
        let id = self.id.to_string();
        match call {
            Call::ContextKeys { source, policies } => {
                let keys = Call::keys_of(source.as_ref(), &policies, &state)?;
                Ok(blockhouse_iam::context_keys(kind, &keys, &id))
            }
            Call::Simulate(simulate) => {
                let mut run = Run::new(*simulate, &state, account)?;
                while run.step()? {
                    // Others are served in between.
                    yield_now().await;
                }
                Ok(run.finish(&id))
            }
        }
    }
}

/// All of a short body.
async fn collect(mut body: Inbound<Incoming>) -> Result<Bytes, Error> {
    let too_long = || Error::new(Code::ValidationError, "The request is too long");
    let fits = |len: usize| len <= BODY_BYTES_MAX;
    if body
        .declared_len()
        .is_some_and(|len| len > BODY_BYTES_MAX as u64)
    {
        return Err(too_long());
    }
    let mut whole = BytesMut::new();
    loop {
        match body.next().await {
            Ok(Some(bytes)) if fits(whole.len() + bytes.len()) => whole.extend_from_slice(&bytes),
            Ok(Some(_)) => return Err(too_long()),
            Ok(None) => return Ok(whole.freeze()),
            Err(_) => return Err(Error::new(Code::ValidationError, "The request broke off")),
        }
    }
}

fn at(check: Check) -> impl Fn(Error) -> Refusal {
    move |error| Refusal(check, error)
}

fn nobody() -> Refusal {
    let message = "Request is missing Authentication Token";
    let error = Error::new(Code::MissingAuthenticationToken, message);
    Refusal(Check::Verify("anonymous"), error)
}

fn internal(what: &'static str) -> Refusal {
    tracing::error!(what, "a call of IAM was not answered");
    Refusal(
        Check::Node,
        Error::new(Code::InternalFailure, "Internal failure"),
    )
}

/// What IAM says of a signature that is not believed. Source: IAM API reference, "Common Errors".
fn told(disbelieved: &Disbelieved) -> Error {
    let error = &disbelieved.error;
    let code = match error.kind() {
        ErrorKind::AccessDenied => Code::MissingAuthenticationToken,
        ErrorKind::SignatureDoesNotMatch | ErrorKind::RequestTimeTooSkewed => {
            Code::SignatureDoesNotMatch
        }
        ErrorKind::InvalidAccessKeyId | ErrorKind::InvalidToken => Code::InvalidClientTokenId,
        ErrorKind::ExpiredToken => Code::ExpiredToken,
        ErrorKind::SlowDown => Code::ServiceUnavailable,
        _ => Code::IncompleteSignature,
    };
    Error::new(code, error.text())
}
