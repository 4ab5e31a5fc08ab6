//! Why: the same question once more, slowly, with everything that was looked at.
//!
//! [`crate::decide`] stops at the first statement that decides and remembers its number. Here every
//! statement of every policy is held against the request, without an index, and what was compared is
//! written down: each condition with the policy's values and the request's, each key that was absent,
//! each variable with what it stood for. A statement that speaks of another action, or of the action
//! on something else for somebody else, is counted and not told.
//!
//! The explanation is for who may see policies; a client that is denied learns nothing of it.

mod render;

use crate::{
    condition::Condition,
    context::Context,
    decide::{Because, Case, Decision, Layer, Policies, StatementRef, decide},
    kind::Kind,
    policy::{Policy, Span},
    principal::NamedAs,
    request::Request,
    statement::{Effect, Names, Statement},
};
use blockhouse_types::hex;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// The most statements that one explanation tells of; those that speak of the request come first.
pub const EXPLAINED_STATEMENTS_MAX: usize = 100;

/// Why a request was decided as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub decision: &'static str,
    /// By what, as numbers.
    pub verdict: Decision,
    /// The same as a sentence.
    pub summary: String,
    /// Who asked.
    pub principal: String,
    /// For what.
    pub action: String,
    /// On what; `*` for nothing in particular.
    pub resource: String,
    /// Every policy that applies.
    pub policies: Vec<PolicyExplained>,
    /// The condition keys that were asked for and absent, sorted.
    pub missing: Vec<String>,
    /// How many statements are left out beyond [`EXPLAINED_STATEMENTS_MAX`].
    pub left_out: usize,
}

/// What one policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyExplained {
    /// Which of the policies.
    pub layer: Layer,
    /// What it is called.
    pub id: String,
    /// Where it is attached.
    pub kind: Kind,
    /// SHA-256 of its text, in hexadecimal: which version of it this was.
    pub sha256: String,
    /// Whether its Denys are not held against the caller: a bucket's policy against its owner's
    /// root, where it would lock the owner out.
    pub denies_ignored: bool,
    /// The statements that speak of the request, or nearly.
    pub statements: Vec<StatementExplained>,
    /// How many others it has.
    pub passed_over: usize,
}

/// What one statement says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementExplained {
    /// Which one, counted from zero.
    pub number: u32,
    /// Its name.
    pub sid: Option<String>,
    /// What it does.
    pub effect: Effect,
    /// Where it stands.
    pub span: Option<Span>,
    /// How it names the caller, if it does.
    pub named_as: Option<NamedAs>,
    /// Whether it speaks of the resource.
    pub resource: bool,
    /// Its conditions.
    pub conditions: Vec<ConditionExplained>,
    /// Whether it speaks of the request: all of it is true.
    pub matched: bool,
    /// Whether it decided.
    pub decided: bool,
}

/// What one condition compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionExplained {
    /// With its prefix and suffix.
    pub operator: String,
    /// Of what.
    pub key: String,
    /// The policy's values, as written.
    pub wanted: Vec<String>,
    /// The request's; `None` when the key was absent.
    pub found: Option<Vec<String>>,
    /// What the variables in the policy's values stood for; `None` for nothing.
    pub variables: Vec<(String, Option<String>)>,
    /// Whether it held.
    pub holds: bool,
}

/// Explains the decision that [`decide`] makes of the same.
pub fn explain(policies: &Policies<'_>, request: &Request<'_>) -> Explanation {
    let verdict = decide(policies, request);
    let case = Case { policies, request };
    let mut explainer = Explainer {
        case,
        deciders: deciders(verdict),
        missing: BTreeSet::new(),
        told: 0,
        left_out: 0,
    };
    let mut explained = Vec::new();
    for layer in Layer::ALL {
        for (number, policy) in (0u32..).zip(case.layer(layer)) {
            explained.push(explainer.policy(layer, number, policy));
        }
    }
    let resource = request.resource.name.map(|name| name.to_string());
    Explanation {
        decision: verdict.as_str(),
        verdict,
        summary: render::summary(case, verdict),
        principal: request.principal.to_string(),
        action: request.action.name().to_owned(),
        resource: resource.unwrap_or_else(|| "*".to_owned()),
        policies: explained,
        missing: explainer.missing.into_iter().collect(),
        left_out: explainer.left_out,
    }
}

/// The statements that made a decision.
pub(crate) fn deciders(verdict: Decision) -> Vec<StatementRef> {
    match verdict {
        Decision::Allow(grounds) => [grounds.identity, grounds.access_point, grounds.resource]
            .into_iter()
            .flatten()
            .collect(),
        Decision::Deny(Because::Explicit(statement)) => vec![statement],
        Decision::Deny(_) => Vec::new(),
    }
}

struct Explainer<'a> {
    case: Case<'a>,
    deciders: Vec<StatementRef>,
    missing: BTreeSet<String>,
    told: usize,
    left_out: usize,
}

impl Explainer<'_> {
    fn policy(&mut self, layer: Layer, number: u32, policy: &Policy) -> PolicyExplained {
        let names = self.case.names(layer);
        let mut statements = Vec::new();
        for (statement, compiled) in (0u32..).zip(policy.statements()) {
            if !compiled.actions.include(self.case.request.action) {
                continue;
            }
            let at = StatementRef {
                layer,
                policy: number,
                statement,
            };
            if let Some(explained) = self.statement(at, policy, compiled, names) {
                statements.push(explained);
            }
        }
        PolicyExplained {
            layer,
            id: policy.id().to_owned(),
            kind: policy.kind(),
            sha256: hex(&Sha256::digest(policy.text())),
            denies_ignored: !self.case.denies_count(layer),
            passed_over: policy.statement_count() - statements.len(),
            statements,
        }
    }

    fn statement(
        &mut self,
        at: StatementRef,
        policy: &Policy,
        statement: &Statement,
        names: Names<'_>,
    ) -> Option<StatementExplained> {
        let request = self.case.request;
        let named_as = statement.names(request).strongest();
        let resource = statement.resources.include(names, request.context);
        if named_as.is_some() {
            let context = request.context;
            let patterns = statement
                .resources
                .patterns
                .iter()
                .flat_map(|p| p.variables());
            let absent = patterns
                .filter(|(key, default)| default.is_none() && context.variable(key).is_none());
            self.missing.extend(absent.map(|(key, _)| key.name()));
        }
        if named_as.is_none() && !resource {
            return None;
        }
        let speaks = named_as.is_some() && resource;
        let conditions: Vec<_> = statement
            .conditions
            .iter()
            .map(|condition| self.condition(condition, speaks))
            .collect();
        let matched = speaks && conditions.iter().all(|condition| condition.holds);
        let decided = self.deciders.contains(&at);
        if self.told >= EXPLAINED_STATEMENTS_MAX && !decided {
            self.left_out += 1;
            return None;
        }
        self.told += 1;
        Some(StatementExplained {
            number: at.statement,
            sid: statement.sid.as_deref().map(str::to_owned),
            effect: statement.effect,
            span: policy.span(at.statement as usize),
            named_as,
            resource,
            conditions,
            matched,
            decided,
        })
    }

    /// `counts` says whether the condition decides about its statement at all; if not, what it lacks
    /// is not missing.
    fn condition(&mut self, condition: &Condition, counts: bool) -> ConditionExplained {
        let context = self.case.request.context;
        let found = context.get(&condition.key).map(|found| found.shown());
        let variables: Vec<_> = condition
            .keys()
            .skip(1)
            .map(|key| (key.name(), value_of(context, key)))
            .collect();
        if counts {
            let absent = found.is_none().then(|| condition.key.name());
            let unresolved = variables.iter().filter(|(_, value)| value.is_none());
            self.missing.extend(absent);
            self.missing
                .extend(unresolved.map(|(name, _)| name.clone()));
        }
        ConditionExplained {
            operator: condition.operator.to_string(),
            key: condition.key.name(),
            wanted: condition
                .written
                .iter()
                .map(|text| text.to_string())
                .collect(),
            found,
            variables,
            holds: condition.holds(context),
        }
    }
}

fn value_of(context: &Context<'_>, key: &crate::key::Key) -> Option<String> {
    context.variable(key).map(std::borrow::Cow::into_owned)
}
