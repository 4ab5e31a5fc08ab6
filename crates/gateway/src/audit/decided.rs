//! What policies said of a request, as its record keeps it.
//!
//! An allowed request keeps which statements allowed it, as references: the policies are there anyway, and
//! it costs the request a count for each. The audit's thread spells them out. A denied one keeps the whole
//! explanation, made at once, of what was decided then: policies change, and so does what they are asked.
//! Explaining costs much more than deciding, so that there is a bound on how often it is done.

use blockhouse_policy::{Explanation, Layer, Policy};
use blockhouse_types::Timestamp;
use serde::{Serialize, Serializer};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Denials that are explained in one second. Of one more it is kept which check and statement it was.
pub(super) const EXPLAINED_PER_SEC_MAX: u64 = 200;

/// What policies said.
#[derive(Debug, Clone)]
pub enum Decided {
    /// Yes.
    Allowed(Permission),
    /// No; [`Explanation::for_record`].
    Denied(Box<Explanation>),
}

/// What allowed a request the first thing that it needs.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Permission {
    /// The caller is the root of its account.
    pub root: bool,
    /// The statements.
    #[serde(serialize_with = "those_there")]
    pub statements: [Option<Ground>; 3],
}

/// A statement that allowed something.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Which of the policies.
    pub layer: Layer,
    /// The policy.
    pub policy: Arc<Policy>,
    /// Which statement, counted from zero.
    pub statement: u32,
}

fn those_there<S: Serializer>(those: &[Option<Ground>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(those.iter().flatten())
}

impl Serialize for Ground {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            layer: Layer,
            kind: &'static str,
            policy: &'a str,
            fingerprint: &'a str,
            statement: u32,
            sid: Option<&'a str>,
        }
        let shown = Shown {
            layer: self.layer,
            kind: self.policy.kind().as_str(),
            policy: self.policy.id(),
            fingerprint: self.policy.fingerprint(),
            statement: self.statement,
            sid: self.policy.sid(self.statement as usize),
        };
        shown.serialize(to)
    }
}

/// How many more denials may be explained: a second, and how many were in it.
#[derive(Debug, Default)]
pub(super) struct Allowance(AtomicU64);

impl Allowance {
    /// Takes one, if there is one left in this second.
    pub(super) fn take(&self, now: Timestamp) -> bool {
        let second = (now.millis() / 1000) << 16;
        let take = |taken: u64| match taken >> 16 == second >> 16 {
            true => (taken & 0xffff < EXPLAINED_PER_SEC_MAX).then_some(taken + 1),
            false => Some(second | 1),
        };
        self.0.fetch_update(Relaxed, Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_a_second() {
        let allowance = Allowance::default();
        for second in [5, 6, 7] {
            let now = Timestamp::from_millis(second * 1000 + 999);
            let taken = (0..1000).filter(|_| allowance.take(now)).count();
            assert_eq!(taken as u64, EXPLAINED_PER_SEC_MAX);
        }
    }
}
