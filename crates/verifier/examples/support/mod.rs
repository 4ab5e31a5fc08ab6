//! What the measurements share: a judge of one key, and questions that it says yes to.

#![allow(dead_code, reason = "each measurement uses its part")]

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use blockhouse_sigv4::{
    Algorithm, Canonical, Credentials, HostReading, Link, Location, PathForm, Query, Request,
    SecretKey, StringToSign, presign,
};
use blockhouse_types::{AccountId, Timestamp, hex};
use blockhouse_verifier::{Judge, KeyStore, Keyring};
use blockhouse_verifier_wire::{
    Principal, Question,
    provision::{Material, NewKey},
};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use std::{fs, sync::OnceLock, time::Duration};
use tikv_jemallocator::Jemalloc;
use zeroize::Zeroizing;

/// The product's own.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// The key that signs.
pub(crate) const ID: &str = "AKIABENCHBENCHBENCH0";

/// The key whose public half alone is known, and that signs with SigV4A.
pub(crate) const ID_V4A: &str = "AKIABENCHBENCHBENCH1";

/// The secret of the first.
pub(crate) const SECRET: &str = "hush-hush-hush-hush-hush-hush-hush-hush!";

const REGION: &str = "local-1";
const HOST: &str = "127.0.0.1:9000";
const PATH: &str = "/bench/s/00042";

/// A question that owns what it asks about.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Asked {
    /// A presigned GET.
    pub(crate) fn link() -> Self {
        let secret = SecretKey::new(SECRET.to_owned());
        let credentials = Credentials {
            access_key_id: ID,
            secret: &secret,
            session_token: None,
        };
        let link = Link {
            method: "GET",
            endpoint: &format!("http://{HOST}"),
            location: Location::parse("s3://bench/s/00042").unwrap(),
            query: &[],
            headers: &[],
            region: REGION,
            service: "s3",
            expires_secs: 86_400,
        };
        let url = presign(&link, credentials, now()).unwrap();
        let (path, query) = url[format!("http://{HOST}").len()..]
            .split_once('?')
            .unwrap();
        Self {
            path: path.to_owned(),
            query: query.to_owned(),
            headers: usual_headers(),
        }
    }

    /// A GET signed in its head, as boto3 does it.
    pub(crate) fn header() -> Self {
        let mut asked = Self {
            path: PATH.to_owned(),
            query: String::new(),
            headers: usual_headers(),
        };
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        asked.add("x-amz-date", now().to_basic());
        asked.add("x-amz-content-sha256", empty.to_owned());
        let names = "host;x-amz-content-sha256;x-amz-date";
        let scope = format!("{}/{REGION}/s3/aws4_request", day());
        let digest = asked.digest(names, empty);
        let string = StringToSign {
            algorithm: Algorithm::Hmac,
            date: &now().to_basic(),
            scope: &scope,
            digest,
        };
        let key = SecretKey::new(SECRET.to_owned()).signing_key(&day(), REGION, "s3");
        let signature = hex(&string.sign(&key));
        asked.add(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={ID}/{scope}, SignedHeaders={names}, Signature={signature}"),
        );
        asked
    }

    /// The same link signed with SigV4A.
    pub(crate) fn link_v4a() -> Self {
        let scope = format!("{}/s3/aws4_request", day());
        let date = now().to_basic();
        let mut asked = Self {
            path: PATH.to_owned(),
            query: format!(
                "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential={}&X-Amz-Date={date}\
                 &X-Amz-Expires=86400&X-Amz-Region-Set=%2A&X-Amz-SignedHeaders=host",
                format!("{ID_V4A}/{scope}").replace('/', "%2F")
            ),
            headers: usual_headers(),
        };
        let string = StringToSign {
            algorithm: Algorithm::Ecdsa,
            date: &date,
            scope: &scope,
            digest: asked.digest("host", "UNSIGNED-PAYLOAD"),
        };
        let text = string.text();
        let signature = pair().sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        asked.query += &format!("&X-Amz-Signature={}", hex(signature.as_ref()));
        asked
    }

    /// The same by another key's id of the same length, wherever the id stands.
    pub(crate) fn with_key_id(&self, id: &str) -> Self {
        self.changed(|text| text.replace(ID, id))
    }

    /// The same with another signature.
    pub(crate) fn with_signature(&self, change: impl FnOnce(&str) -> String) -> Self {
        let all = self
            .headers
            .iter()
            .map(|(_, value)| value)
            .chain([&self.query]);
        let mut found = all.filter_map(|text| text.split_once("Signature="));
        let (_, signature) = found.next().unwrap();
        let other = change(signature);
        self.changed(|text| text.replace(signature, &other))
    }

    fn changed(&self, change: impl Fn(&str) -> String) -> Self {
        let headers = self.headers.iter();
        Self {
            path: self.path.clone(),
            query: change(&self.query),
            headers: headers
                .map(|(name, value)| (name.clone(), change(value)))
                .collect(),
        }
    }

    /// Becomes the same as another one of the same lengths, in its own memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.query.clone_from(&other.query);
        for ((_, value), (_, others)) in self.headers.iter_mut().zip(&other.headers) {
            value.clone_from(others);
        }
    }

    fn add(&mut self, name: &str, value: String) {
        self.headers.push((name.to_owned(), value));
    }

    fn digest(&self, signed_headers: &str, payload_hash: &str) -> [u8; 32] {
        self.with(|question| {
            let request = Request {
                method: question.method,
                path: question.path,
                query: question.query,
                headers: question.headers,
                tls: question.tls,
            };
            Canonical {
                request: &request,
                query: &Query::parse(question.query).unwrap(),
                signed_headers,
                payload_hash,
                path_form: PathForm::AsSent,
                host: HostReading::DefaultPortDropped,
            }
            .digest()
        })
    }

    /// The headers as a question has them.
    pub(crate) fn headers(&self) -> Vec<(&str, &[u8])> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect()
    }

    /// The question, for as long as `ask` looks at it.
    pub(crate) fn with<T>(&self, ask: impl FnOnce(Question<'_>) -> T) -> T {
        let headers = self.headers();
        ask(Question {
            method: "GET",
            path: &self.path,
            query: &self.query,
            headers: &headers,
            tls: false,
            form: None,
            now: now(),
        })
    }
}

/// What clients send that is not signed in a link.
fn usual_headers() -> Vec<(String, String)> {
    [
        ("host", HOST),
        (
            "user-agent",
            "Boto3/1.43 md/Botocore#1.43 ua/2.1 os/linux#6.18",
        ),
        ("accept-encoding", "identity"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// The moment that everything is signed and judged at.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_secs(1_795_600_000)
}

fn day() -> String {
    now().to_basic()[..8].to_owned()
}

/// The pair of the second key.
fn pair() -> &'static EcdsaKeyPair {
    static PAIR: OnceLock<EcdsaKeyPair> = OnceLock::new();
    PAIR.get_or_init(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
}

/// A judge that knows both keys.
pub(crate) fn judge() -> Judge {
    let key = |id: &str, material| NewKey {
        id: id.to_owned(),
        principal: Principal::Root {
            account: AccountId::from_number(1).unwrap(),
        },
        enabled: true,
        material,
    };
    // Behind the byte that says "uncompressed".
    let point = &pair().public_key().as_ref()[1..];
    let known = [
        key(ID, Material::Secret(Zeroizing::new(SECRET.to_owned()))),
        key(
            ID_V4A,
            Material::Derived {
                days: Vec::new(),
                public: Some(point.try_into().unwrap()),
            },
        ),
    ];
    let keyring = Keyring {
        keys: KeyStore::new(known).unwrap(),
        ..Keyring::default()
    };
    Judge::new(REGION.to_owned(), keyring)
}

/// Keeps this thread on a core.
pub(crate) fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core).unwrap();
    sched_setaffinity(Pid::from_raw(0), &set).unwrap();
}

/// Time that all threads of a process have run. Source: proc_pid_schedstat(5).
pub(crate) fn on_cpu(process: &str) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanos = tasks.map(|task| {
        let text = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        text.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(nanos.sum())
}
