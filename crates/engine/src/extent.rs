//! A large body on its way into data groups.
//!
//! ```text
//!   body ─► buffer of 1 MiB ─► place in the open group ─► write to all mirrors ─► ... ─► flush
//!            (the next one fills while this one is written)
//! ```
//! A shard is written where [`crate::space::Space`] places it and is never moved. Shards that follow each other
//! in a group make one extent. Nothing refers to any of it before the record that names the extents
//! is durable: a body that fails leaves bytes that count for nothing.
//!
//! What it never does: it does not retry a write or flush that failed. The device is reported to
//! the log writer, which makes the loss durable on the other one before this body goes on without.

use crate::{
    lease::{Credit, DataLease},
    mirror::{DeviceSet, Mirror, Outcome},
    order::{Order, Payload},
    shared::Shared,
    space::{Room, ShardPlace},
};
use blockhouse_device::{AlignedBuf, BLOCK_BYTES, Device};
use blockhouse_format::{
    Extent, ExtentForm, SHARD_DATA_BYTES_MAX, ShardTrailer, WriteId, padded_bytes,
};
use blockhouse_store::{Body, BodyFailed, PutError, StoreError};
use blockhouse_types::Entropy;
use bytes::{Buf, Bytes};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A shard's data and its trailer, in bytes.
const SHARD_BYTES_MAX: usize = SHARD_DATA_BYTES_MAX as usize + BLOCK_BYTES;

/// Memory of one body: a shard being written and one being filled.
const BODY_BYTES: usize = 2 * SHARD_BYTES_MAX;

/// Room that a body takes ahead when it does not say how long it is, and at most when it does, in
/// bytes: the length of an extent when many bodies arrive side by side.
const AHEAD_BYTES_MAX: u64 = 16 << 20;

/// How often a body asks the log writer for space before it is refused.
const SPACE_TRIES: u32 = 4;

/// Collects a body's bytes: what has come and was not yet put into a shard.
pub(crate) struct Source<'a, B> {
    body: &'a mut B,
    waiting: Vec<Bytes>,
    total: u64,
    max: u64,
}

impl<'a, B: Body> Source<'a, B> {
    /// `waiting` has been taken from the body already.
    pub(crate) fn new(body: &'a mut B, waiting: Vec<Bytes>, max: u64) -> Self {
        let total = waiting.iter().map(|bytes| bytes.len() as u64).sum();
        Self {
            body,
            waiting,
            total,
            max,
        }
    }

    /// Fills the front of a shard's buffer; less than a whole shard only at the body's end.
    async fn fill(&mut self, buf: &mut [u8]) -> Result<usize, PutError> {
        let mut filled = 0;
        while filled < buf.len() {
            let Some(mut bytes) = self.next().await? else {
                break;
            };
            let n = bytes.len().min(buf.len() - filled);
            buf[filled..filled + n].copy_from_slice(&bytes[..n]);
            filled += n;
            bytes.advance(n);
            if !bytes.is_empty() {
                self.waiting.insert(0, bytes);
            }
        }
        Ok(filled)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, PutError> {
        if !self.waiting.is_empty() {
            return Ok(Some(self.waiting.remove(0)));
        }
        let next = self
            .body
            .chunk()
            .await
            .map_err(|BodyFailed| PutError::Body(BodyFailed))?;
        self.total += next.as_ref().map_or(0, |bytes| bytes.len() as u64);
        if self.total > self.max {
            return Err(PutError::TooLarge);
        }
        Ok(next)
    }
}

/// Writes one body.
pub(crate) struct BodyWriter<'a, D> {
    shared: &'a Arc<Shared>,
    mirror: &'a Mirror<D>,
    write: WriteId,
    part: u16,
    shards: u32,
    extents: Vec<Extent>,
    room: Option<Room>,
    lease: DataLease,
    on: DeviceSet,
    /// What the body said it would still bring, in bytes.
    ahead_bytes: u64,
}

impl<'a, D: Device> BodyWriter<'a, D> {
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        mirror: &'a Mirror<D>,
        part: u16,
        declared_bytes: Option<u64>,
    ) -> Self {
        let mut write = WriteId::default();
        shared.random.lock().fill(&mut write.0);
        Self {
            shared,
            mirror,
            write,
            part,
            shards: 0,
            extents: Vec::new(),
            room: None,
            lease: DataLease::new(Arc::clone(shared)),
            on: shared.in_sync(),
            ahead_bytes: declared_bytes.unwrap_or(AHEAD_BYTES_MAX),
        }
    }

    /// Takes all of the body to the devices and flushes it there; gives its place and length.
    pub(crate) async fn drain<B: Body>(
        mut self,
        source: &mut Source<'_, B>,
    ) -> Result<(Payload, u64), PutError> {
        let mut credit = Credit::new(Arc::clone(self.shared));
        credit
            .grow_to(BODY_BYTES)
            .map_err(|refused| refused.to_store())?;
        let data_max = SHARD_DATA_BYTES_MAX as usize;
        let mut buf = self.shared.buffers.take(SHARD_BYTES_MAX);
        let mut len = source.fill(&mut buf[..data_max]).await?;
        while len > 0 {
            let mut next = self.shared.buffers.take(SHARD_BYTES_MAX);
            let (written, filled) = tokio::join!(
                self.write_data(buf, len),
                source.fill(&mut next[..data_max])
            );
            written?;
            len = filled?;
            buf = next;
        }
        self.flush().await?;
        let extents = std::mem::take(&mut self.extents);
        let fresh = DataLease::new(Arc::clone(self.shared));
        let _lease = std::mem::replace(&mut self.lease, fresh);
        Ok((Payload::Extents { extents, _lease }, source.total))
    }

    /// Writes the first `len` bytes of the buffer: as one shard, or as two when the group has room
    /// for a part of it only.
    async fn write_data(&mut self, buf: AlignedBuf, len: usize) -> Result<(), StoreError> {
        let place = self.place(len as u32).await?;
        let fits = place.data_bytes as usize;
        if fits == len {
            return self.write_shard(buf, place).await;
        }
        let mut rest = self.shared.buffers.take(SHARD_BYTES_MAX);
        rest[..len - fits].copy_from_slice(&buf[fits..len]);
        self.write_shard(buf, place).await?;
        let mut left = len - fits;
        loop {
            let place = self.place(left as u32).await?;
            let fits = place.data_bytes as usize;
            if fits == left {
                return self.write_shard(rest, place).await;
            }
            let mut some = self.shared.buffers.take(SHARD_BYTES_MAX);
            some[..fits].copy_from_slice(&rest[..fits]);
            rest.copy_within(fits..left, 0);
            left -= fits;
            self.write_shard(some, place).await?;
        }
    }

    /// A place for a shard; waits for a checkpoint to free space when there is none.
    async fn place(&mut self, data_bytes: u32) -> Result<ShardPlace, StoreError> {
        for _ in 0..SPACE_TRIES {
            let ahead = self.ahead_bytes.min(AHEAD_BYTES_MAX);
            let placed = self
                .shared
                .space
                .lock()
                .place_shard(&mut self.room, data_bytes, ahead);
            if let Ok(place) = placed {
                if place.joined {
                    self.lease.add(place.group);
                }
                self.ahead_bytes = self.ahead_bytes.saturating_sub(u64::from(place.data_bytes));
                return Ok(place);
            }
            let (answer, wait) = oneshot::channel();
            self.shared.send(Order::WantSpace { answer })?;
            if !wait.await.unwrap_or(false) {
                break;
            }
        }
        Err(StoreError::NoSpace)
    }

    async fn write_shard(&mut self, mut buf: AlignedBuf, at: ShardPlace) -> Result<(), StoreError> {
        let data_bytes = at.data_bytes as usize;
        let padded = padded_bytes(at.data_bytes) as usize;
        buf[data_bytes..padded].fill(0);
        let trailer = ShardTrailer {
            group: at.group,
            generation: at.generation,
            offset_bytes: at.offset_bytes,
            data_bytes: at.data_bytes,
            shard: self.shards,
            write: self.write,
            part: self.part,
            chunk_crcs: ShardTrailer::chunk_crcs(&buf[..data_bytes]),
        };
        buf[padded..padded + BLOCK_BYTES].copy_from_slice(&trailer.encode());
        buf.truncate(padded + BLOCK_BYTES);
        let buf = Arc::new(buf);
        let outcome = self
            .mirror
            .write(self.on, at.group, at.offset_bytes, &buf)
            .await;
        self.settle(outcome).await?;
        self.shared.counters.data_bytes.add(buf.len() as u64);
        self.shards += 1;
        self.extend(at);
        Ok(())
    }

    /// Adds the shard to the last extent if it lies right behind it.
    fn extend(&mut self, at: ShardPlace) {
        if let Some(last) = self.extents.last_mut()
            && last.group == at.group
            && last.generation == at.generation
            && last.data_bytes.is_multiple_of(SHARD_DATA_BYTES_MAX)
            && u64::from(last.offset_bytes) + last.len_bytes() == u64::from(at.offset_bytes)
        {
            last.data_bytes += at.data_bytes;
            return;
        }
        self.extents.push(Extent {
            group: at.group,
            generation: at.generation,
            offset_bytes: at.offset_bytes,
            data_bytes: at.data_bytes,
            form: ExtentForm::Shards,
        });
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        if crate::teeth::bites(crate::teeth::Bug::SkipDataFlush) {
            return Ok(());
        }
        let outcome = self.mirror.flush(self.on).await;
        self.shared
            .counters
            .flushes
            .add(outcome.done.iter().count() as u64);
        self.settle(outcome).await
    }

    /// Goes on with the devices that did it, once it is durable that the others did not.
    async fn settle(&mut self, outcome: Outcome) -> Result<(), StoreError> {
        if outcome.failed.is_empty() {
            return Ok(());
        }
        let devices = outcome.failed;
        let why = outcome.error.unwrap_or_default();
        self.on = self.on.without(devices);
        self.shared
            .ask(|answer| Order::DevicesFailed {
                devices,
                why,
                answer,
            })
            .await
    }
}

impl<D> Drop for BodyWriter<'_, D> {
    fn drop(&mut self) {
        if let Some(room) = self.room.take() {
            self.shared.space.lock().give_back(Some(room));
        }
    }
}
