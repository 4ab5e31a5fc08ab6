//! A gateway on a thread of its own, over the model and a verifier that trusts everybody.

use blockhouse_gateway::{
    Compiled, Context, Hashing, ListenerId, Rolls, Site,
    accept::{Door, DoorChange, bind, serve},
    drain::Drain,
    events::Events,
    limits::Limits,
};
use blockhouse_s3::parse::Domains;
use blockhouse_store::model::Model;
use blockhouse_types::{AccountId, Entropy, SystemClock};
use blockhouse_verifier_wire::{
    AuthType, ChainId, Credential, Failure, Link, PayloadMode, Principal, Question, Service,
    SignatureVersion, SignedHeaders, Unreachable, Verified, Verifier,
};
use std::{
    cell::RefCell,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    rc::Rc,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::mpsc::{Sender, channel};

/// Nothing here takes so long; a test that hangs fails instead.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everybody is the root of account 1. It keeps the paths that it was asked about.
#[derive(Clone, Default)]
pub(crate) struct Trusting(Arc<Mutex<Vec<String>>>);

impl Verifier for Trusting {
    async fn verify(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
        self.0.lock().unwrap().push(question.path.to_owned());
        Ok(Ok(Verified {
            principal: Principal::Root {
                account: AccountId::from_number(1).unwrap(),
            },
            access_key_id: "AKIA".into(),
            credential: Credential::LongTerm,
            auth_type: AuthType::Header,
            signature_version: SignatureVersion::V4,
            signed_at: question.now,
            expires_at: None,
            service: Service::S3,
            payload: PayloadMode::Unsigned,
            signed_headers: SignedHeaders::new("host"),
            link: None,
            chain: None,
        }))
    }

    async fn verify_link(&self, _: ChainId, _: Link) -> Result<bool, Unreachable> {
        Ok(true)
    }

    fn end_chain(&self, _: ChainId) {}
}

struct Counting(u64);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        bytes.fill(0);
        bytes[0] = self.0 as u8;
    }
}

/// A gateway that serves until it is drained.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) drain: Drain,
    /// What changes its listeners.
    pub(crate) changes: Sender<DoorChange>,
    asked: Trusting,
    thread: JoinHandle<()>,
}

impl Gateway {
    pub(crate) fn start(limits: Limits, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = bind("127.0.0.1:0".parse().unwrap(), 1)
            .unwrap()
            .pop()
            .unwrap();
        let address = listener.local_addr().unwrap();
        let (drain, asked) = (Drain::default(), Trusting::default());
        let (changes, changed) = channel(4);
        let thread = std::thread::spawn({
            let (watch, verifier) = (drain.watch(), asked.clone());
            move || {
                let context = Rc::new(Context {
                    store: Model::new(),
                    verifier,
                    hashing: Hashing::default(),
                    clock: Arc::new(SystemClock),
                    entropy: RefCell::new(Box::new(Counting(0))),
                    site: Arc::new(Site {
                        region: "local-1".to_owned(),
                        domains: Domains::new(["s3.test".to_owned()]),
                        buckets_max: 10,
                        operator: None,
                        used_links_max: 3,
                        revocations_max: 3,
                    }),
                    desired: Arc::default(),
                    compiled: Compiled::default(),
                    roll: Rc::default(),
                    rolls: Rolls::default(),
                    events: Arc::new(Events::default()),
                });
                let doors = vec![Door {
                    id: ListenerId(0),
                    listener,
                    tls,
                    entrance: Arc::default(),
                    check: None,
                    proxy: None,
                }];
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                tokio::task::LocalSet::new()
                    .block_on(&runtime, serve(context, doors, changed, limits, watch))
                    .unwrap();
            }
        });
        Self {
            address,
            drain,
            changes,
            asked,
            thread,
        }
    }

    pub(crate) fn connect(&self) -> Client {
        Self::connect_to(self.address)
    }

    /// Connects to another of its listeners.
    pub(crate) fn connect_to(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client {
            stream,
            unread: Vec::new(),
        }
    }

    /// Which paths reached the verifier.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.0.lock().unwrap().clone()
    }

    /// Drains and waits for the end.
    pub(crate) fn end(self) {
        self.drain.begin();
        self.thread.join().unwrap();
    }
}

/// A client that says exactly what it is told.
pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// One answer with its body (`Content-Length` only).
    pub(crate) fn hear(&mut self) -> Answer {
        let end = self.read_until(b"\r\n\r\n");
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let status = head[9..12].parse().unwrap();
        let len = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, len)| len.parse().unwrap());
        while self.unread.len() < len {
            assert!(self.read_more() > 0, "the body of {head} broke off");
        }
        let body = String::from_utf8(self.unread.drain(..len).collect()).unwrap();
        Answer { status, head, body }
    }

    /// Whether the other side closes, politely or not, without a byte.
    pub(crate) fn is_closed_unheard(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Everything until the other side closes.
    pub(crate) fn hear_all(&mut self) -> String {
        while self.read_more() > 0 {}
        String::from_utf8(std::mem::take(&mut self.unread)).unwrap()
    }

    fn read_until(&mut self, end: &[u8]) -> usize {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|w| w == end) {
                return at + end.len();
            }
            assert!(
                self.read_more() > 0,
                "the connection ended: {:?}",
                self.unread
            );
        }
    }

    /// A reset is an end as well.
    fn read_more(&mut self) -> usize {
        let mut piece = [0; 4096];
        let n = match self.stream.read(&mut piece) {
            Ok(n) => n,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("nothing came: {error}"),
        };
        self.unread.extend_from_slice(&piece[..n]);
        n
    }
}
