use crate::codec::{Decoder, Encoder};
use crate::{DecodeError, control::TABLE_REVOCATIONS};
use blockhouse_types::{AccountId, BucketName, LinkId, OnceHash, RevokedLinks, Timestamp};

const REVOCATION: &str = "revocation row";
const REVOCATION_VERSION: u8 = 1;

const LINK: u8 = 1;
const ONCE: u8 = 2;
const KEY: u8 = 3;
const PREFIX: u8 = 4;

/// Most bytes of the prefix or key id of a revocation.
pub const PREFIX_BYTES_MAX: usize = 1024;

/// Links that work no more. Whose it is and which links it means is the row's key, so that those of
/// one account lie together, of these the prefixes of one bucket, and these in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationRow {
    /// Whose revocation it is.
    pub owner: AccountId,
    /// Which links it means.
    pub links: RevokedLinks,
    /// Of these, the ones signed until then.
    pub signed_until: Timestamp,
    /// When the row may go.
    pub until: Timestamp,
}

impl RevocationRow {
    /// owner u64 big-endian, kind u8 (1 link, 2 once, 3 key, 4 prefix), then the link's id, the hash,
    /// the key's id, or the bucket's name, a zero and the prefix.
    pub fn key(owner: AccountId, links: &RevokedLinks) -> Vec<u8> {
        let mut key = owner.number().to_be_bytes().to_vec();
        match links {
            RevokedLinks::Link(link) => {
                key.push(LINK);
                key.extend(link.0);
            }
            RevokedLinks::Once(hash) => {
                key.push(ONCE);
                key.extend(hash.0);
            }
            RevokedLinks::Key(id) => {
                key.push(KEY);
                key.extend(id.as_bytes());
            }
            RevokedLinks::Prefix { bucket, prefix } => {
                key.push(PREFIX);
                key.extend(bucket.as_str().as_bytes());
                key.push(0);
                key.extend(prefix.as_bytes());
            }
        }
        key
    }

    /// version u8, signed until u64, until u64.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.u8(REVOCATION_VERSION);
        to.u64(self.signed_until.millis());
        to.u64(self.until.millis());
        to.0
    }

    /// Reads and checks a row by its key and value.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, DecodeError> {
        let (owner, links) = Self::parse_key(key)?;
        let mut from = Decoder::new(REVOCATION, value);
        let version = from.u8("version")?;
        if version != REVOCATION_VERSION {
            return Err(DecodeError::Unknown {
                structure: REVOCATION,
                kind: TABLE_REVOCATIONS,
                version,
            });
        }
        let signed_until = Timestamp::from_millis(from.u64("signed until")?);
        let until = Timestamp::from_millis(from.u64("until")?);
        from.end()?;
        Ok(Self {
            owner,
            links,
            signed_until,
            until,
        })
    }

    /// The inverse of [`Self::key`].
    pub fn parse_key(key: &[u8]) -> Result<(AccountId, RevokedLinks), DecodeError> {
        let mut from = Decoder::new("revocation row key", key);
        let owner = AccountId::from_number(u64::from_be_bytes(from.array("owner")?));
        let owner = from.known(owner, "owner")?;
        let links = match from.u8("kind")? {
            LINK => RevokedLinks::Link(LinkId(from.array("link")?)),
            ONCE => RevokedLinks::Once(OnceHash(from.array("once")?)),
            KEY => {
                let id = std::str::from_utf8(from.raw(from.rest().len(), "key id")?);
                let id = id.map(str::to_owned);
                RevokedLinks::Key(from.parsed(id, "key id")?)
            }
            PREFIX => {
                let text = std::str::from_utf8(from.raw(from.rest().len(), "prefix")?);
                let text = from.parsed(text, "prefix")?;
                let (bucket, prefix) = from.known(text.split_once('\0'), "prefix")?;
                let bucket = from.parsed(BucketName::parse(bucket), "bucket")?;
                from.check(prefix.len() <= PREFIX_BYTES_MAX, "prefix")?;
                let prefix = prefix.to_owned();
                RevokedLinks::Prefix { bucket, prefix }
            }
            _ => return Err(from.field("kind")),
        };
        from.end()?;
        Ok((owner, links))
    }
}
