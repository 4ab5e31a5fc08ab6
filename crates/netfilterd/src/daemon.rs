//! The one thread: waits for the node, for samples of drops, and for the time to look whether the
//! networks are still what they were made.

use crate::{
    apply::{ApplyError, Network, Why, name_of},
    drops::Drops,
    kernel::Home,
    listeners::{self, Listeners},
    rules,
    status::{self, Told},
};
use blockhouse_netfilter::{Attach, Checked, Model, Namespace as Place, Plan, told};
use blockhouse_netfilter_wire::{
    Batches, FromNetfilterd, Listener, OutOfOrder, Pieces, ReceiveError, Socket, ToNetfilterd,
    pieces,
};
use blockhouse_netlink::{Failed, namespace::Namespace};
use blockhouse_settings::{Carries, NetfilterdSettings};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{SocketFlags, accept_with},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

/// Between two looks at a network; one is looked at each time.
const LOOK: Duration = Duration::from_millis(500);

/// How long the node may take to read what it asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the process cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The kernel refuses what it needs from the start.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// Waiting, or accepting the node.
    #[error("waiting for the node")]
    Wait(#[source] io::Error),
}

/// A version of the network.
struct Version {
    number: u64,
    model: Model,
    plans: Vec<Plan>,
}

/// A conversation with the node.
struct Node {
    socket: Socket,
    held: Batches,
    model: Pieces,
}

/// Why a conversation ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    #[error(transparent)]
    Order(#[from] OutOfOrder),
    #[error("the node does not take what it asked for")]
    Send(#[from] io::Error),
    #[error("the status cannot be written")]
    Status(#[from] serde_json::Error),
}

/// The process.
pub struct Daemon {
    settings: NetfilterdSettings,
    /// Where interfaces come from and go back to.
    home: Home,
    networks: BTreeMap<Place, Network>,
    listeners: Listeners,
    prepared: Option<Version>,
    /// What the network is to be.
    wanted: Option<Version>,
    /// What of it is not so.
    failures: BTreeMap<Place, String>,
    drift: BTreeMap<Place, Vec<String>>,
    drops: Drops,
    node: Option<Node>,
    /// The network that was looked at last.
    looked_at: Option<Place>,
    malformed: u64,
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon")
            .field("networks", &self.networks.len())
            .finish_non_exhaustive()
    }
}

impl Daemon {
    /// One that has made nothing yet. What an earlier one made is found when the node says what is to be.
    pub fn new(settings: NetfilterdSettings) -> Result<Self, DaemonError> {
        Ok(Self {
            settings,
            home: Home::own()?,
            networks: BTreeMap::new(),
            listeners: Listeners::default(),
            prepared: None,
            wanted: None,
            failures: BTreeMap::new(),
            drift: BTreeMap::new(),
            drops: Drops::default(),
            node: None,
            looked_at: None,
            malformed: 0,
        })
    }

    /// Serves nodes that connect to `listener`, one at a time, until `end` can be read from.
    pub fn run(
        &mut self,
        listener: BorrowedFd<'_>,
        end: BorrowedFd<'_>,
    ) -> Result<(), DaemonError> {
        let mut look = Instant::now() + LOOK;
        loop {
            let ready = self.wait(listener, end, look)?;
            if ready.end {
                return Ok(());
            }
            if ready.listener {
                self.meet(listener)?;
            }
            if ready.node {
                self.hear();
            }
            if ready.drops {
                self.drops.read();
            }
            if Instant::now() >= look {
                self.look();
                look = Instant::now() + LOOK;
            }
        }
    }

    /// Ends every network, and gives back what is in it.
    pub fn take_down(&mut self) {
        let places: Vec<Place> = self.networks.keys().cloned().collect();
        for place in places {
            self.end_network(&place);
        }
    }

    fn wait(
        &self,
        listener: BorrowedFd<'_>,
        end: BorrowedFd<'_>,
        until: Instant,
    ) -> Result<Ready, DaemonError> {
        let borrow = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut fds = vec![borrow(listener), borrow(end)];
        fds.extend(self.node.iter().map(|node| borrow(node.socket.as_fd())));
        let drops_from = fds.len();
        fds.extend(self.drops.fds().map(borrow));
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        match poll(&mut fds, Some(&left)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(DaemonError::Wait(errno.into())),
        }
        let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        Ok(Ready {
            listener: is_ready(&fds[0]),
            end: is_ready(&fds[1]),
            node: self.node.is_some() && fds.get(2).is_some_and(is_ready),
            drops: fds[drops_from..].iter().any(is_ready),
        })
    }

    /// Takes a connection, if the node's user made it. It takes the place of the one before, which a
    /// node that is alive would not have left.
    fn meet(&mut self, listener: BorrowedFd<'_>) -> Result<(), DaemonError> {
        let failed = |errno: Errno| DaemonError::Wait(errno.into());
        let fd = match accept_with(listener, SocketFlags::CLOEXEC) {
            Ok(fd) => fd,
            Err(Errno::INTR | Errno::CONNABORTED | Errno::AGAIN) => return Ok(()),
            Err(errno) => return Err(failed(errno)),
        };
        let socket = Socket::from(fd);
        let uid = socket.peer_uid().map_err(DaemonError::Wait)?;
        if uid != self.settings.gateway_uid {
            tracing::warn!(uid, "somebody else wants to be the node");
            return Ok(());
        }
        socket.set_patience(PATIENCE).map_err(DaemonError::Wait)?;
        tracing::debug!("a node is there");
        self.node = Some(Node {
            socket,
            held: Batches::default(),
            model: Pieces::default(),
        });
        Ok(())
    }

    /// Takes one message of the node, and answers it.
    fn hear(&mut self) {
        let Some(mut node) = self.node.take() else {
            return;
        };
        match self.answer(&mut node) {
            Ok(()) => self.node = Some(node),
            Err(Ended::Receive(ReceiveError::Gone)) => tracing::debug!("the node is gone"),
            Err(ended) => {
                self.malformed += 1;
                let why = chain(&ended);
                tracing::warn!(
                    why,
                    count = self.malformed,
                    "a conversation with the node was ended"
                );
            }
        }
    }

    fn answer(&mut self, node: &mut Node) -> Result<(), Ended> {
        let (message, sockets) = node.socket.receive()?;
        match message {
            ToNetfilterd::Held(batch) => {
                if let Some(held) = node.held.push(batch, sockets)? {
                    let ids = held.iter().map(|opened| opened.listener.id).collect();
                    let refused = self.listeners.adopt(held);
                    let lacking = self.listeners.beside(&ids)?;
                    node.socket
                        .send_listeners(&lacking, FromNetfilterd::Listeners)?;
                    node.close(&refused)?;
                }
            }
            ToNetfilterd::Prepare { version, model } => {
                if let Some(model) = node.model.push(&model)? {
                    let answer = match self.prepare(version, &model) {
                        Ok(()) => FromNetfilterd::Prepared { version },
                        Err(reason) => FromNetfilterd::Refused { version, reason },
                    };
                    node.socket.send(&answer, &[])?;
                }
            }
            ToNetfilterd::Activate { version } => {
                let prepared = self.prepared.take().filter(|p| p.number == version);
                let Some(prepared) = prepared else {
                    let reason = "it was not prepared".to_owned();
                    return Ok(node
                        .socket
                        .send(&FromNetfilterd::Failed { version, reason }, &[])?);
                };
                let answer = match self.activate(prepared, node)? {
                    None => FromNetfilterd::Active { version },
                    Some(reason) => FromNetfilterd::Failed { version, reason },
                };
                node.socket.send(&answer, &[])?;
            }
            ToNetfilterd::Status => {
                let status = self.status()?;
                for piece in pieces(&status) {
                    node.socket.send(&FromNetfilterd::Status(piece), &[])?;
                }
            }
        }
        Ok(())
    }

    /// Judges a model, and tries what is new in it; changes nothing.
    fn prepare(&mut self, number: u64, document: &str) -> Result<(), String> {
        let model = Model::from_json(document.as_bytes()).map_err(|error| chain(&error))?;
        let checked = model.check().map_err(|faults| told(&faults))?;
        let plans = checked.compile();
        self.offers(&checked)?;
        let is_new = |plan: &&Plan| {
            let there = self.networks.get(&plan.namespace);
            there.and_then(|network| network.plan.as_ref()) != Some(*plan)
        };
        let new: Vec<&Plan> = plans.iter().filter(is_new).collect();
        self.try_rules(&new).map_err(|error| chain(&error))?;
        self.prepared = Some(Version {
            number,
            model: checked.model().clone(),
            plans,
        });
        Ok(())
    }

    /// Whether the hardware profile offers what the model attaches.
    fn offers(&self, checked: &Checked) -> Result<(), String> {
        let profile = &self.settings.network;
        let subnets = checked.model().vpcs.iter().flat_map(|vpc| &vpc.subnets);
        let of_subnets = subnets.filter_map(|s| Some((s.id.to_string(), s.attach.as_ref()?)));
        let publics = checked.model().public_endpoints.iter();
        let of_publics = publics.map(|public| (public.id.to_string(), &public.attach));
        for (object, attach) in of_subnets.chain(of_publics) {
            let (what, is_offered) = match attach {
                Attach::Interface(name) => (
                    format!("the interface {name}"),
                    profile.may_give(name.as_str()),
                ),
                Attach::Vlan { uplink, .. } => (
                    format!("an uplink {uplink} for VLANs"),
                    profile.uplink(uplink.as_str(), Carries::Vlan).is_some(),
                ),
                Attach::Vxlan { uplink, .. } => (
                    format!("an uplink {uplink} for VXLANs"),
                    profile.uplink(uplink.as_str(), Carries::Vxlan).is_some(),
                ),
            };
            if !is_offered {
                return Err(format!(
                    "{object}: the hardware profile does not offer {what}"
                ));
            }
        }
        Ok(())
    }

    /// Hands rules to the kernel without effect: in their network where there is one, else in one that
    /// is there for this alone.
    fn try_rules(&mut self, plans: &[&Plan]) -> Result<(), ApplyError> {
        let mut scratch = None;
        let mut tried = Ok(());
        for plan in plans {
            tried = self
                .try_rules_of(plan, &mut scratch)
                .map_err(|why| ApplyError {
                    network: plan.namespace.to_string(),
                    why: why.into(),
                });
            if tried.is_err() {
                break;
            }
        }
        if let Some(scratch) = scratch {
            self.end_quietly(scratch);
        }
        tried
    }

    fn try_rules_of(&self, plan: &Plan, scratch: &mut Option<Network>) -> Result<(), Why> {
        let inside = match (self.networks.get(&plan.namespace), scratch) {
            (Some(network), _) => network,
            (None, Some(scratch)) => scratch,
            (None, none) => {
                let name = format!("{}-scratch", self.settings.prefix).parse()?;
                none.insert(Network::open(name)?)
            }
        };
        Ok(rules::check(plan, &inside.sets, &inside.namespace)?)
    }

    /// Makes the network what was prepared; gives why it is not all so.
    fn activate(&mut self, version: Version, node: &mut Node) -> Result<Option<String>, Ended> {
        self.forget_leftovers(&version);
        let requests = self.wanted_listeners(&version);
        // Nobody is let in any more by what is not wanted.
        let gone = self.listeners.close_others(&requests);
        node.close(&gone)?;
        let places: BTreeSet<&Place> = version.plans.iter().map(|plan| &plan.namespace).collect();
        let ended = self.networks.keys().filter(|place| !places.contains(place));
        for place in ended.cloned().collect::<Vec<_>>() {
            self.end_network(&place);
        }
        self.failures.clear();
        // An interface may go from one network to another: first all give, then all take.
        for plan in &version.plans {
            if let Some(network) = self.networks.get_mut(&plan.namespace)
                && network.plan.as_ref() != Some(plan)
                && let Err(why) =
                    network.let_go(&plan.links, &mut self.home, &self.settings.network)
            {
                self.failures.insert(plan.namespace.clone(), chain(&why));
            }
        }
        let mut opened = Vec::new();
        for plan in &version.plans {
            match self.bring(plan, &version.model) {
                Ok(listeners) => opened.extend(listeners),
                Err(error) => {
                    let why = chain(&error);
                    tracing::error!(why, "a network is not as planned");
                    self.failures.insert(plan.namespace.clone(), why);
                }
            }
        }
        self.wanted = Some(version);
        node.socket
            .send_listeners(&opened, FromNetfilterd::Listeners)?;
        Ok(self.failure())
    }

    /// The first that is not so.
    fn failure(&self) -> Option<String> {
        self.failures.values().next().cloned()
    }

    /// Brings one network to its plan, and gives the listeners that it did not have.
    fn bring(
        &mut self,
        plan: &Plan,
        model: &Model,
    ) -> Result<Vec<(Listener, OwnedFd)>, ApplyError> {
        let place = &plan.namespace;
        let failed = |why: Why| ApplyError {
            network: place.to_string(),
            why: why.into(),
        };
        if !self.networks.contains_key(place) {
            let name = name_of(&self.settings.prefix, place).map_err(|e| failed(e.into()))?;
            let network = Network::open(name).map_err(|e| failed(e.into()))?;
            self.networks.insert(place.clone(), network);
        }
        let Some(network) = self.networks.get_mut(place) else {
            return Ok(Vec::new());
        };
        if network.plan.as_ref() != Some(plan) {
            network
                .apply(plan, &mut self.home, &self.settings.network)
                .map_err(failed)?;
        }
        // Without its samples a network is as good; without its rules it would not be.
        if let Err(error) = self.drops.watch(&place.to_string(), &network.namespace) {
            tracing::warn!(%place, %error, "what it drops is not sampled");
        }
        let identity = (network.name.as_str(), network.cookie);
        let wanted = listeners::requests(plan, model, identity, self.settings.shares);
        let opened = self.listeners.open(wanted, &network.namespace);
        opened.map_err(|e| failed(e.into()))
    }

    /// The listeners that a version wants in the networks that there are.
    fn wanted_listeners(&self, version: &Version) -> Vec<Listener> {
        let mut wanted = Vec::new();
        for plan in &version.plans {
            let name = name_of(&self.settings.prefix, &plan.namespace);
            let found = self.networks.get(&plan.namespace);
            let identity = match (found, name) {
                (Some(network), _) => Some((network.name.to_string(), network.cookie)),
                // An earlier process may have made it.
                (None, Ok(name)) => Namespace::open(&name)
                    .and_then(|namespace| namespace.cookie())
                    .ok()
                    .map(|cookie| (name.to_string(), cookie.0)),
                (None, Err(_)) => None,
            };
            if let Some((name, cookie)) = identity {
                let shares = self.settings.shares;
                wanted.extend(listeners::requests(
                    plan,
                    &version.model,
                    (&name, cookie),
                    shares,
                ));
            }
        }
        wanted
    }

    /// Ends what an earlier process made and this version does not want; looked for once.
    fn forget_leftovers(&mut self, version: &Version) {
        if self.wanted.is_some() {
            return;
        }
        let prefix = &self.settings.prefix;
        let wanted: BTreeSet<_> = version
            .plans
            .iter()
            .filter_map(|plan| name_of(prefix, &plan.namespace).ok())
            .collect();
        let there = Namespace::list(&format!("{prefix}-")).unwrap_or_else(|failed| {
            tracing::warn!(%failed, "what an earlier network left is not known");
            Vec::new()
        });
        for name in there.into_iter().filter(|name| !wanted.contains(name)) {
            match Network::open(name) {
                Ok(network) => self.end_quietly(network),
                Err(failed) => tracing::warn!(%failed, "what an earlier network left stays"),
            }
        }
    }

    fn end_network(&mut self, place: &Place) {
        self.drops.forget(&place.to_string());
        self.drift.remove(place);
        if let Some(network) = self.networks.remove(place) {
            self.end_quietly(network);
        }
    }

    fn end_quietly(&mut self, network: Network) {
        let name = network.name.to_string();
        if let Err(why) = network.end(&mut self.home, &self.settings.network) {
            let why = chain(&why);
            tracing::warn!(name, why, "a network did not end cleanly");
        }
    }

    /// Looks at the next network: what is not as planned is mended, what failed is tried again.
    fn look(&mut self) {
        let Some(version) = self.wanted.take() else {
            return;
        };
        let behind = |plan: &&Plan| {
            self.looked_at
                .as_ref()
                .is_none_or(|at| plan.namespace > *at)
        };
        let next = version
            .plans
            .iter()
            .find(behind)
            .or_else(|| version.plans.first());
        let Some(plan) = next else {
            self.wanted = Some(version);
            return;
        };
        let place = plan.namespace.clone();
        let is_failed = self.failures.contains_key(&place);
        match self.look_at(plan, &version.model) {
            Ok(opened) => {
                self.failures.remove(&place);
                self.send_opened(&opened);
                if is_failed {
                    tracing::info!(%place, "the network is as planned now");
                }
            }
            Err(error) => {
                let why = chain(&error);
                if !is_failed {
                    tracing::error!(why, "a network is not as planned any more");
                }
                self.failures.insert(place.clone(), why);
            }
        }
        self.looked_at = Some(place);
        self.wanted = Some(version);
    }

    fn look_at(
        &mut self,
        plan: &Plan,
        model: &Model,
    ) -> Result<Vec<(Listener, OwnedFd)>, ApplyError> {
        let place = &plan.namespace;
        if let Some(network) = self.networks.get_mut(place)
            && network.plan.as_ref() == Some(plan)
        {
            let mended = network
                .apply(plan, &mut self.home, &self.settings.network)
                .map_err(|why| ApplyError {
                    network: place.to_string(),
                    why: why.into(),
                })?;
            if !mended.is_empty() {
                tracing::warn!(%place, ?mended, "the network was not as planned, and was mended");
                self.drift.insert(place.clone(), mended);
            }
        }
        self.bring(plan, model)
    }

    /// Hands over what was opened late.
    fn send_opened(&mut self, opened: &[(Listener, OwnedFd)]) {
        if opened.is_empty() {
            return;
        }
        if let Some(node) = &self.node
            && let Err(error) = node
                .socket
                .send_listeners(opened, FromNetfilterd::Listeners)
        {
            // It gets them when it comes back.
            tracing::warn!(%error, "the node does not take its listeners");
            self.node = None;
        }
    }

    fn status(&mut self) -> serde_json::Result<String> {
        let counts = status::counts(&mut self.networks);
        let none = Model::default();
        let failure = self.failure();
        let told = Told {
            version: self.wanted.as_ref().map(|version| version.number),
            failure: failure.as_deref(),
            model: self.wanted.as_ref().map_or(&none, |version| &version.model),
            networks: &self.networks,
            counts: &counts,
            drift: &self.drift,
            listeners: &self.listeners,
            drops: &self.drops,
        };
        told.document()
    }
}

/// What can be read from.
struct Ready {
    listener: bool,
    end: bool,
    node: bool,
    drops: bool,
}

impl Node {
    fn close(&self, ids: &[u32]) -> io::Result<()> {
        let mut batches = listeners::in_batches(ids);
        batches.try_for_each(|ids| self.socket.send(&FromNetfilterd::Closed { ids }, &[]))
    }
}

/// An error and what caused it, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
