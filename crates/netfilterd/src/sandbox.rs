//! The process gives up what it does not need.
//!
//! It keeps three capabilities: CAP_SYS_ADMIN to make namespaces, enter them and mount their names;
//! CAP_NET_ADMIN for links, addresses, routes and rules; CAP_NET_BIND_SERVICE for ports below 1024. The
//! program `nft`, which it starts, inherits CAP_NET_ADMIN alone. No program can give either more.

use nix::{
    errno::Errno,
    sys::{
        prctl,
        resource::{Resource, setrlimit},
    },
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set,
    set_capabilities,
};

/// What is kept.
const KEPT: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// Why the process could not be shut in.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The kernel refuses a step.
    #[error("the kernel refuses to {step}")]
    Refused {
        /// What was asked for.
        step: &'static str,
        /// Its answer.
        source: Errno,
    },
    /// It was started without a capability that it needs.
    #[error(
        "a network filter needs root, or CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_BIND_SERVICE"
    )]
    Lacking,
}

/// Drops everything but [`KEPT`], for this thread and all that it starts. To be called before another is
/// started.
pub fn give_up_capabilities() -> Result<(), SandboxError> {
    let refused = |step| move |source| SandboxError::Refused { step, source };
    let errno = |error: rustix::io::Errno| Errno::from_raw(error.raw_os_error());
    let had = capabilities(None).map_err(|e| refused("tell its capabilities")(errno(e)))?;
    if !had.permitted.contains(KEPT) {
        return Err(SandboxError::Lacking);
    }
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(refused("forbid core dumps"))?;
    for capability in CapabilitySet::all().iter() {
        if KEPT.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // A capability that this kernel does not know yet.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(refused("bound its capabilities")(errno(error))),
        }
    }
    let sets = CapabilitySets {
        effective: KEPT,
        permitted: KEPT,
        inheritable: CapabilitySet::NET_ADMIN,
    };
    set_capabilities(None, sets).map_err(|e| refused("drop its capabilities")(errno(e)))?;
    prctl::set_no_new_privs().map_err(refused("forbid new privileges"))
}
