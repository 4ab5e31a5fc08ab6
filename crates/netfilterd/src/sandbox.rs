//! The process gives up what it does not need.
//!
//! It keeps three capabilities: CAP_SYS_ADMIN to make namespaces, enter them and mount their names;
//! CAP_NET_ADMIN for links, addresses, routes and rules; CAP_NET_BIND_SERVICE for ports below 1024. The
//! program `nft`, which it starts, inherits CAP_NET_ADMIN alone. No program can give either more.

use blockhouse_sandbox::{
    CapabilitySet, capabilities, forbid_core_dumps, forbid_new_privileges, refused,
};

/// What is kept.
const KEPT: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// Why the process could not be shut in.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A step failed.
    #[error(transparent)]
    Step(#[from] blockhouse_sandbox::SandboxError),
    /// It was started without a capability that it needs.
    #[error(
        "a network filter needs root, or CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_BIND_SERVICE"
    )]
    Lacking,
}

/// Drops everything but [`KEPT`], for this thread and all that it starts. To be called before another is
/// started.
pub fn give_up_capabilities() -> Result<(), SandboxError> {
    let had = rustix::thread::capabilities(None).map_err(refused("tell its capabilities"))?;
    if !had.permitted.contains(KEPT) {
        return Err(SandboxError::Lacking);
    }
    forbid_core_dumps()?;
    if let Some(lacking) = capabilities::bound(KEPT)? {
        tracing::warn!("{lacking}");
    }
    capabilities::hold(KEPT, CapabilitySet::NET_ADMIN)?;
    Ok(forbid_new_privileges()?)
}
