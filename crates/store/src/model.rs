//! The object store in the plainest possible Rust: specification, mock and oracle in one.
//!
//! Everything is a map under one lock, every operation is a few lines that read like the contract.
//! What an engine does must be what this does; the gateway's tests run over it with no disk; the
//! crash harness asks it what must have survived.
//!
//! It never persists anything and is not made for many objects: a listing walks the whole bucket.

mod desired;
mod links;
mod listing;
mod revocations;

use crate::{
    ApplyError, Body, Bucket, BucketChange, CompleteError, Completion, CreateBucketError,
    DeleteBucketError, DeleteError, DeleteTarget, Deleted, Desired, DesiredChange, EntryKind,
    KeyPage, KeyQuery, LinkError, LinkFacts, LinkState, LinkUse, NewBucket, NewObject, NewUpload,
    ObjectAttributes, ObjectInfo, ObjectReader, ObjectStore, OpenError, Part, PartInfo, PartPage,
    PartQuery, PutError, ReadError, ResumeHash, Revocation, Revoke, RevokeError, StoreError,
    StoredObject, TransferEnd, UploadError, UploadPage, UploadQuery, UploadRef, UsedLink,
    VersionPage, VersionQuery, Versioning, WriteCondition, Written,
};
use blockhouse_types::{
    AccountId, BucketId, BucketName, Checksum, ChecksumAlgorithm, ChecksumType, ETag, Entropy,
    LinkId, ObjectKey, RevokedLinks, Timestamp, UploadId, VersionId,
};
use bytes::{Bytes, BytesMut};
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A store in memory. Clones share one state; [`Model::fork`] makes an independent copy.
#[derive(Debug, Clone, Default)]
pub struct Model {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    buckets: BTreeMap<BucketName, Arc<Bucket>>,
    /// Versions of each key, newest first; never empty.
    objects: BTreeMap<(BucketId, ObjectKey), Vec<Version>>,
    uploads: BTreeMap<UploadId, Upload>,
    links: BTreeMap<LinkId, links::Row>,
    revocations: BTreeMap<(AccountId, RevokedLinks), Revocation>,
    desired: Desired,
    floor: Timestamp,
    /// Counts every commit; makes bucket ids, version order and fresh ids.
    sequence: u64,
}

#[derive(Debug, Clone)]
struct Version {
    id: VersionId,
    modified: Timestamp,
    /// `None` for a delete marker.
    object: Option<(Arc<ObjectInfo>, Bytes)>,
}

#[derive(Debug, Clone)]
struct Upload {
    of: UploadRef,
    attributes: ObjectAttributes,
    checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
    initiated: Timestamp,
    sequence: u64,
    parts: BTreeMap<u16, (Part, Bytes)>,
}

/// Ids of the model need only be distinct.
struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        for (byte, n) in bytes.iter_mut().rev().zip(self.0.to_le_bytes()) {
            *byte = n;
        }
    }
}

impl Model {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An independent copy of the state as it is now.
    pub fn fork(&self) -> Self {
        Self {
            state: Arc::new(Mutex::new(self.lock().clone())),
        }
    }

    /// Raises the time floor to `now`, as a commit would; for a crash harness, whose subject may
    /// have committed something that nobody was told of.
    pub fn observe(&self, now: Timestamp) {
        let mut state = self.lock();
        state.floor = state.floor.max(now);
    }

    /// Does to used links what a restart at that moment does.
    pub fn restart(&self, at: Timestamp) {
        self.lock().interrupt_links(at);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave half a change: every change is made after the last check.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn bucket(&self, id: BucketId) -> Result<&Arc<Bucket>, StoreError> {
        self.buckets
            .values()
            .find(|b| b.id == id)
            .ok_or(StoreError::NoSuchBucket)
    }

    fn bucket_mut(&mut self, id: BucketId) -> Result<&mut Bucket, StoreError> {
        let bucket = self.buckets.values_mut().find(|b| b.id == id);
        bucket.map(Arc::make_mut).ok_or(StoreError::NoSuchBucket)
    }

    fn commit(&mut self, now: Timestamp) -> Timestamp {
        self.sequence += 1;
        self.floor = self.floor.max(now);
        self.floor
    }

    fn versions(&self, bucket: BucketId, key: &ObjectKey) -> &[Version] {
        self.objects
            .get(&(bucket, key.clone()))
            .map_or(&[], Vec::as_slice)
    }

    fn find(&self, bucket: BucketId, key: &ObjectKey, id: Option<VersionId>) -> Option<&Version> {
        let versions = self.versions(bucket, key);
        id.map_or(versions.first(), |id| versions.iter().find(|v| v.id == id))
    }

    fn check(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: Option<VersionId>,
        condition: &WriteCondition,
    ) -> Result<(), Unmet> {
        let there = self
            .find(bucket, key, version)
            .and_then(|v| v.object.as_ref());
        match (condition, there) {
            (WriteCondition::None, _)
            | (WriteCondition::Absent, None)
            | (WriteCondition::Present, Some(_)) => Ok(()),
            (WriteCondition::Matches(etag), Some((info, _))) if info.etag == *etag => Ok(()),
            (WriteCondition::Present | WriteCondition::Matches(_), None) => Err(Unmet::NoSuchKey),
            (WriteCondition::Absent | WriteCondition::Matches(_), Some(_)) => Err(Unmet::Failed),
        }
    }

    /// Puts a version on top by the bucket's versioning; gives its id.
    fn push(
        &mut self,
        bucket: BucketId,
        key: &ObjectKey,
        modified: Timestamp,
        object: impl FnOnce(VersionId) -> Option<(Arc<ObjectInfo>, Bytes)>,
    ) -> Result<VersionId, StoreError> {
        let keeps = self.bucket(bucket)?.versioning == Versioning::Enabled;
        let sequence = self.sequence;
        let versions = self.objects.entry((bucket, key.clone())).or_default();
        let id = if keeps {
            VersionId::new(sequence, &mut Counter(sequence))
        } else {
            versions.retain(|v| !v.id.is_null());
            VersionId::NULL
        };
        versions.insert(
            0,
            Version {
                id,
                modified,
                object: object(id),
            },
        );
        Ok(id)
    }

    fn delete(
        &mut self,
        bucket: BucketId,
        target: &DeleteTarget,
        modified: Timestamp,
    ) -> Result<Result<Deleted, DeleteError>, StoreError> {
        let versioning = self.bucket(bucket)?.versioning;
        if target.condition != WriteCondition::None {
            // "Nothing may be there" asks nothing sensible of a delete; it never holds.
            let unmet = match &target.condition {
                WriteCondition::Absent => Err(Unmet::Failed),
                condition => self.check(bucket, &target.key, target.version, condition),
            };
            match unmet {
                Ok(()) => {}
                Err(Unmet::Failed) => return Ok(Err(DeleteError::PreconditionFailed)),
                Err(Unmet::NoSuchKey) => return Ok(Err(DeleteError::NoSuchKey)),
            }
        }
        let done = match (target.version, versioning) {
            (Some(version), _) => {
                let removed = self.remove(bucket, &target.key, version);
                let marker = removed.filter(|v| v.object.is_none()).map(|v| v.id);
                Deleted {
                    marker,
                    version: Some(version),
                }
            }
            (None, Versioning::Unversioned) => {
                self.remove(bucket, &target.key, VersionId::NULL);
                Deleted::default()
            }
            (None, Versioning::Enabled | Versioning::Suspended) => {
                let marker = self.push(bucket, &target.key, modified, |_| None)?;
                Deleted {
                    marker: Some(marker),
                    version: None,
                }
            }
        };
        self.sequence += 1;
        Ok(Ok(done))
    }

    fn remove(&mut self, bucket: BucketId, key: &ObjectKey, id: VersionId) -> Option<Version> {
        let name = (bucket, key.clone());
        let versions = self.objects.get_mut(&name)?;
        let removed = versions
            .iter()
            .position(|v| v.id == id)
            .map(|i| versions.remove(i));
        if versions.is_empty() {
            self.objects.remove(&name);
        }
        removed
    }

    fn upload(&self, of: &UploadRef) -> Option<&Upload> {
        self.uploads.get(&of.upload).filter(|u| u.of == *of)
    }
}

/// Why a write condition does not hold.
enum Unmet {
    Failed,
    NoSuchKey,
}

impl From<Unmet> for PutError {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::Failed => Self::PreconditionFailed,
            Unmet::NoSuchKey => Self::NoSuchKey,
        }
    }
}

impl From<Unmet> for CompleteError {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::Failed => Self::PreconditionFailed,
            Unmet::NoSuchKey => Self::NoSuchKey,
        }
    }
}

async fn drain<B: Body>(body: &mut B) -> Result<Bytes, PutError> {
    let mut all = BytesMut::new();
    while let Some(bytes) = body.chunk().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all.freeze())
}

impl ObjectStore for Model {
    type Object = ModelObject;

    async fn create_bucket(&self, new: NewBucket) -> Result<Arc<Bucket>, CreateBucketError> {
        let mut state = self.lock();
        if let Some(there) = state.buckets.get(&new.name) {
            let owned = there.owner == new.owner;
            return Err(CreateBucketError::Exists {
                name: new.name,
                owned,
            });
        }
        if state
            .buckets
            .values()
            .filter(|b| b.owner == new.owner)
            .count()
            >= new.buckets_max
        {
            return Err(CreateBucketError::TooMany {
                max: new.buckets_max,
            });
        }
        let created = state.commit(new.now);
        let bucket = Arc::new(Bucket {
            id: BucketId(state.sequence),
            name: new.name.clone(),
            owner: new.owner,
            created,
            versioning: Versioning::Unversioned,
            documents: BTreeMap::new(),
        });
        state.buckets.insert(new.name, Arc::clone(&bucket));
        Ok(bucket)
    }

    async fn delete_bucket(&self, id: BucketId, now: Timestamp) -> Result<(), DeleteBucketError> {
        let mut state = self.lock();
        let name = state.bucket(id)?.name.clone();
        let objects = state.objects.keys().any(|(bucket, _)| *bucket == id);
        if objects || state.uploads.values().any(|u| u.of.bucket == id) {
            return Err(DeleteBucketError::NotEmpty);
        }
        state.commit(now);
        state.buckets.remove(&name);
        Ok(())
    }

    fn bucket(&self, name: &BucketName) -> Option<Arc<Bucket>> {
        self.lock().buckets.get(name).cloned()
    }

    fn buckets(&self) -> Vec<Arc<Bucket>> {
        self.lock().buckets.values().cloned().collect()
    }

    async fn change_bucket(
        &self,
        id: BucketId,
        change: BucketChange,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let bucket = state.bucket_mut(id)?;
        match change {
            BucketChange::Versioning(versioning) => bucket.versioning = versioning,
            BucketChange::Document(kind, Some(bytes)) => {
                bucket.documents.insert(kind, bytes);
            }
            BucketChange::Document(kind, None) => {
                bucket.documents.remove(&kind);
            }
        }
        state.commit(now);
        Ok(())
    }

    async fn put<B: Body>(&self, new: NewObject, body: &mut B) -> Result<Written, PutError> {
        self.lock().bucket(new.bucket)?;
        let bytes = drain(body).await?;
        let seal = body.seal();
        let mut state = self.lock();
        state.bucket(new.bucket)?;
        if let Some(usage) = &new.link {
            state.check_use(usage)?;
        }
        state.check(new.bucket, &new.key, None, &new.condition)?;
        let modified = state.commit(new.now);
        if let Some(usage) = &new.link {
            state.note_use(usage, LinkState::Finished);
        }
        let info = |version| ObjectInfo {
            key: new.key.clone(),
            version,
            size: bytes.len() as u64,
            etag: seal.etag,
            modified,
            attributes: new.attributes,
            checksum: seal.checksum,
            parts: Vec::new(),
        };
        let version = state.push(new.bucket, &new.key, modified, |id| {
            Some((Arc::new(info(id)), bytes.clone()))
        })?;
        Ok(Written {
            version,
            etag: seal.etag,
            modified,
        })
    }

    async fn open(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> Result<ModelObject, OpenError> {
        let state = self.lock();
        state.bucket(bucket)?;
        let found = open(&state, bucket, key, version)?;
        let (info, bytes) = found.object.clone().ok_or(marker(found))?;
        Ok(ModelObject { info, bytes })
    }

    async fn delete(
        &self,
        bucket: BucketId,
        targets: Vec<DeleteTarget>,
        now: Timestamp,
    ) -> Result<Vec<Result<Deleted, DeleteError>>, StoreError> {
        let mut state = self.lock();
        state.bucket(bucket)?;
        let modified = state.commit(now);
        targets
            .iter()
            .map(|target| state.delete(bucket, target, modified))
            .collect()
    }

    async fn set_tags(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: Option<VersionId>,
        tags: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<VersionId, OpenError> {
        let mut state = self.lock();
        state.bucket(bucket)?;
        let id = open(&state, bucket, key, version)?.id;
        let versions = state
            .objects
            .get_mut(&(bucket, key.clone()))
            .ok_or(OpenError::NoSuchKey)?;
        let found = versions
            .iter_mut()
            .find(|v| v.id == id)
            .ok_or(OpenError::NoSuchVersion)?;
        let marker = marker(found);
        let (info, _) = found.object.as_mut().ok_or(marker)?;
        Arc::make_mut(info).attributes.tags = tags;
        state.commit(now);
        Ok(id)
    }

    async fn list(&self, bucket: BucketId, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        let state = self.lock();
        state.bucket(bucket)?;
        Ok(listing::keys(&state, bucket, query))
    }

    async fn list_versions(
        &self,
        bucket: BucketId,
        query: &VersionQuery,
    ) -> Result<VersionPage, StoreError> {
        let state = self.lock();
        state.bucket(bucket)?;
        Ok(listing::versions(&state, bucket, query))
    }

    async fn create_upload(&self, new: NewUpload) -> Result<UploadId, StoreError> {
        let mut state = self.lock();
        state.bucket(new.bucket)?;
        let initiated = state.commit(new.now);
        let sequence = state.sequence;
        let id = UploadId::new(&mut Counter(sequence));
        let of = UploadRef {
            bucket: new.bucket,
            key: new.key,
            upload: id,
        };
        let upload = Upload {
            of,
            attributes: new.attributes,
            checksum: new.checksum,
            initiated,
            sequence,
            parts: BTreeMap::new(),
        };
        state.uploads.insert(id, upload);
        Ok(id)
    }

    async fn put_part<B: Body>(
        &self,
        of: &UploadRef,
        number: u16,
        body: &mut B,
        now: Timestamp,
    ) -> Result<Part, PutError> {
        self.lock().upload(of).ok_or(PutError::NoSuchUpload)?;
        let bytes = drain(body).await?;
        let seal = body.seal();
        let mut state = self.lock();
        state.upload(of).ok_or(PutError::NoSuchUpload)?;
        let modified = state.commit(now);
        let part = Part {
            number,
            size: bytes.len() as u64,
            etag: seal.etag,
            checksum: seal.checksum,
            modified,
        };
        let upload = state
            .uploads
            .get_mut(&of.upload)
            .ok_or(PutError::NoSuchUpload)?;
        upload.parts.insert(number, (part.clone(), bytes));
        Ok(part)
    }

    async fn list_parts(&self, of: &UploadRef, query: PartQuery) -> Result<PartPage, UploadError> {
        let state = self.lock();
        let upload = state.upload(of).ok_or(UploadError::NoSuchUpload)?;
        let mut parts = upload
            .parts
            .values()
            .filter(|(p, _)| p.number > query.after);
        let page = parts
            .by_ref()
            .take(query.max)
            .map(|(part, _)| part.clone())
            .collect();
        let truncated = query.max > 0 && parts.next().is_some();
        let (initiated, checksum) = (upload.initiated, upload.checksum);
        Ok(PartPage {
            initiated,
            checksum,
            parts: page,
            truncated,
        })
    }

    async fn list_uploads(
        &self,
        bucket: BucketId,
        query: &UploadQuery,
    ) -> Result<UploadPage, StoreError> {
        let state = self.lock();
        state.bucket(bucket)?;
        Ok(listing::uploads(&state, bucket, query))
    }

    async fn complete_upload(&self, order: Completion) -> Result<Written, CompleteError> {
        let mut state = self.lock();
        let upload = state
            .upload(&order.upload)
            .ok_or(CompleteError::NoSuchUpload)?
            .clone();
        let (mut bytes, mut parts) = (BytesMut::new(), Vec::new());
        for named in &order.parts {
            let invalid = CompleteError::InvalidPart {
                number: named.number,
            };
            let (part, data) = upload.parts.get(&named.number).ok_or(invalid.clone())?;
            if part.etag != named.etag {
                return Err(invalid);
            }
            bytes.extend_from_slice(data);
            let (number, size, checksum) = (part.number, part.size, part.checksum.clone());
            parts.push(PartInfo {
                number,
                size,
                checksum,
            });
        }
        let UploadRef {
            bucket,
            key,
            upload: id,
        } = &order.upload;
        state.check(*bucket, key, None, &order.condition)?;
        let modified = state.commit(order.now);
        state.uploads.remove(id);
        let bytes = bytes.freeze();
        let (etag, checksum): (ETag, Option<Checksum>) = (order.etag, order.checksum);
        let version = state.push(*bucket, key, modified, |version| {
            let (key, size) = (key.clone(), bytes.len() as u64);
            let attributes = upload.attributes;
            let info = ObjectInfo {
                key,
                version,
                size,
                etag,
                modified,
                attributes,
                checksum,
                parts,
            };
            Some((Arc::new(info), bytes.clone()))
        })?;
        Ok(Written {
            version,
            etag,
            modified,
        })
    }

    async fn abort_upload(&self, of: &UploadRef, now: Timestamp) -> Result<(), UploadError> {
        let mut state = self.lock();
        state.upload(of).ok_or(UploadError::NoSuchUpload)?;
        state.commit(now);
        state.uploads.remove(&of.upload);
        Ok(())
    }

    async fn use_link(&self, usage: LinkUse) -> Result<(), LinkError> {
        let mut state = self.lock();
        state.check_use(&usage)?;
        state.commit(usage.now);
        state.note_use(&usage, LinkState::Running);
        Ok(())
    }

    async fn resume_link(
        &self,
        link: LinkId,
        resume: ResumeHash,
        now: Timestamp,
    ) -> Result<(), LinkError> {
        self.lock().resume(link, resume, now)
    }

    async fn end_link(
        &self,
        link: LinkId,
        end: TransferEnd,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.lock().end_link(link, end, now);
        Ok(())
    }

    fn used_link(&self, link: LinkId) -> Option<UsedLink> {
        let state = self.lock();
        state.used_link(link, state.floor).map(|row| row.used)
    }

    fn used_links(&self) -> Vec<UsedLink> {
        let state = self.lock();
        let known = state.links.values().map(|row| row.used);
        known.filter(|used| used.expires > state.floor).collect()
    }

    async fn revoke(&self, order: Revoke) -> Result<(), RevokeError> {
        self.lock().revoke(&order)
    }

    fn is_revoked(&self, facts: &LinkFacts) -> bool {
        self.lock().revoked(facts)
    }

    fn revocations(&self) -> Vec<Revocation> {
        let state = self.lock();
        state.standing(state.floor).cloned().collect()
    }

    fn desired(&self) -> Desired {
        self.lock().desired.clone()
    }

    async fn apply_desired(&self, change: DesiredChange) -> Result<u64, ApplyError> {
        self.lock().apply_desired(change)
    }

    fn time_floor(&self) -> Timestamp {
        self.lock().floor
    }
}

fn open<'a>(
    state: &'a State,
    bucket: BucketId,
    key: &ObjectKey,
    version: Option<VersionId>,
) -> Result<&'a Version, OpenError> {
    let missing = if version.is_some() {
        OpenError::NoSuchVersion
    } else {
        OpenError::NoSuchKey
    };
    state.find(bucket, key, version).ok_or(missing)
}

fn marker(version: &Version) -> OpenError {
    OpenError::DeleteMarker {
        version: version.id,
        modified: version.modified,
    }
}

/// An object of the model.
#[derive(Debug, Clone)]
pub struct ModelObject {
    info: Arc<ObjectInfo>,
    bytes: Bytes,
}

impl StoredObject for ModelObject {
    type Reader = ModelReader;

    fn info(&self) -> &Arc<ObjectInfo> {
        &self.info
    }

    fn read(self, range: Range<u64>) -> ModelReader {
        let end = (range.end as usize).min(self.bytes.len());
        let start = (range.start as usize).min(end);
        ModelReader {
            rest: self.bytes.slice(start..end),
        }
    }
}

/// The rest of a read.
#[derive(Debug)]
pub struct ModelReader {
    rest: Bytes,
}

/// The contract's bound on one piece, in bytes.
const PIECE_BYTES_MAX: usize = 1 << 20;

impl ObjectReader for ModelReader {
    async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES_MAX));
        Ok((!piece.is_empty()).then_some(piece))
    }
}

impl Version {
    fn kind(&self) -> EntryKind {
        if self.object.is_some() {
            EntryKind::Object
        } else {
            EntryKind::DeleteMarker
        }
    }
}
