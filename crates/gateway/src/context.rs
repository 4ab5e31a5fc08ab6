//! What one I/O thread has at hand while it serves requests.
//!
//! Everything that differs between a node, a test and a simulated node stands here: the store, the
//! verifier, who hashes, the clock, the randomness. The trunk reaches the world through nothing else.

use crate::{
    body::Hashing,
    desired::DesiredState,
    events::Events,
    link::{Roll, Rolls},
    permit::Compiled,
};
use blockhouse_s3::parse::Domains;
use blockhouse_store::{Bucket, DocumentKind, ObjectStore};
use blockhouse_types::{AccountId, Clock, ETag, Entropy, RequestId, Timestamp};
use blockhouse_verifier_wire::Verifier;
use std::{cell::RefCell, rc::Rc, sync::Arc};

/// What the node is told of itself at its start.
#[derive(Debug, Clone)]
pub struct Site {
    /// The region that clients sign for.
    pub region: String,
    /// Host names whose labels in front are bucket names.
    pub domains: Domains,
    /// Buckets that one account may have.
    pub buckets_max: usize,
    /// The account whose root changes what is the whole node's; without one, nobody does.
    pub operator: Option<AccountId>,
    /// Used one-time links of one account that are remembered until they would have expired.
    pub used_links_max: usize,
    /// Revocations of one account that stand at a time.
    pub revocations_max: usize,
}

/// One per I/O thread, used through an `Rc`.
pub struct Context<S: ObjectStore, V: Verifier> {
    /// The store.
    pub store: S,
    /// Who judges signatures.
    pub verifier: V,
    /// Who hashes bodies.
    pub hashing: Hashing,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where request ids come from.
    pub entropy: RefCell<Box<dyn Entropy>>,
    /// The node's own settings.
    pub site: Arc<Site>,
    /// What was configured.
    pub desired: Arc<DesiredState>,
    /// The policies that this thread has compiled.
    pub compiled: Compiled,
    /// The links that are used on this thread.
    pub roll: Rc<Roll>,
    /// Those of all threads.
    pub rolls: Rolls,
    /// Who counts requests and writes the access log.
    pub events: Arc<Events>,
}

impl<S: ObjectStore, V: Verifier> Context<S, V> {
    /// The time by which everything is judged: the later of the clock and the store's floor, so that
    /// a clock set back revives no link and no object.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now().max(self.store.time_floor())
    }

    /// How a body that goes into this bucket is hashed.
    pub(crate) fn hashing_for(&self, bucket: &Bucket) -> Hashing {
        let opaque = bucket.documents.contains_key(&DocumentKind::Etag);
        self.hashing.tagging(opaque.then(|| {
            let mut tag = [0; 16];
            self.entropy.borrow_mut().fill(&mut tag);
            // Of one part: no client takes such a tag for an MD5.
            ETag::of_parts(tag, 1)
        }))
    }

    /// Where ids come from, for work that waits meanwhile.
    pub(crate) fn entropy(&self) -> impl Entropy + '_ {
        Shared(&self.entropy)
    }

    /// The id of the next request.
    pub(crate) fn next_request_id(&self) -> RequestId {
        RequestId::new(self.entropy.borrow_mut().as_mut())
    }
}

/// Borrows the source for each draw alone.
struct Shared<'a>(&'a RefCell<Box<dyn Entropy>>);

impl Entropy for Shared<'_> {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.borrow_mut().fill(bytes);
    }
}
