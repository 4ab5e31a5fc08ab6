//! Cross-origin rules of a bucket: which pages of other origins may send which requests.
//!
//! The answer is made of the request and the bucket's rules alone. It never depends on whether a
//! key exists or who asks, so that it can be given before a signature, and beside an error.

use crate::{
    error::{ErrorKind, S3Error},
    operation::Preflight,
    xml::{Element, Writer, check_kept, parse_document},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Rules of one bucket at most.
const RULES_MAX: usize = 100;
/// The longest id of a rule, in characters.
const ID_CHARS_MAX: usize = 255;
/// Methods that a rule may allow.
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

/// The rules of one bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cors {
    /// In order: the first that matches answers. At least one.
    pub rules: Vec<CorsRule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CorsRule {
    /// Its id; empty for none.
    pub id: String,
    /// Origins, each with at most one `*`; at least one.
    pub origins: Vec<String>,
    /// Methods; at least one.
    pub methods: Vec<String>,
    /// Request headers, each with at most one `*`.
    pub headers: Vec<String>,
    /// Response headers that a page may read.
    pub expose: Vec<String>,
    /// How long a browser may keep the answer, in seconds.
    pub max_age_secs: Option<u32>,
}

impl Cors {
    /// Reads the body of PutBucketCors, or what [`Self::to_xml`] wrote.
    pub fn parse(body: &[u8]) -> Result<Self, S3Error> {
        let root = parse_document(body, "CORSConfiguration")?;
        let elements = root.parts(&["CORSRule"])?;
        if elements.is_empty() || elements.len() > RULES_MAX {
            return Err(ErrorKind::MalformedXml.into());
        }
        let rules = elements.iter().map(rule).collect::<Result<_, _>>()?;
        let cors = Self { rules };
        check_kept(&cors.to_xml())?;
        Ok(cors)
    }

    /// The document that answers GetBucketCors, and that a store keeps.
    pub fn to_xml(&self) -> Bytes {
        let mut xml = Writer::new(128 + self.rules.len() * 256);
        xml.root("CORSConfiguration");
        for rule in &self.rules {
            xml.open("CORSRule");
            if !rule.id.is_empty() {
                xml.text("ID", &rule.id);
            }
            for (name, values) in rule.lists() {
                values.iter().for_each(|value| xml.text(name, value));
            }
            if let Some(secs) = rule.max_age_secs {
                xml.plain("MaxAgeSeconds", secs);
            }
            xml.close("CORSRule");
        }
        xml.close("CORSConfiguration");
        xml.finish()
    }

    /// The headers that answer a preflight; `None` is 403 `CorsForbidden`.
    pub fn preflight(&self, question: &Preflight) -> Option<HeaderMap> {
        let allows = |rule: &&CorsRule| {
            rule.matches(&question.origin, &question.method)
                && question.headers.iter().all(|name| rule.allows_header(name))
        };
        let rule = self.rules.iter().find(allows)?;
        let mut headers = rule.answer(&question.origin);
        if !question.headers.is_empty() {
            put(
                &mut headers,
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                &question.headers.join(", "),
            );
        }
        if let Some(secs) = rule.max_age_secs {
            put(
                &mut headers,
                header::ACCESS_CONTROL_MAX_AGE,
                &secs.to_string(),
            );
        }
        Some(headers)
    }

    /// The headers beside the answer to a request that has `Origin`; `None` when no rule allows it.
    pub fn actual(&self, origin: &str, method: &str) -> Option<HeaderMap> {
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.matches(origin, method))?;
        Some(rule.answer(origin))
    }
}

impl CorsRule {
    fn matches(&self, origin: &str, method: &str) -> bool {
        self.methods.iter().any(|allowed| allowed == method)
            && self.origins.iter().any(|pattern| wildcard(pattern, origin))
    }

    fn allows_header(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.headers
            .iter()
            .any(|pattern| wildcard(&pattern.to_ascii_lowercase(), &name))
    }

    /// A rule for every origin answers `*` and allows no credentials; any other names the origin.
    fn answer(&self, origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        let any = self.origins.iter().any(|pattern| pattern == "*");
        let shown = if any { "*" } else { origin };
        put(&mut headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, shown);
        put(
            &mut headers,
            header::ACCESS_CONTROL_ALLOW_METHODS,
            &self.methods.join(", "),
        );
        if !any {
            put(
                &mut headers,
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                "true",
            );
        }
        if !self.expose.is_empty() {
            put(
                &mut headers,
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                &self.expose.join(", "),
            );
        }
        headers.insert(
            header::VARY,
            HeaderValue::from_static(
                "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
            ),
        );
        headers
    }

    fn lists(&self) -> [(&'static str, &[String]); 4] {
        [
            ("AllowedOrigin", &self.origins),
            ("AllowedMethod", &self.methods),
            ("AllowedHeader", &self.headers),
            ("ExposeHeader", &self.expose),
        ]
    }
}

/// Adds a header; a value that cannot stand in one came with the request and matched a wildcard:
/// then the header is left out, and the browser refuses.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
}

/// `*` stands for any characters, also none.
fn wildcard(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}

fn rule(element: &Element) -> Result<CorsRule, S3Error> {
    let children = element.parts(&[
        "ID",
        "AllowedOrigin",
        "AllowedMethod",
        "AllowedHeader",
        "ExposeHeader",
        "MaxAgeSeconds",
    ])?;
    let list = |name: &str| {
        let named = children.iter().filter(|child| child.name == name);
        named
            .map(|child| Ok(child.leaf()?.trim().to_owned()))
            .collect::<Result<Vec<_>, S3Error>>()
    };
    let rule = CorsRule {
        id: element.child_text("ID")?.unwrap_or_default().to_owned(),
        origins: list("AllowedOrigin")?,
        methods: list("AllowedMethod")?,
        headers: list("AllowedHeader")?,
        expose: list("ExposeHeader")?,
        max_age_secs: element.child_number("MaxAgeSeconds")?,
    };
    check(&rule)?;
    Ok(rule)
}

fn check(rule: &CorsRule) -> Result<(), S3Error> {
    if rule.origins.is_empty() || rule.methods.is_empty() {
        return Err(ErrorKind::MalformedXml.into());
    }
    if rule.id.chars().count() > ID_CHARS_MAX {
        return Err(S3Error::from(ErrorKind::InvalidArgument)
            .message("ID length should not exceed allowed limit of 255"));
    }
    if let Some(method) = rule
        .methods
        .iter()
        .find(|method| !METHODS.contains(&method.as_str()))
    {
        return Err(S3Error::invalid_request(format!(
            "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
        )));
    }
    for (what, patterns) in [
        ("AllowedOrigin", &rule.origins),
        ("AllowedHeader", &rule.headers),
    ] {
        if let Some(pattern) = patterns.iter().find(|text| text.matches('*').count() > 1) {
            return Err(S3Error::invalid_request(format!(
                "{what} \"{pattern}\" can not have more than one wildcard."
            )));
        }
    }
    if let Some(name) = rule.expose.iter().find(|name| name.contains('*')) {
        return Err(S3Error::invalid_request(format!(
            "ExposeHeader \"{name}\" contains wildcard. We currently do not support wildcard for \
             ExposeHeader."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_types::BucketName;

    fn cors(rules: &str) -> Result<Cors, ErrorKind> {
        let body = format!("<CORSConfiguration>{rules}</CORSConfiguration>");
        Cors::parse(body.as_bytes()).map_err(|error| error.kind())
    }

    const RULES: &str = "<CORSRule><ID>a</ID><AllowedOrigin>https://*.example</AllowedOrigin>\
        <AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>\
        <AllowedHeader>x-amz-*</AllowedHeader><AllowedHeader>Content-Type</AllowedHeader>\
        <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>3000</MaxAgeSeconds></CORSRule>\
        <CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>";

    fn ask(origin: &str, method: &str, headers: &[&str]) -> Option<HeaderMap> {
        cors(RULES).unwrap().preflight(&Preflight {
            bucket: BucketName::parse("bucket").unwrap(),
            key: None,
            origin: origin.to_owned(),
            method: method.to_owned(),
            headers: headers.iter().map(|name| (*name).to_owned()).collect(),
        })
    }

    #[test]
    fn reads_what_it_writes() {
        let rules = cors(RULES).unwrap();
        assert_eq!(Cors::parse(&rules.to_xml()), Ok(rules));
    }

    #[test]
    fn the_first_matching_rule_answers() {
        let headers = ask("https://a.example", "PUT", &["content-type", "x-amz-date"]).unwrap();
        assert_eq!(headers["access-control-allow-origin"], "https://a.example");
        assert_eq!(headers["access-control-allow-methods"], "PUT, GET");
        assert_eq!(
            headers["access-control-allow-headers"],
            "content-type, x-amz-date"
        );
        assert_eq!(headers["access-control-expose-headers"], "ETag");
        assert_eq!(headers["access-control-max-age"], "3000");
        assert_eq!(headers["access-control-allow-credentials"], "true");
        let headers = ask("http://b", "GET", &[]).unwrap();
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert!(!headers.contains_key("access-control-allow-credentials"));
        assert_eq!(ask("http://b", "PUT", &[]), None);
        assert_eq!(ask("https://a.example", "PUT", &["authorization"]), None);
        assert_eq!(ask("https://.exampl", "PUT", &[]), None);
        assert!(
            cors(RULES)
                .unwrap()
                .actual("https://x.example", "PUT")
                .is_some()
        );
        assert!(
            cors(RULES)
                .unwrap()
                .actual("https://x.example", "DELETE")
                .is_none()
        );
    }

    #[test]
    fn refuses() {
        let one = |inner: &str| cors(&format!("<CORSRule>{inner}</CORSRule>"));
        let (origin, get) = (
            "<AllowedOrigin>*</AllowedOrigin>",
            "<AllowedMethod>GET</AllowedMethod>",
        );
        assert_eq!(cors("").unwrap_err(), ErrorKind::MalformedXml);
        assert_eq!(one(origin).unwrap_err(), ErrorKind::MalformedXml);
        assert_eq!(one(get).unwrap_err(), ErrorKind::MalformedXml);
        for bad in [
            format!("{origin}<AllowedMethod>PATCH</AllowedMethod>"),
            format!("<AllowedOrigin>*.*</AllowedOrigin>{get}"),
            format!("{origin}{get}<AllowedHeader>*-*</AllowedHeader>"),
            format!("{origin}{get}<ExposeHeader>*</ExposeHeader>"),
        ] {
            assert_eq!(one(&bad).unwrap_err(), ErrorKind::InvalidRequest, "{bad}");
        }
        let many = format!("<CORSRule>{origin}{get}</CORSRule>").repeat(RULES_MAX + 1);
        assert_eq!(cors(&many).unwrap_err(), ErrorKind::MalformedXml);
        let long = format!("<ExposeHeader>{}</ExposeHeader>", "\"".repeat(60_000));
        let kind = one(&format!("{origin}{get}{long}")).unwrap_err();
        assert_eq!(kind, ErrorKind::MaxMessageLengthExceeded);
    }
}
