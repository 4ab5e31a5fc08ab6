//! The listening sockets: made here, inside the namespaces, handed to the node, and kept.

use blockhouse_netfilter::{
    EndpointName, Listener as Wanted, Model, Namespace as Place, Plan, Service,
};
use blockhouse_netfilter_wire::{BATCH_MAX, Listener, ListenerKind, Opened, Owner};
use blockhouse_netlink::{Failed, namespace::Namespace, netns_cookie};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    os::fd::OwnedFd,
};

/// Connections that the kernel keeps for a listener until they are taken: while the node is started
/// again they wait here.
const ACCEPT_QUEUE_MAX: i32 = 1024;

/// Why a listener was not made.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The kernel refuses it.
    #[error("listening on {address} at {interface}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// The link.
        interface: String,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// The namespace cannot be entered.
    #[error(transparent)]
    Namespace(#[from] Failed),
}

/// All listeners that there are, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    all: BTreeMap<u32, (Listener, OwnedFd)>,
    /// What there is, without a walk through all of it.
    there: BTreeSet<Identity>,
    next: u32,
}

/// What makes one listener another.
type Identity = (String, u64, String, SocketAddr, ListenerKind, u32);

fn identity(listener: &Listener) -> Identity {
    (
        listener.namespace.clone(),
        listener.cookie,
        listener.interface.clone(),
        listener.address,
        listener.kind,
        listener.share,
    )
}

impl Listeners {
    /// Takes those that a node held, and tells which it is not to hold: a socket that is of another
    /// namespace than it says is nobody's.
    pub(crate) fn adopt(&mut self, held: Vec<Opened>) -> Vec<u32> {
        let mut refused = Vec::new();
        for Opened { listener, socket } in held {
            let id = listener.id;
            let is_so = netns_cookie(&socket).is_ok_and(|cookie| cookie.0 == listener.cookie);
            let known = self.all.get(&id).map(|(known, _)| identity(known));
            self.next = self.next.max(id.saturating_add(1));
            match known {
                _ if !is_so => refused.push(id),
                Some(known) if known == identity(&listener) => {}
                Some(_) => refused.push(id),
                None => {
                    self.there.insert(identity(&listener));
                    self.all.insert(id, (listener, socket));
                }
            }
        }
        refused
    }

    /// Those that are not among these numbers.
    pub(crate) fn beside(&self, held: &BTreeSet<u32>) -> io::Result<Vec<(Listener, OwnedFd)>> {
        let lacking = self.all.iter().filter(|(id, _)| !held.contains(id));
        let lacking = lacking.map(|(_, (listener, socket))| {
            let socket = socket.try_clone()?;
            Ok((listener.clone(), socket))
        });
        lacking.collect()
    }

    /// How many an endpoint has.
    pub(crate) fn count(&self, namespace: &str, endpoint: &str) -> usize {
        let owned = |listener: &&(Listener, OwnedFd)| {
            let (Owner::Vpc { endpoint: of, .. } | Owner::Public { endpoint: of }) =
                &listener.0.owner;
            of == endpoint && listener.0.namespace == namespace
        };
        self.all.values().filter(owned).count()
    }

    /// The numbers of those that no plan of these namespaces wants any more, or that are somebody
    /// else's now; they are closed here.
    pub(crate) fn close_others(&mut self, wanted: &[Listener]) -> Vec<u32> {
        let wanted: BTreeMap<_, _> = wanted
            .iter()
            .map(|wanted| (identity(wanted), &wanted.owner))
            .collect();
        let is_wanted = |listener: &Listener| {
            wanted
                .get(&identity(listener))
                .is_some_and(|owner| **owner == listener.owner)
        };
        let gone = self
            .all
            .iter()
            .filter(|(_, (listener, _))| !is_wanted(listener));
        let gone: Vec<u32> = gone.map(|(id, _)| *id).collect();
        for id in &gone {
            if let Some((listener, _)) = self.all.remove(id) {
                self.there.remove(&identity(&listener));
            }
        }
        gone
    }

    /// Makes those that are not there yet, all in this namespace; gives duplicates to be handed over.
    pub(crate) fn open(
        &mut self,
        wanted: Vec<Listener>,
        inside: &Namespace,
    ) -> Result<Vec<(Listener, OwnedFd)>, ListenError> {
        let is_missing = |wanted: &Listener| !self.there.contains(&identity(wanted));
        let missing: Vec<Listener> = wanted.into_iter().filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let made = inside.run(|| -> Result<Vec<_>, ListenError> {
            let made = missing.into_iter().map(|listener| {
                let socket = make(&listener).and_then(|socket| Ok((socket.try_clone()?, socket)));
                match socket {
                    Ok((given, kept)) => Ok((listener, OwnedFd::from(given), OwnedFd::from(kept))),
                    Err(source) => Err(ListenError::Refused {
                        address: listener.address,
                        interface: listener.interface,
                        source,
                    }),
                }
            });
            made.collect()
        })??;
        let mut given = Vec::new();
        for (mut listener, to_node, kept) in made {
            listener.id = self.next;
            self.next = self.next.saturating_add(1);
            self.there.insert(identity(&listener));
            self.all.insert(listener.id, (listener.clone(), kept));
            given.push((listener, to_node));
        }
        Ok(given)
    }
}

/// The listeners of a plan, in the namespace of that name and cookie, each in so many shares. Their
/// numbers are not given yet.
pub(crate) fn requests(
    plan: &Plan,
    model: &Model,
    (namespace, cookie): (&str, u64),
    shares: usize,
) -> Vec<Listener> {
    let mut requests = Vec::new();
    for wanted in &plan.listeners {
        let Some(owner) = owner(plan, wanted, model) else {
            continue;
        };
        let kind = kind(wanted.service);
        // Names are asked for seldom: one thread answers all.
        let shares = match kind {
            ListenerKind::Http | ListenerKind::Https => shares,
            ListenerKind::NamesUdp | ListenerKind::NamesTcp => 1,
        };
        for share in 0..shares {
            requests.push(Listener {
                id: 0,
                kind,
                namespace: namespace.to_owned(),
                cookie,
                interface: wanted.link.clone(),
                address: wanted.address,
                share: share as u32,
                owner: owner.clone(),
            });
        }
    }
    requests
}

fn kind(service: Service) -> ListenerKind {
    match service {
        Service::Http => ListenerKind::Http,
        Service::Https => ListenerKind::Https,
        Service::NamesUdp => ListenerKind::NamesUdp,
        Service::NamesTcp => ListenerKind::NamesTcp,
    }
}

/// Whose the listener is; `None` for a plan that is not of this model.
fn owner(plan: &Plan, wanted: &Wanted, model: &Model) -> Option<Owner> {
    match (&plan.namespace, &wanted.endpoint) {
        (Place::Vpc(id), EndpointName::Vpc(endpoint)) => {
            let vpc = model.vpcs.iter().find(|vpc| vpc.id == *id)?;
            Some(Owner::Vpc {
                vpc: id.to_string(),
                endpoint: endpoint.to_string(),
                account: vpc.account,
            })
        }
        (Place::Uplinks, EndpointName::Public(endpoint)) => Some(Owner::Public {
            endpoint: endpoint.to_string(),
        }),
        _ => None,
    }
}

/// Makes the socket, in the namespace of this thread. It is bound to the interface, so that the address
/// is served where it belongs even if the kernel would take a packet for it elsewhere.
fn make(listener: &Listener) -> io::Result<Socket> {
    let address = listener.address;
    let (kind, protocol) = match listener.kind {
        ListenerKind::NamesUdp => (Type::DGRAM, Protocol::UDP),
        _ => (Type::STREAM, Protocol::TCP),
    };
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    socket.bind_device(Some(listener.interface.as_bytes()))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // The shares of one address; all of them are ours, as nobody else is in the namespace.
    socket.set_reuse_port(true)?;
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
        // Linux hands this down to every accepted socket.
        socket.set_tcp_nodelay(true)?;
    }
    socket.bind(&address.into())?;
    if kind == Type::STREAM {
        socket.listen(ACCEPT_QUEUE_MAX)?;
    }
    Ok(socket)
}

/// Numbers in messages of bounded length.
pub(crate) fn in_batches(ids: &[u32]) -> impl Iterator<Item = Vec<u32>> {
    ids.chunks(BATCH_MAX).map(<[u32]>::to_vec)
}
