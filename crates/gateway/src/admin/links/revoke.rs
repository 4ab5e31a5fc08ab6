//! `POST /links/revocations`: ends links before their time.

use super::{Call, Refused, show};
use crate::{access_point::Known, audit::Check, link::once_hash, perform::Trouble, verify};
use blockhouse_s3::{
    error::{ErrorKind, S3Error},
    link::OnceToken,
    parse::Address,
};
use blockhouse_store::{ObjectStore, Revocation, Revoke};
use blockhouse_types::{AccountId, BucketName, LinkId, RevokedLinks, Timestamp};
use blockhouse_verifier_wire::{Failure, LinkSigner, Question, Verified};
use http::{Method, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

/// A document of this many bytes at most: a link with a session token is the longest that is in one.
const DOCUMENT_BYTES_MAX: usize = 32 << 10;

/// The longest life of a link, in seconds.
const LINK_LIFE_SECS: u64 = 604_800;

/// How far a link may be dated ahead of the clock, in seconds.
const AHEAD_SECS: u64 = 900;

/// Bytes of the id of a key at most.
const KEY_ID_LEN_MAX: usize = 128;

/// Bytes of a prefix at most, as of a key.
const PREFIX_LEN_MAX: usize = 1024;

/// What links can be made for, in order of how often they are.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::PUT,
    Method::HEAD,
    Method::DELETE,
    Method::POST,
];

/// Which links: exactly one of `url`, `link`, `once`, `key_id` and `bucket`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// The link itself.
    url: Option<String>,
    /// What it is.
    link: Option<String>,
    /// Its `once` token.
    once: Option<String>,
    /// The key that signed it.
    key_id: Option<String>,
    /// The bucket that it is for.
    bucket: Option<String>,
    /// With `bucket`: what its key begins with.
    prefix: Option<String>,
    /// With `key_id` and `bucket`: links signed later work; by default, those signed from now on.
    signed_until: Option<String>,
    /// Whether transfers by these links that are under way may come to their end.
    #[serde(default)]
    keep_running: bool,
}

/// Revokes. When it returns, no such link is let through any more.
pub(in crate::admin) async fn revoke<S: ObjectStore, V: LinkSigner>(
    call: &mut Call<'_, S, V>,
) -> Result<Value, Refused> {
    let root = call.root().await?;
    let owner = root.account;
    let document = call.document(&root.caller, DOCUMENT_BYTES_MAX).await?;
    let context = &call.desk.context;
    let document: Document = serde_json::from_slice(&document).map_err(|_| {
        let error = S3Error::invalid_request("The body is no document that names links to revoke.");
        Refused(Check::Body, error)
    })?;
    let keep_running = document.keep_running;
    let revocation = call.read(owner, document).await?;
    let order = Revoke {
        revocation: revocation.clone(),
        now: call.now,
        revocations_max: context.site.revocations_max,
    };
    let revoked = context.store.revoke(order).await;
    revoked.map_err(|error| Refused(Check::Node, Trouble::of(call.id).revoke(error)))?;
    let ended = match keep_running {
        true => 0,
        false => context.rolls.cut(&revocation).await,
    };
    tracing::info!(id = %call.id, account = %owner, connections = ended, "links were revoked");
    let mut shown = show::of_revocation(&revocation);
    shown["connections_ended"] = json!(ended);
    Ok(shown)
}

impl<S: ObjectStore, V: LinkSigner> Call<'_, S, V> {
    /// The revocation that a document asks for.
    async fn read(&self, owner: AccountId, document: Document) -> Result<Revocation, Refused> {
        let odd = |message: &'static str| Refused(Check::Body, S3Error::invalid_request(message));
        let until_longest = self.now.plus_secs(LINK_LIFE_SECS + AHEAD_SECS);
        let given = [
            document.url.is_some(),
            document.link.is_some(),
            document.once.is_some(),
            document.key_id.is_some(),
            document.bucket.is_some(),
        ];
        if given.into_iter().filter(|is| *is).count() != 1 {
            return Err(odd(
                "One of url, link, once, key_id and bucket says which links.",
            ));
        }
        if document.prefix.is_some() && document.bucket.is_none() {
            return Err(odd("A prefix goes with a bucket."));
        }
        let by_time = document.key_id.is_some() || document.bucket.is_some();
        if document.signed_until.is_some() && !by_time {
            return Err(odd("signed_until goes with key_id or bucket."));
        }
        if let Some(url) = &document.url {
            return self.read_url(owner, url).await;
        }
        let signed_until = match &document.signed_until {
            None => self.now,
            Some(text) => Timestamp::parse_basic(&text.replace(['-', ':'], ""))
                .ok()
                .filter(|at| *at <= until_longest)
                .ok_or_else(|| odd("signed_until is a time like 2026-11-21T23:00:00Z, and at most a week ahead."))?,
        };
        let links = if let Some(id) = &document.link {
            let id = LinkId::parse(id);
            RevokedLinks::Link(id.map_err(|_| odd("A link's id has 32 hexadecimal digits."))?)
        } else if let Some(token) = &document.once {
            let token = OnceToken::parse(token);
            let token = token.ok_or_else(|| odd("once is 1 to 64 of A-Za-z0-9_-."))?;
            RevokedLinks::Once(once_hash(token.as_str()))
        } else if let Some(id) = document.key_id {
            let legal = |b: u8| b.is_ascii_alphanumeric();
            if !(1..=KEY_ID_LEN_MAX).contains(&id.len()) || !id.bytes().all(legal) {
                return Err(odd("key_id is the id of an access key."));
            }
            RevokedLinks::Key(id)
        } else {
            let bucket = BucketName::parse(&document.bucket.unwrap_or_default());
            let bucket = bucket.map_err(|_| odd("bucket is the name of a bucket."))?;
            let prefix = document.prefix.unwrap_or_default();
            if prefix.len() > PREFIX_LEN_MAX {
                return Err(odd("A prefix has at most 1024 bytes."));
            }
            RevokedLinks::Prefix { bucket, prefix }
        };
        Ok(match by_time {
            true => Revocation {
                owner,
                links,
                signed_until,
                until: signed_until.plus_secs(LINK_LIFE_SECS),
            },
            // Whichever link it is, it has expired by then.
            false => Revocation {
                owner,
                links,
                signed_until: until_longest,
                until: until_longest,
            },
        })
    }

    /// The revocation of a link that is given itself. It must be good, and one that the account has a
    /// say in: otherwise it would be revoked in vain.
    async fn read_url(&self, owner: AccountId, url: &str) -> Result<Revocation, Refused> {
        let odd = |message: &'static str| Refused(Check::Body, S3Error::invalid_request(message));
        let uri: Uri = url.trim().parse().map_err(|_| odd("url is no link."))?;
        if uri.scheme().is_none() || uri.authority().is_none() {
            return Err(odd("url is no link."));
        }
        let signed = self.signer_of(&uri).await?;
        let (Some(link), Some(until)) = (signed.link, signed.expires_at) else {
            return Err(odd("url is no presigned link."));
        };
        if signed.principal.account() != owner && self.owner_of_bucket(&uri) != Some(owner) {
            let error = ErrorKind::AccessDenied.into();
            return Err(Refused(Check::Permit("not-the-owner"), error));
        }
        self.trail.came_by(Some(link));
        Ok(Revocation {
            owner,
            links: RevokedLinks::Link(link),
            signed_until: until,
            until,
        })
    }

    /// Who signed a link. What it is for does not stand in it: each method is tried.
    async fn signer_of(&self, uri: &Uri) -> Result<Verified, Refused> {
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let mut refused = None;
        for method in &METHODS {
            let question = Question {
                method: method.as_str(),
                path: uri.path(),
                query: uri.query().unwrap_or_default(),
                headers: &[("host", host.as_bytes())],
                tls: uri.scheme_str() == Some("https"),
                form: None,
                now: self.now,
            };
            match self.desk.context.verifier.verify(question).await {
                Ok(Ok(signed)) => return Ok(signed),
                Ok(Err(failure)) => {
                    let is_of_another = matches!(*failure, Failure::SignatureDoesNotMatch { .. });
                    let error = verify::error_of(*failure, self.head);
                    if !is_of_another {
                        return Err(Refused(Check::Body, error));
                    }
                    refused = Some(error.message(
                        "The link is none of this node's, or its signature covers headers: revoke it by its id, key or bucket.",
                    ));
                }
                Err(_) => {
                    let error = ErrorKind::SlowDown.into();
                    return Err(Refused(Check::Verify("unreachable"), error));
                }
            }
        }
        let error = refused.unwrap_or_else(|| ErrorKind::InternalError.into());
        Err(Refused(Check::Body, error))
    }

    fn owner_of_bucket(&self, uri: &Uri) -> Option<AccountId> {
        let context = &self.desk.context;
        let host = uri.authority().map(|authority| authority.as_str());
        let address = Address::locate(host, uri.path(), &context.site.domains);
        let known = Known {
            state: &context.desired.load(),
            site: &context.site,
        };
        let name = match address.through(&known).ok()? {
            Some(access_point) => access_point.bucket,
            None => BucketName::parse(address.bucket_text()?).ok()?,
        };
        Some(context.store.bucket(&name)?.owner)
    }
}
