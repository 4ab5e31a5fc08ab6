//! Waiting without sleeping, for as long as that lately paid or would have: to wake a thread costs more
//! than judging twenty requests.

use std::time::Duration;

/// The longest that a side looks for what comes without sleeping: what it takes to wake a thread on
/// another core, for it to take 64 messages and answer, with room for a machine that is virtual.
const MAX: Duration = Duration::from_micros(200);

/// What a side that has looked in vain begins again with.
const LEAST: Duration = Duration::from_micros(10);

/// How long it lately would have paid to look for what comes without sleeping.
#[derive(Debug, Default)]
pub struct Spin {
    length: Duration,
}

impl Spin {
    /// How long to look before sleeping.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// It was too short: something came `waited` after the looking began. Where a longer one would have
    /// met it, the next is longer; where none would have, shorter, down to none at all.
    pub fn was_in_vain(&mut self, waited: Duration) {
        self.length = match waited < MAX {
            true => (self.length * 2).clamp(LEAST, MAX),
            false if self.length > LEAST => self.length / 2,
            false => Duration::ZERO,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_where_it_would_have_paid_and_ends_where_it_would_not() {
        let mut spin = Spin::default();
        for _ in 0..10 {
            spin.was_in_vain(MAX / 2);
        }
        assert_eq!(spin.length(), MAX);
        for _ in 0..10 {
            spin.was_in_vain(MAX);
        }
        assert_eq!(spin.length(), Duration::ZERO);
    }
}
