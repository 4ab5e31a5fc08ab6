//! Writes the seeds of the targets that read frames: one legal frame of each kind.
//!
//!     cargo +nightly run --manifest-path fuzz/Cargo.toml --example frame_seeds
#![forbid(unsafe_code)]

use blockhouse_fuzz::keyring;
use blockhouse_types::{AccountId, LinkId, Timestamp};
use blockhouse_verifier::{Judge, Provisioner, Session, rewrite_session};
use blockhouse_verifier_wire::{
    AuthType, ChainId, Claims, Credential, Link, LinkKind, PayloadMode, Principal, Question, Service,
    SessionKind, SignatureVersion, SignedHeaders, Verified,
    frame::{FrameBuilder, Writer},
    provision::{DerivedKey, Material, MintOrder, NewKey, Provision},
};
use std::{collections::VecDeque, error::Error, fs, path::Path, sync::Arc};
use zeroize::Zeroizing;

fn main() -> Result<(), Box<dyn Error>> {
    questions()?;
    verified()?;
    orders()?;
    session()
}

/// What the gateway asks, and what the verifier answers to it.
fn questions() -> Result<(), Box<dyn Error>> {
    let now = moment()?;
    let signed: &[(&str, &[u8])] = &[
        ("host", b"node:9000"),
        ("x-amz-date", b"20261121T233000Z"),
        (
            "authorization",
            b"AWS4-HMAC-SHA256 Credential=AK/20261121/local-1/s3/aws4_request,\
              SignedHeaders=host;x-amz-date,Signature=00",
        ),
    ];
    let presigned = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20261121%2Flocal-1%2Fs3\
                     %2Faws4_request&X-Amz-Date=20261121T233000Z&X-Amz-Expires=60\
                     &X-Amz-SignedHeaders=host&X-Amz-Signature=00";
    let question = |query, headers| Question {
        method: "GET",
        path: "/bucket/key",
        query,
        headers,
        tls: true,
        form: None,
        now,
    };
    let mut frames = [const { None }; 4].map(|_: Option<()>| FrameBuilder::default());
    frames[0].verify(1, question("", signed))?;
    frames[1].verify(2, question(presigned, &signed[..1]))?;
    frames[2].verify(3, question("", &[]))?;
    let link = Link {
        kind: LinkKind::Chunk,
        digest: [7; 32],
        signature: "00".repeat(32),
    };
    frames[3].link(4, ChainId(1), &link)?;
    frames[3].end_chain(ChainId(1))?;
    let judge = Judge::new("local-1".to_owned(), keyring());
    for (number, frame) in frames.iter().enumerate() {
        seed("verifier_request", number, frame.bytes())?;
        let mut answers = VecDeque::new();
        Session::new(judge.clone()).answer(frame.bytes(), &mut answers)?;
        for answer in answers {
            seed("verifier_answer", number, answer.bytes())?;
        }
    }
    Ok(())
}

/// What the verifier says of who signed: by a key, and by a token with all that one may carry.
fn verified() -> Result<(), Box<dyn Error>> {
    let now = moment()?;
    let account = AccountId::from_number(42).ok_or("an account")?;
    let by_key = Verified {
        principal: Principal::Root { account },
        access_key_id: "AK".into(),
        credential: Credential::LongTerm,
        auth_type: AuthType::Query,
        signature_version: SignatureVersion::V4,
        signed_at: now,
        expires_at: Some(now.plus_secs(60)),
        service: Service::S3,
        payload: PayloadMode::Unsigned,
        signed_headers: SignedHeaders::new("host"),
        link: Some(LinkId([3; 16])),
        chain: None,
    };
    let claims = Claims {
        session: SessionKind::AssumedRole,
        issued_at: now,
        expires_at: now.plus_secs(3600),
        policy: Some("{}".to_owned()),
        tags: vec![("team".to_owned(), "blue".to_owned())],
    };
    let by_token = Verified {
        principal: Principal::AssumedRole {
            account,
            role: "reader".to_owned(),
            session: "ada".to_owned(),
        },
        access_key_id: "ASIA0".into(),
        credential: Credential::Temporary(Box::new(claims)),
        auth_type: AuthType::Header,
        signature_version: SignatureVersion::V4a,
        expires_at: None,
        service: Service::S3Outposts,
        payload: PayloadMode::SignedChunks { trailer: true },
        signed_headers: SignedHeaders::new("host;x-amz-date"),
        link: None,
        chain: Some(ChainId(9)),
        ..by_key.clone()
    };
    for (number, verified) in [(4, by_key), (5, by_token)] {
        let mut frame = FrameBuilder::default();
        frame.verified(1, &verified)?;
        seed("verifier_answer", number, frame.bytes())?;
    }
    Ok(())
}

/// What a provisioner sends.
fn orders() -> Result<(), Box<dyn Error>> {
    let account = AccountId::from_number(42).ok_or("an account")?;
    let key = |id: &str, material| {
        Provision::PutKey(NewKey {
            id: id.to_owned(),
            principal: Principal::Root { account },
            enabled: true,
            material,
        })
    };
    let derived = Material::Derived {
        days: vec![DerivedKey {
            day: "20261121".to_owned(),
            service: "s3".to_owned(),
            key: Zeroizing::new([9; 32]),
        }],
        public: None,
    };
    let mint = MintOrder {
        principal: Principal::Root { account },
        parent: Some("AK".to_owned()),
        claims: Claims {
            session: SessionKind::SessionToken,
            issued_at: moment()?,
            expires_at: moment()?,
            policy: None,
            tags: Vec::new(),
        },
    };
    let orders = [
        vec![
            Provision::TokenKey(2, Zeroizing::new([8; 32])),
            key("AK2", Material::Secret(Zeroizing::new("hush".to_owned()))),
            Provision::Commit,
        ],
        vec![
            key("AK3", derived),
            Provision::RemoveKey("AK".to_owned()),
            Provision::ForgetKeys,
            Provision::Commit,
        ],
        vec![Provision::Mint(Box::new(mint))],
    ];
    for (number, messages) in orders.iter().enumerate() {
        let mut frame = FrameBuilder::of_secrets();
        for message in messages {
            message.write(&mut frame)?;
        }
        seed("provisioning", number, frame.bytes())?;
        let judge = Judge::new("local-1".to_owned(), keyring());
        let mut answers = FrameBuilder::default();
        Provisioner::new(judge, Arc::default()).take(frame.bytes(), &mut answers)?;
    }
    Ok(())
}

/// What a session token holds.
fn session() -> Result<(), Box<dyn Error>> {
    let account = AccountId::from_number(42).ok_or("an account")?;
    let claims = Claims {
        session: SessionKind::AssumedRole,
        issued_at: moment()?,
        expires_at: moment()?,
        policy: Some("{}".to_owned()),
        tags: vec![("team".to_owned(), "blue".to_owned())],
    };
    for (number, parent) in [None, Some("AK")].into_iter().enumerate() {
        let mut bytes = Vec::new();
        let mut to = Writer::new(&mut bytes);
        to.u8(1);
        to.text("hush")?;
        to.principal(&Principal::Root { account })?;
        to.option(parent, Writer::text)?;
        to.claims(&claims)?;
        rewrite_session(&bytes).ok_or("what a token holds is written otherwise")?;
        seed("session_token", number, &bytes)?;
    }
    Ok(())
}

fn moment() -> Result<Timestamp, Box<dyn Error>> {
    Ok(Timestamp::parse_basic("20261121T233000Z")?)
}

fn seed(target: &str, number: usize, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(number.to_string()), bytes)?)
}
