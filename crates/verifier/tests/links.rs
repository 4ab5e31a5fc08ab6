//! What a link is: one for all names and signatures, another for anything else; and HEAD by a link
//! for GET.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use blockhouse_types::LinkId;
use blockhouse_verifier::{InProcess, Judge, KeyStore, Keyring, Names, TokenKeys};
use blockhouse_verifier_wire::{
    Failure, Question, Verified,
    provision::{Material, NewKey},
};
use common::{SECRET, Signed, now, principal, sign_header, sign_query};
use zeroize::Zeroizing;

const CANONICAL: &str = "10.0.0.1:9000";
const ALIAS: &str = "files.example";

fn house() -> InProcess {
    let key = NewKey {
        id: "AK".to_owned(),
        principal: principal(),
        enabled: true,
        material: Material::Secret(Zeroizing::new(SECRET.to_owned())),
    };
    let keyring = Keyring {
        keys: KeyStore::new([key]).unwrap(),
        tokens: TokenKeys::default(),
    };
    let names = Names::new(CANONICAL, [ALIAS.to_owned(), "s3.example:9443".to_owned()]).unwrap();
    InProcess::new(Judge::named("local-1".to_owned(), keyring, names))
}

fn judge(signed: &Signed) -> Result<Verified, Box<Failure>> {
    signed.with(|request| {
        let question = Question {
            form: None,
            method: request.method,
            path: request.path,
            query: request.query,
            headers: request.headers,
            tls: request.tls,
            now: now(),
        };
        house().judge(question).unwrap()
    })
}

fn request(host: &str, query: &str) -> Signed {
    Signed {
        method: "GET".to_owned(),
        path: "/bucket/a%20key".to_owned(),
        query: query.to_owned(),
        headers: vec![("host".to_owned(), host.to_owned())],
        tls: false,
    }
}

fn link(host: &str, query: &str) -> Signed {
    sign_query(request(host, query), "host", 60)
}

fn by(host: &str, mut signed: Signed) -> Signed {
    signed.headers[0].1 = host.to_owned();
    signed
}

fn id(signed: &Signed) -> LinkId {
    judge(signed).unwrap().link.unwrap()
}

fn is_refused(signed: &Signed) -> bool {
    matches!(
        *judge(signed).unwrap_err(),
        Failure::SignatureDoesNotMatch { .. }
    )
}

#[test]
fn a_link_made_for_any_name_works_by_every_name_and_is_one() {
    let names = [CANONICAL, ALIAS, "s3.example:9443", "FILES.example"];
    let one = id(&link(CANONICAL, "a=b"));
    for made_for in &names[..3] {
        for used_by in names {
            assert_eq!(
                id(&by(used_by, link(made_for, "a=b"))),
                one,
                "{made_for} {used_by}"
            );
        }
    }
    let below = id(&link("bkt.files.example", "a=b"));
    assert_eq!(
        id(&by("bkt.10.0.0.1:9000", link("bkt.files.example", "a=b"))),
        below
    );
    assert_ne!(below, one);
}

#[test]
fn a_foreign_name_is_a_name_of_its_own() {
    for foreign in [
        "other.example",
        "bkt.files.example",
        "files.example:9000",
        "",
    ] {
        assert!(is_refused(&by(foreign, link(CANONICAL, ""))), "{foreign}");
        assert!(is_refused(&by(ALIAS, link(foreign, ""))), "{foreign}");
    }
    // Two names at once are no name.
    let mut twice = link(CANONICAL, "");
    twice.headers.push(("host".to_owned(), ALIAS.to_owned()));
    assert!(judge(&twice).is_err());
    // What a proxy claims does not count.
    let mut forwarded = by("other.example", link(CANONICAL, ""));
    forwarded
        .headers
        .push(("x-forwarded-host".to_owned(), CANONICAL.to_owned()));
    assert!(is_refused(&forwarded));
}

#[test]
fn a_signature_in_a_header_is_for_the_received_name_alone_and_no_link() {
    let signed = sign_header(request(CANONICAL, ""), "host");
    assert_eq!(judge(&signed).unwrap().link, None);
    assert!(is_refused(&by(ALIAS, signed)));
}

#[test]
fn a_link_is_the_same_however_it_is_spelled() {
    let one = link(CANONICAL, "a=b&c=d");
    let mut spelled = one.clone();
    spelled.path = "/bucket/%61%20key".to_owned();
    let (first, rest) = spelled.query.split_once('&').unwrap();
    spelled.query = format!("{rest}&%61={}", first.strip_prefix("a=").unwrap());
    spelled
        .headers
        .push(("range".to_owned(), "bytes=0-1".to_owned()));
    assert_eq!(id(&spelled), id(&one));
    for other in ["a=b&c=e", "a=b", "a=b&c=d&x-bh-once=1"] {
        assert_ne!(id(&link(CANONICAL, other)), id(&one), "{other}");
    }
    assert_ne!(
        id(&link(CANONICAL, "x-bh-once=1")),
        id(&link(CANONICAL, "x-bh-once=2"))
    );
    let longer = sign_query(request(CANONICAL, "a=b&c=d"), "host", 61);
    assert_ne!(id(&longer), id(&one));
}

#[test]
fn the_default_port_makes_no_other_link() {
    let plain = link("h.example", "");
    assert_eq!(id(&by("h.example:80", plain.clone())), id(&plain));
    let alias = link(ALIAS, "");
    assert_eq!(id(&by("files.example:80", alias.clone())), id(&alias));
}

#[test]
fn head_is_let_through_where_the_signer_said_so() {
    let head = |mut signed: Signed| {
        signed.method = "HEAD".to_owned();
        signed
    };
    assert!(is_refused(&head(link(CANONICAL, ""))));
    let allowed = link(CANONICAL, "x-bh-head=1");
    assert_eq!(id(&head(allowed.clone())), id(&allowed));
    assert_eq!(id(&by(ALIAS, head(allowed.clone()))), id(&allowed));
    assert!(is_refused(&head(link(CANONICAL, "x-bh-head=0"))));
    // It cannot be added, and it is HEAD alone that it lets through.
    let mut added = head(link(CANONICAL, ""));
    added.query.push_str("&x-bh-head=1");
    assert!(is_refused(&added));
    let mut put = allowed;
    put.method = "PUT".to_owned();
    assert!(is_refused(&put));
}

#[test]
fn a_form_of_a_one_time_link_is_its_get() {
    let by = |method: &str, mut signed: Signed| {
        signed.method = method.to_owned();
        signed
    };
    let once = link(CANONICAL, "x-bh-once=1");
    assert_eq!(id(&by("POST", once.clone())), id(&once));
    assert!(is_refused(&by("POST", link(CANONICAL, ""))));
    assert!(is_refused(&by("PUT", once)));
    // What was signed for POST, or for PUT, is no GET.
    for method in ["POST", "PUT"] {
        let signed = sign_query(by(method, request(CANONICAL, "x-bh-once=1")), "host", 60);
        assert!(is_refused(&by("POST", signed)), "{method}");
    }
}

#[test]
fn no_term_can_be_added_dropped_or_changed() {
    let terms = "x-bh-once=a&x-bh-source=10.0.0.0%2F8&x-bh-not-before=20261121T000000Z";
    let made = link(CANONICAL, terms);
    assert!(judge(&made).is_ok());
    for (from, to) in [
        ("x-bh-once=a&", ""),
        ("x-bh-once=a", "x-bh-once=b"),
        ("10.0.0.0%2F8", "0.0.0.0%2F0"),
        ("x-bh-source", "x-bh-sources"),
        ("T000000Z", "T000001Z"),
        ("x-bh-once=a", "x-bh-once=a&x-bh-confirm=no"),
        ("x-bh-once=a", "x-bh-once=a&x-bh-once=a"),
    ] {
        let mut bent = made.clone();
        assert!(bent.query.contains(from));
        bent.query = bent.query.replacen(from, to, 1);
        assert!(is_refused(&bent), "{from} {to}");
    }
}
