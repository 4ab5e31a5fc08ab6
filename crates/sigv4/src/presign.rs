//! Makes presigned links, offline. The same link as botocore's, parameter by parameter, so that
//! either may be held against the other.

use crate::canonical::{Canonical, HostReading, PathForm, Request};
use crate::claim::Algorithm;
use crate::encoding::put_encoded;
use crate::headers::without_default_port;
use crate::key::{SecretKey, SigningKey};
use crate::presigned::EXPIRES_SECS_MAX;
use crate::query::{Query, TooManyParameters};
use crate::sign::StringToSign;
use crate::sink::Sink as _;
use blockhouse_types::{Timestamp, hex};

/// Who signs.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// The key's public id.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret: &'a SecretKey,
    /// The session token of temporary credentials.
    pub session_token: Option<&'a str>,
}

/// Who signs, where only what was derived from the secret is at hand.
#[derive(Debug, Clone, Copy)]
pub struct SignedLink<'a> {
    /// The key's public id.
    pub access_key_id: &'a str,
    /// The session token of temporary credentials.
    pub session_token: Option<&'a str>,
    /// The key of the day, the region and the service of the link.
    pub key: &'a SigningKey,
}

/// What a link is to allow.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// `http://host[:port][/base]` or https; the bucket is not part of it.
    pub endpoint: &'a str,
    /// Bucket and key, addressed in path style.
    pub location: Location<'a>,
    /// Parameters of the operation, not encoded: `("versionId", "…")`.
    pub query: &'a [(&'a str, &'a str)],
    /// Headers that the user of the link must send exactly so.
    pub headers: &'a [(&'a str, &'a str)],
    /// The region of the scope.
    pub region: &'a str,
    /// The service of the scope.
    pub service: &'a str,
    /// The link's life in seconds, 1 to [`EXPIRES_SECS_MAX`].
    pub expires_secs: u64,
}

/// A bucket, and a key in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location<'a> {
    /// The bucket's name; empty with an access point's endpoint, whose host names the bucket.
    pub bucket: &'a str,
    /// The key, not encoded; empty for the bucket itself.
    pub key: &'a str,
}

impl<'a> Location<'a> {
    /// Reads `s3://bucket/key` or `bucket/key`; `None` when no bucket is named.
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix("s3://").unwrap_or(text);
        let (bucket, key) = text.split_once('/').unwrap_or((text, ""));
        (!bucket.is_empty()).then_some(Self { bucket, key })
    }
}

/// Why no link is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PresignError {
    /// The life is not 1 to [`EXPIRES_SECS_MAX`] seconds.
    #[error("a link lives 1 to {EXPIRES_SECS_MAX} seconds, not {expires_secs}")]
    Expires {
        /// As asked for.
        expires_secs: u64,
    },
    /// The endpoint is not `http://host…` or `https://host…`, or has a query.
    #[error(
        "the endpoint {endpoint:?} is not of the form http://host[:port] or https://host[:port]"
    )]
    Endpoint {
        /// As given.
        endpoint: String,
    },
    /// A header that no link can carry: not a header name, a line break in its value, or `Host`.
    #[error("the header {name:?} cannot be part of a link")]
    Header {
        /// Its name.
        name: String,
    },
    /// The method is not an upper-case word.
    #[error("the method {method:?} is not an upper-case word")]
    Method {
        /// As given.
        method: String,
    },
    /// More parameters than a server reads.
    #[error("the link cannot be made")]
    Query(#[from] TooManyParameters),
}

/// Makes the link that `credentials` sign at `now`.
pub fn presign(
    link: &Link<'_>,
    credentials: Credentials<'_>,
    now: Timestamp,
) -> Result<String, PresignError> {
    let date = now.to_basic();
    let (day, _) = date.split_at(8);
    let key = credentials
        .secret
        .signing_key(day, link.region, link.service);
    let by = SignedLink {
        access_key_id: credentials.access_key_id,
        session_token: credentials.session_token,
        key: &key,
    };
    presign_with(link, by, now)
}

/// Makes the link that is signed by this key at `now`, a moment of the key's day.
pub fn presign_with(
    link: &Link<'_>,
    by: SignedLink<'_>,
    now: Timestamp,
) -> Result<String, PresignError> {
    let target = Target::read(link)?;
    let headers = signed_headers(link, &target)?;
    let names: Vec<&str> = headers.iter().map(|(name, _)| &**name).collect();
    let date = now.to_basic();
    let (day, _) = date.split_at(8);
    let scope = format!("{day}/{}/{}/aws4_request", link.region, link.service);
    let names = names.join(";");
    let credential = format!("{}/{scope}", by.access_key_id);
    let expires = link.expires_secs.to_string();
    let mut parameters: Vec<(&str, &str)> = link.query.to_vec();
    parameters.extend([
        ("X-Amz-Algorithm", Algorithm::Hmac.as_str()),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", &date),
        ("X-Amz-Expires", &expires),
        ("X-Amz-SignedHeaders", &names),
    ]);
    parameters.extend(
        by.session_token
            .map(|token| ("X-Amz-Security-Token", token)),
    );
    let query = encode_query(&parameters);

    let received: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (&**name, value.as_bytes()))
        .collect();
    let request = Request {
        method: link.method,
        path: &target.path,
        query: &query,
        headers: &received,
        tls: target.tls,
    };
    let canonical = Canonical {
        request: &request,
        query: &Query::parse(&query)?,
        signed_headers: &names,
        payload_hash: "UNSIGNED-PAYLOAD",
        path_form: PathForm::AsSent,
        host: HostReading::DefaultPortDropped,
    };
    let string_to_sign = StringToSign {
        algorithm: Algorithm::Hmac,
        date: &date,
        scope: &scope,
        digest: canonical.digest(),
    };
    let signature = hex(&string_to_sign.sign(by.key));
    Ok(format!(
        "{}{}?{query}&X-Amz-Signature={signature}",
        target.origin, target.path
    ))
}

/// Where a link points.
struct Target<'a> {
    /// `http://host:port`, as given.
    origin: &'a str,
    /// The value of `Host`.
    host: &'a str,
    tls: bool,
    /// The encoded path.
    path: String,
}

impl<'a> Target<'a> {
    fn read(link: &Link<'a>) -> Result<Self, PresignError> {
        if !(1..=EXPIRES_SECS_MAX).contains(&link.expires_secs) {
            return Err(PresignError::Expires {
                expires_secs: link.expires_secs,
            });
        }
        if link.method.is_empty() || !link.method.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(PresignError::Method {
                method: link.method.to_owned(),
            });
        }
        let odd = || PresignError::Endpoint {
            endpoint: link.endpoint.to_owned(),
        };
        let (scheme, rest) = link.endpoint.split_once("://").ok_or_else(odd)?;
        let tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(odd()),
        };
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let unfit = |c: char| c.is_whitespace() || c.is_control() || "?#@\\".contains(c);
        if authority.is_empty() || rest.contains(unfit) {
            return Err(odd());
        }
        let host = without_default_port(authority.as_bytes(), tls);
        let host = authority.get(..host.len()).unwrap_or(authority);
        let origin = link.endpoint.strip_suffix(base).unwrap_or(link.endpoint);
        Ok(Self {
            origin,
            host,
            tls,
            path: encode_path(base, link.location),
        })
    }
}

fn encode_path(base: &str, location: Location<'_>) -> String {
    let mut path = base.trim_end_matches('/').as_bytes().to_vec();
    let bucket = Some(location.bucket).filter(|bucket| !bucket.is_empty());
    let key = (!location.key.is_empty() || bucket.is_none()).then_some(location.key);
    for part in bucket.into_iter().chain(key) {
        for segment in part.split('/') {
            path.put(b"/");
            put_encoded(&mut path, segment.as_bytes());
        }
    }
    String::from_utf8_lossy(&path).into_owned()
}

fn encode_query(parameters: &[(&str, &str)]) -> String {
    let mut query = Vec::new();
    for (name, value) in parameters {
        if !query.is_empty() {
            query.put(b"&");
        }
        put_encoded(&mut query, name.as_bytes());
        query.put(b"=");
        put_encoded(&mut query, value.as_bytes());
    }
    String::from_utf8_lossy(&query).into_owned()
}

/// `host` and the link's own headers: names in lower case, sorted.
fn signed_headers(
    link: &Link<'_>,
    target: &Target<'_>,
) -> Result<Vec<(String, String)>, PresignError> {
    let mut headers = vec![("host".to_owned(), target.host.to_owned())];
    for (name, value) in link.headers {
        let lower = name.to_ascii_lowercase();
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let named = !lower.is_empty() && lower.bytes().all(token) && lower != "host";
        if !named || value.contains(['\r', '\n', '\0']) {
            return Err(PresignError::Header {
                name: (*name).to_owned(),
            });
        }
        headers.push((lower, (*value).to_owned()));
    }
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    headers.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = format!("{},{}", kept.1, later.1);
        }
        same
    });
    Ok(headers)
}

#[cfg(test)]
mod tests;
