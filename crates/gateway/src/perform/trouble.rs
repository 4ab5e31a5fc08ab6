//! The store's errors in S3's words: one function per kind of operation, one place for what any of
//! them may meet.
//!
//! | the store says | the client sees | whose fault |
//! |---|---|---|
//! | `NoSuchBucket` | 404 NoSuchBucket | the caller's, or a race with DeleteBucket |
//! | `NoSpace` | 507 InsufficientCapacity | the operator's: deletes still work |
//! | `Busy` | 503 SlowDown | nobody's: try again |
//! | `Damaged` | 500 InternalError naming the key | the device's; logged as an error |
//! | `Device` | 500 InternalError | the device's; logged as an error |
//! | `Closed` | 503 ServiceUnavailable | ours: the node stops |
//!
//! What is ours or the device's is logged here, once, with the request's id. What is the caller's is
//! not: the access log has it.

use super::get::http_date;
use blockhouse_s3::error::{ErrorKind, S3Error};
use blockhouse_store::{
    CompleteError, CreateBucketError, DeleteBucketError, DeleteError, LinkError, OpenError,
    PutError, RevokeError, StoreError, UploadError,
};
use blockhouse_types::{ObjectKey, RequestId, VersionId};
use http::{HeaderName, header};

const DELETE_MARKER: HeaderName = HeaderName::from_static("x-amz-delete-marker");
const VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");

/// Whose trouble it was: names the request in the log and the key in the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble<'a> {
    id: RequestId,
    key: Option<&'a ObjectKey>,
}

impl<'a> Trouble<'a> {
    /// Trouble of the request `id`.
    pub(crate) fn of(id: RequestId) -> Self {
        Self { id, key: None }
    }

    /// ... with this key.
    pub(crate) fn with(self, key: &'a ObjectKey) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    /// What any operation may meet.
    pub(crate) fn store(self, error: StoreError) -> S3Error {
        match &error {
            StoreError::NoSuchBucket => ErrorKind::NoSuchBucket.into(),
            StoreError::NoSpace => {
                tracing::warn!(id = %self.id, %error, "a write was refused");
                ErrorKind::InsufficientCapacity.into()
            }
            StoreError::Busy { .. } => {
                tracing::warn!(id = %self.id, %error, "a request was turned away");
                ErrorKind::SlowDown.into()
            }
            StoreError::Damaged { .. } | StoreError::Device { .. } => {
                tracing::error!(id = %self.id, key = ?self.key, %error, "the store failed");
                let shown = S3Error::from(ErrorKind::InternalError);
                match self.key {
                    Some(key) => shown.element("Key", key.as_str()),
                    None => shown,
                }
            }
            StoreError::Closed { .. } => {
                tracing::error!(id = %self.id, %error, "the store is closed");
                ErrorKind::ServiceUnavailable.into()
            }
        }
    }

    /// CreateBucket.
    pub(crate) fn create_bucket(self, error: CreateBucketError) -> S3Error {
        match error {
            CreateBucketError::Exists { name, owned } => {
                let kind = if owned {
                    ErrorKind::BucketAlreadyOwnedByYou
                } else {
                    ErrorKind::BucketAlreadyExists
                };
                S3Error::from(kind).element("BucketName", name.as_str())
            }
            CreateBucketError::TooMany { .. } => ErrorKind::TooManyBuckets.into(),
            CreateBucketError::Store(error) => self.store(error),
        }
    }

    /// DeleteBucket.
    pub(crate) fn delete_bucket(self, error: DeleteBucketError) -> S3Error {
        match error {
            DeleteBucketError::NotEmpty => ErrorKind::BucketNotEmpty.into(),
            DeleteBucketError::Store(error) => self.store(error),
        }
    }

    /// Opening an object; `asked` is the version that the client named. A delete marker is 404 when
    /// it is what stands for the object now, 405 when it was asked for by its id.
    pub(crate) fn open(self, error: OpenError, asked: Option<VersionId>) -> S3Error {
        let with_key = |error: S3Error| match self.key {
            Some(key) => error.element("Key", key.as_str()),
            None => error,
        };
        match error {
            OpenError::NoSuchKey => with_key(ErrorKind::NoSuchKey.into()),
            OpenError::NoSuchVersion => {
                let error = with_key(ErrorKind::NoSuchVersion.into());
                match asked {
                    Some(version) => error.element("VersionId", version.to_string()),
                    None => error,
                }
            }
            OpenError::DeleteMarker { version, modified } => {
                let error = match asked {
                    None => with_key(ErrorKind::NoSuchKey.into()),
                    Some(_) => S3Error::from(ErrorKind::MethodNotAllowed)
                        .element("Method", "GET")
                        .element("ResourceType", "DeleteMarker")
                        .header(header::ALLOW, "DELETE")
                        .header(header::LAST_MODIFIED, &http_date(modified)),
                };
                error
                    .header(DELETE_MARKER, "true")
                    .header(VERSION_ID, &version.to_string())
            }
            OpenError::Store(error) => self.store(error),
        }
    }

    /// Storing an object or part; `refused` tells why the body failed, when it did.
    pub(crate) fn put(self, error: PutError, refused: impl FnOnce() -> S3Error) -> S3Error {
        match error {
            PutError::Body(_) => refused(),
            PutError::PreconditionFailed => precondition_failed(),
            PutError::NoSuchKey => ErrorKind::NoSuchKey.into(),
            PutError::NoSuchUpload => ErrorKind::NoSuchUpload.into(),
            PutError::Link(error) => self.link(error),
            PutError::TooLarge => ErrorKind::EntityTooLarge.into(),
            PutError::Store(error) => self.store(error),
        }
    }

    /// Using a one-time link. Whoever comes too late learns no more than whoever may not.
    pub(crate) fn link(self, error: LinkError) -> S3Error {
        match error {
            LinkError::Used | LinkError::Expired => {
                tracing::debug!(id = %self.id, %error, "a link was refused");
                ErrorKind::AccessDenied.into()
            }
            LinkError::TooMany { .. } => {
                tracing::warn!(id = %self.id, %error, "a link was turned away");
                ErrorKind::SlowDown.into()
            }
            LinkError::Store(error) => self.store(error),
        }
    }

    /// Revoking links.
    pub(crate) fn revoke(self, error: RevokeError) -> S3Error {
        match error {
            RevokeError::TooMany { .. } => {
                tracing::warn!(id = %self.id, %error, "a revocation was turned away");
                ErrorKind::SlowDown.into()
            }
            RevokeError::Store(error) => self.store(error),
        }
    }

    /// Reading or dropping an upload.
    pub(crate) fn upload(self, error: UploadError) -> S3Error {
        match error {
            UploadError::NoSuchUpload => ErrorKind::NoSuchUpload.into(),
            UploadError::Store(error) => self.store(error),
        }
    }

    /// Completing an upload.
    pub(crate) fn complete(self, error: CompleteError) -> S3Error {
        match error {
            CompleteError::NoSuchUpload => ErrorKind::NoSuchUpload.into(),
            CompleteError::InvalidPart { number } => {
                S3Error::from(ErrorKind::InvalidPart).element("PartNumber", number.to_string())
            }
            CompleteError::PreconditionFailed => precondition_failed(),
            CompleteError::NoSuchKey => ErrorKind::NoSuchKey.into(),
            CompleteError::Store(error) => self.store(error),
        }
    }
}

/// Why one target was not deleted.
pub(crate) fn delete(error: DeleteError) -> S3Error {
    match error {
        DeleteError::PreconditionFailed => precondition_failed(),
        DeleteError::NoSuchKey => ErrorKind::NoSuchKey.into(),
    }
}

/// 412 of a write; the store does not tell which header it was.
fn precondition_failed() -> S3Error {
    ErrorKind::PreconditionFailed.into()
}
