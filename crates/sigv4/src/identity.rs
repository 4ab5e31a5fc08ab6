//! What a link is, whatever its signature.

use crate::sink::{HashSink, Sink as _};
use blockhouse_types::LinkId;

/// The identity of a link: made of who signed when for what, and of `digest`, that of
/// the canonical request.
///
/// Its signature is no part of it: SigV4A has many for one request, and whoever holds one can make
/// another of it (s, n - s). Whatever of a request a client may choose freely is not in the
/// canonical request either, so nobody makes two links of one without its key.
pub fn link_id(access_key_id: &str, date: &str, scope: &str, digest: &[u8; 32]) -> LinkId {
    let mut sink = HashSink::new();
    sink.put(b"blockhouse link 1\n");
    // None of them can hold a line break: they stand in the string that is signed.
    for line in [access_key_id, date, scope] {
        sink.put(line.as_bytes());
        sink.put(b"\n");
    }
    sink.put(digest);
    let digest = sink.finish();
    LinkId(std::array::from_fn(|n| digest[n]))
}
