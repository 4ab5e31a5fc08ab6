//! Access keys of users: in DIR/keys.toml and in the verifier, and nowhere else.

use crate::remote::Remote;
use crate::{
    cli::identity::{CreateKeyArgs, DeleteKeyArgs, KeyStatus, ListKeysArgs, UpdateKeyArgs},
    dev::keys,
    secrets,
};
use anyhow::{Context as _, Result, bail, ensure};
use blockhouse_settings::{Credential, KEYS_OF_USER_MAX, KeysDocument, UserKey};
use blockhouse_state::Kind;
use blockhouse_types::AccountId;
use std::path::Path;

pub(super) fn create(args: &CreateKeyArgs) -> Result<()> {
    let remote = Remote::fetch(&args.node)?;
    remote.find(Kind::User, &args.user)?;
    let (account, user) = (remote.account(), args.user.as_str());
    let (credential, runs) = keys::change(&args.data.data, |keys| {
        let ours = keys.accounts.iter().any(|known| known.id == account);
        ensure!(ours, "account {account} is not of the node in this folder");
        let has = of_user(keys, account, user).count();
        ensure!(
            has < KEYS_OF_USER_MAX,
            "{user} has {has} keys already: delete one first"
        );
        let credential = Credential {
            access_key_id: secrets::access_key_id()?,
            secret_access_key: secrets::secret_access_key()?,
        };
        keys.user_keys.push(UserKey {
            account,
            user: user.to_owned(),
            enabled: true,
            credential: credential.clone(),
        });
        Ok(credential)
    })?;
    println!("# A key of {user} in account {account}.");
    println!("export AWS_ACCESS_KEY_ID='{}'", credential.access_key_id);
    let secret = credential.secret_access_key.expose();
    println!("export AWS_SECRET_ACCESS_KEY='{secret}'");
    println!("unset AWS_SESSION_TOKEN");
    said(runs);
    Ok(())
}

pub(super) fn list(args: &ListKeysArgs) -> Result<()> {
    let keys = keys::read_of(&args.data.data)?;
    let account = args.account.as_deref().map(AccountId::parse).transpose();
    let account = account.context("--account: twelve digits")?;
    for key in &keys.user_keys {
        let wanted = account.is_none_or(|account| key.account == account)
            && args.user.as_ref().is_none_or(|user| key.user == *user);
        if wanted {
            let status = if key.enabled { "active" } else { "inactive" };
            let id = &key.credential.access_key_id;
            println!("{id}  {status:8}  {}  {}", key.account, key.user);
        }
    }
    Ok(())
}

pub(super) fn update(args: &UpdateKeyArgs) -> Result<()> {
    let ((), runs) = keys::change(&args.data.data, |keys| {
        find(keys, &args.id)?.enabled = args.status == KeyStatus::Active;
        Ok(())
    })?;
    said(runs);
    Ok(())
}

pub(super) fn delete(args: &DeleteKeyArgs) -> Result<()> {
    let ((), runs) = keys::change(&args.data.data, |keys| {
        find(keys, &args.id)?;
        keys.user_keys
            .retain(|key| key.credential.access_key_id != args.id);
        Ok(())
    })?;
    said(runs);
    Ok(())
}

/// Refuses to go on while the user has keys: another user of the name would inherit them.
pub(super) fn none_of(dir: &Path, account: AccountId, user: &str) -> Result<()> {
    let keys = keys::read_of(dir)?;
    let mut ids = of_user(&keys, account, user).map(|key| &*key.credential.access_key_id);
    if let Some(id) = ids.next() {
        bail!("{user} has the access key {id}: delete it first");
    }
    Ok(())
}

fn of_user<'k>(
    keys: &'k KeysDocument,
    account: AccountId,
    user: &'k str,
) -> impl Iterator<Item = &'k UserKey> {
    let all = keys.user_keys.iter();
    all.filter(move |key| key.account == account && key.user.eq_ignore_ascii_case(user))
}

fn find<'k>(keys: &'k mut KeysDocument, id: &str) -> Result<&'k mut UserKey> {
    let mut all = keys.user_keys.iter_mut();
    let found = all.find(|key| key.credential.access_key_id == id);
    found.with_context(|| format!("no user has the access key {id}"))
}

fn said(runs: bool) {
    if !runs {
        eprintln!("blockhouse: no node runs here: it counts from the next start on");
    }
}
