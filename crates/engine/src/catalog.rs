//! The control rows in memory: buckets, and whatever other small tables the log carries.
//!
//! The log is their truth, every checkpoint carries all of them; this is the copy that requests are
//! answered from. It is changed only by applying a durable `Control` record.

use crate::{
    control::{ControlRow, ControlTruth},
    desired,
    ledger::{self, Ledger},
    revocations::{self, Revocations},
};
use blockhouse_format::{
    DecodeError, Lsn,
    control::{
        BucketRow, BucketVersioning, TABLE_BUCKETS, TABLE_DESIRED, TABLE_LINKS, TABLE_REVOCATIONS,
    },
    record::Control,
};
use blockhouse_store::{Bucket, Desired, DocumentKind, Versioning};
use blockhouse_types::{AccountId, BucketId, BucketName, Timestamp};
use parking_lot::RwLock;
use std::{collections::BTreeMap, sync::Arc};

/// The most bytes of control rows, keys and values together; a change that would go over it is
/// refused before it is logged. Checkpoints carry all rows, and so does memory.
pub(crate) const BYTES_MAX: usize = 256 << 20;

/// All control rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    buckets: BTreeMap<BucketName, Arc<Bucket>>,
    names: BTreeMap<BucketId, BucketName>,
    links: Ledger,
    revocations: Revocations,
    desired: Desired,
    /// Rows of tables that the engine keeps for others, by table and key.
    others: BTreeMap<(u8, Vec<u8>), Vec<u8>>,
    /// The bytes of every row, by table and key.
    sizes: BTreeMap<(u8, Vec<u8>), usize>,
    bytes: usize,
}

impl Catalog {
    pub(crate) fn bucket(&self, name: &BucketName) -> Option<&Arc<Bucket>> {
        self.buckets.get(name)
    }

    pub(crate) fn bucket_by_id(&self, id: BucketId) -> Option<&Arc<Bucket>> {
        self.buckets.get(self.names.get(&id)?)
    }

    /// All buckets in order of name.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = &Arc<Bucket>> {
        self.buckets.values()
    }

    /// The one-time links that were used.
    pub(crate) fn links(&self) -> &Ledger {
        &self.links
    }

    /// The links that work no more.
    pub(crate) fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// What was configured.
    pub(crate) fn desired(&self) -> &Desired {
        &self.desired
    }

    /// What a restart at that moment makes of links' transfers; see [`Ledger::interrupt`].
    pub(crate) fn interrupt_links(&mut self, at: Timestamp) -> Vec<ledger::Row> {
        self.links.interrupt(at)
    }

    /// How many buckets an account has.
    pub(crate) fn owned_by(&self, owner: AccountId) -> usize {
        self.buckets
            .values()
            .filter(|bucket| bucket.owner == owner)
            .count()
    }

    /// Rows of all tables.
    pub(crate) fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether a change keeps the rows below [`BYTES_MAX`]. One that makes them fewer always does.
    pub(crate) fn admits(&self, change: &Control) -> bool {
        let old = self
            .sizes
            .get(&(change.table, change.key.clone()))
            .copied()
            .unwrap_or(0);
        let new = size_of_row(change);
        new <= old || self.bytes - old + new <= BYTES_MAX
    }

    /// Whether changes that are made together do so.
    pub(crate) fn admit(&self, changes: &[Control]) -> bool {
        changes.iter().map(size_of_row).sum::<usize>() + self.bytes <= BYTES_MAX
    }

    /// Every row as table, key and value, in order.
    pub(crate) fn rows(&self) -> Vec<(u8, Vec<u8>, Vec<u8>)> {
        let buckets = self.buckets.values().filter_map(|bucket| {
            let row = row_of(bucket).encode().ok()?;
            Some((TABLE_BUCKETS, bucket.name.as_str().as_bytes().to_vec(), row))
        });
        let links = self.links.rows().map(|row| {
            let Control { key, value, .. } = row.set();
            (TABLE_LINKS, key, value.unwrap_or_default())
        });
        let revocations = self.revocations.rows().map(|revocation| {
            let Control { key, value, .. } = revocations::set(revocation);
            (TABLE_REVOCATIONS, key, value.unwrap_or_default())
        });
        let desired = desired::rows(&self.desired).map(|change| {
            let Control { key, value, .. } = change;
            (TABLE_DESIRED, key, value.unwrap_or_default())
        });
        let others = self
            .others
            .iter()
            .map(|((t, k), v)| (*t, k.clone(), v.clone()));
        let mut rows: Vec<_> = buckets
            .chain(links)
            .chain(revocations)
            .chain(desired)
            .chain(others)
            .collect();
        rows.sort_unstable();
        rows
    }

    /// Takes a change that is durable.
    pub(crate) fn apply(&mut self, change: Control) -> Result<(), DecodeError> {
        let new = size_of_row(&change);
        let key = (change.table, change.key.clone());
        let old = match change.value {
            Some(_) => self.sizes.insert(key, new),
            None => self.sizes.remove(&key),
        };
        self.bytes = self.bytes + new - old.unwrap_or(0);
        match (change.table, change.value) {
            (TABLE_BUCKETS, Some(value)) => self.set_bucket(bucket_of(BucketRow::decode(&value)?)),
            (TABLE_BUCKETS, None) => self.remove_bucket(&change.key),
            (TABLE_LINKS, value) => self.links.apply(&change.key, value.as_deref())?,
            (TABLE_REVOCATIONS, value) => {
                self.revocations.apply(&change.key, value.as_deref())?;
            }
            (TABLE_DESIRED, value) => {
                desired::apply(&mut self.desired, &change.key, value.as_deref())?;
            }
            (table, Some(value)) => {
                self.others.insert((table, change.key), value);
            }
            (table, None) => {
                self.others.remove(&(table, change.key));
            }
        }
        Ok(())
    }

    fn set_bucket(&mut self, bucket: Bucket) {
        if let Some(before) = self.buckets.get(&bucket.name) {
            self.names.remove(&before.id);
        }
        self.names.insert(bucket.id, bucket.name.clone());
        self.buckets.insert(bucket.name.clone(), Arc::new(bucket));
    }

    fn remove_bucket(&mut self, key: &[u8]) {
        let name = std::str::from_utf8(key)
            .ok()
            .and_then(|name| BucketName::parse(name).ok());
        if let Some(bucket) = name.and_then(|name| self.buckets.remove(&name)) {
            self.names.remove(&bucket.id);
        }
    }
}

impl ControlTruth for RwLock<Catalog> {
    /// The rows may be newer than the LSN says; changes are whole rows, so applying one twice is
    /// the same as once.
    fn rows(&self) -> (Lsn, Vec<ControlRow>) {
        let rows = self.read().rows().into_iter();
        let rows = rows.filter(|(table, ..)| is_copied(*table));
        let row = |(table, key, value)| ControlRow { table, key, value };
        (Lsn(0), rows.map(row).collect())
    }
}

/// Whether the copy outside the pool has this table. Used links come and go by the thousand, and
/// nobody looks for them there.
pub(crate) fn is_copied(table: u8) -> bool {
    table != TABLE_LINKS
}

/// The bytes of the row that a change leaves.
fn size_of_row(change: &Control) -> usize {
    change
        .value
        .as_ref()
        .map_or(0, |value| change.key.len() + value.len())
}

/// The change that makes a bucket what `bucket` is. `None` when its documents are too long to keep.
pub(crate) fn set(bucket: &Bucket) -> Option<Control> {
    let value = row_of(bucket).encode().ok()?;
    let key = bucket.name.as_str().as_bytes().to_vec();
    Some(Control {
        table: TABLE_BUCKETS,
        key,
        value: Some(value),
    })
}

/// The change that removes a bucket.
pub(crate) fn remove(bucket: &Bucket) -> Control {
    let key = bucket.name.as_str().as_bytes().to_vec();
    Control {
        table: TABLE_BUCKETS,
        key,
        value: None,
    }
}

fn row_of(bucket: &Bucket) -> BucketRow {
    BucketRow {
        id: bucket.id,
        name: bucket.name.clone(),
        owner: bucket.owner,
        created: bucket.created,
        versioning: match bucket.versioning {
            Versioning::Unversioned => BucketVersioning::Unversioned,
            Versioning::Enabled => BucketVersioning::Enabled,
            Versioning::Suspended => BucketVersioning::Suspended,
        },
        documents: bucket
            .documents
            .iter()
            .map(|(kind, d)| (kind.code(), d.to_vec()))
            .collect(),
    }
}

fn bucket_of(row: BucketRow) -> Bucket {
    let document = |(code, bytes): (u8, Vec<u8>)| {
        // A kind of a later version is not shown; it stays on the media until the row is written.
        DocumentKind::from_code(code).map(|kind| (kind, bytes.into()))
    };
    Bucket {
        id: row.id,
        name: row.name,
        owner: row.owner,
        created: row.created,
        versioning: match row.versioning {
            BucketVersioning::Unversioned => Versioning::Unversioned,
            BucketVersioning::Enabled => Versioning::Enabled,
            BucketVersioning::Suspended => Versioning::Suspended,
        },
        documents: row.documents.into_iter().filter_map(document).collect(),
    }
}
