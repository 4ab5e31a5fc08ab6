//! Messages and descriptors over a real socket.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use blockhouse_netfilter_wire::{
    BATCH_MAX, Batch, Batches, FromNetfilterd, Listener, ListenerKind, Malformed, NAME_BYTES_MAX,
    OutOfOrder, Owner, PACKET_BYTES_MAX, Piece, Pieces, REASON_BYTES_MAX, ReceiveError, Socket,
    ToNetfilterd, decode, encode, pieces,
};
use blockhouse_types::AccountId;
use proptest::prelude::*;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    send, sendmsg, socketpair,
};
use std::{
    fs::File,
    io::{IoSlice, Read as _, Write as _},
    mem::MaybeUninit,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
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

/// Some listeners, with more to follow.
fn batch(number: u32, listeners: Vec<Listener>) -> Batch {
    Batch {
        number,
        last: false,
        listeners,
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
    // What does not follow takes what came before with it.
    assert!(all.push(batch(2, vec![]), vec![]).is_err());
    assert_eq!(
        all.push(batch(0, vec![]), vec![]).unwrap_err(),
        OutOfOrder::Empty(0)
    );
    let twice = batch(0, vec![listener(1), listener(1)]);
    assert_eq!(
        all.push(twice, vec![socket(), socket()]).unwrap_err(),
        OutOfOrder::Twice(1)
    );
    let endless = Piece {
        number: 0,
        last: false,
        text: String::new(),
    };
    assert!(Pieces::default().push(&endless).is_err());
    let piece = Piece {
        number: 1,
        last: true,
        text: String::new(),
    };
    assert!(Pieces::default().push(&piece).is_err());
}

/// Sends bytes and descriptors as somebody else might.
fn send_raw(from: &Socket, packet: &[u8], with: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(with)));
    let slices = [IoSlice::new(packet)];
    sendmsg(from, &slices, &mut control, SendFlags::NOSIGNAL).unwrap();
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
        b"BN\x01\"status\" ",
        b"BN\x01\"st\\u0061tus\"",
        b"BN\x01{\"activate\":{\"version\":1,\"version\":1}}",
        b"BN\x01{\"activate\":{\"version\":1},\"status\":null}",
        b"BN\x01{\"activate\":{\"version\":1,\"at\":2}}",
        b"BN\x01{\"open\":{}}",
    ] {
        send(&daemon, packet, SendFlags::empty()).unwrap();
        let refused = node.receive::<ToNetfilterd>();
        assert!(
            matches!(refused, Err(ReceiveError::Malformed(_))),
            "{packet:?}"
        );
    }
    // The other end of a descriptor that came with nonsense hears of its close.
    let refused = |packet: &[u8]| {
        let (theirs, mut ours) = UnixStream::pair().unwrap();
        send_raw(&daemon, packet, &[theirs.as_fd()]);
        drop(theirs);
        let refused = node.receive::<ToNetfilterd>().unwrap_err();
        assert_eq!(ours.read(&mut [0]).unwrap(), 0);
        refused
    };
    let nonsense = refused(b"BN\x01\"nonsense\"");
    let malformed = matches!(nonsense, ReceiveError::Malformed(Malformed::Message(_)));
    assert!(malformed, "{nonsense}");
    // So does that of one which came with a message that speaks of none.
    let beside = refused(&encode(&ToNetfilterd::Status).unwrap());
    assert!(
        matches!(
            beside,
            ReceiveError::Descriptors {
                expected: 0,
                got: 1
            }
        ),
        "{beside}"
    );
}

#[test]
fn what_is_too_much_is_refused() {
    let (node, daemon) = pair();
    let long = vec![b' '; PACKET_BYTES_MAX + 1];
    send(&daemon, &long, SendFlags::empty()).unwrap();
    let refused = node.receive::<ToNetfilterd>();
    assert!(matches!(
        refused,
        Err(ReceiveError::Malformed(Malformed::TooLong))
    ));

    // As many descriptors as the kernel takes: those that came through are closed, and the rest.
    let (theirs, mut ours) = UnixStream::pair().unwrap();
    let status = encode(&ToNetfilterd::Status).unwrap();
    send_raw(&daemon, &status, &[theirs.as_fd(); 253]);
    drop(theirs);
    let refused = node.receive::<ToNetfilterd>();
    assert!(matches!(refused, Err(ReceiveError::TooManyDescriptors)));
    assert_eq!(ours.read(&mut [0]).unwrap(), 0);

    // Our own side does not send what the other would refuse.
    let message = ToNetfilterd::Held(batch(0, vec![listener(1)]));
    assert!(node.send(&message, &[]).is_err());
    for name in ["", "a b", "é", &"a".repeat(NAME_BYTES_MAX + 1)] {
        let mut named = listener(1);
        named.namespace = name.to_owned();
        let message = FromNetfilterd::Listeners(batch(0, vec![named]));
        assert!(matches!(encode(&message), Err(Malformed::Unbounded)));
    }
    let ids = vec![0; BATCH_MAX + 1];
    let closed = FromNetfilterd::Closed { ids };
    assert!(matches!(encode(&closed), Err(Malformed::Unbounded)));
}

#[test]
fn descriptors_are_closed_on_exec() {
    let (node, daemon) = pair();
    let given = [(listener(0), File::open("/dev/null").unwrap())];
    node.send_listeners(&given, ToNetfilterd::Held).unwrap();
    let (_, sockets) = daemon.receive::<ToNetfilterd>().unwrap();
    let flags = rustix::io::fcntl_getfd(&sockets[0]).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
}

#[test]
fn the_kernel_says_who_it_is() {
    let (node, _daemon) = pair();
    assert_eq!(node.peer_uid().unwrap(), rustix::process::getuid().as_raw());
}

/// The longest names, addresses and numbers: a full batch still is one packet.
#[test]
fn a_full_batch_fits_into_a_packet() {
    let name = "a".repeat(NAME_BYTES_MAX);
    let longest = Listener {
        id: u32::MAX,
        kind: ListenerKind::NamesUdp,
        namespace: name.clone(),
        cookie: u64::MAX,
        interface: name.clone(),
        address: SocketAddrV6::new([0xFFFF; 8].into(), u16::MAX, 0, u32::MAX).into(),
        share: u32::MAX,
        owner: Owner::Vpc {
            vpc: name.clone(),
            endpoint: name,
            account: AccountId::from_number(999_999_999_999).unwrap(),
        },
    };
    let full = FromNetfilterd::Listeners(Batch {
        number: u32::MAX,
        last: false,
        listeners: vec![longest; BATCH_MAX],
    });
    let packet = encode(&full).unwrap();
    assert_eq!(decode::<FromNetfilterd>(&packet).unwrap(), full);
}

#[test]
fn a_long_reason_is_cut_and_arrives() {
    let reason = "ä\u{1}".repeat(REASON_BYTES_MAX);
    let packet = encode(&FromNetfilterd::Failed { version: 1, reason }).unwrap();
    let FromNetfilterd::Failed { reason, .. } = decode(&packet).unwrap() else {
        unreachable!("it is what was written");
    };
    assert!((REASON_BYTES_MAX - 1..=REASON_BYTES_MAX).contains(&reason.len()));
    let uncut = "a".repeat(REASON_BYTES_MAX + 1);
    let packet = format!("BN\u{1}{{\"failed\":{{\"version\":1,\"reason\":\"{uncut}\"}}}}");
    assert!(decode::<FromNetfilterd>(packet.as_bytes()).is_err());
}

fn listeners() -> impl Strategy<Value = Vec<Listener>> {
    let name = "[A-Za-z0-9._-]{1,80}";
    let owner = prop_oneof![
        (name, name, 0..1_000_000_000_000_u64).prop_map(|(vpc, endpoint, account)| Owner::Vpc {
            vpc,
            endpoint,
            account: AccountId::from_number(account).unwrap(),
        }),
        name.prop_map(|endpoint| Owner::Public { endpoint }),
    ];
    let kind = prop_oneof![
        Just(ListenerKind::Http),
        Just(ListenerKind::Https),
        Just(ListenerKind::NamesUdp),
        Just(ListenerKind::NamesTcp),
    ];
    let numbers = any::<(u32, u64, u32)>();
    let address = any::<(IpAddr, u16)>().prop_map(SocketAddr::from);
    let listener = (numbers, kind, name, name, address, owner).prop_map(
        |((id, cookie, share), kind, namespace, interface, address, owner)| Listener {
            id,
            kind,
            namespace,
            cookie,
            interface,
            address,
            share,
            owner,
        },
    );
    proptest::collection::vec(listener, 0..6)
}

fn messages() -> impl Strategy<Value = FromNetfilterd> {
    let version = any::<u64>();
    prop_oneof![
        (any::<u32>(), any::<bool>(), listeners()).prop_map(|(number, last, listeners)| {
            FromNetfilterd::Listeners(Batch {
                number,
                last,
                listeners,
            })
        }),
        proptest::collection::vec(any::<u32>(), 1..=BATCH_MAX)
            .prop_map(|ids| FromNetfilterd::Closed { ids }),
        version.prop_map(|version| FromNetfilterd::Prepared { version }),
        (version, any::<String>())
            .prop_map(|(version, reason)| FromNetfilterd::Refused { version, reason }),
        version.prop_map(|version| FromNetfilterd::Active { version }),
        (version, any::<String>())
            .prop_map(|(version, reason)| FromNetfilterd::Failed { version, reason }),
        (any::<u32>(), any::<bool>(), any::<String>())
            .prop_map(|(number, last, text)| FromNetfilterd::Status(Piece { number, last, text })),
    ]
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
    fn a_message_comes_back(message in messages()) {
        let packet = encode(&message).unwrap();
        prop_assert_eq!(decode::<FromNetfilterd>(&packet).unwrap(), message);
        // It is no message of the other side's, and has no other spelling.
        prop_assert!(decode::<ToNetfilterd>(&packet).is_err());
        for end in 0..packet.len() {
            prop_assert!(decode::<FromNetfilterd>(&packet[..end]).is_err());
        }
        prop_assert!(decode::<FromNetfilterd>(&[&packet[..], b" "].concat()).is_err());
    }

    /// Of what is changed on the way, that which is still read is what it says.
    #[test]
    fn what_is_read_has_one_spelling(
        message in messages(),
        changes in proptest::collection::vec(any::<(prop::sample::Index, u8)>(), 1..3),
    ) {
        let mut packet = encode(&message).unwrap();
        for (at, byte) in changes {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        if let Ok(read) = decode::<FromNetfilterd>(&packet) {
            prop_assert_eq!(encode(&read).unwrap(), packet);
        }
    }

    /// Batches in the order of `numbers`: all of them arrive, or an error says that they do not follow.
    #[test]
    fn batches_arrive_in_order_or_not_at_all(
        parts in proptest::collection::vec((0..3_u32, 0..3_u32, any::<bool>()), 0..12),
    ) {
        let mut all = Batches::default();
        let mut due = Vec::new();
        let mut expected = 0;
        for (number, count, last) in parts {
            let first = 10 * due.len() as u32;
            let listeners: Vec<_> = (first..first + count).map(listener).collect();
            let sockets = (0..count).map(|_| OwnedFd::from(File::open("/dev/null").unwrap())).collect();
            let part = Batch { number, last, listeners: listeners.clone() };
            let follows = number == expected && (last || count > 0);
            due.extend(listeners);
            match all.push(part, sockets) {
                Ok(Some(opened)) => {
                    prop_assert!(follows && last);
                    let opened: Vec<_> = opened.into_iter().map(|opened| opened.listener).collect();
                    prop_assert_eq!(&opened, &due);
                    (due, expected) = (Vec::new(), 0);
                }
                Ok(None) => {
                    prop_assert!(follows && !last);
                    expected += 1;
                }
                Err(_) => {
                    prop_assert!(!follows);
                    (due, expected) = (Vec::new(), 0);
                }
            }
        }
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
