//! Messages and descriptors over a real socket.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use blockhouse_netfilter_wire::{
    BATCH_MAX, Batches, FromNetfilterd, Listener, ListenerKind, Malformed, OutOfOrder, Owner,
    Piece, Pieces, ReceiveError, Socket, ToNetfilterd, decode, encode, pieces,
};
use blockhouse_types::AccountId;
use proptest::prelude::*;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};
use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    thread,
    time::Duration,
};

fn pair() -> (Socket, Socket) {
    let flags = SocketFlags::CLOEXEC;
    let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    let (one, other) = (Socket::from(one), Socket::from(other));
    for end in [&one, &other] {
        end.set_patience(Duration::from_secs(20)).unwrap();
    }
    (one, other)
}

fn listener(id: u32) -> Listener {
    Listener {
        id,
        kind: ListenerKind::Http,
        namespace: "bh-vpc-a".to_owned(),
        cookie: u64::MAX - u64::from(id),
        interface: "port-a1".to_owned(),
        address: "[fd00:a::10]:80".parse().unwrap(),
        share: id % 2,
        owner: Owner::Vpc {
            vpc: "vpc-a".to_owned(),
            endpoint: "vpce-a".to_owned(),
            account: AccountId::from_number(42).unwrap(),
        },
    }
}

/// More than two packets' worth of descriptors, each of which still is what it was.
#[test]
fn listeners_arrive_with_their_sockets() {
    let (node, daemon) = pair();
    let count = 2 * BATCH_MAX + 50;
    let (given, mut ours): (Vec<_>, Vec<_>) = (0..count)
        .map(|id| {
            let (theirs, ours) = UnixStream::pair().unwrap();
            ((listener(id as u32), theirs), ours)
        })
        .unzip();
    let sending = thread::spawn(move || {
        let sent = daemon.send_listeners(&given, FromNetfilterd::Listeners);
        sent.unwrap();
        daemon
    });
    let mut batches = Batches::default();
    let arrived = loop {
        let (message, sockets) = node.receive().unwrap();
        let FromNetfilterd::Listeners(batch) = message else {
            unreachable!("nothing else was sent");
        };
        if let Some(all) = batches.push(batch, sockets).unwrap() {
            break all;
        }
    };
    drop(sending.join().unwrap());
    assert_eq!(arrived.len(), count);
    for (id, (opened, other)) in arrived.into_iter().zip(&mut ours).enumerate() {
        assert_eq!(opened.listener, listener(id as u32));
        UnixStream::from(opened.socket)
            .write_all(&[id as u8])
            .unwrap();
        let mut byte = [0];
        other.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [id as u8]);
    }
    let gone = node.receive::<FromNetfilterd>();
    assert!(matches!(gone, Err(ReceiveError::Gone)), "{gone:?}");
}

#[test]
fn none_is_told_by_an_empty_batch() {
    let (node, daemon) = pair();
    let none: [(Listener, OwnedFd); 0] = [];
    node.send_listeners(&none, ToNetfilterd::Held).unwrap();
    let (message, sockets) = daemon.receive().unwrap();
    let ToNetfilterd::Held(batch) = message else {
        unreachable!("nothing else was sent");
    };
    let all = Batches::default().push(batch, sockets).unwrap();
    assert!(all.unwrap().is_empty());
}

#[test]
fn what_does_not_follow_is_refused() {
    let mut all = Batches::default();
    let batch = |number, listeners| blockhouse_netfilter_wire::Batch {
        number,
        last: false,
        listeners,
    };
    let socket = || OwnedFd::from(File::open("/dev/null").unwrap());
    assert_eq!(
        all.push(batch(1, vec![]), vec![]).unwrap_err(),
        OutOfOrder::Number {
            expected: 0,
            got: 1
        }
    );
    assert_eq!(
        all.push(batch(0, vec![listener(1)]), vec![]).unwrap_err(),
        OutOfOrder::Descriptors {
            descriptors: 0,
            listeners: 1
        }
    );
    let two = vec![socket(), socket()];
    assert!(all.push(batch(0, vec![listener(1)]), two).is_err());
    assert!(
        all.push(batch(0, vec![listener(1)]), vec![socket()])
            .unwrap()
            .is_none()
    );
    assert!(all.push(batch(0, vec![]), vec![]).is_err());
    let piece = Piece {
        number: 1,
        last: true,
        text: String::new(),
    };
    assert!(Pieces::default().push(&piece).is_err());
}

#[test]
fn a_foreign_packet_is_an_error_and_leaves_no_descriptor() {
    let (node, daemon) = pair();
    for packet in [
        &b"BN"[..],
        b"BN\x02{}",
        b"BV\x01{}",
        b"BN\x01{\"status\":1}",
        b"BN\x01\"status\" 1",
    ] {
        send(&daemon, packet, SendFlags::empty()).unwrap();
        let refused = node.receive::<ToNetfilterd>();
        assert!(
            matches!(refused, Err(ReceiveError::Malformed(_))),
            "{packet:?}"
        );
    }
    // The other end of a descriptor that came with nonsense hears of its close.
    let (theirs, mut ours) = UnixStream::pair().unwrap();
    daemon.send(&"nonsense", &[theirs.as_fd()]).unwrap();
    drop(theirs);
    let refused = node.receive::<ToNetfilterd>();
    assert!(matches!(
        refused,
        Err(ReceiveError::Malformed(Malformed::Message(_)))
    ));
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);
    let long = vec![b' '; 2 * 128 * 1024];
    if send(&daemon, &long, SendFlags::empty()).is_ok() {
        assert!(node.receive::<ToNetfilterd>().is_err());
    }
}

proptest! {
    #[test]
    fn a_document_comes_back_from_its_pieces(text in "(\\PC|\u{0}|\"|ä){0,6000}") {
        let mut whole = Pieces::default();
        let mut done = None;
        for piece in pieces(&text) {
            prop_assert!(done.is_none());
            // Whatever it holds, it fits into a packet.
            let packet = encode(&FromNetfilterd::Status(piece)).unwrap();
            let FromNetfilterd::Status(piece) = decode(&packet).unwrap() else { unreachable!() };
            done = whole.push(&piece).unwrap();
        }
        prop_assert_eq!(done, Some(text));
    }

    #[test]
    fn decoding_never_panics(mut packet: Vec<u8>, begins: bool) {
        if begins {
            packet.splice(0..0, *b"BN\x01");
        }
        let _ = decode::<ToNetfilterd>(&packet);
        let _ = decode::<FromNetfilterd>(&packet);
    }
}
