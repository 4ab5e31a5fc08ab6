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

/// A bucket's address list, compiled, and what it was made of.
#[derive(Clone)]
struct ListOfBucket {
    kept: Arc<[u8]>,
    networks: Option<Arc<Networks>>,
    list: Arc<AddressList>,
}

impl ListOfBucket {
    fn compile(bucket: &Bucket, kept: &Arc<[u8]>, networks: Option<&Arc<Networks>>) -> Self {
        let list = match networks {
            Some(networks) => read_list(bucket, kept, networks),
            None => read_list(bucket, kept, &Networks::default()),
        };
        Self {
            kept: Arc::clone(kept),
            networks: networks.cloned(),
            list: Arc::new(list),
        }
    }

    /// Whether it is still made of these. Another version of the state may say the same of an account.
    fn is_of(&self, kept: &Arc<[u8]>, networks: Option<&Arc<Networks>>) -> bool {
        let same = |(a, b): (&Arc<Networks>, &Arc<Networks>)| Arc::ptr_eq(a, b) || a == b;
        Arc::ptr_eq(&self.kept, kept)
            && self.networks.is_some() == networks.is_some()
            && self.networks.as_ref().zip(networks).is_none_or(same)
    }
}

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

    /// The address list of a bucket, if it has one; `networks` are its owner's. One that cannot be read
    /// lets nobody in.
    pub(crate) fn list_of(
        &self,
        bucket: &Bucket,
        networks: Option<&Arc<Networks>>,
    ) -> Option<Arc<AddressList>> {
        let kept = bucket.documents.get(&DocumentKind::Addresses)?;
        if let Some(known) = self.lists.borrow().get(&bucket.id)
            && known.is_of(kept, networks)
        {
            return Some(Arc::clone(&known.list));
        }
        let entry = self.shared.of(bucket, kept, networks);
        let list = Arc::clone(&entry.list);
        let mut lists = self.lists.borrow_mut();
        if lists.len() >= BUCKETS_MAX {
            lists.clear();
        }
        lists.insert(bucket.id, entry);
        Some(list)
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
#[derive(Clone, Default)]
pub struct SharedLists(Arc<Mutex<HashMap<BucketId, ListOfBucket>>>);

impl fmt::Debug for SharedLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedLists").finish_non_exhaustive()
    }
}

impl SharedLists {
    fn of(
        &self,
        bucket: &Bucket,
        kept: &Arc<[u8]>,
        networks: Option<&Arc<Networks>>,
    ) -> ListOfBucket {
        // Whoever wants the same list at the same time waits here instead of compiling it too.
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lists.get(&bucket.id)
            && known.is_of(kept, networks)
        {
            return known.clone();
        }
        let entry = ListOfBucket::compile(bucket, kept, networks);
        if lists.len() >= BUCKETS_MAX {
            lists.clear();
        }
        lists.insert(bucket.id, entry.clone());
        entry
    }
}

fn read_list(bucket: &Bucket, kept: &[u8], networks: &Networks) -> AddressList {
    compile_list(kept, networks).unwrap_or_else(|why| {
        tracing::error!(bucket = %bucket.name, why, "an address list lets nobody in");
        AddressList::default()
    })
}

/// Compiles what is kept of a list, of an account with these networks; or says why that cannot be.
pub(crate) fn compile_list(kept: &[u8], networks: &Networks) -> Result<AddressList, String> {
    let entries = kept::read(kept).map_err(|error| error.to_string())?;
    AddressList::compile(&entries, networks).map_err(|error| error.to_string())
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
