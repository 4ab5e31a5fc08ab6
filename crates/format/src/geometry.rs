//! How a device is cut into segments.
//!
//! ```text
//!  0        1 MiB                    middle                         end
//!  ├S─ room ─┼S┬── segments ... ──┬──┼S┬── segments ... ──┬─────┬──S┤
//! ```
//! The four superblock copies (S) lie where a partitioning tool, a stray `dd` or one bad region can
//! not reach all of them; segments keep clear of each.

use crate::{BLOCK_BYTES, DecodeError, SegmentNo, superblock};
use std::ops::Range;

/// Smallest segment, in bytes; for tests.
pub const SEGMENT_BYTES_MIN: u32 = 64 << 10;
/// Largest segment, in bytes.
pub const SEGMENT_BYTES_MAX: u32 = 64 << 20;
/// Smallest device, in bytes: below it the superblock copies would touch each other.
pub const DEVICE_BYTES_MIN: u64 = 4 << 20;

/// Segments begin at multiples of this, in bytes: the erase unit that most devices discard by.
const ALIGN_BYTES: u64 = 64 << 10;
/// Many enough that a few groups in reserve are a small part of the device.
const SEGMENTS_WANTED: u64 = 256;
const BLOCK: u64 = BLOCK_BYTES as u64;

/// The segments of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    segment_bytes: u32,
    /// Before the middle copy.
    first: Region,
    /// Behind it.
    second: Region,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Region {
    start: u64,
    segments: u32,
}

impl Region {
    fn between(start: u64, end: u64, segment_bytes: u32) -> Self {
        let start = start.next_multiple_of(ALIGN_BYTES);
        let segments = end.saturating_sub(start) / u64::from(segment_bytes);
        Self {
            start,
            segments: u32::try_from(segments).unwrap_or(u32::MAX / 2),
        }
    }

    fn offset(&self, nth: u32, segment_bytes: u32) -> u64 {
        self.start + u64::from(nth) * u64::from(segment_bytes)
    }
}

impl Geometry {
    /// The segment size that suits a device of `device_bytes`: a power of two near 1/256 of it,
    /// within 1 MiB and [`SEGMENT_BYTES_MAX`].
    pub fn segment_bytes_for(device_bytes: u64) -> u32 {
        let wanted = (device_bytes / SEGMENTS_WANTED).max(1 << 20);
        let power = 1u64 << wanted.ilog2();
        u32::try_from(power)
            .unwrap_or(SEGMENT_BYTES_MAX)
            .min(SEGMENT_BYTES_MAX)
    }

    /// The segments of a device of `device_bytes`; refuses devices and segments that are too small,
    /// and segments that are no power of two.
    pub fn new(device_bytes: u64, segment_bytes: u32) -> Result<Self, DecodeError> {
        let field = |field| DecodeError::Field {
            structure: "geometry",
            field,
        };
        let sizes = SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX;
        if !sizes.contains(&segment_bytes) || !segment_bytes.is_power_of_two() {
            return Err(field("segment size"));
        }
        if device_bytes < DEVICE_BYTES_MIN {
            return Err(field("device length"));
        }
        let [_, early, middle, end] = superblock::copies(device_bytes);
        Ok(Self {
            segment_bytes,
            first: Region::between(early + BLOCK, middle, segment_bytes),
            second: Region::between(middle + BLOCK, end, segment_bytes),
        })
    }

    /// Length of a segment, in bytes.
    pub fn segment_bytes(&self) -> u32 {
        self.segment_bytes
    }

    /// How many segments there are.
    pub fn segments(&self) -> u32 {
        self.first.segments.saturating_add(self.second.segments)
    }

    /// Where a segment begins on the device; `None` beyond the last one.
    pub fn offset_bytes(&self, segment: SegmentNo) -> Option<u64> {
        match segment.0.checked_sub(self.first.segments) {
            None => Some(self.first.offset(segment.0, self.segment_bytes)),
            Some(nth) if nth < self.second.segments => {
                Some(self.second.offset(nth, self.segment_bytes))
            }
            Some(_) => None,
        }
    }

    /// The offsets within a segment that frames, shards and sections may take: between its header
    /// and its footer.
    pub fn payload(&self) -> Range<u32> {
        BLOCK_BYTES as u32..self.segment_bytes - BLOCK_BYTES as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_follow_the_device() {
        assert_eq!(Geometry::segment_bytes_for(0), 1 << 20);
        assert_eq!(Geometry::segment_bytes_for(1 << 30), 4 << 20);
        assert_eq!(Geometry::segment_bytes_for(100 << 30), SEGMENT_BYTES_MAX);
        assert!(Geometry::new(DEVICE_BYTES_MIN - 1, 64 << 10).is_err());
        assert!(Geometry::new(1 << 30, 3 << 20).is_err());
        assert!(Geometry::new(1 << 30, 32 << 10).is_err());
    }

    proptest! {
        /// No segment touches another one, a superblock copy or the end of the device.
        #[test]
        fn segments_keep_clear(device in DEVICE_BYTES_MIN..(1u64 << 36), power in 16u32..27) {
            let geometry = Geometry::new(device, 1 << power).unwrap();
            let mut taken: Vec<(u64, u64)> =
                superblock::copies(device).iter().map(|c| (*c, c + BLOCK)).collect();
            let step = (geometry.segments() / 500).max(1);
            let edges = [geometry.first.segments.saturating_sub(1), geometry.first.segments];
            let some = (0..geometry.segments()).step_by(step as usize).chain(edges);
            let mut numbers: Vec<u32> = some.filter(|n| *n < geometry.segments()).collect();
            numbers.sort_unstable();
            numbers.dedup();
            for n in numbers {
                let start = geometry.offset_bytes(SegmentNo(n)).unwrap();
                taken.push((start, start + u64::from(geometry.segment_bytes())));
            }
            taken.sort_unstable();
            prop_assert!(taken.windows(2).all(|w| w[0].1 <= w[1].0));
            prop_assert!(taken.iter().all(|(s, e)| s % BLOCK == 0 && *e <= device));
            prop_assert_eq!(geometry.offset_bytes(SegmentNo(geometry.segments())), None);
        }
    }
}
