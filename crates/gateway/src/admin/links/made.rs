//! `POST /links`: makes a link for an application that has no SDK at hand.

use super::{Call, Refused};
use crate::{audit::Check, verify};
use blockhouse_s3::{
    error::{ErrorKind, S3Error},
    parse::{self as s3, Parsed},
};
use blockhouse_store::{DocumentKind, ObjectStore};
use blockhouse_types::{AccountId, LinkId, Timestamp};
use blockhouse_verifier_wire::{Credential, LinkSigner, Ordered};
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::VecDeque};

/// Links made here that are remembered; one more, and the first is forgotten.
const MADE_MAX: usize = 10_000;

/// The links that were made here since the node began.
#[derive(Debug, Default)]
pub struct Made(RefCell<VecDeque<MadeLink>>);

/// A link that was made here; not the link itself.
#[derive(Debug, Clone)]
pub(super) struct MadeLink {
    owner: AccountId,
    link: LinkId,
    key_id: String,
    method: String,
    bucket: String,
    key: Option<String>,
    made_at: Timestamp,
    expires_at: Timestamp,
}

impl Made {
    fn note(&self, link: MadeLink) {
        let mut made = self.0.borrow_mut();
        // The same order within its minute makes the same link.
        if made.iter().rev().take(64).any(|old| old.link == link.link) {
            return;
        }
        if made.len() >= MADE_MAX {
            made.pop_front();
        }
        made.push_back(link);
    }

    /// Those of an account that have not expired.
    pub(super) fn of(&self, owner: AccountId, now: Timestamp) -> Vec<Value> {
        let made = self.0.borrow();
        let standing = made
            .iter()
            .filter(|made| made.owner == owner && made.expires_at > now);
        standing.map(MadeLink::shown).collect()
    }
}

impl MadeLink {
    fn shown(&self) -> Value {
        json!({
            "link": self.link.to_string(),
            "key_id": self.key_id,
            "method": self.method,
            "bucket": self.bucket,
            "key": self.key,
            "made_at": self.made_at.to_iso_secs(),
            "expires_at": self.expires_at.to_iso_secs(),
        })
    }
}

/// Makes the link.
pub(in crate::admin) async fn make<S: ObjectStore, V: LinkSigner>(
    call: &mut Call<'_, S, V>,
) -> Result<Value, Refused> {
    let context = &call.desk.context;
    if !matches!(call.body.declared_len(), None | Some(0)) {
        let error = S3Error::invalid_request("An order for a link has no body: it is the query.");
        return Err(Refused(Check::Parse, error));
    }
    let ordered = verify::order(&context.verifier, call.head, (false, call.now)).await;
    let ordered = ordered.map_err(|refused| call.disbelieved(refused))?;
    let by = &ordered.by;
    call.trail.is_signed_by(&by.access_key_id, &by.principal);
    call.trail.came_by(Some(ordered.link));
    let (method, asked) = read(call, &ordered).map_err(|error| Refused(Check::Parse, error))?;
    let bucket = asked.operation.bucket().ok_or_else(no_link);
    let bucket = bucket.map_err(|error| Refused(Check::Parse, error))?;
    call.trail.is_about(asked.operation.key());
    let made = MadeLink {
        owner: by.principal.account(),
        link: ordered.link,
        key_id: by.access_key_id.to_string(),
        method: method.to_string(),
        bucket: bucket.to_string(),
        key: asked.operation.key().map(|key| key.as_str().to_owned()),
        made_at: call.now,
        expires_at: ordered.expires_at,
    };
    let mut shown = made.shown();
    shown["url"] = json!(ordered.url);
    let listed = context
        .store
        .bucket(bucket)
        .is_some_and(|bucket| bucket.documents.contains_key(&DocumentKind::Addresses));
    shown["may_end_earlier"] = json!(ends(&ordered, &asked, listed));
    call.desk.made.note(made);
    Ok(shown)
}

/// What the link asks for, read as it will be when it is used: terms that would be refused then are
/// refused now.
fn read<S: ObjectStore, V: LinkSigner>(
    call: &Call<'_, S, V>,
    ordered: &Ordered,
) -> Result<(Method, Parsed), S3Error> {
    let uri: Uri = ordered.url.parse().map_err(|_| no_link())?;
    let method = Method::from_bytes(ordered.method.as_bytes()).map_err(|_| no_link())?;
    let headers = HeaderMap::new();
    let head = s3::Head {
        method: &method,
        host: uri.authority().map(|authority| authority.as_str()),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        headers: &headers,
        tls: uri.scheme_str() == Some("https"),
    };
    match s3::parse(&head, &call.desk.context.site.domains) {
        Ok(asked) => Ok((method, asked)),
        // The link's user brings the body, and says how long it is.
        Err(error) if error.kind() == ErrorKind::MissingContentLength => {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::CONTENT_LENGTH, 0.into());
            let head = s3::Head {
                headers: &headers,
                ..head
            };
            let asked = s3::parse(&head, &call.desk.context.site.domains)?;
            Ok((method, asked))
        }
        Err(error) => Err(error),
    }
}

/// What may end the link before its time.
fn ends(ordered: &Ordered, asked: &Parsed, listed: bool) -> Vec<Value> {
    let by = &ordered.by;
    let mut ends = vec![json!({
        "because": "key",
        "message": format!("It ends when the key {} is disabled or deleted.", by.access_key_id),
    })];
    if let Credential::Temporary(claims) = &by.credential {
        ends.push(json!({
            "because": "token",
            "at": claims.expires_at.to_iso_secs(),
            "message": "It was signed by temporary credentials, and ends with them.",
        }));
    }
    let terms = &asked.terms;
    let of_terms = [
        (
            listed,
            "address-list",
            "The bucket is reached from listed addresses alone; from any other the link does not work.",
        ),
        (terms.once.is_some(), "once", "It ends when it is used."),
        (
            terms.sources.is_some(),
            "source",
            "It is for some addresses alone; from any other it does not work.",
        ),
        (
            terms.not_before.is_some(),
            "not-before",
            "It does not work before its time.",
        ),
    ];
    let of_terms = of_terms.into_iter().filter(|(is, ..)| *is);
    ends.extend(
        of_terms.map(|(_, because, message)| json!({"because": because, "message": message})),
    );
    ends.push(json!({
        "because": "revocation",
        "message": "It ends when it is revoked.",
    }));
    ends
}

fn no_link() -> S3Error {
    S3Error::invalid_request("No link can be made of this order.")
}
