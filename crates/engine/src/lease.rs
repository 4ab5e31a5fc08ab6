//! What a body holds while it is on its way: bytes of memory, and data groups.

use crate::{error::Refused, shared::Shared};
use blockhouse_format::GroupId;
use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

/// Data groups that have bytes of a body which no row refers to yet. While it lives they are not
/// given again.
pub(crate) struct DataLease {
    shared: Arc<Shared>,
    groups: Vec<GroupId>,
}

impl DataLease {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            groups: Vec::new(),
        }
    }

    /// The body has become a writer of this group.
    pub(crate) fn add(&mut self, group: GroupId) {
        self.groups.push(group);
    }
}

impl Drop for DataLease {
    fn drop(&mut self) {
        if self.groups.is_empty() {
            return;
        }
        let mut space = self.shared.space.lock();
        for group in &self.groups {
            space.end_write(*group);
        }
    }
}

impl fmt::Debug for DataLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataLease({:?})", self.groups)
    }
}

/// Bytes of memory that a body takes; see [`crate::EngineConfig::body_bytes_max`].
pub(crate) struct Credit {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Credit {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, bytes: 0 }
    }

    /// Takes more, or refuses.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), Refused> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let before = self.shared.body_bytes.fetch_add(more, Ordering::AcqRel);
        self.bytes += more;
        if before + more > self.shared.config.body_bytes_max {
            return Err(Refused::Busy("bytes of bodies in flight"));
        }
        Ok(())
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.shared
            .body_bytes
            .fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
