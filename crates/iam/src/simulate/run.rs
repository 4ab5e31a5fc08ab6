//! A simulation under way: one pair of action and resource after the other.

use super::Simulate;
use crate::{
    CallKind, Error,
    params::shown,
    xml::{Answer, Evaluated},
};
use blockhouse_policy::{
    ContextEntry, Evaluation, Kind, Layer, Policies, Policy, Principal, Simulation, simulate,
};
use blockhouse_state::Snapshot;
use blockhouse_types::AccountId;
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc};

/// From this length on an answer takes no more results; where it stopped, its Marker says.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Statements that one result names at most; those behind them are left out.
pub const MATCHED_MAX: usize = 1000;

/// A policy that allows everything, so that what remains is what a resource's says.
const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// A simulation under way.
#[derive(Debug)]
pub struct Run {
    asked: Simulate,
    identity: Vec<Arc<Policy>>,
    boundary: Option<Arc<Policy>>,
    resource: Option<Policy>,
    guardrail: Option<Arc<Policy>>,
    everything: Arc<Policy>,
    principal: Principal,
    /// The pair that comes next.
    next: usize,
    answer: Answer,
}

impl Run {
    /// Begins one for somebody of `account`, by that state.
    pub fn new(asked: Simulate, state: &Snapshot, account: AccountId) -> Result<Self, Error> {
        let (mut identity, mut boundary, guardrail) = match &asked.source {
            None => (Vec::new(), None, None),
            Some(source) => {
                let found = source.find(state)?;
                (found.policies, found.boundary, state.guardrail().cloned())
            }
        };
        for (at, text) in asked.policies.iter().enumerate() {
            let name = format!("PolicyInputList.{}", at + 1);
            identity.push(policy(Kind::Managed, &name, text)?);
        }
        if let Some(text) = &asked.boundary {
            let name = "PermissionsBoundaryPolicyInputList.1";
            boundary = Some(policy(Kind::Boundary, name, text)?);
        }
        let resource = asked.resource_policy.as_deref();
        let resource = resource.map(|text| policy(Kind::Bucket, "ResourcePolicy", text));
        let resource = resource.transpose()?.map(Arc::unwrap_or_clone);
        let kind = match asked.source {
            None => CallKind::SimulateCustomPolicy,
            Some(_) => CallKind::SimulatePrincipalPolicy,
        };
        Ok(Self {
            principal: principal(&asked, account)?,
            everything: policy(Kind::Managed, "everything", EVERYTHING)?,
            next: asked.from,
            answer: Answer::new(kind),
            asked,
            identity,
            boundary,
            resource,
            guardrail,
        })
    }

    /// Decides one more; `false` when the answer has all that it takes.
    pub fn step(&mut self) -> Result<bool, Error> {
        let taken = self.next - self.asked.from;
        if self.next == self.asked.pairs()
            || taken >= self.asked.items_max
            || self.answer.len() >= ANSWER_BYTES_MAX
        {
            return Ok(false);
        }
        let resources = &self.asked.resources;
        let action = &self.asked.actions[self.next / resources.len()];
        let resource = &resources[self.next % resources.len()];
        let evaluated = self.evaluate(action, resource)?;
        self.answer.add(&evaluated);
        self.next += 1;
        Ok(true)
    }

    /// The answer to the request of that id.
    pub fn finish(self, request_id: &str) -> Bytes {
        let more = (self.next < self.asked.pairs()).then_some(self.next);
        self.answer.finish(more, request_id)
    }

    fn evaluate(&self, action: &str, resource: &str) -> Result<Evaluated, Error> {
        let owner = owner_in(resource).or(self.asked.owner);
        let all = Policies {
            identity: &self.identity,
            boundary: self.boundary.as_deref(),
            guardrail: self.guardrail.as_deref(),
            resource: self.resource.as_ref(),
            ..Policies::default()
        };
        let evaluation = self.decide(all, owner, action, resource)?;
        let is_foreign = owner.is_some() && owner != self.principal.account();
        let mut parts = BTreeMap::new();
        if is_foreign {
            let of_caller = Policies {
                resource: None,
                ..all
            };
            let of_caller = self.decide(of_caller, None, action, resource)?;
            parts.insert("IAM Policy", of_caller.decision);
            let of_resource = Policies {
                identity: std::slice::from_ref(&self.everything),
                resource: self.resource.as_ref(),
                ..Policies::default()
            };
            let of_resource = self.decide(of_resource, owner, action, resource)?;
            parts.insert("Resource Policy", of_resource.decision);
        }
        let within = |limit: Option<&Arc<Policy>>| -> Result<Option<bool>, Error> {
            let Some(limit) = limit else { return Ok(None) };
            let only = Policies {
                identity: std::slice::from_ref(limit),
                ..Policies::default()
            };
            let decided = self.decide(only, None, action, resource)?;
            Ok(Some(decided.decision == "allowed"))
        };
        Ok(Evaluated {
            matched: self.matched(&evaluation),
            parts,
            within_boundary: within(self.boundary.as_ref())?,
            within_guardrail: within(self.guardrail.as_ref())?,
            evaluation,
        })
    }

    fn decide(
        &self,
        policies: Policies<'_>,
        owner: Option<AccountId>,
        action: &str,
        resource: &str,
    ) -> Result<Evaluation, Error> {
        let context = self.asked.context.iter().map(|entry| ContextEntry {
            name: &entry.name,
            of: entry.of,
            values: entry.values.iter().map(String::as_str).collect(),
        });
        let context: Vec<_> = context.collect();
        let simulation = Simulation {
            policies,
            principal: &self.principal,
            actions: &[action],
            resources: &[resource],
            owner,
            context: &context,
        };
        let evaluations = simulate(&simulation);
        let evaluations = evaluations.map_err(|fault| Error::input(shown(&fault.to_string())))?;
        let mut evaluations = evaluations.into_iter();
        evaluations
            .next()
            .ok_or_else(|| Error::new(crate::Code::InternalFailure, "Nothing was decided"))
    }

    /// The statements of a result: whose policy, of which type, from where to where.
    fn matched(&self, evaluation: &Evaluation) -> Vec<(String, &'static str, [u32; 4])> {
        let matched = evaluation.matched.iter().take(MATCHED_MAX);
        let named = matched.map(|matched| {
            let of = match matched.layer {
                Layer::Resource => "Resource Policy",
                _ => "IAM Policy",
            };
            let span = matched.span.map_or([1; 4], |span| {
                let ((from, column), (to, last)) = (span.start, span.end);
                [from, column, to, last]
            });
            let policy = match matched.layer {
                Layer::Identity => self.identity.get(matched.policy as usize),
                _ => None,
            };
            let kind = policy.map(|policy| policy.kind());
            (source_id(kind, &matched.id), of, span)
        });
        named.collect()
    }
}

/// What IAM's simulator calls a policy: an inline one by its owner's kind and both names, a managed one
/// by its name.
fn source_id(kind: Option<Kind>, id: &str) -> String {
    let inline = |owner: &str| format!("{owner}_{}", id.replace('/', "_"));
    match kind {
        Some(Kind::UserInline) => inline("user"),
        Some(Kind::GroupInline) => inline("group"),
        Some(Kind::RoleInline) => inline("role"),
        _ => id.rsplit('/').next().unwrap_or(id).to_owned(),
    }
}

pub(crate) fn policy(kind: Kind, name: &str, text: &str) -> Result<Arc<Policy>, Error> {
    let policy = Policy::parse(kind, name, text).map(Arc::new);
    policy.map_err(|malformed| Error::input(format!("Syntax errors in policy {name}: {malformed}")))
}

/// Who would act. Nobody in particular is a user of the account that asks, of whom nothing is known.
fn principal(asked: &Simulate, account: AccountId) -> Result<Principal, Error> {
    let of_source = asked.source.as_ref().filter(|source| source.acts());
    let arn = asked
        .caller
        .as_deref()
        .or(of_source.map(crate::Source::arn));
    match arn {
        Some(arn) => Principal::from_arn(arn)
            .ok_or_else(|| Error::input(format!("Invalid Input CallerArn: {}", shown(arn)))),
        None if asked.resource_policy.is_some() => Err(Error::input(
            "CallerArn is required when a ResourcePolicy is specified.",
        )),
        None => Ok(Principal::user(account, "/", "nobody-in-particular")),
    }
}

/// The account that a resource's ARN names.
fn owner_in(resource: &str) -> Option<AccountId> {
    AccountId::parse(resource.split(':').nth(4)?).ok()
}
