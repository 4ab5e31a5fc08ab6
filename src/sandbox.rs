//! What the node gives up before it serves anybody, and what it keeps for which reason.
//!
//! ```text
//!   open: ports, certificate, devices, the network's file
//!     └─ give_up_rights ─► threads: rings, engine, control state, audit ─ give_up_calls ─► serve
//! ```
//!
//! Rights are a thread's, and inherited by those that it starts: the first step comes while there is one.
//! It leaves no capability, no file outside of two folders, no TCP port and nobody to signal. Files of
//! another user that are open to their owner alone, which root might read, are shut from then on:
//! whatever may lie anywhere is opened before.
//!
//! System calls are taken from all threads at once, when every ring is there. A ring is no way around
//! that: each was told what it may do when it was made (`crates/uring/src/restrict.rs`). A call that is
//! not on the list kills the node, and the launcher starts it again: docs/decisions/0012.

use blockhouse_sandbox::{
    CapabilitySet, Lacking, SandboxError,
    calls::{self, Call, EVERY_PROCESS, NONBLOCKING},
    capabilities, files, forbid_core_dumps, forbid_new_privileges, forbid_reading,
};
use nix::libc;
use std::{fs::DirBuilder, io, os::unix::fs::DirBuilderExt as _, path::Path};

/// Sockets: the listeners' and connections', and those to the verifier and the network filter.
const SOCKETS: &[Call] = &[
    Call::new(libc::SYS_accept4, "connections come"),
    Call::new(libc::SYS_shutdown, "a connection's half ends"),
    Call::new(
        libc::SYS_close,
        "connections, and files of the control state, end",
    ),
    Call::new(libc::SYS_getsockname, "by which address a connection came"),
    Call::new(
        libc::SYS_getpeername,
        "from which, and what a handed socket is connected to",
    ),
    Call::new(
        libc::SYS_getsockopt,
        "errors, and the cookie of a connection's namespace",
    ),
    Call::new(libc::SYS_setsockopt, "delays and buffers"),
    Call::new(
        libc::SYS_read,
        "requests, wake-ups, files of the control state",
    ),
    Call::new(
        libc::SYS_recvfrom,
        "requests, verdicts, questions for names",
    ),
    Call::new(
        libc::SYS_recvmsg,
        "listeners that the network filter made (SCM_RIGHTS)",
    ),
    Call::new(libc::SYS_sendto, "answers, questions for verdicts, names"),
    Call::new(
        libc::SYS_sendmsg,
        "listeners back to a network filter that lost them",
    ),
    Call::new(
        libc::SYS_sendfile,
        "pieces of large objects leave from memory",
    ),
    // Both processes are started again when they die, and are then to be found anew. TCP is Landlock's:
    // no socket of it can be made, and one that is there cannot be connected elsewhere.
    Call::new(
        libc::SYS_socket,
        "one to the verifier or the network filter",
    )
    .with(0, libc::AF_UNIX.cast_unsigned()),
    Call::new(libc::SYS_connect, "the same"),
    NONBLOCKING,
    Call::new(
        libc::SYS_fcntl,
        "descriptors are duplicated and closed on execution",
    ),
    #[cfg(target_arch = "x86_64")]
    Call::new(libc::SYS_epoll_wait, "threads wait for sockets"),
    Call::new(
        libc::SYS_epoll_pwait,
        "the same, as some C libraries spell it",
    ),
    Call::new(libc::SYS_epoll_ctl, "sockets come and go"),
    Call::new(
        libc::SYS_ppoll,
        "whether the network filter has said more, or gone",
    ),
    Call::new(libc::SYS_epoll_create1, "a thread that is still starting"),
    Call::new(libc::SYS_eventfd2, "the same"),
];

/// Devices, which are open; and the files of two folders, of the control state and of the audit.
const FILES: &[Call] = &[
    Call::new(
        libc::SYS_io_uring_enter,
        "every ring; none is made or changed any more",
    ),
    Call::new(
        libc::SYS_pread64,
        "devices without a ring, and the control state",
    ),
    Call::new(libc::SYS_pwrite64, "the same, and pages to be sent"),
    Call::new(libc::SYS_fdatasync, "the same, and the audit's files"),
    Call::new(libc::SYS_fsync, "the control state's"),
    Call::new(
        libc::SYS_sync_file_range,
        "the control state's, as sled writes",
    ),
    Call::new(
        libc::SYS_fallocate,
        "devices without a ring discard; pages that were sent are given back",
    ),
    Call::new(libc::SYS_ftruncate, "the control state"),
    Call::new(
        libc::SYS_openat,
        "the control state, the audit's next file and, to explain, its last ones",
    ),
    Call::new(libc::SYS_lseek, "the same"),
    Call::new(libc::SYS_flock, "sled's own lock"),
    Call::new(libc::SYS_fstat, "how long a file is"),
    Call::new(libc::SYS_newfstatat, "whether it is there"),
    Call::new(libc::SYS_statx, "the same"),
    Call::new(libc::SYS_getdents64, "which files there are"),
    Call::new(libc::SYS_mkdirat, "the control state is made anew"),
    Call::new(
        libc::SYS_renameat,
        "it is put aside, and the audit turns over",
    ),
    Call::new(libc::SYS_unlinkat, "the oldest goes"),
    #[cfg(target_arch = "x86_64")]
    Call::new(libc::SYS_mkdir, "as the C library spells it here"),
    #[cfg(target_arch = "x86_64")]
    Call::new(libc::SYS_rename, "the same"),
    #[cfg(target_arch = "x86_64")]
    Call::new(libc::SYS_unlink, "the same"),
    #[cfg(target_arch = "x86_64")]
    Call::new(libc::SYS_rmdir, "the same"),
];

/// A new thread, and no new process or namespace.
const CLONE_JUDGED: u32 = (libc::CLONE_THREAD
    | libc::CLONE_VM
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET)
    .cast_unsigned();
const CLONE_OF_THREADS: u32 = (libc::CLONE_THREAD | libc::CLONE_VM).cast_unsigned();

/// Threads that are started later: sled starts and ends them as it likes, and the control state gets
/// another when it is made anew.
const THREADS: &[Call] = &[
    Call::new(libc::SYS_clone, "a thread, and nothing else").with_bits(
        0,
        CLONE_JUDGED,
        CLONE_OF_THREADS,
    ),
    Call::new(libc::SYS_set_robust_list, "its locks"),
    Call::new(libc::SYS_rseq, "its core"),
    Call::new(libc::SYS_prctl, "its name").with(0, libc::PR_SET_NAME.cast_unsigned()),
    Call::new(
        libc::SYS_sysinfo,
        "how much memory there is: sled asks when it opens",
    ),
    Call::new(libc::SYS_prlimit64, "how much it may take").with(0, 0),
    Call::new(
        libc::SYS_sched_yield,
        "sled, and the allocator, let others go first",
    ),
    Call::new(libc::SYS_gettid, "it aborts"),
    Call::new(libc::SYS_getpid, "the same"),
    Call::new(
        libc::SYS_rt_sigaction,
        "the same: the signal is the kernel's again",
    ),
    Call::new(
        libc::SYS_rt_sigreturn,
        "the handler that names an overflow of the stack ends",
    ),
];

/// A panic's backtrace. It has no names where the program's file is shut, and must not be a death.
const PANICS: &[Call] = &[
    Call::new(libc::SYS_getcwd, "paths in it are shortened"),
    Call::new(libc::SYS_readlinkat, "which file the program is"),
    #[cfg(target_arch = "x86_64")]
    Call::new(libc::SYS_readlink, "as the C library spells it here"),
];

/// What seems not to be there. What `clone3` is to make lies in memory, where no filter reads: the C
/// library says it by `clone` then, in registers.
const MISSING: [libc::c_long; 1] = [libc::SYS_clone3];

/// Why rights were not given up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RightsError {
    /// A folder cannot be made.
    #[error("cannot make {folder}")]
    Folder {
        /// Which one.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// The kernel refuses.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// Gives up every capability, all files but those below `folders`, ports and other processes. Nothing is
/// left to give up by a thread that runs already, so there must be none. Tells what the machine lacks.
pub(crate) fn give_up_rights(folders: &[&Path]) -> Result<Vec<Lacking>, RightsError> {
    for folder in folders {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| RightsError::Folder {
            folder: folder.display().to_string(),
            source,
        })?;
    }
    forbid_core_dumps()?;
    let bounded = capabilities::bound(CapabilitySet::empty())?;
    capabilities::hold(CapabilitySet::empty(), CapabilitySet::empty())?;
    forbid_reading()?;
    forbid_new_privileges()?;
    let shut = files::shut(folders.iter().copied())?;
    Ok(bounded.into_iter().chain(shut).collect())
}

/// Leaves all threads the system calls of the lists.
pub(crate) fn give_up_calls() -> Result<(), SandboxError> {
    // Of signals only those to itself, as an abort is one.
    let own = Call::new(libc::SYS_tgkill, "it aborts").with(0, std::process::id());
    let lists = [EVERY_PROCESS, SOCKETS, FILES, THREADS, PANICS, &[own]];
    calls::leave(lists.into_iter().flatten().copied(), &MISSING)
}

#[cfg(test)]
mod tests;
