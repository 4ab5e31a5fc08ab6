//! The desired state: one value, replaced whole.

use super::State;
use crate::{ApplyError, DesiredChange};

impl State {
    pub(super) fn apply_desired(&mut self, change: DesiredChange) -> Result<u64, ApplyError> {
        self.desired.check(&change)?;
        self.desired.changed = self.commit(change.now);
        self.desired.version += 1;
        for (name, row) in change.rows {
            self.desired.set(&name, row);
        }
        Ok(self.desired.version)
    }
}
