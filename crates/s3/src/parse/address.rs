//! Where a request goes: path style, virtual-hosted style, and hosts of access points.

use super::access_point::{AccessPoint, AccessPoints, Outpost};
use crate::error::{ErrorKind, S3Error};
use blockhouse_types::{BucketName, InvalidObjectKey, KEY_BYTES_MAX, ObjectKey};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// The domains below which buckets are hosts of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domains {
    /// In lower case, longest first: of `s3.example` and `example` the former decides.
    names: Vec<String>,
    /// Below it, in every domain, access points are hosts.
    outpost: Option<Outpost>,
}

/// What a host names, in lower case.
enum HostName<'a> {
    Bucket(Cow<'a, str>),
    /// What stands before the Outpost.
    AccessPoint(Cow<'a, str>),
}

impl Domains {
    /// These domains.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let trimmed = |name: String| name.trim_matches('.').to_ascii_lowercase();
        let mut names: Vec<String> = names.into_iter().map(trimmed).collect();
        names.retain(|name| !name.is_empty());
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Self {
            names,
            outpost: None,
        }
    }

    /// The same, and below each of them the Outpost's access points.
    pub fn with_outpost(self, outpost: Outpost) -> Self {
        Self {
            outpost: Some(outpost),
            ..self
        }
    }

    /// The Outpost.
    pub fn outpost(&self) -> Option<&Outpost> {
        self.outpost.as_ref()
    }

    /// What stands before the longest domain that the host ends with; `None` for the domain itself
    /// and for foreign hosts.
    fn name_of<'a>(&self, host: &'a str) -> Option<HostName<'a>> {
        for domain in &self.names {
            let Some(at) = host.len().checked_sub(domain.len()) else {
                continue;
            };
            let (Some(before), Some(tail)) = (host.get(..at), host.get(at..)) else {
                continue;
            };
            if !tail.eq_ignore_ascii_case(domain) {
                continue;
            }
            match before.strip_suffix('.') {
                Some(name) if !name.is_empty() => return Some(self.kind_of(name)),
                // `xs3.example` is not below `s3.example`, but may be below `example`.
                _ if before.is_empty() => return None,
                _ => {}
            }
        }
        None
    }
}

impl Domains {
    fn kind_of<'a>(&self, name: &'a str) -> HostName<'a> {
        let ours = |last: &str| {
            let outpost = self.outpost.as_ref();
            outpost.is_some_and(|outpost| last.eq_ignore_ascii_case(outpost.id.as_str()))
        };
        match name.rsplit_once('.') {
            Some((label, last)) if ours(last) => HostName::AccessPoint(lower(label)),
            None if ours(name) => HostName::AccessPoint(Cow::Borrowed("")),
            _ => HostName::Bucket(lower(name)),
        }
    }
}

/// Host names know no case; bucket names are lower-case.
fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// How a request names its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// `/bucket/key`.
    Path,
    /// `bucket.domain/key`.
    VirtualHost,
    /// `name-account.outpost.domain/key`.
    AccessPoint,
}

/// Bucket and key as they were sent, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address<'a> {
    /// Of an access point, its label.
    bucket: Option<Cow<'a, str>>,
    key: &'a str,
    /// How the bucket was named.
    pub style: Style,
}

impl<'a> Address<'a> {
    /// Takes host and raw path apart. Never fails: also a request that is refused has an address,
    /// of which the bucket's cross-origin rules are known.
    pub fn locate(host: Option<&'a str>, path: &'a str, domains: &Domains) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        let named = host.map(without_port);
        if let Some(named) = named.and_then(|host| domains.name_of(host)) {
            let (name, style) = match named {
                HostName::Bucket(name) => (name, Style::VirtualHost),
                HostName::AccessPoint(label) => (label, Style::AccessPoint),
            };
            return Self {
                bucket: Some(name),
                key: path,
                style,
            };
        }
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let bucket = (!bucket.is_empty() || !key.is_empty())
            .then(|| percent_decode_str(bucket).decode_utf8_lossy());
        Self {
            bucket,
            key,
            style: Style::Path,
        }
    }

    /// The bucket's name as sent, if the request names one.
    pub fn bucket_text(&self) -> Option<&str> {
        self.bucket
            .as_deref()
            .filter(|_| self.style != Style::AccessPoint)
    }

    /// The access point that the host names, if it does.
    pub fn through(&self, known: &dyn AccessPoints) -> Result<Option<AccessPoint>, S3Error> {
        match (&self.bucket, self.style) {
            (Some(label), Style::AccessPoint) => match known.by_label(label) {
                Some(found) => Ok(Some(found)),
                None => Err(ErrorKind::NoSuchAccessPoint.into()),
            },
            _ => Ok(None),
        }
    }

    /// The bucket; `None` when the request is for the service. Of an access point, its label.
    pub(crate) fn bucket(&self) -> Result<Option<BucketName>, S3Error> {
        let named = |name: &Cow<'_, str>| {
            BucketName::parse(name).map_err(|_| {
                S3Error::from(ErrorKind::InvalidBucketName).element("BucketName", name.as_ref())
            })
        };
        self.bucket.as_ref().map(named).transpose()
    }

    /// The key; `None` when the request is for the bucket.
    pub(crate) fn key(&self) -> Result<Option<ObjectKey>, S3Error> {
        match self.key {
            "" => Ok(None),
            key => key_of(&decode(key)?).map(Some),
        }
    }
}

/// A key from its decoded bytes.
pub(crate) fn key_of(bytes: &[u8]) -> Result<ObjectKey, S3Error> {
    ObjectKey::from_bytes(bytes).map_err(|error| match error {
        InvalidObjectKey::TooLong => S3Error::from(ErrorKind::KeyTooLongError)
            .element("Size", bytes.len().to_string())
            .element("MaxSizeAllowed", KEY_BYTES_MAX.to_string()),
        InvalidObjectKey::Empty | InvalidObjectKey::NotUtf8 => ErrorKind::InvalidUri.into(),
    })
}

/// Percent-decodes; a `%` without two hexadecimal digits is `InvalidURI`.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, [u8]>, S3Error> {
    let mut rest = text.as_bytes();
    let next = |rest: &[u8]| rest.iter().position(|byte| *byte == b'%');
    let Some(mut at) = next(rest) else {
        return Ok(Cow::Borrowed(rest));
    };
    let mut decoded = Vec::with_capacity(rest.len());
    loop {
        decoded.extend_from_slice(&rest[..at]);
        let [_, high, low, ..] = rest[at..] else {
            return Err(ErrorKind::InvalidUri.into());
        };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (Some(high), Some(low)) = (digit(high), digit(low)) else {
            return Err(ErrorKind::InvalidUri.into());
        };
        decoded.push((high << 4 | low) as u8);
        rest = &rest[at + 3..];
        match next(rest) {
            Some(more) => at = more,
            None => break,
        }
    }
    decoded.extend_from_slice(rest);
    Ok(Cow::Owned(decoded))
}

/// `[::1]:9000` and `host:9000` without their ports.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn styles() {
        let domains = Domains::new(["example".into(), "S3.Example".into(), "localhost".into()]);
        let table = [
            ("s3.example", "/", None, "", Style::Path),
            ("s3.example", "", None, "", Style::Path),
            (
                "s3.example:9000",
                "/bucket",
                Some("bucket"),
                "",
                Style::Path,
            ),
            ("s3.example", "/bucket/", Some("bucket"), "", Style::Path),
            (
                "s3.example",
                "/bucket/a/b",
                Some("bucket"),
                "a/b",
                Style::Path,
            ),
            (
                "s3.example",
                "/bucket//a",
                Some("bucket"),
                "/a",
                Style::Path,
            ),
            ("s3.example", "//a", Some(""), "a", Style::Path),
            (
                "bucket.s3.example",
                "/",
                Some("bucket"),
                "",
                Style::VirtualHost,
            ),
            (
                "Bucket.S3.EXAMPLE:443",
                "/a//b",
                Some("bucket"),
                "a//b",
                Style::VirtualHost,
            ),
            (
                "a.b.s3.example",
                "//k",
                Some("a.b"),
                "/k",
                Style::VirtualHost,
            ),
            (
                "bucket.localhost:9000",
                "/k",
                Some("bucket"),
                "k",
                Style::VirtualHost,
            ),
            ("xs3.example", "/k", Some("xs3"), "k", Style::VirtualHost),
            ("notexample", "/k", Some("k"), "", Style::Path),
            ("127.0.0.1:9000", "/b/k", Some("b"), "k", Style::Path),
            ("[::1]:9000", "/b/k", Some("b"), "k", Style::Path),
            ("[::1]", "/b/k", Some("b"), "k", Style::Path),
            ("", "/b/k", Some("b"), "k", Style::Path),
            ("é.example", "/k", Some("é"), "k", Style::VirtualHost),
            ("example", "/b/k", Some("b"), "k", Style::Path),
        ];
        for (host, path, bucket, key, style) in table {
            let address = Address::locate(Some(host), path, &domains);
            assert_eq!(address.bucket_text(), bucket, "{host} {path}");
            assert_eq!((address.key, address.style), (key, style), "{host} {path}");
        }
        let none = Address::locate(None, "/b/k", &domains);
        assert_eq!((none.bucket_text(), none.key), (Some("b"), "k"));
    }

    proptest! {
        #[test]
        fn decodes_what_is_encoded(text in "([a-z%/]|%[0-9a-fA-F]{2}|é){0,12}") {
            let broken = text.match_indices('%').any(|(at, _)| {
                let digits = text.as_bytes().get(at + 1..at + 3);
                digits.is_none_or(|digits| !digits.iter().all(u8::is_ascii_hexdigit))
            });
            let plainly: Vec<u8> = percent_decode_str(&text).collect();
            match decode(&text) {
                Ok(decoded) => prop_assert_eq!((broken, decoded.into_owned()), (false, plainly)),
                Err(error) => prop_assert_eq!((broken, error.kind()), (true, ErrorKind::InvalidUri)),
            }
        }
    }

    #[test]
    fn keys_are_any_utf8() {
        let key = |path: &str| {
            Address::locate(None, path, &Domains::default())
                .key()
                .map(|key| key.map(|key| key.as_str().to_owned()))
                .map_err(|error| error.kind())
        };
        assert_eq!(
            key("/b/..%2F/%F0%9F%98%80/%01+"),
            Ok(Some("..//😀/\u{1}+".to_owned()))
        );
        assert_eq!(key("/b/%ff"), Err(ErrorKind::InvalidUri));
        for bad in ["/b/%", "/b/%4", "/b/%4g", "/b/a%"] {
            assert_eq!(key(bad), Err(ErrorKind::InvalidUri), "{bad}");
        }
        assert_eq!(
            key(&format!("/b/{}", "k".repeat(1024))).map(|k| k.is_some()),
            Ok(true)
        );
        assert_eq!(
            key(&format!("/b/{}", "k".repeat(1025))),
            Err(ErrorKind::KeyTooLongError)
        );
    }
}
