//! `blockhouse token`: temporary credentials of a standalone node, made by whoever may read its keys'
//! file. On a node that has a control plane they come from `aws sts`.

use crate::{cli::TokenArgs, dev::keys};
use anyhow::{Context as _, Result, bail};
use blockhouse_types::{AccountId, Clock, SystemClock};
use blockhouse_verifier::{MintError, TokenKeys};
use blockhouse_verifier_wire::{
    Claims, Principal, SessionKind,
    provision::{MintOrder, Minted},
};
use std::process::ExitCode;

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
    let issued_at = SystemClock.now();
    let order = MintOrder {
        principal: Principal::Root {
            account: account.id,
        },
        parent: Some(account.credential.access_key_id.clone()),
        claims: Claims {
            session: SessionKind::from(args.kind),
            issued_at,
            expires_at: issued_at.plus_secs(args.duration),
            policy: None,
            tags: Vec::new(),
        },
    };
    tokens.mint(&order).map_err(|error| match error {
        MintError::Duration { secs_max } => {
            anyhow::anyhow!("--duration {}: 1 to {secs_max} seconds", args.duration)
        }
        error => error.into(),
    })
}
