//! The chains of the bodies that are arriving now, each known to the gateway by a number.

use blockhouse_sigv4::Chain;
use blockhouse_types::Timestamp;
use blockhouse_verifier_wire::{ChainId, Link, LinkKind};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many bodies of signed chunks may arrive at once; the next one is told to come back later.
pub const CHAINS_MAX: usize = 16_384;

/// How old a chain may be before a new one takes its place when all places are taken, in seconds:
/// longer than the slowest upload, so that only chains are dropped whose end nobody told.
pub const CHAIN_AGE_SECS_MAX: u64 = 86_400;

/// The open chains.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: HashMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    begun: Timestamp,
    /// Of its own lock: an ECDSA link takes long, and other chains need not wait for it.
    chain: Arc<Mutex<Chain>>,
}

impl Chains {
    /// Opens a chain; `None` when all places are taken.
    pub(crate) fn open(&self, chain: Chain, now: Timestamp) -> Option<ChainId> {
        let mut state = self.state();
        if state.open.len() >= CHAINS_MAX {
            state
                .open
                .retain(|_, open| open.begun.plus_secs(CHAIN_AGE_SECS_MAX) > now);
        }
        if state.open.len() >= CHAINS_MAX {
            return None;
        }
        let id = state.next;
        state.next = id.wrapping_add(1);
        state.open.insert(
            id,
            Open {
                begun: now,
                chain: Arc::new(Mutex::new(chain)),
            },
        );
        Some(ChainId(id))
    }

    /// Judges the next link. A refused link or a trailer ends the chain; a chain that is not open
    /// refuses every link.
    pub(crate) fn verify_link(&self, id: ChainId, link: &Link) -> bool {
        let Some(chain) = self
            .state()
            .open
            .get(&id.0)
            .map(|open| Arc::clone(&open.chain))
        else {
            return false;
        };
        let mut chain = chain.lock().unwrap_or_else(PoisonError::into_inner);
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
    pub(crate) fn end(&self, id: ChainId) {
        self.state().open.remove(&id.0);
    }

    /// The map is changed by single calls, so that a panic elsewhere leaves it whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blockhouse_sigv4::{ChainKey, SecretKey};

    fn chain() -> Chain {
        let key = SecretKey::new("hush".to_owned()).signing_key("20261121", "local-1", "s3");
        Chain::new(ChainKey::Hmac(key), "20261121T000000Z", "scope", "seed")
    }

    #[test]
    fn a_full_house_makes_room_by_age_alone() {
        let chains = Chains::default();
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
        assert!(chains.open(chain(), begun).is_some());
    }

    #[test]
    fn a_refused_link_ends_the_chain() {
        let chains = Chains::default();
        let id = chains.open(chain(), Timestamp::default()).unwrap();
        let link = |signature: &str| Link {
            digest: [0; 32],
            signature: signature.to_owned(),
            kind: LinkKind::Chunk,
        };
        assert!(!chains.verify_link(id, &link("00")));
        assert!(chains.state().open.is_empty());
        assert!(!chains.verify_link(id, &link("00")));
    }
}
