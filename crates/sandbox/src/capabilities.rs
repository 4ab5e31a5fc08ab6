//! Capabilities, of the calling thread and of those that it starts from then on.

use crate::{Lacking, SandboxError, refused};
use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities,
    },
};

/// The highest capability that the kernel's sets have room for.
const CAPABILITY_MAX: u64 = 63;

/// No program that is executed later can give more than `kept`. Takes CAP_SETPCAP, so it comes before
/// that is dropped; who does not have it has nothing to lose, and hears that the set stays.
pub fn bound(kept: CapabilitySet) -> Result<Option<Lacking>, SandboxError> {
    // All numbers and not all names: a newer kernel has capabilities that no name here says.
    for number in 0..=CAPABILITY_MAX {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if kept.contains(capability) {
            continue;
        }
        match capability_is_in_bounding_set(capability) {
            Ok(true) => {}
            Ok(false) => continue,
            // The kernel knows no more of them.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(refused("tell what bounds its capabilities")(error)),
        }
        match remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            Err(Errno::PERM) => return Ok(Some(Lacking::BoundingSet)),
            Err(error) => return Err(refused("bound its capabilities")(error)),
        }
    }
    Ok(None)
}

/// Holds `kept` and no more; programs that are executed inherit `inherited` of it.
pub fn hold(kept: CapabilitySet, inherited: CapabilitySet) -> Result<(), SandboxError> {
    match clear_ambient_capability_set() {
        // A kernel without ambient capabilities.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(refused("clear its ambient capabilities")(error)),
    }
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: inherited,
    };
    set_capabilities(None, sets).map_err(refused("drop its capabilities"))
}
