//! Opening and reading objects.
//!
//! A small object takes one read: the blocks that cover its record, which holds headers and bytes
//! and is verified by its own checksums. A large one takes a read for its record and then one for
//! each shard that the range touches, from the first 64 KiB chunk needed to the shard's trailer.
//!
//! The row is looked up and its groups are pinned under one read lock, so that nothing can give
//! those groups away in between; the pins live as long as the object does.

use crate::{
    EngineStore,
    read::{Covering, Reading, Span},
    rows::{self, BadRow, Version},
    shared::Shared,
    space::Pin,
    teeth::{self, Bug},
};
use blockhouse_device::{AlignedBuf, Device};
use blockhouse_format::{
    DecodeError, Extent, ExtentForm, Lsn, Shard, ShardTrailer, crc32c,
    entry::{DataPlace, ObjectEntry},
    record::{self, Body, Put, RecordPlace},
};
use blockhouse_store::{
    ObjectAttributes, ObjectInfo, ObjectReader, OpenError, PartInfo, ReadError, StoreError,
    StoredObject,
};
use blockhouse_types::{BucketId, ObjectKey, VersionId};
use bytes::Bytes;
use std::{ops::Range, sync::Arc};

/// Between the last chunk needed and its shard's trailer, what is read along rather than skipped by
/// a second read, in bytes.
const READ_ALONG_BYTES_MAX: u32 = 128 << 10;

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
        let (put, covering, data) = self.read_put(bucket, key, &found).await?;
        let bytes = match found.entry.data {
            DataPlace::Inline(_) => {
                let start = covering.span.skip() + data.start;
                Stored::Here(Bytes::from_owner(covering.buf).slice(start..start + data.len()))
            }
            DataPlace::Extents(_) | DataPlace::Wide { .. } => Stored::There(found.extents),
        };
        let info = Arc::new(info_of(put));
        Ok(EngineObject {
            store: self.clone(),
            info,
            bytes,
            pins: found.pins,
        })
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
        let verify = |bytes: &[u8]| put_of(bytes, bucket, key, found.sequence).map(drop);
        let covering = self.reading().span(span_of(place), &named, verify).await?;
        let read = put_of(covering.bytes(), bucket, key, found.sequence);
        let (put, data) = read.map_err(|why| StoreError::Damaged {
            what: format!("{}: {why}", named()),
        })?;
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
        let rest = match bytes {
            Stored::Here(bytes) => Rest::Here(bytes.slice(start as usize..end as usize)),
            Stored::There(extents) => {
                let walk = Walk {
                    extents,
                    at: 0,
                    shard: 0,
                    before_bytes: 0,
                };
                Rest::There {
                    walk,
                    range: start..end,
                }
            }
        };
        EngineReader {
            store,
            info,
            rest,
            _pins: pins,
        }
    }
}

/// The rest of a read.
pub struct EngineReader<D> {
    store: EngineStore<D>,
    info: Arc<ObjectInfo>,
    rest: Rest,
    /// Hold the groups until the last byte is out.
    _pins: Vec<Pin>,
}

impl<D> std::fmt::Debug for EngineReader<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EngineReader({:?})", self.info.key)
    }
}

enum Rest {
    Here(Bytes),
    There { walk: Walk, range: Range<u64> },
}

/// Where a read of extents has got to.
struct Walk {
    extents: Vec<Extent>,
    /// The extent.
    at: usize,
    /// The shard within it.
    shard: usize,
    /// Bytes of the object before that shard.
    before_bytes: u64,
}

/// One read to make.
#[derive(Debug, Clone, Copy)]
enum Step {
    Shard(Extent, Shard),
    Bytes(Extent, u32),
}

impl Walk {
    /// The next shard or run of bare bytes that `range` touches, and the part of it that is wanted.
    fn next(&mut self, range: &Range<u64>) -> Option<(Step, Range<u32>)> {
        loop {
            let extent = *self.extents.get(self.at)?;
            let (step, len) = match extent.form {
                ExtentForm::Bytes { crc32c } => (Step::Bytes(extent, crc32c), extent.data_bytes),
                ExtentForm::Shards => {
                    // An extent wholly before the range is passed in one step.
                    let end = self.before_bytes + u64::from(extent.data_bytes);
                    if self.shard == 0 && end <= range.start {
                        (self.at, self.before_bytes) = (self.at + 1, end);
                        continue;
                    }
                    let Some(shard) = extent.shards().nth(self.shard) else {
                        (self.at, self.shard) = (self.at + 1, 0);
                        continue;
                    };
                    (Step::Shard(extent, shard), shard.data_bytes)
                }
            };
            let begins = self.before_bytes;
            if begins >= range.end {
                return None;
            }
            self.before_bytes += u64::from(len);
            match step {
                Step::Shard(..) => self.shard += 1,
                Step::Bytes(..) => self.at += 1,
            }
            let from = range.start.saturating_sub(begins).min(u64::from(len)) as u32;
            let to = (range.end - begins).min(u64::from(len)) as u32;
            if from < to {
                return Some((step, from..to));
            }
        }
    }
}

impl<D: Device> ObjectReader for EngineReader<D> {
    async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        match &mut self.rest {
            Rest::Here(bytes) => {
                let piece = std::mem::take(bytes);
                Ok((!piece.is_empty()).then_some(piece))
            }
            Rest::There { walk, range } => {
                let Some((step, wanted)) = walk.next(range) else {
                    return Ok(None);
                };
                let bytes = match step {
                    Step::Shard(extent, shard) => self.shard(&extent, &shard, wanted).await?,
                    Step::Bytes(extent, crc) => self.bytes(&extent, crc, wanted).await?,
                };
                Ok(Some(bytes))
            }
        }
    }
}

impl<D: Device> EngineReader<D> {
    fn named(&self) -> String {
        format!("{:?}, version {}", self.info.key, self.info.version)
    }

    /// Bytes of a shard: the chunks that cover them and the trailer, in one read when they lie
    /// near each other.
    async fn shard(
        &self,
        extent: &Extent,
        shard: &Shard,
        wanted: Range<u32>,
    ) -> Result<Bytes, StoreError> {
        let reading = self.store.reading();
        let chunk = blockhouse_format::CRC_CHUNK_BYTES;
        let first = wanted.start / chunk * chunk;
        let last = wanted.end.next_multiple_of(chunk).min(shard.data_bytes);
        let named = || self.named();
        if shard.data_bytes - last <= READ_ALONG_BYTES_MAX {
            let span = Span {
                group: extent.group,
                offset_bytes: shard.offset_bytes + first,
                len_bytes: shard.len_bytes() - first,
            };
            let data_len = (shard.data_bytes - first) as usize;
            let covering = reading.span(span, &named, |bytes| {
                let (data, behind) = bytes.split_at(bytes.len() - blockhouse_format::BLOCK_BYTES);
                let trailer = trailer_of(behind, extent, shard)?;
                let data = data.get(..data_len).unwrap_or(data);
                verify_chunks(&trailer, first, data)
            });
            let from = (wanted.start - first) as usize;
            return Ok(slice(covering.await?.buf, from, wanted.len()));
        }
        let span = Span {
            group: extent.group,
            offset_bytes: shard.trailer_offset_bytes(),
            len_bytes: blockhouse_format::BLOCK_BYTES as u32,
        };
        let covering = reading
            .span(span, &named, |bytes| {
                trailer_of(bytes, extent, shard).map(drop)
            })
            .await?;
        let trailer =
            trailer_of(covering.bytes(), extent, shard).map_err(|why| StoreError::Damaged {
                what: format!("{}: {why}", self.named()),
            })?;
        let (offset_bytes, len_bytes) = (shard.offset_bytes + first, last - first);
        let span = Span {
            group: extent.group,
            offset_bytes,
            len_bytes,
        };
        let covering = reading
            .span(span, &named, |bytes| verify_chunks(&trailer, first, bytes))
            .await?;
        Ok(slice(
            covering.buf,
            (wanted.start - first) as usize,
            wanted.len(),
        ))
    }

    /// Bytes that lie bare in a log group: all of them are read, because one checksum covers all.
    async fn bytes(
        &self,
        extent: &Extent,
        crc: u32,
        wanted: Range<u32>,
    ) -> Result<Bytes, StoreError> {
        let span = Span {
            group: extent.group,
            offset_bytes: extent.offset_bytes,
            len_bytes: extent.data_bytes,
        };
        let (structure, over) = ("record", "inline data");
        let verify = |bytes: &[u8]| {
            let holds = crc32c(bytes) == crc || teeth::bites(Bug::SkipReadChecksum);
            holds
                .then_some(())
                .ok_or(DecodeError::Checksum { structure, over })
        };
        let covering = self
            .store
            .reading()
            .span(span, &|| self.named(), verify)
            .await?;
        let from = covering.span.skip() + wanted.start as usize;
        Ok(slice(covering.buf, from, wanted.len()))
    }
}

fn trailer_of(block: &[u8], extent: &Extent, shard: &Shard) -> Result<ShardTrailer, DecodeError> {
    let other = DecodeError::Field {
        structure: "shard trailer",
        field: "the place it belongs to",
    };
    let trailer = ShardTrailer::decode(block)?;
    if trailer.belongs_to(extent, shard) {
        Ok(trailer)
    } else {
        Err(other)
    }
}

fn verify_chunks(trailer: &ShardTrailer, first: u32, data: &[u8]) -> Result<(), DecodeError> {
    if teeth::bites(Bug::SkipReadChecksum) {
        return Ok(());
    }
    trailer.verify(first, data)
}

fn slice(buf: AlignedBuf, from: usize, len: usize) -> Bytes {
    let end = (from + len).min(buf.len());
    Bytes::from_owner(buf).slice(from.min(end)..end)
}
