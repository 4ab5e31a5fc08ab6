//! What each record means for the index.

use super::{BadRow, Rows, Staged, decode};
use blockhouse_format::{
    Extent, Generation, GroupId, Lsn,
    entry::{self, DataPlace, Entry, MarkerEntry, ObjectEntry, PartEntry, UploadEntry},
    record::{
        Body, Data, DeleteMarker, InlinePlace, Moved, PartPut, Put, RecordPlace, Relocate,
        UploadEnd, UploadStart,
    },
};
use std::ops::ControlFlow;

/// Where a record was put.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    pub(crate) place: RecordPlace,
    pub(crate) inline: InlinePlace,
}

impl At {
    /// For a record that is in no log.
    pub(crate) fn nowhere() -> Self {
        let place = RecordPlace {
            group: GroupId(0),
            generation: Generation(0),
            offset_bytes: 0,
            len_bytes: 0,
        };
        Self {
            place,
            inline: InlinePlace::default(),
        }
    }
}

impl Staged<'_> {
    /// Changes the rows as the record says. Records that say nothing of the index (control rows,
    /// groups, devices) change nothing here.
    pub(crate) fn stage(&mut self, body: &Body, at: &At) -> Result<(), BadRow> {
        match body {
            Body::Put(put) | Body::Retag(put) => self.stage_put(put, at),
            Body::DeleteMarker(marker) => self.stage_marker(marker, at),
            Body::Tombstone(tombstone) => {
                let key = entry::object_key(tombstone.bucket, &tombstone.key, tombstone.sequence);
                self.drop_row(key, tombstone.sequence)
            }
            Body::UploadStart(upload) => self.stage_upload(upload, at),
            Body::PartPut(part) => self.stage_part(part, at),
            Body::UploadEnd(end) => self.end_upload(end),
            Body::Relocate(relocate) => self.relocate(relocate, at),
            Body::Control(_)
            | Body::GroupEvent(_)
            | Body::DeviceEvent(_)
            | Body::Tick
            | Body::Unknown { .. } => Ok(()),
        }
    }

    fn stage_put(&mut self, put: &Put, at: &At) -> Result<(), BadRow> {
        let data = self.place_data(&put.data, put.sequence, at)?;
        let entry = Entry::Object(ObjectEntry {
            version: put.version,
            modified: put.modified,
            size: put.size,
            etag: put.etag,
            checksum: put.checksum.as_ref().map(|c| (c.algorithm(), c.kind())),
            record: at.place,
            data,
        });
        self.set_entry(
            entry::object_key(put.bucket, &put.key, put.sequence),
            &entry,
        )
    }

    fn stage_marker(&mut self, marker: &DeleteMarker, at: &At) -> Result<(), BadRow> {
        let (version, modified) = (marker.version, marker.modified);
        let entry = Entry::DeleteMarker(MarkerEntry {
            version,
            modified,
            record: at.place,
        });
        self.set_entry(
            entry::object_key(marker.bucket, &marker.key, marker.sequence),
            &entry,
        )
    }

    fn stage_upload(&mut self, upload: &UploadStart, at: &At) -> Result<(), BadRow> {
        let UploadStart {
            bucket,
            key,
            upload: id,
            sequence,
            initiated,
            checksum,
            ..
        } = upload;
        let (initiated, checksum) = (*initiated, *checksum);
        let entry = Entry::Upload(UploadEntry {
            initiated,
            checksum,
            record: at.place,
        });
        self.set_entry(entry::upload_key(*bucket, key, *sequence, *id), &entry)
    }

    fn stage_part(&mut self, part: &PartPut, at: &At) -> Result<(), BadRow> {
        let sequence = part.sequence;
        let key = entry::part_key(part.upload, part.number);
        self.drop_part(key.clone())?;
        let data = self.place_data(&part.data, sequence, at)?;
        let entry = Entry::Part(PartEntry {
            sequence,
            modified: part.modified,
            size: part.size,
            etag: part.etag,
            checksum: part.checksum.clone(),
            record: at.place,
            data,
        });
        self.set_entry(key, &entry)
    }

    fn end_upload(&mut self, end: &UploadEnd) -> Result<(), BadRow> {
        let mut rows = Vec::new();
        self.scan(&entry::uploads_of(end.bucket, &end.key), &mut |key, _| {
            if key.ends_with(&end.upload.0) {
                rows.push(key.to_vec());
            }
            ControlFlow::Continue(())
        });
        for key in rows.drain(..) {
            self.set(key, None);
        }
        self.scan(&entry::parts_of(end.upload), &mut |key, _| {
            rows.push(key.to_vec());
            ControlFlow::Continue(())
        });
        rows.into_iter().try_for_each(|key| self.drop_part(key))
    }

    /// A record that was copied out of a group counts only while the index still points at the
    /// original.
    fn relocate(&mut self, relocate: &Relocate, at: &At) -> Result<(), BadRow> {
        let key = match &relocate.moved {
            Moved::Put(put) => entry::object_key(put.bucket, &put.key, put.sequence),
            Moved::DeleteMarker(m) => entry::object_key(m.bucket, &m.key, m.sequence),
            Moved::UploadStart(u) => entry::upload_key(u.bucket, &u.key, u.sequence, u.upload),
            Moved::PartPut(part) => entry::part_key(part.upload, part.number),
        };
        let Some(entry) = self.get(&key).map(decode).transpose()? else {
            return Ok(());
        };
        if entry.record() != Some(&relocate.old) {
            return Ok(());
        }
        match &relocate.moved {
            Moved::Put(put) => self.stage_put(put, at),
            Moved::DeleteMarker(marker) => self.stage_marker(marker, at),
            Moved::UploadStart(upload) => self.stage_upload(upload, at),
            Moved::PartPut(part) => self.stage_part(part, at),
        }
    }

    /// Where the data is, for the row; extents that one row cannot hold go to rows of their own.
    fn place_data(&mut self, data: &Data, sequence: Lsn, at: &At) -> Result<DataPlace, BadRow> {
        let extents = match data {
            Data::Inline => return Ok(DataPlace::Inline(at.inline)),
            Data::Extents(extents) if extents.len() <= entry::EXTENTS_MAX => {
                return Ok(DataPlace::Extents(extents.clone()));
            }
            Data::Extents(extents) => extents,
        };
        let too_many = BadRow("it has too many extents");
        let total = u32::try_from(extents.len()).map_err(|_| too_many)?;
        let mut rows = 0u16;
        for some in extents.chunks(entry::EXTENTS_MAX) {
            let row: Vec<Extent> = some.to_vec();
            self.set_entry(entry::extents_key(sequence, rows), &Entry::Extents(row))?;
            rows = rows.checked_add(1).ok_or(too_many)?;
        }
        Ok(DataPlace::Wide {
            extents: total,
            rows,
        })
    }

    fn drop_part(&mut self, key: Vec<u8>) -> Result<(), BadRow> {
        match self.get(&key).map(decode).transpose()? {
            None => Ok(()),
            Some(Entry::Part(part)) => self.drop_row(key, part.sequence),
            Some(_) => Err(BadRow("it is no part")),
        }
    }

    /// Removes a row and the extents rows that belong to it.
    fn drop_row(&mut self, key: Vec<u8>, sequence: Lsn) -> Result<(), BadRow> {
        let wide = match self.get(&key).map(decode).transpose()? {
            Some(Entry::Object(object)) => Some(object.data),
            Some(Entry::Part(part)) => Some(part.data),
            _ => None,
        };
        if let Some(DataPlace::Wide { rows, .. }) = wide {
            for row in 0..rows {
                self.set(entry::extents_key(sequence, row), None);
            }
        }
        self.set(key, None);
        Ok(())
    }
}
