//! What a request says of its signer, in header and query, and the canonical request of it.
#![no_main]

use blockhouse_fuzz::line;
use blockhouse_sigv4::{
    Canonical, Claim, Credential, HostReading, PathForm, Query, Request, unsigned_headers,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (method, rest) = line(input);
    let (path, rest) = line(rest);
    let (raw_query, rest) = line(rest);
    let headers: Vec<(&str, &[u8])> = rest
        .lines()
        .filter_map(|header| header.split_once(':'))
        .map(|(name, value)| (name, value.as_bytes()))
        .collect();
    let request = Request {
        method,
        path,
        query: raw_query,
        headers: &headers,
        tls: false,
    };
    let Ok(query) = Query::parse(raw_query) else {
        return;
    };
    let Ok(Some(claim)) = Claim::read(&request, &query) else {
        return;
    };
    let _ = Credential::parse(&claim.credential, claim.algorithm);
    let _ = unsigned_headers(&headers, &claim.signed_headers);
    for path_form in [PathForm::AsSent, PathForm::Normalized] {
        for host in [HostReading::DefaultPortDropped, HostReading::AsReceived] {
            let canonical = Canonical {
                request: &request,
                query: &query,
                signed_headers: &claim.signed_headers,
                payload_hash: "UNSIGNED-PAYLOAD",
                path_form,
                host,
            };
            let _ = canonical.digest();
            let _ = canonical.text();
        }
    }
});
