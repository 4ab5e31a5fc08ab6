//! A question and the policies that answer it, from JSON: how the tests say what they mean.
//!
//! ```json
//! { "principal": "arn:…" or "anonymous", "issuer": "arn:…:user/…",
//!   "action": "s3:GetObject", "resource": "arn:…" or "*", "owner": "111122223333",
//!   "access_point": { "name": "arn:…", "account": "111122223333" },
//!   "context": { "aws:SourceIp": "192.0.2.1", "aws:TagKeys": ["a", "b"] },
//!   "policies": { "identity": [{…}], "boundary": {…}, "session": [{…}], "resource": {…},
//!                 "access_point": {…}, "endpoint": {…}, "guardrail": {…} } }
//! ```
#![allow(dead_code, reason = "every test uses a part of it")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use blockhouse_policy::{
    Action, Arn, Context, Decision, Explanation, Kind, MalformedPolicy, Policies, Policy,
    Principal, Request, Resource, Value, decide, explain,
};
use blockhouse_types::AccountId;
use serde_json::Value as Json;
use std::sync::Arc;

/// A question, with everything that a [`Request`] borrows.
pub(crate) struct Question {
    principal: Principal,
    action: String,
    resource: Option<String>,
    owner: Option<AccountId>,
    access_point: Option<(String, AccountId)>,
    context: Vec<(String, Value<'static>)>,
    identity: Vec<Arc<Policy>>,
    boundary: Option<Policy>,
    session: Option<Vec<Arc<Policy>>>,
    resource_policy: Option<Policy>,
    access_point_policy: Option<Policy>,
    endpoint: Option<Policy>,
    guardrail: Option<Policy>,
}

fn account(json: &Json) -> AccountId {
    AccountId::parse(json.as_str().expect("an account is a string")).expect("twelve digits")
}

/// A value of the context, with its JSON type.
fn value(json: &Json) -> Value<'static> {
    match json {
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) if n.is_i64() => Value::Number(n.as_i64().unwrap_or_default()),
        Json::String(text) => Value::Text(text.clone().into()),
        Json::Array(items) => {
            let texts = items
                .iter()
                .map(|i| i.as_str().unwrap_or_default().to_owned().into());
            Value::Texts(texts.collect())
        }
        other => Value::Text(other.to_string().into()),
    }
}

impl Question {
    pub(crate) fn new(case: &Json) -> Result<Self, MalformedPolicy> {
        let policies = &case["policies"];
        let one = |name: &str, kind: Kind| match &policies[name] {
            Json::Null => Ok(None),
            policy => Policy::parse(kind, name, &policy.to_string()).map(Some),
        };
        let many = |name: &str, kind: Kind| {
            let list = policies[name].as_array().into_iter().flatten();
            list.map(|policy| Policy::parse(kind, name, &policy.to_string()).map(Arc::new))
                .collect::<Result<Vec<_>, _>>()
        };
        let principal = match case["principal"].as_str().expect("a principal") {
            "anonymous" => Principal::anonymous(),
            arn if arn.contains(":federated-user/") => {
                let issuer = case["issuer"].as_str().and_then(Principal::from_arn);
                let name = arn.rsplit('/').next().unwrap_or_default();
                let account = account(&arn.split(':').nth(4).unwrap_or_default().into());
                Principal::federated_user(account, name, issuer.as_ref())
            }
            arn => Principal::from_arn(arn).expect("a principal's ARN"),
        };
        let context = case["context"].as_object().into_iter().flatten();
        let resource_kind = match case["action"].as_str() {
            Some(action) if action.starts_with("sts:") => Kind::Trust,
            _ => Kind::Bucket,
        };
        Ok(Self {
            principal,
            action: case["action"].as_str().expect("an action").to_owned(),
            resource: case["resource"]
                .as_str()
                .filter(|r| *r != "*")
                .map(str::to_owned),
            owner: case["owner"].as_str().map(|o| account(&o.into())),
            access_point: case["access_point"].as_object().map(|ap| {
                let name = ap["name"].as_str().expect("a name").to_owned();
                (name, account(&ap["account"]))
            }),
            context: context.map(|(k, v)| (k.clone(), value(v))).collect(),
            identity: many("identity", Kind::Managed)?,
            boundary: one("boundary", Kind::Boundary)?,
            session: match policies["session"].is_null() {
                true => None,
                false => Some(many("session", Kind::Session)?),
            },
            resource_policy: one("resource", resource_kind)?,
            access_point_policy: one("access_point", Kind::AccessPoint)?,
            endpoint: one("endpoint", Kind::Endpoint)?,
            guardrail: one("guardrail", Kind::Guardrail)?,
        })
    }

    /// Asks, with the same inputs, whatever asks.
    pub(crate) fn ask<R>(&self, ask: impl FnOnce(&Policies<'_>, &Request<'_>) -> R) -> R {
        let action = Action::new(&self.action);
        let mut context = Context::of(&self.principal, action.dialect());
        for (name, value) in &self.context {
            assert!(context.set_named(name, value.clone()), "{name} is no key");
        }
        let name = self
            .resource
            .as_deref()
            .map(|r| Arn::parse(r).expect("an ARN"));
        let mut resource = match (name, self.owner) {
            (Some(name), Some(owner)) => Resource::new(name, owner),
            (name, _) => Resource::of_caller(name),
        };
        if let Some((name, account)) = &self.access_point {
            resource = resource.through(Arn::parse(name).expect("an ARN"), *account);
        }
        let request = Request {
            principal: &self.principal,
            action,
            resource,
            context: &context,
        };
        let policies = Policies {
            identity: &self.identity,
            boundary: self.boundary.as_ref(),
            session: self.session.as_deref(),
            resource: self.resource_policy.as_ref(),
            access_point: self.access_point_policy.as_ref(),
            endpoint: self.endpoint.as_ref(),
            guardrail: self.guardrail.as_ref(),
        };
        ask(&policies, &request)
    }

    pub(crate) fn decide(&self) -> Decision {
        self.ask(decide)
    }

    pub(crate) fn explain(&self) -> Explanation {
        self.ask(explain)
    }
}

/// A generator of numbers, the same for the same seed: SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.roll(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }

    /// One to `most` of them, none twice.
    pub(crate) fn some<T: Clone>(&mut self, of: &[T], most: usize) -> Vec<T> {
        let mut left = of.to_vec();
        let count = 1 + self.roll(most.min(left.len()));
        (0..count)
            .map(|_| left.swap_remove(self.roll(left.len())))
            .collect()
    }
}
