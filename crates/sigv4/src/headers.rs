//! Headers as a signature sees them: values trimmed, runs of white space and folded lines as one
//! space, repeated headers joined by `,` in order of arrival, `Host` without its scheme's default
//! port.

use crate::canonical::HostReading;
use crate::sink::Sink;

/// How many headers a request may carry; more are refused before a signature is computed.
pub const HEADERS_MAX: usize = 128;

/// A header: name in lower case, value as received.
pub(crate) type Header<'a> = (&'a str, &'a [u8]);

/// The `x-amz-*` headers, and `host`, that `signed` (a list `a;b;c`) leaves out. Each of them could
/// change what a request does, so each must be covered.
pub fn unsigned_headers(headers: &[(&str, &[u8])], signed: &str) -> Vec<String> {
    let names = signed.as_bytes().split(|b| *b == b';');
    let covered = |name: &str| names.clone().any(|s| s == name.as_bytes());
    let mut missing: Vec<String> = Vec::new();
    if !covered("host") {
        missing.push("host".to_owned());
    }
    for (name, _) in headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-amz-"))
    {
        if !covered(name) && !missing.iter().any(|m| m == name) {
            missing.push((*name).to_owned());
        }
    }
    missing
}

/// The value of a header that stands exactly once, if it is text.
pub(crate) fn single<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a str> {
    let mut values = headers.iter().filter(|(n, _)| *n == name);
    let (_, value) = values.next()?;
    if values.next().is_some() {
        return None;
    }
    std::str::from_utf8(value).ok().map(str::trim)
}

/// Writes one line `name:value,value`.
pub(crate) fn put_header(sink: &mut impl Sink, headers: &[Header<'_>], name: &[u8], host: Host) {
    sink.put(name);
    sink.put(b":");
    let mut separator: &[u8] = b"";
    for (_, value) in headers.iter().filter(|(n, _)| n.as_bytes() == name) {
        sink.put(separator);
        separator = b",";
        let value = match name {
            b"host" => host.read(value),
            _ => value,
        };
        put_folded(sink, value);
    }
    sink.put(b"\n");
}

fn put_folded(sink: &mut impl Sink, value: &[u8]) {
    // No white space is greater than the space. Without an exit in the middle, so that many bytes are
    // looked at in one step.
    if value.iter().fold(true, |all, byte| all & (*byte > b' ')) {
        return sink.put(value);
    }
    let mut separator: &[u8] = b"";
    for word in value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
    {
        sink.put(separator);
        sink.put(word);
        separator = b" ";
    }
}

/// How `Host` is to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Host {
    pub(crate) reading: HostReading,
    pub(crate) tls: bool,
}

impl Host {
    fn read(self, value: &[u8]) -> &[u8] {
        match self.reading {
            HostReading::AsReceived => value,
            HostReading::DefaultPortDropped => without_default_port(value, self.tls),
        }
    }
}

/// `host` of `host:80` under http and of `host:443` under https.
pub fn without_default_port(value: &[u8], tls: bool) -> &[u8] {
    let port: &[u8] = if tls { b":443" } else { b":80" };
    let value = value.trim_ascii();
    match value.strip_suffix(port) {
        Some(host) if host.ends_with(b"]") || !host.contains(&b':') => host,
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(headers: &[Header<'_>], name: &str) -> String {
        let mut text = Vec::new();
        let host = Host {
            reading: HostReading::DefaultPortDropped,
            tls: false,
        };
        put_header(&mut text, headers, name.as_bytes(), host);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn values_are_folded_and_joined() {
        let headers: &[Header<'_>] = &[
            ("a", b"  x  y\t z "),
            ("b", b"2"),
            ("a", b"\"q  r\""),
            ("b", b"1"),
            ("c", b"one\r\n  two"),
            ("e", b" "),
        ];
        assert_eq!(line(headers, "a"), "a:x y z,\"q r\"\n");
        assert_eq!(line(headers, "b"), "b:2,1\n");
        assert_eq!(line(headers, "c"), "c:one two\n");
        assert_eq!(line(headers, "d"), "d:\n");
        assert_eq!(line(headers, "e"), "e:\n");
    }

    #[test]
    fn only_the_default_port_goes() {
        let read = |host: &str, tls| {
            String::from_utf8(without_default_port(host.as_bytes(), tls).to_vec()).unwrap()
        };
        assert_eq!(read("h:80", false), "h");
        assert_eq!(read("h:80", true), "h:80");
        assert_eq!(read("h:443", true), "h");
        assert_eq!(read("h:9000", false), "h:9000");
        assert_eq!(read("[::1]:80", false), "[::1]");
        assert_eq!(read("[::80]", false), "[::80]");
        assert_eq!(read("::80", false), "::80");
        assert_eq!(read("h:8080", false), "h:8080");
    }

    #[test]
    fn unsigned_names() {
        let headers: &[Header<'_>] = &[
            ("x-amz-meta-a", b"1"),
            ("x-amz-acl", b"2"),
            ("range", b"3"),
            ("x-amz-acl", b"4"),
        ];
        assert_eq!(
            unsigned_headers(headers, "host;x-amz-meta-a"),
            ["x-amz-acl"]
        );
        assert_eq!(
            unsigned_headers(headers, "x-amz-meta-a;x-amz-acl"),
            ["host"]
        );
        assert!(unsigned_headers(headers, "host;x-amz-acl;x-amz-meta-a").is_empty());
    }
}
