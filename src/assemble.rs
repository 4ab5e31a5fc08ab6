//! Which parts serve: the real devices, engine, verifier's socket and listeners, introduced to each
//! other.
//!
//! ```text
//!   listeners ─► backend (io_uring or plain calls) ─► devices ─► engine ─► log writer thread
//!        │                                                          │
//!        └────────────► I/O threads, one per core: ◄── store handle ┘
//!                       context { store, verifier, hashing, clock, ids } + gateway
//!                                                     └─► digest workers
//! ```
//!
//! Ports come first, because a taken one must be told at once and not after a recovery. Then whatever may lie
//! anywhere is opened, because no thread that is started afterwards could: see [`sandbox`].

mod figures;
mod network;
mod pool;
mod sockets;

use crate::{addresses::Addresses, node::Ending, sandbox, secrets};
use anyhow::{Context as _, Result, anyhow, bail};
use blockhouse_device::{Backend, IoDevice};
use blockhouse_digest::{Bounds, Workers};
use blockhouse_engine::{Engine, EngineStore};
use blockhouse_gateway::{
    Compiled, Context, DesiredState, Hashing, NetworkFilter, Rolls, SharedLists, Site,
    accept::{self, DOOR_CHANGES_MAX, Door, DoorChange},
    admin::{self, Desk, Made},
    audit::Audit,
    drain::{Drain, DrainWatch},
    events::Events,
    limits::Limits,
};
use blockhouse_s3::parse::{Domains, Outpost};
use blockhouse_sandbox::Lacking;
use blockhouse_settings::{IoMode, NodeSettings};
use blockhouse_types::{Clock, ShiftedClock, SystemClock};
use blockhouse_verifier_wire::client::{Client, Counts, Wait};
use network::{Keeper, Zones};
use pool::Pool;
use sockets::Sockets;
use std::{
    cell::RefCell,
    path::PathBuf,
    rc::Rc,
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle, available_parallelism},
};
use tokio::sync::mpsc;

/// Buckets that one account may have, as on Outposts.
const BUCKETS_MAX: usize = 100;

/// Used one-time links of one account that are remembered at a time; each takes some 250 bytes.
const USED_LINKS_MAX: usize = 100_000;

/// Revocations of one account that stand at a time; each takes some 300 bytes.
const REVOCATIONS_MAX: usize = 10_000;

/// A running node.
pub(crate) struct Node {
    pub(crate) addresses: Addresses,
    pub(crate) drain: Drain,
    pub(crate) threads: Vec<JoinHandle<()>>,
    pub(crate) admin: JoinHandle<()>,
    pub(crate) pool: Pool,
    pub(crate) audit: Option<Audit>,
    pub(crate) endings: Sender<Ending>,
    ended: Receiver<Ending>,
    standing: Receiver<()>,
    serving: Receiver<()>,
    gate: Gate,
}

impl Node {
    /// Takes from the process what it needs no more, once every thread that serves has its ring and all
    /// else, and lets them serve. Waits until they do, or a part ends before.
    pub(crate) fn serve(&mut self) -> Result<()> {
        self.wait_all(&self.standing)?;
        sandbox::give_up_calls()?;
        self.gate.open();
        self.wait_all(&self.serving)
    }

    /// The I/O threads, and the admin's, which brings the network up.
    fn wait_all(&self, told: &Receiver<()>) -> Result<()> {
        for _ in 0..=self.threads.len() {
            // Each thread holds a sender until it has told or ends; all gone means that one ended.
            if told.recv().is_err() {
                match self.ended.recv()? {
                    Ending::Part { name, why } => bail!("{name} did not start: {why}"),
                    other => bail!("ended while starting: {other}"),
                }
            }
        }
        Ok(())
    }

    /// Waits for the first reason to end.
    pub(crate) fn wait_ending(&mut self) -> Result<Ending> {
        Ok(self.ended.recv()?)
    }
}

/// Builds the parts and starts their threads.
pub(crate) fn assemble(settings: &NodeSettings) -> Result<Node> {
    let threads = match settings.io_threads {
        Some(threads) => threads,
        None => available_parallelism()?.get(),
    };
    let sockets = Sockets::bind(settings, threads)?;
    let addresses = sockets.addresses.clone();
    let devices = pool::open_devices(settings)?;
    let beginning = settings.network.as_ref();
    let beginning = beginning.map(network::Beginning::read).transpose()?;
    let lacking = give_up_rights(settings)?;
    let backend = backend(settings.io)?;
    let (endings, ended) = channel();
    let clock: Arc<dyn Clock> = Arc::new(ShiftedClock {
        clock: SystemClock,
        ahead_secs: settings.clock_offset_secs,
    });
    let pool = Pool::open(settings, devices, (threads, &backend), &clock, &endings)?;
    let domains = Domains::new(settings.domains.clone());
    let site = Arc::new(Site {
        region: settings.region.clone(),
        domains: match &settings.outpost {
            Some(id) => domains.with_outpost(Outpost {
                region: settings.region.as_str().into(),
                id: id.clone(),
            }),
            None => domains,
        },
        buckets_max: BUCKETS_MAX,
        operator: settings.operator,
        used_links_max: USED_LINKS_MAX,
        revocations_max: REVOCATIONS_MAX,
    });
    let workers = digest_workers(&settings.digest_cores)?;
    let hashing = Hashing::by(Arc::clone(&workers));
    let drain = Drain::default();
    let audit = settings.audit.as_deref().map(Audit::start).transpose();
    let audit = audit.context("the audit")?;
    let log = audit.as_ref().map(Audit::log);
    let events = || log.map_or_else(Events::default, Events::audited);
    let events: Vec<Arc<Events>> = (0..threads).map(|_| Arc::new(events())).collect();
    let (rolls, lists) = (Rolls::default(), SharedLists::default());
    let (doors, changes): (Vec<_>, Vec<_>) = (0..threads)
        .map(|_| mpsc::channel(DOOR_CHANGES_MAX))
        .unzip();
    let network_figures = network::Figures::default();
    let desired = match &settings.network {
        None => DesiredState::default(),
        Some(network) => {
            let (filter, orders) = NetworkFilter::new();
            let path = network.netfilterd.clone();
            let (names, answers) = network::names();
            spawn("names".to_owned(), &endings, answers)?;
            let zones = Zones {
                domains: settings.domains.clone(),
                outpost: settings.outpost.clone(),
            };
            let (tls, figures) = (sockets.tls.clone(), network_figures.clone());
            let keeper = Keeper::new(path, doors, tls, figures, (zones, names));
            spawn("network".to_owned(), &endings, move || keeper.run(orders))?;
            DesiredState::with_network(filter)
        }
    };
    let desired = Arc::new(desired);
    let ((stands, standing), (serves, serving)) = (channel(), channel());
    let gate = Gate::default();
    let steps = Steps {
        stands,
        gate: gate.clone(),
        serves,
    };
    // One for each I/O thread, and the admin's.
    let counts: Vec<Arc<Counts>> = (0..=threads).map(|_| Arc::default()).collect();
    let parts = |events, counts: &Arc<Counts>| ContextParts {
        handle: pool.handle(),
        clock: Arc::clone(&clock),
        verifier: settings.verifier.clone(),
        wait: match settings.verifier_dedicated {
            true => Wait::Looking {
                before: blockhouse_device::submit,
            },
            false => Wait::Asleep,
        },
        counts: Arc::clone(counts),
        hashing: hashing.clone(),
        site: Arc::clone(&site),
        desired: Arc::clone(&desired),
        events,
        rolls: rolls.clone(),
        lists: lists.clone(),
    };
    let threads = sockets
        .doors
        .into_iter()
        .zip(changes)
        .zip(&events)
        .zip(&counts)
        .enumerate()
        .map(|(number, (((doors, changes), events), counts))| {
            let part = IoThread {
                doors,
                changes,
                backend: backend.clone(),
                context: parts(Arc::clone(events), counts),
                drain: drain.watch(),
                steps: steps.clone(),
            };
            spawn(format!("io-{number}"), &endings, move || part.run())
        })
        .collect::<Result<_>>()?;
    let (engine, health) = (pool.engine(), pool.engine());
    let admin_counts = counts.last().map(Arc::clone).unwrap_or_default();
    let admin = AdminThread {
        network: beginning,
        steps,
        listener: sockets.admin,
        shown: admin::Shown {
            threads: events,
            samples: Box::new(move || {
                let mut samples = pool::samples(&engine.stats());
                samples.extend(figures::of_verifier(&counts));
                samples.extend(figures::of_digest(&workers.figures()));
                samples.extend(network_figures.samples());
                samples.extend(figures::of_sandbox(&lacking));
                samples
            }),
            ready: Box::new(move || health.stats().closed.map_or(Ok(()), Err)),
        },
        engine: pool.engine(),
        // What is counted here is nobody's request to S3; what is audited goes where theirs does.
        context: parts(
            Arc::new(log.map_or_else(Events::default, Events::audited)),
            &admin_counts,
        ),
        drain: drain.watch(),
    };
    let admin = spawn("admin".to_owned(), &endings, move || admin.run())?;
    Ok(Node {
        addresses,
        drain,
        threads,
        admin,
        pool,
        audit,
        endings,
        ended,
        standing,
        serving,
        gate,
    })
}

/// What a thread makes its context of.
struct ContextParts {
    handle: pool::Handle,
    clock: Arc<dyn Clock>,
    /// Its socket.
    verifier: PathBuf,
    /// How its answers are waited for.
    wait: Wait,
    /// Where it counts what it asks.
    counts: Arc<Counts>,
    hashing: Hashing,
    site: Arc<Site>,
    desired: Arc<DesiredState>,
    events: Arc<Events>,
    rolls: Rolls,
    lists: SharedLists,
}

impl ContextParts {
    /// The context of the thread that calls this, inside of its runtime.
    fn assemble(self) -> Result<Context<EngineStore<IoDevice>, Client>> {
        let store = self.handle.store()?;
        self.desired.catch_up(&store);
        Ok(Context {
            store,
            verifier: Client::counted(&self.verifier, self.wait, self.counts),
            hashing: self.hashing,
            clock: self.clock,
            entropy: RefCell::new(Box::new(secrets::generator()?)),
            site: self.site,
            desired: self.desired,
            compiled: Compiled::sharing(&self.lists),
            roll: Rc::default(),
            rolls: self.rolls,
            events: self.events,
        })
    }
}

/// What one I/O thread takes along.
struct IoThread {
    doors: Vec<Door>,
    changes: mpsc::Receiver<DoorChange>,
    backend: Backend,
    context: ContextParts,
    drain: DrainWatch,
    steps: Steps,
}

impl IoThread {
    fn run(self) -> Result<()> {
        let backend = self.backend.clone();
        backend.run_io_thread(async move {
            let context = self.context.assemble()?;
            self.steps.wait_shut_in().tell_serving();
            let limits = Limits::default();
            accept::serve(
                Rc::new(context),
                self.doors,
                self.changes,
                limits,
                self.drain,
            )
            .await?;
            Ok(())
        })?
    }
}

/// Shut until the process has given up what it does not need.
#[derive(Clone, Default)]
struct Gate(Arc<OnceLock<()>>);

impl Gate {
    fn open(&self) {
        // Who opens it opens it once.
        let _ = self.0.set(());
    }
}

/// What a thread that serves tells the main thread on its way.
#[derive(Clone)]
struct Steps {
    stands: Sender<()>,
    gate: Gate,
    serves: Sender<()>,
}

/// The last step.
struct LastStep(Sender<()>);

impl Steps {
    /// Says that this thread has all that it needs a right or a call for, and waits at the gate.
    fn wait_shut_in(self) -> LastStep {
        // The main thread hears of it, unless it is ending already.
        let _ = self.stands.send(());
        drop(self.stands);
        self.gate.0.wait();
        LastStep(self.serves)
    }
}

impl LastStep {
    fn tell_serving(self) {
        // As above.
        let _ = self.0.send(());
    }
}

/// Leaves the node its own folders, and says what the machine has not for that.
fn give_up_rights(settings: &NodeSettings) -> Result<Vec<Lacking>> {
    let folders: Vec<_> = [Some(&settings.control), settings.audit.as_ref()]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    let lacking = sandbox::give_up_rights(&folders).context("shutting the node in")?;
    for lacking in &lacking {
        tracing::warn!("{lacking}");
    }
    Ok(lacking)
}

/// A thread whose failure ends the node.
fn spawn(
    name: String,
    endings: &Sender<Ending>,
    run: impl FnOnce() -> Result<()> + Send + 'static,
) -> Result<JoinHandle<()>> {
    let endings = endings.clone();
    let part = name.clone();
    let thread = thread::Builder::new().name(name);
    Ok(thread.spawn(move || {
        if let Err(error) = run() {
            let why = format!("{error:#}");
            tracing::error!(part, why, "a part of the node ended");
            let _ = endings.send(Ending::Part { name: part, why });
        }
    })?)
}

/// How the disks are reached; falls back with one warning, unless told otherwise.
fn backend(mode: IoMode) -> Result<Backend> {
    if mode == IoMode::Plain {
        return Ok(Backend::plain()?);
    }
    match Backend::choose()? {
        (backend, None) => Ok(backend),
        (_, Some(refused)) if mode == IoMode::Uring => {
            Err(anyhow!(refused).context("--io uring cannot be had"))
        }
        (backend, Some(refused)) => {
            let why = format!("{:#}", anyhow!(refused));
            tracing::warn!(
                why,
                "falling back to plain calls: slower, and just as durable"
            );
            Ok(backend)
        }
    }
}

/// Digest workers on the cores that are theirs; without any, one that runs wherever there is time.
fn digest_workers(cores: &[usize]) -> Result<Arc<Workers>> {
    let workers = Workers::start(cores, Bounds::default()).context("the digest workers")?;
    Ok(Arc::new(workers))
}

/// The admin listener answers on a thread of its own, however busy the others are. The engine's
/// clock ticks there as well.
struct AdminThread {
    network: Option<network::Beginning>,
    steps: Steps,
    listener: std::net::TcpListener,
    shown: admin::Shown,
    engine: Engine,
    context: ContextParts,
    drain: DrainWatch,
}

impl AdminThread {
    fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        tokio::task::LocalSet::new().block_on(&runtime, async move {
            tokio::task::spawn_local(pool::tick(self.engine));
            let context = Rc::new(self.context.assemble()?);
            let last = self.steps.wait_shut_in();
            if let Some(beginning) = self.network {
                beginning.bring(&context).await?;
            }
            last.tell_serving();
            let desk = Desk {
                context,
                made: Made::default(),
            };
            admin::serve(self.listener, self.shown, desk, self.drain)
                .await
                .context("the admin listener")
        })
    }
}
