//! Small objects that were read lately, in memory.
//!
//! O_DIRECT leaves the kernel's page cache aside, so that a hot small object would cost a device
//! read each time. This cache keeps what such a read gave, after it was verified: one of its own
//! for each I/O thread, so that no lock is on the way.
//!
//! It can never be stale: an entry is found by the place of its record (group, generation, offset),
//! what lies at a place never changes, and every read asks the index first which place counts now.
//! What is overwritten or deleted is simply not asked for again and falls out at the back.
//!
//! It forgets by second chance: a queue in order of arrival, where an entry that was asked for
//! since it was last looked at goes to the end once more (Corbató's CLOCK, 1968).

use crate::stats::Counters;
use blockhouse_format::{Generation, GroupId, record::RecordPlace};
use blockhouse_store::ObjectInfo;
use bytes::Bytes;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Longer objects are not kept: their read costs little beside sending them.
const OBJECT_BYTES_MAX: u64 = 64 << 10;

/// What an entry costs beyond its bytes, by a generous estimate.
const ENTRY_BYTES: usize = 512;

/// Where a record lies, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    group: GroupId,
    generation: Generation,
    offset_bytes: u32,
}

impl Place {
    fn of(record: &RecordPlace) -> Self {
        Self {
            group: record.group,
            generation: record.generation,
            offset_bytes: record.offset_bytes,
        }
    }
}

#[derive(Debug)]
struct Entry {
    info: Arc<ObjectInfo>,
    bytes: Bytes,
    asked: bool,
}

impl Entry {
    fn cost_bytes(&self) -> usize {
        ENTRY_BYTES + self.bytes.len()
    }
}

/// One thread's cache.
#[derive(Debug)]
pub(crate) struct ReadCache {
    max_bytes: usize,
    held_bytes: usize,
    entries: HashMap<Place, Entry>,
    queue: VecDeque<Place>,
}

impl ReadCache {
    /// A cache that holds at most so many bytes; 0 keeps nothing.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            held_bytes: 0,
            entries: HashMap::new(),
            queue: VecDeque::new(),
        }
    }

    /// The object whose record lies there, if it is kept.
    pub(crate) fn get(
        &mut self,
        record: &RecordPlace,
        counters: &Counters,
    ) -> Option<(Arc<ObjectInfo>, Bytes)> {
        let entry = self.entries.get_mut(&Place::of(record))?;
        entry.asked = true;
        counters.cache_hits.add(1);
        Some((Arc::clone(&entry.info), entry.bytes.clone()))
    }

    /// Keeps a verified object. The bytes are copied, so that no read buffer is held.
    pub(crate) fn put(&mut self, record: &RecordPlace, info: &Arc<ObjectInfo>, bytes: &[u8]) {
        if info.size > OBJECT_BYTES_MAX {
            return;
        }
        let entry = Entry {
            info: Arc::clone(info),
            bytes: Bytes::copy_from_slice(bytes),
            asked: false,
        };
        let (place, cost) = (Place::of(record), entry.cost_bytes());
        if cost > self.max_bytes || self.entries.contains_key(&place) {
            return;
        }
        self.make_room(cost);
        self.held_bytes += cost;
        self.entries.insert(place, entry);
        self.queue.push_back(place);
    }

    fn make_room(&mut self, cost: usize) {
        while self.held_bytes + cost > self.max_bytes {
            let Some(place) = self.queue.pop_front() else {
                return;
            };
            match self.entries.get_mut(&place) {
                Some(entry) if entry.asked => {
                    entry.asked = false;
                    self.queue.push_back(place);
                }
                Some(entry) => {
                    self.held_bytes -= entry.cost_bytes();
                    self.entries.remove(&place);
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_store::ObjectAttributes;
    use blockhouse_types::{ETag, ObjectKey, Timestamp, VersionId};

    fn place(offset_bytes: u32, generation: u32) -> RecordPlace {
        RecordPlace {
            group: GroupId(3),
            generation: Generation(generation),
            offset_bytes,
            len_bytes: 100,
        }
    }

    fn object(size: u64) -> Arc<ObjectInfo> {
        Arc::new(ObjectInfo {
            key: ObjectKey::parse("k").unwrap(),
            version: VersionId::NULL,
            size,
            etag: ETag::of_body([0; 16]),
            modified: Timestamp::default(),
            attributes: ObjectAttributes::default(),
            checksum: None,
            parts: Vec::new(),
        })
    }

    #[test]
    fn gives_what_it_was_given_at_that_place_and_generation() {
        let (mut cache, counters) = (ReadCache::new(1 << 20), Counters::default());
        cache.put(&place(0, 1), &object(3), b"abc");
        let (info, bytes) = cache.get(&place(0, 1), &counters).unwrap();
        assert_eq!((info.size, &bytes[..]), (3, &b"abc"[..]));
        assert!(cache.get(&place(0, 2), &counters).is_none());
        assert!(cache.get(&place(4096, 1), &counters).is_none());
        assert_eq!(counters.cache_hits.get(), 1);
    }

    #[test]
    fn keeps_its_bound_and_what_is_asked_for() {
        let (mut cache, counters) = (ReadCache::new(10 * 1512), Counters::default());
        for n in 0..100 {
            cache.put(&place(n * 4096, 1), &object(1000), &[7; 1000]);
            assert!(cache.held_bytes <= cache.max_bytes);
            assert_eq!(cache.entries.len(), cache.queue.len());
            assert!(cache.get(&place(0, 1), &counters).is_some(), "after {n}");
        }
        assert_eq!(cache.entries.len(), 10);
    }

    #[test]
    fn keeps_nothing_long_and_nothing_at_all_without_room() {
        let counters = Counters::default();
        let mut cache = ReadCache::new(1 << 30);
        cache.put(&place(0, 1), &object(OBJECT_BYTES_MAX + 1), &[0; 65_537]);
        assert!(cache.get(&place(0, 1), &counters).is_none());
        let mut none = ReadCache::new(0);
        none.put(&place(0, 1), &object(1), b"a");
        assert!(none.entries.is_empty());
    }
}
