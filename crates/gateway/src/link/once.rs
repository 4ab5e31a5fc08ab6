//! One-time links: used up for good where an answer with the object follows, and resumed by whoever
//! began.
//!
//! ```text
//!   used already? ──► conditions, range, first bytes ──► use up ──► the first byte leaves
//!    (from memory)      (304, 404, 412, 416 end here)   (durable)          │
//!                                                                 Transfer ┴─► Whole or Short
//! ```
//!
//! The store's serial point decides who is first; the look into its memory only spares the others
//! the way there. Whoever is refused is told no reason.
//!
//! A transfer is whole once its last byte was handed to the connection. One that broke off before
//! may be resumed for a while by whoever shows the token of the first answer, with `If-Match`: what
//! is resumed must be what was begun.

use super::sha256;
use crate::{Context, perform::Trouble};
use blockhouse_s3::error::S3Error;
use blockhouse_store::{LinkError, LinkUse, ObjectStore, ResumeHash, TransferEnd};
use blockhouse_types::{AccountId, LinkId, RequestId, Timestamp, hex};
use blockhouse_verifier_wire::Verifier;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Where the first answer gives its token, and a client shows it.
const RESUME: HeaderName = HeaderName::from_static("x-bh-resume");

/// The same for a browser; it keeps such a cookie to this host and to https.
const COOKIE: &str = "__Host-bh-resume";

/// For how many seconds a use is remembered after its link expired. Only the begin of a request is
/// judged by that: an upload may end later, and must still be the only one. One that takes longer is
/// refused.
const RUNS_ON_SECS: u64 = 86_400;

/// Bytes of a resume token.
const TOKEN_BYTES: usize = 16;

/// Tokens of one request that are looked at.
const TOKENS_MAX: usize = 4;

/// The one-time link that a request came by.
#[derive(Debug)]
pub(crate) struct OneTime {
    link: LinkId,
    owner: AccountId,
    expires: Timestamp,
    /// Of the resume tokens that it shows, and that count.
    shown: Vec<ResumeHash>,
}

impl OneTime {
    /// A link that works once, and what the request with these headers shows of its first use.
    pub(crate) fn new(
        link: LinkId,
        owner: AccountId,
        expires: Timestamp,
        headers: &HeaderMap,
    ) -> Self {
        // What is resumed is named by its tag: `*` would be whatever is there by now.
        let tag = headers.get(header::IF_MATCH);
        let shown = match tag.is_some_and(|tag| tag.as_bytes().trim_ascii() != b"*") {
            true => tokens(headers)
                .filter_map(hash_of)
                .take(TOKENS_MAX)
                .collect(),
            false => Vec::new(),
        };
        Self {
            link,
            owner,
            expires,
            shown,
        }
    }

    /// Whether the request would go on with a transfer that was begun.
    pub(crate) fn resumes(&self) -> bool {
        !self.shown.is_empty()
    }

    /// Refuses a link that was used, before anything is told of what it is for.
    pub(crate) fn check<S: ObjectStore>(
        &self,
        store: &S,
        id: RequestId,
        now: Timestamp,
    ) -> Result<(), S3Error> {
        match store.used_link(self.link) {
            Some(used) if !(self.resumes() && used.state.may_resume(now)) => {
                Err(Trouble::of(id).link(LinkError::Used))
            }
            _ => Ok(()),
        }
    }

    /// Its use; `resume` is what its transfer will be resumed by.
    pub(crate) fn usage(&self, links_max: usize, resume: ResumeHash, now: Timestamp) -> LinkUse {
        LinkUse {
            link: self.link,
            owner: self.owner,
            expires: self.expires.plus_secs(RUNS_ON_SECS),
            resume,
            now,
            links_max,
        }
    }

    /// The use by a PUT, which ends with the write itself: no token resumes it.
    pub(crate) fn usage_of_put(&self, links_max: usize, now: Timestamp) -> LinkUse {
        self.usage(links_max, ResumeHash([0; 32]), now)
    }

    /// Uses the link up, or goes on with its transfer. When it returns, that is durable; the first
    /// answer's headers then tell the token.
    pub(crate) async fn begin<S: ObjectStore, V: Verifier>(
        &self,
        context: &Context<S, V>,
        id: RequestId,
        now: Timestamp,
        headers: &mut HeaderMap,
    ) -> Result<Transfer, S3Error> {
        let begun = if context.store.used_link(self.link).is_some() {
            self.resume(&context.store, now).await
        } else {
            self.first(context, now, headers).await
        };
        begun.map_err(|error| Trouble::of(id).link(error))?;
        Ok(self.transfer(context))
    }

    async fn first<S: ObjectStore, V: Verifier>(
        &self,
        context: &Context<S, V>,
        now: Timestamp,
        headers: &mut HeaderMap,
    ) -> Result<(), LinkError> {
        let mut token = [0; TOKEN_BYTES];
        context.entropy.borrow_mut().fill(&mut token);
        let token = hex(&token);
        let resume = hash_of(&token).ok_or(LinkError::Used)?;
        let usage = self.usage(context.site.used_links_max, resume, now);
        context.store.use_link(usage).await?;
        let cookie = format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Lax");
        // Hexadecimal digits can stand in any header.
        headers.extend(
            HeaderValue::from_str(&token)
                .ok()
                .map(|token| (RESUME, token)),
        );
        headers.extend(
            HeaderValue::from_str(&cookie)
                .ok()
                .map(|cookie| (header::SET_COOKIE, cookie)),
        );
        Ok(())
    }

    async fn resume<S: ObjectStore>(&self, store: &S, now: Timestamp) -> Result<(), LinkError> {
        for token in &self.shown {
            match store.resume_link(self.link, *token, now).await {
                Err(LinkError::Used) => {}
                resumed => return resumed,
            }
        }
        Err(LinkError::Used)
    }

    fn transfer<S: ObjectStore, V: Verifier>(&self, context: &Context<S, V>) -> Transfer {
        let (store, clock) = (context.store.clone(), context.clock.clone());
        let link = self.link;
        Transfer::new(move |end| {
            let now = clock.now();
            tokio::task::spawn_local(async move {
                if let Err(error) = store.end_link(link, end, now).await {
                    // It stays as it is: used up, and nobody may resume it before a restart.
                    tracing::warn!(%link, %error, "the end of a link's transfer was not noted");
                }
            });
        })
    }
}

/// The tokens that a request shows: in its header, or in a browser's cookies.
fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let shown = headers.get_all(RESUME).iter();
    let shown = shown.filter_map(|value| value.to_str().ok());
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    shown.chain(cookies)
}

/// SHA-256 of a token as text; `None` for what never was one.
fn hash_of(token: &str) -> Option<ResumeHash> {
    if token.len() != 2 * TOKEN_BYTES {
        return None;
    }
    Some(ResumeHash(sha256(token.as_bytes())))
}

/// The transfer that a link was used up for. Dropped before its end, it has ended short.
pub(crate) struct Transfer(Option<Box<dyn FnOnce(TransferEnd)>>);

impl Transfer {
    fn new(tell: impl FnOnce(TransferEnd) + 'static) -> Self {
        Self(Some(Box::new(tell)))
    }

    /// All of it was handed over.
    pub(crate) fn complete(mut self) {
        self.tell(TransferEnd::Whole);
    }

    fn tell(&mut self, end: TransferEnd) {
        if let Some(tell) = self.0.take() {
            tell(end);
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.tell(TransferEnd::Short);
    }
}
