//! Holds the crate against `tests/vectors/signatures.json`, which an independent program made.
#![allow(
    clippy::unwrap_used,
    reason = "a vector that cannot be read fails the test"
)]

use blockhouse_sigv4::*;
use blockhouse_types::Timestamp;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/signatures.json")).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

/// `[["name", "value"], …]`
fn pairs(value: &Value) -> Vec<(&str, &str)> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p[0].as_str().unwrap(), p[1].as_str().unwrap()))
        .collect()
}

#[test]
fn requests() {
    let all = vectors();
    let secret = SecretKey::new(text(&all, "secret").to_owned());
    let date = text(&all, "date");
    for v in all["requests"].as_array().unwrap() {
        let name = text(v, "name");
        let headers: Vec<(&str, &[u8])> = pairs(&v["headers"])
            .into_iter()
            .map(|(n, v)| (n, v.as_bytes()))
            .collect();
        let request = Request {
            method: text(v, "method"),
            path: text(v, "path"),
            query: text(v, "query"),
            headers: &headers,
            tls: v["tls"].as_bool().unwrap(),
        };
        let canonical = Canonical {
            request: &request,
            query: &Query::parse(request.query).unwrap(),
            signed_headers: text(v, "signed_headers"),
            payload_hash: text(v, "payload_hash"),
            path_form: match v["normalize"].as_bool().unwrap() {
                true => PathForm::Normalized,
                false => PathForm::AsSent,
            },
            host: HostReading::DefaultPortDropped,
        };
        assert_eq!(canonical.text(), text(v, "canonical_request"), "{name}");
        let service = text(v, "service");
        let scope = format!("{}/local-1/{service}/aws4_request", &date[..8]);
        let digest = canonical.digest();
        let string = StringToSign {
            algorithm: Algorithm::Hmac,
            date,
            scope: &scope,
            digest,
        };
        assert_eq!(string.text(), text(v, "string_to_sign"), "{name}");
        let key = secret.signing_key(&date[..8], "local-1", service);
        assert!(string.is_signed_by(&key, text(v, "signature")), "{name}");
    }
}

#[test]
fn links() {
    let all = vectors();
    let secret = SecretKey::new(text(&all, "secret").to_owned());
    let now = Timestamp::parse_basic(text(&all, "date")).unwrap();
    for v in all["links"].as_array().unwrap() {
        let credentials = Credentials {
            access_key_id: text(&all, "access_key_id"),
            secret: &secret,
            session_token: v["token"].as_str(),
        };
        let (query, headers) = (pairs(&v["query"]), pairs(&v["headers"]));
        let link = Link {
            method: text(v, "method"),
            endpoint: text(v, "endpoint"),
            location: Location {
                bucket: text(v, "bucket"),
                key: text(v, "key"),
            },
            query: &query,
            headers: &headers,
            region: text(&all, "region"),
            service: text(v, "service"),
            expires_secs: v["expires"].as_u64().unwrap(),
        };
        assert_eq!(presign(&link, credentials, now).unwrap(), text(v, "url"));
    }
}
