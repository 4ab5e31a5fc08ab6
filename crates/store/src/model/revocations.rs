//! Revocations: a map, of which those whose time is over by the floor are no more.

use super::State;
use crate::{LinkFacts, Revocation, Revoke, RevokeError};
use blockhouse_types::Timestamp;

impl State {
    pub(super) fn revoke(&mut self, order: &Revoke) -> Result<(), RevokeError> {
        let Revoke {
            revocation: new,
            now,
            revocations_max: max,
        } = order;
        let at = self.floor.max(*now);
        let key = (new.owner, new.links.clone());
        let known = self.revocations.get(&key).filter(|old| old.until > at);
        if known.is_none() {
            let of_owner = |old: &&Revocation| old.owner == new.owner && old.until > at;
            if self.revocations.values().filter(of_owner).count() >= *max {
                return Err(RevokeError::TooMany { max: *max });
            }
        }
        let united = known.map_or_else(|| new.clone(), |old| new.clone().united(old));
        self.commit(*now);
        self.revocations.insert(key, united);
        Ok(())
    }

    pub(super) fn revoked(&self, facts: &LinkFacts) -> bool {
        self.standing(self.floor).any(|one| one.covers(facts))
    }

    pub(super) fn standing(&self, at: Timestamp) -> impl Iterator<Item = &Revocation> {
        let all = self.revocations.values();
        all.filter(move |revocation| revocation.until > at)
    }
}
