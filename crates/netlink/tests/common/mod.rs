//! Namespaces that a test makes for itself and takes away at its end, with veth between them.

#![allow(dead_code, reason = "each test takes what it needs")]

use blockhouse_netlink::{
    Idempotent as _,
    namespace::{Namespace, NamespaceName},
    route::{Address, LinkIndex, LinkName, RouteSocket, State},
};
use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    ops::Deref,
    process::{Command, Stdio},
    time::Duration,
};

/// How long anything may take that should be there at once.
pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// Whether this machine lets the tests make namespaces; if not, says so.
pub(crate) fn may_run() -> bool {
    let may = nix::unistd::geteuid().is_root();
    if !may {
        println!("NET-SKIP not root");
    }
    may
}

/// The same for tests that declare tables.
pub(crate) fn may_run_nft() -> bool {
    let has_nft = Command::new("nft").arg("--version").output().is_ok();
    if !has_nft {
        println!("NET-SKIP nft is not installed");
    }
    has_nft && may_run()
}

/// A namespace of a test.
pub(crate) struct Net {
    name: NamespaceName,
    namespace: Namespace,
}

impl Deref for Net {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.namespace
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let deleted = Namespace::delete(&self.name).or_absent();
        if let Err(error) = deleted {
            eprintln!("{error}");
        }
    }
}

impl Net {
    /// With its loopback on.
    pub(crate) fn new(role: &str) -> Self {
        let name = random_name(role);
        let namespace = Namespace::create(&name).unwrap();
        let net = Self { name, namespace };
        let mut route = net.route();
        let loopback = route.link(&link_name("lo")).unwrap();
        route.set_state(loopback.index, State::Up).unwrap();
        net
    }

    pub(crate) fn name(&self) -> &NamespaceName {
        &self.name
    }

    pub(crate) fn route(&self) -> RouteSocket {
        RouteSocket::open_in(self).unwrap()
    }

    /// The number of a link.
    pub(crate) fn index(&self, name: &str) -> LinkIndex {
        self.route().link(&link_name(name)).unwrap().index
    }

    /// Gives a link addresses and switches it on.
    pub(crate) fn set_up(&self, link: &str, addresses: &[&str]) -> LinkIndex {
        let (index, mut route) = (self.index(link), self.route());
        for net in addresses {
            let net = net.parse().unwrap();
            route.add_address(Address { link: index, net }).unwrap();
        }
        route.set_state(index, State::Up).unwrap();
        index
    }

    /// A veth from here to another namespace.
    pub(crate) fn join(&self, name: &str, other: &Net, other_name: &str) {
        let (name, other_name) = (link_name(name), link_name(other_name));
        let other = Some(nix_fd(other));
        self.route().add_veth(&name, &other_name, other).unwrap();
    }

    /// Says `words` to the first that connects to this address.
    pub(crate) fn greet(&self, at: &str, words: &'static str) -> std::thread::JoinHandle<()> {
        let at = SocketAddr::new(at.parse().unwrap(), 80);
        let listener = self.run(|| TcpListener::bind(at)).unwrap().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(words.as_bytes()).unwrap();
        })
    }

    /// What is said at an address.
    pub(crate) fn hear(&self, at: &str) -> String {
        let address: IpAddr = at.parse().unwrap();
        let at = SocketAddr::new(address, 80);
        let stream = self.run(|| TcpStream::connect_timeout(&at, WAIT)).unwrap();
        let mut stream = stream.unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        let mut words = String::new();
        stream.read_to_string(&mut words).unwrap();
        words
    }

    /// Applies a document of `nft`'s.
    pub(crate) fn nft(&self, document: &serde_json::Value) {
        let output = self.run(|| {
            let mut nft = Command::new("nft")
                .args(["-j", "-f", "-"])
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = nft.stdin.take().unwrap();
            stdin.write_all(document.to_string().as_bytes()).unwrap();
            drop(stdin);
            nft.wait_with_output().unwrap()
        });
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
}

fn nix_fd(net: &Net) -> std::os::fd::BorrowedFd<'_> {
    std::os::fd::AsFd::as_fd(&net.namespace)
}

pub(crate) fn link_name(name: &str) -> LinkName {
    name.parse().unwrap()
}

pub(crate) fn random_name(role: &str) -> NamespaceName {
    let random = RandomState::new().hash_one(role);
    format!("bh-test-{random:016x}-{role}").parse().unwrap()
}
