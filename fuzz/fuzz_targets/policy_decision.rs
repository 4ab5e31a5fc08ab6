//! A decision: who, what, on what and whose it is, a line each; then a context, `key=value` lines;
//! then policies, `kind` and text, between lines of `--`.
#![no_main]

use blockhouse_fuzz::line;
use blockhouse_policy::{
    Action, Arn, Context, Decision, Kind, Policies, Policy, Principal, Request, Resource, Value,
    decide, explain,
};
use blockhouse_types::AccountId;
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

fuzz_target!(|input: &str| {
    let mut sections = input.split("\n--\n");
    let (who, rest) = line(sections.next().unwrap_or_default());
    let (what, rest) = line(rest);
    let (resource, rest) = line(rest);
    let (owner, keys) = line(rest);
    let principal = Principal::from_arn(who).unwrap_or_else(Principal::anonymous);
    let action = Action::new(what);
    let mut context = Context::of(&principal, action.dialect());
    for (name, value) in keys.lines().filter_map(|l| l.split_once('=')) {
        let value = match value.split_once('|') {
            None => Value::from(value),
            Some(_) => Value::Texts(value.split('|').map(Into::into).collect()),
        };
        context.set_named(name, value);
    }
    let resource = match (Arn::parse(resource), AccountId::parse(owner)) {
        (Some(name), Ok(owner)) => Resource::new(name, owner),
        (name, _) => Resource::of_caller(name),
    };
    let (mut identity, mut session) = (Vec::new(), Vec::new());
    let (mut bucket, mut boundary, mut endpoint, mut guardrail) = (None, None, None, None);
    for (kind, text) in sections.map(line) {
        let Some(kind) = Kind::parse(kind) else {
            continue;
        };
        let policy = Policy::parse(kind, "p", text);
        let policy = policy.unwrap_or_else(|_| Policy::unreadable(kind, "p"));
        match kind {
            Kind::Bucket | Kind::Trust | Kind::AccessPoint => bucket = Some(policy),
            Kind::Boundary => boundary = Some(policy),
            Kind::Endpoint => endpoint = Some(policy),
            Kind::Guardrail => guardrail = Some(policy),
            Kind::Session => session.push(Arc::new(policy)),
            _ => identity.push(Arc::new(policy)),
        }
    }
    let request = Request {
        principal: &principal,
        action,
        resource,
        context: &context,
    };
    let policies = Policies {
        identity: &identity,
        boundary: boundary.as_ref(),
        session: (!session.is_empty()).then_some(session.as_slice()),
        resource: bucket.as_ref(),
        access_point: None,
        endpoint: endpoint.as_ref(),
        guardrail: guardrail.as_ref(),
    };
    let decision = decide(&policies, &request);
    let explanation = explain(&policies, &request);
    assert_eq!(explanation.verdict, decision);
    let told = explanation.policies.iter().flat_map(|p| &p.statements);
    assert!(told.filter(|s| s.decided).all(|s| s.matched), "{explanation}");
    // One more policy that denies everything.
    let mut more = identity.clone();
    more.push(Arc::new(Policy::unreadable(Kind::Managed, "deny")));
    let denied = Policies {
        identity: &more,
        ..policies
    };
    assert!(matches!(decide(&denied, &request), Decision::Deny(_)));
});
