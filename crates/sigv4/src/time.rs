//! When a signature counts: within a quarter of an hour of its date in a header, from its date for
//! its life in a link; in a form until its policy expires. The moment judged is the start of the request; a transfer in progress goes on.

use crate::claim::{Claim, Form};
use blockhouse_types::Timestamp;

/// How far a request's date may be from our clock, in seconds, in either direction.
pub const SKEW_SECS_MAX: u64 = 900;

/// Why a signature does not count now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeFault {
    /// A header's date is too far from our clock.
    #[error("the difference between the request time and the current time is too large")]
    Skewed,
    /// A link has ended.
    #[error("the link has expired")]
    Expired {
        /// Its life in seconds.
        expires_secs: u64,
        /// When it ended.
        expired_at: Timestamp,
    },
    /// A link or a form begins too far in the future.
    #[error("the link is not valid yet")]
    NotYetValid,
}

impl Claim<'_> {
    /// When a link ends; `None` for a signature elsewhere.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self.form {
            Form::Header | Form::Post => None,
            Form::Query { expires_secs } => Some(self.signed_at.plus_secs(expires_secs)),
        }
    }

    /// Holds the claim against the clock.
    pub fn check_time(&self, now: Timestamp) -> Result<(), TimeFault> {
        let in_future = self.signed_at > now.plus_secs(SKEW_SECS_MAX);
        match self.form {
            Form::Header if in_future || now > self.signed_at.plus_secs(SKEW_SECS_MAX) => {
                Err(TimeFault::Skewed)
            }
            Form::Query { .. } | Form::Post if in_future => Err(TimeFault::NotYetValid),
            Form::Query { expires_secs } => {
                let expired_at = self.signed_at.plus_secs(expires_secs);
                if now < expired_at {
                    return Ok(());
                }
                Err(TimeFault::Expired {
                    expires_secs,
                    expired_at,
                })
            }
            Form::Header | Form::Post => Ok(()),
        }
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that RFC 9110 section 5.6.7 lets be sent.
pub(crate) fn parse_http_date(text: &str) -> Option<Timestamp> {
    let mut words = text.split(' ');
    let mut word = || words.next();
    let (weekday, day, month, year, time, zone) =
        (word()?, word()?, word()?, word()?, word()?, word()?);
    let month = MONTHS.iter().position(|m| *m == month)? + 1;
    let sound = weekday.len() == 4 && weekday.ends_with(',') && zone == "GMT" && word().is_none();
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *time.as_bytes() else {
        return None;
    };
    let clock: String = [h1, h2, m1, m2, s1, s2].map(char::from).iter().collect();
    let basic = format!("{year}{month:02}{day}T{clock}Z");
    sound.then(|| Timestamp::parse_basic(&basic).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Algorithm;
    use proptest::prelude::*;

    fn claim(form: Form, signed_at: Timestamp) -> Claim<'static> {
        Claim {
            form,
            algorithm: Algorithm::Hmac,
            credential: "".into(),
            signed_headers: "".into(),
            signature: "".into(),
            date: "".into(),
            signed_at,
            token: None,
            region_set: None,
            content_sha256: None,
        }
    }

    #[test]
    fn a_header_counts_a_quarter_of_an_hour_both_ways() {
        let at = Timestamp::from_secs(10_000);
        let check = |now_secs| claim(Form::Header, at).check_time(Timestamp::from_secs(now_secs));
        assert_eq!([9_100, 10_000, 10_900].map(check), [Ok(()); 3]);
        assert_eq!([9_099, 10_901].map(check), [Err(TimeFault::Skewed); 2]);
    }

    #[test]
    fn a_link_counts_for_its_life_and_no_longer() {
        let at = Timestamp::from_secs(10_000);
        let check = |expires_secs, now_secs| {
            claim(Form::Query { expires_secs }, at).check_time(Timestamp::from_secs(now_secs))
        };
        assert_eq!(check(5_000, 9_100), Ok(()));
        assert_eq!(check(5_000, 9_099), Err(TimeFault::NotYetValid));
        assert_eq!(check(5_000, 14_999), Ok(()));
        let expired_at = Timestamp::from_secs(15_000);
        assert_eq!(
            check(5_000, 15_000),
            Err(TimeFault::Expired {
                expires_secs: 5_000,
                expired_at
            })
        );
        assert!(check(0, 10_000).is_err());
    }

    #[test]
    fn http_dates() {
        let read = |text| parse_http_date(text).map(Timestamp::to_basic);
        assert_eq!(
            read("Sun, 06 Nov 1994 08:49:37 GMT").as_deref(),
            Some("19941106T084937Z")
        );
        for odd in [
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn dates_never_panic(text in ".*", parts in "[A-Z][a-z]{2}, .{0,3} (Nov|Dec) .{0,5} .{0,9} GMT") {
            let _ = parse_http_date(&text);
            let _ = parse_http_date(&parts);
        }
    }
}
