//! Session tokens: sealed, so that they carry all that there is to know of a temporary key, and the
//! verifier keeps no table of them.
//!
//! ```text
//!   base64url( number of the token key u8 | nonce 12 | AES-256-GCM-SIV( secret, principal, parent,
//!              claims ) ), bound to the access key id
//! ```
//!
//! SIV, because nonces are random and token keys are shared by the nodes of a site: two equal ones
//! would tell that two tokens are equal, and nothing else. A token key that was retired opens nothing
//! any more, and so ends every token that it sealed.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use blockhouse_verifier_wire::{
    Claims, Principal,
    frame::{FrameError, Reader, TooLong, Writer},
    provision::{MintOrder, Minted},
};
use std::{collections::BTreeMap, fmt};
use zeroize::Zeroizing;

/// The longest token, in characters. A longer one is refused unread; a session policy and tags that
/// would make a longer one are refused when it is minted.
pub const TOKEN_CHARS_MAX: usize = 8192;

/// Token keys that can be known at once: the one that seals, and those whose tokens still live.
pub const TOKEN_KEYS_MAX: usize = 16;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + NONCE_LEN;

/// Letters of a secret and of an id, 64 and 32 of them: a byte's remainder picks one fairly.
const SECRET_LETTERS: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const ID_LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What a token holds.
pub(crate) struct Session {
    pub(crate) secret: Zeroizing<String>,
    pub(crate) principal: Principal,
    /// The long-term key that asked for it.
    pub(crate) parent: Option<String>,
    pub(crate) claims: Claims,
}

/// Why nothing was minted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// There is no token key yet.
    #[error("no token key was provisioned")]
    NoTokenKey,
    /// The token would be longer than [`TOKEN_CHARS_MAX`].
    #[error("session policy and tags are too long for a token")]
    TooLong,
    /// The times are out of order, or further apart than such a session may last.
    #[error("a session of this kind lasts 1 to {secs_max} seconds")]
    Duration {
        /// The longest.
        secs_max: u64,
    },
    /// The key that asked for it is unknown or disabled.
    #[error("the key that the session is to come from may not sign")]
    Parent,
    /// The kernel gave no random bytes, or the cipher failed.
    #[error("the cipher failed")]
    Cipher,
}

impl From<TooLong> for MintError {
    fn from(_: TooLong) -> Self {
        Self::TooLong
    }
}

/// The token keys by number. The one put last seals.
#[derive(Clone, Default)]
pub struct TokenKeys {
    keys: BTreeMap<u8, std::sync::Arc<LessSafeKey>>,
    newest: Option<u8>,
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKeys({:?})", self.keys.keys())
    }
}

impl TokenKeys {
    /// Adds a key that seals from now on; `false` when there are [`TOKEN_KEYS_MAX`] already.
    pub fn put(&mut self, number: u8, key: &[u8; 32]) -> bool {
        let full = self.keys.len() >= TOKEN_KEYS_MAX && !self.keys.contains_key(&number);
        let Ok(key) = UnboundKey::new(&AES_256_GCM_SIV, key) else {
            return false;
        };
        if full {
            return false;
        }
        self.keys
            .insert(number, std::sync::Arc::new(LessSafeKey::new(key)));
        self.newest = Some(number);
        true
    }

    /// Forgets a key.
    pub fn retire(&mut self, number: u8) {
        self.keys.remove(&number);
        if self.newest == Some(number) {
            self.newest = None;
        }
    }

    /// Makes temporary credentials.
    pub fn mint(&self, order: &MintOrder) -> Result<Minted, MintError> {
        let claims = &order.claims;
        let secs_max = claims.session.secs_max();
        let lasts = claims.issued_at < claims.expires_at
            && claims.expires_at <= claims.issued_at.plus_secs(secs_max);
        if !lasts {
            return Err(MintError::Duration { secs_max });
        }
        let access_key_id = format!("ASIA{}", &*letters::<16>(ID_LETTERS)?);
        let secret_access_key = letters::<40>(SECRET_LETTERS)?;
        let session = Session {
            secret: secret_access_key.clone(),
            principal: order.principal.clone(),
            parent: order.parent.clone(),
            claims: claims.clone(),
        };
        Ok(Minted {
            session_token: self.seal(&access_key_id, &session)?,
            access_key_id,
            secret_access_key,
            expires_at: claims.expires_at,
        })
    }

    fn seal(&self, access_key_id: &str, session: &Session) -> Result<String, MintError> {
        let number = self.newest.ok_or(MintError::NoTokenKey)?;
        let key = self.keys.get(&number).ok_or(MintError::NoTokenKey)?;
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| MintError::Cipher)?;
        let mut sealed = Zeroizing::new(Vec::with_capacity(TOKEN_CHARS_MAX));
        session.write(&mut sealed)?;
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce_used, Aad::from(access_key_id), &mut *sealed)
            .map_err(|_| MintError::Cipher)?;
        let token = URL_SAFE_NO_PAD.encode([&[number], &nonce[..], &sealed].concat());
        if token.len() > TOKEN_CHARS_MAX {
            return Err(MintError::TooLong);
        }
        Ok(token)
    }

    /// What a token holds; `None` when it is not one of ours, or not that key's.
    pub(crate) fn open(&self, access_key_id: &str, token: &str) -> Option<Session> {
        if token.len() > TOKEN_CHARS_MAX {
            return None;
        }
        let mut bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(token).ok()?);
        let (header, sealed) = bytes.split_at_mut_checked(HEADER_BYTES)?;
        let (number, nonce) = header.split_first()?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self
            .keys
            .get(number)?
            .open_in_place(nonce, Aad::from(access_key_id), sealed)
            .ok()?;
        Session::read(opened).ok()
    }
}

/// Reads what a token holds once it was opened, and writes it again: for the fuzz target, which has no
/// way through the seal.
#[doc(hidden)]
pub fn rewrite_session(bytes: &[u8]) -> Option<Vec<u8>> {
    let session = Session::read(bytes).ok()?;
    let mut written = Vec::new();
    session.write(&mut written).ok()?;
    Some(written)
}

impl Session {
    fn write(&self, bytes: &mut Vec<u8>) -> Result<(), TooLong> {
        let mut to = Writer::new(bytes);
        to.u8(VERSION);
        to.text(&self.secret)?;
        to.principal(&self.principal)?;
        to.option(self.parent.as_deref(), Writer::text)?;
        to.claims(&self.claims)
    }

    fn read(bytes: &[u8]) -> Result<Self, FrameError> {
        let mut from = Reader::new(bytes);
        if from.u8("version")? != VERSION {
            return Err(FrameError { what: "version" });
        }
        let session = Self {
            secret: Zeroizing::new(from.string("secret")?),
            principal: from.principal()?,
            parent: from.option("parent", |from| from.string("parent"))?,
            claims: from.claims()?,
        };
        from.end()?;
        Ok(session)
    }
}

/// As many random letters of an alphabet whose size divides 256.
fn letters<const N: usize>(alphabet: &[u8]) -> Result<Zeroizing<String>, MintError> {
    let mut random = Zeroizing::new([0; N]);
    aws_lc_rs::rand::fill(&mut *random).map_err(|_| MintError::Cipher)?;
    let mut text = Zeroizing::new(String::with_capacity(N));
    for byte in random.iter() {
        text.push(char::from(alphabet[usize::from(*byte) % alphabet.len()]));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_types::{AccountId, Timestamp};
    use blockhouse_verifier_wire::SessionKind;
    use proptest::prelude::*;

    fn order(secs: u64) -> MintOrder {
        MintOrder {
            principal: Principal::User {
                account: AccountId::from_number(7).unwrap(),
                name: "ada".to_owned(),
            },
            parent: Some("AKIA0".to_owned()),
            claims: Claims {
                session: SessionKind::InstanceProfile,
                issued_at: Timestamp::from_secs(1_000_000),
                expires_at: Timestamp::from_secs(1_000_000 + secs),
                policy: Some("{}".to_owned()),
                tags: vec![("team".to_owned(), "blue".to_owned())],
            },
        }
    }

    fn keys() -> TokenKeys {
        let mut keys = TokenKeys::default();
        assert!(keys.put(1, &[1; 32]));
        keys
    }

    #[test]
    fn a_token_carries_everything_and_only_for_its_key() {
        let keys = keys();
        let minted = keys.mint(&order(60)).unwrap();
        assert!(minted.access_key_id.starts_with("ASIA") && minted.access_key_id.len() == 20);
        let open = |id: &str| keys.open(id, &minted.session_token);
        let session = open(&minted.access_key_id).unwrap();
        assert_eq!(session.secret, minted.secret_access_key);
        assert_eq!(session.principal, order(60).principal);
        assert_eq!(session.claims, order(60).claims);
        assert_eq!(session.parent.as_deref(), Some("AKIA0"));
        assert!(open("ASIAOTHER").is_none());
        let hidden = URL_SAFE_NO_PAD.decode(&minted.session_token).unwrap();
        let secret = minted.secret_access_key.as_bytes();
        assert!(!hidden.windows(secret.len()).any(|window| window == secret));
    }

    #[test]
    fn the_newest_key_seals_and_a_retired_one_opens_nothing() {
        let mut keys = keys();
        let old = keys.mint(&order(60)).unwrap();
        assert!(keys.put(2, &[2; 32]));
        let new = keys.mint(&order(60)).unwrap();
        let opens =
            |keys: &TokenKeys, m: &Minted| keys.open(&m.access_key_id, &m.session_token).is_some();
        assert!(opens(&keys, &old) && opens(&keys, &new));
        keys.retire(1);
        assert!(!opens(&keys, &old) && opens(&keys, &new));
        keys.retire(2);
        assert_eq!(keys.mint(&order(60)).unwrap_err(), MintError::NoTokenKey);
        for number in 0..TOKEN_KEYS_MAX as u8 {
            assert!(keys.put(number, &[number; 32]));
        }
        assert!(!keys.put(200, &[0; 32]));
    }

    /// An instance profile's session lasts six hours at most.
    #[test]
    fn a_principal_is_written_in_one_way() {
        let odd = include_bytes!("../../../fuzz/seeds/session_token/root-with-a-name");
        assert_eq!(rewrite_session(odd), None);
        let good = include_bytes!("../../../fuzz/seeds/session_token/0");
        assert_eq!(rewrite_session(good).as_deref(), Some(&good[..]));
    }

    #[test]
    fn each_kind_has_its_longest_life() {
        let keys = keys();
        assert!(keys.mint(&order(21_600)).is_ok());
        for secs in [0, 21_601] {
            let refused = keys.mint(&order(secs)).unwrap_err();
            assert_eq!(refused, MintError::Duration { secs_max: 21_600 });
        }
        let mut long = order(60);
        long.claims.policy = Some("x".repeat(TOKEN_CHARS_MAX));
        assert_eq!(keys.mint(&long).unwrap_err(), MintError::TooLong);
    }

    proptest! {
        #[test]
        fn any_text_opens_nothing(token in "[A-Za-z0-9_-]{0,200}|\\PC{0,40}") {
            prop_assert!(keys().open("ASIA0", &token).is_none());
        }

        #[test]
        fn any_change_closes_it(at in 0..2000usize, bit in 0..8u8) {
            let minted = keys().mint(&order(60)).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(&minted.session_token).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let token = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert!(keys().open(&minted.access_key_id, &token).is_none());
        }

        #[test]
        fn any_bytes_are_a_session_or_none(bytes: Vec<u8>) {
            let _ = Session::read(&bytes);
        }
    }
}
