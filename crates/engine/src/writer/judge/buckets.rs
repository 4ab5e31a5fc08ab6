//! Buckets: judged alone in their frame, so that the catalog is all there is to look at.

use super::Judge;
use crate::{catalog, rows::Rows};
use blockhouse_format::{entry, record::Body};
use blockhouse_store::{
    Bucket, BucketChange, CreateBucketError, DeleteBucketError, NewBucket, StoreError, Versioning,
};
use blockhouse_types::{BucketId, Timestamp};
use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

impl Judge<'_> {
    pub(super) fn create_bucket(
        &mut self,
        new: NewBucket,
    ) -> Result<Arc<Bucket>, CreateBucketError> {
        if let Some(there) = self.catalog.bucket(&new.name) {
            let owned = there.owner == new.owner;
            return Err(CreateBucketError::Exists {
                name: new.name,
                owned,
            });
        }
        if self.catalog.owned_by(new.owner) >= new.buckets_max {
            return Err(CreateBucketError::TooMany {
                max: new.buckets_max,
            });
        }
        if self.catalog.len() >= self.control_rows_max {
            return Err(StoreError::Busy {
                bound: "control rows",
            }
            .into());
        }
        let bucket = Bucket {
            // A position of the log is given once, and so is the number made from it.
            id: BucketId(self.frame.lsn_next().0),
            name: new.name,
            owner: new.owner,
            created: self.stamp(new.now),
            versioning: Versioning::Unversioned,
            documents: BTreeMap::new(),
        };
        self.set_bucket(&bucket)?;
        Ok(Arc::new(bucket))
    }

    fn set_bucket(&mut self, bucket: &Bucket) -> Result<(), StoreError> {
        let bound = "bytes of a bucket's documents";
        let change = catalog::set(bucket).ok_or(StoreError::Busy { bound })?;
        if !self.catalog.admits(&change) {
            return Err(StoreError::Busy {
                bound: "bytes of control rows",
            });
        }
        self.push(&Body::Control(change)).map(drop)
    }

    pub(super) fn delete_bucket(
        &mut self,
        id: BucketId,
        now: Timestamp,
    ) -> Result<(), DeleteBucketError> {
        let bucket = Arc::clone(self.bucket(id)?);
        let mut empty = true;
        for prefix in [entry::object_prefix(id, b""), entry::upload_prefix(id, b"")] {
            self.staged.scan(&prefix, &mut |_, _| {
                empty = false;
                ControlFlow::Break(())
            });
        }
        if !empty {
            return Err(DeleteBucketError::NotEmpty);
        }
        self.stamp(now);
        self.push(&Body::Control(catalog::remove(&bucket)))?;
        Ok(())
    }

    pub(super) fn change_bucket(
        &mut self,
        id: BucketId,
        change: BucketChange,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut bucket = Bucket::clone(self.bucket(id)?);
        match change {
            BucketChange::Versioning(versioning) => bucket.versioning = versioning,
            BucketChange::Document(kind, Some(bytes)) if bytes.len() > kind.bytes_max() => {
                return Err(StoreError::Busy {
                    bound: "bytes of a bucket's document",
                });
            }
            BucketChange::Document(kind, Some(bytes)) => {
                bucket.documents.insert(kind, bytes);
            }
            BucketChange::Document(kind, None) => {
                bucket.documents.remove(&kind);
            }
        }
        self.stamp(now);
        self.set_bucket(&bucket)
    }
}
