//! The checks, in the order in which S3 makes them.

use crate::chains::Chains;
use crate::keys::{KeyStore, KnownKey};
use crate::refusal;
use blockhouse_sigv4::{
    Algorithm, Canonical, Chain, ChainKey, Claim, Credential, Form, HostReading, PathForm,
    PayloadHash, Query, Request, ScopeError, ScopeRule, StringToSign, region_set_contains,
    unsigned_headers,
};
use blockhouse_verifier_wire::{
    AuthType, ChainId, Failure, Link, PayloadMode, Principal, Question, Service, SignatureVersion,
    SignedHeaders, Unreachable, Verified, Verifier,
};
use std::sync::Arc;

/// The services that requests may be signed for; errors name the first.
pub const SERVICES: [&str; 2] = ["s3", "s3-outposts"];

/// What stands for the payload of a link that says nothing of its body.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// A verifier within the process that asks. Cheap to clone, and shared by all threads.
#[derive(Debug, Clone)]
pub struct Judge(Arc<House>);

#[derive(Debug)]
struct House {
    region: String,
    keys: KeyStore,
    chains: Chains,
}

/// A signature that holds: whose it is, and what goes on judging the body's chunks.
struct Accepted<'a> {
    key: &'a KnownKey,
    chain_key: ChainKey,
}

impl Judge {
    /// Judges requests to the region `region` by `keys`.
    pub fn new(region: String, keys: KeyStore) -> Self {
        Self(Arc::new(House {
            region,
            keys,
            chains: Chains::default(),
        }))
    }

    /// Judges a request's head; the outer error means that there is no room for its chain.
    pub fn judge(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
        let request = Request {
            method: question.method,
            path: question.path,
            query: question.query,
            headers: question.headers,
            tls: question.tls,
        };
        let Ok(query) = Query::parse(question.query) else {
            return Ok(refuse(Failure::TooLarge {
                bound: "number of query parameters",
            }));
        };
        let claim = match Claim::read(&request, &query) {
            Ok(Some(claim)) => claim,
            Ok(None) => return Ok(refuse(Failure::Anonymous)),
            Err(error) => return Ok(refuse(refusal::of_claim(error))),
        };
        match self.0.judge(question, &request, &query, &claim) {
            Ok((verified, chain)) => self.open_chain(question, verified, chain).map(Ok),
            Err(failure) => Ok(Err(failure)),
        }
    }

    fn open_chain(
        &self,
        question: Question<'_>,
        mut verified: Verified,
        chain: Option<Chain>,
    ) -> Result<Verified, Unreachable> {
        if let Some(chain) = chain {
            verified.chain = Some(self.0.chains.open(chain, question.now).ok_or(Unreachable)?);
        }
        Ok(verified)
    }
}

impl Verifier for Judge {
    async fn verify(
        &self,
        question: Question<'_>,
    ) -> Result<Result<Verified, Box<Failure>>, Unreachable> {
        self.judge(question)
    }

    async fn verify_link(&self, chain: ChainId, link: Link) -> Result<bool, Unreachable> {
        Ok(self.0.chains.verify_link(chain, &link))
    }

    fn end_chain(&self, chain: ChainId) {
        self.0.chains.end(chain);
    }
}

impl House {
    /// The checks of a request that says who signed it.
    fn judge(
        &self,
        question: Question<'_>,
        request: &Request<'_>,
        query: &Query<'_>,
        claim: &Claim<'_>,
    ) -> Result<(Verified, Option<Chain>), Box<Failure>> {
        let (credential, service) = self.read_credential(claim)?;
        claim
            .check_time(question.now)
            .map_err(|fault| refusal::of_time(fault, claim, question.now))?;
        let access_key_id = credential.access_key_id;
        let key = self
            .keys
            .find(access_key_id)
            .ok_or_else(|| Failure::UnknownAccessKey {
                access_key_id: access_key_id.to_owned(),
            })?;
        if let Some(token) = &claim.token {
            // Long-term keys have no token, and there are no others yet.
            return Err(Failure::InvalidToken {
                token: token.to_string(),
            }
            .into());
        }
        let (payload_hash, payload) = read_payload(claim)?;
        let canonical = Canonical {
            request,
            query,
            signed_headers: &claim.signed_headers,
            payload_hash,
            path_form: PathForm::AsSent,
            host: HostReading::DefaultPortDropped,
        };
        let accepted = self.check_signature(key, claim, &credential, canonical)?;
        let names = unsigned_headers(request.headers, &claim.signed_headers);
        if !names.is_empty() {
            return Err(Failure::HeadersNotSigned { names }.into());
        }
        let chain = matches!(payload, PayloadMode::SignedChunks { .. }).then(|| {
            Chain::new(
                accepted.chain_key,
                &claim.date,
                credential.scope,
                &claim.signature,
            )
        });
        Ok((verified(accepted.key, claim, service, payload), chain))
    }

    fn read_credential<'a>(
        &self,
        claim: &'a Claim<'_>,
    ) -> Result<(Credential<'a>, Service), Box<Failure>> {
        let refuse = |error| Box::new(refusal::of_claim(claim.refuse_scope(error)));
        let credential = Credential::parse(&claim.credential, claim.algorithm).map_err(refuse)?;
        let rule = ScopeRule {
            region: &self.region,
            services: &SERVICES,
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

    /// Judges the signature by the usual reading of `Host`, and where that drops a port, by the
    /// received one as well: some signers sign what they send.
    fn check_signature<'a>(
        &self,
        key: &'a KnownKey,
        claim: &Claim<'_>,
        credential: &Credential<'_>,
        canonical: Canonical<'_>,
    ) -> Result<Accepted<'a>, Box<Failure>> {
        let chain_key = match claim.algorithm {
            Algorithm::Hmac => Some(ChainKey::Hmac(key.signing_key(
                credential.day,
                &self.region,
                credential.service,
            ))),
            Algorithm::Ecdsa => key.public_key().cloned().map(ChainKey::Ecdsa),
        };
        let string_to_sign = |canonical: &Canonical<'_>| StringToSign {
            algorithm: claim.algorithm,
            date: &claim.date,
            scope: credential.scope,
            digest: canonical.digest(),
        };
        let holds = |canonical: &Canonical<'_>| match &chain_key {
            Some(ChainKey::Hmac(key)) => {
                string_to_sign(canonical).is_signed_by(key, &claim.signature)
            }
            Some(ChainKey::Ecdsa(key)) => {
                string_to_sign(canonical).is_signed_by_owner(key, &claim.signature)
            }
            None => false,
        };
        let as_received = Canonical {
            host: HostReading::AsReceived,
            ..canonical
        };
        let accepted =
            holds(&canonical) || (canonical.request.host_is_ambiguous() && holds(&as_received));
        match chain_key {
            Some(chain_key) if accepted => Ok(Accepted { key, chain_key }),
            _ => Err(Box::new(Failure::SignatureDoesNotMatch {
                access_key_id: credential.access_key_id.to_owned(),
                string_to_sign: string_to_sign(&canonical).text(),
                signature_provided: claim.signature.to_string(),
                canonical_request: canonical.text(),
            })),
        }
    }
}

/// The last line of the canonical request, and what it means for the body.
fn read_payload<'a>(claim: &'a Claim<'_>) -> Result<(&'a str, PayloadMode), Failure> {
    let text = match (&claim.content_sha256, claim.form) {
        (Some(text), _) => text,
        (None, Form::Query { .. }) => UNSIGNED_PAYLOAD,
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

fn verified(key: &KnownKey, claim: &Claim<'_>, service: Service, payload: PayloadMode) -> Verified {
    Verified {
        principal: Principal::Root {
            account: key.account,
        },
        access_key_id: Arc::clone(&key.id),
        auth_type: match claim.form {
            Form::Header => AuthType::Header,
            Form::Query { .. } => AuthType::Query,
        },
        signature_version: match claim.algorithm {
            Algorithm::Hmac => SignatureVersion::V4,
            Algorithm::Ecdsa => SignatureVersion::V4a,
        },
        signed_at: claim.signed_at,
        expires_at: claim.expires_at(),
        service,
        payload,
        signed_headers: SignedHeaders::new(&claim.signed_headers),
        chain: None,
    }
}

fn refuse(failure: Failure) -> Result<Verified, Box<Failure>> {
    Err(Box::new(failure))
}
