//! The one-time links that were used, as requests and the log writer look at them.
//!
//! A row is remembered until its link has expired by the time floor. A few that have go with every use of
//! another link and with every tick.

use crate::expiring::{Expiring, ExpiringRows};
use blockhouse_format::{
    DecodeError,
    control::{LinkRow, LinkRowState, TABLE_LINKS},
    record::Control,
};
use blockhouse_store::{LinkState, LinkUse, ResumeHash, UsedLink};
use blockhouse_types::{AccountId, LinkId, Timestamp};

/// Rows that one use of another link removes at most: more than it adds.
pub(crate) const PURGED_BY_USE_MAX: usize = 2;

/// Rows that a tick removes at most.
pub(crate) const PURGED_BY_TICK_MAX: usize = 32;

/// Rows of interrupted transfers that are logged together at most.
pub(crate) const INTERRUPTED_TOGETHER_MAX: usize = 32;

/// What one of these rows, or its removal, may take in a frame, in bytes.
pub(crate) const LINK_RECORD_BYTES: usize = 192;

/// A link, and what its resume token must be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) used: UsedLink,
    pub(crate) resume: ResumeHash,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(ExpiringRows<LinkId, Row>);

impl Expiring for Row {
    fn owner(&self) -> AccountId {
        self.used.owner
    }

    fn ends(&self) -> Timestamp {
        self.used.expires
    }
}

impl Row {
    pub(crate) fn of(usage: &LinkUse, state: LinkState) -> Self {
        let &LinkUse {
            link,
            owner,
            expires,
            resume,
            ..
        } = usage;
        Self {
            used: UsedLink {
                link,
                owner,
                expires,
                state,
            },
            resume,
        }
    }

    pub(crate) fn with(mut self, state: LinkState) -> Self {
        self.used.state = state;
        self
    }

    /// The change that makes the row what it is here.
    pub(crate) fn set(&self) -> Control {
        let UsedLink {
            link,
            owner,
            expires,
            state,
        } = self.used;
        let row = LinkRow {
            owner,
            expires,
            resume: self.resume.0,
            state: match state {
                LinkState::Running => LinkRowState::Running,
                LinkState::Short { until } => LinkRowState::Short(until),
                LinkState::Finished => LinkRowState::Finished,
            },
        };
        Control {
            table: TABLE_LINKS,
            key: LinkRow::key(link),
            value: Some(row.encode()),
        }
    }

    fn read(link: LinkId, value: &[u8]) -> Result<Self, DecodeError> {
        let row = LinkRow::decode(value)?;
        Ok(Self {
            used: UsedLink {
                link,
                owner: row.owner,
                expires: row.expires,
                state: match row.state {
                    LinkRowState::Running => LinkState::Running,
                    LinkRowState::Short(until) => LinkState::Short { until },
                    LinkRowState::Finished => LinkState::Finished,
                },
            },
            resume: ResumeHash(row.resume),
        })
    }
}

/// The change that removes a link's row.
pub(crate) fn remove(link: LinkId) -> Control {
    Control {
        table: TABLE_LINKS,
        key: LinkRow::key(link),
        value: None,
    }
}

impl Ledger {
    /// A link that was used and has not expired at that moment.
    pub(crate) fn find(&self, link: LinkId, at: Timestamp) -> Option<&Row> {
        self.0.find(&link, at)
    }

    /// All of them that have not expired.
    pub(crate) fn unexpired(&self, at: Timestamp) -> impl Iterator<Item = &UsedLink> {
        self.0.unended(at).map(|row| &row.used)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.0.all().values()
    }

    /// Those that have expired, the oldest first.
    pub(crate) fn expired(&self, at: Timestamp) -> impl Iterator<Item = LinkId> {
        self.0.ended(at).copied()
    }

    /// Whether the account has so many that have not expired.
    pub(crate) fn has(&self, owner: AccountId, count: usize, at: Timestamp) -> bool {
        self.0.has(owner, count, at)
    }

    /// Takes a change of a row.
    pub(crate) fn apply(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), DecodeError> {
        let link = LinkRow::parse_key(key)?;
        let row = value.map(|value| Row::read(link, value)).transpose()?;
        self.0.apply(link, row);
        Ok(())
    }

    /// What a restart at that moment makes of transfers that ran; gives the rows that it changed.
    /// They are to be logged before anything else: then another restart finds them ended, and does
    /// not give them their time again.
    pub(crate) fn interrupt(&mut self, at: Timestamp) -> Vec<Row> {
        let running = self.0.values_mut();
        let running = running.filter(|row| row.used.state == LinkState::Running);
        running
            .map(|row| {
                row.used.state = row.used.state.interrupted(at);
                *row
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(number: u64) -> AccountId {
        AccountId::from_number(number).unwrap()
    }

    fn row(number: u8, of: u64, expires_secs: u64) -> Row {
        let usage = LinkUse {
            link: LinkId([number; 16]),
            owner: owner(of),
            expires: Timestamp::from_secs(expires_secs),
            resume: ResumeHash([number; 32]),
            now: Timestamp::default(),
            links_max: 1,
        };
        Row::of(&usage, LinkState::Running)
    }

    fn apply(ledger: &mut Ledger, change: &Control) {
        ledger.apply(&change.key, change.value.as_deref()).unwrap();
    }

    #[test]
    fn a_row_is_there_until_it_expires_or_goes() {
        let mut ledger = Ledger::default();
        for (number, of, expires) in [(1, 1, 10), (2, 1, 20), (3, 2, 10), (1, 1, 15)] {
            apply(&mut ledger, &row(number, of, expires).set());
        }
        let at = Timestamp::from_secs;
        assert_eq!(ledger.find(LinkId([1; 16]), at(14)), Some(&row(1, 1, 15)));
        assert_eq!(ledger.find(LinkId([1; 16]), at(15)), None);
        assert_eq!(
            ledger.expired(at(15)).collect::<Vec<_>>(),
            [LinkId([3; 16]), LinkId([1; 16])]
        );
        assert!(ledger.has(owner(1), 2, at(14)) && !ledger.has(owner(1), 3, at(0)));
        assert!(!ledger.has(owner(1), 2, at(15)) && ledger.has(owner(1), 1, at(15)));
        assert!(ledger.has(owner(3), 0, at(0)) && !ledger.has(owner(3), 1, at(0)));
        for number in [1, 2, 3] {
            apply(&mut ledger, &remove(LinkId([number; 16])));
        }
        assert!(ledger.0.is_bare());
    }

    #[test]
    fn a_restart_ends_what_ran() {
        let mut ledger = Ledger::default();
        apply(&mut ledger, &row(1, 1, 900).set());
        apply(&mut ledger, &row(2, 1, 900).with(LinkState::Finished).set());
        let changed = ledger.interrupt(Timestamp::from_secs(5));
        assert_eq!(changed, [ledger.0.all()[&LinkId([1; 16])]]);
        let state = |number| ledger.0.all()[&LinkId([number; 16])].used.state;
        let until = Timestamp::from_secs(65);
        assert_eq!(
            (state(1), state(2)),
            (LinkState::Short { until }, LinkState::Finished)
        );
    }
}
