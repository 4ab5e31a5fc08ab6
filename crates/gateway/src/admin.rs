//! The administrator's listener: `/healthz`, `/readyz` and `/metrics` for anybody, and for who signs calls
//! about links and the desired state, and IAM's own.
//!
//! It has a thread of its own, so that it answers while I/O threads are busy. What it shows to
//! anybody identifies no key, object or client, and changes nothing.

mod call;
mod iam;
mod links;
mod state;

pub use call::Desk;
pub use links::Made;

use crate::{
    drain::{DrainPhase, DrainWatch},
    events::{Events, Sample, exposition},
};
use blockhouse_store::ObjectStore;
use blockhouse_verifier_wire::LinkSigner;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::spawn_local,
    time::{sleep, timeout},
};

/// Connections served at once; one more is closed unheard.
const CONNECTIONS_MAX: usize = 64;

/// How long one connection may last.
const CONNECTION_LIFE: Duration = Duration::from_secs(60);

/// How long accepting rests when the process has no descriptors left.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// What the listener shows.
pub struct Shown {
    /// The counts of each I/O thread.
    pub threads: Vec<Arc<Events>>,
    /// The figures of the other parts, asked for at every scrape.
    pub samples: Box<dyn Fn() -> Vec<Sample> + Send + Sync>,
    /// `Err` says why the node takes no requests.
    pub ready: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown")
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

/// Serves until the drain has ended: while draining, `/readyz` says so. Must run within a
/// `LocalSet`.
pub async fn serve<S: ObjectStore, V: LinkSigner>(
    listener: std::net::TcpListener,
    shown: Shown,
    desk: Desk<S, V>,
    mut drain: DrainWatch,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let (shown, desk, seats) = (Rc::new(shown), Rc::new(desk), Rc::new(()));
    let phase = drain.clone();
    let accepting = async {
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                sleep(ACCEPT_REST).await;
                continue;
            };
            // The first strong count is ours.
            if Rc::strong_count(&seats) > CONNECTIONS_MAX {
                continue;
            }
            let (shown, desk) = (Rc::clone(&shown), Rc::clone(&desk));
            let (seat, phase) = (Rc::clone(&seats), phase.clone());
            spawn_local(async move {
                converse((stream, peer), &shown, &desk, &phase).await;
                drop(seat);
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = drain.reached(DrainPhase::Cut) => {}
    }
    Ok(())
}

async fn converse<S: ObjectStore, V: LinkSigner>(
    (stream, peer): (TcpStream, SocketAddr),
    shown: &Shown,
    desk: &Desk<S, V>,
    phase: &DrainWatch,
) {
    let service = service_fn(async |request: Request<Incoming>| {
        let (method, path) = (request.method(), request.uri().path());
        Ok::<_, Infallible>(if call::is_for_us(path) {
            call::answer(desk, peer, request).await
        } else if iam::is_for_us(method, path) {
            iam::answer(desk, peer, request).await
        } else {
            answer(&request, shown, phase.phase())
        })
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CONNECTION_LIFE)
        .serve_connection(TokioIo::new(stream), service);
    // Whether a scraper went away is its own affair.
    let _ = timeout(CONNECTION_LIFE, connection).await;
}

fn answer(request: &Request<Incoming>, shown: &Shown, phase: DrainPhase) -> Response<Text> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" if phase > DrainPhase::Serving => {
            text(StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned())
        }
        "/readyz" => match (shown.ready)() {
            Ok(()) => text(StatusCode::OK, "ready\n".to_owned()),
            Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        },
        "/metrics" => metrics(shown),
        _ => text(
            StatusCode::NOT_FOUND,
            "/healthz /readyz /metrics /links /state\n".to_owned(),
        ),
    }
}

fn metrics(shown: &Shown) -> Response<Text> {
    let Ok(body) = exposition(&shown.threads, (shown.samples)()) else {
        return text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the figures cannot be written\n".into(),
        );
    };
    let mut response = text(StatusCode::OK, body);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn text(status: StatusCode, body: String) -> Response<Text> {
    let mut response = Response::new(Text(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// A body that is there at once.
struct Text(Bytes);

impl Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = std::mem::take(&mut self.0);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
