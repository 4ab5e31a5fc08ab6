//! What would be decided: every action on every resource, for IAM's simulator.
//!
//! Only what the question brings is known: nothing is added to the context, not even who asks, so
//! that a condition on `aws:username` is missing it until it is given. Source: IAM API reference,
//! SimulateCustomPolicy and EvaluationResult.

use crate::{
    action::Action,
    arn::Arn,
    context::{Context, Value},
    decide::{Case, Decision, Layer, Policies, decide},
    explain::deciders,
    policy::Span,
    principal::Principal,
    request::{Request, Resource},
    scalar::{Moment, Number, boolean, fold},
    statement::Effect,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use blockhouse_types::AccountId;
use serde::Serialize;
use std::{borrow::Cow, net::IpAddr};

/// The type of a context entry, as IAM names them without `List`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryType {
    /// `string`
    Text,
    /// `numeric`
    Number,
    /// `boolean`
    Bool,
    /// `ip`
    Ip,
    /// `binary`: base64.
    Binary,
    /// `date`
    Date,
}

/// A condition key that the question brings.
#[derive(Debug, Clone)]
pub struct ContextEntry<'a> {
    /// The key's name.
    pub name: &'a str,
    /// What its values are.
    pub of: EntryType,
    /// Its values.
    pub values: Vec<&'a str>,
}

/// Why an entry is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulationFault {
    /// No name of a key.
    #[error("Invalid context key name: {0}")]
    Name(String),
    /// A value that is not of its type.
    #[error("Invalid context value for {name}: {value}")]
    Value {
        /// The key.
        name: String,
        /// Its value.
        value: String,
    },
}

impl EntryType {
    /// Reads IAM's name of a type, and whether it is a list.
    pub fn parse(name: &str) -> Option<(Self, bool)> {
        let (base, list) = match name.strip_suffix("List") {
            Some(base) => (base, true),
            None => (name, false),
        };
        let of = match base {
            "string" => Self::Text,
            "numeric" => Self::Number,
            "boolean" => Self::Bool,
            "ip" => Self::Ip,
            "binary" => Self::Binary,
            "date" => Self::Date,
            _ => return None,
        };
        Some((of, list))
    }

    fn takes(self, text: &str) -> bool {
        match self {
            Self::Text => true,
            Self::Number => Number::parse(text).is_some(),
            Self::Bool => boolean(text).is_some(),
            Self::Ip => text.parse::<IpAddr>().map(fold).is_ok(),
            Self::Binary => STANDARD.decode(text).is_ok(),
            Self::Date => Moment::parse(text).is_some(),
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Simulation<'a> {
    /// The policies that apply.
    pub policies: Policies<'a>,
    /// Who would act.
    pub principal: &'a Principal,
    /// What, each by itself.
    pub actions: &'a [&'a str],
    /// To what, each by itself; `*` for nothing in particular.
    pub resources: &'a [&'a str],
    /// The account that owns the resources; `None` for the caller's own.
    pub owner: Option<AccountId>,
    /// What else would be known.
    pub context: &'a [ContextEntry<'a>],
}

/// What would be decided of one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evaluation {
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub decision: &'static str,
    /// The same with its reason.
    pub verdict: Decision,
    /// The statements that determine it: of a denial, the Denys alone.
    pub matched: Vec<Matched>,
    /// The keys that the policies ask for and the question does not bring.
    pub missing: Vec<String>,
}

/// A statement that determines a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matched {
    /// Which kind of policy.
    pub layer: Layer,
    /// Which of them, counted from zero.
    pub policy: u32,
    /// What it is called.
    pub id: String,
    /// Which statement, counted from zero.
    pub statement: u32,
    /// Where it stands.
    pub span: Option<Span>,
}

/// Decides every action on every resource. A resource that is neither `*` nor an ARN is one that no
/// policy names.
pub fn simulate(simulation: &Simulation<'_>) -> Result<Vec<Evaluation>, SimulationFault> {
    let mut evaluations = Vec::new();
    for name in simulation.actions {
        let action = Action::new(name);
        let context = context(simulation, action)?;
        for resource in simulation.resources {
            evaluations.push(evaluate(simulation, action, resource, &context));
        }
    }
    Ok(evaluations)
}

fn context<'a>(
    simulation: &Simulation<'a>,
    action: Action<'_>,
) -> Result<Context<'a>, SimulationFault> {
    let mut context = Context::new(action.dialect());
    for entry in simulation.context {
        if let Some(value) = entry.values.iter().find(|value| !entry.of.takes(value)) {
            return Err(SimulationFault::Value {
                name: entry.name.to_owned(),
                value: (*value).to_owned(),
            });
        }
        let value = match entry.values.as_slice() {
            [one] => Value::from(*one),
            many => Value::Texts(many.iter().copied().map(Cow::Borrowed).collect()),
        };
        if !context.set_named(entry.name, value) {
            return Err(SimulationFault::Name(entry.name.to_owned()));
        }
    }
    Ok(context)
}

fn evaluate(
    simulation: &Simulation<'_>,
    action: Action<'_>,
    resource: &str,
    context: &Context<'_>,
) -> Evaluation {
    let name = Arn::parse(resource);
    let asked = match simulation.owner {
        Some(owner) => Resource {
            owner: Some(owner),
            ..Resource::of_caller(name)
        },
        None => Resource::of_caller(name),
    };
    let request = Request {
        principal: simulation.principal,
        action,
        resource: asked,
        context,
    };
    let verdict = decide(&simulation.policies, &request);
    let case = Case {
        policies: &simulation.policies,
        request: &request,
    };
    let effect = match verdict {
        Decision::Allow(_) => Some(Effect::Allow),
        Decision::Deny(_) if !deciders(verdict).is_empty() => Some(Effect::Deny),
        Decision::Deny(_) => None,
    };
    Evaluation {
        action: action.name().to_owned(),
        resource: resource.to_owned(),
        decision: verdict.as_str(),
        verdict,
        matched: effect.map_or_else(Vec::new, |effect| matched(case, effect)),
        missing: missing(case),
    }
}

/// The statements of this effect that speak of the request.
fn matched(case: Case<'_>, effect: Effect) -> Vec<Matched> {
    let mut found = Vec::new();
    for layer in Layer::ALL {
        let names = case.names(layer);
        for (number, policy) in (0u32..).zip(case.layer(layer)) {
            for (at, statement) in (0u32..).zip(policy.statements()) {
                let speaks = statement.speaks_of(case.request, names).any();
                if statement.effect == effect && speaks {
                    found.push(Matched {
                        layer,
                        policy: number,
                        id: policy.id().to_owned(),
                        statement: at,
                        span: policy.span(at as usize),
                    });
                }
            }
        }
    }
    found
}

fn missing(case: Case<'_>) -> Vec<String> {
    let policies = Layer::ALL.into_iter().flat_map(|layer| case.layer(layer));
    let mut names: Vec<String> = policies
        .flat_map(|policy| policy.absent_keys(case.request.context))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
