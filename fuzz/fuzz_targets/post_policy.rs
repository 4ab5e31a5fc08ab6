//! The policy of a form, as JSON and as base64, held against a form; and what the form asks for.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use blockhouse_fuzz::line;
use blockhouse_s3::{
    form::{Boundary, Fields, FieldsDecoder},
    parse::{Domains, Head, parse, parse_form},
    post_policy::Policy,
};
use blockhouse_types::Timestamp;
use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (policy, rest) = line(input);
    let _ = Policy::parse(policy);
    let Some(fields) = fields(&STANDARD.encode(policy), rest) else {
        return;
    };
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("multipart/form-data; boundary=b");
    headers.insert("content-type", kind);
    headers.insert("content-length", HeaderValue::from_static("1"));
    let head = Head {
        method: &Method::POST,
        host: None,
        path: "/bkt",
        query: "",
        headers: &headers,
        tls: false,
    };
    let Ok(asked) = parse(&head, &Domains::new([])) else {
        unreachable!("the head is a form's");
    };
    if let Err(error) = parse_form(asked, &fields, false, Timestamp::from_secs(1)) {
        let _ = error.to_string();
    }
});

/// A form of these `name:value` lines, the policy and a file.
fn fields(policy: &str, lines: &str) -> Option<Fields> {
    let mut form = String::new();
    let pairs = lines.lines().filter_map(|line| line.split_once(':'));
    for (name, value) in pairs.chain([("policy", policy)]) {
        form.push_str(&format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    form.push_str("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n");
    let boundary = Boundary::of_content_type("multipart/form-data; boundary=b")?.ok()?;
    let before = FieldsDecoder::new(&boundary).push(form.as_bytes()).ok()??;
    Some(before.fields)
}
