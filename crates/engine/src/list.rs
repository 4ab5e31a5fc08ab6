//! Listings, from the index alone.
//!
//! Rows lie in the order of listings, so a page is a forward scan from its marker. A key that rolls
//! up into a common prefix is the last one of that prefix to be looked at: the scan seeks to the
//! first key behind it, however many keys it has. The read lock is held for slices of
//! [`SLICE_ROWS`] rows, so that a page of many rows never holds up the log writer for long; what is
//! written between two slices is seen or not, as with two pages.

use crate::{
    EngineStore,
    rows::{self, BadRow, Version},
    shared::Shared,
};
use blockhouse_device::Device;
use blockhouse_format::entry::{self, Entry};
use blockhouse_store::{
    EntryKind, KeyPage, KeyQuery, StoreError, UploadEntry, UploadPage, UploadQuery, UploadRef,
    VersionEntry, VersionPage, VersionQuery,
};
use blockhouse_types::{BucketId, ETag, ObjectKey, UploadId};
use std::borrow::Cow;

/// Rows looked at under one lock.
const SLICE_ROWS: usize = 256;

/// Older versions of one key that are stepped over before the scan seeks to the next key.
const STEPS_MAX: u32 = 4;

/// Bytes of a row's key before the object key: the space and the bucket.
const HEAD_BYTES: usize = 9;

/// Bytes behind an object key: its end, and the inverted sequence.
const OBJECT_TAIL_BYTES: usize = 2 + 8;

/// Bytes behind the object key of an upload: its end, the sequence, and the upload.
const UPLOAD_TAIL_BYTES: usize = 2 + 8 + 16;

/// What a page gathers: entries and common prefixes, up to a number of both together.
struct Page<'a, T> {
    prefix: &'a str,
    delimiter: &'a str,
    max: usize,
    entries: Vec<T>,
    common_prefixes: Vec<String>,
    truncated: bool,
}

/// Where a scan goes on.
enum Next {
    Row,
    Seek(Vec<u8>),
    Stop,
}

/// What a key is to a page.
enum Taken {
    /// An entry of its own.
    Entry,
    /// It was rolled up: these are the bytes that all keys like it begin with.
    Common(usize),
    /// The page was full.
    Full,
}

impl<'a, T> Page<'a, T> {
    fn new(prefix: &'a str, delimiter: &'a str, max: usize) -> Self {
        Self {
            prefix,
            delimiter,
            max,
            entries: Vec::with_capacity(max.min(1000)),
            common_prefixes: Vec::new(),
            truncated: false,
        }
    }

    /// The length of the common prefix that `key` is rolled up into.
    fn common(&self, key: &str) -> Option<usize> {
        if self.delimiter.is_empty() {
            return None;
        }
        let at = key.get(self.prefix.len()..)?.find(self.delimiter)?;
        Some(self.prefix.len() + at + self.delimiter.len())
    }

    /// Where a scan begins that goes on after `marker`: behind that key, and when it ends in a
    /// rolled-up prefix, behind everything under it.
    fn start(&self, marker: &str, space: &Space) -> Vec<u8> {
        let first = (space.prefix)(space.bucket, self.prefix.as_bytes());
        if marker.is_empty() {
            return first;
        }
        let behind = if self.common(marker) == Some(marker.len()) {
            entry::prefix_end((space.prefix)(space.bucket, marker.as_bytes())).unwrap_or_default()
        } else {
            (space.after)(space.bucket, marker.as_bytes())
        };
        first.max(behind)
    }

    fn take(&mut self, key: &str) -> Taken {
        let common = self.common(key);
        if self.entries.len() + self.common_prefixes.len() >= self.max {
            self.truncated = true;
            return Taken::Full;
        }
        match common {
            None => Taken::Entry,
            Some(len) => {
                self.common_prefixes
                    .push(key.get(..len).unwrap_or(key).to_owned());
                Taken::Common(len)
            }
        }
    }
}

/// The rows of one kind in one bucket.
struct Space {
    bucket: BucketId,
    prefix: fn(BucketId, &[u8]) -> Vec<u8>,
    after: fn(BucketId, &[u8]) -> Vec<u8>,
}

impl Space {
    fn objects(bucket: BucketId) -> Self {
        Self {
            bucket,
            prefix: entry::object_prefix,
            after: entry::object_after,
        }
    }

    fn uploads(bucket: BucketId) -> Self {
        Self {
            bucket,
            prefix: entry::upload_prefix,
            after: entry::upload_after,
        }
    }

    /// The first row behind all keys that begin as `key` does up to `len`.
    fn behind(&self, key: &str, len: usize) -> Next {
        let common = key.as_bytes().get(..len).unwrap_or(key.as_bytes());
        entry::prefix_end((self.prefix)(self.bucket, common)).map_or(Next::Stop, Next::Seek)
    }
}

/// Shows the rows that begin with `within`, from `from` on, as `visit` asks for them.
fn walk(
    shared: &Shared,
    within: &[u8],
    mut from: Vec<u8>,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<Next, BadRow>,
) -> Result<(), BadRow> {
    loop {
        let index = shared.index.read();
        let mut cursor = index.cursor(&from);
        for _ in 0..SLICE_ROWS {
            let Some((row, value)) = cursor.next() else {
                return Ok(());
            };
            if !row.starts_with(within) {
                return Ok(());
            }
            from.clear();
            from.extend_from_slice(row);
            // The least key behind this one.
            from.push(0);
            match visit(row, value)? {
                Next::Row => {}
                Next::Stop => return Ok(()),
                Next::Seek(to) => {
                    cursor.seek(&to);
                    from = to;
                }
            }
        }
    }
}

/// The object key in a row's key.
fn key_in(row: &[u8], tail_bytes: usize) -> Result<Cow<'_, str>, BadRow> {
    let end = row
        .len()
        .checked_sub(tail_bytes)
        .ok_or(BadRow("its key is too short"))?;
    let escaped = row
        .get(HEAD_BYTES..end)
        .ok_or(BadRow("its key is too short"))?;
    if !escaped.contains(&0) {
        let text = std::str::from_utf8(escaped);
        return text
            .map(Cow::Borrowed)
            .map_err(|_| BadRow("its key is not UTF-8"));
    }
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.iter();
    while let Some(byte) = rest.next() {
        bytes.push(*byte);
        if *byte == 0 {
            rest.next();
        }
    }
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| BadRow("its key is not UTF-8"))
}

fn object_key(name: &str) -> Result<ObjectKey, BadRow> {
    ObjectKey::parse(name).map_err(|_| BadRow("its key is no object key"))
}

fn version_entry(name: &str, version: &Version, latest: bool) -> Result<VersionEntry, BadRow> {
    let object = version.object();
    Ok(VersionEntry {
        key: object_key(name)?,
        version: version.id(),
        latest,
        kind: if object.is_some() {
            EntryKind::Object
        } else {
            EntryKind::DeleteMarker
        },
        modified: version.modified(),
        etag: object.map_or(ETag::of_body([0; 16]), |o| o.etag),
        size: object.map_or(0, |o| o.size),
        checksum: object.and_then(|o| o.checksum),
    })
}

/// The greater of the last entry's key and the last common prefix.
fn last_of(entry: Option<&str>, prefixes: &[String]) -> String {
    entry
        .unwrap_or("")
        .max(prefixes.last().map_or("", String::as_str))
        .to_owned()
}

/// Which key the rows at hand belong to, as the bytes that all its rows begin with.
#[derive(Default)]
struct SameKey {
    bytes: Vec<u8>,
    steps: u32,
}

impl SameKey {
    /// Whether the row is one more of the key at hand; otherwise that is now its key.
    fn goes_on(&mut self, row: &[u8]) -> bool {
        let of = row.get(..row.len().saturating_sub(8)).unwrap_or(row);
        if self.bytes == of {
            self.steps += 1;
            return true;
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(of);
        self.steps = 0;
        false
    }
}

impl<D: Device> EngineStore<D> {
    pub(crate) fn list_keys(
        &self,
        bucket: BucketId,
        query: &KeyQuery,
    ) -> Result<KeyPage, StoreError> {
        self.check_bucket(bucket)?;
        if query.max == 0 {
            return Ok(KeyPage::default());
        }
        let space = Space::objects(bucket);
        let mut page = Page::new(&query.prefix, &query.delimiter, query.max);
        let within = (space.prefix)(bucket, query.prefix.as_bytes());
        let mut same = SameKey::default();
        walk(
            &self.shared,
            &within,
            page.start(&query.after, &space),
            |row, value| {
                if same.goes_on(row) {
                    let far = same.steps > STEPS_MAX;
                    return Ok(if far {
                        behind_versions(&same.bytes)
                    } else {
                        Next::Row
                    });
                }
                let version = Version::read(row, value)?;
                if version.object().is_none() {
                    return Ok(Next::Row);
                }
                let name = key_in(row, OBJECT_TAIL_BYTES)?;
                Ok(match page.take(&name) {
                    Taken::Full => Next::Stop,
                    Taken::Common(len) => space.behind(&name, len),
                    Taken::Entry => {
                        page.entries.push(version_entry(&name, &version, true)?);
                        Next::Row
                    }
                })
            },
        )?;
        let last = last_of(
            page.entries.last().map(|e| e.key.as_str()),
            &page.common_prefixes,
        );
        Ok(KeyPage {
            objects: page.entries,
            common_prefixes: page.common_prefixes,
            next: page.truncated.then_some(last),
        })
    }

    pub(crate) fn list_all_versions(
        &self,
        bucket: BucketId,
        query: &VersionQuery,
    ) -> Result<VersionPage, StoreError> {
        self.check_bucket(bucket)?;
        if query.max == 0 {
            return Ok(VersionPage::default());
        }
        let space = Space::objects(bucket);
        let mut page = Page::new(&query.prefix, &query.delimiter, query.max);
        let within = (space.prefix)(bucket, query.prefix.as_bytes());
        let (from, mut same) = self.versions_start(bucket, query, &page, &space)?;
        walk(&self.shared, &within, from, |row, value| {
            let latest = !same.goes_on(row);
            let name = key_in(row, OBJECT_TAIL_BYTES)?;
            Ok(match page.take(&name) {
                Taken::Full => Next::Stop,
                Taken::Common(len) => space.behind(&name, len),
                Taken::Entry => {
                    page.entries
                        .push(version_entry(&name, &Version::read(row, value)?, latest)?);
                    Next::Row
                }
            })
        })?;
        let last = last_of(
            page.entries.last().map(|e| e.key.as_str()),
            &page.common_prefixes,
        );
        let at = page
            .entries
            .last()
            .filter(|e| e.key.as_str() == last)
            .map(|e| e.version);
        Ok(VersionPage {
            next: page.truncated.then_some((last, at)),
            versions: page.entries,
            common_prefixes: page.common_prefixes,
        })
    }

    /// Where a listing of versions begins: within a key when its marker names a version of it.
    fn versions_start<T>(
        &self,
        bucket: BucketId,
        query: &VersionQuery,
        page: &Page<'_, T>,
        space: &Space,
    ) -> Result<(Vec<u8>, SameKey), BadRow> {
        let mut same = SameKey::default();
        let outside = page.start(&query.key_marker, space);
        let key = ObjectKey::parse(&query.key_marker).ok();
        let within = key.filter(|key| key.as_str().starts_with(&query.prefix));
        let (Some(key), Some(id)) = (within, query.version_marker) else {
            return Ok((outside, same));
        };
        let index = self.shared.index.read();
        let Some(version) = rows::version(&*index, bucket, &key, &id)? else {
            return Ok((entry::object_after(bucket, key.as_bytes()), same));
        };
        let mut from = entry::object_key(bucket, &key, version.sequence);
        same.goes_on(&from);
        from.push(0);
        Ok((from, same))
    }

    pub(crate) fn list_started(
        &self,
        bucket: BucketId,
        query: &UploadQuery,
    ) -> Result<UploadPage, StoreError> {
        self.check_bucket(bucket)?;
        if query.max == 0 {
            return Ok(UploadPage::default());
        }
        let space = Space::uploads(bucket);
        let mut page = Page::new(&query.prefix, &query.delimiter, query.max);
        let within = (space.prefix)(bucket, query.prefix.as_bytes());
        let from = self.uploads_start(bucket, query, &page, &space)?;
        walk(&self.shared, &within, from, |row, value| {
            let name = key_in(row, UPLOAD_TAIL_BYTES)?;
            Ok(match page.take(&name) {
                Taken::Full => Next::Stop,
                Taken::Common(len) => space.behind(&name, len),
                Taken::Entry => {
                    page.entries.push(upload_entry(&name, row, value)?);
                    Next::Row
                }
            })
        })?;
        let last = last_of(
            page.entries.last().map(|e| e.key.as_str()),
            &page.common_prefixes,
        );
        let at = page
            .entries
            .last()
            .filter(|e| e.key.as_str() == last)
            .map(|e| e.upload);
        Ok(UploadPage {
            next: page.truncated.then_some((last, at)),
            uploads: page.entries,
            common_prefixes: page.common_prefixes,
        })
    }

    fn uploads_start<T>(
        &self,
        bucket: BucketId,
        query: &UploadQuery,
        page: &Page<'_, T>,
        space: &Space,
    ) -> Result<Vec<u8>, BadRow> {
        let outside = page.start(&query.key_marker, space);
        let key = ObjectKey::parse(&query.key_marker).ok();
        let within = key.filter(|key| key.as_str().starts_with(&query.prefix));
        let (Some(key), Some(upload)) = (within, query.upload_marker) else {
            return Ok(outside);
        };
        let of = UploadRef {
            bucket,
            key,
            upload,
        };
        let index = self.shared.index.read();
        let Some((sequence, _)) = rows::upload(&*index, &of)? else {
            return Ok(outside);
        };
        let mut from = entry::upload_key(bucket, &of.key, sequence, upload);
        from.push(0);
        Ok(from)
    }
}

/// The first row behind all versions of a key.
fn behind_versions(versions: &[u8]) -> Next {
    entry::prefix_end(versions.to_vec()).map_or(Next::Stop, Next::Seek)
}

fn upload_entry(name: &str, row: &[u8], value: &[u8]) -> Result<UploadEntry, BadRow> {
    let upload = row.last_chunk::<16>().map(|id| UploadId(*id));
    let upload = upload.ok_or(BadRow("its key is too short"))?;
    match rows::decode(value)? {
        Entry::Upload(entry) => Ok(UploadEntry {
            key: object_key(name)?,
            upload,
            initiated: entry.initiated,
            checksum: entry.checksum,
        }),
        _ => Err(BadRow("it is no upload")),
    }
}
