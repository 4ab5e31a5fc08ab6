//! The process gives up what it does not need: in this order, because each step needs what a later
//! one takes away.
//!
//! ```text
//!   lock memory ─ no core dumps ─ another user ─ not dumpable ─ no file system (Landlock)
//!        ─ threads are started ─ system calls (seccomp), for all of them
//! ```
//!
//! Memory is locked so that no secret reaches the swap. Not being dumpable keeps other processes of
//! the user from reading it, whatever `ptrace` allows. A system call that is not on the list kills
//! the process: the launcher starts it again, and meanwhile nobody is let in.

use nix::{
    libc,
    sys::{
        mman::{MlockAllFlags, mlockall},
        prctl,
        resource::{Resource, getrlimit, setrlimit},
    },
    unistd::{Gid, Uid, setgroups, setresgid, setresuid},
};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::collections::BTreeMap;

/// Why the process could not be shut in.
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
    /// The filter of system calls could not be made or set.
    #[error("the filter of system calls")]
    Seccomp(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What the machine did not give; none of it is a reason not to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// Memory could not be locked: `RLIMIT_MEMLOCK` is too low for this user.
    LockedMemory,
    /// The kernel knows no Landlock. Opening a file is refused by seccomp all the same.
    Landlock,
}

impl std::fmt::Display for Lacking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::LockedMemory => {
                "memory is not locked and secrets may reach the swap; raise RLIMIT_MEMLOCK \
                 (LimitMEMLOCK=infinity in the unit, --ulimit memlock=-1 for a container)"
            }
            Self::Landlock => "the kernel has no Landlock; seccomp alone keeps files shut",
        })
    }
}

/// The system calls of a running verifier, and what each is for.
const ALLOWED: [(libc::c_long, &str); 29] = [
    (libc::SYS_epoll_wait, "workers wait for frames"),
    (
        libc::SYS_epoll_pwait,
        "the same, as some C libraries spell it",
    ),
    (libc::SYS_epoll_ctl, "askers come, and wait for room"),
    (libc::SYS_accept4, "askers come"),
    (libc::SYS_getsockopt, "whose process an asker is"),
    (libc::SYS_setsockopt, "the socket's buffers"),
    (libc::SYS_fcntl, "descriptors are closed on execution"),
    (
        libc::SYS_ioctl,
        "FIONBIO: a worker never waits for one asker",
    ),
    (libc::SYS_read, "frames, and the launcher's end"),
    (libc::SYS_recvfrom, "the same"),
    (libc::SYS_write, "answers, and the log on standard error"),
    (libc::SYS_writev, "the log"),
    (libc::SYS_sendto, "answers"),
    (libc::SYS_close, "askers go"),
    (libc::SYS_futex, "threads wait for each other"),
    (libc::SYS_mmap, "the allocator"),
    (libc::SYS_munmap, "the allocator"),
    (libc::SYS_mremap, "the allocator"),
    (libc::SYS_madvise, "the allocator"),
    (libc::SYS_brk, "the allocator"),
    (libc::SYS_mprotect, "the allocator's new arenas"),
    (
        libc::SYS_sched_getaffinity,
        "the allocator counts the cores",
    ),
    (libc::SYS_getrandom, "nonces and keys of tokens"),
    (libc::SYS_clock_gettime, "where the vDSO has no clock"),
    (libc::SYS_rt_sigtimedwait, "the thread that takes signals"),
    (libc::SYS_rt_sigprocmask, "a thread ends"),
    (libc::SYS_sigaltstack, "a thread ends"),
    (libc::SYS_exit, "a thread ends"),
    (libc::SYS_exit_group, "the process ends"),
];

/// Memory that must be lockable before locking is begun, in bytes. Locking covers what is mapped
/// later as well, and a limit that is met then is an allocation that fails.
const LOCKABLE_BYTES_MIN: u64 = 256 << 20;

/// Locks memory, forbids core dumps, and becomes `user` when it is given (which needs root).
pub fn give_up_identity(user: Option<u32>) -> Result<Option<Lacking>, SandboxError> {
    let refused = |step| move |source| SandboxError::Refused { step, source };
    let lacking = lock_memory();
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(refused("forbid core dumps"))?;
    if let Some(id) = user {
        become_user(id)?;
    }
    prctl::set_dumpable(false).map_err(refused("forbid reading its memory"))?;
    prctl::set_no_new_privs().map_err(refused("forbid new privileges"))?;
    Ok(lacking)
}

fn lock_memory() -> Option<Lacking> {
    let any = capabilities(None).is_ok_and(|c| c.effective.contains(CapabilitySet::IPC_LOCK));
    let enough =
        || getrlimit(Resource::RLIMIT_MEMLOCK).is_ok_and(|(soft, _)| soft >= LOCKABLE_BYTES_MIN);
    let locked = (any || enough())
        && mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE).is_ok();
    (!locked).then_some(Lacking::LockedMemory)
}

/// Becomes a user and group without any capability but the one to lock memory, where it was had:
/// memory that is mapped from now on is locked by it.
fn become_user(id: u32) -> Result<(), SandboxError> {
    let refused = |step| move |source| SandboxError::Refused { step, source };
    let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
    prctl::set_keepcaps(true).map_err(refused("keep a capability"))?;
    setgroups(&[]).map_err(refused("drop the groups"))?;
    setresgid(gid, gid, gid).map_err(refused("become another group"))?;
    setresuid(uid, uid, uid).map_err(refused("become another user"))?;
    let errno = |error: rustix::io::Errno| nix::Error::from_raw(error.raw_os_error());
    let had = capabilities(None).map_err(|e| refused("tell its capabilities")(errno(e)))?;
    let kept = had.permitted & CapabilitySet::IPC_LOCK;
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).map_err(|e| refused("drop its capabilities")(errno(e)))
}

/// Shuts the file system and the network's ports.
pub fn give_up_files() -> Result<Option<Lacking>, SandboxError> {
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset,
        RulesetAttr as _, RulesetStatus,
    };
    // What a kernel does not know yet is left out: each version knows more.
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V5))?
        .create()?
        .restrict_self()?;
    Ok((status.ruleset == RulesetStatus::NotEnforced).then_some(Lacking::Landlock))
}

/// Leaves the process the system calls of the list, on all its threads.
pub fn give_up_system_calls() -> Result<(), SandboxError> {
    let filter = filter().map_err(|error| SandboxError::Seccomp(error.into()))?;
    seccompiler::apply_filter_all_threads(&filter)
        .map_err(|error| SandboxError::Seccomp(error.into()))
}

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let rules: BTreeMap<_, _> = ALLOWED
        .iter()
        .map(|(call, _)| (*call, Vec::new()))
        .collect();
    SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}
