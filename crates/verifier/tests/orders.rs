//! Links that are ordered: what was asked for in a signed request, by the key that signed it, and
//! nothing else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use blockhouse_types::Timestamp;
use blockhouse_verifier::{Judge, KeyStore, Keyring, Names, TokenKeys};
use blockhouse_verifier_wire::{
    Claims, Credential, Failure, Ordered, Question, SessionKind, Verified,
    provision::{Material, MintOrder, NewKey},
};
use common::{SECRET, Signed, headers, now, principal, question, sign_header, sign_query};
use zeroize::Zeroizing;

const ADMIN: &str = "127.0.0.1:9002";

fn keyring() -> Keyring {
    let key = NewKey {
        id: "AK".to_owned(),
        principal: principal(),
        enabled: true,
        material: Material::Secret(Zeroizing::new(SECRET.to_owned())),
    };
    let mut tokens = TokenKeys::default();
    assert!(tokens.put(1, &[7; 32]));
    Keyring {
        keys: KeyStore::new([key]).unwrap(),
        tokens,
    }
}

fn house() -> Judge {
    let names = Names::new("node:9000", []).unwrap();
    Judge::named("local-1".to_owned(), keyring(), names)
}

fn unsigned(query: &str) -> Signed {
    Signed {
        method: "POST".to_owned(),
        path: "/links".to_owned(),
        query: query.to_owned(),
        headers: vec![("host".to_owned(), ADMIN.to_owned())],
        tls: false,
    }
}

fn signed(query: &str) -> Signed {
    sign_header(unsigned(query), "host")
}

fn order(signed: &Signed) -> Result<Ordered, Box<Failure>> {
    house().order(question(signed, &headers(signed)))
}

/// Uses a link by that method.
fn used(url: &str, method: &str, at: Timestamp) -> Result<Verified, Box<Failure>> {
    let (host, target) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let (path, query) = target.split_once('?').unwrap();
    let signed = Signed {
        method: method.to_owned(),
        path: format!("/{path}"),
        query: query.to_owned(),
        headers: vec![("host".to_owned(), host.to_owned())],
        tls: false,
    };
    let headers = headers(&signed);
    let asked = Question {
        now: at,
        ..question(&signed, &headers)
    };
    let judged = house().judge(asked);
    judged.map(|(verified, _)| verified)
}

#[test]
fn what_is_ordered_is_a_link() {
    let ordered = order(&signed(
        "bucket=notes&key=a%20b%2Fc&expires=60&x-bh-once=t&method=PUT",
    ))
    .unwrap();
    assert!(
        ordered
            .url
            .starts_with("http://node:9000/notes/a%20b/c?x-bh-once=t&"),
        "{}",
        ordered.url
    );
    assert_eq!(ordered.method, "PUT");
    assert_eq!(ordered.expires_at, now().plus_secs(60));
    let verified = used(&ordered.url, "PUT", now()).unwrap();
    assert_eq!(
        (verified.link, verified.principal),
        (Some(ordered.link), principal())
    );
    assert!(used(&ordered.url, "GET", now()).is_err());
    let late = used(&ordered.url, "PUT", now().plus_secs(61));
    assert!(matches!(*late.unwrap_err(), Failure::Expired { .. }));
}

#[test]
fn the_rest_is_as_usual() {
    let ordered = order(&signed("bucket=notes")).unwrap();
    assert!(
        ordered.url.starts_with("http://node:9000/notes?X-Amz-"),
        "{}",
        ordered.url
    );
    assert_eq!(
        (ordered.method.as_str(), ordered.expires_at),
        ("GET", now().plus_secs(432_000))
    );
    let elsewhere = order(&signed(
        "bucket=notes&key=k&endpoint=http%3A%2F%2Ffiles.example",
    ))
    .unwrap();
    assert!(
        elsewhere.url.starts_with("http://files.example/notes/k?"),
        "{}",
        elsewhere.url
    );
    // The same order makes the same link, whenever it comes.
    assert_eq!(order(&signed("bucket=notes")).unwrap().url, ordered.url);
}

#[test]
fn what_is_not_signed_is_not_ordered() {
    let good = signed("bucket=notes&key=k&expires=60");
    assert!(order(&good).is_ok());
    for (from, to) in [
        ("expires=60", "expires=61"),
        ("key=k", "key=l"),
        ("&key", "&x-bh-head=1&key"),
    ] {
        let bad = Signed {
            query: good.query.replace(from, to),
            ..good.clone()
        };
        let failure = order(&bad).unwrap_err();
        assert!(
            matches!(*failure, Failure::SignatureDoesNotMatch { .. }),
            "{failure:?}"
        );
    }
    assert_eq!(
        *order(&unsigned("bucket=notes")).unwrap_err(),
        Failure::Anonymous
    );
}

/// A request to S3, a bearer's link, or another call of the administrator's is none, though its
/// signature holds.
#[test]
fn what_was_signed_for_something_else_orders_nothing() {
    let of_path = sign_header(
        Signed {
            path: "/links/revocations".to_owned(),
            ..unsigned("bucket=notes")
        },
        "host",
    );
    let of_method = sign_header(
        Signed {
            method: "GET".to_owned(),
            ..unsigned("bucket=notes")
        },
        "host",
    );
    let of_s3 = signed("delete=");
    let by_link = sign_query(unsigned("bucket=notes"), "host", 60);
    for other in [of_path, of_method, of_s3, by_link] {
        let failure = order(&other).unwrap_err();
        assert!(
            matches!(*failure, Failure::QueryParameters { .. }),
            "{failure:?}"
        );
    }
}

#[test]
fn odd_orders_are_refused() {
    for odd in [
        "key=k",
        "bucket=&key=k",
        "bucket=a&bucket=b",
        "bucket=notes&expires=0",
        "bucket=notes&expires=604801",
        "bucket=notes&expires=soon",
        "bucket=notes&method=get",
        "bucket=notes&endpoint=node",
        "bucket=notes&endpoint=ftp%3A%2F%2Fnode",
        "bucket=notes&key=%FF",
        "bucket=notes&X-Amz-Expires=9",
    ] {
        assert!(order(&signed(odd)).is_err(), "{odd}");
    }
}

#[test]
fn a_link_by_temporary_credentials_ends_with_them() {
    let expires_at = now().plus_secs(90);
    let mint = MintOrder {
        principal: principal(),
        parent: Some("AK".to_owned()),
        claims: Claims {
            session: SessionKind::SessionToken,
            issued_at: now(),
            expires_at,
            policy: None,
            tags: Vec::new(),
        },
    };
    let minted = keyring().tokens.mint(&mint).unwrap();
    let token = (
        "x-amz-security-token".to_owned(),
        minted.session_token.clone(),
    );
    let mut request = unsigned("bucket=notes&key=k&expires=600");
    request.headers.push(token);
    let signed = common::sign_header_by(
        request,
        "host;x-amz-security-token",
        (&minted.access_key_id, &minted.secret_access_key),
    );
    let ordered = order(&signed).unwrap();
    assert_eq!(ordered.expires_at, expires_at);
    let verified = used(&ordered.url, "GET", now()).unwrap();
    assert!(matches!(verified.credential, Credential::Temporary(_)));
    let late = used(&ordered.url, "GET", expires_at).unwrap_err();
    assert!(matches!(*late, Failure::ExpiredToken { .. }), "{late:?}");
}
