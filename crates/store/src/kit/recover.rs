//! Finding the names again after a restart.
//!
//! Who was interrupted does not know what became of the last operation, and so not which ids were
//! given. But two stores that show the same [`super::View`] list the same things in the same order:
//! names taken from the listings, in that order, correspond again.

use super::{Content, Names};
use crate::{
    ObjectStore, PartQuery, StoreError, UploadError, UploadQuery, UploadRef, VersionQuery,
};
use blockhouse_types::BucketId;
use std::collections::BTreeMap;

/// Entries of a page.
const PAGE: usize = 1000;
/// Parts of an upload at most.
const PARTS_MAX: usize = 10_000;

impl Names {
    /// The names of everything that `store` lists.
    pub async fn recover<S: ObjectStore>(store: &S) -> Result<Self, StoreError> {
        let mut names = Self::default();
        names.desired = store.desired().version;
        for bucket in store.buckets() {
            names.buckets.insert(bucket.name.clone(), bucket.id);
            names.recover_versions(store, bucket.id).await?;
            names.recover_uploads(store, bucket.id).await?;
        }
        Ok(names)
    }

    async fn recover_versions<S: ObjectStore>(
        &mut self,
        store: &S,
        bucket: BucketId,
    ) -> Result<(), StoreError> {
        let mut query = VersionQuery {
            max: PAGE,
            ..VersionQuery::default()
        };
        loop {
            let page = store.list_versions(bucket, &query).await?;
            page.versions
                .iter()
                .for_each(|entry| self.given(entry.version));
            match page.next {
                Some((key, version)) => (query.key_marker, query.version_marker) = (key, version),
                None => return Ok(()),
            }
        }
    }

    async fn recover_uploads<S: ObjectStore>(
        &mut self,
        store: &S,
        bucket: BucketId,
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
                let all = PartQuery {
                    after: 0,
                    max: PARTS_MAX,
                };
                let parts = match store.list_parts(&of, all).await {
                    Ok(page) => page.parts,
                    Err(UploadError::NoSuchUpload) => Vec::new(),
                    Err(UploadError::Store(error)) => return Err(error),
                };
                let content = |part: &crate::Part| {
                    Content::of_etag(&part.etag).map(|content| (part.number, content))
                };
                let parts: BTreeMap<_, _> = parts.iter().filter_map(content).collect();
                self.uploads.push((of, parts));
            }
            match page.next {
                Some((key, upload)) => (query.key_marker, query.upload_marker) = (key, upload),
                None => return Ok(()),
            }
        }
    }
}
