//! The keeper against a network filter that dies at the worst of moments.

use super::*;
use blockhouse_netfilter_wire::{Batch, Piece};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, listen, socket_with,
};
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// A network filter that answers everything. Each conversation ends with the answer to that message, and
/// the last one ends the filter. Gives what it heard, but for questions of how it is.
fn filter(path: &Path, conversations: &'static [&'static str]) -> JoinHandle<Vec<String>> {
    let flags = SocketFlags::CLOEXEC;
    let kind = SocketType::SEQPACKET;
    let listener = socket_with(AddressFamily::UNIX, kind, flags, None).unwrap();
    bind(&listener, &SocketAddrUnix::new(path).unwrap()).unwrap();
    listen(&listener, 4).unwrap();
    thread::spawn(move || {
        let mut heard = Vec::new();
        for last in conversations {
            let node = Socket::from(accept_with(&listener, flags).unwrap());
            node.set_patience(Duration::from_secs(20)).unwrap();
            loop {
                let told = answer_one(&node);
                let ends = told.starts_with(last);
                if told != "status" {
                    heard.push(told);
                }
                if ends {
                    break;
                }
            }
        }
        heard
    })
}

fn answer_one(node: &Socket) -> String {
    let (message, _) = node.receive().unwrap();
    let (answer, told) = match message {
        ToNetfilterd::Held(_) => {
            let none = Batch {
                number: 0,
                last: true,
                listeners: Vec::new(),
            };
            (FromNetfilterd::Listeners(none), "held".to_owned())
        }
        ToNetfilterd::Prepare { version, model } => {
            assert!(model.last, "a small model is one piece");
            (
                FromNetfilterd::Prepared { version },
                format!("prepare {version}"),
            )
        }
        ToNetfilterd::Activate { version } => (
            FromNetfilterd::Active { version },
            format!("activate {version}"),
        ),
        ToNetfilterd::Status => {
            let status = Piece {
                number: 0,
                last: true,
                text: r#"{"networks": []}"#.to_owned(),
            };
            (FromNetfilterd::Status(status), "status".to_owned())
        }
    };
    node.send(&answer, &[]).unwrap();
    told
}

/// Gives orders to a keeper.
fn keeper(path: &Path) -> Sender<NetworkOrder> {
    let zones = Zones {
        domains: Vec::new(),
        outpost: None,
    };
    let (names, answers) = names();
    thread::spawn(answers);
    let keeper = Keeper::new(
        path.into(),
        Vec::new(),
        None,
        Figures::default(),
        (zones, names),
    );
    let (orders, taken) = tokio::sync::mpsc::channel(1);
    thread::spawn(move || keeper.run(taken));
    orders
}

fn prepare(to: &Sender<NetworkOrder>, version: u64) -> Result<(), NetworkError> {
    let (told, answer) = oneshot::channel();
    let model = Box::default();
    let order = NetworkOrder::Prepare {
        version,
        model,
        told,
    };
    to.blocking_send(order).unwrap();
    answer.blocking_recv().unwrap()
}

fn activate(to: &Sender<NetworkOrder>, version: u64) -> Result<(), NetworkError> {
    let (told, answer) = oneshot::channel();
    let order = NetworkOrder::Activate { version, told };
    to.blocking_send(order).unwrap();
    answer.blocking_recv().unwrap()
}

/// An order while nobody is there is refused at once; one that nobody has tried to reach yet waits.
fn until_reached(order: impl Fn() -> Result<(), NetworkError>) {
    while let Err(error) = order() {
        assert_eq!(error, NetworkError::Unreachable);
    }
}

#[test]
fn what_was_prepared_survives_the_filter_that_dies_before_it_is_activated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("netfilterd.sock");
    let filter = filter(&path, &["prepare", "prepare", "activate"]);
    let orders = keeper(&path);
    until_reached(|| prepare(&orders, 1));
    // The filter that heard it is gone; so is the next, as soon as it has heard it. Whichever is there
    // when the order comes, the last one makes it so.
    let _ = activate(&orders, 1);
    let heard = filter.join().unwrap();
    assert_eq!(heard[..2], ["held", "prepare 1"]);
    assert_eq!(
        heard[heard.len() - 3..],
        ["held", "prepare 1", "activate 1"]
    );
}

#[test]
fn what_was_committed_while_nobody_was_there_is_made_so_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("netfilterd.sock");
    let first = filter(&path, &["prepare"]);
    let orders = keeper(&path);
    until_reached(|| prepare(&orders, 1));
    assert_eq!(first.join().unwrap(), ["held", "prepare 1"]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(activate(&orders, 1), Err(NetworkError::Unreachable));
    let second = filter(&path, &["activate"]);
    assert_eq!(second.join().unwrap(), ["held", "prepare 1", "activate 1"]);
}
