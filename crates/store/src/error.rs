//! One enum per kind of operation. What any of them may meet is [`StoreError`].

use crate::{BodyFailed, LinkError};
use blockhouse_types::{BucketName, Timestamp, VersionId};

/// What any operation may meet: the store's own trouble, or a bucket that has gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The bucket does not exist (any more).
    #[error("the bucket does not exist")]
    NoSuchBucket,
    /// Too little space is left for this write. Deletes still work.
    #[error("not enough space is left")]
    NoSpace,
    /// A bound on queues, buffers or table rows was reached; try again later.
    #[error("too many requests are in flight: {bound}")]
    Busy {
        /// Which bound.
        bound: &'static str,
    },
    /// Bytes on the media are not what was written, and no copy could mend them.
    #[error("stored bytes are damaged: {what}")]
    Damaged {
        /// The object or structure, and where it lies.
        what: String,
    },
    /// A device refused an operation, and no other could take it.
    #[error("a device failed: {what}")]
    Device {
        /// The device, the operation and its error.
        what: String,
    },
    /// The store is stopping, or stopped itself after a failure; nothing was stored.
    #[error("the store accepts no more work: {why}")]
    Closed {
        /// Why.
        why: String,
    },
}

/// Why a bucket was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateBucketError {
    /// The name is taken; whether by the same owner is for the caller to see in [`Self::Exists::owned`].
    #[error("the bucket {name} exists already")]
    Exists {
        /// The name.
        name: BucketName,
        /// Whether the asking account owns it.
        owned: bool,
    },
    /// The account has as many buckets as it may.
    #[error("the account has {max} buckets already")]
    TooMany {
        /// The bound.
        max: usize,
    },
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a bucket was not removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeleteBucketError {
    /// It has objects, versions, delete markers or uploads in progress.
    #[error("the bucket is not empty")]
    NotEmpty,
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an object or part was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The body broke off or was refused; ask the body why.
    #[error(transparent)]
    Body(#[from] BodyFailed),
    /// `If-None-Match` or `If-Match` does not hold.
    #[error("a precondition does not hold")]
    PreconditionFailed,
    /// `If-Match` on a key that has no object.
    #[error("the object to match does not exist")]
    NoSuchKey,
    /// A part for an upload that does not exist (any more).
    #[error("the upload does not exist")]
    NoSuchUpload,
    /// Its one-time link may not be used (any more).
    #[error("its link may not be used")]
    Link(#[source] LinkError),
    /// The body is longer than 5 GiB for one request.
    #[error("the body is longer than a single request may carry")]
    TooLarge,
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LinkError> for PutError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Store(error) => Self::Store(error),
            error => Self::Link(error),
        }
    }
}

/// Why an object could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No object has this key.
    #[error("no object has this key")]
    NoSuchKey,
    /// The key has no such version.
    #[error("the object has no such version")]
    NoSuchVersion,
    /// The version is a delete marker: the current one (404) or the one asked for (405).
    #[error("the version is a delete marker")]
    DeleteMarker {
        /// The marker's id.
        version: VersionId,
        /// When it was made.
        modified: Timestamp,
    },
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why one target was not deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeleteError {
    /// `If-Match` does not hold.
    #[error("a precondition does not hold")]
    PreconditionFailed,
    /// `If-Match` on a key that has no object.
    #[error("the object to match does not exist")]
    NoSuchKey,
}

/// Why a read broke off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an upload could not be read or dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// No such upload for this key.
    #[error("the upload does not exist")]
    NoSuchUpload,
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an upload was not completed. It stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompleteError {
    /// No such upload for this key.
    #[error("the upload does not exist")]
    NoSuchUpload,
    /// A named part does not exist or is not the one meant.
    #[error("part {number} does not exist or has another entity tag")]
    InvalidPart {
        /// The part.
        number: u16,
    },
    /// `If-None-Match` or `If-Match` does not hold.
    #[error("a precondition does not hold")]
    PreconditionFailed,
    /// `If-Match` on a key that has no object.
    #[error("the object to match does not exist")]
    NoSuchKey,
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}
