//! Policies that were compiled once, kept by each I/O thread for as long as they are the same.

use blockhouse_policy::{
    Kind, Policy,
    address_list::{AddressList, Networks, kept},
};
use blockhouse_store::{Bucket, DocumentKind};
use blockhouse_types::BucketId;
use std::{
    cell::RefCell,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Buckets whose policy is kept; one more, and all are read anew.
const BUCKETS_MAX: usize = 256;

/// Session policies that are kept; likewise.
const SESSIONS_MAX: usize = 256;

/// A bucket's policy with the text that it was made of: while that is the same, so is the policy.
type OfBucket = (Arc<[u8]>, Arc<Policy>);

/// A bucket's address list, likewise.
type ListOfBucket = (Arc<[u8]>, Arc<AddressList>);

/// The policies that one thread has met.
#[derive(Default)]
pub struct Compiled {
    buckets: RefCell<HashMap<BucketId, OfBucket>>,
    sessions: RefCell<HashMap<Box<str>, Arc<Policy>>>,
    lists: RefCell<HashMap<BucketId, ListOfBucket>>,
    shared: SharedLists,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled")
            .field("buckets", &self.buckets.borrow().len())
            .field("sessions", &self.sessions.borrow().len())
            .finish()
    }
}

impl Compiled {
    /// Of a thread that shares address lists with others.
    pub fn sharing(lists: &SharedLists) -> Self {
        Self {
            shared: lists.clone(),
            ..Self::default()
        }
    }

    /// The policy of a bucket, if it has one. One that cannot be read denies everything: leaving it out
    /// would allow what it may have denied.
    pub(crate) fn of_bucket(&self, bucket: &Bucket) -> Option<Arc<Policy>> {
        let text = bucket.documents.get(&DocumentKind::Policy)?;
        let mut kept = self.buckets.borrow_mut();
        if let Some((of, policy)) = kept.get(&bucket.id)
            && Arc::ptr_eq(of, text)
        {
            return Some(Arc::clone(policy));
        }
        let policy = Arc::new(read(Kind::Bucket, bucket.name.as_str(), text));
        if kept.len() >= BUCKETS_MAX {
            kept.clear();
        }
        kept.insert(bucket.id, (Arc::clone(text), Arc::clone(&policy)));
        Some(policy)
    }

    /// The address list of a bucket, if it has one. One that cannot be read lets nobody in.
    pub(crate) fn list_of(&self, bucket: &Bucket) -> Option<Arc<AddressList>> {
        let kept = bucket.documents.get(&DocumentKind::Addresses)?;
        let known = self.lists.borrow().get(&bucket.id).cloned();
        if let Some((of, list)) = known
            && Arc::ptr_eq(&of, kept)
        {
            return Some(list);
        }
        let entry = (Arc::clone(kept), self.shared.of(bucket, kept));
        let mut lists = self.lists.borrow_mut();
        if lists.len() >= BUCKETS_MAX {
            lists.clear();
        }
        let (_, list) = lists.entry(bucket.id).insert_entry(entry).into_mut();
        Some(Arc::clone(list))
    }

    /// The policy of a session, as its token brings it.
    pub(super) fn of_session(&self, text: &str) -> Arc<Policy> {
        let mut kept = self.sessions.borrow_mut();
        if let Some(policy) = kept.get(text) {
            return Arc::clone(policy);
        }
        let policy = Arc::new(read(Kind::Session, "session", text.as_bytes()));
        if kept.len() >= SESSIONS_MAX {
            kept.clear();
        }
        kept.insert(text.into(), Arc::clone(&policy));
        policy
    }
}

/// The lists that any thread has met: a long one takes milliseconds to compile and megabytes to keep.
#[derive(Debug, Clone, Default)]
pub struct SharedLists(Arc<Mutex<HashMap<BucketId, ListOfBucket>>>);

impl SharedLists {
    fn of(&self, bucket: &Bucket, kept: &Arc<[u8]>) -> Arc<AddressList> {
        // Whoever wants the same list at the same time waits here instead of compiling it too.
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, list)) = lists.get(&bucket.id)
            && Arc::ptr_eq(of, kept)
        {
            return Arc::clone(list);
        }
        let list = Arc::new(read_list(bucket, kept));
        if lists.len() >= BUCKETS_MAX {
            lists.clear();
        }
        lists.insert(bucket.id, (Arc::clone(kept), Arc::clone(&list)));
        list
    }
}

fn read_list(bucket: &Bucket, kept: &[u8]) -> AddressList {
    let entries = kept::read(kept).ok();
    let list = entries.and_then(|list| AddressList::compile(&list, &Networks::default()).ok());
    list.unwrap_or_else(|| {
        tracing::error!(bucket = %bucket.name, "an address list cannot be read, and lets nobody in");
        AddressList::default()
    })
}

fn read(kind: Kind, id: &str, text: &[u8]) -> Policy {
    let read = std::str::from_utf8(text)
        .ok()
        .map(|text| Policy::parse(kind, id, text));
    match read {
        Some(Ok(policy)) => policy,
        Some(Err(error)) => {
            tracing::error!(id, %error, "a policy cannot be read, and denies everything");
            Policy::unreadable(kind, id)
        }
        None => {
            tracing::error!(id, "a policy is no text, and denies everything");
            Policy::unreadable(kind, id)
        }
    }
}
