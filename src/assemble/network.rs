//! The node's side of the network filter: brings models to `netfilterd`, and what it opens to the I/O
//! threads.
//!
//! ```text
//!   desired state ─ orders ─► Keeper ═══ netfilterd.sock ═══► netfilterd
//!                               │ ◄── listeners, by SCM_RIGHTS ──┘
//!                               ├── Door ──► I/O thread 0 (share 0 of each address)
//!                               └── Door ──► I/O thread 1 …
//! ```
//!
//! # When the other side dies
//! The listeners are sockets of ours as well: connections live, and new ones are taken. Once it is back it
//! is handed the listeners that it made, and told the newest model again; what is so already is not
//! touched. Meanwhile a change of the network is refused as unreachable.
//!
//! # What it never does
//! It decides nothing and makes no socket. What a listener stands for is what `netfilterd` said when it
//! opened it, checked against the model that was activated: a listener of a VPC that the model does not
//! have opens no door.

mod figures;
mod names;

pub(super) use figures::Figures;

use crate::{net, secrets};
use anyhow::{Context as _, Result, bail};
use blockhouse_gateway::{
    Context, Entrance, ListenerId, NetworkError, NetworkOrder, VpcEndpoint,
    accept::{Door, DoorChange, LoadBalancer, NativeCheck},
};
use blockhouse_names::Zone;
use blockhouse_netfilter::{Model, Proxy, Vpc};
use blockhouse_netfilter_wire::{
    Batches, FromNetfilterd, Listener, ListenerKind, Opened, Owner, Pieces, Socket, ToNetfilterd,
    pieces,
};
use blockhouse_netlink::{NetnsCookie, netns_cookie};
use blockhouse_settings::NodeNetwork;
use blockhouse_state::Stamp;
use blockhouse_store::ObjectStore;
use blockhouse_types::OutpostId;
use blockhouse_verifier_wire::Verifier;
use blockhouse_verifier_wire::client::address;
use names::NamesChange;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, connect, socket};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::unix::AsyncFd,
    sync::mpsc::{Receiver, Sender, UnboundedSender, unbounded_channel},
    time::{MissedTickBehavior, interval, sleep},
};

/// How long `netfilterd` may take for an answer: making two hundred VPCs at once takes a minute.
const PATIENCE: Duration = Duration::from_secs(180);

/// Between two looks at its figures.
const LOOK: Duration = Duration::from_secs(5);

/// Between two attempts to reach it.
const CONNECT_PAUSE: Duration = Duration::from_millis(100);

/// Attempts while the node is started: the other process may be starting as well.
const BEGIN_ATTEMPTS: u32 = 100;

/// Brings orders to `netfilterd`, and listeners back.
pub(super) struct Keeper {
    path: PathBuf,
    /// Of each I/O thread.
    doors: Vec<Sender<DoorChange>>,
    tls: Option<Arc<rustls::ServerConfig>>,
    figures: Figures,
    zones: Zones,
    /// Who answers names.
    names: UnboundedSender<NamesChange>,
    held: BTreeMap<u32, Held>,
    prepared: Option<(u64, Box<Model>)>,
    active: Option<(u64, Box<Model>)>,
}

/// A listener, with the way in that its doors are.
struct Held {
    listener: Listener,
    socket: OwnedFd,
    /// `None` where it is not opened: for another purpose than S3, or by no model.
    way: Option<Way>,
    /// The addresses that names mean there; `None` where no names are answered.
    named: Option<Vec<IpAddr>>,
}

/// What a listener's doors are.
#[derive(Clone, PartialEq, Eq)]
struct Way {
    entrance: Arc<Entrance>,
    proxy: Option<Arc<LoadBalancer>>,
}

/// A conversation, and what was not whole yet.
struct Conversation {
    socket: Socket,
    batches: Batches,
    status: Pieces,
}

/// What was answered.
enum Answer {
    Prepared(u64, Result<(), String>),
    Activated(u64, Result<(), String>),
    Status(String),
}

/// The service of names, as a thread to be started, and what changes it.
pub(super) fn names() -> (
    UnboundedSender<NamesChange>,
    impl FnOnce() -> Result<()> + Send + 'static,
) {
    let (changes, taken) = unbounded_channel();
    (changes, move || names::run(taken))
}

impl Keeper {
    pub(super) fn new(
        path: PathBuf,
        doors: Vec<Sender<DoorChange>>,
        tls: Option<Arc<rustls::ServerConfig>>,
        figures: Figures,
        (zones, names): (Zones, UnboundedSender<NamesChange>),
    ) -> Self {
        Self {
            path,
            doors,
            tls,
            figures,
            zones,
            names,
            held: BTreeMap::new(),
            prepared: None,
            active: None,
        }
    }

    /// Serves orders until nobody can give any.
    pub(super) fn run(self, orders: Receiver<NetworkOrder>) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build()?;
        runtime.block_on(self.serve_all(orders));
        Ok(())
    }

    async fn serve_all(mut self, mut orders: Receiver<NetworkOrder>) {
        loop {
            let mut conversation = loop {
                match self.begin().await {
                    Ok(conversation) => break conversation,
                    Err(error) => {
                        let why = format!("{error:#}");
                        tracing::debug!(why, "the network filter is not reached");
                    }
                }
                tokio::select! {
                    order = orders.recv() => match order {
                        None => return,
                        Some(order) => {
                            if let NetworkOrder::Activate { version, .. } = &order {
                                // Committed all the same: it is what the next conversation begins with.
                                self.commit(*version);
                            }
                            refuse(order, NetworkError::Unreachable);
                        }
                    },
                    () = sleep(CONNECT_PAUSE) => {}
                }
            };
            match self.serve(&mut conversation, &mut orders).await {
                Ok(()) => return,
                Err(error) => {
                    let why = format!("{error:#}");
                    tracing::warn!(why, "the network filter is gone; its listeners stay");
                }
            }
        }
    }

    /// Connects, hands over what there is, takes what there is, and brings both to one model.
    async fn begin(&mut self) -> Result<Conversation> {
        let mut conversation = Conversation {
            socket: reach(&self.path)?,
            batches: Batches::default(),
            status: Pieces::default(),
        };
        let held = self.held.values();
        let held: Vec<_> = held
            .map(|held| (held.listener.clone(), held.socket.as_fd()))
            .collect();
        conversation
            .socket
            .send_listeners(&held, ToNetfilterd::Held)?;
        drop(held);
        // Those that are lacking here end with the last batch.
        let opened = loop {
            let (message, sockets) = conversation.socket.receive()?;
            let FromNetfilterd::Listeners(batch) = message else {
                bail!("the network filter began with something else");
            };
            if let Some(opened) = conversation.batches.push(batch, sockets)? {
                break opened;
            }
        };
        self.keep(opened).await;
        if let Some((version, model)) = self.active.clone() {
            let again = self.prepare(&mut conversation, version, &model).await?;
            let again = match again {
                Ok(()) => self.activate(&mut conversation, version).await?,
                refused => refused,
            };
            if let Err(reason) = again {
                tracing::error!(version, reason, "the network is not what it was");
            }
        }
        // What an earlier conversation prepared, this one does not know.
        if let Some((version, model)) = self.prepared.clone()
            && let Err(reason) = self.prepare(&mut conversation, version, &model).await?
        {
            tracing::error!(version, reason, "the network cannot be what was prepared");
        }
        Ok(conversation)
    }

    /// Serves orders, and takes what is said unasked, until either side is gone.
    async fn serve(
        &mut self,
        conversation: &mut Conversation,
        orders: &mut Receiver<NetworkOrder>,
    ) -> Result<()> {
        let socket = conversation.socket.as_fd().try_clone_to_owned()?;
        #[expect(
            deprecated,
            reason = "it is deprecated for descriptors that may be closed by others: this one is owned"
        )]
        let readable = AsyncFd::new(socket)?;
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => {
                    let status = self.status(conversation).await?;
                    if let Err(error) = self.figures.take(&status) {
                        tracing::warn!(%error, "the network's figures are old");
                    }
                }
                order = orders.recv() => match order {
                    None => return Ok(()),
                    Some(order) => self.carry_out(conversation, order).await?,
                },
                ready = readable.readable() => {
                    // An answer may have been read before this was looked at.
                    ready?.clear_ready();
                    while conversation.socket.has_more()? {
                        self.take(conversation).await?;
                    }
                }
            }
        }
    }

    async fn carry_out(&mut self, with: &mut Conversation, order: NetworkOrder) -> Result<()> {
        match order {
            NetworkOrder::Prepare {
                version,
                model,
                told,
            } => {
                let prepared = self.prepare(with, version, &model).await;
                let answer = answer(&prepared);
                if let Ok(Ok(())) = prepared {
                    self.prepared = Some((version, model));
                }
                // Whoever asked may have given up.
                let _ = told.send(answer);
                prepared.map(drop)
            }
            NetworkOrder::Activate { version, told } => {
                let activated = self.activate(with, version).await;
                let _ = told.send(answer(&activated));
                activated.map(drop)
            }
            NetworkOrder::Status { told } => {
                let status = self.status(with).await;
                let told_status = status.as_ref().map(String::clone);
                let _ = told.send(told_status.map_err(|_| NetworkError::Unreachable));
                status.map(drop)
            }
        }
    }

    async fn prepare(
        &mut self,
        with: &mut Conversation,
        version: u64,
        model: &Model,
    ) -> Result<Result<(), String>> {
        let document = serde_json::to_string(model)?;
        for model in pieces(&document) {
            with.socket
                .send(&ToNetfilterd::Prepare { version, model }, &[])?;
        }
        loop {
            // An answer to what an earlier conversation asked is none to this.
            if let Some(Answer::Prepared(of, prepared)) = self.take(with).await?
                && of == version
            {
                return Ok(prepared);
            }
        }
    }

    async fn activate(
        &mut self,
        with: &mut Conversation,
        version: u64,
    ) -> Result<Result<(), String>> {
        self.commit(version);
        // Before anything is opened: who is no more in the model, or somebody else, hears it here.
        self.agree().await;
        with.socket.send(&ToNetfilterd::Activate { version }, &[])?;
        loop {
            if let Some(Answer::Activated(of, activated)) = self.take(with).await?
                && of == version
            {
                return Ok(activated);
            }
        }
    }

    /// From now on this version is what the network is to be, whoever makes it so and when.
    fn commit(&mut self, version: u64) {
        if let Some(prepared) = self.prepared.take_if(|(of, _)| *of == version) {
            self.active = Some(prepared);
        }
    }

    async fn status(&mut self, with: &mut Conversation) -> Result<String> {
        with.socket.send(&ToNetfilterd::Status, &[])?;
        loop {
            if let Some(Answer::Status(status)) = self.take(with).await? {
                return Ok(status);
            }
        }
    }

    /// Takes one message, and does what it says.
    async fn take(&mut self, from: &mut Conversation) -> Result<Option<Answer>> {
        let (message, sockets) = from.socket.receive()?;
        Ok(match message {
            FromNetfilterd::Listeners(batch) => {
                if let Some(opened) = from.batches.push(batch, sockets)? {
                    self.keep(opened).await;
                }
                None
            }
            FromNetfilterd::Closed { ids } => {
                for id in ids {
                    self.close(id).await;
                }
                None
            }
            FromNetfilterd::Prepared { version } => Some(Answer::Prepared(version, Ok(()))),
            FromNetfilterd::Refused { version, reason } => {
                Some(Answer::Prepared(version, Err(reason)))
            }
            FromNetfilterd::Active { version } => Some(Answer::Activated(version, Ok(()))),
            FromNetfilterd::Failed { version, reason } => {
                tracing::error!(version, reason, "the network is not what it is to be");
                Some(Answer::Activated(version, Err(reason)))
            }
            FromNetfilterd::Status(piece) => from.status.push(&piece)?.map(Answer::Status),
        })
    }

    /// Keeps listeners, and opens their doors.
    async fn keep(&mut self, opened: Vec<Opened>) {
        for Opened { listener, socket } in opened {
            let id = listener.id;
            let held = Held {
                listener,
                socket,
                way: None,
                named: None,
            };
            self.held.insert(id, held);
        }
        self.agree().await;
    }

    /// Opens, changes and closes doors until they are what the active model says of the listeners.
    async fn agree(&mut self) {
        let Some((_, model)) = &self.active else {
            return;
        };
        let mut changes = Vec::new();
        for held in self.held.values_mut() {
            let named = named(&held.listener, model);
            if named != held.named {
                let change = named.as_deref().and_then(|at| self.zones.serve(held, at));
                let change = change.unwrap_or(NamesChange::Stop(held.listener.id));
                // A thread that has ended ends the node.
                let _ = self.names.send(change);
                held.named = named;
            }
            let way = way(&held.listener, model);
            if way == held.way {
                continue;
            }
            let change = match &way {
                None => DoorChange::Close(ListenerId(door_id(&held.listener))),
                Some(way) => match held.door(way, self.tls.as_ref()) {
                    Some(door) => DoorChange::Open(door),
                    // It is tried again when something changes.
                    None => continue,
                },
            };
            held.way = way;
            changes.push((held.listener.share, change));
        }
        for (share, change) in changes {
            tell(&self.doors, share, change).await;
        }
    }

    async fn close(&mut self, id: u32) {
        if let Some(held) = self.held.remove(&id) {
            let _ = self.names.send(NamesChange::Stop(id));
            let close = DoorChange::Close(ListenerId(door_id(&held.listener)));
            tell(&self.doors, held.listener.share, close).await;
        }
    }
}

impl Held {
    /// A door of its own descriptor; `None` when no more can be had, or there is no certificate.
    fn door(&self, way: &Way, tls: Option<&Arc<rustls::ServerConfig>>) -> Option<Door> {
        let Way { entrance, proxy } = way;
        let tls = match self.listener.kind {
            ListenerKind::Https => Some(tls?.clone()),
            _ => None,
        };
        let cookie = NetnsCookie(self.listener.cookie);
        let check: NativeCheck =
            Arc::new(move |connection| netns_cookie(connection).is_ok_and(|found| found == cookie));
        match self.socket.try_clone() {
            Ok(socket) => Some(Door {
                id: ListenerId(door_id(&self.listener)),
                listener: socket.into(),
                tls,
                entrance: Arc::clone(entrance),
                check: Some(check),
                proxy: proxy.clone(),
            }),
            Err(error) => {
                tracing::error!(%error, listener = self.listener.id, "it cannot be listened to");
                None
            }
        }
    }
}

/// What makes zones: the names of this node.
#[derive(Debug, Clone)]
pub(super) struct Zones {
    pub(super) domains: Vec<String>,
    pub(super) outpost: Option<OutpostId>,
}

impl Zones {
    /// Answers at a listener with these addresses; `None` when that cannot be.
    fn serve(&self, held: &Held, addresses: &[IpAddr]) -> Option<NamesChange> {
        let domains = self.domains.iter().map(String::as_str);
        let zone = match Zone::new(domains, self.outpost.as_ref(), addresses) {
            Ok(zone) => zone,
            Err(error) => {
                tracing::error!(%error, "the node's names cannot be answered");
                return None;
            }
        };
        match held.socket.try_clone() {
            Ok(socket) => Some(NamesChange::Serve {
                id: held.listener.id,
                kind: held.listener.kind,
                socket,
                zone: Arc::new(zone),
            }),
            Err(error) => {
                tracing::error!(%error, "names cannot be answered there");
                None
            }
        }
    }
}

/// The addresses that names mean at a listener, by this model.
fn named(listener: &Listener, model: &Model) -> Option<Vec<IpAddr>> {
    let is_of_names = matches!(
        listener.kind,
        ListenerKind::NamesUdp | ListenerKind::NamesTcp
    );
    let Owner::Vpc { vpc, endpoint, .. } = &listener.owner else {
        return None;
    };
    let found = model.vpcs.iter().find(|found| found.id.as_str() == vpc)?;
    let of_vpc = found.endpoint.as_ref()?;
    (is_of_names && of_vpc.id.as_str() == endpoint).then(|| of_vpc.addresses.clone())
}

/// Which door of its I/O thread a listener is: behind those that the node opened itself.
fn door_id(listener: &Listener) -> u32 {
    const OWN_DOORS: u32 = 1 << 16;
    OWN_DOORS.saturating_add(listener.id)
}

/// What a listener is by this model; `None` for one that the model does not have, or has otherwise.
fn way(listener: &Listener, model: &Model) -> Option<Way> {
    if !matches!(listener.kind, ListenerKind::Http | ListenerKind::Https) {
        return None;
    }
    let (entrance, proxy) = match &listener.owner {
        Owner::Public { endpoint } => {
            let mut there = model.public_endpoints.iter();
            let found = there.find(|public| public.id.as_str() == endpoint)?;
            (Entrance::Public, found.proxy.as_ref())
        }
        Owner::Vpc {
            vpc,
            endpoint,
            account,
        } => {
            let found = model.vpcs.iter().find(|found| found.id.as_str() == vpc)?;
            let of_vpc = found.endpoint.as_ref()?;
            if of_vpc.id.as_str() != endpoint || found.account != *account {
                return None;
            }
            (entrance(found)?, of_vpc.proxy.as_ref())
        }
    };
    Some(Way {
        entrance: Arc::new(entrance),
        proxy: proxy.map(|proxy| Arc::new(load_balancer(proxy, model))),
    })
}

fn entrance(vpc: &Vpc) -> Option<Entrance> {
    Some(Entrance::Vpc(Arc::new(VpcEndpoint::of(vpc)?)))
}

fn load_balancer(proxy: &Proxy, model: &Model) -> LoadBalancer {
    let endpoints = proxy.endpoints.iter().filter_map(|(told, meant)| {
        let of_vpc = |vpc: &Vpc| {
            vpc.endpoint
                .as_ref()
                .filter(|endpoint| endpoint.id == *meant)?;
            entrance(vpc)
        };
        let entrance = model.vpcs.iter().find_map(of_vpc)?;
        Some((told.as_str().into(), Arc::new(entrance)))
    });
    LoadBalancer {
        trusted: proxy.trusted.iter().map(|range| range.net()).collect(),
        endpoints: endpoints.collect(),
    }
}

async fn tell(doors: &[Sender<DoorChange>], share: u32, change: DoorChange) {
    // A thread that has ended ends the node; one that does not exist was never told of.
    if let Some(door) = usize::try_from(share)
        .ok()
        .and_then(|share| doors.get(share))
    {
        let _ = door.send(change).await;
    }
}

fn refuse(order: NetworkOrder, why: NetworkError) {
    match order {
        NetworkOrder::Prepare { told, .. } | NetworkOrder::Activate { told, .. } => {
            let _ = told.send(Err(why));
        }
        NetworkOrder::Status { told } => {
            let _ = told.send(Err(why));
        }
    }
}

fn answer(outcome: &Result<Result<(), String>>) -> Result<(), NetworkError> {
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err(NetworkError::Refused(reason.clone())),
        Err(_) => Err(NetworkError::Unreachable),
    }
}

/// What the network is to be when the node begins.
pub(super) struct Beginning {
    /// What the settings' file says, and the file's name.
    file: Option<(String, Model)>,
}

impl Beginning {
    /// Reads the file, if there is one: later none can be.
    pub(super) fn read(settings: &NodeNetwork) -> Result<Self> {
        let file = match &settings.model {
            Some(file) => Some((file.display().to_string(), net::read(file)?)),
            None => None,
        };
        Ok(Self { file })
    }

    /// Brings the network up: as it is desired, and then as the file says, which is taken over like any
    /// other change. A network filter that is not there is waited for.
    pub(super) async fn bring<S: ObjectStore, V: Verifier>(
        self,
        context: &Context<S, V>,
    ) -> Result<()> {
        let parts = (&context.store, &*context.site);
        let mut patience = BEGIN_ATTEMPTS;
        while let Err(error) = context.desired.renew_network().await {
            match error {
                NetworkError::Unreachable if patience > 0 => patience -= 1,
                error => {
                    // What is desired was so before: serving without it is better than not at all.
                    tracing::error!(%error, "the network is not as desired");
                    break;
                }
            }
            sleep(CONNECT_PAUSE).await;
        }
        let Some((shown, model)) = self.file else {
            return Ok(());
        };
        let newest = context.desired.load();
        let change = newest.state().change_to_network(newest.version(), model);
        if change.puts.is_empty() && change.deletes.is_empty() {
            return Ok(());
        }
        let mut entropy = secrets::generator()?;
        let mut stamp = Stamp {
            now: context.clock.now().max(context.store.time_floor()),
            entropy: &mut entropy,
        };
        let changed = context.desired.change(parts, change, &mut stamp).await;
        changed.context(shown)?;
        Ok(())
    }
}

fn reach(path: &Path) -> Result<Socket> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
    let (address, _folder) = address(path)?;
    connect(fd.as_raw_fd(), &address).with_context(|| format!("{}", path.display()))?;
    let socket = Socket::from(fd);
    socket.set_patience(PATIENCE)?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
