//! Judges requests from elsewhere: JSON lines on standard input, a verdict per line on standard
//! output. Used by `tests/signers`, whose signers share no code with this.
//!
//! A request: `{"method", "path", "query", "headers": [[name, value], …], "tls", "now": seconds}`,
//! text as Latin-1, so that every byte has a character; the fields of a form, if it has one, as `"form"`,
//! like headers. With `"key": {"id", "secret"}` instead, a
//! line adds an access key of account 42; with `"link": {"chain", "digest", "signature",
//! "trailer"}` it asks for the next link of a chain.
//! A verdict: `{"ok", "failure", "chain"}`.

#![allow(
    clippy::unwrap_used,
    reason = "a line that cannot be read ends the program"
)]

use blockhouse_types::{AccountId, Timestamp, unhex};
use blockhouse_verifier::{InProcess, Judge, KeyStore, Keyring};
use blockhouse_verifier_wire::{
    ChainId, Link, LinkKind, Principal, Question,
    provision::{Material, NewKey},
};
use serde_json::{Value, json};
use std::io::{BufRead as _, Write as _};
use zeroize::Zeroizing;

fn main() {
    let mut keys = Vec::new();
    let mut judge = None;
    let mut answers = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if let Some(key) = asked.get("key") {
            keys.push(read_key(key));
            continue;
        }
        let judge = judge.get_or_insert_with(|| {
            let keys = KeyStore::new(keys.drain(..)).unwrap();
            let keyring = Keyring {
                keys,
                ..Keyring::default()
            };
            InProcess::new(Judge::new("local-1".to_owned(), keyring))
        });
        let answer = match asked.get("link") {
            Some(link) => verify_link(judge, link),
            None => verify(judge, &asked),
        };
        writeln!(answers, "{answer}").unwrap();
        answers.flush().unwrap();
    }
}

fn read_key(key: &Value) -> NewKey {
    NewKey {
        id: text(key, "id").to_owned(),
        principal: Principal::Root {
            account: AccountId::from_number(42).unwrap(),
        },
        enabled: true,
        material: Material::Secret(Zeroizing::new(text(key, "secret").to_owned())),
    }
}

fn verify(judge: &InProcess, asked: &Value) -> Value {
    let pairs = read_pairs(&asked["headers"]);
    let headers: Vec<(&str, &[u8])> = pairs.iter().map(|(n, v)| (*n, v.as_slice())).collect();
    let form = asked.get("form").map(read_pairs);
    let fields = form.as_ref().map(|pairs| {
        let fields = pairs.iter().map(|(n, v)| (*n, v.as_slice()));
        fields.collect::<Vec<(&str, &[u8])>>()
    });
    let verdict = judge.judge(Question {
        method: text(asked, "method"),
        path: text(asked, "path"),
        query: text(asked, "query"),
        headers: &headers,
        tls: asked["tls"].as_bool().unwrap(),
        form: fields.as_deref(),
        now: Timestamp::from_secs(asked["now"].as_u64().unwrap()),
    });
    match verdict.unwrap() {
        Ok(verified) => json!({ "ok": true, "chain": verified.chain.map(|chain| chain.0) }),
        Err(failure) => json!({ "ok": false, "failure": format!("{failure:?}") }),
    }
}

fn read_pairs(pairs: &Value) -> Vec<(&str, Vec<u8>)> {
    let pairs = pairs.as_array().unwrap().iter();
    let pair = |pair: &Value| latin_1(pair[1].as_str().unwrap());
    pairs
        .map(|each| (each[0].as_str().unwrap(), pair(each)))
        .collect()
}

fn verify_link(judge: &InProcess, link: &Value) -> Value {
    let asked = Link {
        digest: unhex(text(link, "digest").as_bytes()).unwrap(),
        signature: text(link, "signature").to_owned(),
        kind: match link["trailer"].as_bool().unwrap() {
            true => LinkKind::Trailer,
            false => LinkKind::Chunk,
        },
    };
    let chain = ChainId(link["chain"].as_u64().unwrap());
    json!({ "ok": judge.judge_link(chain, &asked) })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}
