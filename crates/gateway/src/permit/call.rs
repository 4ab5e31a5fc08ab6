//! Calls of other APIs than S3: one action on one resource, judged by the caller's own policies. No bucket
//! is concerned.

use super::{
    Action, Refused, Who,
    asker::{explanation, statement_of},
    refused,
};
use crate::{Context, audit::Grounds};
use blockhouse_policy::{self as policy, Arn, Because, Decision, Fact, Layer, Policies, Resource};
use blockhouse_store::ObjectStore;
use blockhouse_types::Timestamp;
use blockhouse_verifier_wire::{Credential, Verified, Verifier};
use std::net::SocketAddr;

/// What is asked.
pub(crate) struct CallAsked<'a> {
    /// Who signed.
    pub(crate) signed: &'a Verified,
    /// From where.
    pub(crate) peer: SocketAddr,
    pub(crate) now: Timestamp,
    pub(crate) action: Action,
    /// An ARN, or `*`.
    pub(crate) resource: &'a str,
}

/// Whether the caller may.
pub(crate) fn may_call<S: ObjectStore, V: Verifier>(
    context: &Context<S, V>,
    asked: &CallAsked<'_>,
) -> Result<(), Refused> {
    let state = context.desired.load();
    let who = Who::of(Some(asked.signed), &state);
    if who.is_gone() {
        let decision = Decision::Deny(Because::Implicit(Layer::Identity));
        return refused(asked.action, true, decision, Grounds::default());
    }
    let session = match &asked.signed.credential {
        Credential::LongTerm => None,
        Credential::Temporary(claims) => claims.policy.as_deref(),
    };
    let session = session.map(|text| [context.compiled.of_session(text)]);
    let policies = Policies {
        identity: who.policies(),
        boundary: who.boundary(),
        guardrail: state.guardrail().map(|policy| &**policy),
        session: session.as_ref().map(|policies| &policies[..]),
        ..Policies::default()
    };
    let action = policy::Action::new(asked.action.0);
    let mut facts = policy::Context::of(who.principal(), action.dialect());
    facts.set_time(asked.now);
    facts.set(Fact::SourceIp, asked.peer.ip());
    facts.set(Fact::SecureTransport, false);
    facts.set(Fact::ViaAwsService, false);
    facts.set(Fact::PolicyAge, 0);
    facts.set(Fact::RequestedRegion, &*context.site.region);
    who.tell(&mut facts, asked.signed);
    let request = policy::Request {
        principal: who.principal(),
        action,
        resource: Resource::of_caller(Arn::parse(asked.resource)),
        context: &facts,
    };
    let decision = policy::decide(&policies, &request);
    if decision.is_allowed() {
        return Ok(());
    }
    let grounds = Grounds {
        statement: statement_of(&policies, decision),
        explanation: explanation(&policies, &request),
    };
    refused(asked.action, true, decision, grounds)
}
