//! What each record means for the rows.

use crate::state::{State, Table};
use blockhouse_format::control::row_key;
use blockhouse_format::entry::{
    self, DataPlace, EXTENTS_MAX, Entry, MarkerEntry, ObjectEntry, PartEntry, UploadEntry,
};
use blockhouse_format::frame::FramedRecord;
use blockhouse_format::record::{
    Body, Control, Data, DeleteMarker, Moved, PartPut, Put, Relocate, UploadEnd, UploadStart,
};
use blockhouse_format::{DecodeError, EncodeError, Lsn};

/// Why a record could not be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error("the row that it makes is too long")]
    Encode(#[from] EncodeError),
    #[error("a row that it changes cannot be read")]
    Decode(#[from] DecodeError),
}

impl State {
    /// Applies one record.
    pub(crate) fn replay(&mut self, record: &FramedRecord<'_>) -> Result<(), ReplayError> {
        self.lsn = record.lsn;
        match &record.body {
            Body::Put(put) | Body::Retag(put) => self.put(put, record),
            Body::DeleteMarker(marker) => self.delete_marker(marker, record),
            Body::Tombstone(gone) => {
                let key = entry::object_key(gone.bucket, &gone.key, gone.sequence);
                self.remove(&key, gone.sequence)
            }
            Body::UploadStart(start) => self.upload_start(start, record),
            Body::PartPut(part) => self.part_put(part, record),
            Body::UploadEnd(end) => self.upload_end(end),
            Body::Relocate(relocate) => self.relocate(relocate, record),
            Body::Control(control) => {
                self.control(control);
                Ok(())
            }
            Body::GroupEvent(_) | Body::DeviceEvent(_) | Body::Tick | Body::Unknown { .. } => {
                Ok(())
            }
        }
    }

    fn put(&mut self, put: &Put, at: &FramedRecord<'_>) -> Result<(), ReplayError> {
        let key = entry::object_key(put.bucket, &put.key, put.sequence);
        self.remove(&key, put.sequence)?;
        let data = self.data(&put.data, put.sequence, at)?;
        let entry = Entry::Object(ObjectEntry {
            version: put.version,
            modified: put.modified,
            size: put.size,
            etag: put.etag,
            checksum: put.checksum.as_ref().map(|c| (c.algorithm(), c.kind())),
            record: at.place,
            data,
        });
        self.set(key, &entry)
    }

    fn delete_marker(
        &mut self,
        marker: &DeleteMarker,
        at: &FramedRecord<'_>,
    ) -> Result<(), ReplayError> {
        let key = entry::object_key(marker.bucket, &marker.key, marker.sequence);
        let entry = MarkerEntry {
            version: marker.version,
            modified: marker.modified,
            record: at.place,
        };
        self.set(key, &Entry::DeleteMarker(entry))
    }

    fn upload_start(
        &mut self,
        start: &UploadStart,
        at: &FramedRecord<'_>,
    ) -> Result<(), ReplayError> {
        let key = entry::upload_key(start.bucket, &start.key, start.sequence, start.upload);
        let entry = UploadEntry {
            initiated: start.initiated,
            checksum: start.checksum,
            record: at.place,
        };
        self.set(key, &Entry::Upload(entry))
    }

    fn part_put(&mut self, part: &PartPut, at: &FramedRecord<'_>) -> Result<(), ReplayError> {
        let key = entry::part_key(part.upload, part.number);
        self.remove_part(&key)?;
        let data = self.data(&part.data, part.sequence, at)?;
        let entry = Entry::Part(PartEntry {
            sequence: part.sequence,
            modified: part.modified,
            size: part.size,
            etag: part.etag,
            checksum: part.checksum.clone(),
            record: at.place,
            data,
        });
        self.set(key, &entry)
    }

    fn upload_end(&mut self, end: &UploadEnd) -> Result<(), ReplayError> {
        let uploads = keys_with(&self.index, &entry::uploads_of(end.bucket, &end.key));
        for key in uploads
            .into_iter()
            .filter(|key| key.ends_with(&end.upload.0))
        {
            self.index.remove(&key);
        }
        for key in keys_with(&self.index, &entry::parts_of(end.upload)) {
            self.remove_part(&key)?;
        }
        Ok(())
    }

    /// A copy counts only if the row still points to what was copied.
    fn relocate(&mut self, copy: &Relocate, at: &FramedRecord<'_>) -> Result<(), ReplayError> {
        let key = match &copy.moved {
            Moved::Put(f) => entry::object_key(f.bucket, &f.key, f.sequence),
            Moved::DeleteMarker(f) => entry::object_key(f.bucket, &f.key, f.sequence),
            Moved::UploadStart(f) => entry::upload_key(f.bucket, &f.key, f.sequence, f.upload),
            Moved::PartPut(f) => entry::part_key(f.upload, f.number),
        };
        let row = self
            .index
            .get(&key)
            .map(|row| Entry::decode(row))
            .transpose()?;
        if row.as_ref().and_then(Entry::record) != Some(&copy.old) {
            return Ok(());
        }
        match &copy.moved {
            Moved::Put(fields) => self.put(fields, at),
            Moved::DeleteMarker(fields) => self.delete_marker(fields, at),
            Moved::UploadStart(fields) => self.upload_start(fields, at),
            Moved::PartPut(fields) => self.part_put(fields, at),
        }
    }

    fn control(&mut self, control: &Control) {
        let key = row_key(control.table, &control.key);
        match &control.value {
            Some(value) => drop(self.control.insert(key, value.clone())),
            None => drop(self.control.remove(&key)),
        }
    }

    /// Where the data is, as the row says it; many extents get rows of their own.
    fn data(
        &mut self,
        data: &Data,
        sequence: Lsn,
        at: &FramedRecord<'_>,
    ) -> Result<DataPlace, ReplayError> {
        let extents = match data {
            Data::Inline => return Ok(DataPlace::Inline(at.inline)),
            Data::Extents(few) if few.len() <= EXTENTS_MAX => {
                return Ok(DataPlace::Extents(few.clone()));
            }
            Data::Extents(many) => many,
        };
        let mut rows = 0;
        for some in extents.chunks(EXTENTS_MAX) {
            self.set(
                entry::extents_key(sequence, rows),
                &Entry::Extents(some.to_vec()),
            )?;
            rows += 1;
        }
        Ok(DataPlace::Wide {
            extents: extents.len() as u32,
            rows,
        })
    }

    fn set(&mut self, key: Vec<u8>, entry: &Entry) -> Result<(), ReplayError> {
        let mut row = Vec::new();
        entry.encode(&mut row)?;
        self.index.insert(key, row);
        Ok(())
    }

    fn remove_part(&mut self, key: &[u8]) -> Result<(), ReplayError> {
        match self
            .index
            .get(key)
            .map(|row| Entry::decode(row))
            .transpose()?
        {
            Some(Entry::Part(part)) => self.remove(key, part.sequence),
            _ => Ok(()),
        }
    }

    /// Removes a row and the extents rows of its sequence.
    fn remove(&mut self, key: &[u8], sequence: Lsn) -> Result<(), ReplayError> {
        let row = self
            .index
            .remove(key)
            .map(|row| Entry::decode(&row))
            .transpose()?;
        let data = match row {
            Some(Entry::Object(object)) => object.data,
            Some(Entry::Part(part)) => part.data,
            _ => return Ok(()),
        };
        if let DataPlace::Wide { rows, .. } = data {
            (0..rows).for_each(|row| drop(self.index.remove(&entry::extents_key(sequence, row))));
        }
        Ok(())
    }
}

fn keys_with(table: &Table, prefix: &[u8]) -> Vec<Vec<u8>> {
    let from = table.range(prefix.to_vec()..);
    from.map(|(key, _)| key)
        .take_while(|key| key.starts_with(prefix))
        .cloned()
        .collect()
}
