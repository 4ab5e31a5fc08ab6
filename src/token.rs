//! `blockhouse token`: temporary credentials of a standalone node, made by whoever may read its keys'
//! file. On a node that has a control plane they come from `aws sts`.

use crate::{cli::TokenArgs, dev::keys};
use anyhow::{Context as _, Result, bail};
use blockhouse_policy::{Kind, Policy};
use blockhouse_settings::{Account, KeysDocument};
use blockhouse_types::{AccountId, Clock, SystemClock};
use blockhouse_verifier::{MintError, TokenKeys};
use blockhouse_verifier_wire::{
    Claims, Principal, SessionKind,
    provision::{MintOrder, Minted},
};
use std::{collections::BTreeSet, fs, path::Path, process::ExitCode};

/// Prints the credentials for `source`.
pub(crate) fn run(args: &TokenArgs) -> Result<ExitCode> {
    let minted = mint(args)?;
    println!("# They end at {}.", minted.expires_at.to_iso_secs());
    println!("export AWS_ACCESS_KEY_ID='{}'", minted.access_key_id);
    println!(
        "export AWS_SECRET_ACCESS_KEY='{}'",
        *minted.secret_access_key
    );
    println!("export AWS_SESSION_TOKEN='{}'", minted.session_token);
    Ok(ExitCode::SUCCESS)
}

fn mint(args: &TokenArgs) -> Result<Minted> {
    let file = keys::read_of(&args.data)?;
    let account = match &args.account {
        None => file.accounts.first(),
        Some(number) => {
            let id = AccountId::parse(number).context("--account: twelve digits")?;
            file.accounts.iter().find(|account| account.id == id)
        }
    };
    let account = account.context("this node has no such account")?;
    let mut tokens = TokenKeys::default();
    if !tokens.put(keys::TOKEN_KEY, &file.token_key) {
        bail!("the token key cannot be used");
    }
    let (principal, parent) = principal(args, &file, account)?;
    let session = match args.role {
        Some(_) => SessionKind::AssumedRole,
        None => SessionKind::from(args.kind),
    };
    let issued_at = SystemClock.now();
    let order = MintOrder {
        principal,
        parent: Some(parent),
        claims: Claims {
            session,
            issued_at,
            expires_at: issued_at.plus_secs(args.duration),
            policy: args.policy.as_deref().map(session_policy).transpose()?,
            tags: tags(&args.tag)?,
        },
    };
    tokens.mint(&order).map_err(|error| match error {
        MintError::Duration { secs_max } => {
            anyhow::anyhow!("--duration {}: 1 to {secs_max} seconds", args.duration)
        }
        error => error.into(),
    })
}

/// Whom the credentials speak for, and the key with which they die.
fn principal(
    args: &TokenArgs,
    file: &KeysDocument,
    account: &Account,
) -> Result<(Principal, String)> {
    let (id, root) = (account.id, &account.credential.access_key_id);
    if let (Some(role), Some(session)) = (&args.role, &args.session_name) {
        legal("--role", role, 1)?;
        legal("--session-name", session, 2)?;
        let role = Principal::AssumedRole {
            account: id,
            role: role.clone(),
            session: session.clone(),
        };
        return Ok((role, root.clone()));
    }
    let Some(user) = &args.user else {
        return Ok((Principal::Root { account: id }, root.clone()));
    };
    let mut keys = file.user_keys.iter();
    let key = keys.find(|key| key.account == id && key.user == *user && key.enabled);
    let key = key.with_context(|| format!("{user} has no access key that is active"))?;
    let principal = Principal::User {
        account: id,
        name: user.clone(),
    };
    Ok((principal, key.credential.access_key_id.clone()))
}

/// Source: AWS STS API reference, AssumeRole, "RoleSessionName".
fn legal(option: &str, name: &str, len_min: usize) -> Result<()> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b);
    if !(len_min..=64).contains(&name.len()) || !name.bytes().all(legal) {
        bail!("{option} {name}: {len_min} to 64 letters, digits and +=,.@_-");
    }
    Ok(())
}

fn session_policy(path: &Path) -> Result<String> {
    let shown = || format!("--policy {}", path.display());
    let text = fs::read_to_string(path).with_context(shown)?;
    Policy::parse(Kind::Session, "session", &text).with_context(shown)?;
    Ok(text)
}

/// Source: AWS STS API reference, AssumeRole, "Tags": at most 50 of them.
fn tags(given: &[String]) -> Result<Vec<(String, String)>> {
    let mut names = BTreeSet::new();
    let mut tags = Vec::with_capacity(given.len());
    for tag in given {
        let pair = tag.split_once('=');
        let (name, value) = pair.with_context(|| format!("--tag {tag}: KEY=VALUE"))?;
        let fits = (1..=128).contains(&name.chars().count()) && value.chars().count() <= 256;
        if !fits || !names.insert(name.to_lowercase()) {
            bail!(
                "--tag {tag}: a key has 1 to 128 characters and stands there once, its value at most 256"
            );
        }
        tags.push((name.to_owned(), value.to_owned()));
    }
    if tags.len() > 50 {
        bail!("--tag: at most 50");
    }
    Ok(tags)
}
