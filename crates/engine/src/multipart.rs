//! Multipart uploads: the I/O thread's half.
//!
//! A part is stored like an object. Completing names the parts' bytes where they lie: nothing is
//! read or written but the upload's own record, for its headers and tags, and one frame.

use crate::{
    EngineStore,
    get::span_of,
    order::{CompleteOrder, Order},
    rows,
};
use blockhouse_device::Device;
use blockhouse_format::{
    entry::{self, DataPlace, Entry, PartEntry, UploadEntry},
    record::{self, Attributes, Body},
};
use blockhouse_store::{
    CompleteError, Completion, Part, PartPage, PartQuery, StoreError, UploadError, UploadRef,
    Written,
};
use std::ops::ControlFlow;

impl<D: Device> EngineStore<D> {
    pub(crate) async fn complete(&self, completion: Completion) -> Result<Written, CompleteError> {
        let (attributes, _pin) = self.upload_attributes(&completion.upload).await?;
        let extents = self.count_extents(&completion)?;
        let order = |answer| {
            Order::Complete(Box::new(CompleteOrder {
                completion,
                attributes,
                extents,
                answer,
            }))
        };
        self.shared.ask(order).await
    }

    /// How many extents the named parts have now.
    fn count_extents(&self, completion: &Completion) -> Result<usize, StoreError> {
        let index = self.shared.index.read();
        let mut count = 0;
        for named in &completion.parts {
            count += match rows::part(&*index, &completion.upload, named.number)?.map(|p| p.data) {
                None => 0,
                Some(DataPlace::Inline(_)) => 1,
                Some(DataPlace::Extents(extents)) => extents.len(),
                Some(DataPlace::Wide { extents, .. }) => extents as usize,
            };
        }
        Ok(count)
    }

    /// Headers and tags of an upload, from its record.
    async fn upload_attributes(
        &self,
        of: &UploadRef,
    ) -> Result<(Attributes, crate::space::Pin), CompleteError> {
        let (entry, pin) = {
            let index = self.shared.index.read();
            let found = rows::upload(&*index, of).map_err(StoreError::from)?;
            let (_, entry) = found.ok_or(CompleteError::NoSuchUpload)?;
            let pin = self.shared.pins.pin(entry.record.group);
            (entry, pin)
        };
        let UploadEntry { record: place, .. } = &entry;
        let named = || format!("upload {} of {:?}", of.upload, of.key);
        let verify = |bytes: &[u8]| attributes_of(bytes, of);
        let read = self.reading().span(span_of(place), &named, verify).await;
        let (_, attributes) = read?;
        Ok((attributes, pin))
    }

    pub(crate) fn page_of_parts(
        &self,
        of: &UploadRef,
        query: PartQuery,
    ) -> Result<PartPage, UploadError> {
        let index = self.shared.index.read();
        let found = rows::upload(&*index, of).map_err(StoreError::from)?;
        let (_, upload) = found.ok_or(UploadError::NoSuchUpload)?;
        let mut page = PartPage {
            initiated: upload.initiated,
            checksum: upload.checksum,
            parts: Vec::new(),
            truncated: false,
        };
        let mut bad = None;
        if query.max > 0
            && let Some(after) = query.after.checked_add(1)
        {
            let mut cursor = index.cursor(&entry::part_key(of.upload, after));
            let prefix = entry::parts_of(of.upload);
            while let Some((key, value)) = cursor.next() {
                if !key.starts_with(&prefix) {
                    break;
                }
                match part(key, value, &mut page, query.max) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(())) => break,
                    Err(why) => {
                        bad = Some(why);
                        break;
                    }
                }
            }
        }
        match bad {
            None => Ok(page),
            Some(why) => Err(StoreError::from(why).into()),
        }
    }
}

/// Adds a part to the page, or says that the page is full.
fn part(
    key: &[u8],
    value: &[u8],
    page: &mut PartPage,
    max: usize,
) -> Result<ControlFlow<()>, rows::BadRow> {
    if page.parts.len() >= max {
        page.truncated = true;
        return Ok(ControlFlow::Break(()));
    }
    let number = key.last_chunk::<2>().map(|n| u16::from_be_bytes(*n));
    let number = number.ok_or(rows::BadRow("its key is too short"))?;
    let Entry::Part(PartEntry {
        size,
        etag,
        checksum,
        modified,
        ..
    }) = rows::decode(value)?
    else {
        return Err(rows::BadRow("it is no part"));
    };
    page.parts.push(Part {
        number,
        size,
        etag,
        checksum,
        modified,
    });
    Ok(ControlFlow::Continue(()))
}

fn attributes_of(
    bytes: &[u8],
    of: &UploadRef,
) -> Result<Attributes, blockhouse_format::DecodeError> {
    let (structure, field) = ("record", "the upload it belongs to");
    match record::decode(bytes)?.body {
        Body::UploadStart(start) if start.upload == of.upload && start.key == of.key => {
            Ok(start.attributes)
        }
        _ => Err(blockhouse_format::DecodeError::Field { structure, field }),
    }
}
