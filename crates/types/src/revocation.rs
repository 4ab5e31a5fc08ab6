use crate::{BucketName, LinkId};
use std::fmt;

/// Which links a revocation means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RevokedLinks {
    /// One link, by what it is.
    Link(LinkId),
    /// Those made with a `once` token.
    Once(OnceHash),
    /// Those signed with a key, by its id.
    Key(String),
    /// Those to keys of a bucket that begin so.
    Prefix {
        /// The bucket's name.
        bucket: BucketName,
        /// What the keys begin with; empty for all of them, and for the bucket itself.
        prefix: String,
    },
}

/// SHA-256 of a `once` token. Whoever has the token has the link, so it is never kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OnceHash(pub [u8; 32]);

impl fmt::Debug for OnceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnceHash")
    }
}
