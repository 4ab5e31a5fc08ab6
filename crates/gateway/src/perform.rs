//! What is permitted is done: one function per operation of S3, on the store's contract alone.
//!
//! [`dispatch`] knows every operation by name. Each function takes the [`Job`], which holds the
//! [`Grant`] and so the buckets, and gives a [`Reply`] or the error that the client will see. None
//! of them looks a bucket up by its name, and none answers before the store did.

mod addresses;
mod bucket;
mod bucket_documents;
mod copy;
mod delete;
mod get;
mod list;
mod multipart;
mod object_settings;
mod post;
mod put;
mod trouble;

use crate::{
    Context, Origin,
    audit::Trail,
    body::{self, Inbound, RequestBody, Stream},
    link::OneTime,
    permit::{Asker, Grant},
    respond::Reply,
    verify::Caller,
};
use blockhouse_s3::{
    error::{ErrorKind, S3Error},
    link::LinkTerms,
    operation::{BodyUse, Operation},
    parse::{AccessPoint, BodyPromise},
};
use blockhouse_state::Snapshot;
use blockhouse_store::{Bucket, ObjectStore, Versioning};
use blockhouse_types::{RequestId, Timestamp, VersionId};
use blockhouse_verifier_wire::Verifier;
use bytes::Bytes;
use http::request::Parts;
use std::{cell::OnceCell, sync::Arc};

pub(crate) use trouble::Trouble;

/// Everything an operation may use.
pub(crate) struct Job<'a, S: ObjectStore, V: Verifier, B> {
    pub(crate) context: &'a Context<S, V>,
    pub(crate) id: RequestId,
    /// When the request began.
    pub(crate) now: Timestamp,
    /// Where it came from.
    pub(crate) origin: &'a Origin,
    /// What the signer of a link asked for.
    pub(crate) terms: LinkTerms,
    /// The access point that the request goes through.
    pub(crate) through: Option<AccessPoint>,
    pub(crate) head: &'a Parts,
    pub(crate) caller: Caller<'a, V>,
    /// The state by which the request is judged.
    pub(crate) state: Arc<Snapshot>,
    pub(crate) grant: Grant,
    /// The one-time link that the request came by.
    pub(crate) once: Option<OneTime>,
    /// What the head says of the body.
    pub(crate) promise: BodyPromise,
    pub(crate) body: &'a mut Inbound<B>,
    /// Where it is noted what was stored.
    pub(crate) trail: &'a Trail,
}

impl<S, V, B> Job<'_, S, V, B>
where
    S: ObjectStore,
    V: Verifier,
    B: Stream,
{
    /// The policies, for what only shows in the body.
    fn asker(&self) -> Asker<'_, S, V> {
        Asker {
            context: self.context,
            caller: &self.caller,
            origin: self.origin,
            head: self.head,
            now: self.now,
            terms: &self.terms,
            operation: None,
            through: self.through.as_ref(),
            state: &self.state,
            who: OnceCell::new(),
        }
    }

    fn store(&self) -> &S {
        &self.context.store
    }

    /// Where the store's errors become S3's.
    fn trouble(&self) -> Trouble<'static> {
        Trouble::of(self.id)
    }

    /// The body as a document of the size that `operation` allows.
    async fn document(&mut self, operation: BodyUse) -> Result<Bytes, S3Error> {
        let BodyUse::Document { max_bytes } = operation else {
            return Err(ErrorKind::InternalError.into());
        };
        let body = RequestBody::open(
            self.body,
            &self.caller,
            &self.context.hashing,
            self.promise.clone(),
            None,
        )?;
        body::collect(body, max_bytes).await
    }
}

/// The version as clients see it: only where versions were ever kept.
fn shown(bucket: &Bucket, version: VersionId) -> Option<VersionId> {
    (bucket.versioning != Versioning::Unversioned).then_some(version)
}

/// The version that a write made, as clients see it: the `null` version is not shown to who wrote it,
/// as on AWS.
fn written(version: VersionId) -> Option<VersionId> {
    (!version.is_null()).then_some(version)
}

/// Does what was permitted.
pub(crate) async fn dispatch<S: ObjectStore, V: Verifier, B: Stream>(
    mut job: Job<'_, S, V, B>,
    operation: Operation,
) -> Result<Reply<S>, S3Error> {
    use Operation as Op;
    let job = &mut job;
    let body = operation.body();
    let response = match operation {
        Op::ListBuckets(op) => bucket::list_buckets(job, op)?,
        Op::CreateBucket(op) => bucket::create(job, op, body).await?,
        Op::DeleteBucket(_) => bucket::delete(job).await?,
        Op::HeadBucket(_) => bucket::head(job),
        Op::GetBucketLocation(_) => bucket::location(job),
        Op::GetBucketVersioning(_) => bucket::versioning(job)?,
        Op::PutBucketVersioning(_) => bucket::set_versioning(job, body).await?,
        Op::GetBucketAcl(_) => bucket::acl(job)?,
        Op::GetFixedConfiguration(op) => bucket::fixed(op)?,
        Op::DeleteFixedConfiguration(_) => bucket::nothing_to_delete(),
        Op::GetBucketTagging(_) => bucket_documents::tagging(job)?,
        Op::PutBucketTagging(_) => bucket_documents::set_tagging(job, body).await?,
        Op::DeleteBucketTagging(_) => bucket_documents::delete_tagging(job).await?,
        Op::GetBucketLifecycle(_) => bucket_documents::lifecycle(job)?,
        Op::PutBucketLifecycle(_) => bucket_documents::set_lifecycle(job, body).await?,
        Op::DeleteBucketLifecycle(_) => bucket_documents::delete_lifecycle(job).await?,
        Op::GetBucketCors(_) => bucket_documents::cors(job)?,
        Op::PutBucketCors(_) => bucket_documents::set_cors(job, body).await?,
        Op::DeleteBucketCors(_) => bucket_documents::delete_cors(job).await?,
        Op::GetBucketPolicy(_) => bucket_documents::policy(job)?,
        Op::PutBucketPolicy(_) => bucket_documents::set_policy(job, body).await?,
        Op::GetBucketPolicyStatus(_) => bucket_documents::policy_status(job)?,
        Op::DeleteBucketPolicy(_) => bucket_documents::delete_policy(job).await?,
        Op::GetBucketAddressList(_) => addresses::get(job)?,
        Op::PutBucketAddressList(_) => addresses::set(job, body).await?,
        Op::DeleteBucketAddressList(_) => addresses::delete(job).await?,
        Op::GetBucketEtag(_) => bucket_documents::etag(job)?,
        Op::PutBucketEtag(_) => bucket_documents::set_etag(job, body).await?,
        // Answered before anybody is asked who they are; see stages.
        Op::Preflight(_) => return Err(ErrorKind::MethodNotAllowed.into()),
        Op::ListObjects(op) => list::objects(job, op).await?,
        Op::ListObjectsV2(op) => list::objects_v2(job, op).await?,
        Op::ListObjectVersions(op) => list::versions(job, op).await?,
        Op::ListMultipartUploads(op) => list::uploads(job, op).await?,
        Op::ListParts(op) => list::parts(job, op).await?,
        Op::GetObject(op) => return get::get(job, op).await,
        Op::HeadObject(op) => return get::head(job, op).await,
        Op::GetObjectAttributes(op) => get::attributes(job, op).await?,
        Op::PutObject(op) => put::object(job, op).await?,
        // Read on its way here, or refused; see stages.
        Op::PostForm(_) => return Err(ErrorKind::MethodNotAllowed.into()),
        Op::PostObject(op) => post::object(job, op).await?,
        Op::CopyObject(op) => copy::object(job, op).await?,
        Op::UploadPartCopy(op) => copy::part(job, op).await?,
        Op::DeleteObject(op) => delete::one(job, op).await?,
        Op::DeleteObjects(_) => delete::many(job, body).await?,
        Op::GetObjectAcl(op) => object_settings::acl(job, op).await?,
        Op::GetObjectTagging(op) => object_settings::tags(job, op).await?,
        Op::PutObjectTagging(op) => object_settings::set_tags(job, op, body).await?,
        Op::DeleteObjectTagging(op) => object_settings::delete_tags(job, op).await?,
        Op::CreateMultipartUpload(op) => multipart::create(job, op).await?,
        Op::UploadPart(op) => put::part(job, op).await?,
        Op::CompleteMultipartUpload(op) => multipart::complete(job, op, body).await?,
        Op::AbortMultipartUpload(op) => multipart::abort(job, op).await?,
    };
    Ok(response.into())
}
