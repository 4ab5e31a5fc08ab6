//! From a listener to a task per connection.
//!
//! [`bind`] claims an address for all I/O threads at once; [`serve`] is the life of one I/O thread:
//! it accepts on its own listeners, gives each connection a task of its own on this thread, sweeps
//! slow clients out once a second, and returns when it is drained.
//!
//! A connection over the cap is told 503 and closed before anything of it is read. A connection is
//! never moved to another thread, and its requests are served one after the other.

mod bind;
mod connection;
mod outlet;
mod proxied;
mod refuse;

pub use bind::{BindError, bind};
pub use proxied::LoadBalancer;

use crate::{
    Context, Entrance, ListenerId, Origin,
    drain::{DrainPhase, DrainWatch},
    events::Events,
    limits::{Limits, REFUSALS_MAX},
    watch::{Order, Watch},
};
use blockhouse_store::ObjectStore;
use blockhouse_verifier_wire::Verifier;
use rustls::ServerConfig;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    io,
    os::fd::{AsFd as _, BorrowedFd},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc::Receiver},
    task::{JoinHandle, spawn_local},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

/// How long accepting rests when the process has no descriptors left.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// One listener of one I/O thread.
pub struct Door {
    /// Which listener it is, on all threads.
    pub id: ListenerId,
    /// The socket, from [`bind`] or from whoever may bind in another network.
    pub listener: std::net::TcpListener,
    /// TLS, if this listener speaks it.
    pub tls: Option<Arc<ServerConfig>>,
    /// The way in that it is.
    pub entrance: Arc<Entrance>,
    /// Asked of every connection before anything else.
    pub check: Option<NativeCheck>,
    /// The load balancer before it, if there is one.
    pub proxy: Option<Arc<LoadBalancer>>,
}

/// Whether a connection is of the network that its listener was made in: what the kernel says of the
/// socket, and no name.
pub type NativeCheck = Arc<dyn Fn(BorrowedFd<'_>) -> bool + Send + Sync>;

/// A change of an I/O thread's listeners, while it serves.
pub enum DoorChange {
    /// One more; or the same under another identity, by which the connections that were accepted before
    /// finish their requests and end.
    Open(Door),
    /// One less. Its connections end at once: the way in is no more.
    Close(ListenerId),
}

/// Changes that wait at most; whoever brings one more waits.
pub const DOOR_CHANGES_MAX: usize = 64;

/// What the tasks of one I/O thread share.
struct Thread<S: ObjectStore, V: Verifier> {
    context: Rc<Context<S, V>>,
    limits: Limits,
    connections: RefCell<HashMap<u64, (ListenerId, Rc<Watch>)>>,
    connection_ended: Notify,
    connection_number: Cell<u64>,
    refusals: Cell<usize>,
    in_flight: Cell<usize>,
}

/// Serves until drained. Must run within a `LocalSet`. `changes` may end before.
///
/// Fails only before it has accepted anything: when a listener cannot be watched.
pub async fn serve<S: ObjectStore, V: Verifier>(
    context: Rc<Context<S, V>>,
    doors: Vec<Door>,
    mut changes: Receiver<DoorChange>,
    limits: Limits,
    mut drain: DrainWatch,
) -> io::Result<()> {
    let thread = Rc::new(Thread {
        context,
        limits,
        connections: RefCell::default(),
        connection_ended: Notify::new(),
        connection_number: Cell::new(0),
        refusals: Cell::new(0),
        in_flight: Cell::new(0),
    });
    let mut accepting = Accepting {
        thread: Rc::clone(&thread),
        loops: HashMap::new(),
    };
    for door in doors {
        accepting.open(door)?;
    }
    let sweeping = spawn_local(sweep_loop(Rc::clone(&thread)));
    let roll = Rc::clone(&thread.context.roll);
    let telling = spawn_local(thread.context.rolls.join(roll));
    tokio::select! {
        () = drain.reached(DrainPhase::Draining) => {}
        () = accepting.keep_up(&mut changes) => {}
    }
    // In either case: changes may have ended long before.
    drain.reached(DrainPhase::Draining).await;
    drop(accepting);
    finish(&thread, &mut drain).await;
    sweeping.abort();
    telling.abort();
    Ok(())
}

/// The listeners that a thread accepts on.
struct Accepting<S: ObjectStore, V: Verifier> {
    thread: Rc<Thread<S, V>>,
    loops: HashMap<ListenerId, JoinHandle<()>>,
}

impl<S: ObjectStore, V: Verifier> Accepting<S, V> {
    fn open(&mut self, door: Door) -> io::Result<()> {
        let id = door.id;
        let listener = TcpListener::from_std(door.listener)?;
        let entry = Entry {
            id,
            tls: door.tls,
            entrance: door.entrance,
            check: door.check,
            proxy: door.proxy,
        };
        let accepting = accept_loop(Rc::clone(&self.thread), listener, entry);
        if let Some(before) = self.loops.insert(id, spawn_local(accepting)) {
            before.abort();
            self.thread.tell(id, Order::Drain);
        }
        Ok(())
    }

    /// Follows the changes to their end.
    async fn keep_up(&mut self, changes: &mut Receiver<DoorChange>) {
        while let Some(change) = changes.recv().await {
            match change {
                DoorChange::Open(door) => {
                    let id = door.id;
                    if let Err(error) = self.open(door) {
                        tracing::error!(%error, listener = id.0, "a listener cannot be watched");
                    }
                }
                DoorChange::Close(id) => {
                    if let Some(accepting) = self.loops.remove(&id) {
                        accepting.abort();
                    }
                    self.thread.tell(id, Order::Cut);
                }
            }
        }
    }
}

impl<S: ObjectStore, V: Verifier> Drop for Accepting<S, V> {
    fn drop(&mut self) {
        self.loops.values().for_each(JoinHandle::abort);
    }
}

/// What comes on a connection before HTTP: a load balancer's header behind nothing, TLS behind that.
type Before = (Option<Arc<ServerConfig>>, Option<Arc<LoadBalancer>>);

/// What makes a connection of a listener what it is.
struct Entry {
    id: ListenerId,
    tls: Option<Arc<ServerConfig>>,
    entrance: Arc<Entrance>,
    check: Option<NativeCheck>,
    proxy: Option<Arc<LoadBalancer>>,
}

async fn accept_loop<S: ObjectStore, V: Verifier>(
    thread: Rc<Thread<S, V>>,
    listener: TcpListener,
    entry: Entry,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let is_native = entry.check.as_ref().is_none_or(|is| is(stream.as_fd()));
                if !is_native {
                    // Never seen to happen; who it would be taken for must not depend on that.
                    thread.events().connection_foreign();
                    tracing::error!(
                        listener = entry.id.0,
                        "a connection of another network was dropped"
                    );
                    continue;
                }
                // The client has gone already.
                let Ok(local) = stream.local_addr() else {
                    continue;
                };
                let (tls, entrance) = (&entry.tls, &entry.entrance);
                let origin = Origin::new((peer, local), tls.is_some(), entry.id, entrance);
                thread.admit(stream, origin, (tls.clone(), entry.proxy.clone()));
            }
            Err(error) if is_clients_fault(&error) => continue,
            Err(error) => {
                let listener = entry.id.0;
                tracing::warn!(%error, listener, "accepting rests: no connection could be taken");
                sleep(ACCEPT_REST).await;
            }
        }
    }
}

/// The connection broke before it was accepted. Anything else is about us: no descriptors, no memory.
fn is_clients_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

impl<S: ObjectStore, V: Verifier> Thread<S, V> {
    fn admit(self: &Rc<Self>, stream: TcpStream, origin: Origin, before: Before) {
        if self.connections.borrow().len() >= self.limits.connections_max {
            return self.turn_away(stream, &origin);
        }
        let number = self.connection_number.get();
        self.connection_number.set(number + 1);
        let watch = Watch::new();
        let of_listener = (origin.listener(), Rc::clone(&watch));
        self.connections.borrow_mut().insert(number, of_listener);
        self.events().connection_opened();
        let thread = Rc::clone(self);
        spawn_local(async move {
            let _ended = Ended {
                thread: Rc::clone(&thread),
                number,
            };
            connection::run(thread, watch, stream, origin, before).await;
        });
    }

    fn turn_away(self: &Rc<Self>, stream: TcpStream, origin: &Origin) {
        self.events().connection_refused();
        if origin.tls() || self.refusals.get() >= REFUSALS_MAX {
            return;
        }
        self.refusals.set(self.refusals.get() + 1);
        let thread = Rc::clone(self);
        spawn_local(async move {
            refuse::say_slow_down(stream, thread.context.next_request_id()).await;
            thread.refusals.set(thread.refusals.get() - 1);
        });
    }

    fn tell_all(&self, order: Order) {
        for (_, watch) in self.connections.borrow().values() {
            watch.tell(order);
        }
    }

    /// Tells the connections of one listener.
    fn tell(&self, id: ListenerId, order: Order) {
        let connections = self.connections.borrow();
        let of_listener = connections.values().filter(|(of, _)| *of == id);
        of_listener.for_each(|(_, watch)| watch.tell(order));
    }

    fn events(&self) -> &Events {
        &self.context.events
    }
}

/// Takes a connection off the thread's list, however its task ended.
struct Ended<S: ObjectStore, V: Verifier> {
    thread: Rc<Thread<S, V>>,
    number: u64,
}

impl<S: ObjectStore, V: Verifier> Drop for Ended<S, V> {
    fn drop(&mut self) {
        self.thread.connections.borrow_mut().remove(&self.number);
        self.thread.events().connection_closed();
        self.thread.connection_ended.notify_one();
    }
}

async fn sweep_loop<S: ObjectStore, V: Verifier>(thread: Rc<Thread<S, V>>) {
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        second.tick().await;
        for (_, watch) in thread.connections.borrow().values() {
            watch.sweep(&thread.limits.patience);
        }
    }
}

/// Lets what is in flight finish, and cuts what does not in time.
async fn finish<S: ObjectStore, V: Verifier>(thread: &Rc<Thread<S, V>>, drain: &mut DrainWatch) {
    thread.tell_all(Order::Drain);
    let patience = Duration::from_secs(thread.limits.drain_secs.into());
    let all_ended = async {
        while !thread.connections.borrow().is_empty() {
            thread.connection_ended.notified().await;
        }
    };
    tokio::select! {
        _ = timeout(patience, all_ended) => {}
        () = drain.reached(DrainPhase::Cut) => {}
    }
    let cut = thread.connections.borrow().len();
    if cut > 0 {
        tracing::warn!(
            connections = cut,
            "requests in flight were cut at the end of the drain"
        );
        thread.tell_all(Order::Cut);
    }
    while !thread.connections.borrow().is_empty() {
        thread.connection_ended.notified().await;
    }
}
