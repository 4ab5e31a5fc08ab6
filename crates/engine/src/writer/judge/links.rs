//! One-time links: of many uses the first one judged wins. Their rows are no index rows, so what
//! this frame has changed already stands beside the catalog.

use super::Judge;
use crate::{
    ledger::{self, PURGED_BY_USE_MAX, Row},
    teeth::{self, Bug},
};
use blockhouse_format::record::Body;
use blockhouse_store::{LinkError, LinkState, LinkUse, ResumeHash, StoreError, TransferEnd};
use blockhouse_types::{LinkId, Timestamp};

impl Judge<'_> {
    /// Uses a link up; `state` is what its use begins with.
    pub(super) fn use_link(&mut self, usage: &LinkUse, state: LinkState) -> Result<(), LinkError> {
        self.check_use(usage)?;
        self.note_use(usage, state)
    }

    /// Whether the link may be used. Changes nothing.
    pub(super) fn check_use(&self, usage: &LinkUse) -> Result<(), LinkError> {
        let at = self.floor.max(usage.now);
        if usage.expires <= at {
            return Err(LinkError::Expired);
        }
        if self.used(usage.link, at).is_some() && !teeth::bites(Bug::LinkUsedTwice) {
            return Err(LinkError::Used);
        }
        let max = usage.links_max;
        let fresh = self.links_fresh.get(&usage.owner).copied().unwrap_or(0);
        if fresh >= max || self.catalog.links().has(usage.owner, max - fresh, at) {
            return Err(LinkError::TooMany { max });
        }
        let bound = "control rows";
        let rows = self.catalog.len() + self.links.len();
        let admits = self
            .catalog
            .admits(&Row::of(usage, LinkState::Running).set());
        if rows >= self.control_rows_max || !admits {
            return Err(StoreError::Busy { bound }.into());
        }
        Ok(())
    }

    /// Notes a use that was checked.
    pub(super) fn note_use(&mut self, usage: &LinkUse, state: LinkState) -> Result<(), LinkError> {
        let at = self.stamp(usage.now);
        // A row that is there all the same has expired and is counted no more.
        *self.links_fresh.entry(usage.owner).or_default() += 1;
        self.purge_links(at, PURGED_BY_USE_MAX)?;
        Ok(self.set_link(Row::of(usage, state))?)
    }

    pub(super) fn resume_link(
        &mut self,
        link: LinkId,
        resume: ResumeHash,
        now: Timestamp,
    ) -> Result<(), LinkError> {
        let at = self.floor.max(now);
        let row = self.used(link, at).ok_or(LinkError::Used)?;
        if row.resume != resume || !row.used.state.may_resume(at) {
            return Err(LinkError::Used);
        }
        self.stamp(now);
        Ok(self.set_link(row.with(LinkState::Running))?)
    }

    /// The end of a transfer that does not run changes nothing.
    pub(super) fn end_link(
        &mut self,
        link: LinkId,
        end: TransferEnd,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let at = self.floor.max(now);
        match self.used(link, at) {
            Some(row) if row.used.state == LinkState::Running => {
                self.stamp(now);
                self.set_link(row.with(row.used.state.ended(end, at)))
            }
            _ => Ok(()),
        }
    }

    /// Logs what recovery made of transfers that ran when the last run ended.
    pub(super) fn note_interrupted(&mut self, rows: Vec<Row>) {
        for row in rows {
            if let Err(error) = self.set_link(row) {
                // Another restart would interrupt it anew; nothing else depends on the record.
                tracing::warn!(%error, "an interrupted transfer was not noted");
            }
        }
    }

    /// Removes some of the rows that have expired.
    pub(super) fn purge_links(&mut self, at: Timestamp, max: usize) -> Result<(), StoreError> {
        let catalog = self.catalog;
        let expired = catalog.links().expired(at);
        let expired = expired.filter(|link| !self.links.contains_key(link));
        for link in expired.take(max).collect::<Vec<_>>() {
            self.links.insert(link, None);
            self.push(&Body::Control(ledger::remove(link)))?;
        }
        Ok(())
    }

    fn used(&self, link: LinkId, at: Timestamp) -> Option<Row> {
        match self.links.get(&link) {
            Some(row) => row.filter(|row| row.used.expires > at),
            None => self.catalog.links().find(link, at).copied(),
        }
    }

    fn set_link(&mut self, row: Row) -> Result<(), StoreError> {
        self.links.insert(row.used.link, Some(row));
        self.push(&Body::Control(row.set())).map(drop)
    }
}
