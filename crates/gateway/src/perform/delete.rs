//! DeleteObject and DeleteObjects.

use super::{Job, put::write_condition, trouble};
use crate::{body::Stream, permit};
use blockhouse_s3::{
    Response,
    error::{ErrorKind, S3Error},
    operation::{BodyUse, DeleteObject},
    output::{DeleteObjectOutput, DeleteObjectsOutput, DeleteOutcome},
    xml::{DeleteEntry, DeleteObjects},
};
use blockhouse_store::{DeleteError, DeleteTarget, Deleted, ObjectStore};
use blockhouse_types::{ObjectKey, VersionId};
use blockhouse_verifier_wire::Verifier;

/// `DELETE /bucket/key`.
pub(super) async fn one<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    op: DeleteObject,
) -> Result<Response, S3Error> {
    let target = DeleteTarget {
        key: op.key,
        version: op.version,
        condition: write_condition(op.condition),
    };
    let mut outcomes = deleted(job, vec![target]).await?;
    let outcome = outcomes.pop().ok_or(ErrorKind::InternalError)?;
    let Deleted { marker, version } = outcome.map_err(trouble::delete)?;
    Ok(DeleteObjectOutput { version, marker }.response())
}

/// `POST /bucket?delete`. Each target is judged alone; all that go, go in one commit. The list must
/// be bound to a digest, as on AWS: a bit that flips in it deletes the wrong object.
pub(super) async fn many<S: ObjectStore, V: Verifier, B: Stream>(
    job: &mut Job<'_, S, V, B>,
    body: BodyUse,
) -> Result<Response, S3Error> {
    if job.promise.content_md5.is_none() && job.promise.checksum.is_none() {
        return Err(S3Error::invalid_request(
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    let DeleteObjects { quiet, entries } = DeleteObjects::parse(&job.document(body).await?)?;
    let bucket = job.grant.bucket()?;
    let asker = job.asker();
    let applied = asker.applied(Some(bucket));
    let mut judged = Vec::with_capacity(entries.len());
    for entry in entries {
        let refusal = match &entry {
            DeleteEntry::Refused(_) => None,
            DeleteEntry::Target { key, version, .. } => {
                let may = permit::may_delete(&applied, key, version.is_some()).await;
                may.err().map(|error| refused(key, *version, error))
            }
        };
        judged.push(refusal.map_or(entry, DeleteEntry::Refused));
    }
    let entries = judged;
    let targets = entries.iter().filter_map(target).collect();
    let mut outcomes = deleted(job, targets).await?.into_iter();
    let results = entries.into_iter().map(|entry| match entry {
        DeleteEntry::Refused(outcome) => Ok(outcome),
        DeleteEntry::Target { key, version, .. } => {
            let outcome = outcomes.next().ok_or(ErrorKind::InternalError)?;
            Ok(told(key, version, outcome))
        }
    });
    let results = results.collect::<Result<Vec<_>, S3Error>>()?;
    Ok(DeleteObjectsOutput { quiet, results }.response())
}

async fn deleted<S: ObjectStore, V: Verifier, B: Stream>(
    job: &Job<'_, S, V, B>,
    targets: Vec<DeleteTarget>,
) -> Result<Vec<Result<Deleted, DeleteError>>, S3Error> {
    let outcomes = job
        .store()
        .delete(job.grant.bucket()?.id, targets, job.now)
        .await;
    outcomes.map_err(|error| job.trouble().store(error))
}

fn target(entry: &DeleteEntry) -> Option<DeleteTarget> {
    match entry {
        DeleteEntry::Refused(_) => None,
        DeleteEntry::Target {
            key,
            version,
            condition,
        } => Some(DeleteTarget {
            key: key.clone(),
            version: *version,
            condition: write_condition(*condition),
        }),
    }
}

fn told(
    key: ObjectKey,
    version: Option<VersionId>,
    outcome: Result<Deleted, DeleteError>,
) -> DeleteOutcome {
    match outcome {
        Ok(Deleted { marker, .. }) => DeleteOutcome::Deleted {
            key,
            version,
            marker,
        },
        Err(error) => refused(&key, version, trouble::delete(error)),
    }
}

fn refused(key: &ObjectKey, version: Option<VersionId>, error: S3Error) -> DeleteOutcome {
    DeleteOutcome::Failed {
        key: key.as_str().to_owned(),
        version: version.map(|version| version.to_string()),
        error,
    }
}
