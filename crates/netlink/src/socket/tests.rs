use super::*;
use nix::sys::socket::{bind, getsockname, sendto};

fn links() -> Question<'static> {
    Question::bare(libc::RTM_GETLINK, &[0; 16])
}

fn count(socket: &mut Socket) -> usize {
    let each = |_: &Message<'_>, list: &mut Vec<()>| {
        list.push(());
        Ok(())
    };
    socket.list(&links(), each).unwrap().len()
}

#[test]
fn only_the_kernel_is_heard() {
    let stranger = || {
        let (family, kind) = (AddressFamily::Netlink, SockType::Raw);
        let protocol = SockProtocol::NetlinkRoute;
        let fd = nix::sys::socket::socket(family, kind, SockFlag::SOCK_CLOEXEC, protocol).unwrap();
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0)).unwrap();
        fd
    };
    let send = |from: &OwnedFd, to: &OwnedFd| {
        let to: NetlinkAddr = getsockname(to.as_raw_fd()).unwrap();
        let to = NetlinkAddr::new(to.pid(), 0);
        sendto(from.as_raw_fd(), &[0; 20], &to, MsgFlags::empty())
    };
    let mut socket = Socket::open(SockProtocol::NetlinkRoute).unwrap();
    let (one, other) = (stranger(), stranger());
    let (among, to_us) = (send(&one, &other), send(&one, &socket.fd));
    // A user who may send to nobody cannot send to this socket either.
    match among {
        Ok(_) => assert_eq!(to_us, Err(Errno::ECONNREFUSED)),
        Err(errno) => assert_eq!((errno, to_us), (Errno::EPERM, Err(Errno::EPERM))),
    }
    assert!(count(&mut socket) > 0);
}

#[test]
fn an_answer_that_was_given_up_is_passed_over() {
    let mut socket = Socket::open(SockProtocol::NetlinkRoute).unwrap();
    let expected = count(&mut socket);
    for _ in 0..3 {
        // Asked, and never read.
        socket.send_question(&links(), libc::NLM_F_DUMP).unwrap();
        assert_eq!(count(&mut socket), expected);
    }
    // Given up half way.
    let odd = |_: &Message<'_>, _: &mut Vec<()>| Err(Malformed::Cut);
    assert_eq!(
        socket.list(&links(), odd),
        Err(Cause::Malformed(Malformed::Cut))
    );
    assert_eq!(count(&mut socket), expected);
}

#[test]
fn an_answer_that_is_too_long_is_no_answer() {
    let mut socket = Socket::open(SockProtocol::NetlinkRoute).unwrap();
    socket.packet = vec![0; 64].into();
    let each = |_: &Message<'_>, _: &mut Vec<()>| Ok(());
    let cut = socket.list(&links(), each);
    assert_eq!(cut, Err(Cause::Malformed(Malformed::Cut)));
}

#[test]
fn numbers_of_the_kernel_are_told_apart() {
    for (errno, cause) in [
        (Errno::EEXIST, Cause::Exists),
        (Errno::ENOENT, Cause::NotFound),
        (Errno::ESRCH, Cause::NotFound),
        (Errno::ENODEV, Cause::NotFound),
        (Errno::EADDRNOTAVAIL, Cause::NotFound),
        (Errno::EOPNOTSUPP, Cause::Unsupported { detail: None }),
    ] {
        assert_eq!(Cause::of(errno, None), cause);
    }
    let refused = Cause::of(Errno::EPERM, Some("no".to_owned()));
    assert_eq!(
        refused.to_string(),
        "the kernel refuses: EPERM: Operation not permitted (no)"
    );
}
