//! The name service of each VPC: a thread that answers at the endpoints' port 53, over UDP and TCP.
//!
//! Every listener has the zone of its endpoint, so that a name means that endpoint's addresses. Bounds:
//! a question of 4 KiB, so many connections of each listener, seconds of patience with each; one more
//! connection than that is closed at once.

use anyhow::Result;
use blockhouse_names::{QUERY_BYTES_MAX, Transport, Zone, answer};
use blockhouse_netfilter_wire::ListenerKind;
use std::{collections::BTreeMap, io, net, os::fd::OwnedFd, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Connections of one listener at a time.
const CONNECTIONS_MAX: usize = 64;

/// How long a connection may take for its next question.
const QUESTION_PATIENCE: Duration = Duration::from_secs(5);

/// How long accepting rests when it fails.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// A change of what is answered.
pub(crate) enum NamesChange {
    /// Answers at this socket, by this zone; what was answered under the number before ends.
    Serve {
        id: u32,
        kind: ListenerKind,
        socket: OwnedFd,
        zone: Arc<Zone>,
    },
    /// Answers there no more.
    Stop(u32),
}

/// Serves until nobody can change anything any more.
pub(super) fn run(changes: mpsc::UnboundedReceiver<NamesChange>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build()?;
    runtime.block_on(follow(changes));
    Ok(())
}

async fn follow(mut changes: mpsc::UnboundedReceiver<NamesChange>) {
    let mut serving: BTreeMap<u32, JoinHandle<()>> = BTreeMap::new();
    while let Some(change) = changes.recv().await {
        let (id, started) = match change {
            NamesChange::Stop(id) => (id, None),
            NamesChange::Serve {
                id,
                kind,
                socket,
                zone,
            } => (id, start(kind, socket, zone)),
        };
        let before = match started {
            None => serving.remove(&id),
            Some(Ok(task)) => serving.insert(id, task),
            Some(Err(error)) => {
                tracing::error!(%error, listener = id, "names are not answered there");
                serving.remove(&id)
            }
        };
        if let Some(before) = before {
            before.abort();
        }
    }
}

/// `None` for a listener of something else.
fn start(
    kind: ListenerKind,
    socket: OwnedFd,
    zone: Arc<Zone>,
) -> Option<io::Result<JoinHandle<()>>> {
    match kind {
        ListenerKind::NamesUdp => {
            let socket = UdpSocket::from_std(net::UdpSocket::from(socket));
            Some(socket.map(|socket| tokio::spawn(answer_datagrams(socket, zone))))
        }
        ListenerKind::NamesTcp => {
            let listener = TcpListener::from_std(net::TcpListener::from(socket));
            Some(listener.map(|listener| tokio::spawn(accept(listener, zone))))
        }
        ListenerKind::Http | ListenerKind::Https => None,
    }
}

async fn answer_datagrams(socket: UdpSocket, zone: Arc<Zone>) {
    let mut question = vec![0; QUERY_BYTES_MAX];
    loop {
        match socket.recv_from(&mut question).await {
            Ok((len, from)) => {
                if let Some(answer) = answer(&zone, &question[..len], Transport::Udp) {
                    // Who asked may be gone, or its link full: it asks again.
                    let _ = socket.send_to(&answer, from).await;
                }
            }
            // An answer before could not be delivered.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) => {
                tracing::warn!(%error, "names: no question could be read");
                sleep(ACCEPT_REST).await;
            }
        }
    }
}

async fn accept(listener: TcpListener, zone: Arc<Zone>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                    continue;
                };
                let zone = Arc::clone(&zone);
                tokio::spawn(async move {
                    // However it ends, nothing is left of it.
                    let _ = converse(stream, &zone).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "names: no connection could be taken");
                sleep(ACCEPT_REST).await;
            }
        }
    }
}

/// Questions and answers behind their lengths. Source: RFC 7766, section 8.
async fn converse(mut stream: TcpStream, zone: &Zone) -> io::Result<()> {
    loop {
        let question = timeout(QUESTION_PATIENCE, question(&mut stream)).await??;
        let Some(answer) = answer(zone, &question, Transport::Tcp) else {
            return Ok(());
        };
        let len = u16::try_from(answer.len()).map_err(io::Error::other)?;
        let framed = [&len.to_be_bytes()[..], &answer].concat();
        timeout(QUESTION_PATIENCE, stream.write_all(&framed)).await??;
    }
}

async fn question(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let len = usize::from(stream.read_u16().await?);
    if len > QUERY_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut question = vec![0; len];
    stream.read_exact(&mut question).await?;
    Ok(question)
}
