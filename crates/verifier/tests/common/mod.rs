//! A signer that shares the canonical form with the verifier and nothing else. Signers that share
//! nothing at all are in `tests/signers`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(dead_code, reason = "each test file uses its part")]

use blockhouse_sigv4::{
    Algorithm, Canonical, HostReading, PathForm, Query, Request, SecretKey, StringToSign,
};
use blockhouse_types::{AccountId, Timestamp, hex};
use blockhouse_verifier::{InProcess, Judge, KeyStore, Keyring, TokenKeys};
use blockhouse_verifier_wire::{
    Failure, Principal, Question, Verified,
    provision::{Material, NewKey},
};
use std::sync::OnceLock;
use zeroize::Zeroizing;

pub(crate) const SECRET: &str = "hush";
pub(crate) const DATE: &str = "20261121T233000Z";
pub(crate) const SCOPE: &str = "20261121/local-1/s3/aws4_request";

/// A request that carries a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) tls: bool,
}

impl Signed {
    /// The header of that name, where a signature stands in a header.
    pub(crate) fn authorization(&self) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(name, _)| name == "authorization");
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn with<T>(&self, read: impl FnOnce(Request<'_>) -> T) -> T {
        let headers = headers(self);
        read(Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            tls: self.tls,
        })
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::parse_basic(DATE).unwrap()
}

pub(crate) fn house() -> &'static InProcess {
    static HOUSE: OnceLock<InProcess> = OnceLock::new();
    HOUSE.get_or_init(|| InProcess::new(known().clone()))
}

/// The judge of that house.
pub(crate) fn known() -> &'static Judge {
    static JUDGE: OnceLock<Judge> = OnceLock::new();
    JUDGE.get_or_init(|| {
        let key = |id: &str, enabled| NewKey {
            id: id.to_owned(),
            principal: principal(),
            enabled,
            material: Material::Secret(Zeroizing::new(SECRET.to_owned())),
        };
        let mut tokens = TokenKeys::default();
        assert!(tokens.put(1, &[7; 32]));
        let keyring = Keyring {
            keys: KeyStore::new([key("AK", true), key("OFF", false)]).unwrap(),
            tokens,
        };
        Judge::new("local-1".to_owned(), keyring)
    })
}

pub(crate) fn principal() -> Principal {
    Principal::Root {
        account: AccountId::from_number(42).unwrap(),
    }
}

/// The headers as a question has them.
pub(crate) fn headers(signed: &Signed) -> Vec<(&str, &[u8])> {
    let headers = signed.headers.iter();
    headers.map(|(n, v)| (n.as_str(), v.as_bytes())).collect()
}

/// The question that a gateway would ask.
pub(crate) fn question<'a>(signed: &'a Signed, headers: &'a [(&str, &[u8])]) -> Question<'a> {
    Question {
        method: &signed.method,
        path: &signed.path,
        query: &signed.query,
        headers,
        tls: signed.tls,
        form: None,
        now: now(),
    }
}

pub(crate) fn judge(signed: &Signed) -> Result<Verified, Box<Failure>> {
    judge_at(signed, now())
}

pub(crate) fn judge_at(signed: &Signed, now: Timestamp) -> Result<Verified, Box<Failure>> {
    let headers = headers(signed);
    let question = Question {
        now,
        ..question(signed, &headers)
    };
    house().judge(question).unwrap()
}

/// The HMAC signature of a request as it stands.
pub(crate) fn signature(
    signed: &Signed,
    names: &str,
    payload_hash: &str,
    host: HostReading,
) -> String {
    signature_by(SECRET, signed, names, payload_hash, host)
}

fn signature_by(
    secret: &str,
    signed: &Signed,
    names: &str,
    payload_hash: &str,
    host: HostReading,
) -> String {
    signed.with(|request| {
        let canonical = Canonical {
            request: &request,
            query: &Query::parse(request.query).unwrap(),
            signed_headers: names,
            payload_hash,
            path_form: PathForm::AsSent,
            host,
        };
        let digest = canonical.digest();
        let string = StringToSign {
            algorithm: Algorithm::Hmac,
            date: DATE,
            scope: SCOPE,
            digest,
        };
        let key = SecretKey::new(secret.to_owned()).signing_key("20261121", "local-1", "s3");
        hex(&string.sign(&key))
    })
}

/// Signs in a header; `names` without the headers that this adds.
pub(crate) fn sign_header(request: Signed, names: &str) -> Signed {
    sign_header_by(request, names, ("AK", SECRET))
}

/// The same by any key, whose id and secret these are.
pub(crate) fn sign_header_by(
    mut request: Signed,
    names: &str,
    (id, secret): (&str, &str),
) -> Signed {
    let add = |request: &mut Signed, name: &str, value: &str| {
        request.headers.push((name.to_owned(), value.to_owned()));
    };
    add(&mut request, "x-amz-date", DATE);
    add(&mut request, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    let names = format!("{names};x-amz-content-sha256;x-amz-date");
    let mut names: Vec<&str> = names.split(';').collect();
    names.sort_unstable();
    let names = names.join(";");
    let reading = HostReading::DefaultPortDropped;
    let signature = signature_by(secret, &request, &names, "UNSIGNED-PAYLOAD", reading);
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={id}/{SCOPE}, SignedHeaders={names}, Signature={signature}"
    );
    add(&mut request, "authorization", &value);
    request
}

/// Signs in the query.
pub(crate) fn sign_query(mut request: Signed, names: &str, expires_secs: u64) -> Signed {
    let credential = format!("AK/{SCOPE}").replace('/', "%2F");
    let names_encoded = names.replace(';', "%3B");
    request.query = format!(
        "{}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={DATE}\
         &X-Amz-Expires={expires_secs}&X-Amz-SignedHeaders={names_encoded}",
        request.query
    );
    let reading = HostReading::DefaultPortDropped;
    let signature = signature(&request, names, "UNSIGNED-PAYLOAD", reading);
    request.query.push_str("&X-Amz-Signature=");
    request.query.push_str(&signature);
    request
}

/// Whether two requests have the same signature when each is signed as it stands: they differ in
/// spelling alone, or in what no signature covers.
pub(crate) fn signed_alike(one: &Signed, other: &Signed) -> bool {
    let names = |signed: &Signed| -> (String, String) {
        signed.with(|request| {
            let query = Query::parse(request.query).unwrap();
            let claim = blockhouse_sigv4::Claim::read(&request, &query)
                .unwrap()
                .unwrap();
            (
                claim.signed_headers.to_string(),
                claim.signature.to_string(),
            )
        })
    };
    let ((one_names, given), (other_names, also_given)) = (names(one), names(other));
    let sign = |signed, names: &str, reading| signature(signed, names, "UNSIGNED-PAYLOAD", reading);
    let usual = HostReading::DefaultPortDropped;
    let readings = [usual, HostReading::AsReceived];
    given == also_given
        && sign(one, &one_names, usual) == given
        && readings
            .iter()
            .any(|reading| sign(other, &other_names, *reading) == given)
}
