//! Whether a signature is of a request: as it came, by the endpoint's other names, and by the methods
//! that its signer allowed.

use super::signer::Signer;
use crate::names::Named;
use blockhouse_sigv4::{
    Algorithm, Canonical, ChainKey, Claim, Credential as Scope, Form, HostReading, Request,
    SigningKey, StringToSign, same_hex, without_default_port,
};
use blockhouse_verifier_wire::Failure;

/// The vendor parameter that lets HEAD through on a link for GET.
const HEAD_ALLOWED: &str = "x-bh-head";

/// The vendor parameter of a link that works once.
const ONCE: &str = "x-bh-once";

/// What a request was hashed to beside others: its canonical form, and what its signer's HMAC is over
/// that.
#[derive(Clone, Copy)]
pub(super) struct Hashed {
    pub(super) digest: [u8; 32],
    pub(super) signature: [u8; 32],
}

/// What a signature was found to be of.
pub(super) struct Signed {
    /// Of the canonical request.
    pub(super) digest: [u8; 32],
    pub(super) spelling: Spelling,
}

/// How the host is spelled in what was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As received, without the default port.
    Usual,
    /// By another name, or with the default port.
    Other,
}

/// A signature, and all that it takes to judge what it is of.
pub(super) struct Signature<'c> {
    claim: &'c Claim<'c>,
    credential: Scope<'c>,
    /// `None` for a key that has no such signatures.
    chain_key: Option<ChainKey>,
}

impl<'c> Signature<'c> {
    pub(super) fn new(
        signer: &Signer,
        claim: &'c Claim<'c>,
        credential: Scope<'c>,
        region: &str,
    ) -> Self {
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
    /// another of its names. `hashed` is what the first of these was hashed to, if it was already.
    pub(super) fn signs(
        &self,
        canonical: Canonical<'_>,
        hashed: Option<Hashed>,
        named: Option<Named<'_>>,
    ) -> Option<Signed> {
        let usual = match hashed {
            Some(hashed) => {
                same_hex(&hashed.signature, &self.claim.signature).then_some(hashed.digest)
            }
            None => self.holds(&canonical),
        };
        if let Some(digest) = usual {
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

    /// The key, where it is one that signs by HMAC.
    pub(super) fn hmac_key(&self) -> Option<&SigningKey> {
        match &self.chain_key {
            Some(ChainKey::Hmac(key)) => Some(key),
            Some(ChainKey::Ecdsa(_)) | None => None,
        }
    }

    /// The string to sign of a canonical request of this digest.
    pub(super) fn string_of(&self, digest: [u8; 32]) -> StringToSign<'_> {
        StringToSign {
            algorithm: self.claim.algorithm,
            date: &self.claim.date,
            scope: self.credential.scope,
            digest,
        }
    }

    fn string_to_sign(&self, canonical: &Canonical<'_>) -> StringToSign<'_> {
        self.string_of(canonical.digest())
    }

    /// What goes on judging the chunks of a body.
    pub(super) fn chain_key(&self) -> Result<ChainKey, Box<Failure>> {
        // Without a key nothing holds.
        Ok(self.chain_key.clone().ok_or(Failure::Anonymous)?)
    }

    /// The refusal, by the request as it came.
    pub(super) fn refused(&self, canonical: &Canonical<'_>) -> Box<Failure> {
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
pub(super) fn methods<'a>(
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
pub(super) fn sole_host<'a>(request: &Request<'a>) -> Option<&'a str> {
    let mut hosts = request.headers.iter().filter(|(name, _)| *name == "host");
    let (_, host) = hosts.next()?;
    if hosts.next().is_some() {
        return None;
    }
    std::str::from_utf8(without_default_port(host, request.tls)).ok()
}

/// Looks at the same request by another name.
pub(super) fn by_name<T>(
    canonical: Canonical<'_>,
    name: &str,
    look: impl FnOnce(&Canonical<'_>) -> T,
) -> T {
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
