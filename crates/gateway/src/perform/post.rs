//! Storing the file of a browser's form.
//!
//! The form was read, verified and allowed on its way here; what is left is the file, which flows
//! into the store as the body of a PutObject does, and an answer in the form that the form wishes.

use super::{Job, multipart, put};
use crate::body::{RequestBody, Stream};
use blockhouse_s3::{Response, error::S3Error, operation::PostObject, output::PostObjectOutput};
use blockhouse_store::ObjectStore;
use blockhouse_verifier_wire::Verifier;

/// `POST /bucket` with a form.
pub(super) async fn object<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    op: PostObject,
) -> Result<Response, S3Error> {
    let location = multipart::location(job);
    let Job {
        context,
        id,
        now,
        caller,
        grant,
        promise,
        body,
        trail,
        ..
    } = job;
    let bucket = grant.bucket()?;
    let keep = op.checksum.unwrap_or(put::DEFAULT_CHECKSUM);
    let file = (&op.boundary, op.length);
    let body = RequestBody::open_file(
        body,
        caller,
        &context.hashing_for(bucket),
        promise.clone(),
        Some(keep),
        file,
    );
    let (name, key) = (op.put.bucket.clone(), op.put.key.clone());
    let stored = put::store(context, (*id, *now), (bucket, None), op.put, body).await?;
    trail.stored(stored.bytes());
    let output = PostObjectOutput {
        bucket_url: format!("{}/", location.trim_end_matches('/')),
        bucket: &name,
        key: &key,
        put: stored.output(),
    };
    Ok(output.response(&op.success))
}
