//! Storing objects and parts: the I/O thread's half.
//!
//! A body is drained before the log writer hears of it. Up to [`EngineConfig::inline_bytes_max`] it
//! stays in memory and goes into the record; beyond that it flows into data groups while it comes.
//! Only its clean end makes an order of it.
//!
//! [`EngineConfig::inline_bytes_max`]: crate::EngineConfig::inline_bytes_max

use crate::{
    EngineStore,
    extent::{BodyWriter, Source},
    lease::Credit,
    order::{Order, PartOrder, Payload, PutOrder, RetagOrder, RetagTarget, Retagged},
    rows,
};
use blockhouse_device::Device;
use blockhouse_format::{
    Extent, ExtentForm,
    entry::{DataPlace, ObjectEntry},
    record::Data,
};
use blockhouse_store::{
    Body, NewObject, OpenError, Part, PutError, StoreError, UploadRef, Written,
};
use blockhouse_types::{BucketId, ObjectKey, Timestamp, VersionId};
use std::sync::Arc;

/// The longest body of one request, in bytes: S3's 5 GiB.
const BODY_BYTES_MAX: u64 = 5 << 30;

/// How often a change of tags is tried again when others change the same version meanwhile.
const RETAG_TRIES: u32 = 64;

/// A body that is all taken: its place, its length, and the memory it holds if it is inline.
struct Taken {
    payload: Payload,
    size: u64,
    /// Given back once the order has been answered.
    _credit: Credit,
}

impl<D: Device> EngineStore<D> {
    pub(crate) async fn put_object<B: Body>(
        &self,
        new: NewObject,
        body: &mut B,
    ) -> Result<Written, PutError> {
        self.check_bucket(new.bucket)?;
        let Taken {
            payload,
            size,
            _credit,
        } = self.take_body(body, 0).await?;
        let seal = body.seal();
        let order = |answer| {
            Order::Put(Box::new(PutOrder {
                new,
                size,
                seal,
                payload,
                answer,
            }))
        };
        self.shared.ask(order).await
    }

    pub(crate) async fn put_upload_part<B: Body>(
        &self,
        upload: &UploadRef,
        number: u16,
        body: &mut B,
        now: Timestamp,
    ) -> Result<Part, PutError> {
        if self.find_upload(upload)?.is_none() {
            return Err(PutError::NoSuchUpload);
        }
        let Taken {
            payload,
            size,
            _credit,
        } = self.take_body(body, number).await?;
        let (seal, upload) = (body.seal(), upload.clone());
        let order = |answer| {
            Order::PutPart(Box::new(PartOrder {
                upload,
                number,
                now,
                size,
                seal,
                payload,
                answer,
            }))
        };
        self.shared.ask(order).await
    }

    /// Drains the body: into memory while it is small, then to the devices.
    async fn take_body<B: Body>(&self, body: &mut B, part: u16) -> Result<Taken, PutError> {
        let inline_max = self.shared.config.inline_bytes_max;
        let declared = body.declared_len();
        if declared.is_some_and(|len| len > BODY_BYTES_MAX) {
            return Err(PutError::TooLarge);
        }
        let mut credit = Credit::new(Arc::clone(&self.shared));
        let (mut pieces, mut len) = (Vec::new(), 0usize);
        while declared.is_none_or(|declared| declared <= inline_max as u64) {
            let Some(bytes) = body.chunk().await? else {
                let payload = Payload::Inline(pieces);
                return Ok(Taken {
                    payload,
                    size: len as u64,
                    _credit: credit,
                });
            };
            len += bytes.len();
            pieces.push(bytes);
            credit.grow_to(len).map_err(|refused| refused.to_store())?;
            if len > inline_max {
                break;
            }
        }
        let writer = BodyWriter::new(&self.shared, &self.mirror, part, declared);
        let mut source = Source::new(body, pieces, BODY_BYTES_MAX);
        let (payload, size) = writer.drain(&mut source).await?;
        Ok(Taken {
            payload,
            size,
            _credit: credit,
        })
    }

    /// Writes a version's record again with other tags; its bytes stay where they are.
    pub(crate) async fn retag(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        version: Option<VersionId>,
        tags: Vec<(String, String)>,
        now: Timestamp,
    ) -> Result<VersionId, OpenError> {
        let target = match version {
            None => RetagTarget::Current,
            Some(_) => RetagTarget::Version,
        };
        for _ in 0..RETAG_TRIES {
            let found = self.find(bucket, key, version)?;
            let (mut put, _, _) = self.read_put(bucket, key, &found).await?;
            put.attributes.tags = tags.clone();
            put.data = data_of(&found.entry, found.extents);
            let of = found.entry.record;
            let order = |answer| {
                Order::Retag(Box::new(RetagOrder {
                    put,
                    of,
                    target,
                    now,
                    answer,
                }))
            };
            match self.shared.ask::<_, OpenError>(order).await? {
                Retagged::Done(version) => return Ok(version),
                Retagged::Moved => {}
            }
        }
        let bound = "changes of one version's tags at a time";
        Err(StoreError::Busy { bound }.into())
    }

    pub(crate) fn find_upload(
        &self,
        upload: &UploadRef,
    ) -> Result<Option<blockhouse_format::entry::UploadEntry>, StoreError> {
        let found = rows::upload(&*self.shared.index.read(), upload)?;
        Ok(found.map(|(_, entry)| entry))
    }
}

/// The bytes of a version as another record names them: where they lie now.
fn data_of(entry: &ObjectEntry, extents: Vec<Extent>) -> Data {
    match entry.data {
        DataPlace::Inline(inline) if inline.len_bytes == 0 => Data::Inline,
        DataPlace::Inline(inline) => Data::Extents(vec![Extent {
            group: entry.record.group,
            generation: entry.record.generation,
            offset_bytes: inline.offset_bytes,
            data_bytes: inline.len_bytes,
            form: ExtentForm::Bytes {
                crc32c: inline.crc32c,
            },
        }]),
        DataPlace::Extents(_) | DataPlace::Wide { .. } => Data::Extents(extents),
    }
}
