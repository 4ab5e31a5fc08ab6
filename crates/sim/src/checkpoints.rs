//! Both checkpoints that a superblock names are whole, at every instant.
//!
//! An engine that loses one of them falls back to the other and replays more, so nobody would see
//! the loss; until the other is gone as well. Therefore this is looked up on the media themselves,
//! with nothing of the engine.

use crate::check::Broken;
use blockhouse_device::{BLOCK_BYTES, sim::Media};
use blockhouse_format::{
    CheckpointRoot, CheckpointSlot, DecodeError, Geometry, GroupId, SegmentNo, Superblock, choose,
    copies,
};

/// Checks what the superblock of each device names.
///
/// # Errors
/// A checkpoint is not whole.
pub(crate) fn whole(media: &[Media]) -> Result<(), Broken> {
    for (device, media) in media.iter().enumerate() {
        let broken = |why: String| Broken::Rule(format!("device {device}: {why}"));
        let read = |offset| Superblock::decode(&read(media, offset, BLOCK_BYTES));
        let chosen = choose(&copies(media.len_bytes()).map(read));
        let superblock = chosen.map_err(|error| broken(error.to_string()))?;
        let geometry = superblock
            .geometry()
            .map_err(|error| broken(error.to_string()))?;
        for slot in superblock.checkpoints() {
            sections(media, &geometry, &slot).map_err(|error| {
                broken(format!(
                    "the checkpoint at lsn {} is not whole: {error}",
                    slot.lsn
                ))
            })?;
        }
    }
    Ok(())
}

fn sections(media: &Media, geometry: &Geometry, slot: &CheckpointSlot) -> Result<(), DecodeError> {
    let root = section(
        media,
        geometry,
        slot.group,
        slot.offset_bytes,
        slot.len_bytes,
    )?;
    slot.verify(&root)?;
    for pointer in CheckpointRoot::decode(&root)?.pointers() {
        let place = (pointer.offset_bytes, pointer.len_bytes);
        pointer.verify(&section(media, geometry, pointer.group, place.0, place.1)?)?;
    }
    Ok(())
}

fn section(
    media: &Media,
    geometry: &Geometry,
    group: GroupId,
    offset_bytes: u32,
    len_bytes: u32,
) -> Result<Vec<u8>, DecodeError> {
    // In a pool of mirrors group n is segment n of every device.
    let start = geometry.offset_bytes(SegmentNo(group.0));
    let outside = DecodeError::Field {
        structure: "checkpoint pointer",
        field: "group",
    };
    let offset = start.ok_or(outside)? + u64::from(offset_bytes);
    Ok(read(media, offset, len_bytes as usize))
}

fn read(media: &Media, offset: u64, len_bytes: usize) -> Vec<u8> {
    let mut bytes = vec![0; len_bytes];
    media.read(offset, &mut bytes);
    bytes
}
