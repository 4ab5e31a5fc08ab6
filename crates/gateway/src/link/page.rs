//! The page that asks before a one-time link is used up.
//!
//! Mail scanners and chat previews open every link that they see, as a browser would. A page that
//! says nothing of the object, and a button whose form is sent by POST, keep them from burning and
//! from reading it: nothing that only looks sends a form.

use crate::respond::{Content, ReaderOf, Reply};
use blockhouse_store::ObjectStore;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// The same for every link. The form has no action: it goes back to the link itself.
const PAGE: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"robots\" content=\"noindex\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>One-time link</title>
<style>body{font:16px sans-serif;margin:15vh auto;max-width:28em;padding:0 1em;text-align:center}\
button{font:inherit;padding:.6em 2em}</style>
</head>
<body>
<h1>This link works once</h1>
<p>Once you have opened it, it cannot be opened again.</p>
<form method=\"post\"><button name=\"open\" value=\"yes\">Open</button></form>
</body>
</html>
";

/// Nothing may be loaded, run, sent elsewhere or shown inside another page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'",
);

const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Headers by which SDKs are known; each may be told to accept anything.
const OF_SDKS: [&str; 4] = [
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "x-amz-user-agent",
    "x-amz-content-sha256",
];

/// Whether a person has typed or clicked, as far as the headers tell: a browser says so itself, and
/// old ones ask for a page.
pub(crate) fn is_navigation(headers: &HeaderMap) -> bool {
    if let Some(mode) = headers.get(FETCH_MODE) {
        return mode.as_bytes().eq_ignore_ascii_case(b"navigate");
    }
    let of_sdk = OF_SDKS.iter().any(|name| headers.contains_key(*name));
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    let wants_page = accepted.any(|accept| {
        let accept = accept.to_str().unwrap_or_default().to_ascii_lowercase();
        accept.contains("text/html")
    });
    wants_page && !of_sdk
}

/// The page.
pub(crate) fn page<S: ObjectStore>() -> Reply<S> {
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let content: Content<ReaderOf<S>> = Content::Whole(Bytes::from_static(PAGE.as_bytes()));
    Reply {
        status: StatusCode::OK,
        headers,
        content,
        transfer: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_navigates_and_an_sdk_does_not() {
        let navigates = |headers: &[(&'static str, &'static str)]| {
            let pairs = headers.iter().map(|(name, value)| {
                let name = HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            });
            is_navigation(&pairs.collect())
        };
        let html = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        assert!(navigates(&[
            ("sec-fetch-mode", "navigate"),
            ("accept", "*/*")
        ]));
        assert!(navigates(&[html]));
        assert!(navigates(&[("accept", "*/*"), ("accept", "Text/HTML")]));
        for other in [
            &[][..],
            &[("accept", "*/*")],
            &[("sec-fetch-mode", "cors"), html],
            &[("sec-fetch-mode", "no-cors"), html],
            &[("amz-sdk-request", "attempt=1"), html],
        ] {
            assert!(!navigates(other), "{other:?}");
        }
    }

    #[test]
    fn the_page_runs_nothing_and_names_nothing() {
        for part in ["<script", "http", "src=", "href=", "action="] {
            assert!(!PAGE.contains(part), "{part}");
        }
    }
}
