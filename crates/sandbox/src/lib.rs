//! Takes from a process what it does not need. What a role keeps is its own to say, with a reason for
//! each thing; how the kernel is told is here, once.
//!
//! ```text
//!   no core dumps, not dumpable ─ capabilities ─ no new privileges ─ files and ports (Landlock)
//!        ─ threads are started ─ system calls (seccomp), for all of them
//! ```
//!
//! Everything but seccomp is the calling thread's, and of the threads that it starts from then on: it
//! has to come before them. A system call that is not on the list kills the whole process, whatever
//! thread makes it, and its launcher starts it again.
//!
//! A kernel that lacks a part is no reason not to start, and never a secret: what is missing comes back
//! as [`Lacking`], to be logged and counted. A kernel that *refuses* a part that it has is an error.
#![forbid(unsafe_code)]

pub mod calls;
pub mod capabilities;
pub mod files;

use nix::sys::{
    prctl,
    resource::{Resource, setrlimit},
};

pub use rustix::thread::CapabilitySet;

/// Why a process could not be shut in.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The kernel refused a step.
    #[error("the kernel refuses to {step}")]
    Refused {
        /// What was asked for.
        step: &'static str,
        /// Its answer.
        source: nix::Error,
    },
    /// Landlock failed.
    #[error("Landlock")]
    Landlock(#[from] landlock::RulesetError),
    /// A folder that is to stay open cannot be opened.
    #[error("Landlock")]
    Folder(#[from] landlock::PathFdError),
    /// The filter of system calls could not be made or set.
    #[error("the filter of system calls")]
    Seccomp(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Says which step the kernel refused.
pub fn refused<E: Into<std::io::Error>>(step: &'static str) -> impl FnOnce(E) -> SandboxError {
    move |error| SandboxError::Refused {
        step,
        source: nix::Error::from_raw(error.into().raw_os_error().unwrap_or_default()),
    }
}

/// What a machine does not give. None of it is a reason not to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lacking {
    /// Memory could not be locked: `RLIMIT_MEMLOCK` is too low for this user.
    LockedMemory,
    /// The bounding set of capabilities stays: only who has CAP_SETPCAP may lower it.
    BoundingSet,
    /// The kernel knows no Landlock.
    Landlock,
    /// Its Landlock knows no TCP ports (before Linux 6.7).
    Ports,
    /// Its Landlock knows no scopes (before Linux 6.12).
    Scopes,
}

impl Lacking {
    /// Its name in figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LockedMemory => "locked_memory",
            Self::BoundingSet => "bounding_set",
            Self::Landlock => "landlock",
            Self::Ports => "landlock_ports",
            Self::Scopes => "landlock_scopes",
        }
    }
}

impl std::fmt::Display for Lacking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::LockedMemory => {
                "memory is not locked and secrets may reach the swap; raise RLIMIT_MEMLOCK \
                 (LimitMEMLOCK=infinity in the unit, --ulimit memlock=-1 for a container)"
            }
            Self::BoundingSet => {
                "capabilities are given up and not bounded, which takes root; that nothing executed \
                 gets new privileges keeps them away"
            }
            Self::Landlock => {
                "the kernel has no Landlock; file modes and the list of system calls alone keep \
                 files shut"
            }
            Self::Ports => {
                "the kernel's Landlock knows no ports (Linux 6.7 does); the list of system calls \
                 alone keeps them shut"
            }
            Self::Scopes => {
                "the kernel's Landlock knows no scopes (Linux 6.12 does); abstract sockets of \
                 others can be reached"
            }
        })
    }
}

/// A process that is killed leaves no core.
pub fn forbid_core_dumps() -> Result<(), SandboxError> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(refused("forbid core dumps"))
}

/// Keeps other processes of the user from reading this one's memory, whatever `ptrace` allows. Becoming
/// another user undoes it: call it afterwards.
pub fn forbid_reading() -> Result<(), SandboxError> {
    prctl::set_dumpable(false).map_err(refused("forbid reading its memory"))
}

/// Nothing that is executed from now on gets more privileges than there are.
pub fn forbid_new_privileges() -> Result<(), SandboxError> {
    prctl::set_no_new_privs().map_err(refused("forbid new privileges"))
}
