//! The access keys that are known, and what was derived from each.
//!
//! A [`KeyStore`] is one state of all keys and never changes; the judge swaps it for the next one, so
//! that a request meets the keys as they were at one moment, and one that was disabled or removed
//! judges nothing from then on.

use blockhouse_sigv4::{PublicKey, SecretKey, SigningKey, SigningKeyCache};
use blockhouse_types::AccountId;
use blockhouse_verifier_wire::{
    Principal,
    provision::{Material, NewKey},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use zeroize::Zeroizing;

/// All access keys, by id.
#[derive(Debug, Clone, Default)]
pub struct KeyStore {
    keys: HashMap<Arc<str>, Arc<KnownKey>>,
}

/// A public key that is no point of the curve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the public key of {id} is no point of P-256")]
pub struct BadPublicKey {
    /// The access key's id.
    pub id: String,
}

impl KeyStore {
    /// A store of these keys; of two with one id the later counts.
    pub fn new(keys: impl IntoIterator<Item = NewKey>) -> Result<Self, BadPublicKey> {
        let mut store = Self::default();
        keys.into_iter().try_for_each(|key| store.put(key))?;
        Ok(store)
    }

    /// Adds a key, or puts it in the place of the one with its id.
    pub fn put(&mut self, key: NewKey) -> Result<(), BadPublicKey> {
        let key = KnownKey::new(key)?;
        self.keys.insert(Arc::clone(&key.id), Arc::new(key));
        Ok(())
    }

    /// Removes a key; one that is not there is no error.
    pub fn remove(&mut self, id: &str) {
        self.keys.remove(id);
    }

    /// How many keys there are, disabled ones among them.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that judge.
    pub(crate) fn enabled(&self) -> impl Iterator<Item = &Arc<KnownKey>> {
        self.keys.values().filter(|key| key.enabled)
    }

    /// The enabled key of this id.
    pub(crate) fn find(&self, id: &str) -> Option<&Arc<KnownKey>> {
        self.keys.get(id).filter(|key| key.enabled)
    }
}

/// One access key with what was derived from it so far. It begins a line of the processor's cache, as
/// every other does: reading one takes as long as reading another.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct KnownKey {
    pub(crate) id: Arc<str>,
    pub(crate) principal: Principal,
    enabled: bool,
    form: KeyForm,
}

#[derive(Debug)]
enum KeyForm {
    /// The secret, and what was derived from it.
    Secret(SecretForm),
    /// Only what was derived elsewhere, by day and service.
    Derived {
        days: HashMap<(Box<str>, Box<str>), SigningKey>,
        public: Option<PublicKey>,
    },
}

/// A secret access key and what it lately needed.
#[derive(Debug)]
pub(crate) struct SecretForm {
    secret: SecretKey,
    signing: Mutex<SigningKeyCache>,
    public: OnceLock<Option<PublicKey>>,
}

impl KnownKey {
    /// A key that is no one's; what it judges takes as long as by any other.
    pub(crate) fn nobody() -> Self {
        let secret = Zeroizing::new("the secret of nobody, as long as one is".to_owned());
        Self {
            id: "".into(),
            principal: Principal::Root {
                account: AccountId::ZERO,
            },
            enabled: false,
            form: KeyForm::Secret(SecretForm::new(SecretKey::from_zeroizing(secret))),
        }
    }

    fn new(key: NewKey) -> Result<Self, BadPublicKey> {
        let form = match key.material {
            Material::Secret(secret) => {
                KeyForm::Secret(SecretForm::new(SecretKey::from_zeroizing(secret)))
            }
            Material::Derived { days, public } => {
                let point = |public| {
                    let id = key.id.clone();
                    PublicKey::from_coordinates(public).ok_or(BadPublicKey { id })
                };
                KeyForm::Derived {
                    public: public.as_ref().map(point).transpose()?,
                    days: days
                        .into_iter()
                        .map(|d| {
                            let place = (d.day.into(), d.service.into());
                            (place, SigningKey::from_bytes(&d.key))
                        })
                        .collect(),
                }
            }
        };
        Ok(Self {
            id: key.id.into(),
            principal: key.principal,
            enabled: key.enabled,
            form,
        })
    }

    /// The HMAC key of a day, region and service; `None` when it was derived elsewhere and this one
    /// was not handed over.
    pub(crate) fn signing_key(&self, day: &str, region: &str, service: &str) -> Option<SigningKey> {
        match &self.form {
            KeyForm::Secret(form) => Some(form.signing_key(day, region, service)),
            KeyForm::Derived { days, .. } => days.get(&(day.into(), service.into())).cloned(),
        }
    }

    /// The public key of SigV4A; `None` if there is none.
    pub(crate) fn public_key(&self) -> Option<PublicKey> {
        match &self.form {
            KeyForm::Secret(form) => form.public_key(&self.id),
            KeyForm::Derived { public, .. } => public.clone(),
        }
    }
}

impl SecretForm {
    pub(crate) fn new(secret: SecretKey) -> Self {
        Self {
            secret,
            signing: Mutex::default(),
            public: OnceLock::new(),
        }
    }

    pub(crate) fn signing_key(&self, day: &str, region: &str, service: &str) -> SigningKey {
        // A panic elsewhere leaves the cache whole: it is changed by one assignment.
        let mut signing = self.signing.lock().unwrap_or_else(PoisonError::into_inner);
        signing.get(&self.secret, day, region, service)
    }

    /// Derived when it is first needed; `None` if no pair exists.
    pub(crate) fn public_key(&self, id: &str) -> Option<PublicKey> {
        let derive = || self.secret.public_key(id).ok();
        self.public.get_or_init(derive).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_verifier_wire::provision::DerivedKey;

    fn key(id: &str, enabled: bool, material: Material) -> NewKey {
        NewKey {
            id: id.to_owned(),
            principal: Principal::Root {
                account: AccountId::from_number(1).unwrap(),
            },
            enabled,
            material,
        }
    }

    fn secret() -> Material {
        Material::Secret(Zeroizing::new("hush".to_owned()))
    }

    #[test]
    fn only_enabled_keys_are_found_and_the_later_counts() {
        let mut store =
            KeyStore::new([key("a", true, secret()), key("b", false, secret())]).unwrap();
        assert!(store.find("a").is_some());
        assert!(store.find("b").is_none());
        assert!(store.find("").is_none());
        assert!(!format!("{store:?}").contains("hush"));
        store.put(key("a", false, secret())).unwrap();
        assert!(store.find("a").is_none());
        store.remove("a");
        assert_eq!(store.len(), 1);
    }

    /// Both forms of one secret judge alike, but the derived one knows its days only.
    #[test]
    fn derived_keys_are_the_secrets() {
        let whole = SecretKey::new("hush".to_owned());
        let point = whole.public_key("a").unwrap().coordinates();
        let mut public = [0; 64];
        public[..32].copy_from_slice(&point.0);
        public[32..].copy_from_slice(&point.1);
        let days = vec![DerivedKey {
            day: "20261125".to_owned(),
            service: "s3".to_owned(),
            key: whole.signing_key_bytes("20261125", "local-1", "s3"),
        }];
        let derived = Material::Derived {
            days,
            public: Some(public),
        };
        let store = KeyStore::new([key("a", true, derived)]).unwrap();
        let known = store.find("a").unwrap();
        assert!(known.signing_key("20261125", "local-1", "s3").is_some());
        assert!(known.signing_key("20261126", "local-1", "s3").is_none());
        assert!(
            known
                .signing_key("20261125", "local-1", "s3-outposts")
                .is_none()
        );
        assert_eq!(known.public_key().unwrap().coordinates(), point);
        let nonsense = Material::Derived {
            days: Vec::new(),
            public: Some([1; 64]),
        };
        assert!(KeyStore::new([key("a", true, nonsense)]).is_err());
    }
}
