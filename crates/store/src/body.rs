use blockhouse_types::{Checksum, ETag};
use bytes::Bytes;

/// A body on its way into the store.
///
/// Its clean end means that everything the request promised about the bytes has come true: length,
/// payload hash, Content-MD5, checksums, trailers, the signature of every chunk. Bytes may come
/// before they were judged; a body that is refused ends with [`BodyFailed`]. So a store may write
/// bytes away while they come, but commits after the clean end only. Why a body failed stays with
/// the body, which its maker still holds.
pub trait Body {
    /// The length that the request declared, in bytes, if it did.
    fn declared_len(&self) -> Option<u64>;

    /// The next bytes, never empty; `Ok(None)` is the clean end, however often it is asked again.
    async fn chunk(&mut self) -> Result<Option<Bytes>, BodyFailed>;

    /// What the bytes turned out to be; asked once, after the clean end.
    fn seal(&mut self) -> Seal;
}

/// The body broke off or was refused. Nothing may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body broke off or was refused")]
pub struct BodyFailed;

/// The digests of a body that ended cleanly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The entity tag.
    pub etag: ETag,
    /// The checksum to keep with the object or part.
    pub checksum: Option<Checksum>,
}

/// A body that is in memory already; for tests and copies of small things.
#[derive(Debug, Clone)]
pub struct BytesBody {
    bytes: Option<Bytes>,
    seal: Seal,
    len: u64,
}

impl BytesBody {
    /// A body of these bytes, sealed as told.
    pub fn new(bytes: Bytes, seal: Seal) -> Self {
        let len = bytes.len() as u64;
        Self {
            bytes: (!bytes.is_empty()).then_some(bytes),
            seal,
            len,
        }
    }
}

impl Body for BytesBody {
    fn declared_len(&self) -> Option<u64> {
        Some(self.len)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, BodyFailed> {
        Ok(self.bytes.take())
    }

    fn seal(&mut self) -> Seal {
        self.seal.clone()
    }
}
