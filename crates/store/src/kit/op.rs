use crate::{
    DesiredChange, DocumentKind, LinkUse, ResumeHash, Revocation, Revoke, TransferEnd, Versioning,
};
use blockhouse_types::{
    AccountId, BucketName, ETag, LinkId, ObjectKey, OnceHash, RevokedLinks, Timestamp,
};
use bytes::Bytes;

/// The bytes of a body, told by a seed and a length: equal contents are equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content {
    /// Which bytes.
    pub seed: u64,
    /// How many.
    pub len_bytes: usize,
}

impl Content {
    /// The bytes.
    pub fn bytes(self) -> Bytes {
        let mut random = super::SplitMix(self.seed ^ 0x5851_f42d_4c95_7f2d);
        let mut bytes = Vec::with_capacity(self.len_bytes + 8);
        while bytes.len() < self.len_bytes {
            bytes.extend_from_slice(&random.next().to_le_bytes());
        }
        bytes.truncate(self.len_bytes);
        Bytes::from(bytes)
    }

    /// A tag that only this content has. It stands for the MD5, which is not the store's to know.
    pub fn etag(self) -> ETag {
        let mut tag = [0; 16];
        tag[..8].copy_from_slice(&self.seed.to_be_bytes());
        tag[8..].copy_from_slice(&(self.len_bytes as u64).to_be_bytes());
        ETag::of_body(tag)
    }

    /// The content that has this tag; `None` for a tag that is not [`Self::etag`]'s.
    pub fn of_etag(etag: &ETag) -> Option<Self> {
        let (seed, len) = etag.md5().split_at(8);
        let seed = u64::from_be_bytes(seed.try_into().ok()?);
        let len_bytes = u64::from_be_bytes(len.try_into().ok()?);
        let content = Self {
            seed,
            len_bytes: usize::try_from(len_bytes).ok()?,
        };
        (content.etag() == *etag).then_some(content)
    }
}

/// Which version, in the order in which this run was given versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionRef {
    /// The current one.
    Current,
    /// `null`.
    Null,
    /// The n-th version id that was given, modulo their number; `null` if none was.
    Given(usize),
}

/// A condition on what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionRef {
    /// None.
    None,
    /// Nothing may be there.
    Absent,
    /// Something must be there.
    Present,
    /// An object of this content must be there.
    Holds(Content),
}

/// A use of the n-th one-time link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRef {
    /// Which link; odd ones are another account's than even ones.
    pub number: u8,
    /// How long it lives from the operation's clock on, in seconds.
    pub life_secs: u64,
    /// Which resume token.
    pub token: u8,
}

impl LinkRef {
    /// Used links that an account may have.
    pub const LINKS_MAX: usize = 3;

    /// The link.
    pub fn id(number: u8) -> LinkId {
        LinkId([number; 16])
    }

    /// What stands for a token's hash.
    pub fn hash(token: u8) -> ResumeHash {
        ResumeHash([token; 32])
    }

    /// The use.
    pub fn usage(self, now: Timestamp) -> LinkUse {
        LinkUse {
            link: Self::id(self.number),
            owner: super::generate::owner_of(self.number.into()),
            expires: now.plus_secs(self.life_secs),
            resume: Self::hash(self.token),
            now,
            links_max: Self::LINKS_MAX,
        }
    }
}

/// The n-th revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationRef {
    /// Which links; odd ones are another account's than even ones.
    pub number: u8,
    /// How long it stands from the operation's clock on, in seconds.
    pub life_secs: u64,
}

impl RevocationRef {
    /// Revocations that an account may have.
    pub const REVOCATIONS_MAX: usize = 3;

    /// The order.
    pub fn order(self, now: Timestamp) -> Revoke {
        let number = self.number;
        let links = match number % 4 {
            0 => RevokedLinks::Link(LinkId([number; 16])),
            1 => RevokedLinks::Once(OnceHash([number; 32])),
            2 => RevokedLinks::Key(format!("AK{number}")),
            _ => RevokedLinks::Prefix {
                bucket: super::generate::revoked_bucket(),
                prefix: "k".repeat(number.into()),
            },
        };
        Revoke {
            revocation: Revocation {
                owner: super::generate::owner_of(number.into()),
                links,
                signed_until: now,
                until: now.plus_secs(self.life_secs),
            },
            now,
            revocations_max: Self::REVOCATIONS_MAX,
        }
    }
}

/// A change of the desired state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredRef {
    /// The version that it is made for. It stands in the operation, so that what becomes of it follows
    /// from the order in which operations take place.
    pub expected: u64,
    /// The n-th row becomes this, or goes; one that is named twice makes a change that is refused.
    pub rows: Vec<(u8, Option<Content>)>,
}

impl DesiredRef {
    /// The change.
    pub fn change(&self, now: Timestamp) -> DesiredChange {
        let row = |(number, content): &(u8, Option<Content>)| {
            let bytes = content.map(|content| content.bytes().to_vec().into());
            (format!("row/{number}").into(), bytes)
        };
        DesiredChange {
            expected: self.expected,
            rows: self.rows.iter().map(row).collect(),
            now,
        }
    }
}

/// One call of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each variant is the contract's method of the same name"
)]
pub enum Op {
    CreateBucket {
        name: BucketName,
        owner: AccountId,
        now: Timestamp,
    },
    DeleteBucket {
        name: BucketName,
        now: Timestamp,
    },
    SetVersioning {
        name: BucketName,
        versioning: Versioning,
        now: Timestamp,
    },
    SetDocument {
        name: BucketName,
        kind: DocumentKind,
        content: Option<Content>,
        now: Timestamp,
    },
    Put {
        name: BucketName,
        key: ObjectKey,
        content: Content,
        tagged: bool,
        condition: ConditionRef,
        link: Option<LinkRef>,
        body_fails: bool,
        now: Timestamp,
    },
    Get {
        name: BucketName,
        key: ObjectKey,
        version: VersionRef,
        from: u64,
        len_bytes: u64,
    },
    Delete {
        name: BucketName,
        targets: Vec<(ObjectKey, VersionRef, ConditionRef)>,
        now: Timestamp,
    },
    SetTags {
        name: BucketName,
        key: ObjectKey,
        version: VersionRef,
        count: usize,
        now: Timestamp,
    },
    List {
        name: BucketName,
        prefix: String,
        delimiter: String,
        max: usize,
    },
    ListVersions {
        name: BucketName,
        prefix: String,
        delimiter: String,
        max: usize,
    },
    ListUploads {
        name: BucketName,
        prefix: String,
        delimiter: String,
        max: usize,
    },
    CreateUpload {
        name: BucketName,
        key: ObjectKey,
        now: Timestamp,
    },
    PutPart {
        upload: usize,
        number: u16,
        content: Content,
        body_fails: bool,
        now: Timestamp,
    },
    ListParts {
        upload: usize,
        max: usize,
    },
    Complete {
        upload: usize,
        parts: Vec<(u16, Content)>,
        condition: ConditionRef,
        now: Timestamp,
    },
    Abort {
        upload: usize,
        now: Timestamp,
    },
    UseLink {
        link: LinkRef,
        now: Timestamp,
    },
    ResumeLink {
        number: u8,
        token: u8,
        now: Timestamp,
    },
    EndLink {
        number: u8,
        end: TransferEnd,
        now: Timestamp,
    },
    Revoke {
        revocation: RevocationRef,
        now: Timestamp,
    },
    ApplyDesired {
        change: DesiredRef,
        now: Timestamp,
    },
}
