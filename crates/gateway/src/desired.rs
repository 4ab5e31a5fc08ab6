//! The desired state as the node runs by it: the newest version, compiled, for every thread.
//!
//! ```text
//!   change ─► prepare against the newest ─► compile ─► store (one commit) ─► swap ─► activate
//!             (the network's part by its filter)                              │     (the network)
//!   request ─► load, once: it is judged by that version to its end ◄──────────┘
//! ```
//! The store has the say. Where a change was committed and its maker never heard so, the next one that
//! looks finds the store ahead, and reads it anew.

use crate::{NetworkError, NetworkFilter, Site, access_point, permit::compile_list};
use arc_swap::ArcSwap;
use blockhouse_policy::address_list::Networks;
use blockhouse_state::{Change, Fault, Invalid, Prepared, Snapshot, Stamp, State};
use blockhouse_store::{ApplyError, Desired, DesiredChange, DocumentKind, ObjectStore, StoreError};
use blockhouse_types::AccountId;
use std::{collections::BTreeMap, sync::Arc};

/// The newest version; shared by all threads of a node.
#[derive(Debug, Default)]
pub struct DesiredState {
    newest: ArcSwap<Snapshot>,
    network: NetworkFilter,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It was made for another version.
    #[error("the state is of version {version} by now")]
    Conflict {
        /// The version that it has.
        version: u64,
    },
    /// A resource cannot be so.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// It is beyond one of the store's bounds.
    #[error(transparent)]
    TooLarge(ApplyError),
    /// The network filter's, before anything was changed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DesiredState {
    /// Of a node with this network filter.
    pub fn with_network(network: NetworkFilter) -> Self {
        Self {
            network,
            ..Self::default()
        }
    }

    /// How the network is.
    pub(crate) async fn network_status(&self) -> Result<String, NetworkError> {
        self.network.status().await
    }

    /// The newest version. A request asks once, and keeps what it got.
    pub fn load(&self) -> Arc<Snapshot> {
        self.newest.load_full()
    }

    /// Makes the network what is desired, when a node begins; a state whose network cannot be read has
    /// none.
    pub async fn renew_network(&self) -> Result<(), NetworkError> {
        let newest = self.load();
        if newest.state().network_is_unreadable() {
            let why = "a part of the desired network cannot be read".to_owned();
            return Err(NetworkError::Refused(why));
        }
        let network = newest.state().network();
        self.network.prepare(newest.version(), network).await?;
        self.network.activate(newest.version()).await
    }

    /// Makes a change, whole or not at all. When it returns, every request that begins is judged by it.
    pub async fn change<S: ObjectStore>(
        &self,
        (store, site): (&S, &Site),
        change: Change,
        stamp: &mut Stamp<'_>,
    ) -> Result<Arc<Snapshot>, ChangeError> {
        let newest = self.catch_up(store);
        let expected = change.expected;
        if expected != newest.version() {
            let version = newest.version();
            return Err(ChangeError::Conflict { version });
        }
        let Prepared {
            state,
            rows,
            network,
        } = newest.state().prepare(change, stamp)?;
        check_lists(store, newest.state(), &state)?;
        let next = Snapshot::new(expected + 1, state);
        access_point::check(store, site, &newest, &next)?;
        let of_network = network.is_some();
        if let Some(network) = network {
            self.network.prepare(next.version(), network).await?;
        }
        let change = DesiredChange {
            expected,
            rows,
            now: stamp.now,
        };
        match store.apply_desired(change).await {
            Ok(version) if version == next.version() => {}
            // The store counts otherwise than we do: what it has is read.
            Ok(_) => return Ok(self.catch_up(store)),
            Err(ApplyError::Conflict { version }) => {
                self.catch_up(store);
                return Err(ChangeError::Conflict { version });
            }
            Err(ApplyError::Store(error)) => return Err(error.into()),
            Err(bound) => return Err(ChangeError::TooLarge(bound)),
        }
        let next = Arc::new(next);
        self.publish(&next);
        if of_network && let Err(error) = self.network.activate(next.version()).await {
            // It is committed; the network follows when it can, and its status says so until then.
            let version = next.version();
            tracing::error!(%error, version, "the network is not yet what it was changed to");
        }
        Ok(next)
    }

    /// The newest version, read anew where the store is ahead: as at the start, when nothing was read.
    pub fn catch_up<S: ObjectStore>(&self, store: &S) -> Arc<Snapshot> {
        let (newest, desired) = (self.load(), store.desired());
        if newest.version() >= desired.version {
            return newest;
        }
        let next = Arc::new(read(&desired));
        self.publish(&next);
        next
    }

    /// Threads may come in another order than their versions did: an older one is never put back.
    fn publish(&self, next: &Arc<Snapshot>) {
        self.newest.rcu(|there| {
            let newer = if there.version() < next.version() {
                next
            } else {
                there
            };
            Arc::clone(newer)
        });
    }
}

/// Whether the buckets' address lists can still be what they are: a group that one of them names stays,
/// and none becomes too long.
fn check_lists<S: ObjectStore>(store: &S, old: &State, new: &State) -> Result<(), Invalid> {
    let mut changed: BTreeMap<AccountId, Option<Networks>> = BTreeMap::new();
    for bucket in store.buckets() {
        let Some(kept) = bucket.documents.get(&DocumentKind::Addresses) else {
            continue;
        };
        let networks = changed.entry(bucket.owner).or_insert_with_key(|owner| {
            let networks = new.networks(*owner);
            (networks != old.networks(*owner)).then_some(networks)
        });
        let Some(networks) = networks else {
            continue;
        };
        compile_list(kept, networks).map_err(|why| Invalid {
            resource: format!("account/{}", bucket.owner).into(),
            fault: Fault::List {
                bucket: bucket.name.as_str().into(),
                why,
            },
        })?;
    }
    Ok(())
}

fn read(desired: &Desired) -> Snapshot {
    let rows = desired.rows.iter();
    let state = State::read(rows.map(|(name, row)| (&**name, &**row)));
    for (row, unreadable) in state.unreadable() {
        let why = &unreadable.fault;
        tracing::error!(row, %why, "a row of the desired state cannot be read, and denies");
    }
    Snapshot::new(desired.version, state)
}
