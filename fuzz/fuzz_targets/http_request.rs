//! A request's head: method, host, path, query, then one header a line, as an attacker would send
//! them; to buckets, and where there are access points.
#![no_main]

use blockhouse_fuzz::line;
use blockhouse_s3::parse::{AccessPoint, AccessPoints, Domains, Head, Outpost, Style, parse_among};
use blockhouse_types::{AccountId, BucketName, OutpostId};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;

const OUTPOST: &str = "op-01ac5d28a6a232904";

/// Every access point is there whose name could be a bucket's, and leads to the bucket of that name.
#[derive(Debug)]
struct Everyone;

impl AccessPoints for Everyone {
    fn by_label(&self, label: &str) -> Option<AccessPoint> {
        self.by_name(AccountId::ZERO, label)
    }

    fn by_name(&self, account: AccountId, name: &str) -> Option<AccessPoint> {
        Some(AccessPoint {
            account,
            name: name.into(),
            bucket: BucketName::parse(name).ok()?,
        })
    }
}

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
        let outpost: Result<OutpostId, _> = OUTPOST.parse();
        let domains = match outpost {
            Ok(id) => domains.with_outpost(Outpost {
                region: "local-1".into(),
                id,
            }),
            Err(_) => domains,
        };
        match parse_among(&head, &domains, &Everyone) {
            Ok(parsed) => {
                // An access point is reached by its host alone, and offers what it offers.
                assert_eq!(parsed.through.is_some(), parsed.style == Style::AccessPoint);
                let offered = parsed.operation.is_on_access_points();
                assert!(parsed.through.is_none() || offered);
            }
            Err(error) => {
                let _ = error.to_string();
            }
        }
    }
});
