//! The access keys of this node, and what was derived from each.

use blockhouse_sigv4::{PublicKey, SecretKey, SigningKey, SigningKeyCache};
use blockhouse_types::AccountId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One access key.
#[derive(Debug)]
pub struct AccessKey {
    /// Its public id.
    pub id: String,
    /// Its secret.
    pub secret: SecretKey,
    /// The account whose root it is.
    pub account: AccountId,
    /// Whether it may sign; one that may not is unknown to clients.
    pub enabled: bool,
}

/// Two keys have the same id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the access key {id} stands twice")]
pub struct DuplicateKey {
    /// Their id.
    pub id: String,
}

/// All access keys, by id.
#[derive(Debug, Default)]
pub struct KeyStore {
    keys: HashMap<Arc<str>, KnownKey>,
}

impl KeyStore {
    /// Takes the keys over.
    pub fn new(keys: impl IntoIterator<Item = AccessKey>) -> Result<Self, DuplicateKey> {
        let mut store = Self::default();
        for key in keys {
            let id: Arc<str> = key.id.as_str().into();
            match store.keys.entry(Arc::clone(&id)) {
                Entry::Occupied(_) => return Err(DuplicateKey { id: key.id }),
                Entry::Vacant(slot) => drop(slot.insert_entry(KnownKey::new(id, key))),
            }
        }
        Ok(store)
    }

    /// The enabled key of this id.
    pub(crate) fn find(&self, id: &str) -> Option<&KnownKey> {
        self.keys.get(id).filter(|key| key.enabled)
    }
}

/// One access key with what was derived from it so far.
#[derive(Debug)]
pub(crate) struct KnownKey {
    pub(crate) id: Arc<str>,
    pub(crate) account: AccountId,
    secret: SecretKey,
    enabled: bool,
    signing: Mutex<SigningKeyCache>,
    public: OnceLock<Option<PublicKey>>,
}

impl KnownKey {
    fn new(id: Arc<str>, key: AccessKey) -> Self {
        Self {
            id,
            account: key.account,
            secret: key.secret,
            enabled: key.enabled,
            signing: Mutex::default(),
            public: OnceLock::new(),
        }
    }

    /// The HMAC key of a day, region and service.
    pub(crate) fn signing_key(&self, day: &str, region: &str, service: &str) -> SigningKey {
        // A panic elsewhere leaves the cache whole: it is changed by one assignment.
        let mut signing = self.signing.lock().unwrap_or_else(PoisonError::into_inner);
        signing.get(&self.secret, day, region, service).clone()
    }

    /// The public key of SigV4A, derived when it is first needed; `None` if no pair exists.
    pub(crate) fn public_key(&self) -> Option<&PublicKey> {
        self.public
            .get_or_init(|| self.secret.public_key(&self.id).ok())
            .as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, enabled: bool) -> AccessKey {
        AccessKey {
            id: id.to_owned(),
            secret: SecretKey::new("hush".to_owned()),
            account: AccountId::from_number(1).unwrap(),
            enabled,
        }
    }

    #[test]
    fn only_enabled_keys_are_found() {
        let store = KeyStore::new([key("a", true), key("b", false)]).unwrap();
        assert!(store.find("a").is_some());
        assert!(store.find("b").is_none());
        assert!(store.find("").is_none());
        assert!(!format!("{store:?}").contains("hush"));
    }

    #[test]
    fn an_id_stands_once() {
        let twice = KeyStore::new([key("a", true), key("a", true)]);
        assert_eq!(twice.unwrap_err(), DuplicateKey { id: "a".to_owned() });
    }
}
