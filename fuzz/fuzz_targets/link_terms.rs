//! The terms of a link: method and path, then the query's parameters, all of them signed.
#![no_main]

use blockhouse_fuzz::line;
use blockhouse_s3::{
    link::{Cidr, OnceToken, SOURCES_MAX, Source},
    parse::{Domains, Head, is_presigned, parse},
};
use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr};

fuzz_target!(|input: &str| {
    let (method, rest) = line(input);
    let Ok(method) = Method::from_bytes(method.as_bytes()) else {
        return;
    };
    let (path, parameters) = line(rest);
    let query = format!("{parameters}&X-Amz-Signature=00");
    assert!(is_presigned(&query));
    let mut headers = HeaderMap::new();
    headers.insert("content-length", HeaderValue::from_static("0"));
    let head = |query| Head {
        method: &method,
        host: None,
        path,
        query,
        headers: &headers,
        tls: false,
    };
    let Ok(signed) = parse(&head(&query), &Domains::default()) else {
        return;
    };
    let terms = signed.terms;
    let none = terms == Default::default();
    assert_eq!(signed.promise.max_bytes, terms.max_bytes);
    if let Some(token) = &terms.once {
        assert_eq!(OnceToken::parse(token.as_str()).as_ref(), Some(token));
    }
    let sources = terms.sources.iter().flatten();
    assert!(sources.clone().count() <= SOURCES_MAX);
    for source in sources {
        if let Source::Public(cidr) | Source::Vpc { cidr, .. } = source {
            let _: (&Cidr, bool) = (cidr, cidr.contains(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        }
    }
    // Without a signature there are no terms.
    if !is_presigned(parameters)
        && let Ok(unsigned) = parse(&head(parameters), &Domains::default())
    {
        assert!(none && unsigned.terms == Default::default());
    }
});
