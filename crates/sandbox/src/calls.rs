//! System calls (seccomp), of every thread of the process at once.
//!
//! A list says each call with its reason, and of what arguments it may be where that says something. What
//! is not on it kills the process; the C library may be told of a call that the kernel does not have it.

use crate::SandboxError;
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;

/// A system call that stays, and what for.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    number: libc::c_long,
    only: Option<Only>,
}

/// Of which argument a call must be.
#[derive(Debug, Clone, Copy)]
struct Only {
    argument: u8,
    /// These bits of the argument…
    mask: u32,
    /// …have this value.
    value: u32,
}

impl Call {
    /// The call, for this reason.
    pub const fn new(number: libc::c_long, _reason: &'static str) -> Self {
        Self { number, only: None }
    }

    /// The call, if its argument (counted from 0) is just this.
    pub const fn with(self, argument: u8, value: u32) -> Self {
        self.with_bits(argument, u32::MAX, value)
    }

    /// The call, if these bits of its argument have this value.
    pub const fn with_bits(self, argument: u8, mask: u32, value: u32) -> Self {
        let only = Some(Only {
            argument,
            mask,
            value,
        });
        Self { only, ..self }
    }

    fn rules(self) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
        let Some(only) = self.only else {
            return Ok(Vec::new());
        };
        let operator = SeccompCmpOp::MaskedEq(only.mask.into());
        let length = SeccompCmpArgLen::Dword;
        let condition = SeccompCondition::new(only.argument, length, operator, only.value.into())?;
        Ok(vec![SeccompRule::new(vec![condition])?])
    }
}

const PROT_EXEC: u32 = libc::PROT_EXEC.cast_unsigned();

/// What every process does, whatever it is for: take memory, which is never executed, wait, log, end.
/// What reaches beyond the process is for each to say itself.
pub const EVERY_PROCESS: &[Call] = &[
    Call::new(libc::SYS_mmap, "the allocator, and stacks").with_bits(2, PROT_EXEC, 0),
    Call::new(libc::SYS_mprotect, "the allocator's arenas, and stacks").with_bits(2, PROT_EXEC, 0),
    Call::new(libc::SYS_munmap, "the allocator"),
    Call::new(libc::SYS_mremap, "the allocator"),
    Call::new(libc::SYS_madvise, "the allocator, and a thread ends"),
    Call::new(libc::SYS_brk, "the allocator"),
    Call::new(
        libc::SYS_sched_getaffinity,
        "the allocator counts the cores, and a thread looks for its stack",
    ),
    Call::new(libc::SYS_getrandom, "nonces, ids and keys"),
    Call::new(libc::SYS_clock_gettime, "where the vDSO has no clock"),
    Call::new(libc::SYS_futex, "threads wait for each other"),
    Call::new(
        libc::SYS_restart_syscall,
        "a wait with an end goes on after a stop and SIGCONT: the kernel begins it again by this",
    ),
    Call::new(libc::SYS_write, "the log, on standard error"),
    Call::new(libc::SYS_writev, "the same"),
    Call::new(libc::SYS_rt_sigtimedwait, "the thread that takes signals"),
    Call::new(libc::SYS_rt_sigprocmask, "a thread ends"),
    Call::new(libc::SYS_sigaltstack, "a thread ends"),
    Call::new(libc::SYS_exit, "a thread ends"),
    Call::new(libc::SYS_exit_group, "the process ends"),
];

/// A descriptor is made not to block, and no other `ioctl` is made of it.
pub const NONBLOCKING: Call = Call::new(
    libc::SYS_ioctl,
    "FIONBIO: a thread never waits for one socket",
)
.with(1, libc::FIONBIO as u32);

/// Leaves every thread of the process these calls; of one that is said twice, the last word counts. Each
/// of `missing` seems not to be there: a C library that asks for it makes do without.
pub fn leave(
    calls: impl IntoIterator<Item = Call>,
    missing: &[libc::c_long],
) -> Result<(), SandboxError> {
    let apply = |filter: Result<BpfProgram, seccompiler::BackendError>| {
        let filter = filter.map_err(|error| SandboxError::Seccomp(error.into()))?;
        seccompiler::apply_filter_all_threads(&filter)
            .map_err(|error| SandboxError::Seccomp(error.into()))
    };
    // The kernel asks every filter and obeys the strictest: what seems missing has to pass the list.
    let missed = missing.iter().map(|number| Call::new(*number, "missing"));
    let rules = calls
        .into_iter()
        .chain(missed)
        .map(|call| Ok((call.number, call.rules()?)))
        .collect::<Result<_, seccompiler::BackendError>>()
        .map_err(|error| SandboxError::Seccomp(error.into()))?;
    if !missing.is_empty() {
        let missing = missing.iter().map(|number| (*number, Vec::new())).collect();
        let answer = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
        apply(filter(missing, SeccompAction::Allow, answer))?;
    }
    apply(filter(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
    ))
}

fn filter(
    rules: BTreeMap<libc::c_long, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, seccompiler::BackendError> {
    SeccompFilter::new(
        rules,
        otherwise,
        matched,
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}
