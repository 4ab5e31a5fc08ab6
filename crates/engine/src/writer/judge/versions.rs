//! Versions: what a write puts on top, what it replaces, what a delete leaves.

use super::{Judge, attributes_of, data_of, forgets_tombstone, inline_of};
use crate::{
    order::{DeleteAnswer, Payload},
    rows::{self, Version},
    teeth::{self, Bug},
};
use blockhouse_format::{
    Lsn,
    record::{Body, DeleteMarker, Put, Tombstone},
};
use blockhouse_store::{
    CompleteError, DeleteError, DeleteTarget, Deleted, LinkState, NewObject, PutError, Seal,
    StoreError, Versioning, WriteCondition, Written,
};
use blockhouse_types::{BucketId, ObjectKey, Timestamp, VersionId};
use bytes::Bytes;

/// Why a condition does not hold.
pub(super) enum Unmet {
    Failed,
    NoSuchKey,
    Store(StoreError),
}

macro_rules! from_unmet {
    ($($error:ty),*) => {$(
        impl From<Unmet> for $error {
            fn from(unmet: Unmet) -> Self {
                match unmet {
                    Unmet::Failed => Self::PreconditionFailed,
                    Unmet::NoSuchKey => Self::NoSuchKey,
                    Unmet::Store(error) => Self::Store(error),
                }
            }
        }
    )*};
}

from_unmet!(PutError, CompleteError);

impl Judge<'_> {
    /// Whether the condition holds for a version (`None`: the current one). A delete marker counts
    /// as no object.
    pub(super) fn meets(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: Option<&VersionId>,
        condition: &WriteCondition,
    ) -> Result<(), Unmet> {
        if *condition == WriteCondition::None {
            return Ok(());
        }
        let found = match version {
            None => rows::current(&self.staged, bucket, key),
            Some(id) => rows::version(&self.staged, bucket, key, id),
        };
        let found = found.map_err(|bad| Unmet::Store(bad.into()))?;
        let there = found.as_ref().and_then(Version::object);
        match (condition, there) {
            (WriteCondition::None, _)
            | (WriteCondition::Absent, None)
            | (WriteCondition::Present, Some(_)) => Ok(()),
            (WriteCondition::Matches(etag), Some(object)) if object.etag == *etag => Ok(()),
            (WriteCondition::Present | WriteCondition::Matches(_), None) => Err(Unmet::NoSuchKey),
            (WriteCondition::Absent | WriteCondition::Matches(_), Some(_)) => Err(Unmet::Failed),
        }
    }

    pub(super) fn put(
        &mut self,
        new: NewObject,
        size: u64,
        seal: Seal,
        payload: &Payload,
    ) -> Result<Written, PutError> {
        let versioning = self.bucket(new.bucket)?.versioning;
        if let Some(usage) = &new.link {
            self.check_use(usage)?;
        }
        self.meets(new.bucket, &new.key, None, &new.condition)?;
        let (modified, etag) = (self.stamp(new.now), seal.etag);
        let put = Put {
            bucket: new.bucket,
            key: new.key.clone(),
            version: VersionId::NULL,
            sequence: Lsn(0),
            modified,
            size,
            etag,
            checksum: seal.checksum,
            attributes: attributes_of(new.attributes),
            parts: Vec::new(),
            data: data_of(payload),
            upload: None,
            wrapped_key: Vec::new(),
            retention: None,
            legal_hold: false,
        };
        let version = self.new_version(new.bucket, new.key, versioning, put, inline_of(payload))?;
        // Behind the object, which alone may turn out too large for the log: for this there is room.
        if let Some(usage) = new.link.filter(|_| !teeth::bites(Bug::LinkOutlivesPut)) {
            self.note_use(&usage, LinkState::Finished)?;
        }
        Ok(Written {
            version,
            etag,
            modified,
        })
    }

    /// Puts a version on top, by the bucket's versioning: as one of its own, or in place of the
    /// `null` version.
    pub(super) fn new_version(
        &mut self,
        bucket: BucketId,
        key: ObjectKey,
        versioning: Versioning,
        mut put: Put,
        data: &[Bytes],
    ) -> Result<VersionId, StoreError> {
        let replaced = self.replaced(bucket, &key, versioning)?;
        put.sequence = self.frame.lsn_next();
        put.version = self.version_for(versioning, put.sequence);
        let version = put.version;
        self.push_with(&Body::Put(put), data)?;
        self.entomb(bucket, key, replaced)?;
        Ok(version)
    }

    fn version_for(&mut self, versioning: Versioning, sequence: Lsn) -> VersionId {
        match versioning {
            Versioning::Enabled => VersionId::new(sequence.0, self.random),
            Versioning::Unversioned | Versioning::Suspended => VersionId::NULL,
        }
    }

    /// What a new version takes the place of.
    fn replaced(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        versioning: Versioning,
    ) -> Result<Option<Version>, StoreError> {
        match versioning {
            Versioning::Enabled => Ok(None),
            Versioning::Unversioned | Versioning::Suspended => {
                Ok(rows::version(&self.staged, bucket, key, &VersionId::NULL)?)
            }
        }
    }

    fn entomb(
        &mut self,
        bucket: BucketId,
        key: ObjectKey,
        version: Option<Version>,
    ) -> Result<(), StoreError> {
        let Some(version) = version else {
            return Ok(());
        };
        let (id, sequence) = (version.id(), version.sequence);
        let tombstone = Tombstone {
            bucket,
            key,
            version: id,
            sequence,
        };
        if forgets_tombstone() {
            let body = Body::Tombstone(tombstone);
            return Ok(self.staged.stage(&body, &crate::rows::At::nowhere())?);
        }
        self.push(&Body::Tombstone(tombstone)).map(drop)
    }

    pub(super) fn delete(
        &mut self,
        bucket: BucketId,
        targets: &[DeleteTarget],
        now: Timestamp,
    ) -> DeleteAnswer {
        let versioning = self.bucket(bucket)?.versioning;
        let modified = self.stamp(now);
        let records = self.frame.records();
        let done = targets
            .iter()
            .map(|target| self.delete_one(bucket, versioning, target, modified))
            .collect::<Result<Vec<_>, _>>()?;
        if self.frame.records() == records {
            // Nothing was there to delete; the time that was told of is kept all the same.
            self.push(&Body::Tick)?;
        }
        Ok(done)
    }

    fn delete_one(
        &mut self,
        bucket: BucketId,
        versioning: Versioning,
        target: &DeleteTarget,
        modified: Timestamp,
    ) -> Result<Result<Deleted, DeleteError>, StoreError> {
        let met = match &target.condition {
            // "Nothing may be there" asks nothing sensible of a delete.
            WriteCondition::Absent => Err(Unmet::Failed),
            condition => self.meets(bucket, &target.key, target.version.as_ref(), condition),
        };
        match met {
            Ok(()) => {}
            Err(Unmet::Failed) => return Ok(Err(DeleteError::PreconditionFailed)),
            Err(Unmet::NoSuchKey) => return Ok(Err(DeleteError::NoSuchKey)),
            Err(Unmet::Store(error)) => return Err(error),
        }
        match (target.version, versioning) {
            (Some(id), _) => self.delete_version(bucket, &target.key, id).map(Ok),
            (None, Versioning::Unversioned) => {
                let there = self.replaced(bucket, &target.key, versioning)?;
                self.entomb(bucket, target.key.clone(), there)?;
                Ok(Ok(Deleted::default()))
            }
            (None, Versioning::Enabled | Versioning::Suspended) => self
                .mark_deleted(bucket, versioning, &target.key, modified)
                .map(Ok),
        }
    }

    fn delete_version(
        &mut self,
        bucket: BucketId,
        key: &ObjectKey,
        id: VersionId,
    ) -> Result<Deleted, StoreError> {
        let there = rows::version(&self.staged, bucket, key, &id)?;
        let marker = there
            .as_ref()
            .filter(|version| version.object().is_none())
            .map(Version::id);
        self.entomb(bucket, key.clone(), there)?;
        Ok(Deleted {
            marker,
            version: Some(id),
        })
    }

    fn mark_deleted(
        &mut self,
        bucket: BucketId,
        versioning: Versioning,
        key: &ObjectKey,
        modified: Timestamp,
    ) -> Result<Deleted, StoreError> {
        let replaced = self.replaced(bucket, key, versioning)?;
        let sequence = self.frame.lsn_next();
        let version = self.version_for(versioning, sequence);
        let marker = DeleteMarker {
            bucket,
            key: key.clone(),
            version,
            sequence,
            modified,
        };
        self.push(&Body::DeleteMarker(marker))?;
        self.entomb(bucket, key.clone(), replaced)?;
        Ok(Deleted {
            marker: Some(version),
            version: None,
        })
    }
}
