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
mod refuse;

pub use bind::{BindError, bind};

use crate::{
    Context, ListenerId, Origin,
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
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::{JoinSet, spawn_local},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

/// How long accepting rests when the process has no descriptors left.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// One listener of one I/O thread.
#[derive(Debug)]
pub struct Door {
    /// Which listener it is, on all threads.
    pub id: ListenerId,
    /// The socket, from [`bind`].
    pub listener: std::net::TcpListener,
    /// TLS, if this listener speaks it.
    pub tls: Option<Arc<ServerConfig>>,
}

/// What the tasks of one I/O thread share.
struct Thread<S: ObjectStore, V: Verifier> {
    context: Rc<Context<S, V>>,
    limits: Limits,
    connections: RefCell<HashMap<u64, Rc<Watch>>>,
    connection_ended: Notify,
    connection_number: Cell<u64>,
    refusals: Cell<usize>,
    in_flight: Cell<usize>,
}

/// Serves until drained. Must run within a `LocalSet`.
///
/// Fails only before it has accepted anything: when a listener cannot be watched.
pub async fn serve<S: ObjectStore, V: Verifier>(
    context: Rc<Context<S, V>>,
    doors: Vec<Door>,
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
    let mut accepting = JoinSet::new();
    for door in doors {
        let listener = TcpListener::from_std(door.listener)?;
        let (id, tls) = (door.id, door.tls);
        accepting.spawn_local(accept_loop(Rc::clone(&thread), listener, id, tls));
    }
    let sweeping = spawn_local(sweep_loop(Rc::clone(&thread)));
    let roll = Rc::clone(&thread.context.roll);
    let telling = spawn_local(thread.context.rolls.join(roll));
    drain.reached(DrainPhase::Draining).await;
    accepting.shutdown().await;
    finish(&thread, &mut drain).await;
    sweeping.abort();
    telling.abort();
    Ok(())
}

async fn accept_loop<S: ObjectStore, V: Verifier>(
    thread: Rc<Thread<S, V>>,
    listener: TcpListener,
    id: ListenerId,
    tls: Option<Arc<ServerConfig>>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match stream.local_addr() {
                Ok(local) => {
                    let origin = Origin::new(peer, local, tls.is_some(), id);
                    thread.admit(stream, origin, tls.clone());
                }
                // The client has gone already.
                Err(_) => continue,
            },
            Err(error) if is_clients_fault(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, listener = id.0, "accepting rests: no connection could be taken");
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
    fn admit(self: &Rc<Self>, stream: TcpStream, origin: Origin, tls: Option<Arc<ServerConfig>>) {
        if self.connections.borrow().len() >= self.limits.connections_max {
            return self.turn_away(stream, &origin);
        }
        let number = self.connection_number.get();
        self.connection_number.set(number + 1);
        let watch = Watch::new();
        self.connections
            .borrow_mut()
            .insert(number, Rc::clone(&watch));
        self.events().connection_opened();
        let thread = Rc::clone(self);
        spawn_local(async move {
            let _ended = Ended {
                thread: Rc::clone(&thread),
                number,
            };
            connection::run(thread, watch, stream, origin, tls).await;
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
        for watch in self.connections.borrow().values() {
            watch.tell(order);
        }
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
        for watch in thread.connections.borrow().values() {
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
