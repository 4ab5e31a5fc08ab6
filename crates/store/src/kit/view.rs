use super::apply::read;
use crate::{
    EntryKind, ObjectInfo, ObjectStore, OpenError, PartQuery, ReadError, StoreError, StoredObject,
    UploadError, UploadQuery, UploadRef, VersionEntry, VersionQuery,
};
use blockhouse_types::{BucketId, VersionId};

/// All that can be seen of a store, as lines without ids: buckets with their settings, versions in
/// order with everything known of them and a hash of their bytes, uploads with their parts, used
/// links, revocations, the desired state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct View {
    /// One line a thing, in order.
    pub lines: Vec<String>,
}

impl View {
    /// The first line in which two views differ, from either.
    pub fn first_difference(&self, other: &Self) -> (String, String) {
        let longest = self.lines.len().max(other.lines.len());
        let line = |view: &Self, at| {
            view.lines
                .get(at)
                .cloned()
                .unwrap_or_else(|| "(end)".into())
        };
        (0..longest)
            .map(|at| (line(self, at), line(other, at)))
            .find(|(a, b)| a != b)
            .unwrap_or_default()
    }
}

/// Entries of a page.
const PAGE: usize = 1000;

/// Looks at everything.
pub async fn view<S: ObjectStore>(store: &S) -> Result<View, StoreError> {
    let mut lines = Vec::new();
    for bucket in store.buckets() {
        let documents: Vec<_> = bucket.documents.iter().map(|(k, d)| (k, d.len())).collect();
        let (owner, versioning) = (bucket.owner, bucket.versioning);
        lines.push(format!(
            "{:?} {owner} {versioning:?} {documents:?}",
            bucket.name
        ));
        versions(store, bucket.id, &mut lines).await?;
        uploads(store, bucket.id, &mut lines).await?;
    }
    lines.extend(store.used_links().iter().map(|used| format!("{used:?}")));
    let revocations = store.revocations().into_iter();
    lines.extend(revocations.map(|revocation| format!("{revocation:?}")));
    let desired = store.desired();
    lines.push(format!(
        "desired state {} of {:?}, {} bytes",
        desired.version, desired.changed, desired.bytes
    ));
    let rows = desired.rows.iter();
    lines.extend(rows.map(|(name, row)| format!("  {name} {row:02x?}")));
    Ok(View { lines })
}

async fn versions<S: ObjectStore>(
    store: &S,
    bucket: BucketId,
    lines: &mut Vec<String>,
) -> Result<(), StoreError> {
    let mut query = VersionQuery {
        max: PAGE,
        ..VersionQuery::default()
    };
    loop {
        let page = store.list_versions(bucket, &query).await?;
        for entry in &page.versions {
            lines.push(version(store, bucket, entry).await?);
        }
        match page.next {
            Some((key, version)) => (query.key_marker, query.version_marker) = (key, version),
            None => return Ok(()),
        }
    }
}

async fn version<S: ObjectStore>(
    store: &S,
    bucket: BucketId,
    entry: &VersionEntry,
) -> Result<String, StoreError> {
    let VersionEntry {
        key,
        version,
        latest,
        kind,
        modified,
        ..
    } = entry;
    let id = if version.is_null() { "null" } else { "id" };
    let opened = store.open(bucket, key, Some(*version)).await;
    let object = match (opened, kind) {
        (Ok(object), EntryKind::Object) => object,
        (Err(OpenError::DeleteMarker { .. }), EntryKind::DeleteMarker) => {
            return Ok(format!("  {key:?} {id} {latest} marker {modified:?}"));
        }
        (Err(OpenError::Store(error)), _) => return Err(error),
        (Ok(_), EntryKind::DeleteMarker) => {
            return Ok(format!(
                "  {key:?} is listed as a marker and opens as an object"
            ));
        }
        (Err(error), _) => return Ok(format!("  {key:?} is listed and does not open: {error:?}")),
    };
    let info = ObjectInfo {
        version: VersionId::NULL,
        ..ObjectInfo::clone(object.info())
    };
    if (info.size, info.etag, info.modified) != (entry.size, entry.etag, *modified) {
        return Ok(format!(
            "  {key:?} is listed as {entry:?} and opens as {info:?}"
        ));
    }
    let (len, hash) = read(object, 0..info.size)
        .await
        .map_err(|ReadError::Store(e)| e)?;
    Ok(format!(
        "  {key:?} {id} {latest} {info:?} {len} {hash:016x}"
    ))
}

async fn uploads<S: ObjectStore>(
    store: &S,
    bucket: BucketId,
    lines: &mut Vec<String>,
) -> Result<(), StoreError> {
    let mut query = UploadQuery {
        max: PAGE,
        ..UploadQuery::default()
    };
    loop {
        let page = store.list_uploads(bucket, &query).await?;
        for entry in &page.uploads {
            let of = UploadRef {
                bucket,
                key: entry.key.clone(),
                upload: entry.upload,
            };
            let parts = store
                .list_parts(
                    &of,
                    PartQuery {
                        after: 0,
                        max: 10_000,
                    },
                )
                .await;
            let parts = match parts {
                Ok(parts) => format!("{:?}", parts.parts),
                Err(UploadError::Store(error)) => return Err(error),
                Err(UploadError::NoSuchUpload) => "is listed and does not exist".to_owned(),
            };
            lines.push(format!(
                "  upload {:?} {:?} {parts}",
                entry.key, entry.initiated
            ));
        }
        match page.next {
            Some((key, upload)) => (query.key_marker, query.upload_marker) = (key, upload),
            None => return Ok(()),
        }
    }
}
