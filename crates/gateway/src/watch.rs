//! Watches one connection for a client that is too slow, without a timer per connection.
//!
//! The connection notes, in plain cells, what it waits for and how many bytes moved: nothing else
//! happens on the path of a request. Once a second the thread's sweeper asks every connection
//! [`Watch::sweep`]:
//!
//! ```text
//!            waiting for        may last                 else
//!   Idle     the next request   idle_secs                cut
//!   Head     the rest of a head head_secs                cut
//!   Body     more of a body     progress_secs, unless enough bytes came
//!   Taking   room to write      progress_secs, unless enough bytes went
//!   Nothing  us (store, disk)   for ever: not the client's fault
//!   Leaving  the client's end   LINGER_SECS
//! ```
//!
//! A connection that ends before the body of its last request was read lingers: our side is closed, and
//! what still comes is read and thrown away. Closing both sides at once would make the kernel answer
//! those bytes with a reset, which can overtake our answer: the client would never hear why.
//!
//! A cut connection is dropped as it is. Drain uses the same way to reach the connection's task.

use crate::limits::Patience;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    cell::{Cell, RefCell},
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long a connection lingers at most, in seconds.
const LINGER_SECS: u32 = 10;

/// How much it reads away meanwhile at most, in bytes; with more it is closed.
const LINGER_BYTES_MAX: u64 = 64 << 20;

/// What a connection waits for from its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// A request, after as many as this.
    Idle { after_requests: u64 },
    /// The rest of a head (or of a TLS handshake), after as many requests.
    Head { after_requests: u64 },
    /// More of a body.
    Body,
    /// Room to write an answer.
    Taking,
    /// The end of what it sends.
    Leaving,
    /// Nothing: the next step is ours.
    Nothing,
}

/// For how many sweeps the connection has been waiting for the same.
#[derive(Debug, Clone, Copy)]
struct Window {
    waiting: Waiting,
    sweeps: u32,
    bytes_at_start: u64,
}

/// What a connection's task is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Go on.
    Serve,
    /// Finish the request in flight, then close.
    Drain,
    /// Close now.
    Cut,
}

/// One connection's notes. They belong to one thread.
#[derive(Debug)]
pub(crate) struct Watch {
    bytes_read: Cell<u64>,
    bytes_written: Cell<u64>,
    bytes_read_before_head: Cell<u64>,
    requests: Cell<u64>,
    in_request: Cell<bool>,
    body_wanted: Cell<bool>,
    /// The body of a request was not read to its end.
    body_left: Cell<bool>,
    /// Our side is closed; bytes read before that.
    lingers_since_bytes: Cell<Option<u64>>,
    write_blocked: Cell<bool>,
    window: Cell<Window>,
    order: Cell<Order>,
    waker: RefCell<Option<Waker>>,
}

impl Watch {
    pub(crate) fn new() -> Rc<Self> {
        let waiting = Waiting::Idle { after_requests: 0 };
        Rc::new(Self {
            bytes_read: Cell::new(0),
            bytes_written: Cell::new(0),
            bytes_read_before_head: Cell::new(0),
            requests: Cell::new(0),
            in_request: Cell::new(false),
            body_wanted: Cell::new(false),
            body_left: Cell::new(false),
            lingers_since_bytes: Cell::new(None),
            write_blocked: Cell::new(false),
            window: Cell::new(Window {
                waiting,
                sweeps: 0,
                bytes_at_start: 0,
            }),
            order: Cell::new(Order::Serve),
            waker: RefCell::new(None),
        })
    }

    /// A request's head has arrived.
    pub(crate) fn request_began(&self) {
        self.requests.set(self.requests.get() + 1);
        self.in_request.set(true);
    }

    /// A request's answer has been handed over to the last byte, or given up.
    pub(crate) fn request_ended(&self) {
        self.in_request.set(false);
        self.body_wanted.set(false);
        self.bytes_read_before_head.set(self.bytes_read.get());
    }

    /// What the connection's task is to do now. It will be woken when that changes.
    pub(crate) fn order(&self, waker: &Waker) -> Order {
        let mut slot = self.waker.borrow_mut();
        if !slot.as_ref().is_some_and(|w| w.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
        self.order.get()
    }

    /// Tells the connection's task. An order is never taken back by a milder one.
    pub(crate) fn tell(&self, order: Order) {
        if self.order.get() != Order::Cut {
            self.order.set(order);
        }
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Called once a second; cuts the connection when its client was too slow.
    pub(crate) fn sweep(&self, patience: &Patience) {
        let waiting = self.waiting();
        let bytes = self.bytes_read.get() + self.bytes_written.get();
        let window = self.window.get();
        if waiting != window.waiting || waiting == Waiting::Nothing {
            self.window.set(Window {
                waiting,
                sweeps: 0,
                bytes_at_start: bytes,
            });
            return;
        }
        let sweeps = window.sweeps + 1;
        let (sweeps_max, bytes_min) = match waiting {
            Waiting::Idle { .. } => (patience.idle_secs, u64::MAX),
            Waiting::Head { .. } => (patience.head_secs, u64::MAX),
            Waiting::Body | Waiting::Taking => {
                (patience.progress_secs, patience.progress_bytes_min)
            }
            Waiting::Leaving => (LINGER_SECS, u64::MAX),
            Waiting::Nothing => return,
        };
        if sweeps < sweeps_max {
            self.window.set(Window { sweeps, ..window });
        } else if bytes - window.bytes_at_start < bytes_min {
            self.tell(Order::Cut);
        } else {
            self.window.set(Window {
                waiting,
                sweeps: 0,
                bytes_at_start: bytes,
            });
        }
    }

    fn waiting(&self) -> Waiting {
        let after_requests = self.requests.get();
        if self.lingers_since_bytes.get().is_some() {
            Waiting::Leaving
        } else if self.write_blocked.get() {
            Waiting::Taking
        } else if self.body_wanted.get() {
            Waiting::Body
        } else if self.in_request.get() {
            Waiting::Nothing
        } else if self.bytes_read.get() == self.bytes_read_before_head.get() {
            Waiting::Idle { after_requests }
        } else {
            Waiting::Head { after_requests }
        }
    }
}

/// A socket whose bytes are counted.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    socket: S,
    watch: Rc<Watch>,
}

impl<S> Watched<S> {
    pub(crate) fn new(socket: S, watch: Rc<Watch>) -> Self {
        Self { socket, watch }
    }

    /// Reads away what still comes; ready at its end, or when that was enough.
    fn poll_linger(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: AsyncRead + Unpin,
    {
        let watch = Rc::clone(&self.watch);
        let since = watch.lingers_since_bytes.get().unwrap_or_default();
        let mut scratch = [MaybeUninit::uninit(); 16 << 10];
        while watch.order(cx.waker()) == Order::Serve
            && watch.bytes_read.get() - since < LINGER_BYTES_MAX
        {
            let mut piece = ReadBuf::uninit(&mut scratch);
            // Whoever breaks off has ended as well.
            let read = ready!(self.as_mut().poll_read(cx, &mut piece));
            if read.is_err() || piece.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn note_write(&self, result: &Poll<io::Result<usize>>) {
        self.watch.write_blocked.set(result.is_pending());
        if let Poll::Ready(Ok(n)) = result {
            self.watch
                .bytes_written
                .set(self.watch.bytes_written.get() + *n as u64);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.socket).poll_read(cx, buf);
        let read = (buf.filled().len() - before) as u64;
        self.watch
            .bytes_read
            .set(self.watch.bytes_read.get() + read);
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.note_write(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.note_write(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.watch.lingers_since_bytes.get().is_none() {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            if !self.watch.body_left.get() {
                return Poll::Ready(Ok(()));
            }
            let since = self.watch.bytes_read.get();
            self.watch.lingers_since_bytes.set(Some(since));
        }
        self.poll_linger(cx)
    }
}

/// A request's body that notes when it is awaited.
#[derive(Debug)]
pub(crate) struct ClientBody {
    incoming: hyper::body::Incoming,
    ended: bool,
    watch: Rc<Watch>,
}

impl ClientBody {
    pub(crate) fn new(incoming: hyper::body::Incoming, watch: Rc<Watch>) -> Self {
        let ended = incoming.is_end_stream();
        Self {
            incoming,
            ended,
            watch,
        }
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        self.watch.body_wanted.set(false);
        self.watch
            .body_left
            .set(!self.ended && !self.incoming.is_end_stream());
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let result = Pin::new(&mut self.incoming).poll_frame(cx);
        self.watch.body_wanted.set(result.is_pending());
        self.ended |= matches!(result, Poll::Ready(None));
        result
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        idle_secs: 5,
        head_secs: 3,
        progress_secs: 4,
        progress_bytes_min: 100,
    };

    fn sweeps_until_cut(watch: &Watch, mut each: impl FnMut(&Watch)) -> Option<u32> {
        (1..100).find(|_| {
            each(watch);
            watch.sweep(&PATIENCE);
            watch.order.get() == Order::Cut
        })
    }

    #[test]
    fn an_idle_client_may_stay_a_while() {
        assert_eq!(sweeps_until_cut(&Watch::new(), |_| {}), Some(5));
    }

    #[test]
    fn dripping_a_head_does_not_help() {
        let drip = |w: &Watch| w.bytes_read.set(w.bytes_read.get() + 1000);
        assert_eq!(sweeps_until_cut(&Watch::new(), drip), Some(4));
    }

    #[test]
    fn requests_begin_the_wait_anew() {
        let watch = Watch::new();
        let request = |w: &Watch| {
            w.request_began();
            w.request_ended();
        };
        assert_eq!(sweeps_until_cut(&watch, request), None);
    }

    #[test]
    fn a_body_must_make_progress() {
        let watch = Watch::new();
        watch.request_began();
        watch.body_wanted.set(true);
        let enough = |w: &Watch| w.bytes_read.set(w.bytes_read.get() + 25);
        assert_eq!(sweeps_until_cut(&watch, enough), None);
        let drip = |w: &Watch| w.bytes_read.set(w.bytes_read.get() + 24);
        assert!(sweeps_until_cut(&watch, drip).is_some());
    }

    #[test]
    fn our_own_slowness_is_not_the_clients_fault() {
        let watch = Watch::new();
        watch.request_began();
        assert_eq!(sweeps_until_cut(&watch, |_| {}), None);
        watch.write_blocked.set(true);
        assert!(sweeps_until_cut(&watch, |_| {}).is_some());
    }
}
