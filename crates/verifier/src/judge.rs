//! The checks, in the order in which S3 makes them.

mod call;
mod in_process;
mod order;
mod signature;
mod signer;
mod together;

pub use in_process::InProcess;
pub use order::ORDER_EXPIRES_SECS;
pub use together::Told;

use crate::keys::{KeyStore, SecretForm};
use crate::lookup::Lookup;
use crate::names::Names;
use crate::refusal;
use crate::token::TokenKeys;
use arc_swap::ArcSwap;
use blockhouse_sigv4::{
    Algorithm, Canonical, Chain, Claim, Credential as Scope, Form, HostReading, PathForm,
    PayloadHash, Query, Request, ScopeError, ScopeRule, SecretKey, SignedForm, link_id,
    region_set_contains, unsigned_headers,
};
use blockhouse_types::{LinkId, Timestamp};
use blockhouse_verifier_wire::{Failure, PayloadMode, Question, Service};
use signature::{Hashed, Signature, Spelling, by_name, methods, sole_host};
use signer::{SessionKey, Signer};
use std::{mem, sync::Arc};

/// The services that requests may be signed for; errors name the first.
pub const SERVICES: [&str; 2] = ["s3", "s3-outposts"];

/// The services that forms may be signed for: access points of an Outpost take none.
pub const FORM_SERVICES: [&str; 1] = ["s3"];

/// What stands for the payload of a link that says nothing of its body.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

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
    pub fn judge(&self, question: Question<'_>) -> Told {
        self.decide(question).told()
    }

    /// The same without the last word, which is what takes the time that a wrong signature takes for
    /// a key that there is not.
    pub fn decide(&self, question: Question<'_>) -> Decision {
        let judged = self.judge_question(question);
        judged.unwrap_or_else(Decision::refusal)
    }

    fn judge_question(&self, question: Question<'_>) -> Result<Decision, Box<Failure>> {
        let query = read_query(&question)?;
        if let Some(fields) = question.form {
            let form = SignedForm::read(&request_of(&question), &query, fields)
                .map_err(refusal::of_claim)?
                .ok_or(Failure::Anonymous)?;
            return self.0.judge_form(question.now, &form);
        }
        let claim = read_claim(&question, &query)?;
        let heard = self.0.hear(&question, &query, &claim)?;
        self.0.judge(&heard, None)
    }
}

/// The head of what is asked about.
fn request_of<'a>(question: &Question<'a>) -> Request<'a> {
    Request {
        method: question.method,
        path: question.path,
        query: question.query,
        headers: question.headers,
        tls: question.tls,
    }
}

fn read_query<'a>(question: &Question<'a>) -> Result<Query<'a>, Box<Failure>> {
    let too_many = |_| Failure::TooLarge {
        bound: "number of query parameters",
    };
    Ok(Query::parse(question.query).map_err(too_many)?)
}

fn read_claim<'a>(
    question: &Question<'a>,
    query: &'a Query<'a>,
) -> Result<Claim<'a>, Box<Failure>> {
    let claim = Claim::read(&request_of(question), query).map_err(refusal::of_claim)?;
    Ok(claim.ok_or(Failure::Anonymous)?)
}

/// A request that says who signed it, by a key that is there or one that nobody has: its signature is
/// what is judged next.
struct Heard<'a> {
    request: Request<'a>,
    query: &'a Query<'a>,
    claim: &'a Claim<'a>,
    scope: Scope<'a>,
    service: Service,
    signer: Signer,
    is_known: bool,
    /// What the signature is judged by, or why it is not.
    signed: Result<Signing<'a>, Box<Failure>>,
}

/// The signature, the last line of the canonical request, and what that means for the body.
struct Signing<'a> {
    signature: Signature<'a>,
    payload_hash: &'a str,
    payload: PayloadMode,
}

impl Heard<'_> {
    /// The request as it came.
    fn canonical<'c>(&'c self, payload_hash: &'c str) -> Canonical<'c> {
        Canonical {
            request: &self.request,
            query: self.query,
            signed_headers: &self.claim.signed_headers,
            payload_hash,
            path_form: PathForm::AsSent,
            host: HostReading::DefaultPortDropped,
        }
    }
}

/// A judgement that nobody was told yet.
///
/// Of a key that there is not, it is what a wrong signature would have come to, made by a key that
/// nobody has, and word for word as long: what follows differs as the two answers do, and no more.
#[derive(Debug)]
pub struct Decision {
    judged: Told,
    /// Whether there is such a key; nothing of what was judged counts otherwise.
    is_known: bool,
}

impl Decision {
    /// A refusal that has nothing to do with whether there is such a key.
    fn refusal(failure: Box<Failure>) -> Self {
        Self {
            judged: Err(failure),
            is_known: true,
        }
    }

    /// What the asker is told.
    pub fn told(self) -> Told {
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

impl House {
    /// The checks before the signature.
    fn hear<'a>(
        &self,
        question: &Question<'a>,
        query: &'a Query<'a>,
        claim: &'a Claim<'a>,
    ) -> Result<Heard<'a>, Box<Failure>> {
        let now = question.now;
        let (scope, service) = self.read_credential(claim, &SERVICES)?;
        claim
            .check_time(now)
            .map_err(|fault| refusal::of_time(fault, claim, now))?;
        let (signer, is_known) = self.find_signer(scope.access_key_id, claim, now)?;
        let signed = read_payload(claim).map(|(payload_hash, payload)| Signing {
            signature: Signature::new(&signer, claim, scope, &self.region),
            payload_hash,
            payload,
        });
        Ok(Heard {
            request: request_of(question),
            query,
            claim,
            scope,
            service,
            signer,
            is_known,
            signed: signed.map_err(Box::new),
        })
    }

    /// The signature, and what comes after it. `hashed` is of the request as it came, if it was hashed
    /// beside others.
    fn judge(&self, heard: &Heard<'_>, hashed: Option<Hashed>) -> Result<Decision, Box<Failure>> {
        let (scope, signer, is_known) = (&heard.scope, &heard.signer, heard.is_known);
        let checked = match &heard.signed {
            Ok(signing) => {
                let canonical = heard.canonical(signing.payload_hash);
                self.check_signature(&signing.signature, heard.claim, canonical, hashed)
                    .map(|link| (link, signing))
            }
            Err(failure) => Err(failure.clone()),
        };
        let judged = match checked {
            // By far the most of what is refused, and what must not tell whether the key is there.
            Err(failure) if matches!(*failure, Failure::SignatureDoesNotMatch { .. }) => {
                Err(failure)
            }
            _ if !is_known || **signer.id() != *scope.access_key_id => {
                return Err(unknown_key(scope.access_key_id));
            }
            checked => checked.and_then(|(link, signing)| self.finish(heard, signing, link)),
        };
        Ok(Decision { judged, is_known })
    }

    /// What is left once the signature holds.
    fn finish(&self, heard: &Heard<'_>, signing: &Signing<'_>, link: Option<LinkId>) -> Told {
        let claim = heard.claim;
        let names = unsigned_headers(heard.request.headers, &claim.signed_headers);
        if !names.is_empty() {
            return Err(Failure::HeadersNotSigned { names }.into());
        }
        let chain = match signing.payload {
            PayloadMode::SignedChunks { .. } => {
                let key = signing.signature.chain_key()?;
                let scope = heard.scope.scope;
                let signature = &claim.signature;
                Some(Box::new(Chain::new(key, &claim.date, scope, signature)))
            }
            _ => None,
        };
        let mut verified = heard.signer.verified(claim, heard.service, signing.payload);
        verified.link = link;
        Ok((verified, chain))
    }

    /// The checks of a form that says who signed its policy. What the policy says is the gateway's to
    /// read.
    fn judge_form(&self, now: Timestamp, form: &SignedForm<'_>) -> Result<Decision, Box<Failure>> {
        let claim = &form.claim;
        let (scope, service) = self.read_credential(claim, &FORM_SERVICES)?;
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
        services: &[&str],
    ) -> Result<(Scope<'a>, Service), Box<Failure>> {
        let refuse = |error| Box::new(refusal::of_claim(claim.refuse_scope(error)));
        let credential = Scope::parse(&claim.credential, claim.algorithm).map_err(refuse)?;
        let rule = ScopeRule {
            region: &self.region,
            services,
        };
        credential.check_scope(&claim.date, rule).map_err(refuse)?;
        let service = Service::parse(credential.service).ok_or_else(|| {
            let (service, expected) = (
                credential.service.to_owned(),
                services.first().copied().unwrap_or_default().to_owned(),
            );
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
    /// endpoint's other names and, where the signer allowed HEAD, as GET. `hashed` is of the request as
    /// it came. What comes out is which link it is.
    fn check_signature(
        &self,
        signature: &Signature<'_>,
        claim: &Claim<'_>,
        canonical: Canonical<'_>,
        hashed: Option<Hashed>,
    ) -> Result<Option<LinkId>, Box<Failure>> {
        let named = match claim.form {
            Form::Query { .. } if self.names.first().is_some() => {
                sole_host(canonical.request).and_then(|host| self.names.find(host))
            }
            Form::Query { .. } | Form::Header | Form::Post => None,
        };
        for method in methods(&canonical, claim) {
            let request = Request {
                method,
                ..*canonical.request
            };
            // What was hashed already was so by the request's own method.
            let hashed = hashed.filter(|_| method == canonical.request.method);
            let canonical = Canonical {
                request: &request,
                ..canonical
            };
            if let Some(signed) = signature.signs(canonical, hashed, named) {
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
                    link_id(&digest)
                });
                return Ok(link);
            }
        }
        Err(signature.refused(&canonical))
    }
}

fn unknown_key(id: &str) -> Box<Failure> {
    let access_key_id = id.to_owned();
    Box::new(Failure::UnknownAccessKey { access_key_id })
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
