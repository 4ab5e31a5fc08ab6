//! One connection: TLS if the listener speaks it, then HTTP/1.1 until either side ends it.

use super::{Before, Thread, outlet::Outlet, refuse};
use crate::{
    Line, Origin,
    limits::{HEAD_BYTES_MAX, READ_BUFFER_BYTES_MAX},
    respond::{AnswerBody, AnswerBroken},
    stages::serve_request,
    watch::{ClientBody, Order, Watch, Watched},
};
use blockhouse_store::ObjectStore;
use blockhouse_verifier_wire::Verifier;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    future::poll_fn,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

/// Serves a connection to its end. Whatever ends it, nothing is left of it but the count.
pub(super) async fn run<S: ObjectStore, V: Verifier>(
    thread: Rc<Thread<S, V>>,
    watch: Rc<Watch>,
    mut stream: TcpStream,
    origin: Origin,
    (tls, proxy): Before,
) {
    let origin = match proxy {
        None => origin,
        Some(proxy) => {
            let introduced = proxy.introduce(&mut stream, &origin);
            match unless_ordered(&watch, introduced).await {
                Some(Ok(introduced)) => introduced,
                Some(Err(unheard)) => {
                    thread.events().connection_foreign();
                    tracing::debug!(peer = %origin.peer(), why = %unheard, "closed unheard");
                    return;
                }
                None => return,
            }
        }
    };
    let Some(tls) = tls else {
        let outlet = Outlet::new(stream, Rc::clone(&thread.context));
        let socket = Watched::new(outlet, Rc::clone(&watch));
        return converse(thread, watch, socket, origin).await;
    };
    let socket = Watched::new(stream, Rc::clone(&watch));
    let Some(handshake) = unless_ordered(&watch, TlsAcceptor::from(tls).accept(socket)).await
    else {
        return;
    };
    match handshake {
        Ok(socket) => converse(thread, watch, socket, origin).await,
        Err(error) => tracing::debug!(peer = %origin.peer(), %error, "no TLS connection was made"),
    }
}

/// The future's output, or `None` when the connection was told to end first.
async fn unless_ordered<F: Future>(watch: &Watch, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match watch.order(cx.waker()) {
        Order::Serve => future.as_mut().poll(cx).map(Some),
        Order::Drain | Order::Cut => Poll::Ready(None),
    })
    .await
}

async fn converse<S, V, I>(thread: Rc<Thread<S, V>>, watch: Rc<Watch>, socket: I, origin: Origin)
where
    S: ObjectStore,
    V: Verifier,
    I: AsyncRead + AsyncWrite + Unpin,
{
    let origin = &origin;
    let service = service_fn(|request: Request<Incoming>| {
        let flight = Flight::begin(&thread, &watch);
        let (thread, watch) = (Rc::clone(&thread), Rc::clone(&watch));
        async move { Ok::<_, Infallible>(answer(&thread, watch, flight, origin, request).await) }
    });
    let connection = http1::Builder::new()
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        // The sweeper watches slow clients: no timer for each request.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = pin!(connection);
    let mut draining = false;
    let end = poll_fn(|cx| {
        match watch.order(cx.waker()) {
            Order::Cut => return Poll::Ready(Ok(())),
            Order::Drain if !draining => {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
            Order::Drain | Order::Serve => {}
        }
        connection.as_mut().poll(cx)
    });
    if let Err(error) = end.await {
        // Clients break connections all the time; what it did to a request is in the request's line.
        tracing::debug!(peer = %origin.peer(), %error, "a connection broke");
    }
}

async fn answer<S: ObjectStore, V: Verifier>(
    thread: &Rc<Thread<S, V>>,
    watch: Rc<Watch>,
    flight: Flight<S, V>,
    origin: &Origin,
    request: Request<Incoming>,
) -> Response<Outgoing<S, V>> {
    if flight.is_one_too_many() {
        let context = &thread.context;
        let known = (context.next_request_id(), context.now());
        let refusal = refuse::slow_down(known, thread.events(), origin);
        return refusal.map(|body| Outgoing {
            body: Content::Refusal(body),
            _flight: flight,
        });
    }
    let line = Line::of(&watch);
    let request = request.map(|body| ClientBody::new(body, watch));
    let response = serve_request(&thread.context, origin, line, request).await;
    response.map(|body| Outgoing {
        body: Content::Answer(body),
        _flight: flight,
    })
}

/// One request in flight: counted from its head to the last byte of its answer.
struct Flight<S: ObjectStore, V: Verifier> {
    thread: Rc<Thread<S, V>>,
    watch: Rc<Watch>,
}

impl<S: ObjectStore, V: Verifier> Flight<S, V> {
    fn begin(thread: &Rc<Thread<S, V>>, watch: &Rc<Watch>) -> Self {
        thread.in_flight.set(thread.in_flight.get() + 1);
        thread.events().request_began();
        watch.request_began();
        Self {
            thread: Rc::clone(thread),
            watch: Rc::clone(watch),
        }
    }

    fn is_one_too_many(&self) -> bool {
        self.thread.in_flight.get() > self.thread.limits.in_flight_max
    }
}

impl<S: ObjectStore, V: Verifier> Drop for Flight<S, V> {
    fn drop(&mut self) {
        self.thread.in_flight.set(self.thread.in_flight.get() - 1);
        self.thread.events().request_ended();
        self.watch.request_ended();
    }
}

/// An answer's body, with the flight that ends when it does.
struct Outgoing<S: ObjectStore, V: Verifier> {
    body: Content<S>,
    _flight: Flight<S, V>,
}

enum Content<S: ObjectStore> {
    Answer(AnswerBody<S>),
    Refusal(Bytes),
}

impl<S: ObjectStore, V: Verifier> Body for Outgoing<S, V> {
    type Data = Bytes;
    type Error = AnswerBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerBroken>>> {
        match &mut self.body {
            Content::Answer(body) => Pin::new(body).poll_frame(cx),
            Content::Refusal(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Refusal(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Content::Answer(body) => body.is_end_stream(),
            Content::Refusal(bytes) => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Content::Answer(body) => body.size_hint(),
            Content::Refusal(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}
