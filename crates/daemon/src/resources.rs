//! What the kernel allows this process.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the number of open files and the locked memory to what the hard limits allow. Nothing
/// needs to be told: whoever runs into a limit names it.
pub fn raise_limits() {
    for resource in [Resource::RLIMIT_NOFILE, Resource::RLIMIT_MEMLOCK] {
        if let Ok((soft, hard)) = getrlimit(resource)
            && soft < hard
        {
            // Refused only where the hard limit itself is odd; the soft one stays then.
            let _ = setrlimit(resource, hard, hard);
        }
    }
}
