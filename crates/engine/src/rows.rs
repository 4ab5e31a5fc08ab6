//! Reading and changing index rows: what the log writer judges by, what replay repeats, and what
//! requests look up.
//!
//! [`Staged`] is the index with the changes of one frame on top of it. The log writer stages each
//! record as it puts it into the frame and so judges the next order by what that frame will make
//! true; once the frame is durable the staged rows are applied. Replay does the same with a frame it
//! reads. That one function, [`Staged::stage`], says what a record means is how the index can be
//! equal to what the log says.

mod stage;

pub(crate) use stage::At;

use crate::{index::Index, space::Space};
use blockhouse_format::{
    Extent, GroupId, GroupKind, GroupState, Lsn,
    entry::{self, DataPlace, Entry, ObjectEntry, PartEntry, Reference, UploadEntry},
};
use blockhouse_store::UploadRef;
use blockhouse_types::{BucketId, ObjectKey, Timestamp, VersionId};
use std::{collections::BTreeMap, ops::ControlFlow};

/// Rows by key: the new value, or `None` for a row that goes.
pub(crate) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A row whose bytes are no entry, or not the entry that its key promises. Rows are verified when
/// they are loaded, so this is memory that went bad or a mistake of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an index row cannot be read: {0}")]
pub(crate) struct BadRow(pub(crate) &'static str);

/// A place that rows are looked up in.
pub(crate) trait Rows {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Option<&[u8]>;

    /// Shows the rows whose keys begin with `prefix`, in order, until told to stop.
    fn scan(&self, prefix: &[u8], visit: &mut Visit<'_>);
}

/// Looks at one row, and tells whether to go on.
pub(crate) type Visit<'v> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'v;

impl Rows for Index {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        Index::get(self, key)
    }

    fn scan(&self, prefix: &[u8], visit: &mut Visit<'_>) {
        let mut cursor = self.cursor(prefix);
        while let Some((key, value)) = cursor.next() {
            if !key.starts_with(prefix) || visit(key, value).is_break() {
                return;
            }
        }
    }
}

/// The index, and on top of it what a frame changes.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    index: &'a Index,
    changes: Changes,
}

impl<'a> Staged<'a> {
    pub(crate) fn new(index: &'a Index) -> Self {
        Self {
            index,
            changes: Changes::new(),
        }
    }

    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }

    fn set(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.changes.insert(key, value);
    }

    fn set_entry(&mut self, key: Vec<u8>, value: &Entry) -> Result<(), BadRow> {
        let mut row = Vec::with_capacity(128);
        value
            .encode(&mut row)
            .map_err(|_| BadRow("too long to be kept"))?;
        self.set(key, Some(row));
        Ok(())
    }
}

impl Rows for Staged<'_> {
    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        match self.changes.get(key) {
            Some(change) => change.as_deref(),
            None => self.index.get(key),
        }
    }

    fn scan(&self, prefix: &[u8], visit: &mut Visit<'_>) {
        let from = (
            std::ops::Bound::Included(prefix),
            std::ops::Bound::Unbounded,
        );
        let changes = self.changes.range::<[u8], _>(from);
        let mut changes = changes
            .take_while(|(key, _)| key.starts_with(prefix))
            .peekable();
        if changes.peek().is_none() {
            return self.index.scan(prefix, visit);
        }
        let mut stopped = false;
        self.index.scan(prefix, &mut |key, value| {
            while let Some((changed, new)) = changes.next_if(|(changed, _)| changed[..] < *key) {
                if let Some(new) = new
                    && visit(changed, new).is_break()
                {
                    stopped = true;
                    return ControlFlow::Break(());
                }
            }
            let shown = match changes.next_if(|(changed, _)| changed[..] == *key) {
                Some((_, None)) => return ControlFlow::Continue(()),
                Some((_, Some(new))) => visit(key, new),
                None => visit(key, value),
            };
            stopped = shown.is_break();
            shown
        });
        if stopped {
            return;
        }
        for (key, new) in changes {
            if let Some(new) = new
                && visit(key, new).is_break()
            {
                return;
            }
        }
    }
}

/// One version of a key: an object or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) sequence: Lsn,
    pub(crate) entry: Entry,
}

impl Version {
    /// Reads a row of the object space.
    pub(crate) fn read(key: &[u8], value: &[u8]) -> Result<Self, BadRow> {
        let inverted = key
            .last_chunk::<8>()
            .ok_or(BadRow("its key is too short"))?;
        let sequence = Lsn(!u64::from_be_bytes(*inverted));
        let entry = decode(value)?;
        match entry {
            Entry::Object(_) | Entry::DeleteMarker(_) => Ok(Self { sequence, entry }),
            _ => Err(BadRow("it is no version")),
        }
    }

    pub(crate) fn id(&self) -> VersionId {
        match &self.entry {
            Entry::Object(object) => object.version,
            Entry::DeleteMarker(marker) => marker.version,
            // `read` lets nothing else through.
            _ => VersionId::NULL,
        }
    }

    pub(crate) fn modified(&self) -> Timestamp {
        match &self.entry {
            Entry::Object(object) => object.modified,
            Entry::DeleteMarker(marker) => marker.modified,
            _ => Timestamp::default(),
        }
    }

    /// The object; `None` for a delete marker.
    pub(crate) fn object(&self) -> Option<&ObjectEntry> {
        match &self.entry {
            Entry::Object(object) => Some(object),
            _ => None,
        }
    }
}

pub(crate) fn decode(value: &[u8]) -> Result<Entry, BadRow> {
    Entry::decode(value).map_err(|_| BadRow("its bytes are no entry"))
}

/// The first row with the prefix that `pick` wants.
fn find<T>(
    rows: &impl Rows,
    prefix: &[u8],
    mut pick: impl FnMut(&[u8], &[u8]) -> Result<Option<T>, BadRow>,
) -> Result<Option<T>, BadRow> {
    let mut found = Ok(None);
    rows.scan(prefix, &mut |key, value| {
        found = pick(key, value);
        if matches!(found, Ok(None)) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    found
}

/// The newest version of a key.
pub(crate) fn current(
    rows: &impl Rows,
    bucket: BucketId,
    key: &ObjectKey,
) -> Result<Option<Version>, BadRow> {
    find(rows, &entry::versions_of(bucket, key), |k, v| {
        Version::read(k, v).map(Some)
    })
}

/// A version by its id. The `null` version may be anywhere among the key's versions.
pub(crate) fn version(
    rows: &impl Rows,
    bucket: BucketId,
    key: &ObjectKey,
    id: &VersionId,
) -> Result<Option<Version>, BadRow> {
    if let Some(sequence) = entry::sequence_of(id) {
        let row = entry::object_key(bucket, key, sequence);
        let found = rows
            .get(&row)
            .map(|value| Version::read(&row, value))
            .transpose()?;
        return Ok(found.filter(|version| version.id() == *id));
    }
    find(rows, &entry::versions_of(bucket, key), |k, v| {
        Version::read(k, v).map(|version| version.id().is_null().then_some(version))
    })
}

/// An upload in progress, with its sequence.
pub(crate) fn upload(
    rows: &impl Rows,
    of: &UploadRef,
) -> Result<Option<(Lsn, UploadEntry)>, BadRow> {
    let prefix = entry::uploads_of(of.bucket, &of.key);
    find(rows, &prefix, |key, value| {
        if !key.ends_with(&of.upload.0) {
            return Ok(None);
        }
        let (_, behind) = key
            .split_at_checked(prefix.len())
            .ok_or(BadRow("its key is too short"))?;
        let sequence = behind
            .first_chunk::<8>()
            .ok_or(BadRow("its key is too short"))?;
        match decode(value)? {
            Entry::Upload(entry) => Ok(Some((Lsn(u64::from_be_bytes(*sequence)), entry))),
            _ => Err(BadRow("it is no upload")),
        }
    })
}

/// A part of an upload.
pub(crate) fn part(
    rows: &impl Rows,
    of: &UploadRef,
    number: u16,
) -> Result<Option<PartEntry>, BadRow> {
    match rows
        .get(&entry::part_key(of.upload, number))
        .map(decode)
        .transpose()?
    {
        None => Ok(None),
        Some(Entry::Part(part)) => Ok(Some(part)),
        Some(_) => Err(BadRow("it is no part")),
    }
}

/// The extents of an object or part; none when it lies inline.
pub(crate) fn extents(
    rows: &impl Rows,
    sequence: Lsn,
    data: &DataPlace,
) -> Result<Vec<Extent>, BadRow> {
    let (total, count) = match data {
        DataPlace::Inline(_) => return Ok(Vec::new()),
        DataPlace::Extents(extents) => return Ok(extents.clone()),
        DataPlace::Wide { extents, rows } => (*extents as usize, *rows),
    };
    let mut all = Vec::with_capacity(total);
    for row in 0..count {
        match rows
            .get(&entry::extents_key(sequence, row))
            .map(decode)
            .transpose()?
        {
            Some(Entry::Extents(extents)) => all.extend(extents),
            _ => return Err(BadRow("its extents are missing")),
        }
    }
    if all.len() == total {
        Ok(all)
    } else {
        Err(BadRow("its extents are not all there"))
    }
}

/// Brings changes into the index and keeps the groups' live bytes equal to what rows refer to.
pub(crate) fn apply(index: &mut Index, space: &mut Space, changes: &Changes) -> Result<(), BadRow> {
    changes
        .iter()
        .try_for_each(|(key, new)| apply_one(index, space, key, new.as_deref()))
}

/// One row of it.
pub(crate) fn apply_one(
    index: &mut Index,
    space: &mut Space,
    key: &[u8],
    new: Option<&[u8]>,
) -> Result<(), BadRow> {
    let old = match new {
        Some(value) => {
            refer(space, value)?;
            index
                .insert(key, value)
                .map_err(|_| BadRow("too long to be kept"))?
        }
        None => index.remove(key),
    };
    old.map_or(Ok(()), |old| release(space, &old))
}

fn refer(space: &mut Space, value: &[u8]) -> Result<(), BadRow> {
    let entry = decode(value)?;
    let data = entry
        .extents()
        .iter()
        .filter(|e| e.form == blockhouse_format::ExtentForm::Shards);
    for extent in data {
        space.adopt(
            extent.group,
            GroupKind::Data,
            extent.generation,
            GroupState::Sealed,
        );
    }
    for Reference {
        group, len_bytes, ..
    } in entry.references()
    {
        space.refer(group, len_bytes);
    }
    Ok(())
}

fn release(space: &mut Space, value: &[u8]) -> Result<(), BadRow> {
    for Reference {
        group,
        generation,
        len_bytes,
    } in decode(value)?.references()
    {
        space.release(group, generation, len_bytes);
    }
    Ok(())
}

/// The groups that a read of this object touches.
pub(crate) fn groups_of<'a>(
    entry: &'a ObjectEntry,
    extents: &'a [Extent],
) -> impl Iterator<Item = GroupId> + 'a {
    std::iter::once(entry.record.group).chain(extents.iter().map(|extent| extent.group))
}
