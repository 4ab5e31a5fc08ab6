//! What a link is, whatever its signature.

use blockhouse_types::LinkId;

/// The identity of a link: the first half of `digest`, that of its canonical request.
///
/// All that makes it this link stands in there: whose key signed it, when, by which algorithm, for how
/// long and for what, as every parameter of a link but its signature is signed. The signature is no
/// part of it: SigV4A has many for one request, and whoever holds one can make another of it
/// (s, n - s). Whatever of a request a client may choose freely is not in the canonical request either,
/// so nobody makes two links of one without its key. An identity opens nothing: the audit shows it.
pub fn link_id(digest: &[u8; 32]) -> LinkId {
    LinkId(std::array::from_fn(|n| digest[n]))
}
