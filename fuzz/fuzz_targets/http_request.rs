//! A request's head: method, host, path, query, then one header a line, as an attacker would send
//! them.
#![no_main]

use blockhouse_fuzz::line;
use blockhouse_s3::parse::{Domains, Head, parse};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (method, rest) = line(input);
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        return;
    };
    let (host, rest) = line(rest);
    let (path, rest) = line(rest);
    let (query, rest) = line(rest);
    let mut headers = HeaderMap::new();
    for header in rest.lines().take(64) {
        let Some((name, value)) = header.split_once(':') else {
            continue;
        };
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let host = (!host.is_empty()).then_some(host);
    for tls in [false, true] {
        let head = Head {
            method: &method,
            host,
            path,
            query,
            headers: &headers,
            tls,
        };
        let domains = Domains::new(["s3.example.com".to_owned(), "localhost".to_owned()]);
        if let Err(error) = parse(&head, &domains) {
            let _ = error.to_string();
        }
    }
});
