//! Changes of the desired state: one is judged alone in its frame, so that it is applied whole.

use super::Judge;
use crate::desired;
use blockhouse_format::record::{Body, Control};
use blockhouse_store::{ApplyError, DesiredChange, StoreError};

impl Judge<'_> {
    pub(super) fn apply_desired(&mut self, change: &DesiredChange) -> Result<u64, ApplyError> {
        let before = self.catalog.desired();
        before.check(change)?;
        let busy = |bound| Err(StoreError::Busy { bound }.into());
        // Nothing is in the frame yet, and nothing is if not everything fits.
        if desired::room_bytes(change) > self.frame.room_bytes() {
            return busy("bytes of a frame");
        }
        let version = before.version + 1;
        let rows: Vec<Control> = change
            .rows
            .iter()
            .map(|(name, row)| desired::set(name, row.as_deref()))
            .collect();
        if self.catalog.len() + rows.len() >= self.control_rows_max || !self.catalog.admit(&rows) {
            return busy("control rows");
        }
        let changed = self.stamp(change.now);
        let head = desired::set_version(version, changed);
        for row in rows.into_iter().chain([head]) {
            self.push(&Body::Control(row))?;
        }
        Ok(version)
    }
}
