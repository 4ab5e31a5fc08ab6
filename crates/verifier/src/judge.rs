//! The checks, in the order in which S3 makes them.

mod order;

pub use order::ORDER_EXPIRES_SECS;

use crate::chains::Chains;
use crate::keys::{KeyStore, KnownKey, SecretForm};
use crate::lookup::Lookup;
use crate::names::{Named, Names};
use crate::refusal;
use crate::token::TokenKeys;
use arc_swap::ArcSwap;
use blockhouse_sigv4::{
    Algorithm, Canonical, Chain, ChainKey, Claim, Credential as Scope, Form, HostReading, PathForm,
    PayloadHash, PublicKey, Query, Request, ScopeError, ScopeRule, SecretKey, SignedForm,
    SigningKey, StringToSign, link_id, region_set_contains, unsigned_headers, without_default_port,
};
use blockhouse_types::{LinkId, Timestamp};
use blockhouse_verifier_wire::{
    AuthType, ChainId, Claims, Credential, Failure, Link, LinkSigner, Ordered, PayloadMode,
    Principal, Question, Service, SignatureVersion, SignedHeaders, Unreachable, Verified, Verifier,
};
use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The services that requests may be signed for; errors name the first.
pub const SERVICES: [&str; 2] = ["s3", "s3-outposts"];

/// The services that forms may be signed for: access points of an Outpost take none.
pub const FORM_SERVICES: [&str; 1] = ["s3"];

/// What stands for the payload of a link that says nothing of its body.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The vendor parameter that lets HEAD through on a link for GET.
const HEAD_ALLOWED: &str = "x-bh-head";

/// The vendor parameter of a link that works once.
const ONCE: &str = "x-bh-once";

/// Everything that may sign, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    /// The long-term keys.
    pub keys: KeyStore,
    /// What opens session tokens.
    pub tokens: TokenKeys,
}

/// Judges heads by a keyring. Cheap to clone, and shared by all threads.
#[derive(Debug, Clone)]
pub struct Judge(Arc<House>);

#[derive(Debug)]
struct House {
    region: String,
    names: Names,
    known: ArcSwap<Known>,
}

/// A keyring, and how its keys are found.
#[derive(Debug)]
struct Known {
    keyring: Arc<Keyring>,
    lookup: Lookup,
}

impl Known {
    fn new(keyring: Keyring) -> Self {
        let lookup = Lookup::new(&keyring.keys);
        let keyring = Arc::new(keyring);
        Self { keyring, lookup }
    }
}

/// A signature that holds: what link it makes, and what goes on judging the body's chunks.
struct Accepted {
    link: Option<LinkId>,
    chain_key: ChainKey,
}

/// The key that a request names.
enum Signer {
    /// A long-term one.
    Known(Arc<KnownKey>),
    /// The one of a session token.
    Session(Box<SessionKey>),
}

/// A temporary key, as its token says.
struct SessionKey {
    id: Arc<str>,
    form: SecretForm,
    principal: Principal,
    claims: Claims,
}

impl Judge {
    /// Judges requests to the region `region`.
    pub fn new(region: String, keyring: Keyring) -> Self {
        Self::named(region, keyring, Names::default())
    }

    /// ... at an endpoint of several names.
    pub fn named(region: String, keyring: Keyring, names: Names) -> Self {
        let known = ArcSwap::from_pointee(Known::new(keyring));
        Self(Arc::new(House {
            region,
            names,
            known,
        }))
    }

    /// From now on requests are judged by this keyring; those under way keep theirs.
    pub fn replace(&self, keyring: Keyring) {
        self.0.known.store(Arc::new(Known::new(keyring)));
    }

    /// The keyring as it is now.
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.known.load().keyring)
    }

    /// Judges a request's head; with a body of signed chunks the chain that goes on judging it.
    pub fn judge(&self, question: Question<'_>) -> Result<(Verified, Option<Chain>), Box<Failure>> {
        self.decide(question).told()
    }

    /// The same without the last word, which is what takes the time that a wrong signature takes for
    /// a key that there is not.
    pub fn decide(&self, question: Question<'_>) -> Decision {
        let judged = self.judge_question(question);
        judged.unwrap_or_else(|failure| Decision {
            judged: Err(failure),
            is_known: true,
        })
    }

    fn judge_question(&self, question: Question<'_>) -> Result<Decision, Box<Failure>> {
        let request = Request {
            method: question.method,
            path: question.path,
            query: question.query,
            headers: question.headers,
            tls: question.tls,
        };
        let query = Query::parse(question.query).map_err(|_| Failure::TooLarge {
            bound: "number of query parameters",
        })?;
        if let Some(fields) = question.form {
            let form = SignedForm::read(&request, &query, fields)
                .map_err(refusal::of_claim)?
                .ok_or(Failure::Anonymous)?;
            return self.0.judge_form(question.now, &form);
        }
        let claim = Claim::read(&request, &query)
            .map_err(refusal::of_claim)?
            .ok_or(Failure::Anonymous)?;
        self.0.judge(question.now, &request, &query, &claim)
    }
}

/// A judgement that nobody was told yet.
///
/// Of a key that there is not, it is what a wrong signature would have come to, made by a key that
/// nobody has, and word for word as long: what follows differs as the two answers do, and no more.
#[derive(Debug)]
pub struct Decision {
    judged: Result<(Verified, Option<Chain>), Box<Failure>>,
    /// Whether there is such a key; nothing of what was judged counts otherwise.
    is_known: bool,
}

impl Decision {
    /// What the asker is told.
    pub fn told(self) -> Result<(Verified, Option<Chain>), Box<Failure>> {
        if self.is_known {
            return self.judged;
        }
        let mut failure = self
            .judged
            .err()
            .unwrap_or_else(|| Box::new(Failure::Anonymous));
        if let Failure::SignatureDoesNotMatch { access_key_id, .. } = &mut *failure {
            let access_key_id = mem::take(access_key_id);
            *failure = Failure::UnknownAccessKey { access_key_id };
        }
        Err(failure)
    }
}

/// A judge in the process that asks, with all chains in one place: for tests, tools and measurements.
/// On a node the judge is in a process of its own.
#[derive(Debug, Clone)]
pub struct InProcess {
    judge: Judge,
    chains: Arc<Mutex<Chains>>,
}

impl InProcess {
    /// Asks this judge.
    pub fn new(judge: Judge) -> Self {
        let chains = Arc::default();
        Self { judge, chains }
    }

    /// Judges a head; the outer error means that there is no room for its chain.
    pub fn judge(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
        match self.judge.judge(question) {
            Ok((verified, chain)) => self.chains().admit(verified, chain, question.now).map(Ok),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Judges the next link of a chain.
    pub fn judge_link(&self, chain: ChainId, link: &Link) -> bool {
        self.chains().verify_link(chain, link)
    }

    /// The map is changed by single calls, so that a panic elsewhere leaves it whole.
    fn chains(&self) -> MutexGuard<'_, Chains> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verifier for InProcess {
    async fn verify(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
        self.judge(question)
    }

    async fn verify_link(&self, chain: ChainId, link: Link) -> Result<bool, Unreachable> {
        Ok(self.judge_link(chain, &link))
    }

    fn end_chain(&self, chain: ChainId) {
        self.chains().end(chain);
    }
}

impl LinkSigner for InProcess {
    async fn order_link(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Ordered, Box<Failure>>, Unreachable> {
        Ok(self.judge.order(question))
    }
}

impl House {
    /// The checks of a request that says who signed it.
    fn judge(
        &self,
        now: Timestamp,
        request: &Request<'_>,
        query: &Query<'_>,
        claim: &Claim<'_>,
    ) -> Result<Decision, Box<Failure>> {
        let (scope, service) = self.read_credential(claim)?;
        claim
            .check_time(now)
            .map_err(|fault| refusal::of_time(fault, claim, now))?;
        let (signer, is_known) = self.find_signer(scope.access_key_id, claim, now)?;
        let judged = match self.check_signed(request, query, claim, &scope, &signer) {
            // By far the most of what is refused, and what must not tell whether the key is there.
            Err(failure) if matches!(*failure, Failure::SignatureDoesNotMatch { .. }) => {
                Err(failure)
            }
            _ if !is_known || **signer.id() != *scope.access_key_id => {
                return Err(unknown_key(scope.access_key_id));
            }
            accepted => accepted.and_then(|(accepted, payload)| {
                self.finish(
                    request,
                    claim,
                    &scope,
                    accepted,
                    signer.verified(claim, service, payload),
                )
            }),
        };
        Ok(Decision { judged, is_known })
    }

    /// What is left once the signature holds.
    fn finish(
        &self,
        request: &Request<'_>,
        claim: &Claim<'_>,
        scope: &Scope<'_>,
        accepted: Accepted,
        verified: Verified,
    ) -> Result<(Verified, Option<Chain>), Box<Failure>> {
        let names = unsigned_headers(request.headers, &claim.signed_headers);
        if !names.is_empty() {
            return Err(Failure::HeadersNotSigned { names }.into());
        }
        let chain = matches!(verified.payload, PayloadMode::SignedChunks { .. }).then(|| {
            Chain::new(
                accepted.chain_key,
                &claim.date,
                scope.scope,
                &claim.signature,
            )
        });
        let link = accepted.link;
        Ok((Verified { link, ..verified }, chain))
    }

    /// What of the checks needs the signer's key: the payload's word, and the signature.
    fn check_signed(
        &self,
        request: &Request<'_>,
        query: &Query<'_>,
        claim: &Claim<'_>,
        scope: &Scope<'_>,
        signer: &Signer,
    ) -> Result<(Accepted, PayloadMode), Box<Failure>> {
        let (payload_hash, payload) = read_payload(claim)?;
        let canonical = Canonical {
            request,
            query,
            signed_headers: &claim.signed_headers,
            payload_hash,
            path_form: PathForm::AsSent,
            host: HostReading::DefaultPortDropped,
        };
        let accepted = self.check_signature(signer, claim, scope, canonical)?;
        Ok((accepted, payload))
    }

    /// The checks of a form that says who signed its policy. What the policy says is the gateway's to
    /// read.
    fn judge_form(&self, now: Timestamp, form: &SignedForm<'_>) -> Result<Decision, Box<Failure>> {
        let claim = &form.claim;
        let (scope, service) = self.read_credential(claim)?;
        claim
            .check_time(now)
            .map_err(|fault| refusal::of_time(fault, claim, now))?;
        let (signer, is_known) = self.find_signer(scope.access_key_id, claim, now)?;
        let key = signer.signing_key(scope.day, &self.region, scope.service);
        let judged = match key.is_some_and(|key| form.is_signed_by(&key)) {
            false => Err(Box::new(Failure::SignatureDoesNotMatch {
                access_key_id: scope.access_key_id.to_owned(),
                string_to_sign: form.policy.to_owned(),
                signature_provided: claim.signature.to_string(),
                canonical_request: String::new(),
            })),
            true if !is_known || **signer.id() != *scope.access_key_id => {
                return Err(unknown_key(scope.access_key_id));
            }
            true => Ok((signer.verified(claim, service, PayloadMode::Unsigned), None)),
        };
        Ok(Decision { judged, is_known })
    }

    /// The key that the request names: a long-term one, or the one that its token carries; and whether
    /// it is the one named. Otherwise it is one that nobody has, and what it judges is to be refused.
    fn find_signer(
        &self,
        access_key_id: &str,
        claim: &Claim<'_>,
        now: Timestamp,
    ) -> Result<(Signer, bool), Failure> {
        let known = self.known.load();
        let found = known.lookup.find(access_key_id);
        let Some(token) = &claim.token else {
            return Ok((Signer::Known(Arc::clone(found.key)), found.is_known));
        };
        let keyring = &known.keyring;
        let unknown = || Failure::UnknownAccessKey {
            access_key_id: access_key_id.to_owned(),
        };
        let invalid = || Failure::InvalidToken {
            token: token.to_string(),
        };
        if found.is_known {
            // A long-term key has no token.
            return Err(invalid());
        }
        let session =
            keyring.tokens.open(access_key_id, token).ok_or_else(|| {
                match access_key_id.starts_with("ASIA") {
                    true => invalid(),
                    false => unknown(),
                }
            })?;
        if session.claims.expires_at <= now {
            return Err(Failure::ExpiredToken {
                token: token.to_string(),
            });
        }
        if let Some(parent) = &session.parent
            && keyring.keys.find(parent).is_none()
        {
            // Disabled or deleted: what came from it dies with it.
            return Err(unknown());
        }
        let signer = Signer::Session(Box::new(SessionKey {
            id: access_key_id.into(),
            form: SecretForm::new(SecretKey::from_zeroizing(session.secret)),
            principal: session.principal,
            claims: session.claims,
        }));
        Ok((signer, true))
    }

    fn read_credential<'a>(
        &self,
        claim: &'a Claim<'_>,
    ) -> Result<(Scope<'a>, Service), Box<Failure>> {
        let refuse = |error| Box::new(refusal::of_claim(claim.refuse_scope(error)));
        let credential = Scope::parse(&claim.credential, claim.algorithm).map_err(refuse)?;
        let rule = ScopeRule {
            region: &self.region,
            services: match claim.form {
                Form::Post => &FORM_SERVICES,
                Form::Header | Form::Query { .. } => &SERVICES,
            },
        };
        credential.check_scope(&claim.date, rule).map_err(refuse)?;
        let service = Service::parse(credential.service).ok_or_else(|| {
            let (service, expected) = (credential.service.to_owned(), SERVICES[0].to_owned());
            refuse(ScopeError::Service { service, expected })
        })?;
        if claim.algorithm == Algorithm::Ecdsa {
            let set = claim.region_set.as_deref().unwrap_or_default();
            if !region_set_contains(set, &self.region) {
                return Err(refusal::of_claim(claim.refuse_region_set(&self.region)).into());
            }
        }
        Ok((credential, service))
    }

    /// Judges the signature: of the request as it came, and of a link, of the same request by the
    /// endpoint's other names and, where the signer allowed HEAD, as GET.
    fn check_signature(
        &self,
        signer: &Signer,
        claim: &Claim<'_>,
        credential: &Scope<'_>,
        canonical: Canonical<'_>,
    ) -> Result<Accepted, Box<Failure>> {
        let signature = Signature::new(signer, claim, credential, &self.region);
        let named = match claim.form {
            Form::Query { .. } => {
                sole_host(canonical.request).and_then(|host| self.names.find(host))
            }
            Form::Header | Form::Post => None,
        };
        for method in methods(&canonical, claim) {
            let request = Request {
                method,
                ..*canonical.request
            };
            let canonical = Canonical {
                request: &request,
                ..canonical
            };
            if let Some(signed) = signature.signs(canonical, named) {
                let link = matches!(claim.form, Form::Query { .. }).then(|| {
                    // One for all names; most links come by the name that counts.
                    let digest = match named {
                        Some(named)
                            if signed.spelling != Spelling::Usual || !named.is_canonical() =>
                        {
                            by_name(canonical, &named.canonical(), |canonical| {
                                canonical.digest()
                            })
                        }
                        _ => signed.digest,
                    };
                    let (id, scope) = (credential.access_key_id, credential.scope);
                    link_id(id, &claim.date, scope, &digest)
                });
                return signature.accepted(link);
            }
        }
        Err(signature.refused(&canonical))
    }
}

fn unknown_key(id: &str) -> Box<Failure> {
    let access_key_id = id.to_owned();
    Box::new(Failure::UnknownAccessKey { access_key_id })
}

/// What a signature was found to be of.
struct Signed {
    /// Of the canonical request.
    digest: [u8; 32],
    spelling: Spelling,
}

/// How the host is spelled in what was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// As received, without the default port.
    Usual,
    /// By another name, or with the default port.
    Other,
}

/// A signature, and all that it takes to judge what it is of.
struct Signature<'c> {
    claim: &'c Claim<'c>,
    credential: &'c Scope<'c>,
    /// `None` for a key that has no such signatures.
    chain_key: Option<ChainKey>,
}

impl<'c> Signature<'c> {
    fn new(signer: &Signer, claim: &'c Claim<'c>, credential: &'c Scope<'c>, region: &str) -> Self {
        let chain_key = match claim.algorithm {
            Algorithm::Hmac => signer
                .signing_key(credential.day, region, credential.service)
                .map(ChainKey::Hmac),
            Algorithm::Ecdsa => signer.public_key().map(ChainKey::Ecdsa),
        };
        Self {
            claim,
            credential,
            chain_key,
        }
    }

    /// What the signature is of: the request by the received host, in one of its readings, or by
    /// another of its names.
    fn signs(&self, canonical: Canonical<'_>, named: Option<Named<'_>>) -> Option<Signed> {
        if let Some(digest) = self.holds(&canonical) {
            return Some(Signed {
                digest,
                spelling: Spelling::Usual,
            });
        }
        // Some signers sign the default port that they send.
        let as_received = Canonical {
            host: HostReading::AsReceived,
            ..canonical
        };
        let ambiguous = canonical.request.host_is_ambiguous();
        let received = ambiguous.then(|| self.holds(&as_received)).flatten();
        let by_another = || {
            let named = named?;
            let mut others = named.others();
            others.find_map(|name| by_name(canonical, &name, |canonical| self.holds(canonical)))
        };
        let digest = received.or_else(by_another)?;
        Some(Signed {
            digest,
            spelling: Spelling::Other,
        })
    }

    /// The digest of the canonical request, if the signature is of it.
    fn holds(&self, canonical: &Canonical<'_>) -> Option<[u8; 32]> {
        let string = self.string_to_sign(canonical);
        let holds = match &self.chain_key {
            Some(ChainKey::Hmac(key)) => string.is_signed_by(key, &self.claim.signature),
            Some(ChainKey::Ecdsa(key)) => string.is_signed_by_owner(key, &self.claim.signature),
            None => false,
        };
        holds.then_some(string.digest)
    }

    fn string_to_sign(&self, canonical: &Canonical<'_>) -> StringToSign<'_> {
        StringToSign {
            algorithm: self.claim.algorithm,
            date: &self.claim.date,
            scope: self.credential.scope,
            digest: canonical.digest(),
        }
    }

    fn accepted(self, link: Option<LinkId>) -> Result<Accepted, Box<Failure>> {
        // Without a key nothing holds.
        let chain_key = self.chain_key.ok_or(Failure::Anonymous)?;
        Ok(Accepted { link, chain_key })
    }

    /// The refusal, by the request as it came.
    fn refused(&self, canonical: &Canonical<'_>) -> Box<Failure> {
        Box::new(Failure::SignatureDoesNotMatch {
            access_key_id: self.credential.access_key_id.to_owned(),
            string_to_sign: self.string_to_sign(canonical).text(),
            signature_provided: self.claim.signature.to_string(),
            canonical_request: canonical.text(),
        })
    }
}

/// The methods that the signature may be of: the request's own, and GET for HEAD on a link whose
/// signer allowed that. A POST by a one-time link is the button of the page that asks before it is
/// used up: the GET that was signed, and nothing else.
fn methods<'a>(
    canonical: &Canonical<'a>,
    claim: &Claim<'_>,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let by_link = matches!(claim.form, Form::Query { .. });
    let (own, also) = match canonical.request.method {
        "POST" if by_link && canonical.query.contains(ONCE) => ("GET", None),
        "HEAD" if by_link && canonical.query.single(HEAD_ALLOWED).as_deref() == Some("1") => {
            ("HEAD", Some("GET"))
        }
        own => (own, None),
    };
    [own].into_iter().chain(also)
}

/// The host as signers write it; `None` when there is not exactly one.
fn sole_host<'a>(request: &Request<'a>) -> Option<&'a str> {
    let mut hosts = request.headers.iter().filter(|(name, _)| *name == "host");
    let (_, host) = hosts.next()?;
    if hosts.next().is_some() {
        return None;
    }
    std::str::from_utf8(without_default_port(host, request.tls)).ok()
}

/// Looks at the same request by another name.
fn by_name<T>(canonical: Canonical<'_>, name: &str, look: impl FnOnce(&Canonical<'_>) -> T) -> T {
    let headers: Vec<(&str, &[u8])> = canonical
        .request
        .headers
        .iter()
        .map(|(header, value)| match *header {
            "host" => (*header, name.as_bytes()),
            _ => (*header, *value),
        })
        .collect();
    let request = Request {
        headers: &headers,
        ..*canonical.request
    };
    look(&Canonical {
        request: &request,
        host: HostReading::AsReceived,
        ..canonical
    })
}

/// The last line of the canonical request, and what it means for the body.
fn read_payload<'a>(claim: &'a Claim<'_>) -> Result<(&'a str, PayloadMode), Failure> {
    let text = match (&claim.content_sha256, claim.form) {
        (Some(text), _) => text,
        (None, Form::Query { .. } | Form::Post) => UNSIGNED_PAYLOAD,
        (None, Form::Header) => return Err(Failure::NoContentSha256),
    };
    let hash =
        PayloadHash::parse(text, claim.algorithm).map_err(|_| Failure::BadContentSha256 {
            value: text.to_owned(),
        })?;
    let mode = match hash {
        PayloadHash::Sha256(digest) => PayloadMode::Sha256(digest),
        PayloadHash::Unsigned => PayloadMode::Unsigned,
        PayloadHash::UnsignedTrailer => PayloadMode::UnsignedTrailer,
        PayloadHash::SignedChunks { trailer } => PayloadMode::SignedChunks { trailer },
    };
    Ok((text, mode))
}

impl Signer {
    fn id(&self) -> &Arc<str> {
        match self {
            Self::Known(key) => &key.id,
            Self::Session(key) => &key.id,
        }
    }

    fn signing_key(&self, day: &str, region: &str, service: &str) -> Option<SigningKey> {
        match self {
            Self::Known(key) => key.signing_key(day, region, service),
            Self::Session(key) => Some(key.form.signing_key(day, region, service)),
        }
    }

    fn public_key(&self) -> Option<PublicKey> {
        match self {
            Self::Known(key) => key.public_key(),
            Self::Session(key) => key.form.public_key(&key.id),
        }
    }

    fn verified(self, claim: &Claim<'_>, service: Service, payload: PayloadMode) -> Verified {
        let (principal, access_key_id, credential) = match self {
            Self::Known(key) => (
                key.principal.clone(),
                Arc::clone(&key.id),
                Credential::LongTerm,
            ),
            Self::Session(key) => (
                key.principal,
                key.id,
                Credential::Temporary(Box::new(key.claims)),
            ),
        };
        // A link ends with the token that signed it.
        let expires_at = claim.expires_at().map(|link| match &credential {
            Credential::LongTerm => link,
            Credential::Temporary(claims) => link.min(claims.expires_at),
        });
        Verified {
            principal,
            access_key_id,
            credential,
            auth_type: match claim.form {
                Form::Header => AuthType::Header,
                Form::Query { .. } => AuthType::Query,
                Form::Post => AuthType::Post,
            },
            signature_version: match claim.algorithm {
                Algorithm::Hmac => SignatureVersion::V4,
                Algorithm::Ecdsa => SignatureVersion::V4a,
            },
            signed_at: claim.signed_at,
            expires_at,
            service,
            payload,
            signed_headers: SignedHeaders::new(&claim.signed_headers),
            link: None,
            chain: None,
        }
    }
}
