//! Links that are ordered: made by the verifier for who asks in a signed request, with the key that
//! signed it.
//!
//! Everything that the link says stands in the query of the order, which its signature covers, and the
//! link is dated as the order is. So whoever carries orders to the verifier can have signed what was
//! asked for, once more the same, and nothing else: not for another object, not for longer, not at
//! another time. An order has a path of its own and parameters that no S3 request has, so that none
//! of those is taken for one.

use super::{Judge, unknown_key};
use crate::refusal;
use blockhouse_sigv4::{
    Claim, Credential as Scope, EXPIRES_SECS_MAX, Link, Location, Query, Request, SignedLink,
    presign_with,
};
use blockhouse_types::Timestamp;
use blockhouse_verifier_wire::{
    AuthType, Failure, LINK_ORDER_PATH, Ordered, Question, SignatureVersion, Verified,
};

/// How long a link lives when the order does not say: five days.
pub const ORDER_EXPIRES_SECS: u64 = 5 * 86_400;

/// What an order says in its query. Parameters of other names are the link's own.
struct Order {
    method: String,
    bucket: String,
    key: String,
    expires_secs: u64,
    endpoint: Option<String>,
    of_the_link: Vec<(String, String)>,
}

impl Judge {
    /// Makes the link that a request orders.
    ///
    /// # Errors
    /// The request is not believed, or is no order; or no such link can be made.
    pub fn order(&self, question: Question<'_>) -> Result<Ordered, Box<Failure>> {
        let (by, _) = self.judge(question)?;
        let signed_as = (by.auth_type, by.signature_version);
        if signed_as != (AuthType::Header, SignatureVersion::V4)
            || question.method != "POST"
            || question.path != LINK_ORDER_PATH
        {
            return Err(unfit(
                "A link is ordered by a POST that is signed in its header by AWS4-HMAC-SHA256",
            ));
        }
        let query = Query::parse(question.query).map_err(|_| Failure::TooLarge {
            bound: "number of query parameters",
        })?;
        let order = Order::read(&query)?;
        let url = self.sign(&question, &query, &order)?;
        // An order may be dated a little ahead; its link then works from that moment on.
        let now = question.now.max(by.signed_at);
        let made = self.use_link(&order.method, &url, now)?;
        match (made.link, made.expires_at) {
            (Some(link), Some(expires_at)) => Ok(Ordered {
                by,
                method: order.method,
                url,
                link,
                expires_at,
            }),
            _ => Err(unfit("The link is none")),
        }
    }

    /// Signs the link by the key that signed the order.
    fn sign(
        &self,
        question: &Question<'_>,
        query: &Query<'_>,
        order: &Order,
    ) -> Result<String, Box<Failure>> {
        let request = Request {
            method: question.method,
            path: question.path,
            query: question.query,
            headers: question.headers,
            tls: question.tls,
        };
        let claim = Claim::read(&request, query)
            .map_err(refusal::of_claim)?
            .ok_or(Failure::Anonymous)?;
        let scope = Scope::parse(&claim.credential, claim.algorithm)
            .map_err(|error| refusal::of_claim(claim.refuse_scope(error)))?;
        let house = &self.0;
        let (signer, is_known) = house.find_signer(scope.access_key_id, &claim, question.now)?;
        if !is_known || **signer.id() != *scope.access_key_id {
            // It was known when the order was judged, and has gone since.
            return Err(unknown_key(scope.access_key_id));
        }
        let key = signer
            .signing_key(scope.day, &house.region, scope.service)
            .ok_or(Failure::Anonymous)?;
        let endpoint = match (&order.endpoint, house.names.first()) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(name)) => format!("http://{name}"),
            (None, None) => return Err(unfit("The order names no endpoint")),
        };
        let of_the_link = order.of_the_link.iter();
        let of_the_link: Vec<(&str, &str)> = of_the_link.map(|(n, v)| (&**n, &**v)).collect();
        let link = Link {
            method: &order.method,
            endpoint: endpoint.trim_end_matches('/'),
            location: Location {
                bucket: &order.bucket,
                key: &order.key,
            },
            query: &of_the_link,
            headers: &[],
            region: &house.region,
            service: scope.service,
            expires_secs: order.expires_secs,
        };
        let by = SignedLink {
            access_key_id: scope.access_key_id,
            session_token: claim.token.as_deref(),
            key: &key,
        };
        presign_with(&link, by, claim.signed_at).map_err(|error| unfit(&error.to_string()))
    }

    /// Judges a link as if somebody used it at that moment: which one it is, and when it ends.
    fn use_link(&self, method: &str, url: &str, now: Timestamp) -> Result<Verified, Box<Failure>> {
        let (scheme, host, path, query) =
            parts(url).ok_or_else(|| unfit("The endpoint is none"))?;
        let used = Question {
            method,
            path,
            query,
            headers: &[("host", host.as_bytes())],
            tls: scheme == "https",
            form: None,
            now,
        };
        Ok(self.judge(used)?.0)
    }
}

impl Order {
    fn read(query: &Query<'_>) -> Result<Self, Box<Failure>> {
        let mut parameters: Vec<_> = query
            .all()
            .ok_or_else(|| unfit("The parameters of an order are UTF-8"))?
            .collect();
        if parameters.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(unfit("A parameter of the order stands twice"));
        }
        let mut take = |name: &str| {
            let at = parameters.iter().position(|(given, _)| given == name)?;
            Some(parameters.remove(at).1)
        };
        let expires_secs = match take("expires") {
            None => ORDER_EXPIRES_SECS,
            Some(text) => text
                .parse()
                .ok()
                .filter(|secs| (1..=EXPIRES_SECS_MAX).contains(secs))
                .ok_or_else(|| unfit("A link lives 1 to 604800 seconds"))?,
        };
        let bucket = take("bucket").filter(|bucket| !bucket.is_empty());
        Ok(Self {
            method: take("method").unwrap_or_else(|| "GET".to_owned()),
            bucket: bucket.ok_or_else(|| unfit("The order names no bucket"))?,
            key: take("key").unwrap_or_default(),
            expires_secs,
            endpoint: take("endpoint"),
            of_the_link: parameters,
        })
    }
}

/// Scheme, host, path and query of a link.
fn parts(url: &str) -> Option<(&str, &str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, target) = rest.split_at(rest.find('/')?);
    let (path, query) = target.split_once('?')?;
    Some((scheme, host, path, query))
}

fn unfit(message: &str) -> Box<Failure> {
    Box::new(Failure::QueryParameters {
        message: message.to_owned(),
        region: None,
    })
}
