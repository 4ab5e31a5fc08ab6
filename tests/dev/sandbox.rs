//! What the node has given up, and what becomes of it when it makes a call that it may not make.

use crate::{
    SIZE,
    launched::{Dev, PROGRAM, command_of, request, signal, wait_until},
};
use nix::{
    sys::signal::Signal,
    unistd::{Gid, Uid, chown},
};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
};

/// What `/proc` says of every thread of a process: its name, and its fields.
fn threads(pid: i32) -> Vec<(String, BTreeMap<String, String>)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    // A thread may end while it is looked at: sled's do as they like.
    let texts =
        tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok());
    texts
        .map(|text| {
            let fields = text.lines().filter_map(|line| line.split_once(':'));
            let mut fields: BTreeMap<_, _> = fields
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect();
            (fields.remove("Name").unwrap(), fields)
        })
        .collect()
}

/// Every thread of the node has what the threads of a process have that was given nothing.
fn has_nothing(dev: &Dev, bounded: bool) {
    let threads = threads(dev.node_pid());
    for name in [
        "io-0",
        "log-writer",
        "admin",
        "audit",
        "digest-0",
        "signals",
    ] {
        assert!(threads.iter().any(|(its, _)| its == name), "no {name}");
    }
    let none = "0000000000000000";
    let mut wanted = vec![
        ("CapInh", none),
        ("CapPrm", none),
        ("CapEff", none),
        ("CapAmb", none),
        ("NoNewPrivs", "1"),
        // Filtered.
        ("Seccomp", "2"),
    ];
    wanted.extend(bounded.then_some(("CapBnd", none)));
    for (name, fields) in threads {
        for (field, value) in &wanted {
            assert_eq!(fields[*field], *value, "{field} of {name}");
        }
    }
}

fn figures(dev: &Dev) -> String {
    request(
        "GET",
        &format!("{}/metrics", dev.variables("env")["BLOCKHOUSE_ADMIN"]),
        "",
    )
    .1
}

#[test]
fn no_thread_of_the_node_has_a_capability_or_an_unjudged_call() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(&folder.path().join("node"), &SIZE);
    has_nothing(&dev, Uid::effective().is_root());
    assert_eq!(dev.ask("PUT", "s3://first", "").0, 200);
    assert_eq!(dev.ask("PUT", "s3://first/key", "hello").0, 200);
    has_nothing(&dev, Uid::effective().is_root());
    let figures = figures(&dev);
    for part in [
        "bounding_set",
        "landlock",
        "landlock_ports",
        "landlock_scopes",
    ] {
        let figure = format!("\nblockhouse_sandbox_lacking{{part=\"{part}\"}} ");
        assert!(figures.contains(&figure), "{part} in\n{figures}");
    }
    dev.end();
}

/// An ordinary user has no capability to give up; calls and files are taken all the same.
#[test]
fn an_ordinary_user_is_shut_in_as_well() {
    if !Uid::effective().is_root() {
        // Then every other test here is one.
        return;
    }
    let (uid, gid) = (Uid::from_raw(65_534), Gid::from_raw(65_534));
    let folder = tempfile::tempdir().unwrap();
    // Where the program lies may be shut to others.
    let program = folder.path().join("blockhouse");
    fs::copy(PROGRAM, &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    chown(folder.path(), Some(uid), Some(gid)).unwrap();
    let dir = folder.path().join("node");
    let as_user = |program: &Path| {
        let mut command = command_of(program, &dir, &SIZE);
        command.uid(uid.as_raw()).gid(gid.as_raw());
        command
    };
    let dev = Dev::launch(&dir, as_user(&program));
    has_nothing(&dev, false);
    assert_eq!(dev.ask("PUT", "s3://first", "").0, 200);
    assert_eq!(dev.ask("PUT", "s3://first/key", "hello").0, 200);
    dev.end();
    let dev = Dev::launch(&dir, as_user(&program));
    assert_eq!(
        dev.ask("GET", "s3://first/key", ""),
        (200, "hello".to_owned())
    );
    dev.end();
}

/// How the kernel ends a process that makes a forbidden call; tests/verifier/trust.py has it make one.
#[test]
fn a_node_that_made_a_forbidden_call_comes_back_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(&folder.path().join("node"), &SIZE);
    assert_eq!(dev.ask("PUT", "s3://first", "").0, 200);
    for life in 1..=2 {
        let key = format!("s3://first/{life}");
        assert_eq!(dev.ask("PUT", &key, "hello").0, 200);
        let before = dev.node_pid();
        signal(before, Signal::SIGSYS);
        wait_until("another node that serves", || {
            dev.log().matches("\"message\":\"serving\"").count() > life
        });
        assert_ne!(dev.node_pid(), before);
        assert_eq!(dev.ask("GET", &key, ""), (200, "hello".to_owned()));
        has_nothing(&dev, Uid::effective().is_root());
    }
    dev.end();
}

/// The kernel goes on with a wait that has an end by a call of its own, `restart_syscall`.
#[test]
fn processes_that_are_stopped_while_they_wait_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(&folder.path().join("node"), &SIZE);
    assert_eq!(dev.ask("PUT", "s3://first", "").0, 200);
    for role in ["node", "verifier"] {
        let pid = dev.pid_of(role);
        for _ in 0..20 {
            signal(pid, Signal::SIGSTOP);
            let all = |state: &'static str| {
                move || {
                    threads(pid)
                        .iter()
                        .all(|(_, fields)| fields["State"].starts_with(state))
                }
            };
            wait_until("a stop", all("T"));
            signal(pid, Signal::SIGCONT);
            wait_until("everything waiting again", all("S"));
        }
        assert_eq!(dev.ask("PUT", "s3://first/key", role).0, 200);
        assert_eq!(dev.pid_of(role), pid, "the {role} was killed");
    }
    dev.end();
}
