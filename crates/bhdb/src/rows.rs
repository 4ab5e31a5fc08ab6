//! Checking every row of the index: the row, the record it points to, every byte of its data.

use crate::pool::{Piece, Pool};
use crate::report::Report;
use crate::show::RowName;
use crate::state::{State, Table};
use blockhouse_format::control::{
    BucketRow, DesiredHead, DesiredRow, LinkRow, RevocationRow, TABLE_BUCKETS, TABLE_DESIRED,
    TABLE_LINKS, TABLE_REVOCATIONS, parse_row_key,
};
use blockhouse_format::entry::{self, DataPlace, Entry, IndexKey, ObjectEntry, PartEntry};
use blockhouse_format::record::{
    self, Body, Data, Decoded, InlinePlace, Moved, PartPut, Put, RecordPlace,
};
use blockhouse_format::{
    DecodeError, Extent, ExtentForm, Lsn, SHARD_DATA_BYTES_MAX, ShardTrailer, crc32c,
};
use blockhouse_types::{BucketId, ObjectKey, UploadId};
use std::collections::{BTreeMap, BTreeSet};

/// How much was checked.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) buckets: u64,
    pub(crate) objects: u64,
    pub(crate) delete_markers: u64,
    pub(crate) uploads: u64,
    pub(crate) parts: u64,
    pub(crate) bytes: u64,
}

/// The buckets by number, from their control rows; the other tables' rows are checked on the way.
pub(crate) fn buckets(control: &Table, report: &mut Report<'_>) -> BTreeMap<BucketId, BucketRow> {
    let mut buckets = BTreeMap::new();
    for (row_key, value) in control {
        let name = match parse_row_key(row_key) {
            Ok((TABLE_BUCKETS, name)) => String::from_utf8_lossy(name).into_owned(),
            Ok((TABLE_LINKS, id)) => {
                let row = LinkRow::parse_key(id).and_then(|_| LinkRow::decode(value));
                if let Err(error) = row {
                    report.damage(format_args!("the row of a link: {error}"));
                }
                continue;
            }
            Ok((TABLE_REVOCATIONS, key)) => {
                if let Err(error) = RevocationRow::decode(key, value) {
                    report.damage(format_args!("the row of a revocation: {error}"));
                }
                continue;
            }
            Ok((TABLE_DESIRED, DesiredHead::KEY)) => {
                if let Err(error) = DesiredHead::decode(value) {
                    report.damage(error);
                }
                continue;
            }
            Ok((TABLE_DESIRED, key)) => {
                if let Err(error) = DesiredRow::decode(key, value) {
                    report.damage(error);
                }
                continue;
            }
            Ok(_) => continue,
            Err(error) => {
                report.damage(error);
                continue;
            }
        };
        match BucketRow::decode(value) {
            Ok(row) if row.name.as_str() != name => {
                report.damage(format_args!(
                    "the row of bucket {name} is that of {}",
                    row.name
                ));
            }
            Ok(row) => {
                if let Some(other) = buckets.insert(row.id, row) {
                    report.damage(format_args!(
                        "bucket {name} has the number of {}",
                        other.name
                    ));
                }
            }
            Err(error) => report.damage(format_args!("bucket {name}: {error}")),
        }
    }
    buckets
}

/// Checks all rows.
pub(crate) fn check(pool: &Pool<'_>, state: &State, report: &mut Report<'_>) -> Counts {
    let buckets = buckets(&state.control, report);
    let counts = Counts {
        buckets: buckets.len() as u64,
        ..Counts::default()
    };
    let mut check = Check {
        pool,
        index: &state.index,
        buckets,
        uploads: BTreeSet::new(),
        null_of: None,
        wide: BTreeSet::new(),
        counts,
    };
    // The key spaces stand in this order: uploads before their parts, owners before their extents.
    for (row_key, value) in &state.index {
        check.row(row_key, value, report);
    }
    check.counts
}

struct Check<'c> {
    pool: &'c Pool<'c>,
    index: &'c Table,
    buckets: BTreeMap<BucketId, BucketRow>,
    uploads: BTreeSet<UploadId>,
    /// The last key that was seen to have a `null` version.
    null_of: Option<(BucketId, ObjectKey)>,
    /// Rows of extents that have an owner.
    wide: BTreeSet<(Lsn, u16)>,
    counts: Counts,
}

/// What a record is expected to say, for an error that names the field which differs.
type Mismatch = Option<&'static str>;

impl Check<'_> {
    fn row(&mut self, row_key: &[u8], value: &[u8], report: &mut Report<'_>) {
        let (key, entry) = match (entry::parse_key(row_key), Entry::decode(value)) {
            (Ok(key), Ok(entry)) => (key, entry),
            (Err(error), _) => return report.damage(error),
            (Ok(key), Err(error)) => {
                return report.damage(format_args!("{}: {error}", RowName(&key, &self.buckets)));
            }
        };
        let name = RowName(&key, &self.buckets).to_string();
        if let IndexKey::Object { bucket, .. } | IndexKey::Upload { bucket, .. } = &key
            && !self.buckets.contains_key(bucket)
        {
            report.damage(format_args!("{name}: its bucket does not exist"));
        }
        self.one_null_version(&name, &key, &entry, report);
        match (&key, &entry) {
            (IndexKey::Object { sequence, .. }, Entry::Object(object)) => {
                self.counts.objects += 1;
                self.object(&name, &key, *sequence, object, report);
            }
            (IndexKey::Object { .. }, Entry::DeleteMarker(marker)) => {
                self.counts.delete_markers += 1;
                self.record(&name, &marker.record, report, |decoded| {
                    match inner(&decoded.body) {
                        Inner::DeleteMarker(f) => differs(&[
                            ("key", names(&key, f.bucket, &f.key, f.sequence)),
                            ("version", f.version == marker.version),
                            ("time", f.modified == marker.modified),
                        ]),
                        _ => Some("kind"),
                    }
                });
            }
            (IndexKey::Upload { upload, .. }, Entry::Upload(row)) => {
                self.counts.uploads += 1;
                self.uploads.insert(*upload);
                self.record(&name, &row.record, report, |decoded| {
                    match inner(&decoded.body) {
                        Inner::UploadStart(f) => differs(&[
                            ("key", names(&key, f.bucket, &f.key, f.sequence)),
                            ("upload", f.upload == *upload),
                            ("checksum", f.checksum == row.checksum),
                        ]),
                        _ => Some("kind"),
                    }
                });
            }
            (IndexKey::Part { upload, number }, Entry::Part(part)) => {
                self.counts.parts += 1;
                if !self.uploads.contains(upload) {
                    report.damage(format_args!("{name}: its upload does not exist"));
                }
                self.part(&name, (*upload, *number), part, report);
            }
            (IndexKey::Extents { sequence, row }, Entry::Extents(_)) => {
                if !self.wide.contains(&(*sequence, *row)) {
                    report.damage(format_args!("{name}: nothing has these extents"));
                }
            }
            _ => report.damage(format_args!(
                "{name}: the row is of another kind than its key"
            )),
        }
    }

    /// A key has one `null` version at most: a new one takes the place of the old.
    fn one_null_version(
        &mut self,
        name: &str,
        key: &IndexKey,
        entry: &Entry,
        report: &mut Report<'_>,
    ) {
        let IndexKey::Object { bucket, key, .. } = key else {
            return;
        };
        let version = match entry {
            Entry::Object(object) => &object.version,
            Entry::DeleteMarker(marker) => &marker.version,
            Entry::Upload(_) | Entry::Part(_) | Entry::Extents(_) => return,
        };
        if !version.is_null() {
            return;
        }
        let before = self.null_of.replace((*bucket, key.clone()));
        if before == self.null_of {
            report.damage(format_args!(
                "{name}: the key has another, newer null version"
            ));
        }
    }

    fn object(
        &mut self,
        name: &str,
        key: &IndexKey,
        sequence: Lsn,
        object: &ObjectEntry,
        report: &mut Report<'_>,
    ) {
        self.counts.bytes += object.size;
        let extents = self.extents(name, sequence, object.size, &object.data, report);
        self.record(name, &object.record, report, |decoded| {
            match inner(&decoded.body) {
                Inner::Put(f) => differs(&[
                    ("key", names(key, f.bucket, &f.key, f.sequence)),
                    ("version", f.version == object.version),
                    ("size", f.size == object.size),
                    ("etag", f.etag == object.etag),
                    ("time", f.modified == object.modified),
                    (
                        "place of the data",
                        same_data(&f.data, decoded, &object.record, &object.data, &extents),
                    ),
                ]),
                _ => Some("kind"),
            }
        });
        extents
            .iter()
            .for_each(|extent| self.extent(name, extent, report));
    }

    fn part(
        &mut self,
        name: &str,
        (upload, number): (UploadId, u16),
        part: &PartEntry,
        report: &mut Report<'_>,
    ) {
        self.counts.bytes += part.size;
        let extents = self.extents(name, part.sequence, part.size, &part.data, report);
        self.record(name, &part.record, report, |decoded| {
            match inner(&decoded.body) {
                Inner::PartPut(f) => differs(&[
                    ("upload", f.upload == upload && f.number == number),
                    ("sequence", f.sequence == part.sequence),
                    ("size", f.size == part.size),
                    ("etag", f.etag == part.etag),
                    ("time", f.modified == part.modified),
                    ("checksum", f.checksum == part.checksum),
                    (
                        "place of the data",
                        same_data(&f.data, decoded, &part.record, &part.data, &extents),
                    ),
                ]),
                _ => Some("kind"),
            }
        });
        extents
            .iter()
            .for_each(|extent| self.extent(name, extent, report));
    }

    /// The extents of an object or part, also when they stand in rows of their own.
    fn extents(
        &mut self,
        name: &str,
        sequence: Lsn,
        size: u64,
        data: &DataPlace,
        report: &mut Report<'_>,
    ) -> Vec<Extent> {
        let (count, rows) = match data {
            DataPlace::Inline(_) => return Vec::new(),
            DataPlace::Extents(extents) => return extents.clone(),
            DataPlace::Wide { extents, rows } => (*extents as usize, *rows),
        };
        let mut all = Vec::new();
        for row in 0..rows {
            self.wide.insert((sequence, row));
            let value = self.index.get(&entry::extents_key(sequence, row));
            match value.map(|value| Entry::decode(value)) {
                Some(Ok(Entry::Extents(some))) => all.extend(some),
                _ => report.damage(format_args!("{name}: its row {row} of extents is missing")),
            }
        }
        let sum: u64 = all.iter().map(|extent| u64::from(extent.data_bytes)).sum();
        if all.len() != count || sum != size {
            report.damage(format_args!(
                "{name}: its extents are not as many as its row says"
            ));
        }
        all
    }

    /// Reads the record from every mirror and compares it with the row.
    fn record(
        &self,
        name: &str,
        place: &RecordPlace,
        report: &mut Report<'_>,
        compare: impl Fn(&Decoded<'_>) -> Mismatch,
    ) {
        let piece = Piece {
            group: place.group,
            offset_bytes: place.offset_bytes,
            len_bytes: place.len_bytes,
        };
        self.pool
            .examine(report, format_args!("{name}: record"), piece, |bytes| {
                let decoded = record::decode(bytes)?;
                match compare(&decoded) {
                    _ if decoded.len_bytes != bytes.len() => Err(not_as_row_says("length")),
                    Some(field) => Err(not_as_row_says(field)),
                    None => Ok(()),
                }
            });
    }

    /// Reads all data of an extent from every mirror.
    fn extent(&self, name: &str, extent: &Extent, report: &mut Report<'_>) {
        if let ExtentForm::Bytes { crc32c: expected } = extent.form {
            let piece = Piece {
                group: extent.group,
                offset_bytes: extent.offset_bytes,
                len_bytes: extent.data_bytes,
            };
            self.pool
                .examine(report, format_args!("{name}: data"), piece, |bytes| {
                    let broken = DecodeError::Checksum {
                        structure: "bare extent",
                        over: "the data",
                    };
                    (crc32c(bytes) == expected).then_some(()).ok_or(broken)
                });
            return;
        }
        for shard in extent.shards() {
            let piece = Piece {
                group: extent.group,
                offset_bytes: shard.offset_bytes,
                len_bytes: shard.len_bytes(),
            };
            let from = u64::from(shard.number) * u64::from(SHARD_DATA_BYTES_MAX);
            let what = format_args!("{name}: data (shard at byte {from} of its extent)");
            self.pool.examine(report, what, piece, |bytes| {
                let padded = blockhouse_format::padded_bytes(shard.data_bytes) as usize;
                let (data, trailer) = bytes.split_at(padded);
                let trailer = ShardTrailer::decode(trailer)?;
                if !trailer.belongs_to(extent, &shard) {
                    return Err(not_as_row_says("shard"));
                }
                trailer.verify(0, &data[..shard.data_bytes as usize])
            });
        }
    }
}

fn not_as_row_says(field: &'static str) -> DecodeError {
    DecodeError::Field {
        structure: "what the index row points to",
        field,
    }
}

/// The first field that does not hold.
fn differs(fields: &[(&'static str, bool)]) -> Mismatch {
    fields
        .iter()
        .find(|(_, same)| !same)
        .map(|(field, _)| *field)
}

fn names(key: &IndexKey, bucket: BucketId, name: &ObjectKey, at: Lsn) -> bool {
    match key {
        IndexKey::Object {
            bucket: b,
            key: k,
            sequence: s,
        }
        | IndexKey::Upload {
            bucket: b,
            key: k,
            sequence: s,
            ..
        } => *b == bucket && k == name && *s == at,
        IndexKey::Part { .. } | IndexKey::Extents { .. } => false,
    }
}

/// Whether record and row agree on where the data is.
fn same_data(
    data: &Data,
    decoded: &Decoded<'_>,
    record: &RecordPlace,
    place: &DataPlace,
    extents: &[Extent],
) -> bool {
    match (data, place) {
        (Data::Inline, DataPlace::Inline(inline)) => {
            let start = record
                .offset_bytes
                .saturating_add(decoded.data_start_bytes as u32);
            let expected = InlinePlace {
                offset_bytes: start,
                len_bytes: decoded.data.len() as u32,
                crc32c: decoded.data_crc,
            };
            *inline == expected
        }
        (Data::Extents(list), DataPlace::Extents(_) | DataPlace::Wide { .. }) => list == extents,
        (Data::Inline, _) | (Data::Extents(_), DataPlace::Inline(_)) => false,
    }
}

/// A record that makes a row, whether it was written first, again, or copied.
enum Inner<'b> {
    Put(&'b Put),
    DeleteMarker(&'b record::DeleteMarker),
    UploadStart(&'b record::UploadStart),
    PartPut(&'b PartPut),
    Other,
}

fn inner(body: &Body) -> Inner<'_> {
    match body {
        Body::Put(f) | Body::Retag(f) => Inner::Put(f),
        Body::DeleteMarker(f) => Inner::DeleteMarker(f),
        Body::UploadStart(f) => Inner::UploadStart(f),
        Body::PartPut(f) => Inner::PartPut(f),
        Body::Relocate(copy) => match &copy.moved {
            Moved::Put(f) => Inner::Put(f),
            Moved::DeleteMarker(f) => Inner::DeleteMarker(f),
            Moved::UploadStart(f) => Inner::UploadStart(f),
            Moved::PartPut(f) => Inner::PartPut(f),
        },
        Body::Tombstone(_)
        | Body::UploadEnd(_)
        | Body::Control(_)
        | Body::GroupEvent(_)
        | Body::DeviceEvent(_)
        | Body::Tick
        | Body::Unknown { .. } => Inner::Other,
    }
}
