//! The contract of an object store.
//!
//! The gateway knows this crate and no engine; an engine fulfils it and knows no HTTP. The contract
//! speaks of buckets, keys, versions, uploads and bodies, in the words of S3, and leaves out
//! whatever only a local engine could do: a distributed store behind the same trait must be
//! possible.
//!
//! ```text
//!   gateway ──► ObjectStore ◄── engine          (durable)
//!                    ▲    ◄──── model::Model    (in memory: specification, mock and oracle)
//!                    └──────── kit              (runs any implementation against the model)
//! ```
//!
//! # What every implementation promises
//! * A write that returned `Ok` is on stable media; one that returned an error left no trace.
//! * Reads and listings that begin after a write returned see it.
//! * Writes to one key are serial; of many `If-None-Match: *` exactly one wins.
//! * What was revoked stays so until it would have expired, whatever is revoked besides.
//! * The desired state changes whole, from one version to the next.
//! * Of many uses of a one-time link exactly one wins; a PUT uses its link in the commit that
//!   stores its object, or neither happens.
//! * A body that fails ([`BodyFailed`]) stores nothing and leaves what was there before.
//! * A read gives the bytes that were written, or an error that names the object. Never other bytes.
//!
//! # What it never does
//! It judges no permission, parses no header and computes no digest: ETags and checksums arrive
//! with the clean end of a body ([`Seal`]) or with the order to complete an upload.
#![forbid(unsafe_code)]
#![allow(
    async_fn_in_trait,
    reason = "a store handle lives on one I/O thread; its futures need no Send"
)]

mod body;
mod bucket;
mod desired;
mod error;
pub mod kit;
mod link;
mod list;
pub mod model;
mod object;
mod revocation;
mod upload;

pub use body::{Body, BodyFailed, BytesBody, Seal};
pub use bucket::{Bucket, BucketChange, DocumentKind, NewBucket, Versioning};
pub use desired::{
    ApplyError, DESIRED_BYTES_MAX, DESIRED_CHANGE_BYTES_MAX, DESIRED_CHANGE_ROWS_MAX,
    DESIRED_NAME_BYTES_MAX, DESIRED_ROW_BYTES_MAX, DESIRED_ROWS_MAX, Desired, DesiredChange,
    DesiredRowChange, DesiredRows,
};
pub use error::{
    CompleteError, CreateBucketError, DeleteBucketError, DeleteError, OpenError, PutError,
    ReadError, StoreError, UploadError,
};
pub use link::{LinkError, LinkState, LinkUse, RESUME_SECS, ResumeHash, TransferEnd, UsedLink};
pub use list::{
    EntryKind, KeyPage, KeyQuery, UploadEntry, UploadPage, UploadQuery, VersionEntry, VersionPage,
    VersionQuery,
};
pub use model::Model;
pub use object::{
    DeleteTarget, Deleted, NewObject, ObjectAttributes, ObjectInfo, PartInfo, WriteCondition,
    Written,
};
pub use revocation::{LinkFacts, Revocation, Revoke, RevokeError};
pub use upload::{CompletedPart, Completion, NewUpload, Part, PartPage, PartQuery, UploadRef};

use blockhouse_types::{BucketId, BucketName, LinkId, ObjectKey, Timestamp, UploadId, VersionId};
use bytes::Bytes;
use std::{ops::Range, os::fd::BorrowedFd, sync::Arc};

/// An object store. A handle is cheap to clone and belongs to one I/O thread.
///
/// Every write takes `now`, the caller's clock. An implementation stamps with the later of `now`
/// and its own [time floor](ObjectStore::time_floor), so time never runs backwards in a store.
pub trait ObjectStore: Clone + 'static {
    /// An object that was opened for reading.
    type Object: StoredObject;

    /// Makes a bucket.
    async fn create_bucket(&self, new: NewBucket) -> Result<Arc<Bucket>, CreateBucketError>;

    /// Removes a bucket that has no object, version, delete marker or upload in progress.
    async fn delete_bucket(
        &self,
        bucket: BucketId,
        now: Timestamp,
    ) -> Result<(), DeleteBucketError>;

    /// The bucket of this name as it is now; answered from memory.
    fn bucket(&self, name: &BucketName) -> Option<Arc<Bucket>>;

    /// All buckets in order of name; answered from memory.
    fn buckets(&self) -> Vec<Arc<Bucket>>;

    /// Changes a bucket's settings. The bucket may have gone: [`StoreError::NoSuchBucket`].
    async fn change_bucket(
        &self,
        bucket: BucketId,
        change: BucketChange,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Stores an object: drains `body`, and commits on its clean end only.
    async fn put<B: Body>(&self, new: NewObject, body: &mut B) -> Result<Written, PutError>;

    /// Opens a version (`None`: the current one) for reading.
    async fn open(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> Result<Self::Object, OpenError>;

    /// Where in a file bytes lie that a reader of this store gave, if they lie in one: the file, and
    /// where they begin in it, in bytes. Good for as long as the bytes are held; what was sent from
    /// there with `sendfile` arrives as it was, even if they are not held until then.
    fn file_of(&self, _bytes: &[u8]) -> Option<(BorrowedFd<'_>, u64)> {
        None
    }

    /// Deletes up to 1000 targets, each judged alone, all of them in one commit, in order. Deleting
    /// what is not there succeeds, as in S3.
    async fn delete(
        &self,
        bucket: BucketId,
        targets: Vec<DeleteTarget>,
        now: Timestamp,
    ) -> Result<Vec<Result<Deleted, DeleteError>>, StoreError>;

    /// Replaces the tags of a version (`None`: the current one) and tells which version it was.
    /// The object's modification time stays.
    async fn set_tags(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: Option<VersionId>,
        tags: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<VersionId, OpenError>;

    /// One page of current objects.
    async fn list(&self, bucket: BucketId, query: &KeyQuery) -> Result<KeyPage, StoreError>;

    /// One page of versions and delete markers.
    async fn list_versions(
        &self,
        bucket: BucketId,
        query: &VersionQuery,
    ) -> Result<VersionPage, StoreError>;

    /// Starts a multipart upload.
    async fn create_upload(&self, new: NewUpload) -> Result<UploadId, StoreError>;

    /// Stores part `number` (1 to 10000) of an upload; an earlier part of the number is replaced.
    async fn put_part<B: Body>(
        &self,
        upload: &UploadRef,
        number: u16,
        body: &mut B,
        now: Timestamp,
    ) -> Result<Part, PutError>;

    /// One page of an upload's parts.
    async fn list_parts(
        &self,
        upload: &UploadRef,
        query: PartQuery,
    ) -> Result<PartPage, UploadError>;

    /// One page of a bucket's uploads in progress.
    async fn list_uploads(
        &self,
        bucket: BucketId,
        query: &UploadQuery,
    ) -> Result<UploadPage, StoreError>;

    /// Makes an object of the named parts, in one commit and without rewriting data.
    async fn complete_upload(&self, completion: Completion) -> Result<Written, CompleteError>;

    /// Drops an upload and its parts.
    async fn abort_upload(&self, upload: &UploadRef, now: Timestamp) -> Result<(), UploadError>;

    /// Uses a one-time link up, for good; of many uses of one link exactly one succeeds.
    async fn use_link(&self, usage: LinkUse) -> Result<(), LinkError>;

    /// Lets a transfer that ended short run again, for whoever has its token.
    async fn resume_link(
        &self,
        link: LinkId,
        resume: ResumeHash,
        now: Timestamp,
    ) -> Result<(), LinkError>;

    /// Notes how the transfer of a used link ended. One that nobody noted, because of a crash, has
    /// ended short.
    async fn end_link(
        &self,
        link: LinkId,
        end: TransferEnd,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// What is remembered of a link, if it was used; answered from memory.
    fn used_link(&self, link: LinkId) -> Option<UsedLink>;

    /// All used links that are remembered, in order of their ids; answered from memory.
    fn used_links(&self) -> Vec<UsedLink>;

    /// Revokes links. When it returns, none of them is let through any more, for good. One that is
    /// there already unites with the new one.
    async fn revoke(&self, order: Revoke) -> Result<(), RevokeError>;

    /// Whether a link was revoked; answered from memory.
    fn is_revoked(&self, facts: &LinkFacts) -> bool;

    /// All revocations that stand, in order of owner and links; answered from memory.
    fn revocations(&self) -> Vec<Revocation>;

    /// The desired state as it is now; answered from memory.
    fn desired(&self) -> Desired;

    /// Makes the next version of the desired state, and tells its number. A change that was made for
    /// another version than the present one is refused, as one beyond a bound is.
    async fn apply_desired(&self, change: DesiredChange) -> Result<u64, ApplyError>;

    /// The highest time this store ever saw. Whatever expires is judged by the later of clock and
    /// floor, so that a clock set back revives nothing.
    fn time_floor(&self) -> Timestamp;
}

/// An opened object: what is known of it, and its bytes. While it lives, its bytes stay readable,
/// also after the object was overwritten or deleted.
pub trait StoredObject {
    /// Where the bytes come from.
    type Reader: ObjectReader;

    /// What the store knows of the object.
    fn info(&self) -> &Arc<ObjectInfo>;

    /// Reads `range`, which lies within `0..info().size`.
    fn read(self, range: Range<u64>) -> Self::Reader;
}

/// The bytes of one read, in order.
pub trait ObjectReader: 'static {
    /// The next bytes, never empty; `None` at the end of the range. Pieces are at most 1 MiB.
    async fn next(&mut self) -> Result<Option<Bytes>, ReadError>;
}
