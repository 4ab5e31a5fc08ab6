//! The trunk over the in-memory model, with a verifier that believes what it is told.
//!
//! What S3 promises is tested here without a socket: requests go in at `serve_request`, answers are
//! read to their end.

mod addresses;
mod audit;
mod bodies;
mod buckets;
mod copies;
mod deletes;
mod etags;
mod forms;
mod hashing;
mod links;
mod links_once;
mod links_revoked;
mod listings;
mod multipart;
mod networks;
mod objects;
mod order;
mod policies;

use crate::{
    Compiled, Context, Hashing, Line, Origin, Rolls, Site, events::Events,
    origin::tests::from_public, stages,
};
use blockhouse_s3::parse::Domains;
use blockhouse_store::model::Model;
use blockhouse_types::{AccountId, Clock, Entropy, LinkId, Timestamp};
use blockhouse_verifier_wire::{
    AuthType, ChainId, Credential, Failure, Link, PayloadMode, Principal, Question, Service,
    SignatureVersion, SignedHeaders, Unreachable, Verified, Verifier,
};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

const OWNER: &str = "000000000001";
const STRANGER: &str = "000000000002";

/// A clock that stands still.
struct TestClock;

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }
}

/// Numbers that count up.
struct Counting(u8);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
    }
}

/// Believes `Authorization: Fake ACCOUNT`; `Bad` has a wrong signature, `Down` finds nobody to ask.
/// A form says the same in its credential. A link of a chain is good when its signature says so. A
/// presigned link is believed with `X-Amz-Signature=ACCOUNT`; its path and query are its identity, and
/// it lives 600 seconds.
#[derive(Clone, Default)]
struct Fake {
    chains_open: Rc<Cell<i64>>,
    links: Rc<RefCell<Vec<Link>>>,
}

impl Verifier for Fake {
    async fn verify(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
        let header = |name: &str| {
            let found = question.headers.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| std::str::from_utf8(value).unwrap().to_owned())
        };
        let authorization = match question.form {
            None => header("authorization"),
            Some(fields) => {
                let found = fields.iter().find(|(n, _)| *n == "x-amz-credential");
                found.map(|(_, value)| std::str::from_utf8(value).unwrap().to_owned())
            }
        };
        let authorization = authorization.unwrap_or_default();
        let account = match authorization.split_once(' ') {
            Some(("Fake", account)) => AccountId::parse(account).unwrap(),
            _ if by_link(&question).is_some() => by_link(&question).unwrap(),
            _ if authorization == "Down" => return Err(Unreachable),
            _ if authorization == "Bad" => {
                return Ok(Err(Box::new(Failure::SignatureDoesNotMatch {
                    access_key_id: "AKID".into(),
                    string_to_sign: "sts".into(),
                    signature_provided: "sig".into(),
                    canonical_request: "cr".into(),
                })));
            }
            _ => return Ok(Err(Box::new(Failure::Anonymous))),
        };
        let link = by_link(&question).map(|_| link_id(question.path, question.query));
        let payload = match header("x-amz-content-sha256").as_deref() {
            None | Some("UNSIGNED-PAYLOAD") => PayloadMode::Unsigned,
            Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER") => PayloadMode::UnsignedTrailer,
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD") => {
                PayloadMode::SignedChunks { trailer: false }
            }
            Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") => {
                PayloadMode::SignedChunks { trailer: true }
            }
            Some(hex) => PayloadMode::Sha256(blockhouse_types::unhex(hex.as_bytes()).unwrap()),
        };
        let chain = matches!(payload, PayloadMode::SignedChunks { .. }).then_some(ChainId(7));
        self.chains_open
            .set(self.chains_open.get() + i64::from(chain.is_some()));
        Ok(Ok(Verified {
            principal: Principal::Root { account },
            access_key_id: "AKID".into(),
            credential: Credential::LongTerm,
            auth_type: match link {
                None => AuthType::Header,
                Some(_) => AuthType::Query,
            },
            signature_version: SignatureVersion::V4,
            signed_at: question.now,
            expires_at: link.map(|_| TestClock.now().plus_secs(600)),
            service: Service::S3,
            payload,
            signed_headers: SignedHeaders::new("host"),
            link,
            chain,
        }))
    }

    async fn verify_link(&self, _chain: ChainId, link: Link) -> Result<bool, Unreachable> {
        let good = link.signature.starts_with("900d");
        self.links.borrow_mut().push(link);
        Ok(good)
    }

    fn end_chain(&self, _chain: ChainId) {
        self.chains_open.set(self.chains_open.get() - 1);
    }
}

/// Whose link the question is about.
fn by_link(question: &Question<'_>) -> Option<AccountId> {
    let mut parameters = question.query.split('&');
    let account = parameters.find_map(|pair| pair.strip_prefix("X-Amz-Signature="))?;
    AccountId::parse(account).ok()
}

/// Not a good hash, but a different one for each of a test's links.
fn link_id(path: &str, query: &str) -> LinkId {
    let mut id = [0u8; 16];
    for (n, byte) in path.bytes().chain(query.bytes()).enumerate() {
        id[n % 16] = id[n % 16].wrapping_mul(31).wrapping_add(byte);
    }
    LinkId(id)
}

/// A request's body in pieces.
struct Feed {
    pieces: VecDeque<Bytes>,
    declared: bool,
    broken: bool,
}

impl Body for Feed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _task: &mut TaskContext<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.broken => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !self.broken
    }

    fn size_hint(&self) -> SizeHint {
        let len = self.pieces.iter().map(|piece| piece.len() as u64).sum();
        if self.declared {
            SizeHint::with_exact(len)
        } else {
            SizeHint::default()
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The text of the first element of that name.
    fn element(&self, name: &str) -> &str {
        let Some((_, rest)) = self.text().split_once(&format!("<{name}>")) else {
            return "";
        };
        rest.split_once(&format!("</{name}>"))
            .map_or("", |(text, _)| text)
    }

    /// The texts of all elements of that name.
    fn elements(&self, name: &str) -> Vec<&str> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let after = self.text().split(&open).skip(1);
        after
            .map(|rest| rest.split_once(&close).unwrap().0)
            .collect()
    }

    #[track_caller]
    fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{:?} {}",
            self.headers,
            self.text()
        );
        self
    }

    /// An error of this status and code.
    #[track_caller]
    fn refused(self, status: u16, code: &str) -> Self {
        let got = self.expect(status);
        assert_eq!(got.element("Code"), code, "{}", got.text());
        got
    }
}

/// A client on this machine.
fn here() -> Origin {
    from_public("127.0.0.1:5")
}

/// A node without sockets.
struct Node {
    context: Rc<Context<Model, Fake>>,
    runtime: tokio::runtime::Runtime,
    /// Where what outlives an answer is done.
    tasks: tokio::task::LocalSet,
    /// Where its client is.
    client: RefCell<Origin>,
}

impl Node {
    fn new() -> Self {
        Self::of(Hashing::default(), Events::default())
    }

    /// A node whose bodies are hashed like this.
    fn hashing(hashing: Hashing) -> Self {
        Self::of(hashing, Events::default())
    }

    fn with_events(events: Events) -> Self {
        Self::of(Hashing::default(), events)
    }

    fn of(hashing: Hashing, events: Events) -> Self {
        let context = Context {
            store: Model::new(),
            verifier: Fake::default(),
            hashing,
            clock: Arc::new(TestClock),
            entropy: RefCell::new(Box::new(Counting(0))),
            site: Arc::new(Site {
                region: "local-1".into(),
                domains: Domains::new(["s3.test".to_owned()]),
                buckets_max: 100,
                operator: AccountId::parse(OWNER).ok(),
                used_links_max: 3,
                revocations_max: 3,
            }),
            desired: Arc::default(),
            compiled: Compiled::default(),
            roll: Rc::default(),
            rolls: Rolls::default(),
            events: Arc::new(events),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        Self {
            context: Rc::new(context),
            runtime,
            tasks: tokio::task::LocalSet::new(),
            client: RefCell::new(here()),
        }
    }

    /// A node with the bucket `bkt`.
    fn with_bucket() -> Self {
        let node = Self::new();
        node.put("/bkt", "").expect(200);
        node
    }

    fn get(&self, path: &str) -> Got {
        self.call("GET", path, &[], "")
    }

    fn put(&self, path: &str, body: impl Into<Bytes>) -> Got {
        self.call("PUT", path, &[], body)
    }

    /// A request of the owner.
    fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Got {
        self.call_as(&format!("Fake {OWNER}"), method, path, headers, body)
    }

    /// A request with this `Authorization`; empty for none.
    fn call_as(
        &self,
        authorization: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Got {
        let body = body.into();
        let len = body.len().to_string();
        let mut headers = headers.to_vec();
        if !authorization.is_empty() {
            headers.push(("authorization", authorization));
        }
        if !body.is_empty() || method == "PUT" || method == "POST" {
            headers.push(("content-length", &len));
        }
        // In two frames, so that nothing relies on getting all at once.
        let middle = body.len() / 2;
        let pieces = [body.slice(..middle), body.slice(middle..)];
        let pieces = pieces
            .into_iter()
            .filter(|piece| !piece.is_empty())
            .collect();
        self.send(
            method,
            path,
            &headers,
            Feed {
                pieces,
                declared: true,
                broken: false,
            },
        )
    }

    /// Runs to its end, and then whatever it has left to be done.
    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let done = self.tasks.block_on(&self.runtime, work);
        let left = async { tokio::task::yield_now().await };
        self.tasks.block_on(&self.runtime, left);
        done
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Feed) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "127.0.0.1:9000");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).unwrap();
        let client = self.client.borrow().clone();
        self.run(async {
            let answer =
                stages::serve_request(&self.context, &client, Line::default(), request).await;
            let (head, body) = answer.into_parts();
            let mut body = pin!(body);
            let mut bytes = Vec::new();
            while let Some(frame) = poll_fn(|task| body.as_mut().poll_frame(task)).await {
                bytes.extend_from_slice(&frame.unwrap().into_data().unwrap());
            }
            Got {
                status: head.status,
                headers: head.headers,
                body: bytes,
            }
        })
    }
}
