//! Multipart uploads: a part is a row, and completing names the parts' bytes where they lie.

use super::{Judge, attributes_of, data_of, inline_of};
use crate::{
    order::{Payload, completion_bytes},
    rows::{self, BadRow},
};
use blockhouse_format::{
    Extent, ExtentForm, Lsn,
    entry::{DataPlace, PartEntry},
    record::{
        Attributes, Body, Data, EXTENTS_MAX, PartMeta, PartPut, Put, UploadEnd, UploadOutcome,
        UploadStart,
    },
};
use blockhouse_store::{
    CompleteError, Completion, NewUpload, Part, PutError, StoreError, UploadError, UploadRef,
    Written,
};
use blockhouse_types::{Timestamp, UploadId, VersionId};

impl Judge<'_> {
    pub(super) fn create_upload(&mut self, new: NewUpload) -> Result<UploadId, StoreError> {
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

    pub(super) fn put_part(
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

    pub(super) fn complete(
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
        if needed > self.frame.room_bytes() || extents.len() > EXTENTS_MAX {
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
                version: VersionId::NULL,
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

    pub(super) fn abort(&mut self, of: &UploadRef, now: Timestamp) -> Result<(), UploadError> {
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
