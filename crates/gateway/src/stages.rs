//! The trunk: the one way from a connection to the store.
//!
//! ```text
//!  Origin + bytes
//!     │ receive    its id, its moment
//!  Received
//!     │ parse      s3: what does the head ask for?
//!  Parsed ──────── preflight ──────────────────────────┐  carries no signature by its nature
//!     │ open       of a form: the fields before its file
//!  Opened                                              │
//!     │ verify     the verifier: who asks?             │
//!  Verified                                            │
//!     │ permit     by the link's terms, by the rule    │
//!  Permitted                                           │
//!     │ perform    the store acts, the body flows      │
//!  Performed ◄─────────────────────────────────────────┘
//!     └ respond    the answer on the wire
//! ```
//!
//! Each stage consumes the one before and is made nowhere else: the fields are private to this file.
//! Skipping a stage does not compile, and neither does inventing one (see the two examples below).
//!
//! # How it moves
//! *Parsed* holds the raw head beside what was understood of it. An error of understanding is kept
//! there and told only once the signature has been judged: who did not sign learns that, not what
//! we think of the query. *Opened* has also read what a signature may stand in beside the head: the
//! fields of a browser's form, up to a bound, and nothing of the file behind them; any other request
//! passes untouched. A form that is none is refused there, before anybody is asked who sent it: that
//! says nothing of buckets or keys. *Verified* knows who asks. *Permitted* holds the [`Grant`]: the
//! buckets that the operation may touch, found nowhere else. The body flows only in *perform*, judged
//! while it flows; a client that sent `Expect: 100-continue` is refused before it sends a byte, unless
//! what it sends is a form.
//!
//! A [`Refusal`] knows at which check it ended, and the [`Trail`] who was found to ask: the audit tells
//! of both, the client hears neither.
//!
//! # What it never does
//! Answer anything about buckets or keys before the signature was accepted. The exception is the
//! CORS preflight, which carries none by its nature: it is answered from the bucket's rules alone.
//!
//! # The order holds
//! What was permitted can be performed:
//! ```
//! use blockhouse_gateway::{Context, Stream, stages::{self, Permitted}};
//! use blockhouse_store::ObjectStore;
//! use blockhouse_verifier_wire::Verifier;
//! async fn go<S: ObjectStore, V: Verifier, B: Stream>(
//!     context: &Context<S, V>,
//!     permitted: Permitted<'_, B, V>,
//! ) {
//!     let _ = stages::perform(context, permitted).await;
//! }
//! ```
//! What was only verified cannot:
//! ```compile_fail,E0308
//! use blockhouse_gateway::{Context, Stream, stages::{self, Verified}};
//! use blockhouse_store::ObjectStore;
//! use blockhouse_verifier_wire::Verifier;
//! async fn go<S: ObjectStore, V: Verifier, B: Stream>(
//!     context: &Context<S, V>,
//!     verified: Verified<'_, B, V>,
//! ) {
//!     let _ = stages::perform(context, verified).await;
//! }
//! ```
//! A form whose fields nobody read cannot be verified:
//! ```compile_fail,E0308
//! use blockhouse_gateway::{Context, Stream, stages::{self, Parsed}};
//! use blockhouse_store::ObjectStore;
//! use blockhouse_verifier_wire::Verifier;
//! async fn go<S: ObjectStore, V: Verifier, B: Stream>(
//!     context: &Context<S, V>,
//!     parsed: Parsed<'_, B>,
//! ) {
//!     let _ = stages::verify(context, parsed).await;
//! }
//! ```
//! And nobody outside this file makes a permission from a verified request:
//! ```compile_fail,E0451
//! use blockhouse_gateway::stages::{Permitted, Verified};
//! use blockhouse_verifier_wire::Verifier;
//! fn forge<'a, B, V: Verifier>(
//!     verified: Verified<'a, B, V>,
//!     permitted: Permitted<'a, B, V>,
//! ) -> Permitted<'a, B, V> {
//!     let Verified { received, asked, caller } = verified;
//!     Permitted { received, asked, caller, grant: permitted.grant, once: permitted.once, under_way: None }
//! }
//! ```

use crate::{
    Context, Origin,
    access_point::{Known, check_service},
    audit::{Check, Decided, Trail},
    body::{self, Inbound, Stream},
    cors,
    link::{self, Line, OneTime, UnderWay},
    perform::{self, Job},
    permit::{self, Asker, Grant},
    respond::{self, About, AnswerBody, Reply, Unanswered},
    verify::{self, Caller},
};
use blockhouse_s3::{
    error::{ErrorKind, S3Error},
    form::Fields,
    link::is_confirmation,
    operation::Operation,
    parse as s3,
};
use blockhouse_state::Snapshot;
use blockhouse_store::ObjectStore;
use blockhouse_types::{RequestId, Timestamp};
use blockhouse_verifier_wire::Verifier;
use http::{Method, header, request::Parts};
use std::{cell::OnceCell, rc::Rc, sync::Arc, time::Instant};

/// What the head asks for; large, and handed on from stage to stage.
type Asked = Box<s3::Parsed>;

/// A request as it was received: the head, untouched, and a body that nobody has read.
pub struct Received<'a, B> {
    id: RequestId,
    origin: &'a Origin,
    now: Timestamp,
    head: &'a Parts,
    body: &'a mut Inbound<B>,
    /// The state by which it is judged to its end.
    state: Arc<Snapshot>,
    trail: &'a Trail,
    line: Line,
}

/// A request whose head was read: raw, and as far as it was understood.
pub struct Parsed<'a, B> {
    received: Received<'a, B>,
    asked: Result<Asked, S3Error>,
}

/// A request of which everything was read that its signature may stand in.
pub struct Opened<'a, B> {
    received: Received<'a, B>,
    asked: Result<Asked, S3Error>,
    form: Option<Fields>,
}

/// A request of which we know who sent it.
pub struct Verified<'a, B, V: Verifier> {
    received: Received<'a, B>,
    asked: Asked,
    caller: Caller<'a, V>,
}

/// A request that may be carried out.
pub struct Permitted<'a, B, V: Verifier> {
    received: Received<'a, B>,
    asked: Asked,
    caller: Caller<'a, V>,
    grant: Grant,
    once: Option<OneTime>,
    under_way: Option<UnderWay>,
}

/// A request that was carried out.
pub struct Performed<S: ObjectStore> {
    reply: Reply<S>,
    under_way: Option<UnderWay>,
}

/// A request that ended at one of the stages: at which check, and how the client will see it.
#[derive(Debug)]
pub struct Refusal(Check, S3Error);

impl Refusal {
    fn at(check: Check) -> impl Fn(S3Error) -> Self {
        move |error| Self(check, error)
    }
}

/// Carries one request from its head to its answer. Never fails: a refusal is an answer too.
pub async fn serve_request<S: ObjectStore, V: Verifier, B: Stream>(
    context: &Rc<Context<S, V>>,
    origin: &Origin,
    line: Line,
    request: http::Request<B>,
) -> http::Response<AnswerBody<S>> {
    let begun = Instant::now();
    let (head, body) = request.into_parts();
    let (mut body, trail) = (Inbound::new(body), Trail::default());
    let received = receive(context, (origin, line), &head, &mut body, &trail);
    let parsed = parse(context, received);
    let Received { id, now, .. } = parsed.received;
    let about = About::new((id, now), origin, &head, &parsed.asked);
    let unanswered = Unanswered::new(context, &about, &trail);
    let mut under_way = None;
    let outcome = carry(context, parsed).await.map(|done| {
        under_way = done.under_way;
        done.reply
    });
    let outcome = outcome.map_err(|Refusal(check, error)| (check, error));
    body.settle(&head).await;
    unanswered.ends();
    let mut answer = respond::answer(context, about, &head, outcome, (&body, &trail), begun);
    answer.body_mut().holds(under_way);
    answer
}

/// The stages in their order.
async fn carry<S: ObjectStore, V: Verifier, B: Stream>(
    context: &Context<S, V>,
    parsed: Parsed<'_, B>,
) -> Result<Performed<S>, Refusal> {
    if parsed.received.head.method == Method::OPTIONS {
        return preflight(context, parsed);
    }
    let opened = open(parsed).await?;
    let verified = verify(context, opened).await?;
    let permitted = permit(context, verified).await?;
    match ask_first(&permitted) {
        Some(page) => Ok(page),
        None => perform(context, permitted).await,
    }
}

/// Origin → Received: gives the request its id, its moment and its version of the state. Whatever expires
/// is judged by that moment, and whoever asks by that version, however long the body takes.
pub fn receive<'a, S: ObjectStore, V: Verifier, B>(
    context: &Context<S, V>,
    (origin, line): (&'a Origin, Line),
    head: &'a Parts,
    body: &'a mut Inbound<B>,
    trail: &'a Trail,
) -> Received<'a, B> {
    let (id, now) = (context.next_request_id(), context.now());
    Received {
        id,
        origin,
        now,
        head,
        body,
        state: context.desired.load(),
        trail,
        line,
    }
}

/// Received → Parsed: what does the head ask for?
pub fn parse<'a, S: ObjectStore, V: Verifier, B>(
    context: &Context<S, V>,
    received: Received<'a, B>,
) -> Parsed<'a, B> {
    let Parts {
        method,
        uri,
        headers,
        ..
    } = received.head;
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let (path, query) = (uri.path(), uri.query().unwrap_or(""));
    let head = s3::Head {
        // The button of the page that asks first: the same request, confirmed.
        method: match is_confirmation(method, uri.query().unwrap_or("")) {
            true => &Method::GET,
            false => method,
        },
        host,
        path,
        query,
        headers,
        tls: received.origin.tls(),
    };
    let known = Known {
        state: &received.state,
        site: &context.site,
    };
    let asked = s3::parse_among(&head, &context.site.domains, &known);
    Parsed {
        received,
        asked: asked.map(Box::new),
    }
}

/// Parsed → Performed, past everything: a browser's question whether a page may ask at all.
fn preflight<S: ObjectStore, V: Verifier, B>(
    context: &Context<S, V>,
    parsed: Parsed<'_, B>,
) -> Result<Performed<S>, Refusal> {
    let reply = match parsed.asked.map(|asked| asked.operation) {
        Ok(Operation::Preflight(asked)) => cors::preflight(&context.store, &asked),
        Ok(_) => Err(blockhouse_s3::ErrorKind::MethodNotAllowed.into()),
        Err(error) => Err(error),
    };
    let reply = reply.map_err(Refusal::at(Check::Preflight))?;
    Ok(Performed {
        reply,
        under_way: None,
    })
}

/// Parsed → Opened: of a form, reads the fields before its file: its signature stands there and
/// nowhere else.
pub async fn open<B: Stream>(parsed: Parsed<'_, B>) -> Result<Opened<'_, B>, Refusal> {
    let Parsed { received, asked } = parsed;
    let form = match asked.as_ref().map(|asked| &asked.operation) {
        Ok(Operation::PostForm(form)) => {
            let fields = body::read_fields(received.body, &form.boundary).await;
            Some(fields.map_err(Refusal::at(Check::Form))?)
        }
        Ok(_) | Err(_) => None,
    };
    Ok(Opened {
        received,
        asked,
        form,
    })
}

/// Opened → Verified: who asks? Only then is it told whether the question made sense, and only then
/// is a form's policy, which is what was signed of it, taken at its word.
pub async fn verify<'a, S: ObjectStore, V: Verifier, B>(
    context: &'a Context<S, V>,
    opened: Opened<'a, B>,
) -> Result<Verified<'a, B, V>, Refusal> {
    let Opened {
        received,
        asked,
        form,
    } = opened;
    let Received {
        head,
        origin,
        now,
        trail,
        ..
    } = received;
    let tls = origin.tls();
    let caller = verify::ask(&context.verifier, head, form.as_ref(), (tls, now)).await;
    let caller = caller.map_err(|refused| {
        refused.note(trail);
        Refusal(Check::Verify(refused.reason), refused.error)
    })?;
    caller.note(trail);
    let asked = match form {
        None => asked,
        Some(form) => asked.and_then(|asked| s3::parse_form(*asked, &form, tls, now).map(Box::new)),
    };
    let asked = asked.map_err(|error| Refusal(Check::Parse, caller.told(error)))?;
    if let Some(signed) = caller.signed() {
        check_service(signed, asked.style)
            .map_err(Refusal::at(Check::Verify("another-service")))?;
    }
    trail.is_about(asked.operation.key());
    Ok(Verified {
        received,
        asked,
        caller,
    })
}

/// Verified → Permitted: may they?
pub async fn permit<'a, S: ObjectStore, V: Verifier, B>(
    context: &Context<S, V>,
    verified: Verified<'a, B, V>,
) -> Result<Permitted<'a, B, V>, Refusal> {
    let Verified {
        received,
        asked,
        caller,
    } = verified;
    let Received {
        id, origin, now, ..
    } = &received;
    link::judge(&asked.terms, &caller, origin, *id, *now)
        .map_err(Refusal::at(Check::Permit("link-terms")))?;
    let facts = link::facts(&context.store, &asked, &caller);
    // Under way before it is looked up: a revocation meets it there or here.
    let begun = facts.as_ref().map(|facts| {
        let under_way = context.roll.begin(facts, received.line.clone());
        (!context.store.is_revoked(facts)).then_some(under_way)
    });
    let under_way = match begun {
        Some(None) => {
            let error = ErrorKind::AccessDenied.into();
            return Err(Refusal(Check::Permit("link-revoked"), error));
        }
        begun => begun.flatten(),
    };
    let once = link::one_time(&asked.terms, &caller, &received.head.headers)
        .map_err(Refusal::at(Check::Permit("link-unknown")))?;
    if let Some(once) = &once {
        once.check(&context.store, *id, *now)
            .map_err(Refusal::at(Check::Permit("link-used")))?;
    }
    let unsigned = permit::override_needs_signature(&asked.operation, caller.account());
    unsigned.map_err(Refusal::at(Check::Permit("override-without-signature")))?;
    let need = permit::needs(&asked.operation);
    let asker = Asker {
        context,
        caller: &caller,
        origin: received.origin,
        head: received.head,
        now: received.now,
        terms: &asked.terms,
        operation: Some(&asked.operation),
        through: asked.through.as_ref(),
        state: &received.state,
        who: OnceCell::new(),
    };
    let grant = permit::decide(&asker, need).await.map_err(|mut refused| {
        received.trail.refused_by(refused.statement());
        if let Some(explanation) = refused.explanation() {
            received.trail.is_decided(Decided::Denied(explanation));
        }
        Refusal(Check::Permit(refused.reason()), refused.into())
    })?;
    received.trail.is_decided(Decided::Allowed(grant.by()));
    let owners = permit::expected_owners(&grant, &asked);
    owners.map_err(Refusal::at(Check::Permit("another-owner-expected")))?;
    if let Some(facts) = &facts {
        let (source, ends) = (received.origin.peer().ip(), caller.expires_at());
        context.roll.note(facts, ends, source, received.now);
    }
    Ok(Permitted {
        received,
        asked,
        caller,
        grant,
        once,
        under_way,
    })
}

/// Permitted → Performed, without the store: a person who has clicked on a one-time link is asked
/// before it is used up.
fn ask_first<S: ObjectStore, V: Verifier, B>(
    permitted: &Permitted<'_, B, V>,
) -> Option<Performed<S>> {
    let Permitted {
        received,
        asked,
        once,
        ..
    } = permitted;
    let asks = link::asks_first(&asked.terms, once.as_ref()?, received.head);
    asks.then(|| Performed {
        reply: link::page(),
        under_way: None,
    })
}

/// Permitted → Performed: the body flows, the store acts.
pub async fn perform<S: ObjectStore, V: Verifier, B: Stream>(
    context: &Context<S, V>,
    permitted: Permitted<'_, B, V>,
) -> Result<Performed<S>, Refusal> {
    let Permitted {
        received,
        asked,
        caller,
        grant,
        once,
        under_way,
    } = permitted;
    let Received {
        id,
        origin,
        now,
        head,
        body,
        state,
        trail,
        line: _,
    } = received;
    let s3::Parsed {
        operation,
        promise,
        terms,
        through,
        ..
    } = *asked;
    let job = Job {
        context,
        id,
        now,
        origin,
        terms,
        through,
        head,
        caller,
        state,
        grant,
        once,
        promise,
        body,
        trail,
    };
    let hides_absence = job.grant.hides_absence();
    let reply = perform::dispatch(job, operation).await;
    let reply = reply.map_err(|error| {
        let (check, error) = permit::hidden(error, hides_absence);
        Refusal(check, error)
    })?;
    Ok(Performed { reply, under_way })
}
