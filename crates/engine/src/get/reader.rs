//! The bytes of an opened object.

use super::Stored;
use crate::{
    EngineStore,
    cache::Place,
    read::Span,
    space::Pin,
    teeth::{self, Bug},
};
use blockhouse_device::{AlignedBuf, Device};
use blockhouse_format::{DecodeError, Extent, ExtentForm, Shard, ShardTrailer, crc32c};
use blockhouse_store::{ObjectInfo, ObjectReader, ReadError, StoreError};
use bytes::Bytes;
use std::{ops::Range, sync::Arc};

/// Between the last chunk needed and its shard's trailer, what is read along rather than skipped by
/// a second read, in bytes.
const READ_ALONG_BYTES_MAX: u32 = 128 << 10;

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

impl Step {
    fn place(&self) -> Place {
        match self {
            Self::Shard(extent, shard) => Place::of_shard(extent, shard),
            Self::Bytes(extent, _) => Place::of_bytes(extent),
        }
    }
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
                if let Some(bytes) = self.store.kept_piece(step.place()) {
                    let (from, to) = (wanted.start as usize, wanted.end as usize);
                    return Ok(Some(
                        bytes.slice(from.min(bytes.len())..to.min(bytes.len())),
                    ));
                }
                let bytes = match step {
                    Step::Shard(extent, shard) => self.shard(&extent, &shard, wanted).await?,
                    Step::Bytes(extent, crc) => self.bytes(&extent, crc, wanted).await?,
                };
                Ok(Some(bytes))
            }
        }
    }
}

impl<D> EngineReader<D> {
    /// A read of `range`, which lies within the object.
    pub(super) fn new(
        store: EngineStore<D>,
        info: Arc<ObjectInfo>,
        bytes: Stored,
        range: Range<u64>,
        pins: Vec<Pin>,
    ) -> Self {
        let rest = match bytes {
            Stored::Here(bytes) => {
                Rest::Here(bytes.slice(range.start as usize..range.end as usize))
            }
            Stored::There(extents) => {
                let walk = Walk {
                    extents,
                    at: 0,
                    shard: 0,
                    before_bytes: 0,
                };
                Rest::There { walk, range }
            }
        };
        Self {
            store,
            info,
            rest,
            _pins: pins,
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
            let (covering, ()) = covering.await?;
            if let (0, Some(whole)) = (first, covering.buf.get(..data_len)) {
                let place = Place::of_shard(extent, shard);
                self.store.cache.borrow_mut().keep_piece(place, whole);
            }
            return Ok(slice(covering.buf, from, wanted.len()));
        }
        let span = Span {
            group: extent.group,
            offset_bytes: shard.trailer_offset_bytes(),
            len_bytes: blockhouse_format::BLOCK_BYTES as u32,
        };
        let verify = |bytes: &[u8]| trailer_of(bytes, extent, shard);
        let (_, trailer) = reading.span(span, &named, verify).await?;
        let (offset_bytes, len_bytes) = (shard.offset_bytes + first, last - first);
        let span = Span {
            group: extent.group,
            offset_bytes,
            len_bytes,
        };
        let (covering, ()) = reading
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
        let (covering, ()) = self
            .store
            .reading()
            .span(span, &|| self.named(), verify)
            .await?;
        self.store
            .cache
            .borrow_mut()
            .keep_piece(Place::of_bytes(extent), covering.bytes());
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
