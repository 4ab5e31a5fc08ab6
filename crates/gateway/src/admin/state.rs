//! The desired state on the administrator's listener.
//!
//! | call | what it does |
//! |---|---|
//! | `GET /state` | the version, and the resources of the caller's account |
//! | `POST /state` | changes some of them, all or nothing; the JSON document in the body says which |
//! | `GET /net` | the network filter's own word on the network as it is; the operator's alone |
//!
//! An account's root sees and changes its own account's resources, and nobody else does. What is the whole
//! node's is changed by the root of the operator's account.

use super::call::{Call, Refused, Root};
use crate::{NetworkError, audit::Check, desired::ChangeError, perform::Trouble};
use blockhouse_s3::error::{ErrorKind, S3Error};
use blockhouse_state::{Change, Name, Put, Snapshot, Stamp};
use blockhouse_store::ObjectStore;
use blockhouse_types::AccountId;
use blockhouse_verifier_wire::LinkSigner;
use serde::Serialize;
use serde_json::{json, value::RawValue};

/// A document of this many bytes at most: what one change of the store can hold, and the names around it.
const DOCUMENT_BYTES_MAX: usize = 3 << 20;

/// The answer to `GET /state`.
#[derive(Serialize)]
struct Shown {
    account: String,
    version: u64,
    resources: Vec<ShownResource>,
    /// Rows that cannot be read; who depends on them is denied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<ShownUnreadable>,
}

#[derive(Serialize)]
struct ShownResource {
    name: String,
    resource: Box<RawValue>,
}

#[derive(Serialize)]
struct ShownUnreadable {
    name: String,
    reason: String,
}

/// Shows what is the caller's to see.
pub(super) async fn show<S: ObjectStore, V: LinkSigner>(
    call: &mut Call<'_, S, V>,
) -> Result<String, Refused> {
    let root = call.root().await?;
    let snapshot = call.desk.context.desired.load();
    let shown = shown(&snapshot, |name| call.owns(&root, name));
    let text = shown.and_then(|shown| {
        serde_json::to_string_pretty(&Shown {
            account: root.account.to_string(),
            ..shown
        })
    });
    text.map_err(|error| {
        tracing::error!(id = %call.id, %error, "the desired state cannot be shown");
        Refused(Check::Node, ErrorKind::InternalError.into())
    })
}

fn shown(snapshot: &Snapshot, owns: impl Fn(Option<&Name>) -> bool) -> serde_json::Result<Shown> {
    let mut resources = Vec::new();
    for (name, resource) in snapshot.state().resources() {
        if owns(Some(name)) {
            resources.push(ShownResource {
                name: name.to_string(),
                resource: serde_json::value::to_raw_value(resource)?,
            });
        }
    }
    let unreadable = snapshot.state().unreadable().iter();
    let unreadable = unreadable.filter(|(_, row)| owns(row.name.as_ref()));
    let unreadable = unreadable.map(|(name, row)| ShownUnreadable {
        name: name.to_string(),
        reason: row.fault.to_string(),
    });
    Ok(Shown {
        account: String::new(),
        version: snapshot.version(),
        resources,
        unreadable: unreadable.collect(),
    })
}

/// Shows how the network is.
pub(super) async fn show_network<S: ObjectStore, V: LinkSigner>(
    call: &mut Call<'_, S, V>,
) -> Result<String, Refused> {
    let root = call.root().await?;
    if !call.owns(&root, None) {
        let error = ErrorKind::AccessDenied.into();
        return Err(Refused(Check::Permit("not-the-owner"), error));
    }
    let status = call.desk.context.desired.network_status().await;
    status.map_err(|error| refused(Check::State, error.into(), call))
}

/// Changes the state.
pub(super) async fn change<S: ObjectStore, V: LinkSigner>(
    call: &mut Call<'_, S, V>,
) -> Result<String, Refused> {
    let root = call.root().await?;
    let document = call.document(&root.caller, DOCUMENT_BYTES_MAX).await?;
    let change = Change::read(&document);
    let change = change.map_err(|invalid| refused(Check::Body, invalid.into(), call))?;
    let puts = change
        .puts
        .iter()
        .map(|Put { name, .. }| Some(name.clone()));
    let deletes = change.deletes.iter().map(|name| Name::parse(name));
    let owned = puts
        .chain(deletes)
        .all(|name| call.owns(&root, name.as_ref()));
    if !owned {
        let error = ErrorKind::AccessDenied.into();
        return Err(Refused(Check::Permit("not-the-owner"), error));
    }
    let (puts, deletes) = (change.puts.len(), change.deletes.len());
    let context = &call.desk.context;
    let mut entropy = context.entropy();
    let mut stamp = Stamp {
        now: call.now,
        entropy: &mut entropy,
    };
    let parts = (&context.store, &*context.site);
    let changed = context.desired.change(parts, change, &mut stamp);
    let version = match changed.await {
        Ok(snapshot) => snapshot.version(),
        Err(error) => return Err(refused(Check::State, error, call)),
    };
    let account = root.account;
    tracing::info!(id = %call.id, %account, version, puts, deletes, "the desired state was changed");
    Ok(json!({ "version": version }).to_string())
}

fn refused<S: ObjectStore, V: LinkSigner>(
    check: Check,
    error: ChangeError,
    call: &Call<'_, S, V>,
) -> Refused {
    let message = error.to_string();
    match error {
        ChangeError::Conflict { .. } => Refused(
            Check::Condition,
            S3Error::from(ErrorKind::PreconditionFailed).message(message),
        ),
        ChangeError::Invalid(_)
        | ChangeError::TooLarge(_)
        | ChangeError::Network(NetworkError::None | NetworkError::Refused(_)) => {
            Refused(check, S3Error::invalid_request(message))
        }
        ChangeError::Network(NetworkError::Unreachable) => Refused(
            Check::Node,
            S3Error::from(ErrorKind::ServiceUnavailable).message(message),
        ),
        ChangeError::Store(error) => Refused(Check::Node, Trouble::of(call.id).store(error)),
    }
}

impl<S: ObjectStore, V: LinkSigner> Call<'_, S, V> {
    /// Whether a resource is the root's; a name that cannot be read is the operator's to remove.
    fn owns(&self, root: &Root<'_, V>, name: Option<&Name>) -> bool {
        let operator: Option<AccountId> = self.desk.context.site.operator;
        match name.and_then(Name::account) {
            Some(account) => account == root.account,
            None => operator == Some(root.account),
        }
    }
}
