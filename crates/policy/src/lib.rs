//! Decides AWS's policy language: whether a principal may do an action on a resource, and which
//! statement said so.
//!
//! *What for.* The gateway asks before anything is performed; the command line, the simulator and the
//! audit ask why. A policy written for AWS loads here and means what it means there.
//!
//! *How it moves.* A text becomes a [`Policy`] once, strictly: what cannot be understood is refused
//! with its place. A request becomes a [`Request`]: a [`Principal`], an [`Action`], a [`Resource`] and
//! a [`Context`] of condition keys. [`decide`] holds it against the [`Policies`] that apply and
//! allocates nothing; [`explain`] answers the same question again and tells the whole story.
//!
//! ```text
//!   text ── Policy::parse ──► Policy ─┐
//!                  └─► MalformedPolicy │
//!                                      ├─► decide ──► Decision  { by which statement }
//!   Principal, Action, Resource, ──────┤
//!   Context                            └─► explain ─► Explanation { every statement met, every
//!                                                      condition with its values, what was missing }
//! ```
//!
//! *What it never does.* It reads no clock, does no I/O, and never panics on what it is given: what
//! cannot decide denies. It knows no signatures; who signed is told it.
//!
//! The per-bucket [`address_list`] is here too, because it is the same kind of thing: pure data that
//! says who may. It is asked before and independently of policies.
#![forbid(unsafe_code)]

mod action;
pub mod address_list;
mod arn;
mod attach;
mod condition;
mod context;
mod decide;
mod document;
mod explain;
mod json;
mod key;
mod kind;
mod lint;
mod malformed;
mod operator;
mod pattern;
mod policy;
mod principal;
mod request;
mod resource_name;
mod scalar;
mod simulate;
mod statement;

pub use action::{
    Action, COPY_READS, Extra, OPERATIONS, OperationRow, ResourceKind, When, operation,
};
pub use arn::Arn;
pub use context::{Context, Value};
pub use decide::{Because, Decision, Grounds, Layer, Policies, StatementRef, decide};
pub use explain::{
    ConditionExplained, EXPLAINED_STATEMENTS_MAX, Explanation, PolicyExplained, StatementExplained,
    explain,
};
pub use key::{Dialect, Fact, Family, ValueKind};
pub use kind::{
    Kind, PATTERN_PARTS_MAX, RESOURCE_POLICY_BYTES_MAX, STATEMENTS_MAX, TEXT_BYTES_MAX,
};
pub use lint::{Exists, Warning, WarningKind, lint};
pub use malformed::{Fault, MalformedPolicy, Place};
pub use policy::{Policy, Span};
pub use principal::{NamedAs, Principal};
pub use request::{Request, Resource};
pub use resource_name::{OutpostsKind, ResourceName};
pub use simulate::{
    ContextEntry, EntryType, Evaluation, Matched, Simulation, SimulationFault, simulate,
};
pub use statement::Effect;
