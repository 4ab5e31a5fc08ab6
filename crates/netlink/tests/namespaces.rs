//! Namespaces with names: made, entered, left alone, taken away.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use blockhouse_netlink::{
    Cause, Idempotent as _, namespace::Namespace, netns_cookie, route::RouteSocket,
};
use common::{Net, may_run, random_name};
use std::{
    fs,
    net::{TcpListener, TcpStream},
};

#[test]
fn a_namespace_is_made_once_opened_listed_and_deleted() {
    if !may_run() {
        return;
    }
    let name = random_name("life");
    assert_eq!(Namespace::open(&name).unwrap_err().cause, Cause::NotFound);
    let made = Namespace::create(&name).unwrap();
    assert_eq!(Namespace::create(&name).unwrap_err().cause, Cause::Exists);
    let opened = Namespace::open(&name).unwrap();
    assert_eq!(made.cookie().unwrap(), opened.cookie().unwrap());
    let listed = Namespace::list(name.as_str()).unwrap();
    assert_eq!(listed.as_slice(), std::slice::from_ref(&name));
    // Only the loopback is in there, whatever is out here.
    let links = RouteSocket::open_in(&opened).unwrap().links().unwrap();
    assert_eq!(links.len(), 1);
    assert_eq!(links.first().unwrap().name, "lo");
    Namespace::delete(&name).unwrap();
    assert_eq!(Namespace::delete(&name).unwrap_err().cause, Cause::NotFound);
    Namespace::delete(&name).or_absent().unwrap();
    assert_eq!(Namespace::list(name.as_str()).unwrap(), []);
    // It is held, so it lives on.
    assert_eq!(made.run(|| 7).unwrap(), 7);
}

#[test]
fn a_file_without_a_namespace_is_told_and_can_be_deleted() {
    if !may_run() {
        return;
    }
    // The folder is there for sure.
    let _other = Net::new("other");
    let name = random_name("file");
    fs::write(format!("/run/netns/{name}"), "").unwrap();
    assert_eq!(Namespace::open(&name).unwrap_err().cause, Cause::NotMounted);
    assert_eq!(Namespace::create(&name).unwrap_err().cause, Cause::Exists);
    Namespace::delete(&name).unwrap();
    assert_eq!(Namespace::open(&name).unwrap_err().cause, Cause::NotFound);
}

#[test]
fn whoever_asks_stays_where_he_is() {
    if !may_run() {
        return;
    }
    let before = Namespace::own().unwrap().cookie().unwrap();
    let net = Net::new("in");
    let inside = net.run(|| Namespace::own().unwrap().cookie().unwrap());
    assert_eq!(inside.unwrap(), net.cookie().unwrap());
    assert_ne!(net.cookie().unwrap(), before);
    assert_eq!(Namespace::own().unwrap().cookie().unwrap(), before);
    let result = net.run(|| -> u8 { panic!("on purpose") });
    assert_eq!(result.unwrap_err().cause, Cause::Panicked);
}

#[test]
fn an_accepted_socket_has_the_cookie_of_its_listener() {
    if !may_run() {
        return;
    }
    let nets = [Net::new("a"), Net::new("b")];
    let cookies = nets.each_ref().map(|net| {
        let listener = net
            .run(|| TcpListener::bind("127.0.0.1:0"))
            .unwrap()
            .unwrap();
        let address = listener.local_addr().unwrap();
        let client = net.run(|| TcpStream::connect(address)).unwrap().unwrap();
        // Accepted out here, as the gateway does.
        let (accepted, _) = listener.accept().unwrap();
        let cookie = net.cookie().unwrap();
        assert_eq!(netns_cookie(&listener).unwrap(), cookie);
        assert_eq!(netns_cookie(&accepted).unwrap(), cookie);
        assert_eq!(netns_cookie(&client).unwrap(), cookie);
        cookie
    });
    let [a, b] = cookies;
    assert_ne!(a, b);
}

#[test]
fn settings_are_those_of_the_namespace() {
    if !may_run() {
        return;
    }
    let (one, other) = (Net::new("one"), Net::new("other"));
    let path = "ipv4/conf/all/arp_ignore";
    for value in ["1", "2"] {
        one.set_sysctl(path, value).unwrap();
        assert_eq!(one.sysctl(path).unwrap(), value);
        assert_eq!(other.sysctl(path).unwrap(), "0");
    }
    let absent = one.set_sysctl("ipv4/conf/nosuch/arp_ignore", "1");
    assert_eq!(absent.unwrap_err().cause, Cause::NotFound);
    for path in ["../kernel/hostname", "/etc/passwd", "", "ipv4/../../x"] {
        let refused = one.set_sysctl(path, "1").unwrap_err().cause;
        assert!(matches!(refused, Cause::Refused { .. }), "{path}");
    }
}
