//! Calls of IAM: over their body, for their own service, and worth nothing as anything else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use blockhouse_sigv4::{
    Algorithm, Canonical, HostReading, PathForm, Query, SecretKey, StringToSign,
};
use blockhouse_types::hex;
use blockhouse_verifier::{Judge, KeyStore, Keyring};
use blockhouse_verifier_wire::{
    Call, Failure, PayloadMode, Question, Service, Verified,
    provision::{Material, NewKey},
};
use common::{DATE, SECRET, Signed, now, principal, sign_query};
use zeroize::Zeroizing;

const BODY: [u8; 32] = [7; 32];
const NAMES: &str = "content-type;host;x-amz-date";

fn judge() -> Judge {
    let key = NewKey {
        id: "AK".to_owned(),
        principal: principal(),
        enabled: true,
        material: Material::Secret(Zeroizing::new(SECRET.to_owned())),
    };
    let keyring = Keyring {
        keys: KeyStore::new([key]).unwrap(),
        ..Keyring::default()
    };
    Judge::new("local-1".to_owned(), keyring)
}

fn unsigned() -> Signed {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Signed {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: vec![
            header("host", "127.0.0.1:9002"),
            header("content-type", "application/x-www-form-urlencoded"),
            header("x-amz-date", DATE),
        ],
        tls: false,
    }
}

/// A call as AWS's clients sign it: no header says the body's hash.
fn signed(service: &str) -> Signed {
    let mut call = unsigned();
    let scope = format!("20261121/local-1/{service}/aws4_request");
    let signature = call.with(|request| {
        let canonical = Canonical {
            request: &request,
            query: &Query::parse("").unwrap(),
            signed_headers: NAMES,
            payload_hash: &hex(&BODY),
            path_form: PathForm::Normalized,
            host: HostReading::AsReceived,
        };
        let string = StringToSign {
            algorithm: Algorithm::Hmac,
            date: DATE,
            scope: &scope,
            digest: canonical.digest(),
        };
        let key = SecretKey::new(SECRET.to_owned()).signing_key("20261121", "local-1", service);
        hex(&string.sign(&key))
    });
    let value = format!(
        "AWS4-HMAC-SHA256 Credential=AK/{scope}, SignedHeaders={NAMES}, Signature={signature}"
    );
    call.headers.push(("authorization".to_owned(), value));
    call
}

fn ask<T>(signed: &Signed, ask: impl FnOnce(Question<'_>) -> T) -> T {
    signed.with(|request| {
        ask(Question {
            method: request.method,
            path: request.path,
            query: request.query,
            headers: request.headers,
            tls: request.tls,
            form: None,
            now: now(),
        })
    })
}

fn as_call(signed: &Signed, body_sha256: [u8; 32]) -> Result<Verified, Box<Failure>> {
    ask(signed, |question| {
        judge().judge_call(Call {
            question,
            body_sha256,
        })
    })
}

#[test]
fn a_call_is_of_its_body() {
    let verified = as_call(&signed("iam"), BODY).unwrap();
    assert_eq!(verified.service, Service::Iam);
    assert_eq!(verified.payload, PayloadMode::Sha256(BODY));
    assert_eq!(verified.principal, principal());
    let other = as_call(&signed("iam"), [8; 32]).unwrap_err();
    assert!(
        matches!(*other, Failure::SignatureDoesNotMatch { .. }),
        "{other:?}"
    );
}

#[test]
fn neither_signature_is_worth_anything_as_the_other() {
    for service in ["s3", "s3-outposts", "sts"] {
        let failure = as_call(&signed(service), BODY).unwrap_err();
        assert!(
            matches!(*failure, Failure::HeaderMalformed { .. }),
            "{service}: {failure:?}"
        );
    }
    let mut request = signed("iam");
    request
        .headers
        .push(("x-amz-content-sha256".to_owned(), hex(&BODY)));
    let failure = ask(&request, |question| judge().judge(question)).unwrap_err();
    assert!(
        matches!(*failure, Failure::HeaderMalformed { .. }),
        "{failure:?}"
    );
}

#[test]
fn nobody_links_and_what_is_not_covered() {
    assert_eq!(*as_call(&unsigned(), BODY).unwrap_err(), Failure::Anonymous);
    let mut bare = unsigned();
    bare.headers.retain(|(name, _)| name != "x-amz-date");
    let link = sign_query(bare, "host", 60);
    assert_eq!(*as_call(&link, BODY).unwrap_err(), Failure::Anonymous);
    let mut more = signed("iam");
    more.headers
        .push(("x-amz-security".to_owned(), "x".to_owned()));
    let failure = as_call(&more, BODY).unwrap_err();
    assert!(
        matches!(*failure, Failure::HeadersNotSigned { .. }),
        "{failure:?}"
    );
}
