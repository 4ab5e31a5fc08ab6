use crate::codec::{Decoder, Encoder};
use crate::{DecodeError, control::TABLE_LINKS};
use blockhouse_types::{AccountId, LinkId, Timestamp};

const LINK: &str = "link row";
const LINK_VERSION: u8 = 1;

/// A one-time link that was used. Its key in the table is its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// The account whose link it is.
    pub owner: AccountId,
    /// When it expires; then the row may go.
    pub expires: Timestamp,
    /// SHA-256 of the token that resumes its transfer.
    pub resume: [u8; 32],
    /// What became of its use.
    pub state: LinkRowState,
}

/// What became of a link's use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRowState {
    /// Its transfer runs, or did when the power went.
    Running,
    /// Its transfer ended short, and may be resumed until then.
    Short(Timestamp),
    /// Its transfer came to its end.
    Finished,
}

impl LinkRow {
    /// version u8, owner u64, expires u64, resume 32, state u8 (0 running, 1 short, 2 finished),
    /// until u64 if it is short.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.u8(LINK_VERSION);
        to.u64(self.owner.number());
        to.u64(self.expires.millis());
        to.raw(&self.resume);
        match self.state {
            LinkRowState::Running => to.u8(0),
            LinkRowState::Short(until) => {
                to.u8(1);
                to.u64(until.millis());
            }
            LinkRowState::Finished => to.u8(2),
        }
        to.0
    }

    /// Reads and checks a row.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(LINK, bytes);
        let version = from.u8("version")?;
        if version != LINK_VERSION {
            return Err(DecodeError::Unknown {
                structure: LINK,
                kind: TABLE_LINKS,
                version,
            });
        }
        let owner = AccountId::from_number(from.u64("owner")?);
        let owner = from.known(owner, "owner")?;
        let expires = Timestamp::from_millis(from.u64("expires")?);
        let resume = from.array("resume")?;
        let state = match from.u8("state")? {
            0 => LinkRowState::Running,
            1 => LinkRowState::Short(Timestamp::from_millis(from.u64("until")?)),
            2 => LinkRowState::Finished,
            _ => return Err(from.field("state")),
        };
        from.end()?;
        Ok(Self {
            owner,
            expires,
            resume,
            state,
        })
    }

    /// The key of a link's row.
    pub fn key(link: LinkId) -> Vec<u8> {
        link.0.to_vec()
    }

    /// The inverse of [`Self::key`].
    pub fn parse_key(key: &[u8]) -> Result<LinkId, DecodeError> {
        let mut from = Decoder::new("link row key", key);
        let link = LinkId(from.array("id")?);
        from.end()?;
        Ok(link)
    }
}
