//! What the kernel allows this process.

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::Pid,
};

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

/// The cores that this process may use, rising.
pub fn cores() -> nix::Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count())
        .filter(|core| set.is_set(*core).unwrap_or(false))
        .collect())
}

/// Keeps this thread, and those that it starts from now on, on these cores.
pub fn stay_on(cores: &[usize]) -> nix::Result<()> {
    let mut set = CpuSet::new();
    cores.iter().try_for_each(|core| set.set(*core))?;
    sched_setaffinity(Pid::from_raw(0), &set)
}
