//! The rows of control tables: what is small, changes seldom, and is not in the index.
//!
//! A row is changed by a `Control` record of the log and carried from checkpoint to checkpoint in a
//! section whose keys are [`row_key`].

mod desired;
mod link;
mod revocation;

pub use desired::{DesiredHead, DesiredRow};
pub use link::{LinkRow, LinkRowState};
pub use revocation::{PREFIX_BYTES_MAX, RevocationRow};

use crate::codec::{Decoder, Encoder, bounded};
use crate::record::CONTROL_KEY_BYTES_MAX;
use crate::{DecodeError, EncodeError};
use blockhouse_types::{AccountId, BucketId, BucketName, Timestamp};

/// Buckets: key is the name, value a [`BucketRow`].
pub const TABLE_BUCKETS: u8 = 1;
/// One-time links that were used: key is [`LinkRow::key`], value a [`LinkRow`].
pub const TABLE_LINKS: u8 = 2;
/// Links that work no more: key is [`RevocationRow::key`], value what it says beside it.
pub const TABLE_REVOCATIONS: u8 = 3;
/// The desired state: key is a [`DesiredRow`]'s name, value its bytes; under the empty key the
/// [`DesiredHead`].
pub const TABLE_DESIRED: u8 = 4;

/// Most bytes of one document of a bucket; of all of them, what a row takes.
pub const DOCUMENT_BYTES_MAX: usize = 7 << 18;
/// Most documents of a bucket.
pub const DOCUMENTS_MAX: usize = 16;

const BUCKET: &str = "bucket row";
const BUCKET_VERSION: u8 = 1;

/// A bucket as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketRow {
    /// Its number, given once.
    pub id: BucketId,
    /// Its name; also the row's key.
    pub name: BucketName,
    /// Its owner.
    pub owner: AccountId,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it keeps versions.
    pub versioning: BucketVersioning,
    /// Documents by the number of their kind, rising.
    pub documents: Vec<(u8, Vec<u8>)>,
}

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum BucketVersioning {
    /// Never did.
    Unversioned = 0,
    /// Does.
    Enabled = 1,
    /// Did; new writes replace the `null` version.
    Suspended = 2,
}

impl BucketRow {
    /// version u8, id u64, owner u64, created u64, versioning u8, name, documents {kind u8, bytes}.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut to = Encoder::default();
        to.u8(BUCKET_VERSION);
        to.u64(self.id.0);
        to.u64(self.owner.number());
        to.u64(self.created.millis());
        to.u8(self.versioning as u8);
        to.short_bytes(self.name.as_str().as_bytes(), "bucket name", 63)?;
        to.u8(bounded(self.documents.len(), "documents", DOCUMENTS_MAX)? as u8);
        for (kind, document) in &self.documents {
            to.u8(*kind);
            to.long_bytes(document, "document", DOCUMENT_BYTES_MAX)?;
        }
        Ok(to.0)
    }

    /// Reads and checks a row.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(BUCKET, bytes);
        let version = from.u8("version")?;
        if version != BUCKET_VERSION {
            return Err(DecodeError::Unknown {
                structure: BUCKET,
                kind: TABLE_BUCKETS,
                version,
            });
        }
        let id = BucketId(from.u64("id")?);
        let owner = AccountId::from_number(from.u64("owner")?);
        let owner = from.known(owner, "owner")?;
        let created = Timestamp::from_millis(from.u64("created")?);
        let versioning = match from.u8("versioning")? {
            0 => BucketVersioning::Unversioned,
            1 => BucketVersioning::Enabled,
            2 => BucketVersioning::Suspended,
            _ => return Err(from.field("versioning")),
        };
        let name = std::str::from_utf8(from.short_bytes("name", 63)?);
        let name = from.parsed(name, "name")?;
        let name = from.parsed(BucketName::parse(name), "name")?;
        let documents = documents(&mut from)?;
        from.end()?;
        Ok(Self {
            id,
            name,
            owner,
            created,
            versioning,
            documents,
        })
    }
}

fn documents(from: &mut Decoder<'_>) -> Result<Vec<(u8, Vec<u8>)>, DecodeError> {
    let count = usize::from(from.u8("documents")?);
    from.check(count <= DOCUMENTS_MAX, "documents")?;
    let mut documents: Vec<(u8, Vec<u8>)> = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = from.u8("document kind")?;
        from.check(
            documents.last().is_none_or(|(last, _)| *last < kind),
            "document kind",
        )?;
        documents.push((
            kind,
            from.long_bytes("document", DOCUMENT_BYTES_MAX)?.to_vec(),
        ));
    }
    Ok(documents)
}

/// The key of a control row in a checkpoint's section: the table, then the row's key.
pub fn row_key(table: u8, key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(1 + key.len());
    row.push(table);
    row.extend_from_slice(key);
    row
}

/// The inverse of [`row_key`].
pub fn parse_row_key(row: &[u8]) -> Result<(u8, &[u8]), DecodeError> {
    let from = Decoder::new("control row key", row);
    let (table, key) = row.split_first().ok_or_else(|| from.field("table"))?;
    from.check(key.len() <= CONTROL_KEY_BYTES_MAX, "key")?;
    Ok((*table, key))
}
