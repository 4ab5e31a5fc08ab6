//! The body of a request: unframed, digested and judged while it flows.
//!
//! ```text
//!   Inbound ─► Plain ───────────────────────────────┐
//!          ├─► Form: decoder ──────────────────────┤
//!          └─► Chunked: decoder ─► Data ────────────┼─► bytes ─► digests ─► the store
//!                           ├─ ChunkEnd ─► link? ───┤
//!                           └─ Trailer ──► link? ───┴─► end: length, hash, MD5, checksum kept? ─► seal
//! ```

use super::{Hashing, Inbound, Stream, form::FormFile, hashing::BodyHashing};
use crate::verify::Caller;
use blockhouse_digest::Lost;
use blockhouse_s3::{
    checksum::{Digest, Digests, Wants},
    chunked::{Decoder, Event, Mode},
    error::{ErrorKind, S3Error},
    form::Boundary,
    parse::BodyPromise,
    post_policy::LengthRange,
};
use blockhouse_store::{Body, BodyFailed, Seal};
use blockhouse_types::{Checksum, ChecksumAlgorithm, ETag};
use blockhouse_verifier_wire::{ChainId, Link, LinkKind, PayloadMode, Verifier};
use bytes::Bytes;

/// The longest body of one request. Source: Amazon S3 user guide, "Uploading objects": 5 GB in a
/// single PUT, which S3 counts as 5 GiB.
pub(crate) const BODY_BYTES_MAX: u64 = 5 << 30;

/// A request's body on its way into the store.
pub(crate) struct RequestBody<'a, B, V: Verifier> {
    inbound: &'a mut Inbound<B>,
    verifier: &'a V,
    framing: Framing,
    promise: BodyPromise,
    /// The signed SHA-256 of the body.
    payload: Option<[u8; 32]>,
    declared_len: Option<u64>,
    /// How long it may be: what one request may carry, or a form or link allows.
    length: LengthRange,
    bytes_yielded: u64,
    trailer: Option<Checksum>,
    digests: Option<BodyHashing>,
    /// The entity tag, where it is not the MD5.
    opaque: Option<ETag>,
    sealed: Option<Digests>,
    refusal: Option<S3Error>,
}

/// How the bytes are wrapped.
enum Framing {
    /// Not at all.
    Plain,
    /// As aws-chunked.
    Chunked(Box<Chunked>),
    /// As the file of a form.
    Form(Box<FormFile>),
}

/// How a body comes, and how long it may be.
struct Wrapped {
    framing: Framing,
    declared_len: Option<u64>,
    length: LengthRange,
}

/// An aws-chunked body in progress.
struct Chunked {
    decoder: Decoder,
    /// The chain that judges its links, when chunks are signed.
    chain: Option<ChainId>,
    /// The chunk at hand: what it promises to be, and what came of it.
    chunk: Option<(String, Digest)>,
}

/// One step of a body.
enum Step {
    Data(Bytes),
    /// Something that is not data was dealt with.
    Other,
    End,
}

impl<'a, B, V> RequestBody<'a, B, V>
where
    B: Stream,
    V: Verifier,
{
    /// The body behind `inbound`, bound to the caller's signature as the verifier said and to the
    /// head's `promise`, hashed as `hashing` says. The checksum that is kept is the promised one, or
    /// one by `keep`. Refuses at once what cannot come to a clean end: no or too great a length.
    pub(crate) fn open(
        inbound: &'a mut Inbound<B>,
        caller: &'a Caller<'_, V>,
        hashing: &Hashing,
        promise: BodyPromise,
        keep: Option<ChecksumAlgorithm>,
    ) -> Result<Self, S3Error> {
        let (framing, declared_len) = match chunk_mode(caller.payload(), &promise) {
            None => (Framing::Plain, inbound.declared_len()),
            Some(chunks) => {
                let len = promise.decoded_len.ok_or(ErrorKind::MissingContentLength)?;
                let decoder = Decoder::new(chunks, len);
                let chain = caller.chain();
                (
                    Framing::Chunked(Box::new(Chunked {
                        decoder,
                        chain,
                        chunk: None,
                    })),
                    Some(len),
                )
            }
        };
        let bytes_max = promise
            .max_bytes
            .map_or(BODY_BYTES_MAX, |max| max.min(BODY_BYTES_MAX));
        if let Some(len) = declared_len.filter(|len| *len > bytes_max) {
            return Err(too_large(len, bytes_max));
        }
        let wrapped = Wrapped {
            framing,
            declared_len,
            length: LengthRange {
                min: 0,
                max: bytes_max,
            },
        };
        Ok(Self::begin(
            inbound, caller, hashing, promise, keep, wrapped,
        ))
    }

    /// The file of a form, whose fields were read from `inbound`: how long it may be is `length`, and
    /// what its fields say of it is `promise`. How long it is nobody knows before its end.
    pub(crate) fn open_file(
        inbound: &'a mut Inbound<B>,
        caller: &'a Caller<'_, V>,
        hashing: &Hashing,
        promise: BodyPromise,
        keep: Option<ChecksumAlgorithm>,
        (boundary, length): (&Boundary, LengthRange),
    ) -> Self {
        let framing = Framing::Form(Box::new(FormFile::new(inbound, boundary)));
        let wrapped = Wrapped {
            framing,
            declared_len: None,
            length: LengthRange {
                max: length.max.min(BODY_BYTES_MAX),
                ..length
            },
        };
        Self::begin(inbound, caller, hashing, promise, keep, wrapped)
    }

    fn begin(
        inbound: &'a mut Inbound<B>,
        caller: &'a Caller<'_, V>,
        hashing: &Hashing,
        promise: BodyPromise,
        keep: Option<ChecksumAlgorithm>,
        wrapped: Wrapped,
    ) -> Self {
        let payload = match caller.payload() {
            PayloadMode::Sha256(digest) => Some(digest),
            _ => None,
        };
        let checksum = promise.checksum_algorithm().or(keep);
        let opaque = hashing.opaque();
        let wants = Wants {
            md5: opaque.is_none() || promise.content_md5.is_some(),
            sha256: payload.is_some(),
            checksum,
        };
        Self {
            inbound,
            verifier: caller.verifier(),
            framing: wrapped.framing,
            promise,
            payload,
            declared_len: wrapped.declared_len,
            length: wrapped.length,
            bytes_yielded: 0,
            trailer: None,
            digests: Some(hashing.begin(wants, wrapped.declared_len)),
            opaque,
            sealed: None,
            refusal: None,
        }
    }

    /// Why the body failed. One that did not fail, asked all the same, is our mistake.
    pub(crate) fn refusal(self) -> S3Error {
        self.refusal
            .unwrap_or_else(|| ErrorKind::InternalError.into())
    }

    /// Bytes that were given to the store.
    pub(crate) fn bytes_yielded(&self) -> u64 {
        self.bytes_yielded
    }

    /// The checksum that is kept with it; after the clean end.
    pub(crate) fn kept(&self) -> Option<&Checksum> {
        self.sealed.as_ref()?.checksum.as_ref()
    }

    /// The next data, or `None` at the clean end.
    async fn advance(&mut self) -> Result<Option<Bytes>, S3Error> {
        if self.sealed.is_some() {
            return Ok(None);
        }
        loop {
            let step = match &mut self.framing {
                Framing::Plain => plain_step(self.inbound).await?,
                Framing::Form(file) => {
                    let bytes = file.next(self.inbound).await?;
                    bytes.map_or(Step::End, Step::Data)
                }
                Framing::Chunked(chunked) => {
                    chunked
                        .step(self.inbound, self.verifier, &mut self.trailer)
                        .await?
                }
            };
            match step {
                Step::Data(bytes) => return self.take(bytes).await.map(Some),
                Step::Other => {}
                Step::End => return self.finish().await.map(|()| None),
            }
        }
    }

    async fn take(&mut self, bytes: Bytes) -> Result<Bytes, S3Error> {
        self.bytes_yielded += bytes.len() as u64;
        if self.bytes_yielded > self.length.max {
            let proposed = self.proposed_len().unwrap_or(self.bytes_yielded);
            return Err(too_large(proposed, self.length.max));
        }
        if let Some(digests) = &mut self.digests {
            digests.update(&bytes).await.map_err(lost)?;
        }
        Ok(bytes)
    }

    /// How long it says to be, of a file as far as that can be told.
    fn proposed_len(&self) -> Option<u64> {
        match &self.framing {
            Framing::Form(file) => file.proposed_len,
            Framing::Plain | Framing::Chunked(_) => self.declared_len,
        }
    }

    /// The clean end, or the promise that was broken.
    async fn finish(&mut self) -> Result<(), S3Error> {
        if self.bytes_yielded < self.length.min {
            return Err(S3Error::from(ErrorKind::EntityTooSmall)
                .element("ProposedSize", self.bytes_yielded.to_string())
                .element("MinSizeAllowed", self.length.min.to_string()));
        }
        if self
            .declared_len
            .is_some_and(|len| len != self.bytes_yielded)
        {
            return Err(ErrorKind::IncompleteBody.into());
        }
        let digests = self
            .digests
            .take()
            .ok_or(ErrorKind::InternalError)?
            .finish()
            .await
            .map_err(lost)?;
        digests.verify(&self.promise, self.trailer.as_ref(), self.payload.as_ref())?;
        self.sealed = Some(digests);
        Ok(())
    }
}

impl<B, V> Body for RequestBody<'_, B, V>
where
    B: Stream,
    V: Verifier,
{
    fn declared_len(&self) -> Option<u64> {
        self.declared_len
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, BodyFailed> {
        match self.advance().await {
            Ok(bytes) => Ok(bytes),
            Err(error) => {
                self.refusal = Some(error);
                Err(BodyFailed)
            }
        }
    }

    fn seal(&mut self) -> Seal {
        seal(self.sealed.as_ref(), self.opaque)
    }
}

impl Chunked {
    async fn step<B: Stream, V: Verifier>(
        &mut self,
        inbound: &mut Inbound<B>,
        verifier: &V,
        trailer: &mut Option<Checksum>,
    ) -> Result<Step, S3Error> {
        let Some(event) = self.decoder.next()? else {
            let Some(bytes) = received(inbound).await? else {
                self.decoder.finish()?;
                return Ok(Step::End);
            };
            self.decoder.push(bytes);
            return Ok(Step::Other);
        };
        match event {
            Event::ChunkStart { signature, .. } => {
                self.chunk = signature.map(|s| (s, Digest::new(ChecksumAlgorithm::Sha256)));
            }
            Event::Data(bytes) => {
                if let Some((_, digest)) = &mut self.chunk {
                    digest.update(&bytes);
                }
                return Ok(Step::Data(bytes));
            }
            Event::ChunkEnd => {
                if let Some((signature, digest)) = self.chunk.take() {
                    self.judge(verifier, signature, digest, LinkKind::Chunk)
                        .await?;
                }
            }
            Event::Trailer {
                canonical,
                checksum,
                signature,
            } => {
                *trailer = checksum;
                if let Some(signature) = signature {
                    let mut digest = Digest::new(ChecksumAlgorithm::Sha256);
                    digest.update(&canonical);
                    self.judge(verifier, signature, digest, LinkKind::Trailer)
                        .await?;
                }
            }
            // The connection may still bring bytes; the decoder refuses them.
            Event::End => {}
        }
        Ok(Step::Other)
    }

    /// Asks for one link of the chain. Without a chain a signature is not asked for and proves
    /// nothing: the decoder gives signatures in signed modes only.
    async fn judge<V: Verifier>(
        &self,
        verifier: &V,
        signature: String,
        digest: Digest,
        kind: LinkKind,
    ) -> Result<(), S3Error> {
        let chain = self.chain.ok_or(ErrorKind::InternalError)?;
        let digest = <[u8; 32]>::try_from(digest.finish().value())
            .map_err(|_| S3Error::from(ErrorKind::InternalError))?;
        match verifier
            .verify_link(
                chain,
                Link {
                    digest,
                    signature,
                    kind,
                },
            )
            .await
        {
            Ok(true) => Ok(()),
            Ok(false) => Err(ErrorKind::SignatureDoesNotMatch.into()),
            Err(error) => {
                tracing::warn!(%error, "a body was turned away");
                Err(ErrorKind::SlowDown.into())
            }
        }
    }
}

/// The framing of a payload mode; `None` for plain bytes.
fn chunk_mode(mode: PayloadMode, promise: &BodyPromise) -> Option<Mode> {
    let announced = promise
        .checksum
        .as_ref()
        .filter(|promised| promised.value.is_none());
    let checksum = announced.map(|promised| promised.algorithm);
    match mode {
        PayloadMode::Sha256(_) | PayloadMode::Unsigned => None,
        PayloadMode::UnsignedTrailer => Some(Mode {
            signed: false,
            trailer: true,
            checksum,
        }),
        PayloadMode::SignedChunks { trailer } => Some(Mode {
            signed: true,
            trailer,
            checksum,
        }),
    }
}

async fn plain_step<B: Stream>(inbound: &mut Inbound<B>) -> Result<Step, S3Error> {
    Ok(received(inbound).await?.map_or(Step::End, Step::Data))
}

/// The next bytes of the connection.
async fn received<B: Stream>(inbound: &mut Inbound<B>) -> Result<Option<Bytes>, S3Error> {
    inbound
        .next()
        .await
        .map_err(|_| ErrorKind::IncompleteBody.into())
}

/// 500 InternalError: nobody knows what the bytes were.
fn lost(error: Lost) -> S3Error {
    tracing::error!(%error, "a body was turned away");
    ErrorKind::InternalError.into()
}

/// 400 EntityTooLarge. Of a body whose length nobody told, `proposed` is what has come so far.
fn too_large(proposed: u64, bytes_max: u64) -> S3Error {
    S3Error::from(ErrorKind::EntityTooLarge)
        .element("MaxSizeAllowed", bytes_max.to_string())
        .element("ProposedSize", proposed.to_string())
}

/// What a body turned out to be. The contract asks for it after the clean end alone; a store that
/// asks before has broken it, and gets a tag that matches no bytes.
pub(super) fn seal(digests: Option<&Digests>, opaque: Option<ETag>) -> Seal {
    debug_assert!(digests.is_some(), "a seal is asked for after the clean end");
    Seal {
        etag: opaque.unwrap_or_else(|| {
            ETag::of_body(digests.and_then(|digests| digests.md5).unwrap_or_default())
        }),
        checksum: digests.and_then(|digests| digests.checksum.clone()),
    }
}
