//! The filter of system calls is the whole process's, so each case is a process of its own: this program
//! again, told by its environment that it is the one to be shut in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use blockhouse_sandbox::calls::{Call, EVERY_PROCESS, leave};
use nix::{errno::Errno, libc, sys::signal::Signal, unistd::getppid};
use std::{
    env,
    net::TcpListener,
    os::unix::{net::UnixDatagram, process::ExitStatusExt as _},
    process::{Command, ExitStatus, exit},
    thread,
};

const SHUT_IN: &str = "BLOCKHOUSE_SANDBOX_SHUT_IN";

/// How a process ends that has `test` for its only test and is shut in.
fn shut_in(test: &str, case: impl FnOnce() -> bool) -> ExitStatus {
    if env::var_os(SHUT_IN).is_some() {
        exit(i32::from(!case()));
    }
    let mut again = Command::new(env::current_exe().unwrap());
    again.args(["--exact", test]).env(SHUT_IN, "1");
    again.output().unwrap().status
}

fn killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::SIGSYS as i32)
}

/// What every process may, and these.
fn with(more: &[Call], missing: &[libc::c_long]) {
    leave(EVERY_PROCESS.iter().chain(more).copied(), missing).unwrap();
}

#[test]
fn a_call_that_is_not_on_the_list_kills_all_whichever_thread_makes_it() {
    let status = shut_in(
        "a_call_that_is_not_on_the_list_kills_all_whichever_thread_makes_it",
        || {
            let (go, told) = std::sync::mpsc::channel();
            let thread = thread::spawn(move || {
                told.recv().unwrap();
                TcpListener::bind("127.0.0.1:0").is_ok()
            });
            with(&[], &[]);
            go.send(()).unwrap();
            thread.join().unwrap()
        },
    );
    assert!(killed(status), "{status}");
}

#[test]
fn a_call_may_be_of_one_kind_alone() {
    const LOCAL: Call =
        Call::new(libc::SYS_socket, "a test").with(0, libc::AF_UNIX.cast_unsigned());
    const CLOSE: Call = Call::new(libc::SYS_close, "a test");
    let status = shut_in("a_call_may_be_of_one_kind_alone", || {
        with(&[LOCAL, CLOSE], &[]);
        if UnixDatagram::unbound().is_err() {
            exit(2);
        }
        TcpListener::bind("127.0.0.1:0").is_ok()
    });
    assert!(killed(status), "{status}");
}

#[test]
fn what_is_missing_is_told_so() {
    let status = shut_in("what_is_missing_is_told_so", || {
        with(&[], &[libc::SYS_socket]);
        let refused = TcpListener::bind("127.0.0.1:0").unwrap_err();
        refused.raw_os_error() == Some(Errno::ENOSYS as i32)
    });
    assert!(status.success(), "{status}");
}

#[test]
fn what_is_not_shut_in_is_not_killed() {
    let status = shut_in("what_is_not_shut_in_is_not_killed", || {
        getppid().as_raw() > 0
    });
    assert!(status.success(), "{status}");
}
