//! Readers hold groups.

use blockhouse_format::GroupId;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// How many readers hold each group, by group number. Shared by every thread.
#[derive(Debug, Clone)]
pub(crate) struct Pins(Arc<[AtomicU32]>);

impl Pins {
    pub(crate) fn new(groups: u32) -> Self {
        Self((0..groups).map(|_| AtomicU32::new(0)).collect())
    }

    /// Holds a group. To be called while the index row that names it cannot go away.
    pub(crate) fn pin(&self, group: GroupId) -> Pin {
        if let Some(count) = self.0.get(group.0 as usize) {
            count.fetch_add(1, Ordering::AcqRel);
        }
        Pin {
            pins: self.clone(),
            group,
        }
    }

    pub(super) fn is_pinned(&self, group: u32) -> bool {
        self.0
            .get(group as usize)
            .is_some_and(|count| count.load(Ordering::Acquire) > 0)
    }
}

/// While it lives, its group is not given again.
#[derive(Debug)]
pub(crate) struct Pin {
    pins: Pins,
    group: GroupId,
}

impl Drop for Pin {
    fn drop(&mut self) {
        if let Some(count) = self.pins.0.get(self.group.0 as usize) {
            count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
