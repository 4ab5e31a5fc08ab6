//! Where a group lies on each device.
//!
//! Group `n` is segment `n` on every device of the pool; the smallest device decides how many there
//! are. With one device a group is one segment, with two it is a mirror.

use blockhouse_format::{
    DecodeError, DeviceIndex, DeviceRow, Geometry, GroupId, Member, SegmentNo,
};
use std::{ops::Range, sync::Arc};

/// Most devices of a pool today. The format has room for more.
pub(crate) const DEVICES_MAX: usize = 2;

/// The segments of all devices of a pool.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    devices: Arc<[Geometry]>,
    payload: (u32, u32),
    groups: u32,
}

impl Layout {
    /// From the pool's table of devices.
    pub(crate) fn new(rows: &[DeviceRow], segment_bytes: u32) -> Result<Self, DecodeError> {
        let wrong = DecodeError::Field {
            structure: "superblock",
            field: "number of devices",
        };
        let devices = rows
            .iter()
            .map(|row| Geometry::new(row.len_bytes, segment_bytes))
            .collect::<Result<Vec<_>, _>>()?;
        let groups = devices.iter().map(Geometry::segments).min().ok_or(wrong)?;
        let payload = devices.first().map(Geometry::payload).ok_or(wrong)?;
        if devices.len() > DEVICES_MAX {
            return Err(wrong);
        }
        Ok(Self {
            devices: devices.into(),
            payload: (payload.start, payload.end),
            groups,
        })
    }

    /// How many groups there are.
    pub(crate) fn groups(&self) -> u32 {
        self.groups
    }

    /// How many devices the pool has, present or not.
    pub(crate) fn devices(&self) -> usize {
        self.devices.len()
    }

    /// The offsets within a segment that hold content.
    pub(crate) fn payload(&self) -> Range<u32> {
        self.payload.0..self.payload.1
    }

    /// The place of `offset_bytes` within a group, on a device. `None` for what no device has.
    pub(crate) fn place(&self, device: usize, group: GroupId, offset_bytes: u32) -> Option<u64> {
        let geometry = self.devices.get(device)?;
        let start = geometry.offset_bytes(SegmentNo(group.0))?;
        (offset_bytes <= geometry.segment_bytes()).then(|| start + u64::from(offset_bytes))
    }

    /// The group's segments.
    pub(crate) fn members(&self, group: GroupId) -> impl Iterator<Item = Member> + use<> {
        (0..self.devices.len() as u8).map(move |device| Member {
            device: DeviceIndex(device),
            segment: SegmentNo(group.0),
        })
    }
}
