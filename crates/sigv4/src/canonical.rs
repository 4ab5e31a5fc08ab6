//! The canonical request: the one spelling of a request that signer and verifier agree on.
//!
//! ```text
//! METHOD \n path \n query \n name:value\n … \n names \n payload-hash
//! ```
//!
//! S3 takes the path as sent: each segment is decoded and encoded once, `.`, `..`, empty segments
//! and `%2F` stay. All other services normalize the path and encode it twice ([`PathForm`]).

use crate::encoding::{Plus, is_canonical_path, put_encoded, recode};
use crate::headers::{Host, put_header, without_default_port};
use crate::query::Query;
use crate::sink::{HashSink, Sink};

/// A request's head as received.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method, as received.
    pub method: &'a str,
    /// The path, percent-encoded as received.
    pub path: &'a str,
    /// The query without its `?`, as received; empty for none.
    pub query: &'a str,
    /// Names in lower case, values as received, in order of arrival.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Whether it came over TLS: tells which port is the default in `Host`.
    pub tls: bool,
}

/// How the path is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathForm {
    /// Encoded once, nothing normalized: S3 and its relatives.
    AsSent,
    /// Dot segments and empty segments removed, encoded twice: all other services.
    Normalized,
}

/// How the header `Host` is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostReading {
    /// Without the default port of the scheme: what most signers do, whatever they send.
    DefaultPortDropped,
    /// As received, for signers that send and sign the default port.
    AsReceived,
}

/// A request with all that decides its canonical form.
#[derive(Debug, Clone, Copy)]
pub struct Canonical<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// Its query, sorted.
    pub query: &'a Query<'a>,
    /// The signed headers' names as given: `a;b;c`.
    pub signed_headers: &'a str,
    /// The last line: the payload's hash or the word that stands for it.
    pub payload_hash: &'a str,
    /// How the path is spelled.
    pub path_form: PathForm,
    /// How `Host` is read.
    pub host: HostReading,
}

impl Canonical<'_> {
    /// SHA-256 of the canonical request, which is never built for this.
    pub fn digest(&self) -> [u8; 32] {
        let mut sink = HashSink::new();
        self.put(&mut sink);
        sink.finish()
    }

    /// The canonical request, for people to compare. Bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        let mut bytes = Vec::new();
        self.put(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn put(&self, sink: &mut impl Sink) {
        sink.put(self.request.method.as_bytes());
        sink.put(b"\n");
        match self.path_form {
            PathForm::AsSent => put_path_as_sent(sink, self.request.path),
            PathForm::Normalized => put_path_normalized(sink, self.request.path),
        }
        sink.put(b"\n");
        self.query.put(sink);
        sink.put(b"\n");
        let host = Host {
            reading: self.host,
            tls: self.request.tls,
        };
        for name in self.signed_headers.as_bytes().split(|b| *b == b';') {
            put_header(sink, self.request.headers, name, host);
        }
        sink.put(b"\n");
        sink.put(self.signed_headers.as_bytes());
        sink.put(b"\n");
        sink.put(self.payload_hash.as_bytes());
    }
}

impl Request<'_> {
    /// Whether the two readings of `Host` differ for this request.
    pub fn host_is_ambiguous(&self) -> bool {
        let differs = |v: &[u8]| without_default_port(v, self.tls) != v.trim_ascii();
        self.headers
            .iter()
            .any(|(name, value)| *name == "host" && differs(value))
    }
}

fn put_path_as_sent(sink: &mut impl Sink, path: &str) {
    if path.is_empty() {
        return sink.put(b"/");
    }
    if is_canonical_path(path.as_bytes()) {
        return sink.put(path.as_bytes());
    }
    let mut separator: &[u8] = b"";
    for segment in path.as_bytes().split(|b| *b == b'/') {
        sink.put(separator);
        sink.put(&recode(segment, Plus::Literal));
        separator = b"/";
    }
}

/// Dot segments go by RFC 3986 section 5.2.4; what was sent, an encoding already, is encoded again.
fn put_path_normalized(sink: &mut impl Sink, path: &str) {
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in path.as_bytes().split(|b| *b == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    for segment in &kept {
        sink.put(b"/");
        put_encoded(sink, segment);
    }
    if kept.is_empty() || path.ends_with('/') {
        sink.put(b"/");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(raw: &str, form: PathForm) -> String {
        let mut text = Vec::new();
        match form {
            PathForm::AsSent => put_path_as_sent(&mut text, raw),
            PathForm::Normalized => put_path_normalized(&mut text, raw),
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn s3_keeps_the_path() {
        for (raw, spelled) in [
            ("", "/"),
            ("/", "/"),
            ("/b/a//b", "/b/a//b"),
            ("/b//lead", "/b//lead"),
            ("/b/a/../b/./c/", "/b/a/../b/./c/"),
            ("/arn%3aaws%3As3%2fx", "/arn%3Aaws%3As3%2Fx"),
            ("/b/a b+c*d~%25", "/b/a%20b%2Bc%2Ad~%25"),
            ("/b/\u{1f600}", "/b/%F0%9F%98%80"),
        ] {
            assert_eq!(path(raw, PathForm::AsSent), spelled, "{raw}");
        }
    }

    #[test]
    fn others_normalize_and_encode_twice() {
        for (raw, spelled) in [
            ("/", "/"),
            ("//example//", "/example/"),
            ("/a/b/../..", "/"),
            ("/./example", "/example"),
            ("/a%20b", "/a%2520b"),
            ("/../../x", "/x"),
        ] {
            assert_eq!(path(raw, PathForm::Normalized), spelled, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn digest_is_of_the_text(
            method in "[A-Z]{0,8}",
            path in "[ -~]{0,40}",
            query in "[ -~]{0,60}",
            value in "[ -~]{0,40}",
            signed in "[a-z;-]{0,30}",
            normalize: bool,
        ) {
            let headers: &[(&str, &[u8])] = &[("host", b"h:80"), ("a", value.as_bytes())];
            let request = Request { method: &method, path: &path, query: &query, headers, tls: false };
            let query = Query::parse(&query).unwrap();
            let canonical = Canonical {
                request: &request,
                query: &query,
                signed_headers: &signed,
                payload_hash: "UNSIGNED-PAYLOAD",
                path_form: if normalize { PathForm::Normalized } else { PathForm::AsSent },
                host: HostReading::DefaultPortDropped,
            };
            let mut sink = HashSink::new();
            sink.put(canonical.text().as_bytes());
            prop_assert_eq!(canonical.digest(), sink.finish());
        }
    }
}
