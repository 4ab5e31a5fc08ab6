use super::*;
use crate::{
    ErrorKind,
    error::ErrorContext,
    parse::{Domains, Head, parse},
};
use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;

const SIGNED: &str = "X-Amz-Signature=00";

fn ask(request: &str) -> Result<LinkTerms, S3Error> {
    let (method, target) = request.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    headers.insert("content-length", HeaderValue::from_static("0"));
    let head = Head {
        method: &Method::from_bytes(method.as_bytes()).unwrap(),
        host: Some("s3.example"),
        path,
        query,
        headers: &headers,
        tls: false,
    };
    parse(&head, &Domains::default()).map(|parsed| parsed.terms)
}

fn terms(term: &str) -> LinkTerms {
    ask(&format!("GET /bkt/key?{term}&{SIGNED}")).unwrap()
}

/// The refusal's argument: name and value.
#[track_caller]
fn refused(request: &str) -> (String, String) {
    let error = ask(request).unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::InvalidArgument,
        "{request}: {error}"
    );
    let context = ErrorContext {
        resource: "",
        request_id: "",
        host_id: "",
        head: false,
    };
    let body = String::from_utf8(error.response(&context).body.to_vec()).unwrap();
    let element = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    (element("ArgumentName"), element("ArgumentValue"))
}

#[test]
fn every_term_is_read() {
    assert_eq!(
        ask(&format!("GET /bkt/key?{SIGNED}")),
        Ok(LinkTerms::default())
    );
    assert_eq!(ask("GET /bkt/key"), Ok(LinkTerms::default()));
    assert_eq!(terms("x-bh-once=a_B-9").once.unwrap().as_str(), "a_B-9");
    assert_eq!(terms("x-bh-confirm=no").confirm, Confirm::Skip);
    assert_eq!(
        terms("x-bh-source=10.0.0.0/8,vpce-1")
            .sources
            .unwrap()
            .len(),
        2
    );
    let moment = Timestamp::parse_basic("20261121T000000Z").ok();
    assert_eq!(terms("x-bh-not-before=20261121T000000Z").not_before, moment);
    assert!(terms("x-bh-head=1").head);
    let put = ask(&format!(
        "PUT /bkt/key?x-bh-max-bytes=7&x-bh-once=1&{SIGNED}"
    ))
    .unwrap();
    assert_eq!((put.max_bytes, put.once.is_some()), (Some(7), true));
    // A name that is spelled otherwise is the same name.
    assert!(terms("x%2Dbh%2Donce=1").once.is_some());
}

#[test]
fn what_is_not_a_term_is_refused() {
    for (term, name, value) in [
        ("x-bh-ounce=1", "x-bh-ounce", "1"),
        ("x-bh-=", "x-bh-", ""),
        ("X-Bh-Once=1", "X-Bh-Once", "1"),
        ("x-bh-once=", "x-bh-once", ""),
        ("x-bh-once=a.b", "x-bh-once", "a.b"),
        ("x-bh-confirm=yes", "x-bh-confirm", "yes"),
        ("x-bh-source=here", "x-bh-source", "here"),
        ("x-bh-not-before=now", "x-bh-not-before", "now"),
        ("x-bh-head=0", "x-bh-head", "0"),
        ("x-bh-max-bytes=1", "x-bh-max-bytes", "GetObject"),
    ] {
        let (found, given) = refused(&format!("GET /bkt/key?{term}&{SIGNED}"));
        assert_eq!((&*found, &*given), (name, value), "{term}");
    }
    for bad in ["-1", "+1", "1e3", "", "0x1", "99999999999999999999999"] {
        let query = format!("x-bh-max-bytes={}&{SIGNED}", bad.replace('+', "%2B"));
        assert_eq!(refused(&format!("PUT /bkt/key?{query}")).1, bad);
    }
    let long = "a".repeat(ONCE_TOKEN_LEN_MAX);
    assert!(terms(&format!("x-bh-once={long}")).once.is_some());
    refused(&format!("GET /bkt/key?x-bh-once={long}a&{SIGNED}"));
    // Twice is refused with the whole query.
    refused(&format!("GET /bkt/key?x-bh-head=1&x-bh-head=1&{SIGNED}"));
}

#[test]
fn a_term_needs_a_link() {
    let (name, value) = refused("GET /bkt/key?x-bh-once=t");
    assert_eq!((&*name, &*value), ("x-bh-once", "t"));
}

#[test]
fn a_term_needs_an_operation_that_keeps_it() {
    let upload = "uploadId=00112233445566778899aabbccddeeff";
    for request in [
        "DELETE /bkt/key?x-bh-once=1",
        "GET /bkt?x-bh-once=1",
        "GET /bkt/key?tagging&x-bh-once=1",
        "PUT /bkt/key?x-bh-head=1",
        "DELETE /bkt/key?x-bh-max-bytes=1",
        &format!("PUT /bkt/key?partNumber=1&{upload}&x-bh-once=1"),
    ] {
        refused(&format!("{request}&{SIGNED}"));
    }
    let part = format!("PUT /bkt/key?partNumber=1&{upload}&x-bh-max-bytes=1&{SIGNED}");
    assert_eq!(ask(&part).unwrap().max_bytes, Some(1));
    let list = format!("GET /bkt?x-bh-source=::1&x-bh-not-before=20261121T000000Z&{SIGNED}");
    assert!(ask(&list).unwrap().sources.is_some());
}

#[test]
fn only_a_form_of_a_one_time_link_confirms() {
    let once = format!("x-bh-once=1&{SIGNED}");
    assert!(is_confirmation(&Method::POST, &once));
    assert!(is_confirmation(
        &Method::POST,
        &format!("%78-bh-once=1&{SIGNED}")
    ));
    assert!(!is_confirmation(&Method::GET, &once));
    assert!(!is_confirmation(&Method::POST, SIGNED));
    assert!(!is_confirmation(&Method::POST, "x-bh-once=1"));
}

#[test]
fn a_token_does_not_print() {
    assert!(!format!("{:?}", terms("x-bh-once=quiet")).contains("quiet"));
}

proptest! {
    #[test]
    fn a_name_with_the_prefix_is_a_term_or_refused(
        name in "[xX]-[bB][hH]-[a-z-]{0,12}",
        value in "[a-z0-9./-]{0,12}",
    ) {
        const NAMES: [&str; 6] = ["once", "confirm", "source", "not-before", "max-bytes", "head"];
        let known = NAMES.iter().any(|known| name == format!("{PREFIX}{known}"));
        let asked = ask(&format!("GET /bkt/key?{name}={value}&{SIGNED}"));
        prop_assert!(known || asked.is_err());
        if let Ok(terms) = asked {
            prop_assert_ne!(terms, LinkTerms::default());
        }
    }
}
