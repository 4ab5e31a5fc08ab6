//! What requests ask of the log writer. One order is one commit's share: its records go into one
//! frame, and its answer goes out when that frame is durable and applied.

use crate::{
    desired,
    error::Refused,
    lease::DataLease,
    ledger::{
        self, INTERRUPTED_TOGETHER_MAX, LINK_RECORD_BYTES, PURGED_BY_TICK_MAX, PURGED_BY_USE_MAX,
    },
    mirror::DeviceSet,
    revocations::{PURGED_REVOCATIONS_MAX, REVOCATION_RECORD_BYTES},
};
use blockhouse_format::{
    Extent,
    record::{Attributes, Put, RecordPlace},
};
use blockhouse_store::{
    ApplyError, Bucket, BucketChange, CompleteError, Completion, CreateBucketError,
    DeleteBucketError, DeleteError, DeleteTarget, Deleted, DesiredChange, LinkError, LinkUse,
    NewBucket, NewObject, NewUpload, OpenError, Part, PutError, ResumeHash, Revoke, RevokeError,
    Seal, StoreError, TransferEnd, UploadError, UploadRef, Written,
};
use blockhouse_types::{BucketId, LinkId, ObjectKey, Timestamp, UploadId, VersionId};
use bytes::Bytes;
use std::{collections::VecDeque, sync::Arc};
use tokio::sync::oneshot;

/// Where the answer goes. Whoever asked may have gone; then it goes nowhere.
pub(crate) type Answer<T> = oneshot::Sender<T>;

/// The bytes of an object or part.
#[derive(Debug)]
pub(crate) enum Payload {
    /// In memory, to lie inline in the record.
    Inline(Vec<Bytes>),
    /// On every device that is in sync already, and flushed there.
    Extents {
        extents: Vec<Extent>,
        /// Keeps their groups from being given again until the record is applied.
        _lease: DataLease,
    },
}

/// One order.
#[derive(Debug)]
pub(crate) enum Order {
    CreateBucket {
        new: NewBucket,
        answer: Answer<Result<Arc<Bucket>, CreateBucketError>>,
    },
    DeleteBucket {
        bucket: BucketId,
        now: Timestamp,
        answer: Answer<Result<(), DeleteBucketError>>,
    },
    ChangeBucket {
        bucket: BucketId,
        change: BucketChange,
        now: Timestamp,
        /// What the bucket's row with the change may take.
        row_bytes: usize,
        answer: Answer<Result<(), StoreError>>,
    },
    Put(Box<PutOrder>),
    Retag(Box<RetagOrder>),
    Delete {
        bucket: BucketId,
        targets: Vec<DeleteTarget>,
        now: Timestamp,
        answer: Answer<DeleteAnswer>,
    },
    CreateUpload {
        new: Box<NewUpload>,
        answer: Answer<Result<UploadId, StoreError>>,
    },
    PutPart(Box<PartOrder>),
    Complete(Box<CompleteOrder>),
    Abort {
        upload: UploadRef,
        now: Timestamp,
        answer: Answer<Result<(), UploadError>>,
    },
    UseLink {
        usage: Box<LinkUse>,
        answer: Answer<Result<(), LinkError>>,
    },
    ResumeLink {
        link: LinkId,
        resume: Box<ResumeHash>,
        now: Timestamp,
        answer: Answer<Result<(), LinkError>>,
    },
    EndLink {
        link: LinkId,
        end: TransferEnd,
        now: Timestamp,
        answer: Answer<Result<(), StoreError>>,
    },
    Revoke {
        order: Box<Revoke>,
        answer: Answer<Result<(), RevokeError>>,
    },
    ApplyDesired {
        change: Box<DesiredChange>,
        answer: Answer<Result<u64, ApplyError>>,
    },
    /// The last run ended while these transfers ran; nobody waits for it.
    Interrupted {
        rows: Vec<ledger::Row>,
    },
    /// A thread saw these devices fail; answered once that is durable on the others.
    DevicesFailed {
        devices: DeviceSet,
        why: String,
        answer: Answer<Result<(), StoreError>>,
    },
    /// A body found no free data group; answered when waiting longer would not help, with whether
    /// there is reason to try again.
    WantSpace {
        answer: Answer<bool>,
    },
    /// Keeps the witness of the last frame, and the time floor, up to date.
    Tick {
        now: Timestamp,
        answer: Answer<Result<(), StoreError>>,
    },
    Checkpoint {
        answer: Answer<Result<(), StoreError>>,
    },
    Shutdown {
        answer: Answer<Result<(), StoreError>>,
    },
}

/// What became of each target of a delete.
pub(crate) type DeleteAnswer = Result<Vec<Result<Deleted, DeleteError>>, StoreError>;

/// An object whose body has ended cleanly.
#[derive(Debug)]
pub(crate) struct PutOrder {
    pub(crate) new: NewObject,
    pub(crate) size: u64,
    pub(crate) seal: Seal,
    pub(crate) payload: Payload,
    pub(crate) answer: Answer<Result<Written, PutError>>,
}

/// A version with other tags, made from the record that the asker read.
#[derive(Debug)]
pub(crate) struct RetagOrder {
    pub(crate) put: Put,
    /// Where that record lies. When the index points elsewhere by now, the asker must read again.
    pub(crate) of: RecordPlace,
    pub(crate) target: RetagTarget,
    pub(crate) now: Timestamp,
    pub(crate) answer: Answer<Result<Retagged, OpenError>>,
}

/// Which version the asker meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetagTarget {
    /// Whichever is the newest when the change is judged.
    Current,
    /// The one it named.
    Version,
}

/// What became of a change of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retagged {
    Done(VersionId),
    /// The version was written again meanwhile.
    Moved,
}

/// A part whose body has ended cleanly.
#[derive(Debug)]
pub(crate) struct PartOrder {
    pub(crate) upload: UploadRef,
    pub(crate) number: u16,
    pub(crate) now: Timestamp,
    pub(crate) size: u64,
    pub(crate) seal: Seal,
    pub(crate) payload: Payload,
    pub(crate) answer: Answer<Result<Part, PutError>>,
}

/// The end of an upload.
#[derive(Debug)]
pub(crate) struct CompleteOrder {
    pub(crate) completion: Completion,
    /// Headers and tags of the upload, read from its record.
    pub(crate) attributes: Attributes,
    /// How many extents the parts had when they were looked at.
    pub(crate) extents: usize,
    pub(crate) answer: Answer<Result<Written, CompleteError>>,
}

/// Records of a link's use: its row, and rows of others that go.
const USE_RECORDS_MAX: usize = 1 + PURGED_BY_USE_MAX;

/// Head, fixed fields and padding of any record, generously, in bytes.
const RECORD_BYTES: usize = 512;
/// An encoded extent at most, in bytes.
const EXTENT_BYTES: usize = 26;
/// An encoded part of a manifest at most, in bytes.
const PART_BYTES: usize = 96;

impl Order {
    /// What is to be logged first of all, of transfers that ran when the last run ended.
    pub(crate) fn interrupted(rows: &[ledger::Row]) -> VecDeque<Self> {
        let together = rows.chunks(INTERRUPTED_TOGETHER_MAX);
        together
            .map(|rows| Self::Interrupted { rows: rows.into() })
            .collect()
    }

    /// The room that its records take in a frame, in bytes: never less than they will need.
    pub(crate) fn room_bytes(&self) -> usize {
        match self {
            Self::CreateBucket { .. } | Self::DeleteBucket { .. } => 2 * RECORD_BYTES,
            Self::ChangeBucket { row_bytes, .. } => RECORD_BYTES + row_bytes,
            Self::Put(put) => {
                let attributes = &put.new.attributes;
                let texts = texts_bytes(&attributes.headers) + texts_bytes(&attributes.tags);
                let link = put
                    .new
                    .link
                    .map_or(0, |_| USE_RECORDS_MAX * LINK_RECORD_BYTES);
                2 * (RECORD_BYTES + put.new.key.as_bytes().len())
                    + texts
                    + put.payload.room_bytes()
                    + link
            }
            Self::Retag(order) => {
                let texts = attributes_bytes(&order.put.attributes);
                let extents = match &order.put.data {
                    blockhouse_format::record::Data::Inline => 1,
                    blockhouse_format::record::Data::Extents(extents) => extents.len(),
                };
                RECORD_BYTES
                    + order.put.key.as_bytes().len()
                    + texts
                    + extents * EXTENT_BYTES
                    + order.put.parts.len() * PART_BYTES
            }
            Self::Delete { targets, .. } => {
                targets.iter().map(delete_target_bytes).sum::<usize>() + RECORD_BYTES
            }
            Self::CreateUpload { new, .. } => {
                let texts =
                    texts_bytes(&new.attributes.headers) + texts_bytes(&new.attributes.tags);
                RECORD_BYTES + new.key.as_bytes().len() + texts
            }
            Self::PutPart(part) => {
                RECORD_BYTES + part.upload.key.as_bytes().len() + part.payload.room_bytes()
            }
            // The parts may have changed by then: the judge compares them with the room there is.
            Self::Complete(order) => {
                let key = &order.completion.upload.key;
                completion_bytes(
                    key,
                    &order.attributes,
                    order.extents,
                    order.completion.parts.len(),
                )
            }
            Self::Abort { upload, .. } => RECORD_BYTES + upload.key.as_bytes().len(),
            Self::UseLink { .. } => USE_RECORDS_MAX * LINK_RECORD_BYTES,
            Self::ResumeLink { .. } | Self::EndLink { .. } => LINK_RECORD_BYTES,
            Self::Interrupted { rows } => rows.len() * LINK_RECORD_BYTES,
            Self::Revoke { .. } => REVOCATION_RECORD_BYTES,
            Self::ApplyDesired { change, .. } => desired::room_bytes(change),
            Self::Tick { .. } => {
                RECORD_BYTES
                    + PURGED_BY_TICK_MAX * LINK_RECORD_BYTES
                    + PURGED_REVOCATIONS_MAX * REVOCATION_RECORD_BYTES
            }
            Self::DevicesFailed { .. }
            | Self::WantSpace { .. }
            | Self::Checkpoint { .. }
            | Self::Shutdown { .. } => RECORD_BYTES,
        }
    }

    /// How many records it may become at most.
    pub(crate) fn records(&self) -> usize {
        match self {
            Self::Delete { targets, .. } => 2 * targets.len() + 1,
            Self::Complete(_) => 3,
            Self::Put(put) if put.new.link.is_some() => 2 + USE_RECORDS_MAX,
            Self::UseLink { .. } => USE_RECORDS_MAX,
            Self::Tick { .. } => 1 + PURGED_BY_TICK_MAX + PURGED_REVOCATIONS_MAX,
            Self::ApplyDesired { change, .. } => 1 + change.rows.len(),
            Self::Interrupted { rows } => rows.len(),
            _ => 2,
        }
    }

    /// Bucket orders, revocations and changes of the desired state are judged alone in their frame, so that they and all others
    /// may judge by the catalog as it is.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(
            self,
            Self::CreateBucket { .. }
                | Self::DeleteBucket { .. }
                | Self::ChangeBucket { .. }
                | Self::Revoke { .. }
                | Self::ApplyDesired { .. }
        )
    }

    /// Whether it makes the store fuller, and so waits for space or is refused at the reserve line.
    pub(crate) fn needs_space(&self) -> bool {
        matches!(
            self,
            Self::Put(_) | Self::PutPart(_) | Self::CreateUpload { .. } | Self::CreateBucket { .. }
        )
    }

    /// Answers that nothing was done.
    pub(crate) fn refuse(self, why: &Refused) {
        let error = why.to_store();
        // The asker may have gone; there is nobody else to tell.
        match self {
            Self::CreateBucket { answer, .. } => drop(answer.send(Err(error.into()))),
            Self::DeleteBucket { answer, .. } => drop(answer.send(Err(error.into()))),
            Self::ChangeBucket { answer, .. }
            | Self::EndLink { answer, .. }
            | Self::DevicesFailed { answer, .. }
            | Self::Tick { answer, .. }
            | Self::Checkpoint { answer }
            | Self::Shutdown { answer } => drop(answer.send(Err(error))),
            Self::Put(order) => drop(order.answer.send(Err(error.into()))),
            Self::Retag(order) => drop(order.answer.send(Err(error.into()))),
            Self::Delete { answer, .. } => drop(answer.send(Err(error))),
            Self::CreateUpload { answer, .. } => drop(answer.send(Err(error))),
            Self::PutPart(order) => drop(order.answer.send(Err(error.into()))),
            Self::Complete(order) => drop(order.answer.send(Err(error.into()))),
            Self::Abort { answer, .. } => drop(answer.send(Err(error.into()))),
            Self::UseLink { answer, .. } | Self::ResumeLink { answer, .. } => {
                drop(answer.send(Err(error.into())));
            }
            Self::Revoke { answer, .. } => drop(answer.send(Err(error.into()))),
            Self::ApplyDesired { answer, .. } => drop(answer.send(Err(error.into()))),
            Self::WantSpace { answer } => drop(answer.send(false)),
            Self::Interrupted { .. } => {}
        }
    }
}

impl Payload {
    fn room_bytes(&self) -> usize {
        match self {
            Self::Inline(pieces) => pieces.iter().map(Bytes::len).sum(),
            Self::Extents { extents, .. } => extents.len() * EXTENT_BYTES,
        }
    }
}

/// What one target of a delete may take in a frame, in bytes: a tombstone and a marker.
pub(crate) fn delete_target_bytes(target: &DeleteTarget) -> usize {
    2 * (DELETE_RECORD_BYTES + target.key.as_bytes().len())
}

/// A tombstone's or marker's fixed fields, generously, in bytes.
const DELETE_RECORD_BYTES: usize = 96;

/// What the end of an upload may take in a frame, in bytes: the object's record, the upload's end,
/// and the tombstone of what is replaced.
pub(crate) fn completion_bytes(
    key: &ObjectKey,
    attributes: &Attributes,
    extents: usize,
    parts: usize,
) -> usize {
    3 * (RECORD_BYTES + key.as_bytes().len())
        + attributes_bytes(attributes)
        + extents * EXTENT_BYTES
        + parts * PART_BYTES
}

fn attributes_bytes(attributes: &Attributes) -> usize {
    texts_bytes(&attributes.headers) + texts_bytes(&attributes.tags)
}

fn texts_bytes(pairs: &[(String, String)]) -> usize {
    pairs
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum()
}
