//! Used links: a map, of which those that have expired by the floor are no more.

use super::State;
use crate::{LinkError, LinkState, LinkUse, ResumeHash, TransferEnd, UsedLink};
use blockhouse_types::{LinkId, Timestamp};

/// One link and what its resume token must be of.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) used: UsedLink,
    resume: ResumeHash,
}

impl State {
    pub(super) fn used_link(&self, link: LinkId, at: Timestamp) -> Option<&Row> {
        self.links.get(&link).filter(|row| row.used.expires > at)
    }

    /// Whether the link may be used now.
    pub(super) fn check_use(&self, usage: &LinkUse) -> Result<(), LinkError> {
        let at = self.floor.max(usage.now);
        if usage.expires <= at {
            return Err(LinkError::Expired);
        }
        if self.used_link(usage.link, at).is_some() {
            return Err(LinkError::Used);
        }
        let of_owner = |row: &&Row| row.used.owner == usage.owner && row.used.expires > at;
        let max = usage.links_max;
        if self.links.values().filter(of_owner).count() >= max {
            return Err(LinkError::TooMany { max });
        }
        Ok(())
    }

    /// Notes a use that was checked.
    pub(super) fn note_use(&mut self, usage: &LinkUse, state: LinkState) {
        let &LinkUse {
            link,
            owner,
            expires,
            resume,
            ..
        } = usage;
        let used = UsedLink {
            link,
            owner,
            expires,
            state,
        };
        self.links.insert(link, Row { used, resume });
    }

    pub(super) fn resume(
        &mut self,
        link: LinkId,
        resume: ResumeHash,
        now: Timestamp,
    ) -> Result<(), LinkError> {
        let at = self.floor.max(now);
        let row = self.used_link(link, at).ok_or(LinkError::Used)?;
        if row.resume != resume || !row.used.state.may_resume(at) {
            return Err(LinkError::Used);
        }
        self.commit(now);
        self.set_state(link, LinkState::Running);
        Ok(())
    }

    pub(super) fn end_link(&mut self, link: LinkId, end: TransferEnd, now: Timestamp) {
        let at = self.floor.max(now);
        let Some(row) = self.used_link(link, at) else {
            return;
        };
        let state = row.used.state;
        if state == LinkState::Running {
            self.commit(now);
            self.set_state(link, state.ended(end, at));
        }
    }

    pub(super) fn interrupt_links(&mut self, at: Timestamp) {
        for row in self.links.values_mut() {
            row.used.state = row.used.state.interrupted(at);
        }
    }

    fn set_state(&mut self, link: LinkId, state: LinkState) {
        if let Some(row) = self.links.get_mut(&link) {
            row.used.state = state;
        }
    }
}
