//! A signed request with one thing changed is refused, unless signing the changed request gives
//! the very signature it carries: then the change is one of spelling alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod common;

use blockhouse_sigv4::{Batch, Kernel};
use blockhouse_verifier_wire::{AuthType, Failure};
use common::{Signed, judge, sign_header, sign_header_by, sign_query};
use proptest::prelude::*;

/// One change to a request.
#[derive(Debug, Clone)]
enum Mutation {
    Method(String),
    PathByte(usize, u8),
    QueryByte(usize, u8),
    HeaderByte(usize, usize, u8),
    HeaderDropped(usize),
    HeaderRepeated(usize),
    HeaderAdded(String, String),
    ParameterAdded(String, String),
    HeadersTurned,
    Tls,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let byte = 0x21u8..0x7f;
    prop_oneof![
        "(GET|HEAD|PUT|DELETE|get)".prop_map(Mutation::Method),
        (any::<usize>(), byte.clone()).prop_map(|(at, b)| Mutation::PathByte(at, b)),
        (any::<usize>(), byte.clone()).prop_map(|(at, b)| Mutation::QueryByte(at, b)),
        (any::<usize>(), any::<usize>(), byte)
            .prop_map(|(h, at, b)| Mutation::HeaderByte(h, at, b)),
        any::<usize>().prop_map(Mutation::HeaderDropped),
        any::<usize>().prop_map(Mutation::HeaderRepeated),
        ("(x-amz-meta-a|x-amz-acl|range)", "[a-z]{0,5}")
            .prop_map(|(n, v)| Mutation::HeaderAdded(n, v)),
        ("[a-zA-Z-]{0,6}", "[a-z+%2]{0,5}").prop_map(|(n, v)| Mutation::ParameterAdded(n, v)),
        Just(Mutation::HeadersTurned),
        Just(Mutation::Tls),
    ]
}

impl Mutation {
    fn apply(&self, signed: &mut Signed) {
        let set = |text: &mut String, at: usize, byte: u8| {
            if !text.is_empty() && text.is_ascii() {
                let at = at % text.len();
                text.replace_range(at..=at, &char::from(byte).to_string());
            }
        };
        let headers = signed.headers.len();
        match self {
            Self::Method(method) => signed.method.clone_from(method),
            Self::PathByte(at, byte) => set(&mut signed.path, *at, *byte),
            Self::QueryByte(at, byte) => set(&mut signed.query, *at, *byte),
            Self::HeaderByte(h, at, byte) => set(&mut signed.headers[h % headers].1, *at, *byte),
            Self::HeaderDropped(h) => drop(signed.headers.remove(h % headers)),
            Self::HeaderRepeated(h) => {
                signed.headers.push(signed.headers[h % headers].clone());
            }
            Self::HeaderAdded(name, value) => signed.headers.push((name.clone(), value.clone())),
            Self::ParameterAdded(name, value) => {
                signed.query = format!("{}&{name}={value}", signed.query);
            }
            Self::HeadersTurned => signed.headers.reverse(),
            Self::Tls => signed.tls = !signed.tls,
        }
    }
}

fn request() -> impl Strategy<Value = Signed> {
    let path = "(/[a-zA-Z0-9._~+ %-]{0,8}){1,4}";
    let query = "([a-z-]{1,5}=[a-z0-9%+/]{0,6}&){0,3}";
    let value = "[ -~]{0,12}";
    let host = "(s3\\.test|127\\.0\\.0\\.1:9000|\\[::1\\]:443|h:80)";
    (path, query, value, value, host, any::<bool>()).prop_map(|(path, query, a, b, host, tls)| {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Signed {
            method: "PUT".to_owned(),
            path,
            query: query.trim_end_matches('&').to_owned(),
            headers: vec![
                header("host", &host),
                header("x-amz-meta-a", &a),
                header("x-amz-meta-a", &b),
                header("content-type", "text/plain"),
                header("user-agent", "not signed"),
            ],
            tls,
        }
    })
}

const SIGNED: &str = "content-type;host;x-amz-meta-a";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn header_form(request in request(), mutation in mutation()) {
        let signed = sign_header(request, SIGNED);
        let verdict = judge(&signed).expect("a signed request verifies");
        prop_assert_eq!(verdict.auth_type, AuthType::Header);
        check(signed, &mutation)?;
    }

    #[test]
    fn query_form(request in request(), mutation in mutation()) {
        let signed = sign_query(request, SIGNED, 60);
        let verdict = judge(&signed).expect("a signed link verifies");
        prop_assert_eq!(verdict.auth_type, AuthType::Query);
        check(signed, &mutation)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Both forms, as signed, changed, by a key that there is not, and unsigned, in any order.
    #[test]
    fn judged_together_is_as_judged_alone(
        asked in prop::collection::vec((request(), mutation(), 0..6u8), 0..40),
        lanes: bool,
    ) {
        let asked: Vec<_> = asked
            .into_iter()
            .map(|(request, mutation, kind)| {
                let mut signed = match kind {
                    0 => request,
                    1 => sign_header_by(request, SIGNED, ("NOBODY", "hush")),
                    2 | 3 => sign_header(request, SIGNED),
                    _ => sign_query(request, SIGNED, 60),
                };
                if kind % 2 == 0 {
                    mutation.apply(&mut signed);
                }
                signed
            })
            .collect();
        let headers: Vec<_> = asked.iter().map(common::headers).collect();
        let questions: Vec<_> = asked
            .iter()
            .zip(&headers)
            .map(|(signed, headers)| common::question(signed, headers))
            .collect();
        let judge = common::known();
        let mut batch = match lanes {
            true => Batch::default(),
            false => Batch::new(Kernel::all().pop().unwrap()),
        };
        for _ in 0..2 {
            let mut together = Vec::new();
            judge.decide_together(&questions, &mut batch, |_, decision| together.push(decision.told()));
            prop_assert_eq!(together.len(), questions.len());
            for (told, question) in together.iter().zip(&questions) {
                let alone = judge.judge(*question);
                prop_assert_eq!(format!("{told:?}"), format!("{alone:?}"));
            }
        }
    }
}

/// Text that looks like parts of signatures, so that parsing goes on further than at random.
fn fragments() -> impl Strategy<Value = String> {
    let known = prop_oneof![
        Just("AWS4-HMAC-SHA256"),
        Just("AWS4-ECDSA-P256-SHA256"),
        Just(" Credential=AK/20261121/local-1/s3/aws4_request"),
        Just("AK%2F20261121%2Fs3%2Faws4_request"),
        Just(",SignedHeaders=host"),
        Just(",Signature=30"),
        Just("&X-Amz-Algorithm="),
        Just("&X-Amz-Credential="),
        Just("&X-Amz-Date=20261121T233000Z"),
        Just("&X-Amz-Expires=60"),
        Just("&X-Amz-SignedHeaders=host"),
        Just("&X-Amz-Region-Set=*"),
        Just("&X-Amz-Signature="),
        Just("%"),
        Just("/../"),
    ];
    let piece = prop_oneof![4 => known.prop_map(str::to_owned), 1 => ".{0,4}".boxed()];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_head_is_accepted_by_chance_or_breaks_the_judge(
        method in ".{0,4}",
        path in fragments(),
        query in fragments(),
        authorization in fragments(),
        date in prop_oneof![Just(common::DATE.to_owned()), ".{0,20}"],
        tls: bool,
    ) {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![header("host", "h"), header("x-amz-date", &date)];
        if !authorization.is_empty() {
            headers.push(header("authorization", &authorization));
        }
        let signed = Signed { method, path, query, headers, tls };
        prop_assert!(judge(&signed).is_err());
    }
}

/// Judges the changed request, and the judgement by signing it anew.
fn check(signed: Signed, mutation: &Mutation) -> Result<(), TestCaseError> {
    let mut changed = signed.clone();
    mutation.apply(&mut changed);
    match judge(&changed) {
        Ok(_) => prop_assert!(
            common::signed_alike(&signed, &changed),
            "{mutation:?} passed unsigned: {changed:?}"
        ),
        Err(failure) => prop_assert!(
            *failure != Failure::Anonymous || signed.authorization() != changed.authorization(),
            "{mutation:?} made a signed request anonymous"
        ),
    }
    Ok(())
}
