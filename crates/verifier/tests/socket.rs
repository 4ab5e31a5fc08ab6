//! The sockets of a verifier: askers that behave, askers that do not, and keys that come and go while
//! they ask.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use blockhouse_sigv4::HostReading;
use blockhouse_types::AccountId;
use blockhouse_verifier::{Judge, Keyring, Provisioner, Worker};
use blockhouse_verifier_wire::{
    AuthType, ChainId, Claims, Credential, Failure, Link, LinkKind, PayloadMode, Principal,
    Question, Refusal, Service, SessionKind, SignatureVersion, SignedHeaders, Unreachable,
    Verified, Verifier,
    client::{Client, Counts, Wait, address},
    frame::{FrameBuilder, Request, RequestBody},
    provision::{Material, MintOrder, Minted, NewKey, Outcome, Provision},
};
use common::{SECRET, Signed};
use nix::{
    sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, bind, connect, listen, socket, socketpair,
    },
    unistd::Uid,
};
use std::{
    cell::Cell,
    future::Future,
    io::{Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{runtime, task::LocalSet};
use zeroize::Zeroizing;

/// A verifier on a thread of this process, and its two sockets.
struct House {
    path: PathBuf,
    provisioning: UnixStream,
    _folder: TempDir,
}

impl House {
    /// With the key `AK`.
    fn open() -> Self {
        let mut house = Self::open_empty();
        let outcome = house.provision(&[token_key(), put("AK", true), Provision::Commit]);
        assert!(matches!(outcome, Outcome::Applied(1)));
        house
    }

    fn open_empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verifier.sock");
        let listener = seqpacket();
        bind(listener.as_raw_fd(), &address(&path).unwrap().0).unwrap();
        listen(&listener, Backlog::new(8).unwrap()).unwrap();
        let judge = Judge::new("local-1".to_owned(), Keyring::default());
        let uid = Uid::effective().as_raw();
        let worker = Worker::new(judge.clone(), listener.into(), false, uid).unwrap();
        let provisioned = Arc::new(OnceLock::new());
        let (ours, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::empty(),
        )
        .unwrap();
        let provisioner = Provisioner::new(judge, Arc::clone(&provisioned));
        thread::spawn(move || provisioner.serve(theirs.into()));
        thread::spawn(move || {
            provisioned.wait();
            worker.run()
        });
        Self {
            path,
            provisioning: ours.into(),
            _folder: folder,
        }
    }

    fn provision(&mut self, messages: &[Provision]) -> Outcome {
        let mut frame = FrameBuilder::of_secrets();
        for message in messages {
            message.write(&mut frame).unwrap();
        }
        self.provisioning.write_all(frame.bytes()).unwrap();
        let mut packet = vec![0; 1 << 16];
        let len = self.provisioning.read(&mut packet).unwrap();
        let mut outcomes = Outcome::read_all(&packet[..len]).unwrap();
        outcomes.next().unwrap().unwrap()
    }

    /// An asker that is no client of ours.
    fn stranger(&self) -> UnixStream {
        let socket = seqpacket();
        connect(socket.as_raw_fd(), &address(&self.path).unwrap().0).unwrap();
        socket.into()
    }
}

fn seqpacket() -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap()
}

fn token_key() -> Provision {
    Provision::TokenKey(1, Zeroizing::new([7; 32]))
}

fn put(id: &str, enabled: bool) -> Provision {
    Provision::PutKey(NewKey {
        id: id.to_owned(),
        principal: root(),
        enabled,
        material: Material::Secret(Zeroizing::new(SECRET.to_owned())),
    })
}

fn root() -> Principal {
    Principal::Root {
        account: AccountId::from_number(42).unwrap(),
    }
}

/// Runs clients of the verifier on this thread.
fn on_a_thread<F: Future>(work: F) -> F::Output {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, work)
}

/// What a verifier says of a root that signed in the header.
fn verified() -> Verified {
    Verified {
        principal: root(),
        access_key_id: "AK".into(),
        credential: Credential::LongTerm,
        auth_type: AuthType::Header,
        signature_version: SignatureVersion::V4,
        signed_at: common::now(),
        expires_at: None,
        service: Service::S3,
        payload: PayloadMode::SignedChunks { trailer: false },
        signed_headers: SignedHeaders::new("host"),
        link: None,
        chain: None,
    }
}

/// A GET that is signed for another path.
fn forged() -> Signed {
    Signed {
        path: "/another".to_owned(),
        ..signed("/b/k")
    }
}

/// A GET of `path`, signed by `AK`.
fn signed(path: &str) -> Signed {
    signed_with(path, "UNSIGNED-PAYLOAD")
}

fn signed_with(path: &str, payload: &str) -> Signed {
    let names = "host;x-amz-content-sha256;x-amz-date";
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut signed = Signed {
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: String::new(),
        headers: vec![
            header("host", "node:9000"),
            header("x-amz-content-sha256", payload),
            header("x-amz-date", common::DATE),
        ],
        tls: false,
    };
    let signature = common::signature(&signed, names, payload, HostReading::DefaultPortDropped);
    let scope = common::SCOPE;
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AK/{scope},SignedHeaders={names},Signature={signature}"
    );
    signed.headers.push(header("authorization", &authorization));
    signed
}

async fn ask(
    client: &Client,
    signed: &Signed,
) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
    let headers: Vec<(&str, &[u8])> = signed
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_bytes()))
        .collect();
    let question = Question {
        method: &signed.method,
        path: &signed.path,
        query: &signed.query,
        headers: &headers,
        tls: signed.tls,
        form: None,
        now: common::now(),
    };
    client.verify(question).await
}

#[test]
fn many_questions_at_once_get_each_its_answer() {
    let house = House::open();
    on_a_thread(async {
        let client = Client::new(&house.path);
        let tasks: Vec<_> = (0..500)
            .map(|n| {
                let client = client.clone();
                tokio::task::spawn_local(async move {
                    let mut request = signed(&format!("/bucket/{n}"));
                    if n % 3 == 0 {
                        request.path.push('x');
                    }
                    let verdict = ask(&client, &request).await.unwrap();
                    assert_eq!(verdict.is_err(), n % 3 == 0, "{n}");
                    if let Err(failure) = verdict {
                        let Failure::SignatureDoesNotMatch {
                            canonical_request, ..
                        } = *failure
                        else {
                            panic!("{failure:?}")
                        };
                        let shown = format!("/bucket/{n}x\n");
                        assert!(canonical_request.contains(&shown), "{canonical_request}");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// What a client asks while its socket is full goes out when there is room again.
#[test]
fn a_full_socket_is_no_end() {
    let mut house = House::open_empty();
    on_a_thread(async {
        let counts = Arc::new(Counts::default());
        let client = Client::counted(&house.path, Wait::Asleep, Arc::clone(&counts));
        let tasks: Vec<_> = (0..150)
            .map(|n| {
                let client = client.clone();
                tokio::task::spawn_local(async move {
                    let long = format!("/b/{n}{}", "x".repeat(20_000));
                    ask(&client, &signed(&long)).await
                })
            })
            .collect();
        // Each lets everybody run who can; nobody takes what they send.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let sent = counts.read().frames;
        assert!((1..20).contains(&sent), "{sent} frames fit into the socket");
        let outcome = house.provision(&[put("AK", true), Provision::Commit]);
        assert!(matches!(outcome, Outcome::Applied(1)));
        for task in tasks {
            assert!(task.await.unwrap().unwrap().is_ok());
        }
        assert!(counts.read().frames > sent);
    });
}

/// A client that does not sleep at first is answered like any other, and does before each look what its
/// thread would do before it slept.
#[test]
fn a_client_may_look_for_its_answers() {
    thread_local!(static LOOKS: Cell<u64> = const { Cell::new(0) });
    let house = House::open();
    on_a_thread(async {
        let counts = Arc::new(Counts::default());
        let before = || LOOKS.set(LOOKS.get() + 1);
        let wait = Wait::Looking { before };
        let client = Client::counted(&house.path, wait, Arc::clone(&counts));
        let (good, forged) = (signed("/b/k"), forged());
        // It begins to look when it has found that answers are near.
        while counts.read().looked_nanos == 0 {
            let (one, two) = tokio::join!(ask(&client, &good), ask(&client, &forged));
            assert!(one.unwrap().is_ok() && two.unwrap().is_err());
        }
        assert!(LOOKS.get() > 0);
        // Nobody is looked for who was not asked.
        let looks = LOOKS.get();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(LOOKS.get(), looks);
    });
}

/// A chain whose head was judged after its request had gone is ended, and not left to its age.
#[test]
fn nobody_keeps_the_chain_of_a_request_that_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verifier.sock");
    let listener = seqpacket();
    bind(listener.as_raw_fd(), &address(&path).unwrap().0).unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let (listener, chain) = (UnixListener::from(listener), ChainId(7));
    on_a_thread(async {
        let client = Client::new(&path);
        let gone = tokio::task::spawn_local(async move {
            let request = signed_with("/b/k", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
            ask(&client, &request).await
        });
        let turns = async || {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        };
        turns().await;
        gone.abort();
        turns().await;
        let (mut verifier, _) = listener.accept().unwrap();
        let patience = Some(Duration::from_secs(10));
        verifier.set_read_timeout(patience).unwrap();
        let mut packet = vec![0; 1 << 16];
        let mut receive = |verifier: &mut UnixStream| {
            let len = verifier.read(&mut packet).unwrap();
            let mut requests = Request::read_all(&packet[..len]).unwrap();
            let request = requests.next().unwrap().unwrap();
            (
                request.number,
                matches!(request.body, RequestBody::EndChain(ended) if ended == chain),
            )
        };
        let (number, _) = receive(&mut verifier);
        let mut answer = FrameBuilder::default();
        let verified = Verified {
            chain: Some(chain),
            ..verified()
        };
        answer.verified(number, &verified).unwrap();
        verifier.write_all(answer.bytes()).unwrap();
        turns().await;
        assert!(receive(&mut verifier).1, "its end was told");
    });
}

/// Questions that are asked together share a frame, and each is counted once, as what became of it.
#[test]
fn a_client_counts_what_became_of_its_questions() {
    let house = House::open();
    on_a_thread(async {
        let counts = Arc::new(Counts::default());
        let client = Client::counted(&house.path, Wait::Asleep, Arc::clone(&counts));
        let (good, forged) = (signed("/b/k"), forged());
        let (one, two, three) = tokio::join!(
            ask(&client, &good),
            ask(&client, &forged),
            ask(&client, &good)
        );
        assert!(one.unwrap().is_ok() && two.unwrap().is_err() && three.unwrap().is_ok());
        let counted = counts.read();
        assert_eq!(
            (counted.questions, counted.frames, counted.accepted),
            (3, 1, 2)
        );
        let refused = Refusal::ALL.into_iter().zip(counted.refused);
        for (refusal, count) in refused {
            assert_eq!(
                count,
                u64::from(refusal == Refusal::Signature),
                "{refusal:?}"
            );
        }
        assert_eq!(
            (counted.waiting, counted.unreachable, counted.sockets_broken),
            (0, 0, 0)
        );
        assert_eq!(counted.clone().plus(&counted).questions, 6);
    });
}

#[test]
fn a_client_counts_what_nobody_judged() {
    let folder = tempfile::tempdir().unwrap();
    on_a_thread(async {
        let counts = Arc::new(Counts::default());
        let nobody = folder.path().join("nobody");
        let client = Client::counted(&nobody, Wait::Asleep, Arc::clone(&counts));
        assert_eq!(ask(&client, &signed("/b/k")).await, Err(Unreachable));
        let counted = counts.read();
        assert_eq!((counted.questions, counted.unreachable), (1, 1));
        assert_eq!((counted.frames, counted.waiting), (0, 0));
        assert_eq!(counted.sockets_broken, 1);
    });
}

#[test]
fn whoever_sends_no_frames_is_cut_off_and_nobody_else() {
    let house = House::open();
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"BV\x02\x01", &[0; 200_000]] {
        let mut stranger = house.stranger();
        // One of them is longer than the socket takes: that is refused on the spot.
        let sent = stranger.write(nonsense);
        if sent.is_ok() {
            assert_eq!(
                stranger.read(&mut [0; 64]).unwrap_or(0),
                0,
                "it was cut off"
            );
        }
    }
    on_a_thread(async {
        let client = Client::new(&house.path);
        assert!(ask(&client, &signed("/b/k")).await.unwrap().is_ok());
    });
}

/// One that asks and asks and never takes an answer fills its own socket and nobody else's time.
#[test]
fn whoever_takes_no_answers_holds_up_nobody() {
    let house = House::open();
    let stranger = house.stranger();
    stranger.set_nonblocking(true).unwrap();
    let long = format!("/{}", "x".repeat(20_000));
    let mut frame = FrameBuilder::default();
    let question = Question {
        method: "GET",
        path: &long,
        query: "",
        headers: &[("authorization", b"AWS4-HMAC-SHA256 nonsense")],
        tls: false,
        form: None,
        now: common::now(),
    };
    while frame.verify(1, question).is_ok() {}
    assert!(Request::read_all(frame.bytes()).unwrap().count() > 1);
    let mut sent = 0;
    while (&stranger).write(frame.bytes()).is_ok() && sent < 10_000 {
        sent += 1;
    }
    on_a_thread(async {
        let client = Client::new(&house.path);
        for _ in 0..50 {
            assert!(ask(&client, &signed("/b/k")).await.unwrap().is_ok());
        }
    });
    drop(stranger);
}

#[test]
fn nobody_is_judged_before_the_first_keys_and_disabled_ones_die_at_once() {
    let mut house = House::open_empty();
    on_a_thread(async {
        let client = Client::new(&house.path);
        let early = tokio::task::spawn_local({
            let client = client.clone();
            async move { ask(&client, &signed("/b/early")).await }
        });
        // It is on its way, and nobody takes it: the keys are not there.
        tokio::task::yield_now().await;
        let outcome = house.provision(&[put("AK", true), Provision::Commit]);
        assert!(matches!(outcome, Outcome::Applied(1)));
        assert!(
            early.await.unwrap().unwrap().is_ok(),
            "it waited for the keys"
        );

        let outcome = house.provision(&[put("AK", false), put("OTHER", true), Provision::Commit]);
        assert!(matches!(outcome, Outcome::Applied(2)));
        let refused = ask(&client, &signed("/b/k")).await.unwrap().unwrap_err();
        assert!(matches!(*refused, Failure::UnknownAccessKey { .. }));

        // A message that cannot be taken spoils its commit, and the keys stay what they were.
        let bad = Provision::PutKey(NewKey {
            id: "BAD".to_owned(),
            principal: root(),
            enabled: true,
            material: Material::Derived {
                days: Vec::new(),
                public: Some([1; 64]),
            },
        });
        let outcome = house.provision(&[put("AK", true), bad, Provision::Commit]);
        assert!(matches!(outcome, Outcome::Refused(_)));
        assert!(ask(&client, &signed("/b/k")).await.unwrap().is_err());
        let outcome = house.provision(&[put("AK", true), Provision::Commit]);
        assert!(matches!(outcome, Outcome::Applied(2)));
        assert!(ask(&client, &signed("/b/k")).await.unwrap().is_ok());
    });
}

#[test]
fn a_chain_belongs_to_the_socket_on_which_it_was_opened() {
    let house = House::open();
    on_a_thread(async {
        let (one, two) = (Client::new(&house.path), Client::new(&house.path));
        let request = signed_with("/b/k", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        let chain = ask(&one, &request).await.unwrap().unwrap().chain.unwrap();
        let link = || Link {
            digest: [0; 32],
            signature: "00".repeat(32),
            kind: LinkKind::Chunk,
        };
        assert_eq!(two.verify_link(chain, link()).await, Ok(false));
        let of_another_socket = ChainId(chain.0 | 1 << 32);
        assert_eq!(
            one.verify_link(of_another_socket, link()).await,
            Err(Unreachable)
        );
        assert_eq!(
            one.verify_link(ChainId(chain.0 + 1), link()).await,
            Ok(false)
        );
        assert_eq!(
            one.verify_link(chain, link()).await,
            Ok(false),
            "a wrong link"
        );
    });
}

#[test]
fn tokens_come_from_the_provisioning_socket_and_die_with_their_parent() {
    let mut house = House::open();
    let issued_at = common::now();
    let order = |parent: &str, secs| {
        Provision::Mint(Box::new(MintOrder {
            principal: root(),
            parent: Some(parent.to_owned()),
            claims: Claims {
                session: SessionKind::SessionToken,
                issued_at,
                expires_at: issued_at.plus_secs(secs),
                policy: None,
                tags: Vec::new(),
            },
        }))
    };
    let mut mint = |parent, secs| house.provision(&[order(parent, secs)]);
    assert!(matches!(mint("NOBODY", 60), Outcome::Refused(_)));
    assert!(matches!(mint("AK", 129_601), Outcome::Refused(_)));
    let Outcome::Minted(minted) = mint("AK", 60) else {
        panic!("nothing was minted")
    };
    on_a_thread(async {
        let client = Client::new(&house.path);
        let verified = ask(&client, &by_token(&minted)).await.unwrap().unwrap();
        assert_eq!(verified.principal, root());
        assert_eq!(&*verified.access_key_id, minted.access_key_id);
        let outcome = house.provision(&[put("AK", false), Provision::Commit]);
        assert!(matches!(outcome, Outcome::Applied(1)));
        let refused = ask(&client, &by_token(&minted)).await.unwrap().unwrap_err();
        assert!(matches!(*refused, Failure::UnknownAccessKey { .. }));
    });
}

/// A link made with temporary credentials.
fn by_token(minted: &Minted) -> Signed {
    use blockhouse_sigv4::{Credentials, Link, Location, SecretKey, presign};
    let link = Link {
        method: "GET",
        endpoint: "http://node:9000",
        location: Location::parse("s3://b/k").unwrap(),
        query: &[],
        headers: &[],
        region: "local-1",
        service: "s3",
        expires_secs: 600,
    };
    let secret = SecretKey::new((*minted.secret_access_key).clone());
    let credentials = Credentials {
        access_key_id: &minted.access_key_id,
        secret: &secret,
        session_token: Some(&minted.session_token),
    };
    let url = presign(&link, credentials, common::now()).unwrap();
    let (path, query) = url["http://node:9000".len()..].split_once('?').unwrap();
    Signed {
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![("host".to_owned(), "node:9000".to_owned())],
        tls: false,
    }
}
