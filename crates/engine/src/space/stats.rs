use super::Space;
use blockhouse_format::GroupState;

/// Groups per state and bytes, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpaceStats {
    /// Groups in all.
    pub groups: u32,
    /// Groups that may be taken, the reserve included.
    pub groups_free: u32,
    /// Dead groups that a checkpoint still protects.
    pub groups_freeing: u32,
    /// Groups being written.
    pub groups_open: u32,
    /// Groups that are full or were left.
    pub groups_sealed: u32,
    /// Free groups kept for deletes, checkpoints and the log.
    pub groups_reserved: u32,
    /// Bytes of one group.
    pub group_bytes: u64,
    /// Bytes that are referred to.
    pub live_bytes: u64,
    /// Bytes in open and sealed groups that nothing refers to.
    pub dead_bytes: u64,
    /// Bytes in free groups.
    pub free_bytes: u64,
}

impl Space {
    /// The table in numbers.
    pub(crate) fn stats(&self) -> SpaceStats {
        let group_bytes = u64::from(self.layout.payload().len() as u32);
        let mut stats = SpaceStats {
            groups: self.layout.groups(),
            groups_free: self.free,
            groups_reserved: self.reserve(),
            group_bytes,
            free_bytes: u64::from(self.free) * group_bytes,
            ..SpaceStats::default()
        };
        for group in &self.groups {
            match group.state {
                GroupState::Free => continue,
                GroupState::Open => stats.groups_open += 1,
                GroupState::Sealed => stats.groups_sealed += 1,
                GroupState::Freeing => stats.groups_freeing += 1,
            }
            stats.live_bytes += group.live_bytes;
            stats.dead_bytes += group_bytes.saturating_sub(group.live_bytes);
        }
        stats
    }
}
