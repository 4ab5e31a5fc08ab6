//! One-time links: that one was used is remembered until nobody can use it any more.
//!
//! ```text
//!   unused ──use_link──► Running ──end_link(Whole)──► Finished
//!      │                  │    ▲
//!      │   end_link(Short)│    │resume_link, within RESUME_SECS, by the token
//!      │                  ▼    │
//!      │                 Short ┘   … also what a crash makes of Running
//!      └──put with a link─────────────────────────────► Finished
//! ```
//!
//! The serial point of the store decides: of many uses exactly one wins, and a use is as durable as
//! any write before anybody is told of it. Once its time is over, by the store's time floor, it may be
//! forgotten: who gives that time makes sure that no request is let through, or still under way, then.

use crate::StoreError;
use blockhouse_types::{AccountId, LinkId, Timestamp};

/// For how many seconds a transfer that ended short may be resumed.
pub const RESUME_SECS: u64 = 60;

/// The order to use up a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkUse {
    /// The link.
    pub link: LinkId,
    /// The account whose link it is.
    pub owner: AccountId,
    /// Until when the use is remembered: the link has expired by then, and whatever began before that
    /// has ended.
    pub expires: Timestamp,
    /// What a resume token must be of; nobody's for a use that ends at once.
    pub resume: ResumeHash,
    /// The caller's clock.
    pub now: Timestamp,
    /// How many used links of the account are remembered; one more is [`LinkError::TooMany`].
    pub links_max: usize,
}

/// SHA-256 of a resume token. The token itself is never kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResumeHash(pub [u8; 32]);

impl std::fmt::Debug for ResumeHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResumeHash")
    }
}

/// A link that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedLink {
    /// The link.
    pub link: LinkId,
    /// The account whose link it is.
    pub owner: AccountId,
    /// When it may be forgotten.
    pub expires: Timestamp,
    /// What became of its use.
    pub state: LinkState,
}

/// What became of a link's use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Its transfer is under way.
    Running,
    /// Its transfer ended short.
    Short {
        /// Until then it may be resumed.
        until: Timestamp,
    },
    /// Its transfer came to its end.
    Finished,
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferEnd {
    /// All of it was handed over.
    Whole,
    /// It broke off.
    Short,
}

/// Why a link was not used or resumed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It was used before, or, when it is to be resumed, that may not be.
    #[error("the link was used")]
    Used,
    /// Its time is over, by the store's time floor.
    #[error("the link's time is over")]
    Expired,
    /// So many used links of the account are remembered already.
    #[error("the account has {max} used links already")]
    TooMany {
        /// The bound.
        max: usize,
    },
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LinkState {
    /// What a restart makes of it: nobody knows how far a transfer came that ran.
    #[must_use]
    pub fn interrupted(self, at: Timestamp) -> Self {
        match self {
            Self::Running => Self::Short {
                until: at.plus_secs(RESUME_SECS),
            },
            ended => ended,
        }
    }

    /// What the end of its transfer makes of it; a transfer that does not run has no end.
    #[must_use]
    pub fn ended(self, end: TransferEnd, at: Timestamp) -> Self {
        match (self, end) {
            (Self::Running, TransferEnd::Whole) => Self::Finished,
            (Self::Running, TransferEnd::Short) => self.interrupted(at),
            (ended, _) => ended,
        }
    }

    /// Whether a transfer may be resumed at that moment.
    pub fn may_resume(self, at: Timestamp) -> bool {
        matches!(self, Self::Short { until } if at <= until)
    }
}
