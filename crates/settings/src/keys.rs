//! The file in which a standalone node's keys lie: accounts, the keys of their roots and of their users,
//! and the key that seals session tokens. It is read by the process that provisions the verifier, by the
//! commands of the folder's owner, and by no other.

use crate::{
    Secret, SettingsError,
    document::{read_toml, refuse},
};
use blockhouse_types::{AccountId, hex, unhex};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// Length of an access key's public id, in bytes, at most. AWS's own have 20.
const ACCESS_KEY_ID_BYTES_MAX: usize = 128;

/// Length of a secret key in bytes. AWS's own have 40.
const SECRET_BYTES_MIN: usize = 16;
/// See [`SECRET_BYTES_MIN`].
const SECRET_BYTES_MAX: usize = 256;

/// Accounts at most.
const ACCOUNTS_MAX: usize = 1000;

/// An account and the key of its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its root's key.
    pub credential: Credential,
}

/// Users' keys at most.
const USER_KEYS_MAX: usize = 10_000;

/// Keys of one user at most. Source: IAM user guide, "IAM and AWS STS quotas".
pub const KEYS_OF_USER_MAX: usize = 2;

/// Length of a user's name, in bytes, at most.
const USER_NAME_BYTES_MAX: usize = 64;

/// A key of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserKey {
    /// The user's account; one of the file's.
    pub account: AccountId,
    /// The user's name.
    pub user: String,
    /// Whether it may sign.
    pub enabled: bool,
    /// The key.
    pub credential: Credential,
}

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The public half.
    pub access_key_id: String,
    /// The other one.
    pub secret_access_key: Secret,
}

/// The keys of a standalone node. All of them have been judged.
pub struct KeysDocument {
    /// Who may sign.
    pub accounts: Vec<Account>,
    /// And which users.
    pub user_keys: Vec<UserKey>,
    /// What seals session tokens.
    pub token_key: Zeroizing<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    token_key: String,
    account: Vec<AccountFile>,
    #[serde(default)]
    user_key: Vec<UserKeyFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountFile {
    id: String,
    access_key_id: String,
    secret_access_key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserKeyFile {
    account: String,
    user: String,
    enabled: bool,
    access_key_id: String,
    secret_access_key: String,
}

impl std::fmt::Debug for KeysDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeysDocument")
            .field("accounts", &self.accounts)
            .field("user_keys", &self.user_keys)
            .finish_non_exhaustive()
    }
}

impl KeysDocument {
    /// Reads and judges a file's text.
    pub fn parse(toml: &str) -> Result<Self, SettingsError> {
        let file: File = read_toml(toml)?;
        let Some(token_key) = unhex(file.token_key.as_bytes()) else {
            return refuse("token_key", "64 hexadecimal digits");
        };
        let accounts = accounts(file.account)?;
        Ok(Self {
            user_keys: user_keys(file.user_key, &accounts)?,
            accounts,
            token_key: Zeroizing::new(token_key),
        })
    }

    /// The file's text.
    pub fn to_toml(&self) -> Result<Secret, toml::ser::Error> {
        let file = File {
            token_key: hex(&*self.token_key),
            account: self.accounts.iter().map(AccountFile::of).collect(),
            user_key: self.user_keys.iter().map(UserKeyFile::of).collect(),
        };
        toml::to_string(&file).map(Secret::new)
    }
}

impl AccountFile {
    fn of(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            access_key_id: account.credential.access_key_id.clone(),
            secret_access_key: account.credential.secret_access_key.expose().to_owned(),
        }
    }
}

impl UserKeyFile {
    fn of(key: &UserKey) -> Self {
        Self {
            account: key.account.to_string(),
            user: key.user.clone(),
            enabled: key.enabled,
            access_key_id: key.credential.access_key_id.clone(),
            secret_access_key: key.credential.secret_access_key.expose().to_owned(),
        }
    }
}

fn user_keys(keys: Vec<UserKeyFile>, accounts: &[Account]) -> Result<Vec<UserKey>, SettingsError> {
    if keys.len() > USER_KEYS_MAX {
        return refuse("user_key", format!("at most {USER_KEYS_MAX}"));
    }
    let roots = accounts.iter().map(|account| &account.credential);
    let mut ids: BTreeSet<_> = roots.map(|root| root.access_key_id.clone()).collect();
    let mut of_user: BTreeMap<(AccountId, String), usize> = BTreeMap::new();
    let mut valid = Vec::with_capacity(keys.len());
    for (i, key) in keys.into_iter().enumerate() {
        let field = |field: &str| format!("user_key[{i}].{field}");
        let account = AccountId::parse(&key.account).ok();
        let account = account.filter(|id| accounts.iter().any(|account| account.id == *id));
        let Some(account) = account else {
            return refuse(field("account"), "one of the file's accounts");
        };
        if key.user.is_empty() || key.user.len() > USER_NAME_BYTES_MAX {
            let why = format!("1 to {USER_NAME_BYTES_MAX} bytes");
            return refuse(field("user"), why);
        }
        let credential = credential(field, key.access_key_id, key.secret_access_key)?;
        if !ids.insert(credential.access_key_id.clone()) {
            return refuse(field("access_key_id"), "stands there twice");
        }
        let count = of_user.entry((account, key.user.clone())).or_default();
        *count += 1;
        if *count > KEYS_OF_USER_MAX {
            let why = format!("at most {KEYS_OF_USER_MAX} keys of one user");
            return refuse(field("user"), why);
        }
        valid.push(UserKey {
            account,
            user: key.user,
            enabled: key.enabled,
            credential,
        });
    }
    Ok(valid)
}

fn accounts(accounts: Vec<AccountFile>) -> Result<Vec<Account>, SettingsError> {
    if accounts.len() > ACCOUNTS_MAX {
        return refuse("account", format!("at most {ACCOUNTS_MAX}"));
    }
    let mut keys = BTreeSet::new();
    let mut valid = Vec::with_capacity(accounts.len());
    for (i, account) in accounts.into_iter().enumerate() {
        let account = self::account(i, account)?;
        if !keys.insert(account.credential.access_key_id.clone()) {
            return refuse(format!("account[{i}].access_key_id"), "stands there twice");
        }
        valid.push(account);
    }
    Ok(valid)
}

fn account(i: usize, account: AccountFile) -> Result<Account, SettingsError> {
    let Ok(id) = AccountId::parse(&account.id) else {
        return refuse(format!("account[{i}].id"), "twelve decimal digits");
    };
    let field = |field: &str| format!("account[{i}].{field}");
    let credential = credential(field, account.access_key_id, account.secret_access_key)?;
    Ok(Account { id, credential })
}

fn credential(
    field: impl Fn(&str) -> String,
    key: String,
    secret: String,
) -> Result<Credential, SettingsError> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if key.is_empty() || key.len() > ACCESS_KEY_ID_BYTES_MAX || !key.bytes().all(legal) {
        let why = format!("1 to {ACCESS_KEY_ID_BYTES_MAX} letters, digits and _");
        return refuse(field("access_key_id"), why);
    }
    let secret = Secret::new(secret);
    let len = secret.expose().len();
    if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&len) {
        let why = format!("{SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes");
        return refuse(field("secret_access_key"), why);
    }
    Ok(Credential {
        access_key_id: key,
        secret_access_key: secret,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        token_key = "0101010101010101010101010101010101010101010101010101010101010101"
        [[account]]
        id = "000000000001"
        access_key_id = "AKIA0"
        secret_access_key = "0123456789abcdef"
        [[user_key]]
        account = "000000000001"
        user = "alice"
        enabled = true
        access_key_id = "AKIA1"
        secret_access_key = "fedcba9876543210"
    "#;

    #[test]
    fn reads_back_and_prints_no_secret() {
        let keys = KeysDocument::parse(GOOD).unwrap();
        assert_eq!(*keys.token_key, [1; 32]);
        assert!(!format!("{keys:?}").contains("0123456789abcdef"));
        let again = KeysDocument::parse(keys.to_toml().unwrap().expose()).unwrap();
        assert_eq!(again.accounts, keys.accounts);
        assert_eq!(again.user_keys, keys.user_keys);
        assert!(!format!("{keys:?}").contains("fedcba") && keys.user_keys.len() == 1);
    }

    #[test]
    fn a_refusal_names_the_field_and_not_the_value() {
        for (good, bad, field) in [
            ("0101010", "x101010", "token_key"),
            ("000000000001", "1", "account[0].id"),
            ("AKIA0", "", "account[0].access_key_id"),
            ("0123456789abcdef", "short", "account[0].secret_access_key"),
            ("AKIA1", "AKIA0", "user_key[0].access_key_id"),
            ("alice", "", "user_key[0].user"),
            (
                "account = \"000000000001\"",
                "account = \"000000000002\"",
                "user_key[0].account",
            ),
        ] {
            let error = KeysDocument::parse(&GOOD.replacen(good, bad, 1)).unwrap_err();
            assert!(
                matches!(&error, SettingsError::Value { field: f, .. } if f == field),
                "{bad}: {error:?}"
            );
        }
        let error = KeysDocument::parse(&GOOD.replace("id =", "idd =")).unwrap_err();
        assert!(!error.to_string().contains("0123456789abcdef"));
    }
}
