//! Listings, written as the contract says them: walk everything in order, skip what lies before
//! the marker, roll up, stop when the page is full.

use super::{State, Upload, Version};
use crate::{
    KeyPage, KeyQuery, UploadEntry, UploadPage, UploadQuery, VersionEntry, VersionPage,
    VersionQuery,
};
use blockhouse_types::{BucketId, ETag, ObjectKey};

/// What a page gathers: entries and common prefixes, up to a number of both together.
struct Page<'a, T> {
    prefix: &'a str,
    delimiter: &'a str,
    max: usize,
    entries: Vec<T>,
    common_prefixes: Vec<String>,
    truncated: bool,
}

impl<'a, T> Page<'a, T> {
    fn new(prefix: &'a str, delimiter: &'a str, max: usize) -> Self {
        Self {
            prefix,
            delimiter,
            max,
            entries: Vec::new(),
            common_prefixes: Vec::new(),
            truncated: false,
        }
    }

    /// The common prefix that `key` is rolled up into.
    fn common<'k>(&self, key: &'k str) -> Option<&'k str> {
        if self.delimiter.is_empty() {
            return None;
        }
        let at = key.get(self.prefix.len()..)?.find(self.delimiter)?;
        key.get(..self.prefix.len() + at + self.delimiter.len())
    }

    /// Whether `key` lies wholly before a page that begins after `marker`.
    fn is_before(&self, key: &str, marker: &str) -> bool {
        key <= marker || (self.common(marker) == Some(marker) && key.starts_with(marker))
    }

    /// Takes a key; false when the page was full, and then it knows that more follows.
    fn take(&mut self, key: &str, entry: impl FnOnce() -> T) -> bool {
        let common = self.common(key);
        if common.is_some() && self.common_prefixes.last().map(String::as_str) == common {
            return true;
        }
        if self.entries.len() + self.common_prefixes.len() >= self.max {
            self.truncated = self.max > 0;
            return false;
        }
        match common {
            Some(common) => self.common_prefixes.push(common.to_owned()),
            None => self.entries.push(entry()),
        }
        true
    }
}

fn entry(key: &ObjectKey, version: &Version, latest: bool) -> VersionEntry {
    let info = version.object.as_ref().map(|(info, _)| info);
    VersionEntry {
        key: key.clone(),
        version: version.id,
        latest,
        kind: version.kind(),
        modified: version.modified,
        etag: info.map_or(ETag::of_body([0; 16]), |i| i.etag),
        size: info.map_or(0, |i| i.size),
        checksum: info
            .and_then(|i| i.checksum.as_ref())
            .map(|c| (c.algorithm(), c.kind())),
    }
}

fn last_of(entries: Option<&str>, prefixes: Option<&String>) -> String {
    let (entry, prefix) = (entries.unwrap_or(""), prefixes.map_or("", String::as_str));
    entry.max(prefix).to_owned()
}

pub(super) fn keys(state: &State, bucket: BucketId, query: &KeyQuery) -> KeyPage {
    let mut page = Page::new(&query.prefix, &query.delimiter, query.max);
    for ((of, key), versions) in &state.objects {
        let name = key.as_str();
        let current = versions.first().filter(|v| v.object.is_some());
        let Some(current) = current.filter(|_| *of == bucket && name.starts_with(&query.prefix))
        else {
            continue;
        };
        if page.is_before(name, &query.after) {
            continue;
        }
        if !page.take(name, || entry(key, current, true)) {
            break;
        }
    }
    let last = last_of(
        page.entries.last().map(|e| e.key.as_str()),
        page.common_prefixes.last(),
    );
    KeyPage {
        objects: page.entries,
        common_prefixes: page.common_prefixes,
        next: page.truncated.then_some(last),
    }
}

pub(super) fn versions(state: &State, bucket: BucketId, query: &VersionQuery) -> VersionPage {
    let mut page = Page::new(&query.prefix, &query.delimiter, query.max);
    'keys: for ((of, key), versions) in &state.objects {
        let name = key.as_str();
        if *of != bucket || !name.starts_with(&query.prefix) {
            continue;
        }
        let within = query.version_marker.filter(|_| name == query.key_marker);
        if within.is_none() && page.is_before(name, &query.key_marker) {
            continue;
        }
        let skipped = within.map_or(0, |marker| {
            versions
                .iter()
                .position(|v| v.id == marker)
                .map_or(versions.len(), |at| at + 1)
        });
        for (at, version) in versions.iter().enumerate().skip(skipped) {
            if !page.take(name, || entry(key, version, at == 0)) {
                break 'keys;
            }
        }
    }
    let last = last_of(
        page.entries.last().map(|e| e.key.as_str()),
        page.common_prefixes.last(),
    );
    let version = page
        .entries
        .last()
        .filter(|e| e.key.as_str() == last)
        .map(|e| e.version);
    VersionPage {
        next: page.truncated.then_some((last, version)),
        versions: page.entries,
        common_prefixes: page.common_prefixes,
    }
}

pub(super) fn uploads(state: &State, bucket: BucketId, query: &UploadQuery) -> UploadPage {
    let mut page = Page::new(&query.prefix, &query.delimiter, query.max);
    let mut all: Vec<&Upload> = state
        .uploads
        .values()
        .filter(|u| u.of.bucket == bucket)
        .collect();
    all.sort_by_key(|u| (&u.of.key, u.sequence));
    let marker = query
        .upload_marker
        .and_then(|id| state.uploads.get(&id))
        .map(|u| u.sequence);
    for upload in all {
        let name = upload.of.key.as_str();
        if !name.starts_with(&query.prefix) {
            continue;
        }
        let goes_on = name == query.key_marker && marker.is_some_and(|m| upload.sequence > m);
        if !goes_on && page.is_before(name, &query.key_marker) {
            continue;
        }
        let entry = || UploadEntry {
            key: upload.of.key.clone(),
            upload: upload.of.upload,
            initiated: upload.initiated,
            checksum: upload.checksum,
        };
        if !page.take(name, entry) {
            break;
        }
    }
    let last = last_of(
        page.entries.last().map(|e| e.key.as_str()),
        page.common_prefixes.last(),
    );
    let upload = page
        .entries
        .last()
        .filter(|e| e.key.as_str() == last)
        .map(|e| e.upload);
    UploadPage {
        next: page.truncated.then_some((last, upload)),
        uploads: page.entries,
        common_prefixes: page.common_prefixes,
    }
}
