//! The bytes of a stored object as the body of a new one.

use super::{Hashing, hashing::BodyHashing};
use blockhouse_digest::Lost;
use blockhouse_s3::checksum::{Digests, Wants};
use blockhouse_store::{Body, BodyFailed, ObjectReader, ReadError, Seal};
use blockhouse_types::{Checksum, ChecksumAlgorithm, ETag};
use bytes::Bytes;

/// Reads an object, or a range of it, into another. Tag and checksum are computed anew from the
/// bytes that were read: a copy never inherits what it did not see.
pub(crate) struct SourceBody<R> {
    reader: R,
    len_bytes: u64,
    bytes_left: u64,
    digests: Option<BodyHashing>,
    opaque: Option<ETag>,
    sealed: Option<Digests>,
    failure: Option<ReadError>,
}

impl<R: ObjectReader> SourceBody<R> {
    /// The `len_bytes` bytes that `reader` gives, hashed as `hashing` says, to be kept with a
    /// checksum by `keep`.
    pub(crate) fn new(
        reader: R,
        len_bytes: u64,
        hashing: &Hashing,
        keep: ChecksumAlgorithm,
    ) -> Self {
        let opaque = hashing.opaque();
        let wants = Wants {
            md5: opaque.is_none(),
            sha256: false,
            checksum: Some(keep),
        };
        Self {
            reader,
            len_bytes,
            bytes_left: len_bytes,
            digests: Some(hashing.begin(wants, Some(len_bytes))),
            opaque,
            sealed: None,
            failure: None,
        }
    }

    /// Why reading failed. `None` when the store broke its promise of the length, or a digest worker
    /// failed.
    pub(crate) fn failure(&mut self) -> Option<ReadError> {
        self.failure.take()
    }

    /// The checksum that is kept with the copy; after the clean end.
    pub(crate) fn kept(&self) -> Option<&Checksum> {
        self.sealed.as_ref()?.checksum.as_ref()
    }

    /// The end, if it came where it was promised.
    async fn finish(&mut self) -> Result<(), BodyFailed> {
        if self.bytes_left > 0 {
            return Err(BodyFailed);
        }
        let digests = self.digests.take().ok_or(BodyFailed)?;
        self.sealed = Some(digests.finish().await.map_err(lost)?);
        Ok(())
    }
}

impl<R: ObjectReader> Body for SourceBody<R> {
    fn declared_len(&self) -> Option<u64> {
        Some(self.len_bytes)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, BodyFailed> {
        if self.sealed.is_some() {
            return Ok(None);
        }
        match self.reader.next().await {
            Ok(Some(bytes)) if bytes.len() as u64 <= self.bytes_left => {
                self.bytes_left -= bytes.len() as u64;
                if let Some(digests) = &mut self.digests {
                    digests.update(&bytes).await.map_err(lost)?;
                }
                Ok(Some(bytes))
            }
            Ok(Some(_)) => Err(BodyFailed),
            Ok(None) => self.finish().await.map(|()| None),
            Err(error) => {
                self.failure = Some(error);
                Err(BodyFailed)
            }
        }
    }

    fn seal(&mut self) -> Seal {
        super::request::seal(self.sealed.as_ref(), self.opaque)
    }
}

/// Nobody knows what the bytes were.
fn lost(error: Lost) -> BodyFailed {
    tracing::error!(%error, "a copy was given up");
    BodyFailed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its pieces one by one, and its end as often as asked.
    struct Pieces(Vec<Result<Bytes, ReadError>>);

    impl ObjectReader for Pieces {
        async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
            if self.0.is_empty() {
                Ok(None)
            } else {
                self.0.remove(0).map(Some)
            }
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn the_end_stays_the_end() {
        let reader = Pieces(vec![Ok(Bytes::from_static(b"hello"))]);
        let mut body = SourceBody::new(reader, 5, &Hashing::default(), ChecksumAlgorithm::Crc32);
        run(async {
            assert_eq!(body.chunk().await, Ok(Some(Bytes::from_static(b"hello"))));
            assert_eq!(body.chunk().await, Ok(None));
            assert_eq!(body.chunk().await, Ok(None));
        });
        assert_eq!(
            body.seal().etag.to_string(),
            "5d41402abc4b2a76b9719d911017c592"
        );
    }

    #[test]
    fn another_length_than_promised_is_no_clean_end() {
        for len in [4, 6] {
            let reader = Pieces(vec![Ok(Bytes::from_static(b"hello"))]);
            let mut body =
                SourceBody::new(reader, len, &Hashing::default(), ChecksumAlgorithm::Crc32);
            let ended = run(async {
                loop {
                    match body.chunk().await {
                        Ok(Some(_)) => {}
                        other => return other,
                    }
                }
            });
            assert_eq!(ended, Err(BodyFailed), "{len}");
        }
    }

    #[test]
    fn why_reading_failed_stays_with_the_body() {
        let damaged = blockhouse_store::StoreError::Damaged {
            what: "here".into(),
        };
        let reader = Pieces(vec![Err(ReadError::Store(damaged.clone()))]);
        let mut body = SourceBody::new(reader, 5, &Hashing::default(), ChecksumAlgorithm::Crc32);
        assert_eq!(run(body.chunk()), Err(BodyFailed));
        assert_eq!(body.failure(), Some(ReadError::Store(damaged)));
    }
}
