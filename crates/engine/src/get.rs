//! Opening and reading objects.
//!
//! A small object takes one read: the blocks that cover its record, which holds headers and bytes
//! and is verified by its own checksums. A large one takes a read for its record and then one for
//! each shard that the range touches, from the first 64 KiB chunk needed to the shard's trailer.
//!
//! The row is looked up and its groups are pinned under one read lock, so that nothing can give
//! those groups away in between; the pins live as long as the object does.

mod reader;

pub use reader::EngineReader;

use crate::{
    EngineStore,
    cache::{Known, Place},
    read::{Covering, Reading, Span},
    rows::{self, BadRow, Version},
    shared::Shared,
    space::Pin,
    teeth::{self, Bug},
};
use blockhouse_device::Device;
use blockhouse_format::{
    DecodeError, Extent, Lsn,
    entry::{DataPlace, ObjectEntry},
    record::{self, Body, Put, RecordPlace},
};
use blockhouse_store::{
    ObjectAttributes, ObjectInfo, OpenError, PartInfo, StoreError, StoredObject,
};
use blockhouse_types::{BucketId, ObjectKey, VersionId};
use bytes::Bytes;
use std::{ops::Range, sync::Arc};

/// A version that was found, and its groups held.
pub(crate) struct Found {
    pub(crate) sequence: Lsn,
    pub(crate) entry: ObjectEntry,
    pub(crate) extents: Vec<Extent>,
    pub(crate) pins: Vec<Pin>,
}

/// An opened object.
pub struct EngineObject<D> {
    store: EngineStore<D>,
    info: Arc<ObjectInfo>,
    bytes: Stored,
    pins: Vec<Pin>,
}

/// The bytes of an opened object.
enum Stored {
    /// Read together with the record.
    Here(Bytes),
    /// To be read.
    There(Vec<Extent>),
}

impl<D> std::fmt::Debug for EngineObject<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EngineObject({:?})", self.info.key)
    }
}

impl From<BadRow> for StoreError {
    fn from(bad: BadRow) -> Self {
        Self::Damaged {
            what: bad.to_string(),
        }
    }
}

impl<D: Device> EngineStore<D> {
    pub(crate) async fn open_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> Result<EngineObject<D>, OpenError> {
        let found = self.find(bucket, key, version)?;
        let (info, bytes) = match self.kept(&found) {
            Some(kept) => kept,
            None => self.read_object(bucket, key, &found).await?,
        };
        Ok(EngineObject {
            store: self.clone(),
            info,
            bytes,
            pins: found.pins,
        })
    }

    /// What the cache keeps of a version, if that is enough to open it.
    fn kept(&self, found: &Found) -> Option<(Arc<ObjectInfo>, Stored)> {
        let counters = &self.shared.counters;
        let ObjectEntry { record, data, .. } = &found.entry;
        let mut cache = self.cache.borrow_mut();
        let Known { info, bytes } = cache.object(record)?;
        let stored = match data {
            DataPlace::Inline(_) => {
                Stored::Here(bytes.or_else(|| cache.piece(record.into(), counters))?)
            }
            _ => Stored::There(found.extents.clone()),
        };
        counters.cache_hits.add(1);
        Some((info, stored))
    }

    /// The piece of a body that lies there, if the cache keeps it.
    fn kept_piece(&self, place: Place) -> Option<Bytes> {
        let counters = &self.shared.counters;
        self.cache.borrow_mut().piece(place, counters)
    }

    /// Reads the record, and with it the bytes of a small object; the cache then keeps them.
    async fn read_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        found: &Found,
    ) -> Result<(Arc<ObjectInfo>, Stored), StoreError> {
        let (put, covering, data) = self.read_put(bucket, key, found).await?;
        let info = Arc::new(info_of(put));
        let record = &found.entry.record;
        if !matches!(found.entry.data, DataPlace::Inline(_)) {
            self.cache.borrow_mut().keep_object(record, &info, None);
            return Ok((info, Stored::There(found.extents.clone())));
        }
        let start = covering.span.skip() + data.start;
        let bytes = Bytes::from_owner(covering.buf).slice(start..start + data.len());
        let inline = Some(&bytes[..]);
        self.cache.borrow_mut().keep_object(record, &info, inline);
        Ok((info, Stored::Here(bytes)))
    }

    /// Looks a version up and pins its groups.
    pub(crate) fn find(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> Result<Found, OpenError> {
        self.check_bucket(bucket)?;
        let index = self.shared.index.read();
        let found = match &version {
            None => rows::current(&*index, bucket, key).map_err(StoreError::from)?,
            Some(id) => rows::version(&*index, bucket, key, id).map_err(StoreError::from)?,
        };
        let Version { sequence, entry } = found.ok_or(match version {
            None => OpenError::NoSuchKey,
            Some(_) => OpenError::NoSuchVersion,
        })?;
        let found = Version { sequence, entry };
        let Some(entry) = found.object() else {
            let (version, modified) = (found.id(), found.modified());
            return Err(OpenError::DeleteMarker { version, modified });
        };
        let extents = rows::extents(&*index, sequence, &entry.data).map_err(StoreError::from)?;
        let mut pins: Vec<Pin> = Vec::with_capacity(1);
        let mut last = None;
        for group in rows::groups_of(entry, &extents) {
            if last != Some(group) {
                pins.push(self.shared.pins.pin(group));
            }
            last = Some(group);
        }
        Ok(Found {
            sequence,
            entry: entry.clone(),
            extents,
            pins,
        })
    }

    /// Reads and verifies the record of a version; gives it, its blocks, and where in the record
    /// its inline data lies.
    pub(crate) async fn read_put(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        found: &Found,
    ) -> Result<(Put, Covering, Range<usize>), StoreError> {
        let place = &found.entry.record;
        let named = || format!("{key:?} of bucket {}", bucket.0);
        let verify = |bytes: &[u8]| put_of(bytes, bucket, key, found.sequence);
        let (covering, (put, data)) = self.reading().span(span_of(place), &named, verify).await?;
        Ok((put, covering, data))
    }

    pub(crate) fn reading(&self) -> Reading<'_, D> {
        let Shared {
            buffers, counters, ..
        } = &*self.shared;
        Reading {
            buffers,
            counters,
            mirror: &self.mirror,
            turn: &self.turn,
        }
    }
}

/// A record's place as a span.
pub(crate) fn span_of(place: &RecordPlace) -> Span {
    let RecordPlace {
        group,
        offset_bytes,
        len_bytes,
        ..
    } = *place;
    Span {
        group,
        offset_bytes,
        len_bytes,
    }
}

/// The record if it is the one of this version, and where its inline data lies.
fn put_of(
    bytes: &[u8],
    bucket: BucketId,
    key: &ObjectKey,
    sequence: Lsn,
) -> Result<(Put, Range<usize>), DecodeError> {
    let other = DecodeError::Field {
        structure: "record",
        field: "the version it belongs to",
    };
    let (body, data) = match record::decode(bytes) {
        Ok(read) => (
            read.body,
            read.data_start_bytes..read.data_start_bytes + read.data.len(),
        ),
        Err(_) if teeth::bites(Bug::SkipReadChecksum) => {
            let (body, start, len) = unchecked(bytes).ok_or(other)?;
            (body, start..start + len)
        }
        Err(error) => return Err(error),
    };
    match body {
        Body::Put(put) | Body::Retag(put)
            if put.bucket == bucket && put.key == *key && put.sequence == sequence =>
        {
            Ok((put, data))
        }
        _ => Err(other),
    }
}

/// What [`Bug::SkipReadChecksum`] reads: head and meta, and the data as it lies there.
fn unchecked(bytes: &[u8]) -> Option<(Body, usize, usize)> {
    let body = record::decode_meta(bytes).ok()?;
    let word = |at: usize| {
        bytes
            .get(at..at + 4)
            .and_then(|b| b.try_into().ok())
            .map(u32::from_le_bytes)
    };
    Some((
        body,
        record::HEAD_BYTES + word(4)? as usize,
        word(8)? as usize,
    ))
}

fn info_of(put: Put) -> ObjectInfo {
    let part = |part: record::PartMeta| PartInfo {
        number: part.number,
        size: part.size,
        checksum: part.checksum,
    };
    ObjectInfo {
        key: put.key,
        version: put.version,
        size: put.size,
        etag: put.etag,
        modified: put.modified,
        attributes: ObjectAttributes {
            headers: put.attributes.headers,
            tags: put.attributes.tags,
        },
        checksum: put.checksum,
        parts: put.parts.into_iter().map(part).collect(),
    }
}

impl<D: Device> StoredObject for EngineObject<D> {
    type Reader = EngineReader<D>;

    fn info(&self) -> &Arc<ObjectInfo> {
        &self.info
    }

    fn read(self, range: Range<u64>) -> EngineReader<D> {
        let end = range.end.min(self.info.size);
        let start = range.start.min(end);
        let Self {
            store,
            info,
            bytes,
            pins,
        } = self;
        EngineReader::new(store, info, bytes, start..end, pins)
    }
}
