//! Bodies that are documents: small, collected whole, judged like any other before they are read.

use super::{RequestBody, Stream};
use blockhouse_s3::error::{ErrorKind, S3Error};
use blockhouse_store::Body as _;
use blockhouse_verifier_wire::Verifier;
use bytes::{Bytes, BytesMut};

/// All of a body of at most `max_bytes`, once everything promised about it came true. A longer one
/// is `MaxMessageLengthExceeded`, refused by its declared length where there is one.
pub(crate) async fn collect<B: Stream, V: Verifier>(
    mut body: RequestBody<'_, B, V>,
    max_bytes: usize,
) -> Result<Bytes, S3Error> {
    let fits = |len: u64| len <= max_bytes as u64;
    if body.declared_len().is_some_and(|len| !fits(len)) {
        return Err(ErrorKind::MaxMessageLengthExceeded.into());
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    loop {
        let Ok(piece) = body.chunk().await else {
            return Err(body.refusal());
        };
        let Some(piece) = piece else { break };
        if !fits((first.len() + rest.len() + piece.len()) as u64) {
            return Err(ErrorKind::MaxMessageLengthExceeded.into());
        }
        if first.is_empty() {
            first = piece;
        } else {
            rest.extend_from_slice(&piece);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}
