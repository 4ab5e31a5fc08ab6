//! Links on the administrator's listener: made, listed, revoked.
//!
//! | call | what it does |
//! |---|---|
//! | `POST /links?bucket=…&key=…&…` | makes a link; the order is the query, because that is what is signed |
//! | `GET /links` | the account's links: made here, seen in use, revoked |
//! | `POST /links/revocations` | revokes links; which, says the JSON document in the body |
//!
//! Whoever may sign may make links, as he could without us. Lists and revocations are the account root's,
//! until policies say who else's.

mod made;
mod revoke;
mod show;

use super::call::{Call, Refused};
pub use made::Made;
pub(super) use {made::make, revoke::revoke, show::list};
