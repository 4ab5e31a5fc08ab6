//! The chains of the bodies that are arriving now, each known to its asker by a number.
//!
//! Every socket has its own, so that no asker reaches another's, and all of them end with it.

use blockhouse_sigv4::Chain;
use blockhouse_types::Timestamp;
use blockhouse_verifier_wire::{ChainId, Link, LinkKind, Unreachable, Verified};
use std::collections::HashMap;

/// How many bodies of signed chunks may arrive at once over one socket; the next one is told to come
/// back later.
pub const CHAINS_MAX: usize = 16_384;

/// How old a chain may be before a new one takes its place when all places are taken, in seconds:
/// longer than the slowest upload, so that only chains are dropped whose end nobody told.
pub const CHAIN_AGE_SECS_MAX: u64 = 86_400;

/// The open chains of one asker.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    next: u32,
    open: HashMap<u32, Open>,
}

#[derive(Debug)]
struct Open {
    begun: Timestamp,
    chain: Box<Chain>,
}

impl Chains {
    /// Opens a chain; `None` when all places are taken.
    pub(crate) fn open(&mut self, chain: Box<Chain>, now: Timestamp) -> Option<ChainId> {
        if self.open.len() >= CHAINS_MAX {
            self.open
                .retain(|_, open| open.begun.plus_secs(CHAIN_AGE_SECS_MAX) > now);
        }
        if self.open.len() >= CHAINS_MAX {
            return None;
        }
        // Numbers come again after four billion chains; one that is still open is passed over.
        while self.open.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let id = self.next;
        self.next = id.wrapping_add(1);
        self.open.insert(id, Open { begun: now, chain });
        Some(ChainId(id.into()))
    }

    /// Gives what was verified the number of its chain, if it has one.
    pub(crate) fn admit(
        &mut self,
        verified: &mut Verified,
        chain: Option<Box<Chain>>,
        now: Timestamp,
    ) -> Result<(), Unreachable> {
        if let Some(chain) = chain {
            verified.chain = Some(self.open(chain, now).ok_or(Unreachable)?);
        }
        Ok(())
    }

    /// Judges the next link. A refused link or a trailer ends the chain; a chain that is not open
    /// refuses every link.
    pub(crate) fn verify_link(&mut self, id: ChainId, link: &Link) -> bool {
        let open = u32::try_from(id.0)
            .ok()
            .and_then(|id| self.open.get_mut(&id));
        let Some(Open { chain, .. }) = open else {
            return false;
        };
        let accepted = match link.kind {
            LinkKind::Chunk => chain.verify_chunk(&link.digest, &link.signature),
            LinkKind::Trailer => chain.verify_trailer(&link.digest, &link.signature),
        };
        if !accepted || link.kind == LinkKind::Trailer {
            self.end(id);
        }
        accepted
    }

    /// Forgets a chain.
    pub(crate) fn end(&mut self, id: ChainId) {
        if let Ok(id) = u32::try_from(id.0) {
            self.open.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_sigv4::{ChainKey, SecretKey};

    fn chain() -> Box<Chain> {
        let key = SecretKey::new("hush".to_owned()).signing_key("20261121", "local-1", "s3");
        Box::new(Chain::new(
            ChainKey::Hmac(key),
            "20261121T000000Z",
            "scope",
            "seed",
        ))
    }

    #[test]
    fn a_full_house_makes_room_by_age_alone() {
        let mut chains = Chains::default();
        let begun = Timestamp::from_secs(1_000_000);
        let first = chains.open(chain(), begun).unwrap();
        for _ in 1..CHAINS_MAX {
            assert!(chains.open(chain(), begun.plus_secs(10)).is_some());
        }
        assert_eq!(
            chains.open(chain(), begun.plus_secs(CHAIN_AGE_SECS_MAX - 1)),
            None
        );
        let late = chains
            .open(chain(), begun.plus_secs(CHAIN_AGE_SECS_MAX))
            .unwrap();
        assert_ne!(first, late);
        assert_eq!(
            chains.open(chain(), begun.plus_secs(CHAIN_AGE_SECS_MAX)),
            None
        );
        chains.end(late);
        chains.next = 1;
        let again = chains.open(chain(), begun).unwrap();
        assert!(
            again == late || again == first,
            "an open chain keeps its number"
        );
    }

    #[test]
    fn a_refused_link_ends_the_chain() {
        let mut chains = Chains::default();
        let id = chains.open(chain(), Timestamp::default()).unwrap();
        let link = |signature: &str| Link {
            digest: [0; 32],
            signature: signature.to_owned(),
            kind: LinkKind::Chunk,
        };
        assert!(!chains.verify_link(ChainId(u64::MAX), &link("00")));
        assert!(!chains.verify_link(id, &link("00")));
        assert!(chains.open.is_empty());
        assert!(!chains.verify_link(id, &link("00")));
    }
}
