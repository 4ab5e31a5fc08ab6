//! Runs AWS's published signing vectors, fetched by whoever runs this and never committed.
//!
//! `cargo run -p blockhouse-sigv4 --example aws_suite SUITE_DIR`, where SUITE_DIR is the folder
//! `tests/aws-signing-test-suite` of awslabs/aws-c-auth with `v4` and `v4a` in it. Each case is
//! judged four times: the canonical request and string to sign as text, and the signature, in the
//! header and in the query. `tests/conformance/aws-signing/run` starts it.

#![allow(
    clippy::unwrap_used,
    reason = "a case that cannot be read ends the program"
)]

use blockhouse_sigv4::{
    Algorithm, Canonical, Claim, Credential, HostReading, PathForm, Query, Request, SecretKey,
    StringToSign,
};
use blockhouse_types::hex;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// SHA-256 of nothing: no case of the suite signs `UNSIGNED-PAYLOAD`.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn main() -> ExitCode {
    let Some(suite) = std::env::args().nth(1).map(PathBuf::from) else {
        eprintln!("usage: aws_suite SUITE_DIR");
        return ExitCode::FAILURE;
    };
    let (mut passed, mut failed) = (0, 0);
    for version in ["v4", "v4a"] {
        let mut cases: Vec<PathBuf> = std::fs::read_dir(suite.join(version))
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        cases.sort();
        // Two left-overs of the suite hold a request and nothing to compare it with.
        for case in cases
            .iter()
            .filter(|case| case.join("header-signature.txt").exists())
        {
            for form in ["header", "query"] {
                match judge(case, form) {
                    Ok(()) => passed += 1,
                    Err(what) => {
                        failed += 1;
                        println!("{} {form}: {what}", case.display());
                    }
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn judge(case: &Path, form: &str) -> Result<(), String> {
    let read = |name: &str| std::fs::read_to_string(case.join(name)).unwrap();
    let context: Value = serde_json::from_str(&read("context.json")).unwrap();
    let signed = Message::parse(&read(&format!("{form}-signed-request.txt")));
    let headers: Vec<(&str, &[u8])> = signed
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_bytes()))
        .collect();
    let request = Request {
        method: &signed.method,
        path: &signed.path,
        query: &signed.query,
        headers: &headers,
        tls: true,
    };
    let signed_query = signed_query(&context, &signed.query);
    let query = Query::parse(&signed_query).unwrap();
    let claim = Claim::read(&request, &query)
        .map_err(|e| e.to_string())?
        .unwrap();
    let credential =
        Credential::parse(&claim.credential, claim.algorithm).map_err(|e| e.to_string())?;
    let body_sha256 = sha256_of_body(&context, &signed);
    let normalize = context["normalize"].as_bool().unwrap();
    let canonical = Canonical {
        request: &request,
        query: &query,
        signed_headers: &claim.signed_headers,
        payload_hash: &body_sha256,
        path_form: if normalize {
            PathForm::Normalized
        } else {
            PathForm::AsSent
        },
        host: HostReading::DefaultPortDropped,
    };
    same(
        "canonical request",
        &read(&format!("{form}-canonical-request.txt")),
        &canonical.text(),
    )?;
    let string = StringToSign {
        algorithm: claim.algorithm,
        date: &claim.date,
        scope: credential.scope,
        digest: canonical.digest(),
    };
    same(
        "string to sign",
        &read(&format!("{form}-string-to-sign.txt")),
        &string.text(),
    )?;
    let secret = SecretKey::new(text(&context["credentials"], "secret_access_key").to_owned());
    let published = read(&format!("{form}-signature.txt"));
    match claim.algorithm {
        Algorithm::Hmac => {
            let region = credential.region.unwrap();
            let key = secret.signing_key(credential.day, region, credential.service);
            same("signature", &published, &claim.signature)?;
            string
                .is_signed_by(&key, &claim.signature)
                .then_some(())
                .ok_or("signature".to_owned())
        }
        Algorithm::Ecdsa => {
            let key = secret
                .public_key(credential.access_key_id)
                .map_err(|e| e.to_string())?;
            let point: Value = serde_json::from_str(&read("public-key.json")).unwrap();
            let (x, y) = key.coordinates();
            same("x", text(&point, "X"), &hex(&x))?;
            same("y", text(&point, "Y"), &hex(&y))?;
            let sound = [&published, &*claim.signature]
                .iter()
                .all(|signature| string.is_signed_by_owner(&key, signature.trim()));
            sound.then_some(()).ok_or("signature".to_owned())
        }
    }
}

/// The query as it was signed: a token added after signing (`omit_session_token`) is no part of it.
fn signed_query(context: &Value, query: &str) -> String {
    let late = context["omit_session_token"].as_bool() == Some(true);
    let is_token = |pair: &&str| late && pair.starts_with("X-Amz-Security-Token=");
    query
        .split('&')
        .filter(|pair| !is_token(pair))
        .collect::<Vec<_>>()
        .join("&")
}

fn same(what: &str, published: &str, ours: &str) -> Result<(), String> {
    if published.trim_end() == ours.trim_end() {
        return Ok(());
    }
    Err(format!("{what} differs:\n{published}\n-- ours:\n{ours}"))
}

fn sha256_of_body(context: &Value, message: &Message) -> String {
    match context["sign_body"].as_bool() {
        Some(true) => message.sha256(),
        _ => EMPTY_SHA256.to_owned(),
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

/// An HTTP request as the suite writes it: folded lines, no carriage returns.
struct Message {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Message {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let first = lines.next().unwrap().strip_suffix(" HTTP/1.1").unwrap();
        let (method, target) = first.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            match line.split_once(':') {
                Some((name, value)) if !line.starts_with(' ') => {
                    headers.push((name.to_ascii_lowercase(), value.to_owned()));
                }
                _ => headers.last_mut().unwrap().1.push_str(line),
            }
        }
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: body.to_owned(),
        }
    }

    fn sha256(&self) -> String {
        use sha2::{Digest as _, Sha256};
        hex(&Sha256::digest(&self.body))
    }
}
