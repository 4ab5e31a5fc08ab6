//! Judging orders: plain sequential code at the store's one serial point.
//!
//! Each order sees the index as it will be when everything judged before it is durable. What it
//! decides becomes records in the frame and staged rows; its answer waits for the frame. An order
//! that is refused leaves nothing in the frame, but its answer waits as well, because it may rest on
//! a record that is not durable yet.

mod buckets;
mod desired;
mod links;
mod revocations;
mod uploads;
mod versions;

use crate::{
    catalog::Catalog,
    index::Index,
    ledger::{self, PURGED_BY_TICK_MAX},
    order::{
        Answer, CompleteOrder, Order, PartOrder, Payload, PutOrder, RetagOrder, RetagTarget,
        Retagged,
    },
    rows::{self, At, Changes, Rows, Staged},
    shared::Random,
    teeth::{self, Bug},
};
use blockhouse_format::{
    Lsn, entry,
    frame::{FrameBuilder, PushError},
    record::{Attributes, Body, Control, Data, Put, RecordPlace},
};
use blockhouse_store::{Bucket, LinkState, OpenError, Part, StoreError};
use blockhouse_types::{AccountId, BucketId, LinkId, Timestamp};
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc};

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
    /// Of these, the rows of links: what each will be.
    pub(super) links: BTreeMap<LinkId, Option<ledger::Row>>,
    /// How many of them are new, for each account.
    pub(super) links_fresh: BTreeMap<AccountId, usize>,
    pub(super) dues: Vec<Due>,
    /// The time floor that the frame will make.
    pub(super) floor: Timestamp,
    /// The moment of the order at hand, which becomes the floor with the first record of it: an order
    /// that is refused raises none.
    stamped: Timestamp,
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
            links: BTreeMap::new(),
            links_fresh: BTreeMap::new(),
            dues: Vec::new(),
            floor,
            stamped: floor,
            control_rows_max,
        }
    }

    /// Judges one order. The frame has the room that the order said it may need.
    pub(super) fn judge(&mut self, order: Order) {
        self.stamped = self.floor;
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
                    target,
                    now,
                    answer,
                } = *order;
                due(answer, self.retag(put, of, target, now), ())
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
            Order::UseLink { usage, answer } => {
                due(answer, self.use_link(&usage, LinkState::Running), ())
            }
            Order::ResumeLink {
                link,
                resume,
                now,
                answer,
            } => due(answer, self.resume_link(link, *resume, now), ()),
            Order::EndLink {
                link,
                end,
                now,
                answer,
            } => due(answer, self.end_link(link, end, now), ()),
            Order::Revoke { order, answer } => due(answer, self.revoke(*order), ()),
            Order::ApplyDesired { change, answer } => due(answer, self.apply_desired(&change), ()),
            Order::Interrupted { rows } => return self.note_interrupted(rows),
            Order::Tick { now, answer } => due(answer, self.tick(now), ()),
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

    fn tick(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let at = self.stamp(now);
        self.push(&Body::Tick)?;
        self.purge_links(at, PURGED_BY_TICK_MAX)?;
        self.purge_revocations(at)
    }

    /// The time of a change: never before one that came earlier.
    fn stamp(&mut self, now: Timestamp) -> Timestamp {
        self.stamped = self.floor.max(now);
        self.stamped
    }

    pub(super) fn push(&mut self, body: &Body) -> Result<Lsn, StoreError> {
        self.push_with(body, &[])
    }

    fn push_with(&mut self, body: &Body, data: &[Bytes]) -> Result<Lsn, StoreError> {
        let placed = self.frame.push_with(body, data).map_err(refused)?;
        self.floor = self.stamped;
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

    fn retag(
        &mut self,
        put: Put,
        of: RecordPlace,
        target: RetagTarget,
        now: Timestamp,
    ) -> Result<Retagged, OpenError> {
        let missing = OpenError::Store(StoreError::NoSuchBucket);
        self.catalog.bucket_by_id(put.bucket).ok_or(missing)?;
        let there = match target {
            RetagTarget::Current => {
                let current = rows::current(&self.staged, put.bucket, &put.key);
                current.map(|version| version.map(|version| version.entry))
            }
            RetagTarget::Version => {
                let row = entry::object_key(put.bucket, &put.key, put.sequence);
                self.staged.get(&row).map(rows::decode).transpose()
            }
        };
        let there = there.map_err(StoreError::from)?;
        if there.as_ref().and_then(entry::Entry::record) != Some(&of) {
            return Ok(Retagged::Moved);
        }
        let version = put.version;
        self.stamp(now);
        self.push(&Body::Retag(put))?;
        Ok(Retagged::Done(version))
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
