//! `blockhouse presign`: a link, made from the environment's key. No node is needed for that; one that
//! answers is asked for the bucket's list of addresses, so that nobody wonders why the link is refused.

use crate::{
    address_list, ask,
    cli::{PresignArgs, TermsArgs},
    secrets,
};
use anyhow::{Context as _, Result, bail};
use blockhouse_s3::xml::parse_addresses;
use blockhouse_sigv4::{Credentials, Link, Location, SecretKey};
use blockhouse_types::{Clock, SystemClock};
use std::{env, process::ExitCode};

/// The service that links are signed for.
pub(crate) const SERVICE: &str = "s3";

/// More entries of a list than these are counted and not shown.
const ENTRIES_SHOWN_MAX: usize = 8;

/// Prints the link.
pub(crate) fn run(args: &PresignArgs) -> Result<ExitCode> {
    println!("{}", link(args)?);
    if !args.offline
        && let Some(warning) = warning(args)
    {
        eprintln!("blockhouse: {warning}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to be said of the bucket's list of addresses, where there is one and the key may see it.
fn warning(args: &PresignArgs) -> Option<String> {
    let Location { bucket, .. } = Location::parse(&args.object)?;
    let list = ask::bucket_if_given(&args.s3, (bucket, address_list::SUBRESOURCE))?;
    let entries = parse_addresses(&list).ok()?;
    if entries.is_empty() {
        return Some(format!(
            "{bucket} has an empty list of addresses: the link works from nowhere"
        ));
    }
    let shown = match entries.len() {
        count if count > ENTRIES_SHOWN_MAX => format!("{count} entries"),
        _ => {
            let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
            entries.join(", ")
        }
    };
    Some(format!(
        "the link works from the addresses on {bucket}'s list alone: {shown}"
    ))
}

fn link(args: &PresignArgs) -> Result<String> {
    let access_key_id = variable("AWS_ACCESS_KEY_ID")?;
    let secret = SecretKey::new(variable("AWS_SECRET_ACCESS_KEY")?);
    let session_token = env::var("AWS_SESSION_TOKEN")
        .ok()
        .filter(|token| !token.is_empty());
    let location = Location::parse(&args.object)
        .with_context(|| format!("{:?} names no bucket; write s3://BUCKET/KEY", args.object))?;
    let headers = pairs(&args.header, ':')?;
    let terms = terms(&args.terms)?;
    let terms = terms.iter().map(|(name, value)| (*name, value.as_str()));
    let query: Vec<_> = pairs(&args.query, '=')?.into_iter().chain(terms).collect();
    let link = Link {
        method: &args.method,
        endpoint: args.s3.endpoint.trim_end_matches('/'),
        location,
        query: &query,
        headers: &headers,
        region: &args.s3.region,
        service: SERVICE,
        expires_secs: args.expires,
    };
    let credentials = Credentials {
        access_key_id: &access_key_id,
        secret: &secret,
        session_token: session_token.as_deref(),
    };
    Ok(blockhouse_sigv4::presign(
        &link,
        credentials,
        SystemClock.now(),
    )?)
}

/// The vendor parameters that say what was asked for. The node judges their values.
fn terms(args: &TermsArgs) -> Result<Vec<(&'static str, String)>> {
    let once = args.once.then(secrets::once_token).transpose()?;
    let terms = [
        ("x-bh-once", once),
        ("x-bh-confirm", args.confirm.clone()),
        ("x-bh-source", args.source.clone()),
        ("x-bh-not-before", args.not_before.clone()),
        (
            "x-bh-max-bytes",
            args.max_bytes.map(|bytes| bytes.to_string()),
        ),
        ("x-bh-head", args.head.then(|| "1".to_owned())),
    ];
    let given = terms
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    Ok(given.collect())
}

pub(crate) fn variable(name: &str) -> Result<String> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => bail!("{name} is not set; `source DIR/env` of a running `blockhouse dev` first"),
    }
}

fn pairs(typed: &[String], between: char) -> Result<Vec<(&str, &str)>> {
    typed
        .iter()
        .map(|text| {
            let (name, value) = text
                .split_once(between)
                .with_context(|| format!("{text:?} has no {between:?}"))?;
            Ok((name.trim(), value.trim()))
        })
        .collect()
}
