//! Who signed: a key that is known, or one that its token carries.

use crate::keys::{KnownKey, SecretForm};
use blockhouse_sigv4::{Algorithm, Claim, Form, PublicKey, SigningKey};
use blockhouse_verifier_wire::{
    AuthType, Claims, Credential, PayloadMode, Principal, Service, SignatureVersion, SignedHeaders,
    Verified,
};
use std::sync::Arc;

/// The key that a request names.
pub(super) enum Signer {
    /// A long-term one.
    Known(Arc<KnownKey>),
    /// The one of a session token.
    Session(Box<SessionKey>),
}

/// A temporary key, as its token says.
pub(super) struct SessionKey {
    pub(super) id: Arc<str>,
    pub(super) form: SecretForm,
    pub(super) principal: Principal,
    pub(super) claims: Claims,
}

impl Signer {
    pub(super) fn id(&self) -> &Arc<str> {
        match self {
            Self::Known(key) => &key.id,
            Self::Session(key) => &key.id,
        }
    }

    pub(super) fn signing_key(&self, day: &str, region: &str, service: &str) -> Option<SigningKey> {
        match self {
            Self::Known(key) => key.signing_key(day, region, service),
            Self::Session(key) => Some(key.form.signing_key(day, region, service)),
        }
    }

    pub(super) fn public_key(&self) -> Option<PublicKey> {
        match self {
            Self::Known(key) => key.public_key(),
            Self::Session(key) => key.form.public_key(&key.id),
        }
    }

    pub(super) fn verified(
        &self,
        claim: &Claim<'_>,
        service: Service,
        payload: PayloadMode,
    ) -> Verified {
        let (principal, access_key_id, credential) = match self {
            Self::Known(key) => (
                key.principal.clone(),
                Arc::clone(&key.id),
                Credential::LongTerm,
            ),
            Self::Session(key) => (
                key.principal.clone(),
                Arc::clone(&key.id),
                Credential::Temporary(Box::new(key.claims.clone())),
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
