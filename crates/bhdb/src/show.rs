//! Names and records as text.

use blockhouse_format::control::BucketRow;
use blockhouse_format::entry::{DataPlace, Entry, IndexKey};
use blockhouse_format::record::{Body, Data, Moved};
use blockhouse_types::BucketId;
use std::{collections::BTreeMap, fmt};

/// An index row by name. Keys are quoted and escaped, for they may hold anything.
pub(crate) struct RowName<'n>(
    pub(crate) &'n IndexKey,
    pub(crate) &'n BTreeMap<BucketId, BucketRow>,
);

impl fmt::Display for RowName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bucket = |id: &BucketId| match self.1.get(id) {
            Some(row) => row.name.to_string(),
            None => format!("#{}", id.0),
        };
        match self.0 {
            IndexKey::Object {
                bucket: b,
                key,
                sequence,
            } => {
                write!(f, "object {} {key:?} (sequence {sequence})", bucket(b))
            }
            IndexKey::Upload {
                bucket: b,
                key,
                upload,
                ..
            } => {
                write!(f, "upload {upload} of {} {key:?}", bucket(b))
            }
            IndexKey::Part { upload, number } => write!(f, "part {number} of upload {upload}"),
            IndexKey::Extents { sequence, row } => {
                write!(f, "extents row {row} of sequence {sequence}")
            }
        }
    }
}

/// An index row's value in one line.
pub(crate) struct EntryLine<'e>(pub(crate) &'e Entry);

impl fmt::Display for EntryLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Entry::Object(e) => {
                let (version, size, etag, modified) = (&e.version, e.size, &e.etag, &e.modified);
                write!(
                    f,
                    "version {version}, {size} bytes, etag {etag}, {modified:?}, "
                )?;
                write_data(f, &e.data)
            }
            Entry::DeleteMarker(e) => {
                write!(f, "delete marker, version {}, {:?}", e.version, e.modified)
            }
            Entry::Upload(e) => write!(f, "upload, began {:?}", e.initiated),
            Entry::Part(e) => {
                write!(f, "{} bytes, etag {}, {:?}, ", e.size, e.etag, e.modified)?;
                write_data(f, &e.data)
            }
            Entry::Extents(list) => write!(f, "{} extents", list.len()),
        }?;
        match self.0.record() {
            Some(at) => write!(
                f,
                ", record at group {} offset {}",
                at.group, at.offset_bytes
            ),
            None => Ok(()),
        }
    }
}

fn write_data(f: &mut fmt::Formatter<'_>, data: &DataPlace) -> fmt::Result {
    match data {
        DataPlace::Inline(_) => write!(f, "inline"),
        DataPlace::Extents(list) => write!(f, "{} extents", list.len()),
        DataPlace::Wide { extents, rows } => write!(f, "{extents} extents in {rows} rows"),
    }
}

/// A record in one line.
pub(crate) struct RecordLine<'b>(pub(crate) &'b Body);

impl fmt::Display for RecordLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = |data: &Data| match data {
            Data::Inline => "inline".to_owned(),
            Data::Extents(list) => format!("{} extents", list.len()),
        };
        match self.0 {
            Body::Put(r) | Body::Retag(r) => {
                let verb = if matches!(self.0, Body::Put(_)) {
                    "put"
                } else {
                    "retag"
                };
                let (bucket, key, version, size) = (r.bucket.0, &r.key, &r.version, r.size);
                write!(
                    f,
                    "{verb} #{bucket} {key:?} version {version}, {size} bytes {}",
                    data(&r.data)
                )
            }
            Body::Tombstone(r) => {
                let (bucket, key, sequence) = (r.bucket.0, &r.key, r.sequence);
                write!(
                    f,
                    "tombstone #{bucket} {key:?} version {} sequence {sequence}",
                    r.version
                )
            }
            Body::DeleteMarker(r) => {
                write!(
                    f,
                    "delete marker #{} {:?} version {}",
                    r.bucket.0, r.key, r.version
                )
            }
            Body::UploadStart(r) => {
                write!(
                    f,
                    "upload start {} of #{} {:?}",
                    r.upload, r.bucket.0, r.key
                )
            }
            Body::PartPut(r) => {
                write!(
                    f,
                    "part {} of upload {}, {} bytes {}",
                    r.number,
                    r.upload,
                    r.size,
                    data(&r.data)
                )
            }
            Body::UploadEnd(r) => {
                write!(
                    f,
                    "upload end {} of #{} {:?}: {:?}",
                    r.upload, r.bucket.0, r.key, r.outcome
                )
            }
            Body::Relocate(r) => {
                write!(
                    f,
                    "relocate from group {} offset {}: ",
                    r.old.group, r.old.offset_bytes
                )?;
                match &r.moved {
                    Moved::Put(put) => write!(f, "{}", RecordLine(&Body::Put(put.clone()))),
                    Moved::DeleteMarker(m) => {
                        write!(f, "delete marker #{} {:?}", m.bucket.0, m.key)
                    }
                    Moved::UploadStart(u) => write!(f, "upload start {}", u.upload),
                    Moved::PartPut(p) => write!(f, "part {} of upload {}", p.number, p.upload),
                }
            }
            Body::Control(r) => {
                let key = String::from_utf8_lossy(&r.key);
                match &r.value {
                    Some(value) => write!(
                        f,
                        "control table {} set {key:?}, {} bytes",
                        r.table,
                        value.len()
                    ),
                    None => write!(f, "control table {} remove {key:?}", r.table),
                }
            }
            Body::GroupEvent(r) => {
                let (change, kind, group, generation) = (r.change, r.kind, r.group, r.generation);
                write!(
                    f,
                    "group {group} generation {generation} {kind:?}: {change:?}"
                )
            }
            Body::DeviceEvent(r) => write!(f, "device {} is {:?}", r.device, r.state),
            Body::Tick => write!(f, "tick"),
            Body::Unknown { kind, version } => {
                write!(f, "unknown kind {kind} version {version}, skipped")
            }
        }
    }
}
