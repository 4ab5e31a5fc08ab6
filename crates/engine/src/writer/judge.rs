//! Judging orders: plain sequential code at the store's one serial point.
//!
//! Each order sees the index as it will be when everything judged before it is durable. What it
//! decides becomes records in the frame and staged rows; its answer waits for the frame. An order
//! that is refused leaves nothing in the frame, but its answer waits as well, because it may rest on
//! a record that is not durable yet.

mod versions;

use crate::{
    catalog::{self, Catalog},
    index::Index,
    order::{
        Answer, CompleteOrder, Order, PartOrder, Payload, PutOrder, RetagOrder, Retagged,
        completion_bytes,
    },
    rows::{self, At, BadRow, Changes, Rows, Staged},
    shared::Random,
    teeth::{self, Bug},
};
use blockhouse_format::{
    Extent, ExtentForm, Lsn, entry,
    entry::{DataPlace, PartEntry},
    frame::{FrameBuilder, PushError},
    record::{
        Attributes, Body, Control, Data, PartMeta, PartPut, Put, UploadEnd, UploadOutcome,
        UploadStart,
    },
};
use blockhouse_store::{
    Bucket, BucketChange, CompleteError, Completion, CreateBucketError, DeleteBucketError,
    NewBucket, NewUpload, OpenError, Part, PutError, StoreError, UploadError, UploadRef,
    Versioning, Written,
};
use blockhouse_types::{BucketId, Timestamp, UploadId};
use bytes::Bytes;
use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

/// What to do when the frame is durable (`None`), or could not be made so.
pub(super) type Due = Box<dyn FnOnce(Option<&StoreError>) + Send>;

/// An answer that waits for the frame. `holds` is kept until then.
fn due<T, E, H>(answer: Answer<Result<T, E>>, result: Result<T, E>, holds: H) -> Due
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    H: Send + 'static,
{
    Box::new(move |failed| {
        let result = failed.map_or(result, |why| Err(why.clone().into()));
        // Whoever asked may have gone.
        drop(answer.send(result));
        drop(holds);
    })
}

/// The frame in the making, and what it will change.
pub(super) struct Judge<'a> {
    pub(super) frame: FrameBuilder<'a>,
    pub(super) staged: Staged<'a>,
    pub(super) catalog: &'a Catalog,
    pub(super) random: &'a mut Random,
    /// Control rows that the frame changes.
    pub(super) control: Vec<Control>,
    pub(super) dues: Vec<Due>,
    /// The time floor that the frame will make.
    pub(super) floor: Timestamp,
    pub(super) control_rows_max: usize,
}

/// What a judged frame leaves to be applied.
pub(super) struct Verdicts {
    pub(super) changes: Changes,
    pub(super) control: Vec<Control>,
    pub(super) dues: Vec<Due>,
    pub(super) floor: Timestamp,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        frame: FrameBuilder<'a>,
        index: &'a Index,
        catalog: &'a Catalog,
        random: &'a mut Random,
        floor: Timestamp,
        control_rows_max: usize,
    ) -> Self {
        Self {
            frame,
            staged: Staged::new(index),
            catalog,
            random,
            control: Vec::new(),
            dues: Vec::new(),
            floor,
            control_rows_max,
        }
    }

    /// Judges one order. The frame has the room that the order said it may need.
    pub(super) fn judge(&mut self, order: Order) {
        let due = match order {
            Order::CreateBucket { new, answer } => due(answer, self.create_bucket(new), ()),
            Order::DeleteBucket {
                bucket,
                now,
                answer,
            } => due(answer, self.delete_bucket(bucket, now), ()),
            Order::ChangeBucket {
                bucket,
                change,
                now,
                answer,
                ..
            } => due(answer, self.change_bucket(bucket, change, now), ()),
            Order::Put(order) => {
                let PutOrder {
                    new,
                    size,
                    seal,
                    payload,
                    answer,
                } = *order;
                let result = self.put(new, size, seal, &payload);
                due(answer, result, payload)
            }
            Order::Retag(order) => {
                let RetagOrder {
                    put,
                    of,
                    now,
                    answer,
                } = *order;
                due(answer, self.retag(put, of, now), ())
            }
            Order::Delete {
                bucket,
                targets,
                now,
                answer,
            } => due(answer, self.delete(bucket, &targets, now), ()),
            Order::CreateUpload { new, answer } => due(answer, self.create_upload(*new), ()),
            Order::PutPart(order) => {
                let PartOrder {
                    upload,
                    number,
                    now,
                    size,
                    seal,
                    payload,
                    answer,
                } = *order;
                let part = Part {
                    number,
                    size,
                    etag: seal.etag,
                    checksum: seal.checksum,
                    modified: now,
                };
                let result = self.put_part(&upload, part, &payload);
                due(answer, result, payload)
            }
            Order::Complete(order) => {
                let CompleteOrder {
                    completion,
                    attributes,
                    answer,
                    ..
                } = *order;
                due(answer, self.complete(completion, attributes), ())
            }
            Order::Abort {
                upload,
                now,
                answer,
            } => due(answer, self.abort(&upload, now), ()),
            Order::Tick { now, answer } => {
                self.stamp(now);
                due(answer, self.push(&Body::Tick).map(drop), ())
            }
            other @ (Order::DevicesFailed { .. }
            | Order::WantSpace { .. }
            | Order::Checkpoint { .. }
            | Order::Shutdown { .. }) => {
                // These are the log writer's own and never reach a frame.
                return other.refuse(&crate::error::Refused::Busy("orders that are no records"));
            }
        };
        self.dues.push(due);
    }

    pub(super) fn finish(self) -> (FrameBuilder<'a>, Verdicts) {
        let Self {
            mut frame,
            staged,
            control,
            dues,
            floor,
            ..
        } = self;
        frame.set_time_floor(floor);
        (
            frame,
            Verdicts {
                changes: staged.into_changes(),
                control,
                dues,
                floor,
            },
        )
    }

    /// The time of a change: never before one that came earlier.
    fn stamp(&mut self, now: Timestamp) -> Timestamp {
        self.floor = self.floor.max(now);
        self.floor
    }

    pub(super) fn push(&mut self, body: &Body) -> Result<Lsn, StoreError> {
        self.push_with(body, &[])
    }

    fn push_with(&mut self, body: &Body, data: &[Bytes]) -> Result<Lsn, StoreError> {
        let placed = self.frame.push_with(body, data).map_err(refused)?;
        let at = At {
            place: placed.place,
            inline: placed.inline,
        };
        self.staged.stage(body, &at)?;
        if let Body::Control(control) = body {
            self.control.push(control.clone());
        }
        Ok(placed.lsn)
    }

    fn bucket(&self, bucket: BucketId) -> Result<&Arc<Bucket>, StoreError> {
        self.catalog
            .bucket_by_id(bucket)
            .ok_or(StoreError::NoSuchBucket)
    }

    fn create_bucket(&mut self, new: NewBucket) -> Result<Arc<Bucket>, CreateBucketError> {
        if let Some(there) = self.catalog.bucket(&new.name) {
            let owned = there.owner == new.owner;
            return Err(CreateBucketError::Exists {
                name: new.name,
                owned,
            });
        }
        if self.catalog.owned_by(new.owner) >= new.buckets_max {
            return Err(CreateBucketError::TooMany {
                max: new.buckets_max,
            });
        }
        if self.catalog.len() >= self.control_rows_max {
            return Err(StoreError::Busy {
                bound: "control rows",
            }
            .into());
        }
        let bucket = Bucket {
            // A position of the log is given once, and so is the number made from it.
            id: BucketId(self.frame.lsn_next().0),
            name: new.name,
            owner: new.owner,
            created: self.stamp(new.now),
            versioning: Versioning::Unversioned,
            documents: BTreeMap::new(),
        };
        self.set_bucket(&bucket)?;
        Ok(Arc::new(bucket))
    }

    fn set_bucket(&mut self, bucket: &Bucket) -> Result<(), StoreError> {
        let bound = "bytes of a bucket's documents";
        let change = catalog::set(bucket).ok_or(StoreError::Busy { bound })?;
        if !self.catalog.admits(&change) {
            return Err(StoreError::Busy {
                bound: "bytes of control rows",
            });
        }
        self.push(&Body::Control(change)).map(drop)
    }

    fn delete_bucket(&mut self, id: BucketId, now: Timestamp) -> Result<(), DeleteBucketError> {
        let bucket = Arc::clone(self.bucket(id)?);
        let mut empty = true;
        for prefix in [entry::object_prefix(id, b""), entry::upload_prefix(id, b"")] {
            self.staged.scan(&prefix, &mut |_, _| {
                empty = false;
                ControlFlow::Break(())
            });
        }
        if !empty {
            return Err(DeleteBucketError::NotEmpty);
        }
        self.stamp(now);
        self.push(&Body::Control(catalog::remove(&bucket)))?;
        Ok(())
    }

    fn change_bucket(
        &mut self,
        id: BucketId,
        change: BucketChange,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut bucket = Bucket::clone(self.bucket(id)?);
        match change {
            BucketChange::Versioning(versioning) => bucket.versioning = versioning,
            BucketChange::Document(_, Some(bytes)) if bytes.len() > catalog::DOCUMENT_BYTES_MAX => {
                return Err(StoreError::Busy {
                    bound: "bytes of a bucket's document",
                });
            }
            BucketChange::Document(kind, Some(bytes)) => {
                bucket.documents.insert(kind, bytes);
            }
            BucketChange::Document(kind, None) => {
                bucket.documents.remove(&kind);
            }
        }
        self.stamp(now);
        self.set_bucket(&bucket)
    }

    fn retag(
        &mut self,
        put: Put,
        of: blockhouse_format::record::RecordPlace,
        now: Timestamp,
    ) -> Result<Retagged, OpenError> {
        let missing = OpenError::Store(StoreError::NoSuchBucket);
        self.catalog.bucket_by_id(put.bucket).ok_or(missing)?;
        let row = entry::object_key(put.bucket, &put.key, put.sequence);
        let there = self
            .staged
            .get(&row)
            .map(rows::decode)
            .transpose()
            .map_err(StoreError::from)?;
        if there.as_ref().and_then(entry::Entry::record) != Some(&of) {
            return Ok(Retagged::Moved);
        }
        let version = put.version;
        self.stamp(now);
        self.push(&Body::Retag(put))?;
        Ok(Retagged::Done(version))
    }

    fn create_upload(&mut self, new: NewUpload) -> Result<UploadId, StoreError> {
        self.bucket(new.bucket)?;
        let initiated = self.stamp(new.now);
        let upload = UploadId::new(self.random);
        self.push(&Body::UploadStart(UploadStart {
            bucket: new.bucket,
            key: new.key,
            upload,
            sequence: self.frame.lsn_next(),
            initiated,
            checksum: new.checksum,
            attributes: attributes_of(new.attributes),
            wrapped_key: Vec::new(),
        }))?;
        Ok(upload)
    }

    fn put_part(
        &mut self,
        of: &UploadRef,
        mut part: Part,
        payload: &Payload,
    ) -> Result<Part, PutError> {
        let found = rows::upload(&self.staged, of).map_err(StoreError::from)?;
        found.ok_or(PutError::NoSuchUpload)?;
        part.modified = self.stamp(part.modified);
        let body = Body::PartPut(PartPut {
            bucket: of.bucket,
            key: of.key.clone(),
            upload: of.upload,
            number: part.number,
            sequence: self.frame.lsn_next(),
            modified: part.modified,
            size: part.size,
            etag: part.etag,
            checksum: part.checksum.clone(),
            data: data_of(payload),
            wrapped_key: Vec::new(),
        });
        self.push_with(&body, inline_of(payload))?;
        Ok(part)
    }

    fn complete(
        &mut self,
        completion: Completion,
        attributes: Attributes,
    ) -> Result<Written, CompleteError> {
        let Completion {
            upload: of,
            parts,
            etag,
            checksum,
            condition,
            now,
        } = completion;
        let found = rows::upload(&self.staged, &of).map_err(StoreError::from)?;
        found.ok_or(CompleteError::NoSuchUpload)?;
        let (mut size, mut extents, mut metas) =
            (0u64, Vec::new(), Vec::with_capacity(parts.len()));
        for named in &parts {
            let number = named.number;
            let part = rows::part(&self.staged, &of, number).map_err(StoreError::from)?;
            let part = part.filter(|part| part.etag == named.etag);
            let part = part.ok_or(CompleteError::InvalidPart { number })?;
            extents.extend(self.extents_of(&part).map_err(StoreError::from)?);
            size += part.size;
            metas.push(PartMeta {
                number,
                size: part.size,
                checksum: part.checksum,
            });
        }
        self.meets(of.bucket, &of.key, None, &condition)?;
        let versioning = self.bucket(of.bucket)?.versioning;
        let needed = completion_bytes(&of.key, &attributes, extents.len(), metas.len());
        if needed > self.frame.room_bytes()
            || extents.len() > blockhouse_format::record::EXTENTS_MAX
        {
            return Err(StoreError::Busy {
                bound: "bytes of one object's manifest",
            }
            .into());
        }
        let modified = self.stamp(now);
        let data = if extents.is_empty() {
            Data::Inline
        } else {
            Data::Extents(extents)
        };
        let put = self.new_version(
            of.bucket,
            of.key.clone(),
            versioning,
            Put {
                bucket: of.bucket,
                key: of.key.clone(),
                version: blockhouse_types::VersionId::NULL,
                sequence: Lsn(0),
                modified,
                size,
                etag,
                checksum,
                attributes,
                parts: metas,
                data,
                upload: Some(of.upload),
                wrapped_key: Vec::new(),
                retention: None,
                legal_hold: false,
            },
            &[],
        )?;
        self.end_upload(&of, UploadOutcome::Completed)?;
        Ok(Written {
            version: put,
            etag,
            modified,
        })
    }

    /// A part's bytes as the object's record will name them: where they lie.
    fn extents_of(&self, part: &PartEntry) -> Result<Vec<Extent>, BadRow> {
        match &part.data {
            DataPlace::Inline(inline) if inline.len_bytes == 0 => Ok(Vec::new()),
            DataPlace::Inline(inline) => Ok(vec![Extent {
                group: part.record.group,
                generation: part.record.generation,
                offset_bytes: inline.offset_bytes,
                data_bytes: inline.len_bytes,
                form: ExtentForm::Bytes {
                    crc32c: inline.crc32c,
                },
            }]),
            data => rows::extents(&self.staged, part.sequence, data),
        }
    }

    fn abort(&mut self, of: &UploadRef, now: Timestamp) -> Result<(), UploadError> {
        let found = rows::upload(&self.staged, of).map_err(StoreError::from)?;
        found.ok_or(UploadError::NoSuchUpload)?;
        self.stamp(now);
        self.end_upload(of, UploadOutcome::Aborted)?;
        Ok(())
    }

    fn end_upload(&mut self, of: &UploadRef, outcome: UploadOutcome) -> Result<(), StoreError> {
        let (bucket, key, upload) = (of.bucket, of.key.clone(), of.upload);
        self.push(&Body::UploadEnd(UploadEnd {
            bucket,
            key,
            upload,
            outcome,
        }))
        .map(drop)
    }
}

fn refused(error: PushError) -> StoreError {
    match error {
        PushError::Full => StoreError::Busy {
            bound: "bytes of a frame",
        },
        PushError::TooLarge(error) => {
            tracing::warn!(%error, "an order is too large for the log");
            StoreError::Busy {
                bound: "bytes of a record",
            }
        }
    }
}

fn data_of(payload: &Payload) -> Data {
    match payload {
        Payload::Inline(_) => Data::Inline,
        Payload::Extents { extents, .. } => Data::Extents(extents.clone()),
    }
}

fn inline_of(payload: &Payload) -> &[Bytes] {
    match payload {
        Payload::Inline(pieces) => pieces,
        Payload::Extents { .. } => &[],
    }
}

fn attributes_of(attributes: blockhouse_store::ObjectAttributes) -> Attributes {
    Attributes {
        headers: attributes.headers,
        tags: attributes.tags,
    }
}

/// Whether a tombstone is left out, as [`Bug::SkipTombstone`] does it.
fn forgets_tombstone() -> bool {
    teeth::bites(Bug::SkipTombstone)
}
