//! Bodies that are forms: the fields before the file, read before anybody knows who signed, since the
//! signature stands among them; and the file, which flows like any other body.

use super::{BrokenOff, Inbound, Stream};
use blockhouse_s3::{
    error::{ErrorKind, S3Error},
    form::{Boundary, Fields, FieldsDecoder, FileDecoder, FormError},
};
use bytes::Bytes;

/// The fields of the form behind `inbound`, which is left where the file's content begins. How much
/// is read for that is bounded by the decoder.
pub(crate) async fn read_fields<B: Stream>(
    inbound: &mut Inbound<B>,
    boundary: &Boundary,
) -> Result<Fields, S3Error> {
    let mut decoder = FieldsDecoder::new(boundary);
    loop {
        let bytes = match inbound.next().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(FormError::Malformed.into()),
            Err(BrokenOff) => return Err(ErrorKind::IncompleteBody.into()),
        };
        if let Some(before) = decoder.push(&bytes)? {
            inbound.put_back(before.rest);
            return Ok(before.fields);
        }
    }
}

/// The file of a form in progress.
pub(super) struct FormFile {
    decoder: FileDecoder,
    /// How long the file will be if nothing follows it, as far as HTTP tells.
    pub(super) proposed_len: Option<u64>,
}

impl FormFile {
    /// The file that begins at `inbound`.
    pub(super) fn new<B: Stream>(inbound: &Inbound<B>, boundary: &Boundary) -> Self {
        let left = inbound.bytes_left();
        Self {
            decoder: FileDecoder::new(boundary),
            proposed_len: left.map(|left| left.saturating_sub(boundary.closing_len())),
        }
    }

    /// The next bytes; `None` when the form ended as it should.
    pub(super) async fn next<B: Stream>(
        &mut self,
        inbound: &mut Inbound<B>,
    ) -> Result<Option<Bytes>, S3Error> {
        loop {
            if let Some(bytes) = self.decoder.next()? {
                return Ok(Some(bytes));
            }
            match inbound.next().await {
                Ok(Some(bytes)) => self.decoder.push(bytes),
                Ok(None) => return Ok(self.decoder.finish().map(|()| None)?),
                Err(BrokenOff) => return Err(ErrorKind::IncompleteBody.into()),
            }
        }
    }
}
