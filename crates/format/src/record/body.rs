//! What the kinds of records say, as plain values.

use super::RecordPlace;
use crate::{DeviceIndex, DeviceState, Extent, Generation, GroupId, GroupKind, Lsn, Member};
use blockhouse_types::{
    BucketId, Checksum, ChecksumAlgorithm, ChecksumType, ETag, ObjectKey, Timestamp, UploadId,
    VersionId,
};

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A version came to be.
    Put(Put),
    /// A version got other tags: the whole [`Put`] again, with the same version and sequence. Its
    /// data is named by extents, also where the old record holds it inline.
    Retag(Put),
    /// A version or delete marker is gone for good.
    Tombstone(Tombstone),
    /// A delete marker came to be.
    DeleteMarker(DeleteMarker),
    /// An upload began.
    UploadStart(UploadStart),
    /// A part was stored, replacing an earlier one of its number.
    PartPut(PartPut),
    /// An upload is over; its row and those of all its parts go.
    UploadEnd(UploadEnd),
    /// A record was copied out of a group that is being emptied.
    Relocate(Relocate),
    /// A control row was set or removed.
    Control(Control),
    /// A group was given, closed or given back.
    GroupEvent(GroupEvent),
    /// A device changed its state.
    DeviceEvent(DeviceEvent),
    /// Nothing happened. Written behind the last frame of a busy time as the witness that it was
    /// durable.
    Tick,
    /// A kind of a later format that may be skipped.
    Unknown {
        /// The kind.
        kind: u8,
        /// The version of its fields.
        version: u8,
    },
}

impl Body {
    /// How many bytes of inline data go with it; `None` if it is of an unknown kind.
    pub fn inline_bytes(&self) -> Option<u64> {
        match self {
            Self::Put(put) | Self::Retag(put) => Some(put.data.inline_bytes(put.size)),
            Self::PartPut(part) => Some(part.data.inline_bytes(part.size)),
            Self::Relocate(copy) => match &copy.moved {
                Moved::Put(put) => Some(put.data.inline_bytes(put.size)),
                Moved::PartPut(part) => Some(part.data.inline_bytes(part.size)),
                Moved::DeleteMarker(_) | Moved::UploadStart(_) => Some(0),
            },
            Self::Tombstone(_)
            | Self::DeleteMarker(_)
            | Self::UploadStart(_)
            | Self::UploadEnd(_)
            | Self::Control(_)
            | Self::GroupEvent(_)
            | Self::DeviceEvent(_)
            | Self::Tick => Some(0),
            Self::Unknown { .. } => None,
        }
    }
}

/// One version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
    /// The version.
    pub version: VersionId,
    /// The position of the first record that wrote this version; part of the index key, so it stays
    /// when the record is written again.
    pub sequence: Lsn,
    /// When it was written.
    pub modified: Timestamp,
    /// Length in bytes.
    pub size: u64,
    /// The entity tag.
    pub etag: ETag,
    /// The checksum kept with it.
    pub checksum: Option<Checksum>,
    /// Headers and tags.
    pub attributes: Attributes,
    /// The parts it was made of, if it was an upload; their sizes sum to `size`.
    pub parts: Vec<PartMeta>,
    /// Where its bytes are.
    pub data: Data,
    /// The upload that this completes. The same frame ends that upload.
    pub upload: Option<UploadId>,
    /// Reserved for encryption: the object's key, wrapped. Empty: not encrypted.
    pub wrapped_key: Vec<u8>,
    /// Reserved for object lock.
    pub retention: Option<Retention>,
    /// Reserved for object lock.
    pub legal_hold: bool,
}

/// Where the bytes of an object or part are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// In the record itself, behind the meta. Also for an empty object.
    Inline,
    /// Elsewhere; the concatenation of these, at least one. Their data sums to the size.
    Extents(Vec<Extent>),
}

impl Data {
    fn inline_bytes(&self, size: u64) -> u64 {
        match self {
            Self::Inline => size,
            Self::Extents(_) => 0,
        }
    }

    /// Whether so many bytes can be there.
    pub(super) fn holds(&self, size: u64) -> bool {
        match self {
            Self::Inline => true,
            Self::Extents(list) => {
                let sum: u64 = list.iter().map(|extent| u64::from(extent.data_bytes)).sum();
                !list.is_empty() && sum == size
            }
        }
    }
}

/// Headers and tags of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Name and value, in the order they came.
    pub headers: Vec<(String, String)>,
    /// Key and value.
    pub tags: Vec<(String, String)>,
}

/// One part of a stored multipart object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartMeta {
    /// Its number in the upload, 1 to 10000; rising.
    pub number: u16,
    /// Its length in bytes.
    pub size: u64,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

impl PartMeta {
    /// Whether the parts are in order and make an object of so many bytes. No parts make any.
    pub(super) fn make(parts: &[Self], size: u64) -> bool {
        let rising = parts
            .iter()
            .zip(parts.iter().skip(1))
            .all(|(a, b)| a.number < b.number);
        let sum = parts
            .iter()
            .try_fold(0u64, |sum, part| sum.checked_add(part.size));
        rising && (parts.is_empty() || sum == Some(size))
    }
}

/// How long a version may not be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Who may shorten it.
    pub mode: RetentionMode,
    /// When it ends.
    pub until: Timestamp,
}

/// Who may shorten a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum RetentionMode {
    /// Who has the permission for it.
    Governance = 1,
    /// Nobody.
    Compliance = 2,
}

/// The end of one version or delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
    /// The version.
    pub version: VersionId,
    /// The sequence of the version; with bucket and key it names exactly one index row.
    pub sequence: Lsn,
}

/// A delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteMarker {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
    /// The marker's version.
    pub version: VersionId,
    /// The position of the first record that wrote it.
    pub sequence: Lsn,
    /// When it was made.
    pub modified: Timestamp,
}

/// The start of a multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStart {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// The position of the first record that wrote it.
    pub sequence: Lsn,
    /// When it began.
    pub initiated: Timestamp,
    /// The checksum that parts carry and how the object's comes about.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
    /// Headers and tags that the object will have.
    pub attributes: Attributes,
    /// Reserved for encryption. Empty: not encrypted.
    pub wrapped_key: Vec<u8>,
}

/// One part of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPut {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// 1 to 10000.
    pub number: u16,
    /// The position of the first record that wrote it.
    pub sequence: Lsn,
    /// When it was stored.
    pub modified: Timestamp,
    /// Length in bytes.
    pub size: u64,
    /// The entity tag.
    pub etag: ETag,
    /// The checksum.
    pub checksum: Option<Checksum>,
    /// Where its bytes are.
    pub data: Data,
    /// Reserved for encryption. Empty: not encrypted.
    pub wrapped_key: Vec<u8>,
}

/// The end of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadEnd {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// How it ended.
    pub outcome: UploadOutcome,
}

/// How an upload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum UploadOutcome {
    /// A [`Put`] in the same frame took its parts over.
    Completed = 1,
    /// Its parts are garbage.
    Aborted = 2,
}

/// A copy of a record. It counts only if the index still points to `old` when it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relocate {
    /// Where the record lay.
    pub old: RecordPlace,
    /// The record, the same but for where its data is.
    pub moved: Moved,
}

/// What can be relocated: whatever an index row points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// A version.
    Put(Put),
    /// A delete marker.
    DeleteMarker(DeleteMarker),
    /// The start of an upload.
    UploadStart(UploadStart),
    /// A part.
    PartPut(PartPut),
}

/// A change of one control row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The table: see [`crate::control`].
    pub table: u8,
    /// The row's key.
    pub key: Vec<u8>,
    /// The row, or `None` when it goes.
    pub value: Option<Vec<u8>>,
}

/// A change of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEvent {
    /// What happened.
    pub change: GroupChange,
    /// The group.
    pub group: GroupId,
    /// Its generation.
    pub generation: Generation,
    /// What it holds.
    pub kind: GroupKind,
    /// Its segments, one per device.
    pub members: Vec<Member>,
}

/// What happened to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum GroupChange {
    /// It takes writes from now on.
    Alloc = 1,
    /// It takes none any more.
    Seal = 2,
    /// Nothing in it is needed any more.
    Free = 3,
}

/// A change of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceEvent {
    /// The device.
    pub device: DeviceIndex,
    /// Its state from now on.
    pub state: DeviceState,
}
