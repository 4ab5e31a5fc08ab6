//! Revocations: one is judged alone in its frame, so the catalog says all there is.

use super::Judge;
use crate::revocations::{self, PURGED_REVOCATIONS_MAX};
use blockhouse_format::record::Body;
use blockhouse_store::{Revoke, RevokeError, StoreError};
use blockhouse_types::Timestamp;

impl Judge<'_> {
    pub(super) fn revoke(&mut self, order: Revoke) -> Result<(), RevokeError> {
        let Revoke {
            revocation,
            now,
            revocations_max: max,
        } = order;
        let (at, known) = (self.floor.max(now), self.catalog.revocations());
        let old = known.find(&revocations::key_of(&revocation), at);
        if old.is_none() && known.has(revocation.owner, max, at) {
            return Err(RevokeError::TooMany { max });
        }
        let united = match old {
            Some(old) => revocation.united(old),
            None => revocation,
        };
        let change = revocations::set(&united);
        if self.catalog.len() >= self.control_rows_max || !self.catalog.admits(&change) {
            let bound = "control rows";
            return Err(StoreError::Busy { bound }.into());
        }
        self.stamp(now);
        self.push(&Body::Control(change))?;
        Ok(())
    }

    /// Removes some of the rows whose time is over.
    pub(super) fn purge_revocations(&mut self, at: Timestamp) -> Result<(), StoreError> {
        let over = self.catalog.revocations().over(at);
        for key in over.take(PURGED_REVOCATIONS_MAX) {
            self.push(&Body::Control(revocations::remove(key.clone())))?;
        }
        Ok(())
    }
}
