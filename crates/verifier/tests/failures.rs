//! Every failure of a head, each by a request that is right in all else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use blockhouse_types::{Timestamp, hex};
use blockhouse_verifier_wire::{
    AuthType, ChainId, Failure, Link, LinkKind, PayloadMode, Principal, Service, SignatureVersion,
};
use common::{DATE, Signed, judge, judge_at, now, sign_header, sign_query};

fn request() -> Signed {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Signed {
        method: "GET".to_owned(),
        path: "/bucket/key".to_owned(),
        query: String::new(),
        headers: vec![
            header("host", "localhost:9000"),
            header("x-amz-meta-a", "1"),
        ],
        tls: false,
    }
}

const NAMES: &str = "host;x-amz-meta-a";

fn in_header() -> Signed {
    sign_header(request(), NAMES)
}

fn in_query() -> Signed {
    sign_query(request(), NAMES, 60)
}

fn authorization(change: impl Fn(&str) -> String) -> Failure {
    let mut signed = in_header();
    let value = &mut signed
        .headers
        .iter_mut()
        .find(|(n, _)| n == "authorization")
        .unwrap()
        .1;
    *value = change(value);
    *judge(&signed).unwrap_err()
}

fn query(from: &str, to: &str) -> Failure {
    let mut signed = in_query();
    assert!(signed.query.contains(from), "{from}");
    signed.query = signed.query.replace(from, to);
    *judge(&signed).unwrap_err()
}

#[test]
fn what_a_verdict_says() {
    let verdict = judge(&in_header()).unwrap();
    assert_eq!(verdict.principal.account().number(), 42);
    assert!(matches!(verdict.principal, Principal::Root { .. }));
    assert_eq!(&*verdict.access_key_id, "AK");
    assert_eq!(
        (verdict.auth_type, verdict.service),
        (AuthType::Header, Service::S3)
    );
    assert_eq!(verdict.signature_version, SignatureVersion::V4);
    assert_eq!((verdict.signed_at, verdict.expires_at), (now(), None));
    assert_eq!(
        (verdict.payload, verdict.chain),
        (PayloadMode::Unsigned, None)
    );
    assert!(verdict.signed_headers.contains("x-amz-meta-a") && verdict.link.is_none());
    let verdict = judge(&in_query()).unwrap();
    assert_eq!(verdict.auth_type, AuthType::Query);
    assert_eq!(verdict.expires_at, Some(now().plus_secs(60)));
}

#[test]
fn no_signature_is_anonymous() {
    assert_eq!(*judge(&request()).unwrap_err(), Failure::Anonymous);
}

#[test]
fn a_wrong_signature_shows_what_was_read() {
    let mut signed = in_header();
    signed.path = "/bucket/other".to_owned();
    let Failure::SignatureDoesNotMatch {
        access_key_id,
        string_to_sign,
        signature_provided,
        canonical_request,
    } = *judge(&signed).unwrap_err()
    else {
        unreachable!("another failure")
    };
    assert_eq!(access_key_id, "AK");
    assert!(string_to_sign.starts_with("AWS4-HMAC-SHA256\n20261121T233000Z\n20261121/local-1/"));
    assert_eq!(signature_provided.len(), 64);
    assert!(canonical_request.starts_with("GET\n/bucket/other\n\nhost:localhost:9000\n"));
}

#[test]
fn the_clock_of_a_header() {
    for (now_secs, good) in [(0, true), (900, true), (901, false)] {
        let later = Timestamp::from_secs(now().secs() + now_secs);
        let earlier = Timestamp::from_secs(now().secs() - now_secs);
        for moment in [later, earlier] {
            match judge_at(&in_header(), moment) {
                Ok(_) => assert!(good),
                Err(failure) => assert_eq!(
                    (*failure, good),
                    (
                        Failure::TimeTooSkewed {
                            request_time: DATE.to_owned(),
                            server_time: moment
                        },
                        false
                    )
                ),
            }
        }
    }
}

#[test]
fn the_clock_of_a_link() {
    let at = |offset: i64| {
        let secs = now().secs().checked_add_signed(offset).unwrap();
        judge_at(&in_query(), Timestamp::from_secs(secs)).map_err(|failure| *failure)
    };
    assert!(at(0).is_ok() && at(59).is_ok() && at(-900).is_ok());
    assert_eq!(at(-901), Err(Failure::NotYetValid));
    let (expired_at, server_time) = (now().plus_secs(60), now().plus_secs(60));
    assert_eq!(
        at(60),
        Err(Failure::Expired {
            expires_secs: 60,
            expired_at,
            server_time
        })
    );
    let nothing = sign_query(request(), NAMES, 0);
    assert!(matches!(
        *judge(&nothing).unwrap_err(),
        Failure::Expired { .. }
    ));
}

#[test]
fn keys_and_tokens() {
    for id in ["NOBODY", "OFF"] {
        let unknown = Failure::UnknownAccessKey {
            access_key_id: id.to_owned(),
        };
        assert_eq!(
            authorization(|v| v.replace("=AK/", &format!("={id}/"))),
            unknown
        );
    }
    let mut signed = in_header();
    signed
        .headers
        .push(("x-amz-security-token".to_owned(), "t".to_owned()));
    assert_eq!(
        *judge(&signed).unwrap_err(),
        Failure::InvalidToken {
            token: "t".to_owned()
        }
    );
    let token = query("X-Amz-Date", "X-Amz-Security-Token=t%2F&X-Amz-Date");
    assert_eq!(
        token,
        Failure::InvalidToken {
            token: "t/".to_owned()
        }
    );
}

#[test]
fn odd_parameters() {
    for (from, to, words) in [
        ("X-Amz-Expires=60", "a=60", "requires the X-Amz-Algorithm"),
        ("Expires=60", "Expires=604801", "less than a week"),
        ("Expires=60", "Expires=-1", "non-negative"),
        ("Expires=60", "Expires=x", "should be a number"),
        (DATE, "20261121", "ISO8601 Long Format"),
        ("HMAC", "RSA", "only supports"),
        ("%2Faws4_request", "", "is mal-formed"),
        ("aws4_request", "aws5", "incorrect terminal \"aws5\""),
        (
            "%2F20261121%2F",
            "%2F20261120%2F",
            "Invalid credential date \"20261120\"",
        ),
        ("%2Fs3%2F", "%2Fec2%2F", "incorrect service \"ec2\""),
    ] {
        let failure = query(from, to);
        let Failure::QueryParameters {
            message,
            region: None,
        } = failure
        else {
            unreachable!("{to}: {failure:?}")
        };
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_wrong_region_names_the_right_one() {
    let region = Some("local-1".to_owned());
    let message = "Error parsing the X-Amz-Credential parameter; the region 'x' is wrong; expecting 'local-1'";
    let failure = Failure::QueryParameters {
        message: message.to_owned(),
        region: region.clone(),
    };
    assert_eq!(query("local-1", "x"), failure);
    let message =
        "The authorization header is malformed; the region 'x' is wrong; expecting 'local-1'";
    let failure = Failure::HeaderMalformed {
        message: message.to_owned(),
        region,
    };
    assert_eq!(authorization(|v| v.replace("local-1", "x")), failure);
}

#[test]
fn mechanisms() {
    let value = "Bearer x".to_owned();
    assert_eq!(
        authorization(|_| value.clone()),
        Failure::UnsupportedAuthorizationType { value }
    );
    assert_eq!(
        authorization(|_| "AWS AK:x".to_owned()),
        Failure::SignatureV2
    );
    assert!(matches!(
        authorization(|_| "AWS4-HMAC-SHA256".to_owned()),
        Failure::HeaderMalformed { region: None, .. }
    ));
    let mut both = in_query();
    both.headers
        .push(("authorization".to_owned(), "AWS AK:x".to_owned()));
    assert_eq!(*judge(&both).unwrap_err(), Failure::SeveralMechanisms);
    let mut undated = in_header();
    undated.headers.retain(|(name, _)| name != "x-amz-date");
    assert_eq!(*judge(&undated).unwrap_err(), Failure::NoDate);
}

#[test]
fn every_x_amz_header_must_be_signed() {
    for sign in [
        || sign_header(request(), "host"),
        || sign_query(request(), "host", 60),
    ] {
        let names = vec!["x-amz-meta-a".to_owned()];
        assert_eq!(
            *judge(&sign()).unwrap_err(),
            Failure::HeadersNotSigned { names }
        );
    }
    let hostless = sign_query(request(), "x-amz-meta-a", 60);
    let names = vec!["host".to_owned()];
    assert_eq!(
        *judge(&hostless).unwrap_err(),
        Failure::HeadersNotSigned { names }
    );
}

#[test]
fn the_payload_word() {
    let word = |value: Option<&str>| {
        let mut signed = in_header();
        signed
            .headers
            .retain(|(name, _)| name != "x-amz-content-sha256");
        if let Some(value) = value {
            signed
                .headers
                .push(("x-amz-content-sha256".to_owned(), value.to_owned()));
        }
        *judge(&signed).unwrap_err()
    };
    assert_eq!(word(None), Failure::NoContentSha256);
    for odd in ["", "x", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"] {
        assert_eq!(
            word(Some(odd)),
            Failure::BadContentSha256 {
                value: odd.to_owned()
            }
        );
    }
}

#[test]
fn bounds() {
    let mut wide = request();
    wide.query = "a&".repeat(200);
    assert!(matches!(
        *judge(&wide).unwrap_err(),
        Failure::TooLarge { .. }
    ));
    let mut long = in_header();
    long.headers
        .extend((0..200).map(|i| (format!("a{i}"), String::new())));
    assert!(matches!(
        *judge(&long).unwrap_err(),
        Failure::TooLarge { .. }
    ));
}

#[test]
fn chunks_go_on_from_the_head() {
    use blockhouse_sigv4::HostReading;
    use common::{SCOPE, SECRET};
    let word = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    let mut signed = request();
    signed
        .headers
        .push(("x-amz-date".to_owned(), DATE.to_owned()));
    signed
        .headers
        .push(("x-amz-content-sha256".to_owned(), word.to_owned()));
    let names = "host;x-amz-content-sha256;x-amz-date;x-amz-meta-a";
    let seed = common::signature(&signed, names, word, HostReading::AsReceived);
    let value =
        format!("AWS4-HMAC-SHA256 Credential=AK/{SCOPE},SignedHeaders={names},Signature={seed}");
    signed.headers.push(("authorization".to_owned(), value));
    let verdict = judge(&signed).unwrap();
    assert_eq!(
        verdict.payload,
        PayloadMode::SignedChunks { trailer: false }
    );

    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let text = format!(
        "AWS4-HMAC-SHA256-PAYLOAD\n{DATE}\n{SCOPE}\n{seed}\n{empty}\n{}",
        hex(&[7; 32])
    );
    let signature = hmac_of_scope(SECRET, &text);
    let link = |digest: u8| Link {
        digest: [digest; 32],
        signature: signature.clone(),
        kind: LinkKind::Chunk,
    };
    let chain = verdict.chain.unwrap();
    assert!(verify_link(chain, link(7)));
    assert!(!verify_link(chain, link(7)), "a chunk cannot be repeated");
    assert!(
        !verify_link(chain, link(7)),
        "a refused link ended the chain"
    );
    let again = judge(&signed).unwrap().chain.unwrap();
    assert!(!verify_link(again, link(8)));
}

fn verify_link(chain: ChainId, link: Link) -> bool {
    common::house().judge_link(chain, &link)
}

/// The signature of a text under the key of `common::SCOPE`.
fn hmac_of_scope(secret: &str, text: &str) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mac = |key: &[u8], text: &str| -> [u8; 32] {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    };
    let key = common::SCOPE
        .split('/')
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| {
            mac(&key, part).to_vec()
        });
    hex(&mac(&key, text))
}
