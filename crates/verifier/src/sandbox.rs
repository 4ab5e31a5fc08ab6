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

use blockhouse_sandbox::{
    CapabilitySet, Lacking, SandboxError,
    calls::{self, Call, EVERY_PROCESS, NONBLOCKING},
    capabilities, files, forbid_core_dumps, forbid_new_privileges, forbid_reading, refused,
};
use nix::{
    libc,
    sys::{
        mman::{MlockAllFlags, mlockall},
        prctl,
        resource::{Resource, getrlimit},
    },
    unistd::{Gid, Uid, setgroups, setresgid, setresuid},
};

/// The system calls of a running verifier, beside [`EVERY_PROCESS`], and what each is for.
const ALLOWED: &[Call] = &[
    #[cfg(target_arch = "x86_64")]
    Call::new(libc::SYS_epoll_wait, "workers wait for frames"),
    Call::new(
        libc::SYS_epoll_pwait,
        "the same, as some C libraries spell it",
    ),
    Call::new(libc::SYS_epoll_ctl, "askers come, and wait for room"),
    Call::new(libc::SYS_accept4, "askers come"),
    Call::new(libc::SYS_getsockopt, "whose process an asker is"),
    Call::new(libc::SYS_setsockopt, "the socket's buffers"),
    Call::new(libc::SYS_fcntl, "descriptors are closed on execution"),
    NONBLOCKING,
    Call::new(libc::SYS_read, "frames, and the launcher's end"),
    Call::new(libc::SYS_recvfrom, "the same"),
    Call::new(libc::SYS_sendto, "answers"),
    Call::new(libc::SYS_close, "askers go"),
];

/// Memory that must be lockable before locking is begun, in bytes. Locking covers what is mapped
/// later as well, and a limit that is met then is an allocation that fails.
const LOCKABLE_BYTES_MIN: u64 = 256 << 20;

/// Locks memory, forbids core dumps, and becomes `user` when it is given (which needs root).
pub fn give_up_identity(user: Option<u32>) -> Result<Vec<Lacking>, SandboxError> {
    let mut lacking: Vec<_> = lock_memory().into_iter().collect();
    forbid_core_dumps()?;
    if let Some(id) = user {
        lacking.extend(become_user(id)?);
    }
    forbid_reading()?;
    forbid_new_privileges()?;
    Ok(lacking)
}

fn lock_memory() -> Option<Lacking> {
    let any = rustix::thread::capabilities(None)
        .is_ok_and(|c| c.effective.contains(CapabilitySet::IPC_LOCK));
    let enough =
        || getrlimit(Resource::RLIMIT_MEMLOCK).is_ok_and(|(soft, _)| soft >= LOCKABLE_BYTES_MIN);
    let locked = (any || enough())
        && mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE).is_ok();
    (!locked).then_some(Lacking::LockedMemory)
}

/// Becomes a user and group without any capability but the one to lock memory, where it was had:
/// memory that is mapped from now on is locked by it.
fn become_user(id: u32) -> Result<Option<Lacking>, SandboxError> {
    let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
    let lacking = capabilities::bound(CapabilitySet::IPC_LOCK)?;
    prctl::set_keepcaps(true).map_err(refused("keep a capability"))?;
    setgroups(&[]).map_err(refused("drop the groups"))?;
    setresgid(gid, gid, gid).map_err(refused("become another group"))?;
    setresuid(uid, uid, uid).map_err(refused("become another user"))?;
    let had = rustix::thread::capabilities(None).map_err(refused("tell its capabilities"))?;
    let kept = had.permitted & CapabilitySet::IPC_LOCK;
    capabilities::hold(kept, CapabilitySet::empty())?;
    Ok(lacking)
}

/// Shuts the file system, the network's ports, and what would reach other processes.
pub fn give_up_files() -> Result<Vec<Lacking>, SandboxError> {
    files::shut([])
}

/// Leaves the process the system calls of the list, on all its threads.
pub fn give_up_system_calls() -> Result<(), SandboxError> {
    calls::leave(EVERY_PROCESS.iter().chain(ALLOWED).copied(), &[])
}
