//! The store contract, fulfilled.

use crate::{cache::ReadCache, get::EngineObject, mirror::Mirror, order::Order, shared::Shared};
use blockhouse_device::{Device, PagePool};
use blockhouse_store::{
    ApplyError, Body, Bucket, BucketChange, CompleteError, Completion, CreateBucketError,
    DeleteBucketError, DeleteError, DeleteTarget, Deleted, Desired, DesiredChange, KeyPage,
    KeyQuery, LinkError, LinkFacts, LinkUse, NewBucket, NewObject, NewUpload, ObjectStore,
    OpenError, Part, PartPage, PartQuery, PutError, ResumeHash, Revocation, Revoke, RevokeError,
    StoreError, TransferEnd, UploadError, UploadPage, UploadQuery, UploadRef, UsedLink,
    VersionPage, VersionQuery, Written,
};
use blockhouse_types::{BucketId, BucketName, LinkId, ObjectKey, Timestamp, UploadId, VersionId};
use std::{
    cell::{Cell, RefCell},
    os::fd::BorrowedFd,
    rc::Rc,
    sync::Arc,
};
use tokio::sync::mpsc;

/// An engine's store, for one I/O thread.
pub struct EngineStore<D> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) mirror: Rc<Mirror<D>>,
    /// Which device is read first next time.
    pub(crate) turn: Rc<Cell<usize>>,
    pub(crate) cache: Rc<RefCell<ReadCache>>,
    /// Where the cache has its pieces.
    pages: Option<PagePool>,
    /// Keeps the log writer's queue open.
    _orders: mpsc::Sender<Order>,
}

impl<D> Clone for EngineStore<D> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            mirror: Rc::clone(&self.mirror),
            turn: Rc::clone(&self.turn),
            cache: Rc::clone(&self.cache),
            pages: self.pages.clone(),
            _orders: self._orders.clone(),
        }
    }
}

impl<D> std::fmt::Debug for EngineStore<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EngineStore({})", self.shared.pool)
    }
}

impl<D: Device> EngineStore<D> {
    pub(crate) fn new(shared: Arc<Shared>, orders: mpsc::Sender<Order>, mirror: Mirror<D>) -> Self {
        let (mirror, turn) = (Rc::new(mirror), Rc::new(Cell::new(0)));
        let config = &shared.config;
        let cache = ReadCache::new(config.read_cache_bytes, config.piece_cache_bytes);
        let pages = cache.pages().cloned();
        let cache = Rc::new(RefCell::new(cache));
        Self {
            shared,
            mirror,
            turn,
            cache,
            pages,
            _orders: orders,
        }
    }

    /// Refuses a bucket that does not exist (any more), and a store that is closed.
    pub(crate) fn check_bucket(&self, bucket: BucketId) -> Result<(), StoreError> {
        let there = self.shared.catalog.read().bucket_by_id(bucket).is_some();
        there.then_some(()).ok_or(StoreError::NoSuchBucket)
    }

    /// What a bucket's row with the change may take, in bytes.
    fn row_bytes(&self, bucket: BucketId, change: &BucketChange) -> usize {
        let catalog = self.shared.catalog.read();
        let documents = catalog.bucket_by_id(bucket).map_or(0, |bucket| {
            bucket
                .documents
                .values()
                .map(|document| document.len() + 16)
                .sum()
        });
        let more = match change {
            BucketChange::Document(kind, Some(bytes)) => bytes.len().min(kind.bytes_max()),
            BucketChange::Document(_, None) | BucketChange::Versioning(_) => 0,
        };
        documents + more
    }
}

impl<D: Device> ObjectStore for EngineStore<D> {
    type Object = EngineObject<D>;

    fn file_of(&self, bytes: &[u8]) -> Option<(BorrowedFd<'_>, u64)> {
        self.pages.as_ref()?.file_of(bytes)
    }

    async fn create_bucket(&self, new: NewBucket) -> Result<Arc<Bucket>, CreateBucketError> {
        self.shared
            .ask(|answer| Order::CreateBucket { new, answer })
            .await
    }

    async fn delete_bucket(
        &self,
        bucket: BucketId,
        now: Timestamp,
    ) -> Result<(), DeleteBucketError> {
        self.shared
            .ask(|answer| Order::DeleteBucket {
                bucket,
                now,
                answer,
            })
            .await
    }

    fn bucket(&self, name: &BucketName) -> Option<Arc<Bucket>> {
        self.shared.catalog.read().bucket(name).cloned()
    }

    fn buckets(&self) -> Vec<Arc<Bucket>> {
        self.shared.catalog.read().buckets().cloned().collect()
    }

    async fn change_bucket(
        &self,
        bucket: BucketId,
        change: BucketChange,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row_bytes = self.row_bytes(bucket, &change);
        let order = |answer| Order::ChangeBucket {
            bucket,
            change,
            now,
            row_bytes,
            answer,
        };
        self.shared.ask(order).await
    }

    async fn put<B: Body>(&self, new: NewObject, body: &mut B) -> Result<Written, PutError> {
        self.put_object(new, body).await
    }

    async fn open(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> Result<EngineObject<D>, OpenError> {
        self.open_object(bucket, key, version).await
    }

    async fn delete(
        &self,
        bucket: BucketId,
        targets: Vec<DeleteTarget>,
        now: Timestamp,
    ) -> Result<Vec<Result<Deleted, DeleteError>>, StoreError> {
        self.delete_targets(bucket, targets, now).await
    }

    async fn set_tags(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: Option<VersionId>,
        tags: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<VersionId, OpenError> {
        self.retag(bucket, key, version, tags, now).await
    }

    async fn list(&self, bucket: BucketId, query: &KeyQuery) -> Result<KeyPage, StoreError> {
        self.list_keys(bucket, query)
    }

    async fn list_versions(
        &self,
        bucket: BucketId,
        query: &VersionQuery,
    ) -> Result<VersionPage, StoreError> {
        self.list_all_versions(bucket, query)
    }

    async fn create_upload(&self, new: NewUpload) -> Result<UploadId, StoreError> {
        let new = Box::new(new);
        self.shared
            .ask(|answer| Order::CreateUpload { new, answer })
            .await
    }

    async fn put_part<B: Body>(
        &self,
        upload: &UploadRef,
        number: u16,
        body: &mut B,
        now: Timestamp,
    ) -> Result<Part, PutError> {
        self.put_upload_part(upload, number, body, now).await
    }

    async fn list_parts(
        &self,
        upload: &UploadRef,
        query: PartQuery,
    ) -> Result<PartPage, UploadError> {
        self.page_of_parts(upload, query)
    }

    async fn list_uploads(
        &self,
        bucket: BucketId,
        query: &UploadQuery,
    ) -> Result<UploadPage, StoreError> {
        self.list_started(bucket, query)
    }

    async fn complete_upload(&self, completion: Completion) -> Result<Written, CompleteError> {
        self.complete(completion).await
    }

    async fn abort_upload(&self, upload: &UploadRef, now: Timestamp) -> Result<(), UploadError> {
        let upload = upload.clone();
        self.shared
            .ask(|answer| Order::Abort {
                upload,
                now,
                answer,
            })
            .await
    }

    async fn use_link(&self, usage: LinkUse) -> Result<(), LinkError> {
        let usage = Box::new(usage);
        self.shared
            .ask(|answer| Order::UseLink { usage, answer })
            .await
    }

    async fn resume_link(
        &self,
        link: LinkId,
        resume: ResumeHash,
        now: Timestamp,
    ) -> Result<(), LinkError> {
        let resume = Box::new(resume);
        self.shared
            .ask(|answer| Order::ResumeLink {
                link,
                resume,
                now,
                answer,
            })
            .await
    }

    async fn end_link(
        &self,
        link: LinkId,
        end: TransferEnd,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.shared
            .ask(|answer| Order::EndLink {
                link,
                end,
                now,
                answer,
            })
            .await
    }

    fn used_link(&self, link: LinkId) -> Option<UsedLink> {
        let catalog = self.shared.catalog.read();
        let row = catalog.links().find(link, self.shared.time_floor());
        row.map(|row| row.used)
    }

    fn used_links(&self) -> Vec<UsedLink> {
        let catalog = self.shared.catalog.read();
        let used = catalog.links().unexpired(self.shared.time_floor());
        used.copied().collect()
    }

    async fn revoke(&self, order: Revoke) -> Result<(), RevokeError> {
        let order = Box::new(order);
        self.shared
            .ask(|answer| Order::Revoke { order, answer })
            .await
    }

    fn is_revoked(&self, facts: &LinkFacts) -> bool {
        let catalog = self.shared.catalog.read();
        catalog.revocations().cover(facts, self.shared.time_floor())
    }

    fn revocations(&self) -> Vec<Revocation> {
        let catalog = self.shared.catalog.read();
        let standing = catalog.revocations().standing(self.shared.time_floor());
        standing.cloned().collect()
    }

    fn desired(&self) -> Desired {
        self.shared.catalog.read().desired().clone()
    }

    async fn apply_desired(&self, change: DesiredChange) -> Result<u64, ApplyError> {
        let change = Box::new(change);
        self.shared
            .ask(|answer| Order::ApplyDesired { change, answer })
            .await
    }

    fn time_floor(&self) -> Timestamp {
        self.shared.time_floor()
    }
}
