//! The desired state of a node: what was configured, as typed resources.
//!
//! *What for.* Identities and whatever else is configured for the whole node live here; the store keeps
//! them as rows that it does not understand.
//!
//! *How it moves.* [`State::read`] makes resources of rows. A [`Change`] is prepared against a state and
//! judged whole: [`State::prepare`] gives the next state and the rows to be stored, or says which
//! resource is [`Invalid`] and why. What requests ask is a [`Snapshot`]: compiled once for each version,
//! immutable, shared by all threads.
//!
//! ```text
//!   rows ── read ──► State ── prepare(Change) ──► Prepared { state, rows, … } ── stored ──► Snapshot
//!                      ▲                    └──► Invalid { resource, fault }                │
//!                      └─────────────────── the next version ◄────────────────── requests ──┘
//! ```
//!
//! *What it never does.* It stores nothing, reads no clock and no secret is in it: keys are the
//! verifier's. A row that cannot be read back is [`Unreadable`]: whoever depends on it is denied.
//!
//! A new kind of resource is a type that is a [`Body`], and one line in `kind.rs`.
#![forbid(unsafe_code)]

mod access_point;
mod address;
mod change;
mod document;
mod endpoint_policy;
mod fault;
mod guardrail;
mod identity;
mod kind;
mod name;
mod network;
mod snapshot;
mod state;
mod unique;

pub use access_point::{ACCESS_POINTS_OF_BUCKET_MAX, Access, AccessPoint};
pub use address::{AddressGroup, Entries, PublicRanges};
pub use change::{CHANGE_RESOURCES_MAX, Change, Put};
pub use document::Document;
pub use endpoint_policy::VpcEndpointPolicy;
pub use fault::{Fault, Invalid};
pub use guardrail::Guardrail;
pub use identity::{
    Account, Born, Group, ManagedPolicy, Role, SESSION_SECS_MAX, SESSION_SECS_MIN, UniqueId, User,
};
pub use kind::{Body, Kind, Resource, Scope, Stamp};
pub use name::Name;
pub use network::{is_of_network, resources_of};
pub use snapshot::{Identity, Snapshot};
pub use state::{Prepared, RowChange, State, Unreadable};
