use super::*;
use crate::{provision::Provision, *};
use blockhouse_types::{AccountId, LinkId, Timestamp};
use proptest::prelude::*;
use std::{fs, path::Path};

fn account() -> AccountId {
    AccountId::from_number(42).unwrap()
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,40}"
}

prop_compose! {
    fn claims()(
        session in prop::sample::select(vec![SessionKind::SessionToken, SessionKind::AssumedRole,
            SessionKind::FederationToken, SessionKind::InstanceProfile]),
        issued in 0..u64::MAX, expires in 0..u64::MAX, policy in prop::option::of(text()),
        tags in prop::collection::vec((text(), text()), 0..4),
    ) -> Claims {
        Claims {
            session, issued_at: Timestamp::from_millis(issued),
            expires_at: Timestamp::from_millis(expires), policy, tags,
        }
    }
}

fn principal() -> impl Strategy<Value = Principal> {
    let account = account();
    prop_oneof![
        Just(Principal::Root { account }),
        text().prop_map(move |name| Principal::User { account, name }),
        (text(), text()).prop_map(move |(role, session)| Principal::AssumedRole {
            account,
            role,
            session
        }),
        text().prop_map(move |name| Principal::FederatedUser { account, name }),
    ]
}

fn payload() -> impl Strategy<Value = PayloadMode> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(PayloadMode::Sha256),
        Just(PayloadMode::Unsigned),
        Just(PayloadMode::UnsignedTrailer),
        any::<bool>().prop_map(|trailer| PayloadMode::SignedChunks { trailer }),
    ]
}

prop_compose! {
    fn verified()(
        principal in principal(), key in text(), claims in prop::option::of(claims()),
        query in 0..3u8, v4a: bool, signed in 0..u64::MAX, expires in prop::option::of(0..u64::MAX),
        outposts: bool, payload in payload(), headers in text(),
        (chain, link) in (prop::option::of(0..u64::MAX), prop::option::of(any::<[u8; 16]>())),
    ) -> Verified {
        Verified {
            principal, access_key_id: key.into(),
            credential: claims.map_or(Credential::LongTerm, |c| Credential::Temporary(Box::new(c))),
            auth_type: [AuthType::Header, AuthType::Query, AuthType::Post][usize::from(query)],
            signature_version: if v4a { SignatureVersion::V4a } else { SignatureVersion::V4 },
            signed_at: Timestamp::from_millis(signed),
            expires_at: expires.map(Timestamp::from_millis),
            service: if outposts { Service::S3Outposts } else { Service::S3 },
            payload, signed_headers: SignedHeaders::new(&headers),
            link: link.map(LinkId), chain: chain.map(ChainId),
        }
    }
}

fn failure() -> impl Strategy<Value = Failure> {
    let with_text =
        (0..7u8, text(), text(), prop::option::of(text())).prop_map(|(which, a, b, region)| {
            match which {
                0 => Failure::SignatureDoesNotMatch {
                    access_key_id: a.clone(),
                    string_to_sign: b.clone(),
                    signature_provided: b,
                    canonical_request: a,
                },
                1 => Failure::QueryParameters { message: a, region },
                2 => Failure::HeaderMalformed { message: a, region },
                3 => Failure::HeadersNotSigned { names: vec![a, b] },
                4 => Failure::ExpiredToken { token: a },
                5 => Failure::FormField {
                    name: a.clone(),
                    value: b.clone(),
                    message: b + &a,
                    region,
                },
                _ => Failure::TimeTooSkewed {
                    request_time: a,
                    server_time: Timestamp::from_millis(7),
                },
            }
        });
    let plain = prop::sample::select(vec![
        Failure::Anonymous,
        Failure::NotYetValid,
        Failure::SignatureV2,
        Failure::SeveralMechanisms,
        Failure::NoDate,
        Failure::NoContentSha256,
        Failure::TooLarge {
            bound: "number of headers",
        },
        Failure::UnknownAccessKey {
            access_key_id: "AK".to_owned(),
        },
        Failure::InvalidToken {
            token: "t".to_owned(),
        },
        Failure::UnsupportedAuthorizationType {
            value: "v".to_owned(),
        },
        Failure::BadContentSha256 {
            value: "v".to_owned(),
        },
        Failure::Expired {
            expires_secs: 1,
            expired_at: Timestamp::from_millis(2),
            server_time: Timestamp::from_millis(3),
        },
    ]);
    prop_oneof![with_text, plain]
}

fn answer() -> impl Strategy<Value = AnswerBody> {
    prop_oneof![
        verified().prop_map(|v| AnswerBody::Verified(Box::new(v))),
        failure().prop_map(|f| AnswerBody::Refused(Box::new(f))),
        any::<bool>().prop_map(AnswerBody::Link),
        Just(AnswerBody::NoRoom),
    ]
}

/// What the fuzz targets begin with are frames of this version: one of another is refused at its first
/// bytes, and nothing behind them is met.
#[test]
fn seeds_are_legal() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let read_all = |target: &str, read: fn(&[u8]) -> Result<(), FrameError>| {
        let seeds: Vec<_> = fs::read_dir(folder.join(target)).unwrap().collect();
        assert!(!seeds.is_empty(), "{target}");
        for seed in seeds {
            let path = seed.unwrap().path();
            let read = read(&fs::read(&path).unwrap());
            assert_eq!(read, Ok(()), "{}", path.display());
        }
    };
    read_all("verifier_request", |packet| {
        Request::read_all(packet)?.try_for_each(|message| message.map(drop))
    });
    read_all("verifier_answer", |packet| {
        Answer::read_all(packet)?.try_for_each(|message| message.map(drop))
    });
    read_all("provisioning", |packet| {
        Provision::read_all(packet)?.try_for_each(|message| message.map(drop))
    });
}

/// A refusal for a head that is too large, by a bound that there is and by one that there is not.
#[test]
fn an_unknown_bound_is_refused() {
    let read = |place| {
        let frame = framed(130, &[17, place]);
        let mut answers = Answer::read_all(frame.bytes()).unwrap();
        answers.next().unwrap()
    };
    assert!(read(3).is_ok());
    assert_eq!(read(4), Err(FrameError { what: "bound" }));
}

/// A frame of one message with these fields.
pub(crate) fn framed(kind: u8, fields: &[u8]) -> FrameBuilder {
    let mut frame = FrameBuilder::default();
    let raw = |to: &mut Writer<'_>| {
        to.raw(fields);
        Ok(())
    };
    frame.push(kind, 1, raw).unwrap();
    frame
}

proptest! {
    #[test]
    fn answers_come_back(bodies in prop::collection::vec(answer(), 1..20)) {
        let answers: Vec<_> = bodies.into_iter().enumerate()
            .map(|(n, body)| Answer { number: n as u32, body }).collect();
        let mut frame = FrameBuilder::default();
        for answer in &answers {
            frame.answer(answer).unwrap();
        }
        let read: Vec<_> = Answer::read_all(frame.bytes()).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(read, answers);
    }

    /// An answer in which bytes were changed is refused, or is the answer that they spell.
    #[test]
    fn a_changed_answer_is_refused_or_read(
        body in answer(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut frame = FrameBuilder::default();
        frame.answer(&Answer { number: 1, body }).unwrap();
        let mut packet = frame.bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        let read: Result<Vec<_>, _> = Answer::read_all(&packet).and_then(Iterator::collect);
        if let Ok(answers) = read {
            let mut again = FrameBuilder::default();
            answers.iter().for_each(|answer| again.answer(answer).unwrap());
            prop_assert_eq!(again.bytes(), packet);
        }
    }

    #[test]
    fn questions_come_back(
        method in "[A-Z]{1,7}", path in "/[ -~]{0,60}", query in "[ -~]{0,60}", tls: bool,
        now in 0..u64::MAX, headers in prop::collection::vec(("[a-z-]{1,20}", any::<Vec<u8>>()), 0..20),
        is_form: bool, digest: [u8; 32], signature in "[0-9a-f*]{0,144}", trailer: bool, chain: u64,
    ) {
        let table: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let question = Question {
            method: &method, path: &path, query: &query, headers: &table, tls,
            form: is_form.then_some(&table), now: Timestamp::from_millis(now),
        };
        let kind = if trailer { LinkKind::Trailer } else { LinkKind::Chunk };
        let link = Link { digest, signature, kind };
        let mut frame = FrameBuilder::default();
        frame.verify(5, question).unwrap();
        frame.link(6, ChainId(chain), &link).unwrap();
        frame.end_chain(ChainId(chain)).unwrap();
        let read: Vec<_> = Request::read_all(frame.bytes()).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), 3);
        let RequestBody::Verify(asked) = &read[0].body else { panic!("{read:?}") };
        let got = asked.question();
        prop_assert_eq!((read[0].number, got.method, got.path, got.query), (5, &*method, &*path, &*query));
        prop_assert_eq!((got.headers, got.tls, got.now), (question.headers, tls, question.now));
        prop_assert_eq!(got.form, question.form);
        let RequestBody::Link(to, ref got) = read[1].body else { panic!("{read:?}") };
        prop_assert_eq!((to, got), (ChainId(chain), &link));
        let RequestBody::EndChain(ended) = read[2].body else { panic!("{read:?}") };
        prop_assert_eq!(ended, ChainId(chain));
    }

    #[test]
    fn any_bytes_are_refused_or_read(
        kind in prop::sample::select(vec![1u8, 2, 3, 4, 5, 129, 130, 131, 132, 133, 200]),
        packet: Vec<u8>,
        behind: Vec<u8>,
    ) {
        for packet in [&packet[..], framed(kind, &packet).bytes()] {
            if let Ok(messages) = Request::read_all(packet) { messages.for_each(drop); }
            if let Ok(messages) = Answer::read_all(packet) { messages.for_each(drop); }
        }
        let mut frame = FrameBuilder::default();
        frame.end_chain(ChainId(1)).unwrap();
        let longer = [frame.bytes(), &behind].concat();
        let read: Result<Vec<_>, _> = Request::read_all(&longer).unwrap().collect();
        prop_assert_eq!(read.is_ok(), behind.is_empty());
    }
}

#[test]
fn a_full_frame_takes_no_more_and_stays_whole() {
    let mut frame = FrameBuilder::default();
    for n in 0..MESSAGES_MAX as u32 {
        frame.end_chain(ChainId(n.into())).unwrap();
    }
    assert_eq!(frame.end_chain(ChainId(0)), Err(TooLong));
    assert_eq!(
        Request::read_all(frame.bytes()).unwrap().count(),
        MESSAGES_MAX
    );
    frame.clear();
    assert!(frame.is_empty());

    let path = "/".repeat(HEAD_BYTES_MAX - 3);
    let question = |path| Question {
        method: "GET",
        path,
        query: "",
        headers: &[],
        tls: false,
        form: None,
        now: Timestamp::default(),
    };
    let mut taken = 0;
    while frame.verify(taken, question(&path)).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 3);
    assert_eq!(Request::read_all(frame.bytes()).unwrap().count(), 3);
    frame.clear();
    let longer = format!("{path}/");
    assert_eq!(frame.verify(0, question(&longer)), Err(TooLong));

    let policy = "x".repeat(FORM_BYTES_MAX - 5);
    let form = |policy: &str| {
        let fields = [("policy", policy.as_bytes())];
        let question = Question {
            form: Some(&fields),
            ..question(&path)
        };
        FrameBuilder::default().verify(0, question)
    };
    assert_eq!(form(&policy[1..]), Ok(()));
    assert_eq!(form(&policy), Err(TooLong));
}

/// The longest refusal there can be: a head of the greatest length, every byte of it escaped.
#[test]
fn the_longest_refusal_fits() {
    let failure = Failure::SignatureDoesNotMatch {
        access_key_id: "AK".to_owned(),
        string_to_sign: "s".repeat(200),
        signature_provided: String::new(),
        canonical_request: "%FF".repeat(HEAD_BYTES_MAX),
    };
    let body = AnswerBody::Refused(Box::new(failure));
    let mut frame = FrameBuilder::default();
    frame.answer(&Answer { number: 1, body }).unwrap();
}
