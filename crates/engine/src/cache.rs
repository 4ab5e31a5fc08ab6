//! What was read lately, in memory.
//!
//! O_DIRECT leaves the kernel's page cache aside, so that a hot object would cost a device read each
//! time. This cache keeps what such a read gave, after it was verified: one of its own for each I/O
//! thread, so that no lock is on the way. It has two parts, so that neither pushes the other out:
//! *objects*, each its head and, if it is short, its bytes; and *pieces*, the longer runs of bytes.
//!
//! It can never be stale: an entry is found by the place of what was read (group, generation,
//! offset), what lies at a place never changes, and every read asks the index first which place
//! counts now. What is overwritten or deleted is simply not asked for again and falls out at the back.
//!
//! Each part forgets by second chance: a queue in order of arrival, where an entry that was asked for
//! since it was last looked at goes to the end once more (Corbató's CLOCK, 1968). A piece is kept when
//! it is read for the second time within a while, so that a backup that reads everything once pushes
//! nothing out (2Q's A1out; Johnson and Shasha, VLDB 1994). Pieces lie in memory that the kernel can
//! send without copying it ([`PagePool`]).

use crate::stats::Counters;
use blockhouse_device::PagePool;
use blockhouse_format::{
    Extent, Generation, GroupId, SHARD_DATA_BYTES_MAX, Shard, record::RecordPlace,
};
use blockhouse_store::ObjectInfo;
use bytes::Bytes;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    mem::size_of,
    sync::Arc,
};

/// Longer bytes are pieces, in bytes.
const SHORT_BYTES_MAX: usize = 64 << 10;

/// The longest piece, in bytes: a whole shard.
const PIECE_BYTES_MAX: usize = SHARD_DATA_BYTES_MAX as usize;

/// Slots for pieces that were forgotten while they are still being sent.
const SLOTS_BEHIND: usize = 64;

/// What an entry costs beyond what it holds, by a generous estimate.
const ENTRY_BYTES: usize = 512;

/// Places of pieces that were read once and are remembered for it. With pieces of 1 MiB these are
/// the last 4 GiB that were read.
const READ_ONCE_MAX: usize = 4096;

/// Where something lies, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    group: GroupId,
    generation: Generation,
    offset_bytes: u32,
}

impl From<&RecordPlace> for Place {
    fn from(record: &RecordPlace) -> Self {
        Self {
            group: record.group,
            generation: record.generation,
            offset_bytes: record.offset_bytes,
        }
    }
}

impl Place {
    /// A shard of an extent.
    pub(crate) fn of_shard(extent: &Extent, shard: &Shard) -> Self {
        Self {
            offset_bytes: shard.offset_bytes,
            ..Self::of_bytes(extent)
        }
    }

    /// An extent of bare bytes.
    pub(crate) fn of_bytes(extent: &Extent) -> Self {
        Self {
            group: extent.group,
            generation: extent.generation,
            offset_bytes: extent.offset_bytes,
        }
    }
}

/// What an entry's value takes of the room, in bytes.
trait Cost {
    fn cost_bytes(&self) -> usize;
}

/// A piece takes a slot of the pool at any length, and there is one for each such cost.
impl Cost for [u8] {
    fn cost_bytes(&self) -> usize {
        self.len().max(SHORT_BYTES_MAX)
    }
}

impl Cost for Bytes {
    fn cost_bytes(&self) -> usize {
        self[..].cost_bytes()
    }
}

/// What is known of an object.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) info: Arc<ObjectInfo>,
    /// All of its bytes, if they are short.
    pub(crate) bytes: Option<Bytes>,
}

impl Cost for Known {
    fn cost_bytes(&self) -> usize {
        let attributes = &self.info.attributes;
        let texts = attributes.headers.iter().chain(&attributes.tags);
        let texts: usize = texts.map(|(name, value)| name.len() + value.len()).sum();
        let parts = self.info.parts.len() * size_of::<blockhouse_store::PartInfo>();
        ENTRY_BYTES + texts + parts + self.bytes.as_ref().map_or(0, Bytes::len)
    }
}

/// Entries up to a number of bytes; what was not asked for goes first.
#[derive(Debug)]
struct Clock<V> {
    max_bytes: usize,
    held_bytes: usize,
    entries: HashMap<Place, Entry<V>>,
    queue: VecDeque<Place>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    asked: bool,
}

impl<V: Cost + Clone> Clock<V> {
    fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            held_bytes: 0,
            entries: HashMap::new(),
            queue: VecDeque::new(),
        }
    }

    fn get(&mut self, place: Place) -> Option<V> {
        let entry = self.entries.get_mut(&place)?;
        entry.asked = true;
        Some(entry.value.clone())
    }

    /// Keeps a value unless something is kept for that place, or it is longer than all the room.
    fn put(&mut self, place: Place, value: V) {
        let cost = value.cost_bytes();
        if cost > self.max_bytes || self.entries.contains_key(&place) {
            return;
        }
        self.make_room(cost);
        self.held_bytes += cost;
        let asked = false;
        self.entries.insert(place, Entry { value, asked });
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
                    self.held_bytes -= entry.value.cost_bytes();
                    self.entries.remove(&place);
                }
                None => {}
            }
        }
    }
}

/// The places that were read once, the last [`READ_ONCE_MAX`] of them.
#[derive(Debug, Default)]
struct ReadOnce {
    places: HashSet<Place>,
    /// In the order they came; some are no longer among the places.
    queue: VecDeque<Place>,
}

impl ReadOnce {
    /// Whether it was read before; if so it is forgotten, otherwise remembered.
    fn again(&mut self, place: Place) -> bool {
        if self.places.remove(&place) {
            return true;
        }
        self.places.insert(place);
        self.queue.push_back(place);
        if self.queue.len() > READ_ONCE_MAX
            && let Some(oldest) = self.queue.pop_front()
        {
            self.places.remove(&oldest);
        }
        false
    }
}

/// One thread's cache.
#[derive(Debug)]
pub(crate) struct ReadCache {
    objects: Clock<Known>,
    pieces: Clock<Bytes>,
    pages: Option<PagePool>,
    once: ReadOnce,
}

impl ReadCache {
    /// A cache that holds at most so many bytes of objects and of pieces; 0 keeps nothing. Where the
    /// kernel refuses the memory for pieces it keeps none, and says so.
    pub(crate) fn new(objects_max_bytes: usize, pieces_max_bytes: usize) -> Self {
        let slots = pieces_max_bytes / SHORT_BYTES_MAX;
        let pages = (slots > 0).then(|| PagePool::new(slots + SLOTS_BEHIND, PIECE_BYTES_MAX));
        let pages = pages.transpose().unwrap_or_else(|error| {
            tracing::warn!(%error, "no pieces of large objects are kept in memory");
            None
        });
        Self {
            objects: Clock::new(objects_max_bytes),
            pieces: Clock::new(pieces_max_bytes),
            pages,
            once: ReadOnce::default(),
        }
    }

    /// Where the pieces lie.
    pub(crate) fn pages(&self) -> Option<&PagePool> {
        self.pages.as_ref()
    }

    /// The object whose record lies there, if it is kept.
    pub(crate) fn object(&mut self, record: &RecordPlace) -> Option<Known> {
        self.objects.get(record.into())
    }

    /// The piece that lies there, if it is kept.
    pub(crate) fn piece(&mut self, place: Place, counters: &Counters) -> Option<Bytes> {
        let piece = self.pieces.get(place)?;
        counters.cache_piece_hits.add(1);
        Some(piece)
    }

    /// Keeps an object's head, verified, and its bytes `inline` if it has such.
    pub(crate) fn keep_object(
        &mut self,
        record: &RecordPlace,
        info: &Arc<ObjectInfo>,
        inline: Option<&[u8]>,
    ) {
        let bytes = match inline {
            Some(bytes) if bytes.len() > SHORT_BYTES_MAX => {
                self.keep_piece(record.into(), bytes);
                None
            }
            Some(bytes) if self.objects.max_bytes > 0 => Some(Bytes::copy_from_slice(bytes)),
            _ => None,
        };
        let info = Arc::clone(info);
        self.objects.put(record.into(), Known { info, bytes });
    }

    /// Keeps verified bytes that were read before not long ago. They are copied: no read buffer is held,
    /// which may be much longer, and the kernel could not send from one.
    pub(crate) fn keep_piece(&mut self, place: Place, bytes: &[u8]) {
        let Some(pages) = self.pages.as_ref() else {
            return;
        };
        let cost = bytes.cost_bytes();
        let is_kept = self.pieces.entries.contains_key(&place);
        // One that is longer than all the room must not push everything out first.
        if cost > self.pieces.max_bytes || is_kept || !self.once.again(place) {
            return;
        }
        // Before it is copied, so that there is a slot to copy it to.
        self.pieces.make_room(cost);
        if let Some(kept) = pages.keep(bytes) {
            self.pieces.put(place, Bytes::from_owner(kept));
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
        let mut cache = ReadCache::new(1 << 20, 0);
        cache.keep_object(&place(0, 1), &object(3), Some(b"abc"));
        let Known { info, bytes } = cache.object(&place(0, 1)).unwrap();
        assert_eq!((info.size, bytes), (3, Some(Bytes::from_static(b"abc"))));
        assert!(cache.object(&place(0, 2)).is_none());
        assert!(cache.object(&place(4096, 1)).is_none());
    }

    #[test]
    fn keeps_its_bound_and_what_is_asked_for() {
        let mut cache = ReadCache::new(10 * 1512, 0);
        for n in 0..100 {
            cache.keep_object(&place(n * 4096, 1), &object(1000), Some(&[7; 1000]));
            assert!(cache.objects.held_bytes <= cache.objects.max_bytes);
            assert_eq!(cache.objects.entries.len(), cache.objects.queue.len());
            assert!(cache.object(&place(0, 1)).is_some(), "after {n}");
        }
        assert_eq!(cache.objects.entries.len(), 10);
    }

    #[test]
    fn of_a_long_object_the_head_is_kept_at_once_and_the_bytes_when_read_again() {
        let (mut cache, counters) = (ReadCache::new(1 << 20, 1 << 20), Counters::default());
        let long = vec![7; SHORT_BYTES_MAX + 1];
        let at = place(0, 1);
        for kept in [false, true] {
            cache.keep_object(&at, &object(long.len() as u64), Some(&long));
            assert_eq!(cache.object(&at).unwrap().bytes, None);
            assert_eq!(cache.piece((&at).into(), &counters).is_some(), kept);
        }
        assert_eq!(counters.cache_piece_hits.get(), 1);
        assert!(cache.piece((&place(0, 2)).into(), &counters).is_none());
    }

    #[test]
    fn a_head_costs_what_is_in_it() {
        let mut info = (*object(1 << 40)).clone();
        let bare = Known {
            info: Arc::new(info.clone()),
            bytes: None,
        }
        .cost_bytes();
        info.attributes.headers = vec![("x-amz-meta-a".into(), "b".repeat(2000))];
        info.attributes.tags = vec![("k".into(), "v".into())];
        let cost = Known {
            info: Arc::new(info),
            bytes: None,
        }
        .cost_bytes();
        assert_eq!(cost - bare, 12 + 2000 + 2);
    }

    #[test]
    fn reading_everything_once_pushes_nothing_out() {
        let (mut cache, counters) = (ReadCache::new(0, 1 << 20), Counters::default());
        let piece = vec![7; 100_000];
        let hot = Place::from(&place(0, 1));
        cache.keep_piece(hot, &piece);
        cache.keep_piece(hot, &piece);
        for n in 1..3 * READ_ONCE_MAX as u32 {
            cache.keep_piece((&place(n * 4096, 1)).into(), &piece);
            assert!(cache.once.queue.len() <= READ_ONCE_MAX);
            assert!(cache.once.places.len() <= READ_ONCE_MAX);
        }
        assert_eq!(cache.piece(hot, &counters).unwrap(), piece);
        assert_eq!(cache.pieces.entries.len(), 1);
        // Too long ago: the first of them count as never read.
        cache.keep_piece((&place(4096, 1)).into(), &piece);
        assert_eq!(cache.pieces.entries.len(), 1);
    }

    #[test]
    fn what_is_longer_than_all_the_room_pushes_nothing_out() {
        let (mut cache, counters) = (ReadCache::new(0, 2 * SHORT_BYTES_MAX), Counters::default());
        let (short, long) = (Place::from(&place(0, 1)), Place::from(&place(4096, 1)));
        for _ in 0..2 {
            cache.keep_piece(short, b"short");
            cache.keep_piece(long, &vec![7; 3 * SHORT_BYTES_MAX]);
        }
        assert!(cache.piece(short, &counters).is_some());
        assert!(cache.piece(long, &counters).is_none());
    }

    #[test]
    fn keeps_nothing_without_room() {
        let mut none = ReadCache::new(0, 0);
        for _ in 0..2 {
            none.keep_object(&place(0, 1), &object(1), Some(b"a"));
            none.keep_piece((&place(0, 1)).into(), b"a");
        }
        assert!(none.objects.entries.is_empty() && none.pieces.entries.is_empty());
        assert!(none.once.places.is_empty());
    }
}
