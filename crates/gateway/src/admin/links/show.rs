//! `GET /links`: what is known of an account's links.

use super::{Call, Refused};
use crate::link::SeenLink;
use blockhouse_store::{LinkState, ObjectStore, Revocation};
use blockhouse_types::RevokedLinks;
use blockhouse_verifier_wire::LinkSigner;
use serde_json::{Value, json};

/// Lists.
pub(in crate::admin) async fn list<S: ObjectStore, V: LinkSigner>(
    call: &mut Call<'_, S, V>,
) -> Result<Value, Refused> {
    let account = call.root().await?.account;
    let context = &call.desk.context;
    let seen = context.rolls.seen(account).await;
    let seen = seen.iter().map(|seen| {
        let mut text = of_seen(seen);
        text["revoked"] = json!(context.store.is_revoked(&seen.facts));
        if let Some(used) = context.store.used_link(seen.facts.link) {
            text["used"] = json!(match used.state {
                LinkState::Running => "its transfer runs",
                LinkState::Short { .. } => "its transfer broke off",
                LinkState::Finished => "finished",
            });
        }
        text
    });
    let seen: Vec<Value> = seen.collect();
    let revocations = context.store.revocations().into_iter();
    let revocations = revocations.filter(|revocation| revocation.owner == account);
    let revocations: Vec<Value> = revocations.map(|one| of_revocation(&one)).collect();
    Ok(json!({
        "account": account.to_string(),
        "made": call.desk.made.of(account, call.now),
        "seen": seen,
        "revoked": revocations,
    }))
}

fn of_seen(seen: &SeenLink) -> Value {
    let facts = &seen.facts;
    json!({
        "link": facts.link.to_string(),
        "key_id": &*facts.key_id,
        "signed_at": facts.signed_at.to_iso_secs(),
        "expires_at": seen.expires_at.map(|at| at.to_iso_secs()),
        "bucket": facts.bucket.as_ref().map(|bucket| bucket.as_str()),
        "key": facts.key.as_ref().map(|key| key.as_str()),
        "once": facts.once.is_some(),
        "uses": seen.uses,
        "first_used": seen.first.to_iso_secs(),
        "last_used": seen.last.to_iso_secs(),
        "last_source": seen.source.to_string(),
    })
}

/// A revocation as it is shown.
pub(super) fn of_revocation(revocation: &Revocation) -> Value {
    let mut shown = match &revocation.links {
        RevokedLinks::Link(link) => json!({"link": link.to_string()}),
        // The token itself is nowhere.
        RevokedLinks::Once(hash) => json!({"once_sha256": blockhouse_types::hex(&hash.0)}),
        RevokedLinks::Key(id) => json!({"key_id": id}),
        RevokedLinks::Prefix { bucket, prefix } => {
            json!({"bucket": bucket.as_str(), "prefix": prefix})
        }
    };
    if !matches!(
        revocation.links,
        RevokedLinks::Link(_) | RevokedLinks::Once(_)
    ) {
        shown["signed_until"] = json!(revocation.signed_until.to_iso_secs());
    }
    shown["until"] = json!(revocation.until.to_iso_secs());
    shown
}
