use blockhouse_types::{AccountId, BucketId, BucketName, Timestamp};
use std::{collections::BTreeMap, sync::Arc};

/// Whether a bucket keeps old versions. Once enabled it is never unversioned again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Versioning {
    /// Never enabled: every write is the `null` version and replaces it.
    #[default]
    Unversioned,
    /// Every write is a version of its own.
    Enabled,
    /// Writes replace the `null` version; older versions stay.
    Suspended,
}

/// The settings that a bucket keeps as a document. The store does not look inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DocumentKind {
    /// The bucket's tag set.
    Tagging = 1,
    /// Lifecycle rules.
    Lifecycle = 2,
    /// Cross-origin rules.
    Cors = 3,
    /// That entity tags say nothing of the bytes.
    Etag = 4,
    /// The bucket's policy, as it was written.
    Policy = 5,
    /// The addresses that the bucket may be reached from.
    Addresses = 6,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Tagging,
        Self::Lifecycle,
        Self::Cors,
        Self::Etag,
        Self::Policy,
        Self::Addresses,
    ];

    /// The number that stands for it on disk.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// How long such a document may be, in bytes. A list of 100,000 addresses is the longest thing that
    /// a bucket keeps.
    pub fn bytes_max(self) -> usize {
        match self {
            Self::Addresses => 7 << 18,
            Self::Tagging | Self::Lifecycle | Self::Cors | Self::Etag | Self::Policy => 256 << 10,
        }
    }

    /// The kind of that number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.code() == code)
    }
}

/// A bucket as it is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its number, given once.
    pub id: BucketId,
    /// Its name.
    pub name: BucketName,
    /// The account that owns it and every object in it.
    pub owner: AccountId,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it keeps old versions.
    pub versioning: Versioning,
    /// Its documents.
    pub documents: BTreeMap<DocumentKind, Arc<[u8]>>,
}

/// The order to make a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBucket {
    /// Its name.
    pub name: BucketName,
    /// Its owner.
    pub owner: AccountId,
    /// The caller's clock.
    pub now: Timestamp,
    /// How many buckets the owner may have; one more is [`crate::CreateBucketError::TooMany`].
    pub buckets_max: usize,
}

/// A change to a bucket's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketChange {
    /// `Enabled` or `Suspended`; never `Unversioned`.
    Versioning(Versioning),
    /// Sets (`Some`) or removes (`None`) a document of at most [`DocumentKind::bytes_max`].
    Document(DocumentKind, Option<Arc<[u8]>>),
}
