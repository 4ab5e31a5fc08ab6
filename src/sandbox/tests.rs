//! Each case is a process of its own, because what is given up is the whole process's: this program again,
//! told by its environment what to try.

use super::*;
use nix::{
    sched::{CloneFlags, unshare},
    sys::signal::{Signal, kill},
    unistd::getppid,
};
use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    os::unix::{net::UnixStream, process::ExitStatusExt as _},
    process::{Command, ExitStatus, abort, exit},
    thread,
};

/// The case that such a process is to try, and the folder that it keeps.
const CASE: &str = "BLOCKHOUSE_SANDBOX_CASE";
const FOLDER: &str = "BLOCKHOUSE_SANDBOX_FOLDER";

/// Whether what was tried is as it should be.
type Case = (&'static str, fn(&Path) -> bool);

/// How a process ends that is shut in as the node is and tries the case, and what it says.
fn shut_in(test: &str, case: &str) -> (ExitStatus, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut again = Command::new(env::current_exe().unwrap());
    again
        .args(["--exact", &format!("sandbox::tests::{test}"), "--nocapture"])
        .envs([(CASE, case), ("RUST_BACKTRACE", "1")])
        .env(FOLDER, folder.path());
    let ended = again.output().unwrap();
    (ended.status, String::from_utf8(ended.stderr).unwrap())
}

/// In such a process: tries the case, and ends.
fn try_case(cases: &[Case]) {
    let (Ok(wanted), Ok(folder)) = (env::var(CASE), env::var(FOLDER)) else {
        return;
    };
    let folder = Path::new(&folder);
    let (_, case) = cases.iter().find(|(name, _)| *name == wanted).unwrap();
    give_up_rights(&[folder]).unwrap();
    give_up_calls().unwrap();
    exit(i32::from(!case(folder)));
}

#[test]
fn what_nobody_needs_any_more_is_the_end() {
    let cases: [Case; 8] = [
        ("a namespace", |_| {
            unshare(CloneFlags::CLONE_NEWUSER).is_ok()
        }),
        ("a program", |_| Command::new("/bin/true").status().is_ok()),
        ("a listener", |_| TcpListener::bind("127.0.0.1:0").is_ok()),
        ("a connection", |_| {
            TcpStream::connect("127.0.0.1:9").is_ok()
        }),
        ("a signal", |_| kill(getppid(), Signal::SIGURG).is_ok()),
        ("a pair of sockets", |_| UnixStream::pair().is_ok()),
        ("a mode", |folder| {
            let as_it_is = fs::metadata(folder).unwrap().permissions();
            fs::set_permissions(folder, as_it_is).is_ok()
        }),
        ("another place", |folder| {
            env::set_current_dir(folder).is_ok()
        }),
    ];
    try_case(&cases);
    for (case, _) in cases {
        let (status, _) = shut_in("what_nobody_needs_any_more_is_the_end", case);
        let killed = status.signal() == Some(Signal::SIGSYS as i32);
        assert!(killed, "{case}: {status}");
    }
}

#[test]
fn what_is_needed_goes_on() {
    let cases: [Case; 3] = [
        ("files of the folder", |folder| {
            let (new, named) = (folder.join("new"), folder.join("a/named"));
            fs::create_dir(folder.join("a")).unwrap();
            fs::write(&new, "n").unwrap();
            fs::rename(&new, &named).unwrap();
            let shut = fs::read("/etc/passwd").is_err();
            let read = fs::read(&named).unwrap() == b"n";
            let found = fs::read_dir(folder).unwrap().count();
            fs::remove_file(&named).unwrap();
            fs::remove_dir_all(folder.join("a")).unwrap();
            shut && read && found == 1
        }),
        ("a thread", |_| thread::spawn(|| 5).join().unwrap() == 5),
        ("a panic", |_| {
            let named = thread::Builder::new().name("panics".into());
            let panics = named.spawn(|| panic!("as a test does"));
            panics.unwrap().join().is_err()
        }),
    ];
    try_case(&cases);
    for (case, _) in cases {
        let (status, said) = shut_in("what_is_needed_goes_on", case);
        assert!(status.success(), "{case}: {status}: {said}");
        assert_eq!(said.contains("as a test does"), case == "a panic", "{said}");
    }
}

#[test]
fn an_abort_is_one() {
    try_case(&[("an abort", |_| abort())]);
    let (status, _) = shut_in("an_abort_is_one", "an abort");
    assert_eq!(status.signal(), Some(Signal::SIGABRT as i32), "{status}");
}
